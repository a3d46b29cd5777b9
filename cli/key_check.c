/* HMAC keys sign the payload again, and the two signatures are compared. Of a key pair the known signature is verified;
 * and the private key signs, too, so that a public key beside it that is not its own is noticed. */
#include "cli/key_check.h"

#include "base/buffer.h"
#include "base/encode.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/slice.h"
#include "cli/jansson.h"
#include "cli/key_access.h"
#include "cli/key_choice.h"
#include "cli/output.h"
#include "cli/secret_input.h"
#include "pkcs11/key.h"
#include "pkcs11/key_rule.h"
#include "pkcs11/signature.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PAYLOAD_MAX_BYTES 16000
#define SIGNATURE_MAX 512

/* ---- what is compared ---- */

static const ch_input_question payload_question = {
    .descriptor = CH_OPT_PAYLOAD_FD,
    .name = "the payload",
    .not_typed = "name its file with --payload, pipe it in after the PIN, or give --payload-fd N",
    .rest_max_bytes = PAYLOAD_MAX_BYTES,
};

static void close_file(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* --payload FILE is --payload-fd of the opened file, whose number is written to `number`. */
static ch_status open_payload(ch_arguments *arguments, int *file, char number[static 12], ch_error *err)
{
    const char *path = arguments->option[CH_OPT_PAYLOAD];
    if (path == NULL)
        return CH_OK;
    if (arguments->option[CH_OPT_PAYLOAD_FD] != NULL)
        return ch_fail(err, CH_BAD_INPUT, "give either --payload or --payload-fd");
    *file = open(path, O_RDONLY | O_CLOEXEC);
    if (*file < 0)
        return ch_fail_errno(err, "opening the payload's file %s", path);
    snprintf(number, 12, "%d", *file);
    arguments->option[CH_OPT_PAYLOAD_FD] = number;
    return CH_OK;
}

static bool has_size(const ch_mechanism *mechanism, size_t size)
{
    if (mechanism->key_type == CKK_RSA)
        return size >= 256 && size <= mechanism->signature_size_bytes;
    return size == mechanism->signature_size_bytes;
}

/* Without a profile, the encoding is the one by which the text has the right size: no two of them give it. */
static ch_status decode_signature(ch_slice text, const ch_choice *choice, bool has_profile, ch_buffer *out,
                                  ch_error *err)
{
    static const ch_encoding all[] = {CH_ENCODE_HEX, CH_ENCODE_BASE64, CH_ENCODE_BASE64URL};
    ch_error reason = CH_ERROR_INIT;
    if (has_profile)
        return ch_decode(out, choice->signature, text, err) == CH_OK
                   ? CH_OK
                   : ch_error_wrap(err, "the signature is not in the encoding of this scheme");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        ch_buffer_clear(out);
        if (ch_decode(out, all[i], text, &reason) == CH_OK && has_size(choice->mechanism, out->size))
            return CH_OK;
    }
    return ch_fail(err, CH_BAD_INPUT, "the signature is not one of %s in hex, base64 or base64url; copy all of it",
                   choice->mechanism->name);
}

/* As the exchange writes it; from a URL perhaps percent-encoded, which no encoding of signatures can be taken for. */
static ch_status read_signature(const ch_arguments *arguments, const ch_choice *choice, ch_buffer *out, ch_error *err)
{
    const char *text = NULL;
    ch_autobuffer plain = CH_BUFFER_INIT;
    CH_TRY(ch_option_required(arguments, CH_OPT_SIGNATURE, &text, err));
    if (!ch_decode_percent(&plain, ch_slice_of(text), false))
        return ch_fail(err, CH_BAD_INPUT, "the signature has a '%%' that begins no escape; copy it again");
    CH_TRY(decode_signature(ch_buffer_slice(&plain), choice, arguments->option[CH_OPT_PROFILE] != NULL, out, err));
    if (has_size(choice->mechanism, out->size))
        return CH_OK;
    if (choice->mechanism->key_type == CKK_RSA)
        return ch_fail(err, CH_BAD_INPUT,
                       "this signature has %zu bytes, and those of RSA keys have 256 to 512; copy all "
                       "of it",
                       out->size);
    return ch_fail(err, CH_BAD_INPUT, "this signature has %zu bytes, and those of %s have %zu; copy all of it",
                   out->size, choice->mechanism->name, choice->mechanism->signature_size_bytes);
}

/* ---- the token ---- */

typedef struct subject {
    ch_opened_token *opened;
    const char *uri;
    const ch_secret *pin;
    ch_key_object key;
    EVP_PKEY *public_key; /* NULL: an HMAC key */
} subject;

static void subject_free(subject *key)
{
    EVP_PKEY_free(key->public_key);
}
#define auto_subject __attribute__((cleanup(subject_free))) subject

