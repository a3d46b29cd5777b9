/* What a token signs is checked with the key's public half, wherever that is shown. */
#include "pkcs11/proof.h"

#include "pkcs11/attributes.h"
#include "tests/support/softhsm.h"
#include "tests/support/suite.h"

#include <string.h>

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

#define LONG_NS 1000000000ULL /* of a signature beside which a check costs nothing */
#define SHORT_NS 1

static const ch_slice message = CH_LITERAL("nonce=1&pair=XBTUSD");
static const char *const pairs[] = {"rsa-sha256", "rsa-sha512", "ed25519", "p256-sha256", "secp256k1-sha256"};

static ch_error err;
static ch_token *token;
static ch_session session;
static ch_key_object key;
static ch_proof proof;
static uint8_t signature[512];
static size_t size;

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

static void begin(void)
{
    MUST(ch_key_find(&session, "pkcs11:object=k", key.mechanism, &key, &err));
    MUST(ch_proof_begin(&proof, &session, NULL, &key, &err));
}

static void make_key(const char *name)
{
    key.mechanism = ch_mechanism_find(ch_slice_of(name));
    MUST(ch_key_generate(&session, "k", key.mechanism, 0, &err));
    begin();
    MUST(ch_key_sign(&session, &key, message, signature, sizeof signature, &size, &err));
}

static ch_status check(uint64_t spent_ns)
{
    return ch_proof_check(&proof, &key, message, (ch_slice){signature, size}, spent_ns, &err);
}

/* How many wrong signatures pass before one is noticed. */
static size_t count_passed(uint64_t spent_ns)
{
    size_t passed = 0;
    signature[size / 2] ^= 1;
    while (check(spent_ns) == CH_OK)
        passed++;
    signature[size / 2] ^= 1;
    ck_assert_str_eq(err.rule, "CKR_SIGNATURE_INVALID");
    return passed;
}

static CK_OBJECT_HANDLE find_public(void)
{
    static const CK_OBJECT_CLASS public_class = CKO_PUBLIC_KEY;
    ch_attributes wanted = {.count = 0};
    CK_OBJECT_HANDLE found = CK_INVALID_HANDLE;
    size_t count = 0;
    ch_attributes_add_ulong(&wanted, CKA_CLASS, &public_class);
    MUST(ch_objects_find(&session, &wanted, &found, 1, &count, &err));
    ck_assert_uint_eq(count, 1);
    return found;
}

START_TEST(test_a_right_signature_passes_and_a_wrong_one_does_not)
{
    make_key(pairs[_i]);
    ck_assert_ptr_nonnull(proof.public_half);
    MUST(check(LONG_NS));
    ck_assert_uint_eq(count_passed(LONG_NS), 0);
    memset(signature, 0xaa, size);
    ck_assert_int_eq(check(LONG_NS), CH_TOKEN);
    memset(signature, 0, size);
    ck_assert_int_eq(check(LONG_NS), CH_TOKEN);
}
END_TEST

START_TEST(test_a_signature_of_another_text_is_wrong)
{
    make_key(pairs[_i]);
    ck_assert_int_eq(ch_proof_check(&proof, &key, CH_LITERAL("nonce=2"), (ch_slice){signature, size}, LONG_NS, &err),
                     CH_TOKEN);
    ck_assert_str_eq(err.rule, "CKR_SIGNATURE_INVALID");
}
END_TEST

START_TEST(test_quick_signatures_are_checked_now_and_then)
{
    make_key("p256-sha256");
    MUST(check(SHORT_NS));
    ck_assert_uint_eq(count_passed(SHORT_NS), 100);
    ck_assert_uint_eq(count_passed(SHORT_NS), 0); /* and until one is right, all of them */
}
END_TEST

START_TEST(test_rsa_is_always_checked)
{
    make_key("rsa-sha256");
    MUST(check(SHORT_NS));
    ck_assert_uint_eq(count_passed(SHORT_NS), 0);
}
END_TEST

START_TEST(test_the_first_after_each_search_is_checked)
{
    make_key("p256-sha256");
    MUST(check(SHORT_NS));
    begin();
    ck_assert_uint_eq(count_passed(SHORT_NS), 0);
}
END_TEST

START_TEST(test_an_rsa_key_shows_its_public_half_itself)
{
    make_key("rsa-sha256");
    ck_assert_uint_eq(ch_token_functions(token)->C_DestroyObject(session.handle, find_public()), CKR_OK);
    begin();
    ck_assert_ptr_nonnull(proof.public_half);
    MUST(check(LONG_NS));
}
END_TEST

START_TEST(test_without_a_public_half_nothing_is_checked)
{
    make_key("ed25519");
    ck_assert_uint_eq(ch_token_functions(token)->C_DestroyObject(session.handle, find_public()), CKR_OK);
    begin();
    ck_assert_ptr_null(proof.public_half);
    signature[0] ^= 1;
    MUST(check(LONG_NS));
}
END_TEST

START_TEST(test_an_hmac_key_has_none)
{
    make_key("hmac-sha256");
    ck_assert_ptr_null(proof.public_half);
    MUST(check(LONG_NS));
}
END_TEST

/* Keys without an id are named by their labels, and so are their public halves. */
START_TEST(test_a_public_half_is_found_by_label_if_there_is_no_id)
{
    CK_ATTRIBUTE none = {CKA_ID, NULL, 0};
    make_key("p256-sha256");
    CK_FUNCTION_LIST *functions = ch_token_functions(token);
    ck_assert_uint_eq(functions->C_SetAttributeValue(session.handle, find_public(), &none, 1), CKR_OK);
    ck_assert_uint_eq(functions->C_SetAttributeValue(session.handle, key.handle, &none, 1), CKR_OK);
    begin();
    ck_assert_ptr_nonnull(proof.public_half);
    MUST(check(LONG_NS));
}
END_TEST

START_TEST(test_a_public_half_of_another_kind_is_none)
{
    CK_ATTRIBUTE id = {CKA_ID, signature, sizeof signature};
    make_key("p256-sha256");
    CK_FUNCTION_LIST *functions = ch_token_functions(token);
    CK_OBJECT_HANDLE half = find_public();
    ck_assert_uint_eq(functions->C_GetAttributeValue(session.handle, half, &id, 1), CKR_OK);
    ck_assert_uint_eq(functions->C_DestroyObject(session.handle, half), CKR_OK);
    MUST(ch_key_generate(&session, "other", ch_mechanism_find(CH_LITERAL("ed25519")), 0, &err));
    ck_assert_uint_eq(functions->C_SetAttributeValue(session.handle, find_public(), &id, 1), CKR_OK);
    begin();
    ck_assert_ptr_null(proof.public_half);
}
END_TEST

CH_TESTS_WITH("proof", set_up, tear_down, CH_TEST_ROWS(test_a_right_signature_passes_and_a_wrong_one_does_not, pairs),
              CH_TEST_ROWS(test_a_signature_of_another_text_is_wrong, pairs),
              CH_TEST(test_quick_signatures_are_checked_now_and_then), CH_TEST(test_rsa_is_always_checked),
              CH_TEST(test_the_first_after_each_search_is_checked),
              CH_TEST(test_an_rsa_key_shows_its_public_half_itself),
              CH_TEST(test_without_a_public_half_nothing_is_checked), CH_TEST(test_an_hmac_key_has_none),
              CH_TEST(test_a_public_half_is_found_by_label_if_there_is_no_id),
              CH_TEST(test_a_public_half_of_another_kind_is_none))
