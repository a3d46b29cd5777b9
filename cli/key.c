/* The key family. Each command reads every secret that it needs before it opens the token, so that a missing one costs
 * neither a try of the PIN nor a half-done change. */
#include "base/buffer.h"
#include "base/memory.h"
#include "cli/key_choice.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/secret_input.h"
#include "pkcs11/object.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

/* A token, opened and logged in, with one session; closed in the order that the module wants. */
typedef struct opened_token {
    ch_token *token;
    ch_session session;
    bool has_session;
} opened_token;

static void opened_close(opened_token *opened)
{
    if (opened->has_session)
        ch_session_close(&opened->session);
    if (opened->token != NULL)
        ch_token_close(opened->token);
}
#define auto_opened __attribute__((cleanup(opened_close))) opened_token

/* Which token, and its PIN. */
typedef struct access_to_token {
    const char *module;
    char *uri;
    ch_secret pin;
} access_to_token;

static void access_close(access_to_token *access)
{
    ch_secret_wipe(&access->pin);
    ch_autofree_(&access->uri);
}
#define auto_access __attribute__((cleanup(access_close))) access_to_token

static ch_status access_ask(const ch_arguments *arguments, access_to_token *access, ch_error *err)
{
    static const ch_secret_request ask_pin = {CH_OPT_PIN_FD, "the user PIN", "User PIN: ", false, false};
    ch_status st = ch_option_module(arguments, &access->module, err);
    if (st == CH_OK)
        st = ch_option_token(arguments, &access->uri, err);
    return st == CH_OK ? ch_secret_ask(arguments, &ask_pin, &access->pin, err) : st;
}

static ch_status open_token(const access_to_token *access, bool is_writable, opened_token *out, ch_error *err)
{
    ch_status st = ch_token_open(access->module, access->uri, &out->token, err);
    if (st == CH_OK)
        st = ch_token_login(out->token, &access->pin, err);
    if (st == CH_OK)
        st = ch_session_open(out->token, is_writable, &out->session, err);
    out->has_session = st == CH_OK;
    return st;
}

static ch_status public_text(EVP_PKEY *key, bool is_pem, ch_buffer *out, ch_error *err)
{
    uint8_t *der = NULL;
    int size = i2d_PUBKEY(key, &der); /* SubjectPublicKeyInfo: what exchanges' pages ask for */
    if (size <= 0)
        return ch_fail(err, CH_INTERNAL, "OpenSSL can't write this public key");
    ch_autobuffer base64 = CH_BUFFER_INIT;
    ch_encode(&base64, CH_ENCODE_BASE64, (ch_slice){der, (size_t)size});
    OPENSSL_free(der);
    if (!is_pem) {
        ch_buffer_add_slice(out, ch_buffer_slice(&base64));
        ch_buffer_add_byte(out, '\n');
        return CH_OK;
    }
    ch_buffer_add_text(out, "-----BEGIN PUBLIC KEY-----\n");
    for (size_t at = 0; at < base64.size; at += 64) {
        size_t left = base64.size - at;
        ch_buffer_add(out, base64.data + at, left < 64 ? left : 64);
        ch_buffer_add_byte(out, '\n');
    }
    ch_buffer_add_text(out, "-----END PUBLIC KEY-----\n");
    return CH_OK;
}

static ch_status fetch_public(ch_session *session, const char *uri, bool is_pem, ch_buffer *out, ch_error *err)
{
    EVP_PKEY *key = NULL;
    ch_status st = ch_key_public(session, uri, &key, err);
    if (st == CH_OK)
        st = public_text(key, is_pem, out, err);
    EVP_PKEY_free(key);
    return st;
}

static void object_uri(const char *label, ch_buffer *out)
{
    ch_buffer_add_text(out, "pkcs11:object=");
    ch_encode_percent(out, ch_slice_of(label), "");
}

/* Tells people on stderr and programs on stdout, so that a public key can be redirected as it is. */
static ch_status report_new_key(const ch_arguments *arguments, const char *verb, const char *label,
                                const ch_mechanism *mechanism, ch_buffer *public_pem, ch_error *err)
{
    ch_autobuffer uri = CH_BUFFER_INIT;
    object_uri(label, &uri);
    if (arguments->option[CH_OPT_JSON] != NULL) {
        ch_autojansson key = json_pack("{s:o s:o s:s}", "label", ch_jansson_text(label), "object",
                                       ch_jansson_text(ch_buffer_text(&uri)), "mechanism", mechanism->name);
        if (public_pem->size > 0)
            (void)json_object_set_new(key, "public_key", ch_jansson_text(ch_buffer_text(public_pem)));
        return ch_output_json(key, err);
    }
    (void)fprintf(stderr, "Key %s for %s: %s\n", verb, mechanism->name, ch_buffer_text(&uri));
    if (public_pem->size > 0) {
        (void)fprintf(stderr, "Give this public key to the exchange:\n");
        (void)fputs(ch_buffer_text(public_pem), stdout);
    }
    return CH_OK;
}

