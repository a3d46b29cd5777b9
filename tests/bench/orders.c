#include "tests/bench/orders.h"
#include "tests/bench/sample.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SIGNATURE_MAX 512
#define TEXT_MAX 1024

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- signing ---- */

static size_t sign(EVP_PKEY *key, const char *message, unsigned char signature[SIGNATURE_MAX])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t size = SIGNATURE_MAX;
    bool is_ed25519 = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
    if (context == NULL || EVP_DigestSignInit(context, NULL, is_ed25519 ? NULL : EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(context, signature, &size, (const unsigned char *)message, strlen(message)) != 1)
        die("the private key does not sign");
    EVP_MD_CTX_free(context);
    return size;
}

/* OpenSSL gives DER; a token wants both numbers side by side (RFC 7518, 3.4). */
static void sign_p256(EVP_PKEY *key, const char *message, unsigned char raw[64])
{
    unsigned char der[SIGNATURE_MAX];
    const unsigned char *at = der;
    size_t size = sign(key, message, der);
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)size);
    if (pair == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, 32) != 32 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + 32, 32) != 32)
        die("the private key is not of P-256");
    ECDSA_SIG_free(pair);
}

static void write_hmac(const char *secret, const char *message, char *out)
{
    unsigned char mac[32];
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)message, strlen(message), mac, NULL);
    for (size_t i = 0; i < sizeof mac; i++)
        snprintf(out + 2 * i, 3, "%02x", mac[i]);
}

/* ---- base64 ---- */

/* As a form carries it. */
static void write_percent(const unsigned char *data, size_t size, char *out)
{
    unsigned char plain[SIGNATURE_MAX * 2];
    EVP_EncodeBlock(plain, data, (int)size);
    for (const unsigned char *c = plain; *c != '\0'; c++)
        out += sprintf(out, strchr("+/=", *c) != NULL ? "%%%02X" : "%c", *c);
}

static size_t write_url(const unsigned char *data, size_t size, char *out)
{
    EVP_EncodeBlock((unsigned char *)out, data, (int)size);
    size_t whole = strcspn(out, "=");
    out[whole] = '\0';
    for (size_t i = 0; i < whole; i++)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    return whole;
}

/* ---- requests ---- */

static int make_binance(const order_form *form, size_t number, char *out, size_t capacity)
{
    char body[TEXT_MAX];
    char signature[SIGNATURE_MAX * 4];
    snprintf(body, sizeof body,
             "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.0001&price=30000"
             "&newClientOrderId=b%d-%zu&timestamp=%lld",
             (int)getpid(), number, now_ms());
    if (form->secret != NULL) {
        write_hmac(form->secret, body, signature);
    } else {
        unsigned char raw[SIGNATURE_MAX];
        size_t size = sign(form->private_key, body, raw);
        write_percent(raw, size, signature);
    }
    return snprintf(out, capacity,
                    "POST %s/api/v3/order HTTP/1.1\r\nHost: %s\r\nX-MBX-APIKEY: %s\r\n"
                    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n\r\n"
                    "%s&signature=%s",
                    form->path, form->host, form->key_id, strlen(body) + strlen("&signature=") + strlen(signature),
                    body, signature);
}

static void make_token(const order_form *form, size_t number, char out[4 * TEXT_MAX])
{
    char opening[TEXT_MAX];
    char claims[TEXT_MAX];
    long long now_s = now_ms() / 1000;
    int size =
        snprintf(opening, sizeof opening, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"nonce\":\"%d-%zu\"}",
                 form->key_id, (int)getpid(), number);
    int claims_size = snprintf(claims, sizeof claims,
                               "{\"aud\":[\"retail_rest_api_proxy\"],\"iss\":\"coinbase-cloud\",\"nbf\":%lld,"
                               "\"exp\":%lld,\"sub\":\"%s\",\"iat\":%lld,"
                               "\"uri\":\"POST api.coinbase.com/api/v3/brokerage/orders\"}",
                               now_s, now_s + 120, form->key_id, now_s);
    if (size >= TEXT_MAX || claims_size >= TEXT_MAX)
        die("the key id is too long");
    size_t used = write_url((const unsigned char *)opening, (size_t)size, out);
    out[used++] = '.';
    used += write_url((const unsigned char *)claims, (size_t)claims_size, out + used);
    unsigned char raw[64];
    sign_p256(form->private_key, out, raw);
    out[used++] = '.';
    write_url(raw, sizeof raw, out + used);
}

static int make_coinbase(const order_form *form, size_t number, char *out, size_t capacity)
{
    char token[4 * TEXT_MAX];
    char body[TEXT_MAX];
    make_token(form, number, token);
    int size = snprintf(body, sizeof body,
                        "{\"client_order_id\":\"b%d-%zu\",\"product_id\":\"BTC-USDT\",\"side\":\"BUY\","
                        "\"order_configuration\":{\"limit_limit_gtc\":{\"base_size\":\"0.0001\","
                        "\"limit_price\":\"30000\"}}}",
                        (int)getpid(), number);
    return snprintf(out, capacity,
                    "POST %s/api/v3/brokerage/orders HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
                    "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                    form->path, form->host, token, size, body);
}

size_t order_make(const order_form *form, size_t number, char *out, size_t capacity)
{
    bool is_coinbase = form->secret == NULL && EVP_PKEY_get_base_id(form->private_key) == EVP_PKEY_EC;
    int size = (is_coinbase ? make_coinbase : make_binance)(form, number, out, capacity);
    if (size < 0 || (size_t)size >= capacity)
        die("a request does not fit");
    return (size_t)size;
}
