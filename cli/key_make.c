/* Every secret that is needed is read before the token is opened, so that a missing one costs neither a try of the PIN
 * nor a half-done change. */
#include "cli/key_make.h"

#include "base/encode.h"
#include "base/memory.h"
#include "cli/jansson.h"
#include "cli/key_access.h"
#include "cli/key_choice.h"
#include "cli/private_key.h"
#include "cli/secret_input.h"
#include "cli/secret_text.h"
#include "pkcs11/key.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- public keys ---- */

static ch_status add_pem(const EVP_PKEY *key, ch_buffer *out, ch_error *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long size = bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1 ? BIO_get_mem_data(bio, &text) : 0;
    if (size > 0)
        ch_buffer_add(out, text, (size_t)size);
    BIO_free(bio);
    return size > 0 ? CH_OK : ch_fail(err, CH_INTERNAL, "OpenSSL can't write this public key");
}

static ch_status add_base64(const EVP_PKEY *key, ch_buffer *out, ch_error *err)
{
    uint8_t *der = NULL;
    int size = i2d_PUBKEY(key, &der);
    if (size <= 0)
        return ch_fail(err, CH_INTERNAL, "OpenSSL can't write this public key");
    ch_encode(out, CH_ENCODE_BASE64, (ch_slice){der, (size_t)size});
    ch_buffer_add_byte(out, '\n');
    OPENSSL_free(der);
    return CH_OK;
}

/* SubjectPublicKeyInfo, the form that exchanges' pages ask for. */
ch_status ch_key_add_public(ch_session *session, const char *uri, bool is_pem, ch_buffer *out, ch_error *err)
{
    EVP_PKEY *key = NULL;
    CH_TRY(ch_key_public(session, uri, &key, err));
    ch_status st = is_pem ? add_pem(key, out, err) : add_base64(key, out, err);
    EVP_PKEY_free(key);
    return st;
}

/* ---- import and generate ---- */

static char *object_uri(const char *label)
{
    ch_autobuffer uri = CH_BUFFER_INIT;
    ch_buffer_add_text(&uri, "pkcs11:object=");
    ch_encode_percent(&uri, ch_slice_of(label), "");
    return ch_strdup(ch_buffer_text(&uri));
}

void ch_made_key_free(ch_made_key *made)
{
    free(made->uri);
    ch_buffer_free(&made->public_pem);
}

json_t *ch_made_key_json(ch_made_key *made)
{
    json_t *key = json_pack("{s:o s:o s:s}", "label", ch_jansson_text(made->label), "object",
                            ch_jansson_text(made->uri), "mechanism", made->mechanism->name);
    if (made->public_pem.size > 0)
        json_object_set_new(key, "public_key", ch_jansson_text(ch_buffer_text(&made->public_pem)));
    if (made->end.is_given)
        json_object_set_new(key, "end_date", made->end.is_kept ? json_string(made->end.last_day) : json_null());
    return key;
}

void ch_made_key_tell(const ch_made_key *made)
{
    if (made->end.is_given && !made->end.is_kept)
        fprintf(stderr, "note: this token keeps no dates of keys; write 'expires' into the key's policy, by which the "
                        "agent goes\n");
    fprintf(stderr, "Key %s for %s: %s\n", made->is_generated ? "generated" : "imported", made->mechanism->name,
            made->uri);
}

/* A key in memory, on its way to the token. */
typedef struct new_key {
    ch_secret secret;      /* for HMAC */
    EVP_PKEY *private_key; /* else */
    ch_buffer taken;       /* what was taken for it, for people */
} new_key;

static void new_key_free(new_key *key)
{
    ch_secret_wipe(&key->secret);
    EVP_PKEY_free(key->private_key);
    ch_buffer_free(&key->taken);
}
#define auto_new_key __attribute__((cleanup(new_key_free))) new_key

static bool is_secret_key(const ch_choice *choice)
{
    return choice->mechanism->key_class == CKO_SECRET_KEY;
}

static ch_status read_key(const ch_arguments *arguments, const ch_choice *choice, const ch_secret *text, new_key *out,
                          ch_error *err)
{
    if (!is_secret_key(choice))
        return ch_private_key_read(text, choice->mechanism, &out->private_key, &out->taken, err);
    const ch_secret_form form = {choice->encoding, choice->shape.max == 0 ? NULL : &choice->shape,
                                 arguments->option[CH_OPT_PROFILE], arguments->option[CH_OPT_AS_IS] != NULL};
    return ch_secret_text_read(text, &form, &out->secret, &out->taken, err);
}

static ch_status import(ch_session *session, const char *label, const ch_mechanism *mechanism, const new_key *key,
                        ch_error *err)
{
    if (key->private_key != NULL)
        return ch_key_import_pair(session, label, mechanism, key->private_key, err);
    return ch_key_import_hmac(session, label, mechanism, &key->secret, err);
}

/* The key is on the token by now; its dates are noted last. */
static ch_status finish(ch_session *session, const ch_choice *choice, ch_made_key *made, ch_error *err)
{
    made->mechanism = choice->mechanism;
    made->uri = object_uri(made->label);
    return ch_key_end_note(session, made->uri, &made->end, err);
}

static ch_status check_form(const ch_arguments *arguments, const ch_choice *choice, ch_error *err)
{
    if (arguments->option[CH_OPT_PEM] != NULL && is_secret_key(choice))
        return ch_fail(err, CH_BAD_INPUT, "%s takes an API secret, not a private key; leave --pem out",
                       choice->mechanism->name);
    if (!is_secret_key(choice) && arguments->option[CH_OPT_ENCODING] != NULL)
        return ch_fail(err, CH_BAD_INPUT, "--encoding is for API secrets; leave it out for a private key");
    if (!is_secret_key(choice) && arguments->option[CH_OPT_AS_IS] != NULL)
        return ch_fail(err, CH_BAD_INPUT, "--as-is is for API secrets; leave it out for a private key");
    return CH_OK;
}

