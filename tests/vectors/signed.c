/* The signatures of a vector are checked by libcrypto, with the keys that the file holds: what a vector says was signed
 * must have been. */
#include "tests/vectors/vectors.h"

#include "base/encode.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <string.h>
#include <strings.h>

/* ---- reading ---- */

/* Decodes text that is there or not. */
static bool decode(ch_encoding encoding, const char *text, ch_buffer *out)
{
    ch_error ignored = CH_ERROR_INIT;
    return *text == '\0' || ch_decode(out, encoding, ch_slice_of(text), &ignored) == CH_OK;
}

/* In either alphabet, with or without padding: clients differ. */
static bool decode_base64(const char *text, ch_buffer *out)
{
    ch_autobuffer digits = CH_BUFFER_INIT;
    for (; *text != '\0' && *text != '='; text++)
        ch_buffer_add_byte(&digits, *text == '+' ? '-' : *text == '/' ? '_' : (uint8_t)*text);
    return decode(CH_ENCODE_BASE64URL, ch_buffer_text(&digits), out);
}

static bool decode_secret(const vector_file *file, const ch_scheme *scheme, ch_buffer *out)
{
    const char *secret = text_of(file->credentials, "secret");
    ch_encoding encoding = ch_scheme_secret_encoding(scheme);
    bool is_base64 = encoding == CH_ENCODE_BASE64 || encoding == CH_ENCODE_BASE64URL;
    return is_base64 ? decode_base64(secret, out) : decode(encoding, secret, out);
}

static bool read_one(const json_t *entry, signed_payload *out)
{
    const char *value = text_of(entry, "value");
    bool is_hex = strcmp(text_of(entry, "encoding"), "hex") == 0;
    *out = (signed_payload){.scheme = text_of(entry, "scheme"), .hash = text_of(entry, "hash")};
    return decode(CH_ENCODE_HEX, text_of(entry, "message_hex"), &out->payload) &&
           decode(CH_ENCODE_HEX, text_of(entry, "key_hex"), &out->key) &&
           (is_hex ? decode(CH_ENCODE_HEX, value, &out->signature) : decode_base64(value, &out->signature));
}

ch_status signed_read(const json_t *vector, signed_payloads *out, ch_error *err)
{
    const json_t *entries = json_object_get(vector, "hmac");
    if (json_array_size(entries) == 0)
        entries = json_object_get(vector, "signatures");
    *out = (signed_payloads){.count = json_array_size(entries)};
    if (out->count == 0 || out->count > SIGNED_MAX) {
        out->count = 0;
        return ch_fail(err, CH_BAD_INPUT, "the vector must have 1 to %d signatures", SIGNED_MAX);
    }
    for (size_t i = 0; i < out->count; i++) {
        if (!read_one(json_array_get(entries, i), &out->items[i]))
            return ch_fail(err, CH_BAD_INPUT, "signature %zu of the vector can't be decoded", i + 1);
    }
    return CH_OK;
}

void signed_free(signed_payloads *signed_)
{
    for (size_t i = 0; i < signed_->count; i++) {
        ch_buffer_free(&signed_->items[i].payload);
        ch_buffer_free(&signed_->items[i].twin);
        ch_buffer_free(&signed_->items[i].key);
        ch_buffer_free(&signed_->items[i].signature);
    }
}

bool signed_by(const signed_payloads *signed_, const ch_scheme *scheme)
{
    const signed_payload *first = &signed_->items[0];
    if (*first->scheme != '\0')
        return strcmp(ch_scheme_name(scheme), first->scheme) == 0;
    return strncmp(ch_scheme_mechanism(scheme), "hmac-", 5) == 0 &&
           strcasecmp(ch_scheme_mechanism(scheme) + 5, first->hash) == 0;
}

/* ---- checking ---- */

static bool is_hmac_right(const signed_payload *found, ch_slice key)
{
    const EVP_MD *hash = EVP_get_digestbyname(found->hash);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    return hash != NULL &&
           HMAC(hash, key.data, (int)key.size, found->payload.data, found->payload.size, mac, &size) != NULL &&
           ch_slice_equal((ch_slice){mac, size}, ch_buffer_slice(&found->signature));
}

/* Tokens and vectors write r||s; libcrypto reads DER. */
static bool to_der(const ch_buffer *pair, ch_buffer *out)
{
    if (pair->size % 2 != 0)
        return false;
    int half = (int)(pair->size / 2);
    ECDSA_SIG *signature = ECDSA_SIG_new();
    unsigned char *der = NULL;
    int size = -1;
    if (ECDSA_SIG_set0(signature, BN_bin2bn(pair->data, half, NULL), BN_bin2bn(pair->data + half, half, NULL)) == 1)
        size = i2d_ECDSA_SIG(signature, &der);
    ECDSA_SIG_free(signature);
    if (size <= 0)
        return false;
    ch_buffer_add(out, der, (size_t)size);
    OPENSSL_free(der);
    return true;
}

static const EVP_MD *hash_of(EVP_PKEY *key, const char *mechanism)
{
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519)
        return NULL;
    return strstr(mechanism, "sha512") != NULL ? EVP_sha512() : EVP_sha256();
}

static bool is_signature_right(EVP_PKEY *key, const char *mechanism, const signed_payload *found)
{
    ch_autobuffer der = CH_BUFFER_INIT;
    const ch_buffer *signature = &found->signature;
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
        if (!to_der(&found->signature, &der))
            return false;
        signature = &der;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_right =
        EVP_DigestVerifyInit(context, NULL, hash_of(key, mechanism), NULL, key) == 1 &&
        EVP_DigestVerify(context, signature->data, signature->size, found->payload.data, found->payload.size) == 1;
    EVP_MD_CTX_free(context);
    return is_right;
}

/* Some clients sign with keys of their own besides; those signatures are not the agent's. */
static const signed_payload *find_one(const signed_payloads *signed_, ch_slice payload, const ch_buffer *secret)
{
    for (size_t i = 0; i < signed_->count; i++) {
        const signed_payload *each = &signed_->items[i];
        bool is_own = *each->scheme != '\0' ||
                      (secret != NULL && ch_slice_equal(ch_buffer_slice(&each->key), ch_buffer_slice(secret)));
        if (is_own && ch_slice_equal(ch_buffer_slice(&each->twin), payload))
            return each;
    }
    return NULL;
}

ch_status signed_find(const signed_payloads *signed_, const vector_file *file, const ch_scheme *scheme,
                      const ch_payloads *payloads, ch_payloads *out, ch_error *err)
{
    ch_autobuffer secret = CH_BUFFER_INIT;
    bool has_secret = decode_secret(file, scheme, &secret);
    out->count = payloads->count;
    for (size_t i = 0; i < payloads->count; i++) {
        const signed_payload *found = find_one(signed_, payloads->items[i], has_secret ? &secret : NULL);
        if (found == NULL && i == 0)
            return differ(err, "what is signed", payloads->items[0],
                          ch_buffer_slice(&signed_->items[signed_->count > 1 ? 1 : 0].twin));
        if (found == NULL)
            return ch_fail(err, CH_CONFLICT, "the client did not sign payload %zu", i + 1);
        bool is_right = file->key != NULL ? is_signature_right(file->key, ch_scheme_mechanism(scheme), found)
                                          : is_hmac_right(found, ch_buffer_slice(&secret));
        if (!is_right)
            return ch_fail(err, CH_CONFLICT, "the client's signature of payload %zu is wrong", i + 1);
        out->items[i] = ch_buffer_slice(&found->signature);
    }
    return CH_OK;
}
