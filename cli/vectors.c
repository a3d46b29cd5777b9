/* A vector is signed anew by each scheme that it can be of, and compared. Types are not checked and nothing is refused
 * as ambiguous: this tests recipes, not policy. */
#include "cli/vectors.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "cli/jansson.h"
#include "cli/vector_request.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHOWN_MAX 200

struct ch_vectors {
    json_t *root;
    json_t *list;
    ch_scratch *scratch;
    ch_draft *draft;
    EVP_PKEY *key; /* NULL: HMAC only */
    ch_buffer title;
};

/* ---- the file ---- */

static ch_status load_key(ch_vectors *vectors, ch_error *err)
{
    const char *pem = ch_jansson_member(json_object_get(vectors->root, "credentials"), "privateKey");
    if (*pem == '\0')
        return CH_OK;
    BIO *bio = BIO_new_mem_buf(pem, -1);
    vectors->key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return vectors->key != NULL ? CH_OK : ch_fail(err, CH_BAD_INPUT, "credentials.privateKey is no private key in PEM");
}

ch_status ch_vectors_load(const char *path, ch_vectors **out, ch_error *err)
{
    json_error_t where;
    ch_vectors *vectors = ch_alloc(sizeof *vectors);
    *out = NULL;
    vectors->root = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    vectors->list = json_object_get(vectors->root, "vectors");
    ch_status st = CH_OK;
    if (vectors->root == NULL)
        st = ch_fail(err, CH_BAD_INPUT, "%s:%d: %s", path, where.line, where.text);
    else if (!json_is_array(vectors->list) || json_integer_value(json_object_get(vectors->root, "clock_ms")) <= 0)
        st = ch_fail(err, CH_BAD_INPUT, "%s is no file of vectors: it has no \"vectors\" or no \"clock_ms\"", path);
    if (st == CH_OK)
        st = load_key(vectors, err);
    if (st != CH_OK) {
        ch_vectors_free(vectors);
        return st;
    }
    vectors->scratch = ch_scratch_new(true);
    vectors->draft = ch_draft_new(vectors->scratch);
    *out = vectors;
    return CH_OK;
}

void ch_vectors_free(ch_vectors *vectors)
{
    if (vectors == NULL)
        return;
    ch_draft_free(vectors->draft);
    ch_scratch_free(vectors->scratch);
    ch_buffer_free(&vectors->title);
    EVP_PKEY_free(vectors->key);
    json_decref(vectors->root);
    free(vectors);
}

size_t ch_vectors_count(const ch_vectors *vectors)
{
    return json_array_size(vectors->list);
}

const char *ch_vectors_title(ch_vectors *vectors, size_t index)
{
    const json_t *vector = json_array_get(vectors->list, index);
    ch_buffer_clear(&vectors->title);
    ch_buffer_add_format(&vectors->title, "%s %s", ch_jansson_member(vector, "method"),
                         ch_jansson_member(vector, "path"));
    return ch_buffer_text(&vectors->title);
}

/* ---- what is signed ---- */

/* One signature of a vector. */
typedef struct signed_text {
    const char *scheme; /* "" for an HMAC */
    const char *hash;
    ch_buffer message;
    ch_buffer key;       /* of an HMAC */
    ch_buffer signature; /* raw */
} signed_text;

static bool decode_hex(const char *hex, ch_buffer *out)
{
    long size = 0;
    unsigned char *bytes = *hex == '\0' ? NULL : OPENSSL_hexstr2buf(hex, &size);
    if (bytes == NULL)
        return *hex == '\0';
    ch_buffer_add(out, bytes, (size_t)size);
    OPENSSL_free(bytes);
    return true;
}

static bool decode_base64(const char *text, ch_buffer *out)
{
    ch_autobuffer digits = CH_BUFFER_INIT;
    for (; *text != '\0' && *text != '='; text++)
        ch_buffer_add_byte(&digits, *text == '-' ? '+' : *text == '_' ? '/' : (uint8_t)*text);
    size_t padding = (4 - digits.size % 4) % 4;
    ch_buffer_add(&digits, "===", padding);
    int size = EVP_DecodeBlock(ch_buffer_reserve(out, digits.size + 4), digits.data, (int)digits.size);
    if (size < 0 || padding > 2)
        return false;
    ch_buffer_commit(out, (size_t)size - padding);
    return true;
}

static void free_signed(signed_text *text)
{
    ch_buffer_free(&text->message);
    ch_buffer_free(&text->key);
    ch_buffer_free(&text->signature);
}

