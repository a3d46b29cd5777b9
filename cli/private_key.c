/* The text is only ever in ch_secret; the key is in OpenSSL's own object, which is cleansed when freed. OpenSSL's PEM
 * reader is not used: it passes over what stands around a key, and its errors do not say what is wrong. */
#include "cli/private_key.h"

#include "base/encode.h"
#include "base/slice.h"
#include "cli/json_key.h"
#include "cli/secret_text.h"
#include "cli/stray_text.h"
#include "exchange/secret_shape.h"
#include "pkcs11/key.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#define SEED_SIZE 32
#define SEED_AND_PUBLIC_SIZE 64
#define LABEL_MAX 40

static const char name[] = "the private key";

static void free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}
#define auto_key __attribute__((cleanup(free_key))) EVP_PKEY *

static ch_slice slice_of(const ch_secret *secret)
{
    return (ch_slice){secret->data, secret->size};
}

static const uint8_t *find_text(ch_slice text, const char *part)
{
    return text.size == 0 ? NULL : memmem(text.data, text.size, part, strlen(part));
}

/* ---- the kinds of PEM ---- */

typedef EVP_PKEY *(*der_reader)(ch_slice der);

/* NULL unless the bytes are one structure and nothing after it. */

static EVP_PKEY *read_pkcs8(ch_slice der)
{
    const uint8_t *at = der.data;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.size);
    EVP_PKEY *key = info != NULL && at == der.data + der.size ? EVP_PKCS82PKEY(info) : NULL;
    PKCS8_PRIV_KEY_INFO_free(info);
    return key;
}