static ch_status import_secret(ch_session *session, const char *label, const ch_key_choice *choice,
                               const ch_secret *text, ch_error *err)
{
    if (choice->mechanism->key_class != CKO_SECRET_KEY)
        return ch_key_import_pem(session, label, choice->mechanism, text, err);
    ch_autosecret key = CH_SECRET_INIT;
    ch_status st = ch_decode_secret(&key, choice->encoding, text, err);
    if (st != CH_OK)
        return ch_error_wrap(err, "the API secret is not written as --encoding or the profile says");
    return ch_key_import_hmac(session, label, choice->mechanism, &key, err);
}

static ch_status check_form(const ch_arguments *arguments, const ch_key_choice *choice, ch_error *err)
{
    bool is_pem = arguments->option[CH_OPT_PEM] != NULL;
    bool is_secret_key = choice->mechanism->key_class == CKO_SECRET_KEY;
    if (is_pem && is_secret_key)
        return ch_fail(err, CH_BAD_INPUT, "%s takes an API secret, not a private key in PEM", choice->mechanism->name);
    if (!is_pem && !is_secret_key)
        return ch_fail(err, CH_BAD_INPUT, "%s takes a private key: say --pem", choice->mechanism->name);
    if (is_pem && arguments->option[CH_OPT_ENCODING] != NULL)
        return ch_fail(err, CH_BAD_INPUT, "--encoding is for API secrets; PEM needs none");
    return CH_OK;
}

ch_status ch_run_key_import(const ch_arguments *arguments, ch_error *err)
{
    static const ch_secret_request ask_secret = {CH_OPT_SECRET_FD, "the API secret", "API secret: ", false, false};
    static const ch_secret_request ask_pem = {CH_OPT_SECRET_FD, "the private key", "", false, true};
    const char *label = NULL;
    ch_key_choice choice = {NULL, CH_ENCODE_TEXT};
    auto_access access = {NULL, NULL, CH_SECRET_INIT};
    ch_autosecret text = CH_SECRET_INIT;
    bool is_pem = arguments->option[CH_OPT_PEM] != NULL;
    ch_status st = ch_option_required(arguments, CH_OPT_LABEL, &label, err);
    if (st == CH_OK)
        st = ch_key_choice_make(arguments, is_pem ? NULL : "hmac", &choice, err);
    if (st == CH_OK)
        st = check_form(arguments, &choice, err);
    if (st == CH_OK)
        st = access_ask(arguments, &access, err);
    if (st == CH_OK)
        st = ch_secret_ask(arguments, is_pem ? &ask_pem : &ask_secret, &text, err);
    if (st != CH_OK)
        return st;
    auto_opened opened = {0};
    ch_autobuffer no_public = CH_BUFFER_INIT;
    st = open_token(&access, true, &opened, err);
    if (st == CH_OK)
        st = import_secret(&opened.session, label, &choice, &text, err);
    return st == CH_OK ? report_new_key(arguments, "imported", label, choice.mechanism, &no_public, err) : st;
}

ch_status ch_run_key_generate(const ch_arguments *arguments, ch_error *err)
{
    const char *label = NULL;
    unsigned bits = 0;
    ch_key_choice choice = {NULL, CH_ENCODE_TEXT};
    auto_access access = {NULL, NULL, CH_SECRET_INIT};
    ch_status st = ch_option_required(arguments, CH_OPT_LABEL, &label, err);
    if (st == CH_OK)
        st = ch_key_choice_make(arguments, NULL, &choice, err);
    if (st == CH_OK && arguments->option[CH_OPT_BITS] != NULL)
        st = ch_option_number(arguments, CH_OPT_BITS, 8192, &bits, err);
    if (st == CH_OK && bits != 0 && choice.mechanism->key_type != CKK_RSA)
        st = ch_fail(err, CH_BAD_INPUT, "--bits is for RSA keys; %s has one size", choice.mechanism->name);
    if (st == CH_OK)
        st = access_ask(arguments, &access, err);
    if (st != CH_OK)
        return st;
    auto_opened opened = {0};
    ch_autobuffer uri = CH_BUFFER_INIT;
    ch_autobuffer public_pem = CH_BUFFER_INIT;
    object_uri(label, &uri);
    st = open_token(&access, true, &opened, err);
    if (st == CH_OK)
        st = ch_key_generate(&opened.session, label, choice.mechanism, bits, err);
    if (st == CH_OK && choice.mechanism->key_class == CKO_PRIVATE_KEY)
        st = fetch_public(&opened.session, ch_buffer_text(&uri), true, &public_pem, err);
    return st == CH_OK ? report_new_key(arguments, "generated", label, choice.mechanism, &public_pem, err) : st;
}