static bool read_signed(const json_t *entry, signed_text *out)
{
    const char *value = ch_jansson_member(entry, "value");
    bool is_hex = strcmp(ch_jansson_member(entry, "encoding"), "hex") == 0;
    *out = (signed_text){.scheme = ch_jansson_member(entry, "scheme"), .hash = ch_jansson_member(entry, "hash")};
    return decode_hex(ch_jansson_member(entry, "message_hex"), &out->message) &&
           decode_hex(ch_jansson_member(entry, "key_hex"), &out->key) &&
           (is_hex ? decode_hex(value, &out->signature) : decode_base64(value, &out->signature));
}

/* The secret as the scheme reads it; false if it can't be read so. */
static bool decode_secret(const ch_vectors *vectors, const ch_scheme *scheme, ch_buffer *out)
{
    const char *secret = ch_jansson_member(json_object_get(vectors->root, "credentials"), "secret");
    switch (ch_scheme_secret_encoding(scheme)) {
    case CH_ENCODE_HEX:
    case CH_ENCODE_HEX_UPPER:
        return decode_hex(secret, out);
    case CH_ENCODE_BASE64:
    case CH_ENCODE_BASE64URL:
        return decode_base64(secret, out);
    default:
        ch_buffer_add_text(out, secret);
        return true;
    }
}

static bool is_hmac_right(const signed_text *text, ch_slice key)
{
    const EVP_MD *hash = EVP_get_digestbyname(text->hash);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    return hash != NULL &&
           HMAC(hash, key.data, (int)key.size, text->message.data, text->message.size, mac, &size) != NULL &&
           ch_slice_equal((ch_slice){mac, size}, ch_buffer_slice(&text->signature));
}

/* The token gives r||s, and so do vectors; OpenSSL wants DER. */
static bool to_der(const ch_buffer *pair, ch_buffer *out)
{
    if (pair->size % 2 != 0)
        return false;
    int half = (int)(pair->size / 2);
    ECDSA_SIG *signature = ECDSA_SIG_new();
    (void)ECDSA_SIG_set0(signature, BN_bin2bn(pair->data, half, NULL), BN_bin2bn(pair->data + half, half, NULL));
    unsigned char *der = NULL;
    int size = i2d_ECDSA_SIG(signature, &der);
    ECDSA_SIG_free(signature);
    if (size <= 0)
        return false;
    ch_buffer_add(out, der, (size_t)size);
    OPENSSL_free(der);
    return true;
}

static bool is_signature_right(EVP_PKEY *key, const char *mechanism, const signed_text *text)
{
    ch_autobuffer der = CH_BUFFER_INIT;
    const ch_buffer *signature = &text->signature;
    int kind = EVP_PKEY_get_base_id(key);
    if (kind == EVP_PKEY_EC) {
        if (!to_der(&text->signature, &der))
            return false;
        signature = &der;
    }
    const EVP_MD *hash = kind == EVP_PKEY_ED25519              ? NULL
                         : strstr(mechanism, "sha512") != NULL ? EVP_sha512()
                                                               : EVP_sha256();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_right =
        EVP_DigestVerifyInit(context, NULL, hash, NULL, key) == 1 &&
        EVP_DigestVerify(context, signature->data, signature->size, text->message.data, text->message.size) == 1;
    EVP_MD_CTX_free(context);
    return is_right;
}

/* ---- the endpoint ---- */

typedef struct target {
    ch_slice host;
    ch_slice path;
    const ch_endpoint *endpoint;
    bool is_listed;
} target;

static size_t common_prefix(const char *text, ch_slice other)
{
    size_t size = 0;
    while (size < other.size && text[size] == (char)other.data[size])
        size++;
    return size;
}

/* The listed endpoint, or else the one whose path begins most alike: neighbours are signed alike. */
static ch_status find_target(const ch_profile *profile, const json_t *vector, target *out, ch_error *err)
{
    const char *url = ch_jansson_member(json_object_get(vector, "request"), "url");
    const char *host = strstr(url, "://");
    if (host == NULL || strchr(host + 3, '/') == NULL)
        return ch_fail(err, CH_BAD_INPUT, "the vector's request has no url");
    const char *path = strchr(host + 3, '/');
    out->host = (ch_slice){(const uint8_t *)host + 3, (size_t)(path - host - 3)};
    out->path = (ch_slice){(const uint8_t *)path, strcspn(path, "?")};
    ch_slice method = ch_slice_of(ch_jansson_member(vector, "method"));
    ch_request request = {.method = method, .host = out->host, .path = out->path};
    ch_error reason = CH_ERROR_INIT;
    out->is_listed = ch_profile_match(profile, &request, &out->endpoint, &reason) == CH_OK;
    size_t best = 0;
    const ch_endpoint *endpoint;
    for (size_t i = 0; !out->is_listed && (endpoint = ch_profile_endpoint_at(profile, i)) != NULL; i++) {
        size_t likeness = 1 + common_prefix(ch_endpoint_path(endpoint), out->path);
        bool is_candidate =
            ch_slice_is(method, ch_endpoint_method(endpoint)) && ch_slice_equal(ch_endpoint_host(endpoint), out->host);
        if (is_candidate && likeness > best) {
            best = likeness;
            out->endpoint = endpoint;
        }
    }
    return out->is_listed || best > 0 ? CH_OK
                                      : ch_fail(err, CH_NOT_FOUND, "the profile has no %.*s at %.*s",
                                                CH_SLICE_ARGS(method), CH_SLICE_ARGS(out->host));
}

