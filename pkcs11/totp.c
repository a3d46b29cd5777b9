/* RFC 6238 is HOTP (RFC 4226) with the number of the step as its counter. */
#include "pkcs11/totp.h"

#include <openssl/crypto.h>
#include <string.h>

#define STEPS (2 * CH_TOTP_DRIFT + 1)
#define COUNTER_SIZE 8
#define MAC_SIZE_MIN 20
#define SIGNATURE_SIZE 512 /* what ch_key_sign may need */

void ch_totp_of_mac(ch_slice mac, unsigned digits, char out[static CH_TOTP_CODE_SIZE])
{
    const uint8_t *at = mac.data + (mac.data[mac.size - 1] & 0x0f);
    uint32_t number = (uint32_t)(at[0] & 0x7f) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    for (unsigned i = digits; i-- > 0; number /= 10)
        out[i] = (char)('0' + number % 10);
    out[digits] = '\0';
}

static ch_status compute(ch_session *session, const ch_key_object *seed, unsigned digits, uint64_t step,
                         char out[static CH_TOTP_CODE_SIZE], ch_error *err)
{
    uint8_t counter[COUNTER_SIZE];
    uint8_t mac[SIGNATURE_SIZE];
    size_t size = 0;
    for (unsigned i = COUNTER_SIZE; i-- > 0; step >>= 8)
        counter[i] = (uint8_t)step;
    CH_TRY(ch_key_sign(session, seed, (ch_slice){counter, sizeof counter}, mac, sizeof mac, &size, err));
    if (size < MAC_SIZE_MIN)
        return ch_fail(err, CH_TOKEN, "the token's HMAC has %zu bytes, too few for a code", size);
    ch_totp_of_mac((ch_slice){mac, size}, digits, out);
    OPENSSL_cleanse(mac, sizeof mac);
    return CH_OK;
}

/* A code of another length is compared with as many bytes, so that it takes as long. */
static bool is_equal(ch_slice code, const char *expected, unsigned digits)
{
    char padded[CH_TOTP_CODE_SIZE] = {0};
    memcpy(padded, code.data, code.size < digits ? code.size : digits);
    bool is_same = CRYPTO_memcmp(padded, expected, digits) == 0;
    return is_same && code.size == digits;
}

ch_status ch_totp_check(ch_session *session, const ch_key_object *seed, const ch_totp_question *question,
                        uint64_t *step, ch_error *err)
{
    bool is_right = false;
    uint64_t now = question->now_s / CH_TOTP_STEP_S;
    uint64_t first = now < CH_TOTP_DRIFT ? 0 : now - CH_TOTP_DRIFT;
    for (uint64_t at = first; at < first + STEPS; at++) {
        char expected[CH_TOTP_CODE_SIZE];
        CH_TRY(compute(session, seed, question->digits, at, expected, err));
        bool is_this = is_equal(question->code, expected, question->digits) && at >= question->lowest_step;
        OPENSSL_cleanse(expected, sizeof expected);
        *step = is_this && !is_right ? at : *step;
        is_right = is_right || is_this;
    }
    return is_right ? CH_OK : ch_fail_rule(err, CH_REFUSED, CH_TOTP_REFUSED, "the code is wrong, was used, or is old");
}
