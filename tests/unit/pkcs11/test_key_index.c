/* An index finds what a search of the token would. */
#include "pkcs11/key_index.h"

#include "pkcs11/key.h"
#include "tests/support/softhsm.h"
#include "tests/support/suite.h"

#include <string.h>

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static const CK_OBJECT_CLASS classes[] = {CKO_SECRET_KEY, CKO_PRIVATE_KEY};
static ch_error err;
static ch_token *token;
static ch_session session;

static void set_up(void)
{
    err = (ch_error)CH_ERROR_INIT;
    softhsm_set_up();
    token = softhsm_open(&session);
}

static void tear_down(void)
{
    ch_session_close(&session);
    ch_token_close(token);
    softhsm_tear_down();
}

static const ch_mechanism *mechanism(const char *name)
{
    return ch_mechanism_find(ch_slice_of(name));
}

static void make(const char *label, const char *name)
{
    MUST(ch_key_generate(&session, label, mechanism(name), 0, &err));
}

static CK_OBJECT_HANDLE find(const char *uri, const char *name)
{
    ch_key_object key;
    MUST(ch_key_find(&session, uri, mechanism(name), &key, &err));
    return key.handle;
}

static void set(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
    CK_ATTRIBUTE attribute = {type, (void *)(uintptr_t)value, size};
    ck_assert_uint_eq(ch_token_functions(token)->C_SetAttributeValue(session.handle, object, &attribute, 1), CKR_OK);
}

static ch_key_index *make_index(uint64_t worth_ns, const ch_key_index_watcher *watcher)
{
    ch_key_index *index = NULL;
    MUST(ch_key_index_make(&session, classes, CH_ROWS(classes), worth_ns, watcher, &index, &err));
    return index;
}

static void check_same(const ch_key_index *index, const char *uri, const char *name)
{
    ch_error searched = CH_ERROR_INIT;
    ch_error looked_up = CH_ERROR_INIT;
    ch_key_object by_search = {.handle = CK_INVALID_HANDLE};
    ch_key_object by_index = {.handle = CK_INVALID_HANDLE};
    ch_status st = ch_key_find(&session, uri, mechanism(name), &by_search, &searched);
    ck_assert_msg(ch_key_find_in(&session, index, uri, mechanism(name), &by_index, &looked_up) == st, "%s: %s", uri,
                  looked_up.message);
    ck_assert_str_eq(searched.message, looked_up.message);
    ck_assert_uint_eq(by_search.handle, by_index.handle);
}

/* clang-format off */
static const struct {
    const char *uri;
    const char *mechanism;
} asked[] = {
    { "pkcs11:object=a",                "hmac-sha256" },
    { "pkcs11:object=a",                "ed25519" },
    { "pkcs11:object=b",                "ed25519" },
    { "pkcs11:object=b",                "hmac-sha256" },
    { "pkcs11:object=none",             "hmac-sha256" },
    { "pkcs11:id=%01%02",               "hmac-sha256" },
    { "pkcs11:object=a;id=%01%02",      "hmac-sha256" },
    { "pkcs11:object=b;id=%01%02",      "hmac-sha256" },
    { "pkcs11:object=a;id=%01",         "hmac-sha256" },
    { "pkcs11:id=%ff",                  "hmac-sha256" },
};
/* clang-format on */

START_TEST(test_an_index_finds_what_a_search_finds)
{
    char lengthy[600];
    const ch_key_index_watcher nobody = {0};
    memset(lengthy, 'l', sizeof lengthy);
    make("a", "hmac-sha256");
    make("b", "ed25519");
    make("long", "hmac-sha256");
    set(find("pkcs11:object=a", "hmac-sha256"), CKA_ID, "\1\2", 2);
    set(find("pkcs11:object=long", "hmac-sha256"), CKA_LABEL, lengthy, sizeof lengthy);
    ch_key_index *index = make_index(UINT64_MAX, &nobody);
    for (size_t i = 0; i < CH_ROWS(asked); i++)
        check_same(index, asked[i].uri, asked[i].mechanism);
    ch_autobuffer uri = CH_BUFFER_INIT;
    ch_buffer_add_format(&uri, "pkcs11:object=%.*s", (int)sizeof lengthy, lengthy);
    check_same(index, ch_buffer_text(&uri), "hmac-sha256");
    ch_key_index_free(index);
}
END_TEST

START_TEST(test_two_keys_of_one_name_are_a_conflict_by_index_too)
{
    const ch_key_index_watcher nobody = {0};
    make("a", "hmac-sha256");
    make("b", "hmac-sha256");
    set(find("pkcs11:object=b", "hmac-sha256"), CKA_LABEL, "a", 1);
    ch_key_index *index = make_index(UINT64_MAX, &nobody);
    check_same(index, "pkcs11:object=a", "hmac-sha256");
    ch_key_index_free(index);
}
END_TEST

START_TEST(test_a_token_without_keys_has_an_empty_index)
{
    const ch_key_index_watcher nobody = {0};
    ch_key_index *index = make_index(0, &nobody);
    ck_assert_ptr_nonnull(index);
    check_same(index, "pkcs11:object=a", "hmac-sha256");
    ch_key_index_free(index);
}
END_TEST

START_TEST(test_an_index_that_is_not_worth_its_time_is_not_made)
{
    const ch_key_index_watcher nobody = {0};
    make("a", "hmac-sha256");
    ck_assert_ptr_null(make_index(0, &nobody));
    ch_key_index_free(NULL);
}
END_TEST

static size_t told;

static void on_told(void *context, size_t done, size_t total)
{
    ck_assert_ptr_eq(context, &told);
    ck_assert_uint_eq(done, ++told);
    ck_assert_uint_eq(total, 2);
}

START_TEST(test_each_object_is_told)
{
    const ch_key_index_watcher watcher = {&told, on_told};
    make("a", "hmac-sha256");
    make("b", "ed25519");
    ch_key_index *index = make_index(UINT64_MAX, &watcher);
    ck_assert_uint_eq(told, 2);
    ch_key_index_free(index);
}
END_TEST

CH_TESTS_WITH("key_index", set_up, tear_down, CH_TEST(test_an_index_finds_what_a_search_finds),
              CH_TEST(test_two_keys_of_one_name_are_a_conflict_by_index_too),
              CH_TEST(test_a_token_without_keys_has_an_empty_index),
              CH_TEST(test_an_index_that_is_not_worth_its_time_is_not_made), CH_TEST(test_each_object_is_told))