/* ---- comparing ---- */

/* Bytes of a digest would upset a terminal, so they are shown in hex. */
static void add_shown(ch_buffer *out, ch_slice text)
{
    bool is_text = ch_slice_is_text(text);
    ch_slice start = {text.data, text.size > SHOWN_MAX ? SHOWN_MAX : text.size};
    if (is_text || ch_slice_find(start, '\n') != NULL)
        ch_buffer_add_slice(out, start);
    else
        ch_encode(out, CH_ENCODE_HEX, start);
}

static ch_status differ(ch_error *err, const char *what, ch_slice ours, ch_slice theirs)
{
    ch_buffer shown[2] = {CH_BUFFER_INIT, CH_BUFFER_INIT};
    add_shown(&shown[0], ours);
    add_shown(&shown[1], theirs);
    ch_status st = ch_fail(err, CH_CONFLICT, "%s differs: ours is '%s', theirs '%s'", what, ch_buffer_text(&shown[0]),
                           ch_buffer_text(&shown[1]));
    ch_buffer_free(&shown[0]);
    ch_buffer_free(&shown[1]);
    return st;
}

/* True if both mean the same once percent-encoding is undone: what a client leaves to its HTTP library. */
static bool is_same_decoded(ch_slice ours, ch_slice theirs)
{
    ch_autobuffer our_text = CH_BUFFER_INIT;
    ch_autobuffer their_text = CH_BUFFER_INIT;
    return ch_decode_percent(&our_text, ours, false) && ch_decode_percent(&their_text, theirs, false) &&
           ch_slice_equal(ch_buffer_slice(&our_text), ch_buffer_slice(&their_text));
}

static ch_status compare_request(const json_t *vector, const ch_finished *ours, const char **note, ch_error *err)
{
    json_t *request = json_object_get(vector, "request");
    ch_slice url = ch_slice_of(ch_jansson_member(request, "url"));
    ch_slice body = ch_slice_of(ch_jansson_member(request, "body"));
    if (!ch_slice_equal(ours->url, url)) {
        if (!is_same_decoded(ours->url, url))
            return differ(err, "the URL", ours->url, url);
        *note = "the client leaves the encoding of its URL to its HTTP library";
    }
    if (!ch_slice_equal(ours->body, body))
        return differ(err, "the body", ours->body, body);
    for (size_t i = 0; i < ours->header_count; i++) {
        ch_slice theirs = {NULL, 0};
        const char *name;
        json_t *value;
        json_object_foreach(json_object_get(request, "headers"), name, value)
        {
            if (ours->headers[i].name.size == strlen(name) &&
                strncasecmp(name, (const char *)ours->headers[i].name.data, ours->headers[i].name.size) == 0)
                theirs = ch_slice_of(json_string_value(value));
        }
        bool is_plain_type = theirs.size == 0 && ch_slice_is(ours->headers[i].name, "Content-Type");
        if (!is_plain_type && !ch_slice_equal(ours->headers[i].value, theirs)) {
            ch_autofree char *what = ch_slice_strdup(ours->headers[i].name);
            return differ(err, what, ours->headers[i].value, theirs);
        }
    }
    return CH_OK;
}

/* Finds what the vector signed for each of our messages, and checks that the signature is right. */
static ch_status find_signatures(const ch_vectors *vectors, const ch_scheme *scheme, const ch_payloads *messages,
                                 signed_text *texts, size_t text_count, ch_payloads *out, ch_error *err)
{
    ch_autobuffer secret = CH_BUFFER_INIT;
    bool has_secret = decode_secret(vectors, scheme, &secret);
    out->count = messages->count;
    for (size_t i = 0; i < messages->count; i++) {
        const signed_text *found = NULL;
        for (size_t j = 0; found == NULL && j < text_count; j++) {
            bool is_own = *texts[j].scheme != '\0' ||
                          (has_secret && ch_slice_equal(ch_buffer_slice(&texts[j].key), ch_buffer_slice(&secret)));
            if (is_own && ch_slice_equal(ch_buffer_slice(&texts[j].message), messages->items[i]))
                found = &texts[j];
        }
        if (found == NULL && text_count > 0 && i == 0)
            return differ(err, "what is signed", messages->items[0],
                          ch_buffer_slice(&texts[text_count > 1 ? 1 : 0].message));
        bool is_right = found != NULL &&
                        (vectors->key != NULL ? is_signature_right(vectors->key, ch_scheme_mechanism(scheme), found)
                                              : is_hmac_right(found, ch_buffer_slice(&secret)));
        if (!is_right)
            return ch_fail(err, CH_CONFLICT, "no right signature of text %zu is among the vector's", i + 1);
        out->items[i] = ch_buffer_slice(&found->signature);
    }
    return CH_OK;
}