/* The first thing that a security team would want to know of a key. */
static const char *key_warning(const ch_key_info *key)
{
    if (key->is_extractable)
        return "extractable";
    if (!key->is_sensitive)
        return "not sensitive";
    if (!key->is_private)
        return "not private";
    if (!key->can_sign)
        return "can't sign";
    return key->can_other ? "may do more than sign" : "ok";
}

static json_t *key_row(const ch_key_info *key)
{
    return json_pack("{s:o s:s s:s s:s s:b s:b s:b s:b s:b s:s}", "label", ch_jansson_text(key->label), "id",
                     key->id_hex, "type", key->type, "origin", key->is_local ? "generated" : "imported", "sensitive",
                     key->is_sensitive, "extractable", key->is_extractable, "private", key->is_private, "can_sign",
                     key->can_sign, "can_other", key->can_other, "protection", key_warning(key));
}

ch_status ch_run_key_list(const ch_arguments *arguments, ch_error *err)
{
    static const ch_column columns[] = {
        {"LABEL",      "label"     },
        {"TYPE",       "type"      },
        {"ID",         "id"        },
        {"ORIGIN",     "origin"    },
        {"PROTECTION", "protection"}
    };
    auto_access access = {NULL, NULL, CH_SECRET_INIT};
    auto_opened opened = {0};
    ch_autofree ch_key_info *keys = NULL;
    size_t count = 0;
    ch_status st = access_ask(arguments, &access, err);
    if (st == CH_OK)
        st = open_token(&access, false, &opened, err);
    if (st == CH_OK)
        st = ch_key_list(&opened.session, &keys, &count, err);
    if (st != CH_OK)
        return st;
    ch_autojansson rows = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(rows, key_row(&keys[i]));
    return ch_output_listing(arguments, "keys", rows, columns, sizeof columns / sizeof columns[0],
                             "The token holds no keys.", err);
}

ch_status ch_run_key_public(const ch_arguments *arguments, ch_error *err)
{
    const char *format = arguments->option[CH_OPT_FORMAT] == NULL ? "pem" : arguments->option[CH_OPT_FORMAT];
    ch_autofree char *uri = NULL;
    auto_access access = {NULL, NULL, CH_SECRET_INIT};
    if (strcmp(format, "pem") != 0 && strcmp(format, "base64") != 0)
        return ch_fail(err, CH_BAD_INPUT, "--format is pem or base64");
    ch_status st = ch_option_object(arguments, &uri, err);
    if (st == CH_OK)
        st = access_ask(arguments, &access, err);
    if (st != CH_OK)
        return st;
    auto_opened opened = {0};
    ch_autobuffer text = CH_BUFFER_INIT;
    st = open_token(&access, false, &opened, err);
    if (st == CH_OK)
        st = fetch_public(&opened.session, uri, strcmp(format, "pem") == 0, &text, err);
    if (st != CH_OK)
        return st;
    if (arguments->option[CH_OPT_JSON] == NULL)
        return fputs(ch_buffer_text(&text), stdout) < 0 ? ch_fail_errno(err, "printing the public key") : CH_OK;
    ch_autojansson key =
        json_pack("{s:o s:o}", "object", ch_jansson_text(uri), "public_key", ch_jansson_text(ch_buffer_text(&text)));
    return ch_output_json(key, err);
}

static ch_status confirm_delete(const ch_arguments *arguments, const char *uri, const char *token_uri, ch_error *err)
{
    if (arguments->option[CH_OPT_YES] != NULL)
        return CH_OK;
    ch_autobuffer question = CH_BUFFER_INIT;
    ch_buffer_add_format(&question, "Delete %s on %s? It can't be brought back. [y/N] ", uri, token_uri);
    return ch_confirm(ch_buffer_text(&question), err);
}

ch_status ch_run_key_delete(const ch_arguments *arguments, ch_error *err)
{
    ch_autofree char *uri = NULL;
    auto_access access = {NULL, NULL, CH_SECRET_INIT};
    auto_opened opened = {0};
    ch_status st = ch_option_object(arguments, &uri, err);
    if (st == CH_OK)
        st = access_ask(arguments, &access, err);
    if (st == CH_OK)
        st = confirm_delete(arguments, uri, access.uri, err);
    if (st == CH_OK)
        st = open_token(&access, true, &opened, err);
    if (st == CH_OK)
        st = ch_key_delete(&opened.session, uri, err);
    if (st == CH_OK)
        (void)fprintf(stderr, "Deleted %s\n", uri);
    return st;
}
