/* What a row of the table must be for the code that reads it. */
#include "pkcs11/mechanism.h"

#include "tests/support/suite.h"

#include <string.h>

static size_t count_rows(void)
{
    size_t count = 0;
    while (ch_mechanism_at(count) != NULL)
        count++;
    return count;
}

START_TEST(test_every_row_is_found_by_its_name_and_no_name_is_twice)
{
    ck_assert_uint_ge(count_rows(), 8);
    for (size_t i = 0; i < count_rows(); i++)
        ck_assert_ptr_eq(ch_mechanism_find(ch_slice_of(ch_mechanism_at(i)->name)), ch_mechanism_at(i));
}
END_TEST

static const ch_slice unknown[] = {
    CH_LITERAL(""),          CH_LITERAL("hmac"),          CH_LITERAL("HMAC-SHA256"), CH_LITERAL("hmac-sha256 "),
    CH_LITERAL("hmac-sha1"), CH_LITERAL("hmac-sha256\0"), CH_LITERAL("rsa-sha1"),    CH_LITERAL("none"),
};

START_TEST(test_another_name_finds_nothing)
{
    ck_assert_ptr_null(ch_mechanism_find(unknown[_i]));
}
END_TEST

START_TEST(test_nothing_is_past_the_end)
{
    ck_assert_ptr_null(ch_mechanism_at(count_rows()));
    ck_assert_ptr_null(ch_mechanism_at(SIZE_MAX));
}
END_TEST

START_TEST(test_rows_are_whole)
{
    for (size_t i = 0; i < count_rows(); i++) {
        const ch_mechanism *row = ch_mechanism_at(i);
        bool is_secret = row->key_class == CKO_SECRET_KEY;
        ck_assert_msg(is_secret || row->key_class == CKO_PRIVATE_KEY, "%s", row->name);
        ck_assert_msg(row->signature_size_bytes > 0 && row->signature_size_bytes <= 512, "%s", row->name);
        ck_assert_msg(is_secret == (row->hash_size_bytes > 0), "%s", row->name);
        ck_assert_msg(row->block_size_bytes >= row->hash_size_bytes, "%s", row->name);
        ck_assert_msg((row->ec_params == NULL) == (row->ec_params_size == 0), "%s", row->name);
        ck_assert_msg((row->curve != NULL) == (row->key_type == CKK_EC), "%s", row->name);
        ck_assert_msg(!row->is_hashed_by_agent || strcmp(row->hash, "sha256") == 0, "%s", row->name);
    }
}
END_TEST

CH_TESTS("mechanism", CH_TEST(test_every_row_is_found_by_its_name_and_no_name_is_twice),
         CH_TEST_ROWS(test_another_name_finds_nothing, unknown), CH_TEST(test_nothing_is_past_the_end),
         CH_TEST(test_rows_are_whole))