static ch_status choose(const ch_arguments *arguments, const ch_scheme *scheme, const char *default_scheme,
                        ch_choice *out, ch_error *err)
{
    return scheme != NULL ? ch_choice_of_scheme(arguments, scheme, out, err)
                          : ch_choice_read(arguments, default_scheme, out, err);
}

ch_status ch_key_make_check(const ch_arguments *arguments, const ch_secret *text, ch_error *err)
{
    ch_choice choice;
    auto_new_key key = {.secret = CH_SECRET_INIT, .taken = CH_BUFFER_INIT};
    CH_TRY(ch_choice_read(arguments, NULL, &choice, err));
    return read_key(arguments, &choice, text, &key, err);
}

ch_status ch_key_make_sign(const ch_arguments *arguments, const ch_secret *text, ch_slice payload, ch_buffer *out,
                           ch_error *err)
{
    ch_choice choice;
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    auto_new_key key = {.secret = CH_SECRET_INIT, .taken = CH_BUFFER_INIT};
    CH_TRY(ch_choice_read(arguments, NULL, &choice, err));
    CH_TRY(read_key(arguments, &choice, text, &key, err));
    if (key.private_key != NULL)
        return CH_OK;
    if (HMAC(EVP_get_digestbyname(choice.mechanism->hash), key.secret.data, (int)key.secret.size, payload.data,
             payload.size, mac, &size) == NULL)
        return ch_fail(err, CH_INTERNAL, "OpenSSL makes no %s", choice.mechanism->name);
    ch_encode(out, choice.signature, (ch_slice){mac, size});
    return CH_OK;
}

static ch_status import_key(const ch_arguments *arguments, const ch_scheme *scheme, ch_made_key *made, ch_error *err)
{
    static const ch_input_question secret_question = {
        .descriptor = CH_OPT_SECRET_FD, .name = "the API secret", .prompt = "API secret: ", .rest_max_bytes = 4095};
    static const ch_input_question private_question = {
        .descriptor = CH_OPT_SECRET_FD,
        .name = "the private key",
        .prompt = "Private key, on one line (pass a file with --secret-fd 3 3<FILE): ",
        .rest_max_bytes = 16000};
    ch_choice choice;
    ch_autoaccess access = CH_KEY_ACCESS_INIT;
    ch_autosecret text = CH_SECRET_INIT;
    auto_new_key key = {.secret = CH_SECRET_INIT, .taken = CH_BUFFER_INIT};
    ch_autoopened opened = {0};
    CH_TRY(choose(arguments, scheme, arguments->option[CH_OPT_PEM] != NULL ? NULL : "hmac", &choice, err));
    CH_TRY(check_form(arguments, &choice, err));
    const ch_input_question *question = is_secret_key(&choice) ? &secret_question : &private_question;
    CH_TRY(ch_key_access_ask(arguments, question, &access, err));
    CH_TRY(ch_input_secret(arguments, question, NULL, &text, err));
    CH_TRY(read_key(arguments, &choice, &text, &key, err));
    CH_TRY(ch_key_access_open(&access, true, &opened, err));
    CH_TRY(import(&opened.session, made->label, choice.mechanism, &key, err));
    fprintf(stderr, "taken: %s\n", ch_buffer_text(&key.taken));
    return finish(&opened.session, &choice, made, err);
}

static ch_status read_bits(const ch_arguments *arguments, const ch_mechanism *mechanism, unsigned *out, ch_error *err)
{
    *out = 0;
    if (arguments->option[CH_OPT_BITS] == NULL)
        return CH_OK;
    CH_TRY(ch_option_number(arguments, CH_OPT_BITS, 8192, out, err));
    if (*out != 0 && mechanism->key_type != CKK_RSA)
        return ch_fail(err, CH_BAD_INPUT, "--bits is for RSA keys; those of %s have one size", mechanism->name);
    return CH_OK;
}

static ch_status generate_key(const ch_arguments *arguments, const ch_scheme *scheme, ch_made_key *made, ch_error *err)
{
    unsigned bits = 0;
    ch_choice choice;
    ch_autoaccess access = CH_KEY_ACCESS_INIT;
    ch_autoopened opened = {0};
    CH_TRY(choose(arguments, scheme, NULL, &choice, err));
    CH_TRY(read_bits(arguments, choice.mechanism, &bits, err));
    CH_TRY(ch_key_access_ask(arguments, NULL, &access, err));
    CH_TRY(ch_key_access_open(&access, true, &opened, err));
    CH_TRY(ch_key_generate(&opened.session, made->label, choice.mechanism, bits, err));
    made->is_generated = true;
    CH_TRY(finish(&opened.session, &choice, made, err));
    return is_secret_key(&choice) ? CH_OK : ch_key_add_public(&opened.session, made->uri, true, &made->public_pem, err);
}

ch_status ch_key_make(const ch_arguments *arguments, const ch_scheme *scheme, bool is_generated, ch_made_key *made,
                      ch_error *err)
{
    CH_TRY(ch_option_required(arguments, CH_OPT_LABEL, &made->label, err));
    CH_TRY(ch_key_end_read(arguments, &made->end, err));
    return is_generated ? generate_key(arguments, scheme, made, err) : import_key(arguments, scheme, made, err);
}
