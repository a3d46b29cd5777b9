/* The published vectors of RFC 6238, appendix B, out of a token; and what is no code. */
#include "pkcs11/totp.h"

#include "tests/support/softhsm.h"
#include "tests/support/suite.h"

#include <string.h>

static ch_error err;
static ch_token *token;
static ch_session session;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

/* clang-format off */
static const struct {
    const char *mechanism;
    size_t size;
} seeds[] = {
    /* mechanism       the RFC's seed has so many bytes */
    { "hmac-sha1",     20 },
    { "hmac-sha256",   32 },
    { "hmac-sha512",   64 },
};

static const struct {
    uint64_t time_s;
    const char *codes[3];
} vectors[] = {
    /* time          SHA-1       SHA-256     SHA-512 */
    { 59,          { "94287082", "46119246", "90693936" } },
    { 1111111109,  { "07081804", "68084774", "25091201" } },
    { 1111111111,  { "14050471", "67062674", "99943326" } },
    { 1234567890,  { "89005924", "91819424", "93441116" } },
    { 2000000000,  { "69279037", "90698825", "38618901" } },
    { 20000000000, { "65353130", "77737706", "47863826" } },
};
/* clang-format on */

static ch_key_object import_seed(size_t which)
{
    const ch_mechanism *mechanism = ch_mechanism_find(ch_slice_of(seeds[which].mechanism));
    uint8_t bytes[64];
    ch_key_object key;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)('0' + (i + 1) % 10);
    ch_autosecret secret = softhsm_secret(bytes, seeds[which].size);
    token = softhsm_open(&session);
    MUST(ch_key_import_hmac(&session, "seed", mechanism, &secret, &err));
    MUST(ch_key_find(&session, "pkcs11:object=seed", mechanism, &key, &err));
    MUST(ch_key_verify(&session, &key, 0, &err)); /* not extractable, sensitive, signs only */
    return key;
}

static ch_status check(const ch_key_object *key, uint64_t now_s, uint64_t lowest, const char *code, unsigned digits,
                       uint64_t *step)
{
    const ch_totp_question question = {digits, now_s, lowest, ch_slice_of(code)};
    return ch_totp_check(&session, key, &question, step, &err);
}

START_TEST(test_the_published_codes_come_out_of_the_token)
{
    ch_key_object key = import_seed((size_t)_i);
    for (size_t i = 0; i < CH_ROWS(vectors); i++) {
        uint64_t step = 0;
        MUST(check(&key, vectors[i].time_s, 0, vectors[i].codes[_i], 8, &step));
        ck_assert_uint_eq(step, vectors[i].time_s / 30);
        /* six digits are the last six */
        MUST(check(&key, vectors[i].time_s, 0, vectors[i].codes[_i] + 2, 6, &step));
    }
}
END_TEST

START_TEST(test_a_code_is_good_one_step_early_or_late_and_no_further)
{
    ch_key_object key = import_seed(0);
    static const struct {
        int64_t off_s;
        ch_status status;
    } cases[] = {
        {-31, CH_REFUSED},
        {-30, CH_OK     },
        {-1,  CH_OK     },
        {0,   CH_OK     },
        {29,  CH_OK     },
        {59,  CH_OK     },
        {60,  CH_REFUSED},
    };
    for (size_t i = 0; i < CH_ROWS(cases); i++) {
        uint64_t step = 0;
        const uint64_t begin_s = 1111111110; /* of a step */
        ck_assert_int_eq(check(&key, (uint64_t)((int64_t)begin_s + cases[i].off_s), 0, "14050471", 8, &step),
                         cases[i].status);
    }
}
END_TEST

START_TEST(test_no_step_below_the_lowest_is_used)
{
    ch_key_object key = import_seed(0);
    uint64_t step = 0;
    MUST(check(&key, 1111111111, 37037037, "14050471", 8, &step));
    ck_assert_uint_eq(step, 37037037);
    ck_assert_int_eq(check(&key, 1111111111, 37037038, "14050471", 8, &step), CH_REFUSED);
    ck_assert_str_eq(err.rule, CH_TOTP_REFUSED);
}
END_TEST

static const char *const no_codes[] = {"", "1", "1405047", "140504711", "14050472", "050471", "1405047\n", "abcdefgh"};

START_TEST(test_what_is_no_code_is_refused_alike)
{
    ch_key_object key = import_seed(0);
    uint64_t step = 7;
    ck_assert_int_eq(check(&key, 1111111111, 0, no_codes[_i], 8, &step), CH_REFUSED);
    ck_assert_str_eq(err.message, "the code is wrong, was used, or is old");
    ck_assert_uint_eq(step, 7);
}
END_TEST

static void tear_down(void)
{
    ch_session_close(&session);
    ch_token_close(token);
    softhsm_tear_down();
}

CH_TESTS_WITH("totp", softhsm_set_up, tear_down, CH_TEST_ROWS(test_the_published_codes_come_out_of_the_token, seeds),
              CH_TEST(test_a_code_is_good_one_step_early_or_late_and_no_further),
              CH_TEST(test_no_step_below_the_lowest_is_used),
              CH_TEST_ROWS(test_what_is_no_code_is_refused_alike, no_codes))
