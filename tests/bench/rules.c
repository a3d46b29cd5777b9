#include "tests/bench/rules.h"
#include "tests/bench/sample.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEYS_MAX 8
#define SIGNATURE_MAX 512
#define TOKEN_MAX 2048
#define WINDOW_MS 5000
#define TOKEN_S 120 /* for how long a token of Coinbase holds */
#define AHEAD_MS 1000

typedef struct rules_key {
    const char *id;
    const char *secret;   /* NULL unless it is an HMAC key */
    EVP_PKEY *public_key; /* NULL if it is */
} rules_key;

static struct {
    rules_key keys[KEYS_MAX];
    size_t count;
} rules;

/* ---- keys ---- */

static rules_key *add(const char *key_id)
{
    if (rules.count == KEYS_MAX)
        die("there is room for %d keys", KEYS_MAX);
    rules_key *key = &rules.keys[rules.count++];
    key->id = key_id;
    return key;
}

void rules_add_secret(const char *key_id, const char *secret)
{
    add(key_id)->secret = secret;
}

void rules_add_public_key(const char *key_id, const char *path)
{
    FILE *file = fopen(path, "re");
    EVP_PKEY *read = file == NULL ? NULL : PEM_read_PUBKEY(file, NULL, NULL, NULL);
    if (read == NULL)
        die("%s has no public key in PEM", path);
    fclose(file);
    add(key_id)->public_key = read;
}

void rules_free(void)
{
    while (rules.count > 0)
        EVP_PKEY_free(rules.keys[--rules.count].public_key);
}

static const rules_key *find(const char *id, size_t size)
{
    for (size_t i = 0; i < rules.count; i++)
        if (strlen(rules.keys[i].id) == size && memcmp(rules.keys[i].id, id, size) == 0)
            return &rules.keys[i];
    return NULL;
}

static bool is_p256(const rules_key *key)
{
    return key->public_key != NULL && EVP_PKEY_get_base_id(key->public_key) == EVP_PKEY_EC;
}

/* ---- text ---- */

static bool is_recent(int64_t then_ms, int64_t window_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - then_ms;
    return age > -AHEAD_MS && age <= window_ms;
}

/* Returns the value of a header, to its line's end, or NULL. */
static const char *header(const char *head, const char *name, size_t *size)
{
    const char *at = strcasestr(head, name);
    if (at == NULL)
        return NULL;
    at += strlen(name);
    at += strspn(at, " ");
    *size = strcspn(at, "\r");
    return at;
}

/* Undoes base64 of either alphabet, padded or not, and with "%" for what a form cannot carry. Returns 0 for what is
 * none, or has more bytes than fit. */
static size_t from_base64(const char *text, size_t size, unsigned char *out, size_t capacity)
{
    char plain[TOKEN_MAX];
    size_t used = 0;
    for (size_t i = 0; i < size && used < sizeof plain - 4; i++) {
        char hex[3] = "";
        if (text[i] == '%' && i + 2 < size) {
            memcpy(hex, text + i + 1, 2);
            i += 2;
        }
        char c = hex[0] != '\0' ? (char)strtoul(hex, NULL, 16) : text[i];
        plain[used++] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    while (used > 0 && plain[used - 1] == '=')
        used--;
    size_t whole = used * 3 / 4;
    while (used % 4 != 0)
        plain[used++] = '=';
    unsigned char wide[TOKEN_MAX];
    if (whole > capacity || EVP_DecodeBlock(wide, (const unsigned char *)plain, (int)used) < 0)
        return 0;
    memcpy(out, wide, whole);
    return whole;
}

/* ---- signatures ---- */

static bool verifies(const rules_key *key, const char *message, size_t size, const unsigned char *signature,
                     size_t signature_size)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_ed25519 = EVP_PKEY_get_base_id(key->public_key) == EVP_PKEY_ED25519;
    bool is_good = context != NULL &&
                   EVP_DigestVerifyInit(context, NULL, is_ed25519 ? NULL : EVP_sha256(), NULL, key->public_key) == 1 &&
                   EVP_DigestVerify(context, signature, signature_size, (const unsigned char *)message, size) == 1;
    EVP_MD_CTX_free(context);
    return is_good;
}

/* A token has both numbers of the signature side by side (RFC 7518, 3.4); OpenSSL takes them as DER. */
static bool verifies_p256(const rules_key *key, const char *message, size_t size, const unsigned char raw[64])
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, 32, NULL);
    BIGNUM *s = BN_bin2bn(raw + 32, 32, NULL);
    if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1)
        die("out of memory");
    unsigned char *der = NULL;
    int der_size = i2d_ECDSA_SIG(pair, &der);
    bool is_good = der_size > 0 && verifies(key, message, size, der, (size_t)der_size);
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    return is_good;
}

