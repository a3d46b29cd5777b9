/* A key is known again, and another one under its name is not taken for it. */
#include "pkcs11/print.h"

#include "pkcs11/proof.h"
#include "tests/support/softhsm.h"
#include "tests/support/suite.h"

#include <string.h>

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)
#define URI "pkcs11:object=k"

static const char *const names[] = {"hmac-sha256", "hmac-sha512", "rsa-sha256", "ed25519", "p256-sha256"};

static ch_error err;
static ch_token *token;
static ch_session session;
static ch_key_object key;
static ch_proof proof;

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

static ch_key_print find_print(const char *name)
{
    uint8_t mac[512];
    size_t size = 0;
    MUST(ch_key_find(&session, URI, mechanism(name), &key, &err));
    MUST(ch_proof_begin(&proof, &session, NULL, &key, &err));
    if (key.mechanism->key_class == CKO_PRIVATE_KEY)
        return ch_key_print_of_public(proof.public_half);
    MUST(ch_key_sign(&session, &key, ch_key_print_text(), mac, sizeof mac, &size, &err));
    return ch_key_print_of_mac((ch_slice){mac, size});
}

START_TEST(test_a_key_is_known_again_and_another_is_not)
{
    MUST(ch_key_generate(&session, "k", mechanism(names[_i]), 0, &err));
    ch_key_print first = find_print(names[_i]);
    ch_key_print again = find_print(names[_i]);
    ck_assert_uint_eq(first.size, CH_KEY_PRINT_SIZE);
    ck_assert_mem_eq(first.bytes, again.bytes, CH_KEY_PRINT_SIZE);
    MUST(ch_key_delete(&session, URI, &err));
    MUST(ch_key_generate(&session, "k", mechanism(names[_i]), 0, &err));
    ch_key_print other = find_print(names[_i]);
    ck_assert_mem_ne(first.bytes, other.bytes, CH_KEY_PRINT_SIZE);
}
END_TEST

/* From Python: sha256(hmac.digest(secret, text, "sha256")). */
START_TEST(test_what_a_print_is_made_of_does_not_change)
{
    static const uint8_t expected[CH_KEY_PRINT_SIZE] = {
        0xe0, 0x4d, 0xf7, 0x1e, 0xce, 0x00, 0xbd, 0x13, 0x7f, 0x18, 0x1a, 0xd2, 0xcc, 0xd7, 0x4e, 0xbe,
        0x53, 0xe9, 0x6b, 0xff, 0x64, 0x77, 0xb3, 0xa1, 0x3c, 0x90, 0x13, 0xb9, 0x54, 0x69, 0x06, 0x0f};
    ch_autosecret secret = softhsm_secret("0123456789abcdef0123456789abcdef", 32);
    MUST(ch_key_import_hmac(&session, "k", mechanism("hmac-sha256"), &secret, &err));
    ch_key_print print = find_print("hmac-sha256");
    ck_assert_mem_eq(print.bytes, expected, sizeof expected);
}
END_TEST

START_TEST(test_without_a_public_half_there_is_no_print)
{
    ck_assert_uint_eq(ch_key_print_of_public(NULL).size, 0);
}
END_TEST

/* No request of an exchange begins so. */
START_TEST(test_the_text_is_no_exchanges)
{
    ck_assert_uint_eq(ch_key_print_text().data[0], 0);
}
END_TEST

CH_TESTS_WITH("print", set_up, tear_down, CH_TEST_ROWS(test_a_key_is_known_again_and_another_is_not, names),
              CH_TEST(test_what_a_print_is_made_of_does_not_change),
              CH_TEST(test_without_a_public_half_there_is_no_print), CH_TEST(test_the_text_is_no_exchanges))