static ch_status sign(const subject *key, ch_slice payload, uint8_t signature[static SIGNATURE_MAX], size_t *size,
                      ch_error *err)
{
    if ((key->key.lapses & ch_lapse_of_type(CKA_ALWAYS_AUTHENTICATE)) != 0)
        return ch_key_sign_with_pin(&key->opened->session, &key->key, key->pin, payload, signature, SIGNATURE_MAX, size,
                                    err);
    return ch_key_sign(&key->opened->session, &key->key, payload, signature, SIGNATURE_MAX, size, err);
}

static ch_status compare(const subject *key, ch_slice payload, ch_slice known, bool *is_match, ch_error *err)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t size = 0;
    CH_TRY(sign(key, payload, signature, &size, err));
    if (key->public_key == NULL) {
        *is_match = size == known.size && CRYPTO_memcmp(signature, known.data, size) == 0;
        return CH_OK;
    }
    if (!ch_signature_is_good(key->public_key, key->key.mechanism, payload, (ch_slice){signature, size}))
        return ch_fail(
            err, CH_TOKEN,
            "the public key on the token that fits '%s' is not the private key's own; delete both and import "
            "the key again",
            key->uri);
    *is_match = ch_signature_is_good(key->public_key, key->key.mechanism, payload, known);
    return CH_OK;
}

static ch_status find_key(subject *key, const ch_mechanism *mechanism, ch_error *err)
{
    ch_error ignored = CH_ERROR_INIT; /* what it may do besides does not matter here, but whether it takes the PIN */
    CH_TRY(ch_key_find(&key->opened->session, key->uri, mechanism, &key->key, err));
    ch_ignore(ch_key_verify(&key->opened->session, &key->key, 0, &ignored));
    return mechanism->key_class == CKO_SECRET_KEY
               ? CH_OK
               : ch_key_public(&key->opened->session, key->uri, &key->public_key, err);
}

/* ---- the answer ---- */

static size_t line_end_size(ch_slice payload)
{
    if (payload.size == 0 || payload.data[payload.size - 1] != '\n')
        return 0;
    return payload.size > 1 && payload.data[payload.size - 2] == '\r' ? 2 : 1;
}

/* Files end in a line end that was not signed, so that is tried too. Some payloads do end in one. */
static ch_status compare_both(const subject *key, ch_slice payload, ch_slice known, bool *is_match, bool *is_shortened,
                              ch_error *err)
{
    size_t end = line_end_size(payload);
    *is_shortened = false;
    CH_TRY(compare(key, payload, known, is_match, err));
    if (*is_match || end == 0 || end == payload.size)
        return CH_OK;
    *is_shortened = true;
    payload.size -= end;
    return compare(key, payload, known, is_match, err);
}

static ch_status report(const ch_arguments *arguments, const ch_choice *choice, bool is_match, bool is_shortened,
                        ch_error *err)
{
    if (arguments->option[CH_OPT_JSON] != NULL) {
        ch_autojansson answer = json_pack("{s:b}", "match", is_match);
        CH_TRY(ch_output_json(answer, err));
    } else if (is_match) {
        printf("Match: this key made the signature, by %s%s.\n", choice->mechanism->name,
               is_shortened ? "; the line end at the end of the payload was not signed" : "");
    }
    if (is_match)
        return CH_OK;
    return ch_fail(
        err, CH_REFUSED,
        "no match: the signature of this payload by key '%s' is another one. Look whether the payload is what "
        "was signed, to the byte, and whether the signature is of this key and scheme; if so, the key that was "
        "imported is not the one that made it: delete it and import the right one",
        arguments->positional[0]);
}

static ch_status check(const ch_arguments *arguments, ch_error *err)
{
    ch_choice choice;
    ch_autofree char *uri = NULL;
    ch_autobuffer known = CH_BUFFER_INIT;
    ch_autosecret payload = CH_SECRET_INIT;
    ch_autoaccess access = CH_KEY_ACCESS_INIT;
    ch_autoopened opened = {0};
    bool is_match = false;
    bool is_shortened = false;
    CH_TRY(ch_choice_read(arguments, "hmac", &choice, err));
    CH_TRY(ch_argument_object(arguments->positional[0], &uri, err));
    CH_TRY(read_signature(arguments, &choice, &known, err));
    CH_TRY(ch_key_access_ask(arguments, &payload_question, &access, err));
    CH_TRY(ch_input_secret(arguments, &payload_question, NULL, &payload, err));
    CH_TRY(ch_key_access_open(&access, false, &opened, err));
    auto_subject key = {.opened = &opened, .uri = uri, .pin = &access.pin};
    CH_TRY(find_key(&key, choice.mechanism, err));
    CH_TRY(compare_both(&key, (ch_slice){payload.data, payload.size}, ch_buffer_slice(&known), &is_match, &is_shortened,
                        err));
    return report(arguments, &choice, is_match, is_shortened, err);
}

ch_status ch_key_check_run(const ch_arguments *arguments, ch_error *err)
{
    __attribute__((cleanup(close_file))) int file = -1;
    char number[12];
    ch_arguments with_file = *arguments; /* a view: the list of positional arguments stays the caller's */
    CH_TRY(open_payload(&with_file, &file, number, err));
    return check(&with_file, err);
}