static bool verifies_hmac(const rules_key *key, const char *message, size_t size, const char *given,
                          unsigned char mac[32])
{
    char hex[65];
    HMAC(EVP_sha256(), key->secret, (int)strlen(key->secret), (const unsigned char *)message, size, mac, NULL);
    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", mac[i]);
    return strlen(given) == 64 && CRYPTO_memcmp(hex, given, 64) == 0;
}

/* ---- Binance: the signature covers the body, up to "&signature=" at its end ---- */

static bool is_binance(const char *head, const char *body, unsigned char signature[SIGNATURE_MAX])
{
    static const char mark[] = "&signature=";
    size_t size;
    const char *id = header(head, "\r\nX-MBX-APIKEY:", &size);
    const rules_key *key = id == NULL ? NULL : find(id, size);
    const char *end = strstr(body, mark);
    const char *time = strstr(body, "timestamp=");
    if (key == NULL || is_p256(key) || end == NULL || time == NULL ||
        !is_recent(strtoll(time + strlen("timestamp="), NULL, 10), WINDOW_MS))
        return false;
    const char *given = end + sizeof mark - 1;
    if (key->secret != NULL)
        return verifies_hmac(key, body, (size_t)(end - body), given, signature);
    size = from_base64(given, strlen(given), signature, SIGNATURE_MAX);
    return size > 0 && verifies(key, body, (size_t)(end - body), signature, size);
}

/* ---- Coinbase: a token that names the call and lives for two minutes (RFC 7519) ---- */

/* Returns the JSON of one part of a token, or NULL. */
static json_t *part(const char *text, size_t size)
{
    unsigned char plain[TOKEN_MAX];
    size = from_base64(text, size, plain, sizeof plain);
    return json_loadb((const char *)plain, size, 0, NULL);
}

static bool has_text(const json_t *object, const char *name, const char *wanted)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL && (wanted == NULL || strcmp(text, wanted) == 0);
}

static const rules_key *key_of(const json_t *opening)
{
    const char *id = json_string_value(json_object_get(opening, "kid"));
    const rules_key *key = id == NULL ? NULL : find(id, strlen(id));
    bool is_whole =
        has_text(opening, "alg", "ES256") && has_text(opening, "typ", "JWT") && has_text(opening, "nonce", NULL);
    return key != NULL && is_p256(key) && is_whole ? key : NULL;
}

static bool are_good(const json_t *claims, const rules_key *key)
{
    json_int_t from = json_integer_value(json_object_get(claims, "nbf"));
    json_int_t until = json_integer_value(json_object_get(claims, "exp"));
    return has_text(claims, "sub", key->id) && has_text(claims, "iss", "coinbase-cloud") &&
           has_text(claims, "uri", "POST api.coinbase.com/api/v3/brokerage/orders") && from < until &&
           until - from <= TOKEN_S && is_recent(from * 1000, TOKEN_S * 1000);
}

static bool is_coinbase(const char *head, const char *body, unsigned char signature[SIGNATURE_MAX])
{
    size_t size;
    const char *token = header(head, "\r\nAuthorization: Bearer", &size);
    const char *dot = token == NULL ? NULL : memchr(token, '.', size);
    const char *second = dot == NULL ? NULL : memchr(dot + 1, '.', size - (size_t)(dot + 1 - token));
    if (second == NULL || strstr(body, "\"client_order_id\"") == NULL)
        return false;
    json_t *opening = part(token, (size_t)(dot - token));
    json_t *claims = part(dot + 1, (size_t)(second - dot - 1));
    const rules_key *key = key_of(opening);
    bool is_good = key != NULL && are_good(claims, key) &&
                   from_base64(second + 1, size - (size_t)(second + 1 - token), signature, SIGNATURE_MAX) == 64 &&
                   verifies_p256(key, token, (size_t)(second - token), signature);
    json_decref(opening);
    json_decref(claims);
    return is_good;
}

/* ---- the calls ---- */

verdict rules_judge(const char *head, const char *body, uint64_t *mark)
{
    static const struct {
        const char *start;
        bool (*is_signed)(const char *head, const char *body, unsigned char signature[SIGNATURE_MAX]);
        verdict good;
    } calls[] = {
        {"POST /api/v3/order ",            is_binance,  VERDICT_BINANCE },
        {"POST /api/v3/brokerage/orders ", is_coinbase, VERDICT_COINBASE},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (strncmp(head, calls[i].start, strlen(calls[i].start)) != 0)
            continue;
        unsigned char signature[SIGNATURE_MAX];
        if (!calls[i].is_signed(head, body, signature))
            return VERDICT_REFUSED;
        memcpy(mark, signature, sizeof *mark);
        return calls[i].good;
    }
    return VERDICT_OTHER;
}