static EVP_PKEY *read_traditional(int type, ch_slice der)
{
    const uint8_t *at = der.data;
    EVP_PKEY *key = d2i_PrivateKey(type, NULL, &at, (long)der.size);
    if (key == NULL || at == der.data + der.size)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static EVP_PKEY *read_ec(ch_slice der)
{
    return read_traditional(EVP_PKEY_EC, der);
}

static EVP_PKEY *read_rsa(ch_slice der)
{
    return read_traditional(EVP_PKEY_RSA, der);
}

#define PUBLIC_REASON                                                                                                  \
    "this is a public key, and the private one is needed: the file that was made with it, or that the exchange gave "  \
    "out once"
#define OPENSSH_REASON                                                                                                 \
    "this private key is in OpenSSH's own format; make a key with 'chancery key generate' instead, or write it as "    \
    "PKCS#8: ssh-keygen -p -m PKCS8 -f COPY"
#define ENCRYPTED_REASON                                                                                               \
    "this private key is encrypted with a pass phrase; pass it decrypted, without a copy on disk: --secret-fd 3 3< "   \
    "<(openssl pkey -in FILE)"
#define KIND_REASON "this private key is of a kind that is not supported; RSA, EC and Ed25519 keys are"

/* clang-format off */
static const struct {
    const char *label;
    der_reader read;     /* NULL: refused */
    const char *refusal; /* NULL: nothing that matters, such as a curve's name; what follows is looked at */
} pem_kinds[] = {
    /* label                      reader       refusal */
    { "PRIVATE KEY",              read_pkcs8,  NULL },
    { "EC PRIVATE KEY",           read_ec,     NULL },
    { "RSA PRIVATE KEY",          read_rsa,    NULL },
    { "EC PARAMETERS",            NULL,        NULL },
    { "ENCRYPTED PRIVATE KEY",    NULL,        ENCRYPTED_REASON },
    { "OPENSSH PRIVATE KEY",      NULL,        OPENSSH_REASON },
    { "DSA PRIVATE KEY",          NULL,        KIND_REASON },
    { "PUBLIC KEY",               NULL,        PUBLIC_REASON },
    { "RSA PUBLIC KEY",           NULL,        PUBLIC_REASON },
    { "EC PUBLIC KEY",            NULL,        PUBLIC_REASON },
    { "SSH2 PUBLIC KEY",          NULL,        PUBLIC_REASON },
    { "CERTIFICATE",              NULL,        PUBLIC_REASON },
    { "TRUSTED CERTIFICATE",      NULL,        PUBLIC_REASON },
    { "CERTIFICATE REQUEST",      NULL,        PUBLIC_REASON },
    { "NEW CERTIFICATE REQUEST",  NULL,        PUBLIC_REASON },
};
/* clang-format on */
#define PEM_KIND_COUNT (sizeof pem_kinds / sizeof pem_kinds[0])

/* How the text was written, for `taken`. */
typedef struct spelling {
    bool has_written_ends; /* "\n" of two characters */
    bool is_one_line;
    bool is_in_json;
    ch_buffer key_id; /* that stood beside it in the JSON */
} spelling;

static void spelling_free(spelling *how)
{
    ch_buffer_free(&how->key_id);
}
#define auto_spelling __attribute__((cleanup(spelling_free))) spelling

/* ---- PEM: its text ---- */

/* Puts `text` into `room`, which has its size, with LF for every way to write a line end; returns what is filled. */
static ch_slice plain_lines(ch_slice text, const ch_secret *room, spelling *how)
{
    static const char *const ends[] = {"\r\n", "\\r\\n", "\\n"};
    size_t size = 0;
    while (text.size > 0) {
        size_t end = 0;
        while (end < sizeof ends / sizeof ends[0] && !ch_slice_begins(text, ch_slice_of(ends[end])))
            end++;
        bool is_end = end < sizeof ends / sizeof ends[0];
        how->has_written_ends = how->has_written_ends || (is_end && ends[end][0] == '\\');
        room->data[size++] = is_end ? '\n' : text.data[0];
        text = ch_slice_after(text, is_end ? strlen(ends[end]) : 1);
    }
    return (ch_slice){room->data, size};
}

/* Takes "-----BEGIN LABEL-----", with that `word`, off the beginning of `text`. */
static bool take_boundary(ch_slice *text, const char *word, ch_slice *label)
{
    if (!ch_slice_begins(*text, ch_slice_of(word)))
        return false;
    *label = ch_slice_after(*text, strlen(word));
    const uint8_t *dashes = find_text(*label, "-----");
    if (dashes == NULL)
        return false;
    size_t size = (size_t)(dashes - label->data);
    *text = ch_slice_after(*label, size + strlen("-----"));
    label->size = size;
    return true;
}

/* Takes a block off the beginning of `text`. */
static bool take_block(ch_slice *text, ch_slice *label, ch_slice *body)
{
    ch_slice end_label;
    if (!take_boundary(text, "-----BEGIN ", label))
        return false;
    const uint8_t *end = find_text(*text, "-----END ");
    if (end == NULL)
        return false;
    *body = (ch_slice){text->data, (size_t)(end - text->data)};
    *text = ch_slice_after(*text, body->size);
    return take_boundary(text, "-----END ", &end_label) && ch_slice_equal(*label, end_label);
}

static ch_status find_kind(ch_slice label, size_t *out, ch_error *err)
{
    for (*out = 0; *out < PEM_KIND_COUNT; (*out)++) {
        if (!ch_slice_is(label, pem_kinds[*out].label))
            continue;
        if (pem_kinds[*out].refusal != NULL)
            return ch_fail(err, CH_BAD_INPUT, "%s", pem_kinds[*out].refusal);
        return CH_OK;
    }
    return ch_fail(err, CH_BAD_INPUT,
                   "this PEM is not of a kind that is known; pass a private key in PKCS#8: openssl pkey "
                   "-in FILE");
}

static void skip_empty_lines(ch_slice *text)
{
    while (text->size > 0 && text->data[0] == '\n')
        *text = ch_slice_after(*text, 1);
}

static ch_status check_rest(ch_slice rest, ch_error *err)
{
    skip_empty_lines(&rest);
    if (rest.size == 0)
        return CH_OK;
    if (find_text(rest, "-----BEGIN ") != NULL)
        return ch_fail(err, CH_BAD_INPUT, "the PEM holds more than the private key; pass the key's block alone");
    return ch_fail(err, CH_BAD_INPUT,
                   "there is text or a blank after the -----END line of the PEM; pass the block alone");
}

/* Finds the block of the private key, which must be the only one, but for that of a curve's name before it. */
static ch_status find_block(ch_slice text, size_t *kind, ch_slice *body, ch_error *err)
{
    do {
        ch_slice label;
        skip_empty_lines(&text);
        if (!ch_slice_begins(text, CH_LITERAL("-----BEGIN ")))
            return ch_fail(err, CH_BAD_INPUT,
                           "there is text before the -----BEGIN line of the PEM, or no private key in it; pass the "
                           "block of the private key alone");
        if (!take_block(&text, &label, body))
            return ch_fail(err, CH_BAD_INPUT,
                           "the PEM is cut short: no -----END line matches its -----BEGIN line; pass the file whole");
        CH_TRY(find_kind(label, kind, err));
    } while (pem_kinds[*kind].read == NULL);
    return check_rest(text, err);
}

/* ---- PEM: its content ---- */

/* Puts the base64 digits of a block into `out`, which must be empty. */
static ch_status take_digits(ch_slice body, ch_secret *out, spelling *how, ch_error *err)
{
    how->is_one_line = ch_slice_find(body, '\n') == NULL;
    if (ch_slice_find(body, ':') != NULL)
        return ch_fail(err, CH_BAD_INPUT, "%s",
                       find_text(body, "ENCRYPTED") != NULL
                           ? ENCRYPTED_REASON
                           : "the PEM has header lines; write it without them: openssl pkey -in FILE");
    size_t size = 0;
    for (size_t i = 0; i < body.size; i++)
        size += body.data[i] != '\n' && !(body.data[i] == ' ' && how->is_one_line);
    if (size == 0)
        return ch_fail(err, CH_BAD_INPUT, "the PEM has nothing between its -----BEGIN and -----END lines");
    CH_TRY(ch_secret_alloc(out, size, err));
    for (size_t i = 0, at = 0; i < body.size; i++) {
        if (body.data[i] != '\n' && !(body.data[i] == ' ' && how->is_one_line))
            out->data[at++] = body.data[i];
    }
    return ch_stray_check_value(slice_of(out), name, err);
}

static ch_status read_pem(ch_slice text, EVP_PKEY **out, spelling *how, ch_buffer *taken, ch_error *err)
{
    ch_autosecret room = CH_SECRET_INIT;
    ch_autosecret digits = CH_SECRET_INIT;
    ch_autosecret der = CH_SECRET_INIT;
    size_t kind = 0;
    ch_slice body;
    CH_TRY(ch_secret_alloc(&room, text.size, err));
    CH_TRY(find_block(plain_lines(text, &room, how), &kind, &body, err));
    CH_TRY(take_digits(body, &digits, how, err));
    if (ch_decode_secret(&der, CH_ENCODE_BASE64, &digits, err) != CH_OK)
        return ch_error_wrap(err, "the PEM is damaged");
    *out = pem_kinds[kind].read(slice_of(&der));
    if (*out == NULL)
        return ch_fail(err, CH_BAD_INPUT,
                       "the PEM is damaged, or its key is of a kind that is not supported: what it holds is not the %s "
                       "that its -----BEGIN line names",
                       pem_kinds[kind].label);
    ch_buffer_add_format(taken, "PEM, %zu bytes", der.size);
    return CH_OK;
}

/* ---- Ed25519 in base64 ---- */

/* Coinbase's form: the seed, then the public key. */
static ch_status read_seed_and_public(const ch_secret *bytes, EVP_PKEY **out, ch_error *err)
{
    uint8_t public_key[SEED_SIZE];
    size_t size = sizeof public_key;
    *out = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes->data, SEED_SIZE);
    if (*out == NULL || EVP_PKEY_get_raw_public_key(*out, public_key, &size) != 1)
        return ch_fail(err, CH_INTERNAL, "OpenSSL can't make an Ed25519 key");
    if (CRYPTO_memcmp(public_key, bytes->data + SEED_SIZE, sizeof public_key) != 0)
        return ch_fail(
            err, CH_BAD_INPUT,
            "these 64 bytes are not an Ed25519 key: the second half is not the public key of the first. Copy "
            "the key again, all of it");
    return CH_OK;
}