static ch_status try_scheme(ch_vectors *vectors, const json_t *vector, const ch_profile *profile,
                            const ch_scheme *scheme, const target *at, bool has_ms_for_s, signed_text *texts,
                            size_t text_count, const char **note, ch_error *err)
{
    json_t *credentials = json_object_get(vectors->root, "credentials");
    uint64_t clock_ms = (uint64_t)json_integer_value(json_object_get(vectors->root, "clock_ms"));
    ch_asked asked;
    ch_vector_ask(vector, at->endpoint, scheme, &asked);
    ch_request request = {.method = ch_slice_of(ch_jansson_member(vector, "method")),
                          .host = at->host,
                          .path = at->path,
                          .params = asked.params,
                          .param_count = asked.count};
    ch_recipe_input input = {.profile = profile,
                             .scheme = scheme,
                             .endpoint = at->endpoint,
                             .request = &request,
                             .key_id = ch_slice_of(ch_jansson_member(credentials, "apiKey")),
                             .passphrase = ch_slice_of(ch_jansson_member(credentials, "password")),
                             .now_ns = clock_ms * 1000000,
                             .has_ms_for_s = has_ms_for_s,
                             .nonce = clock_ms};
    ch_payloads messages = {.count = 0};
    ch_payloads signatures = {.count = 0};
    ch_finished finished;
    ch_status st = ch_recipe_build(&input, vectors->draft, &messages, err);
    if (st == CH_OK)
        st = find_signatures(vectors, scheme, &messages, texts, text_count, &signatures, err);
    if (st == CH_OK)
        st = ch_recipe_finish(vectors->draft, &signatures, &finished, err);
    if (st == CH_OK)
        st = compare_request(vector, &finished, note, err);
    ch_asked_free(&asked);
    return st;
}

/* The schemes by which the vector may have been signed, and the two clocks that its client may have read: the frozen
 * one, and one that gave milliseconds where the client asks for seconds. */
static ch_status try_all(ch_vectors *vectors, const json_t *vector, const ch_profile *profile, const target *at,
                         signed_text *texts, size_t text_count, const char **note, ch_error *err)
{
    const char *wanted = text_count > 0 ? texts[0].scheme : "";
    ch_status st = ch_fail(err, CH_NOT_FOUND, "the profile has no scheme for this vector");
    const ch_scheme *scheme;
    for (size_t i = 0; (scheme = ch_profile_scheme_at(profile, i)) != NULL; i++) {
        bool is_hmac = strncmp(ch_scheme_mechanism(scheme), "hmac-", 5) == 0;
        bool is_hash = is_hmac && text_count > 0 && strcasecmp(ch_scheme_mechanism(scheme) + 5, texts[0].hash) == 0;
        if (*wanted != '\0' ? strcmp(ch_scheme_name(scheme), wanted) != 0 : !is_hash)
            continue;
        ch_error other = CH_ERROR_INIT;
        st = try_scheme(vectors, vector, profile, scheme, at, false, texts, text_count, note, err);
        if (st != CH_OK &&
            try_scheme(vectors, vector, profile, scheme, at, true, texts, text_count, note, &other) == CH_OK) {
            *note = "its client's clock gave milliseconds for seconds";
            st = CH_OK;
        }
        if (st == CH_OK)
            return st;
    }
    return st;
}

ch_status ch_vectors_check(ch_vectors *vectors, size_t index, const ch_profile *profile, const char **note,
                           ch_error *err)
{
    const json_t *vector = json_array_get(vectors->list, index);
    json_t *entries = json_object_get(vector, "hmac");
    if (json_array_size(entries) == 0)
        entries = json_object_get(vector, "signatures");
    signed_text texts[4] = {0};
    size_t count = json_array_size(entries) < 4 ? json_array_size(entries) : 4;
    target at = {.is_listed = false};
    *note = NULL;
    ch_status st = find_target(profile, vector, &at, err);
    for (size_t i = 0; st == CH_OK && i < count; i++) {
        if (!read_signed(json_array_get(entries, i), &texts[i]))
            st = ch_fail(err, CH_BAD_INPUT, "signature %zu of the vector can't be read", i + 1);
    }
    if (st == CH_OK)
        st = try_all(vectors, vector, profile, &at, texts, count, note, err);
    if (!at.is_listed && *note == NULL)
        *note = "not a listed endpoint: by the recipe of its nearest neighbour";
    for (size_t i = 0; i < count; i++)
        free_signed(&texts[i]);
    return st;
}