static ch_status fail_size(const ch_secret *bytes, ch_error *err)
{
    static const uint8_t ed25519_public[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};
    bool is_public =
        bytes->size > sizeof ed25519_public && memcmp(bytes->data, ed25519_public, sizeof ed25519_public) == 0;
    if (is_public)
        return ch_fail(err, CH_BAD_INPUT, "%s", PUBLIC_REASON);
    if (bytes->size == SEED_SIZE)
        return ch_fail(
            err, CH_BAD_INPUT,
            "these 32 bytes may be a public key or half of a private one; pass the private key in PEM, or as "
            "64 bytes in base64");
    if (bytes->data[0] == 0x30)
        return ch_fail(
            err, CH_BAD_INPUT,
            "this looks like the inside of a PEM file; pass the file whole, with its -----BEGIN and -----END "
            "lines");
    return ch_fail(err, CH_BAD_INPUT,
                   "%s is neither PEM nor an Ed25519 key in base64, which has 64 bytes; this has %zu", name,
                   bytes->size);
}

static ch_status read_base64(ch_slice text, EVP_PKEY **out, ch_buffer *taken, ch_error *err)
{
    static const ch_secret_shape shape = {CH_ALPHABET_BASE64, 88, 88};
    ch_autosecret value = CH_SECRET_INIT;
    ch_autosecret bytes = CH_SECRET_INIT;
    size_t line_count = 0;
    if (ch_slice_begins(text, CH_LITERAL("ssh-")) || ch_slice_begins(text, CH_LITERAL("ecdsa-sha2-")))
        return ch_fail(err, CH_BAD_INPUT, "%s", PUBLIC_REASON);
    CH_TRY(ch_secret_text_join(ch_stray_without_end(text), &shape, name, &value, &line_count, err));
    CH_TRY(ch_stray_check_value(slice_of(&value), name, err));
    if (ch_decode_secret(&bytes, CH_ENCODE_BASE64, &value, err) != CH_OK)
        return ch_error_wrap(err, "%s is neither PEM (it has no line -----BEGIN ...-----) nor an Ed25519 key in base64",
                             name);
    if (bytes.size != SEED_AND_PUBLIC_SIZE)
        return fail_size(&bytes, err);
    CH_TRY(read_seed_and_public(&bytes, out, err));
    ch_buffer_add_format(taken, "base64, %zu bytes (seed and public key)", bytes.size);
    if (line_count > 1)
        ch_buffer_add_format(taken, ", %zu wrapped lines joined", line_count);
    return CH_OK;
}

/* ---- the whole ---- */

static ch_status read_value(ch_slice text, EVP_PKEY **out, spelling *how, ch_buffer *taken, ch_error *err)
{
    CH_TRY(ch_stray_check_start(text, name, err));
    if (find_text(text, "-----BEGIN ") != NULL)
        return read_pem(text, out, how, taken, err);
    return read_base64(text, out, taken, err);
}

static ch_status read_text(const ch_secret *text, EVP_PKEY **out, spelling *how, ch_buffer *taken, ch_error *err)
{
    ch_autosecret inside = CH_SECRET_INIT;
    CH_TRY(ch_stray_check_file(slice_of(text), name, err));
    if (text->data[0] != '{' && text->data[0] != '[')
        return read_value(slice_of(text), out, how, taken, err);
    how->is_in_json = true;
    CH_TRY(ch_json_key_read(text, &inside, &how->key_id, err));
    CH_TRY(ch_stray_check_file(slice_of(&inside), name, err));
    return read_value(slice_of(&inside), out, how, taken, err);
}

/* The numbers of a PEM could be of two keys, or damaged. */
static ch_status check_halves(EVP_PKEY *key, ch_error *err)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool is_pair = context != NULL && EVP_PKEY_pairwise_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    return is_pair ? CH_OK
                   : ch_fail(err, CH_BAD_INPUT, "the private key is damaged: its halves do not belong together");
}

static void describe(const EVP_PKEY *key, const spelling *how, ch_buffer *taken)
{
    ch_buffer_add_text(taken, ": ");
    ch_key_describe(key, taken);
    if (how->has_written_ends)
        ch_buffer_add_text(taken, "; line ends were written as \\n");
    if (how->is_one_line)
        ch_buffer_add_text(taken, "; was on one line");
    if (how->is_in_json)
        ch_buffer_add_text(taken, "; from a JSON key file");
    if (how->key_id.size > 0)
        ch_buffer_add_format(taken, ", key_id %.*s", CH_SLICE_ARGS(ch_buffer_slice(&how->key_id)));
}

ch_status ch_private_key_read(const ch_secret *text, const ch_mechanism *mechanism, EVP_PKEY **out, ch_buffer *taken,
                              ch_error *err)
{
    auto_key key = NULL;
    auto_spelling how = {.key_id = CH_BUFFER_INIT};
    *out = NULL;
    ch_status st = read_text(text, &key, &how, taken, err);
    ERR_clear_error(); /* SoftHSM2 shares this process's OpenSSL and would find our errors */
    CH_TRY(st);
    CH_TRY(ch_key_check_fit(key, mechanism, err));
    st = check_halves(key, err);
    ERR_clear_error();
    CH_TRY(st);
    describe(key, &how, taken);
    *out = key;
    key = NULL;
    return CH_OK;
}
