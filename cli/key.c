/* The key family. Each command reads every secret that it needs before it opens the token, so that a missing one costs
 * neither a try of the PIN nor a half-done change. */
#include "base/buffer.h"
#include "base/encode.h"
#include "base/memory.h"
#include "base/slice.h"
#include "cli/commands.h"
#include "cli/jansson.h"
#include "cli/key_choice.h"
#include "cli/output.h"
#include "cli/secret_input.h"
#include "pkcs11/key.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

/* ---- the token ---- */

/* A token, opened and logged in, with one session. The session is closed before the token. */
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
typedef struct token_access {
    const char *module;
    char *uri;
    ch_secret pin;
} token_access;

static void access_close(token_access *access)
{
    ch_secret_wipe(&access->pin);
    ch_autofree_(&access->uri);
}
#define auto_access __attribute__((cleanup(access_close))) token_access

static ch_status access_ask(const ch_arguments *arguments, token_access *access, ch_error *err)
{
    static const ch_input_question question = {
        .descriptor = CH_OPT_PIN_FD, .name = "the user PIN", .prompt = "User PIN: "};
    CH_TRY(ch_option_module(arguments, &access->module, err));
    CH_TRY(ch_option_token(arguments, &access->uri, err));
    return ch_input_secret(arguments, &question, &access->pin, err);
}

static ch_status open_token(const token_access *access, bool is_writable, opened_token *out, ch_error *err)
{
    CH_TRY(ch_token_open(access->module, access->uri, &out->token, err));
    CH_TRY(ch_token_login(out->token, &access->pin, err));
    CH_TRY(ch_session_open(out->token, is_writable, &out->session, err));
    out->has_session = true;
    return CH_OK;
}

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
static ch_status add_public(ch_session *session, const char *uri, bool is_pem, ch_buffer *out, ch_error *err)
{
    EVP_PKEY *key = NULL;
    CH_TRY(ch_key_public(session, uri, &key, err));
    ch_status st = is_pem ? add_pem(key, out, err) : add_base64(key, out, err);
    EVP_PKEY_free(key);
    return st;
}

/* ---- import and generate ---- */

static void add_object_uri(const char *label, ch_buffer *out)
{
    ch_buffer_add_text(out, "pkcs11:object=");
    ch_encode_percent(out, ch_slice_of(label), "");
}

static ch_status print_new_key_json(const char *label, const char *uri, const ch_mechanism *mechanism,
                                    ch_buffer *public_pem, ch_error *err)
{
    ch_autojansson key = json_pack("{s:o s:o s:s}", "label", ch_jansson_text(label), "object", ch_jansson_text(uri),
                                   "mechanism", mechanism->name);
    if (public_pem->size > 0)
        json_object_set_new(key, "public_key", ch_jansson_text(ch_buffer_text(public_pem)));
    return ch_output_json(key, err);
}

/* Words for people go to stderr, so that stdout is a public key and nothing else. */
static ch_status print_new_key(const ch_arguments *arguments, const char *verb, const char *label,
                               const ch_mechanism *mechanism, ch_buffer *public_pem, ch_error *err)
{
    ch_autobuffer uri = CH_BUFFER_INIT;
    add_object_uri(label, &uri);
    if (arguments->option[CH_OPT_JSON] != NULL)
        return print_new_key_json(label, ch_buffer_text(&uri), mechanism, public_pem, err);
    fprintf(stderr, "Key %s for %s: %s\n", verb, mechanism->name, ch_buffer_text(&uri));
    if (public_pem->size > 0) {
        fprintf(stderr, "Register this public key at the exchange:\n");
        fputs(ch_buffer_text(public_pem), stdout);
    }
    return CH_OK;
}

static ch_status import(ch_session *session, const char *label, const ch_choice *choice, const ch_secret *text,
                        ch_error *err)
{
    if (choice->mechanism->key_class != CKO_SECRET_KEY)
        return ch_key_import_pem(session, label, choice->mechanism, text, err);
    ch_autosecret key = CH_SECRET_INIT;
    if (ch_decode_secret(&key, choice->encoding, text, err) != CH_OK)
        return ch_error_wrap(err, "the API secret is not in the encoding that --encoding or the profile says");
    return ch_key_import_hmac(session, label, choice->mechanism, &key, err);
}

static ch_status check_form(const ch_arguments *arguments, const ch_choice *choice, ch_error *err)
{
    bool is_pem = arguments->option[CH_OPT_PEM] != NULL;
    bool is_secret_key = choice->mechanism->key_class == CKO_SECRET_KEY;
    if (is_pem && is_secret_key)
        return ch_fail(err, CH_BAD_INPUT, "%s takes an API secret, not a private key; leave --pem out",
                       choice->mechanism->name);
    if (!is_pem && !is_secret_key)
        return ch_fail(err, CH_BAD_INPUT, "%s takes a private key; give --pem", choice->mechanism->name);
    if (is_pem && arguments->option[CH_OPT_ENCODING] != NULL)
        return ch_fail(err, CH_BAD_INPUT, "--encoding is for API secrets; leave it out with --pem");
    return CH_OK;
}

static ch_status run_import(const ch_arguments *arguments, ch_error *err)
{
    static const ch_input_question secret_question = {
        .descriptor = CH_OPT_SECRET_FD, .name = "the API secret", .prompt = "API secret: "};
    static const ch_input_question pem_question = {
        .descriptor = CH_OPT_SECRET_FD, .name = "the private key", .prompt = "", .is_pem = true};
    bool is_pem = arguments->option[CH_OPT_PEM] != NULL;
    const char *label = NULL;
    ch_choice choice;
    auto_access access = {NULL, NULL, CH_SECRET_INIT};
    ch_autosecret text = CH_SECRET_INIT;
    auto_opened opened = {0};
    ch_autobuffer no_public = CH_BUFFER_INIT;
    CH_TRY(ch_option_required(arguments, CH_OPT_LABEL, &label, err));
    CH_TRY(ch_choice_read(arguments, is_pem ? NULL : "hmac", &choice, err));
    CH_TRY(check_form(arguments, &choice, err));
    CH_TRY(access_ask(arguments, &access, err));
    CH_TRY(ch_input_secret(arguments, is_pem ? &pem_question : &secret_question, &text, err));
    CH_TRY(open_token(&access, true, &opened, err));
    CH_TRY(import(&opened.session, label, &choice, &text, err));
    return print_new_key(arguments, "imported", label, choice.mechanism, &no_public, err);
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

static ch_status run_generate(const ch_arguments *arguments, ch_error *err)
{
    const char *label = NULL;
    unsigned bits = 0;
    ch_choice choice;
    auto_access access = {NULL, NULL, CH_SECRET_INIT};
    auto_opened opened = {0};
    ch_autobuffer uri = CH_BUFFER_INIT;
    ch_autobuffer public_pem = CH_BUFFER_INIT;
    CH_TRY(ch_option_required(arguments, CH_OPT_LABEL, &label, err));
    CH_TRY(ch_choice_read(arguments, NULL, &choice, err));
    CH_TRY(read_bits(arguments, choice.mechanism, &bits, err));
    CH_TRY(access_ask(arguments, &access, err));
    CH_TRY(open_token(&access, true, &opened, err));
    CH_TRY(ch_key_generate(&opened.session, label, choice.mechanism, bits, err));
    add_object_uri(label, &uri);
    if (choice.mechanism->key_class == CKO_PRIVATE_KEY)
        CH_TRY(add_public(&opened.session, ch_buffer_text(&uri), true, &public_pem, err));
    return print_new_key(arguments, "generated", label, choice.mechanism, &public_pem, err);
}

/* ---- list ---- */

/* The first thing that a security team must know of a key. */
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

static ch_status run_list(const ch_arguments *arguments, ch_error *err)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title       member */
        { "LABEL",      "label" },
        { "TYPE",       "type" },
        { "ID",         "id" },
        { "ORIGIN",     "origin" },
        { "PROTECTION", "protection" },
        {0},
    };
    /* clang-format on */
    auto_access access = {NULL, NULL, CH_SECRET_INIT};
    auto_opened opened = {0};
    ch_autofree ch_key_info *keys = NULL;
    size_t count = 0;
    CH_TRY(access_ask(arguments, &access, err));
    CH_TRY(open_token(&access, false, &opened, err));
    CH_TRY(ch_key_list(&opened.session, &keys, &count, err));
    ch_autojansson rows = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(rows, key_row(&keys[i]));
    return ch_output_listing(arguments, "keys", rows, columns, "The token holds no keys.", err);
}

/* ---- public and delete ---- */

static ch_status run_public(const ch_arguments *arguments, ch_error *err)
{
    const char *format = arguments->option[CH_OPT_FORMAT] == NULL ? "pem" : arguments->option[CH_OPT_FORMAT];
    bool is_pem = strcmp(format, "pem") == 0;
    ch_autofree char *uri = NULL;
    auto_access access = {NULL, NULL, CH_SECRET_INIT};
    auto_opened opened = {0};
    ch_autobuffer text = CH_BUFFER_INIT;
    if (!is_pem && strcmp(format, "base64") != 0)
        return ch_fail(err, CH_BAD_INPUT, "unknown --format; use pem or base64");
    CH_TRY(ch_option_object(arguments, &uri, err));
    CH_TRY(access_ask(arguments, &access, err));
    CH_TRY(open_token(&access, false, &opened, err));
    CH_TRY(add_public(&opened.session, uri, is_pem, &text, err));
    if (arguments->option[CH_OPT_JSON] == NULL) {
        fputs(ch_buffer_text(&text), stdout);
        return CH_OK;
    }
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
    return ch_input_confirm(ch_buffer_text(&question), err);
}

static ch_status run_delete(const ch_arguments *arguments, ch_error *err)
{
    ch_autofree char *uri = NULL;
    auto_access access = {NULL, NULL, CH_SECRET_INIT};
    auto_opened opened = {0};
    CH_TRY(ch_option_object(arguments, &uri, err));
    CH_TRY(access_ask(arguments, &access, err));
    CH_TRY(confirm_delete(arguments, uri, access.uri, err));
    CH_TRY(open_token(&access, true, &opened, err));
    CH_TRY(ch_key_delete(&opened.session, uri, err));
    fprintf(stderr, "Deleted %s\n", uri);
    return CH_OK;
}

/* ---- the commands ---- */

#define ON_TOKEN (CH_OPTION(MODULE) | CH_OPTION(TOKEN) | CH_OPTION(PIN_FD))
#define FOR_EXCHANGE (CH_OPTION(PROFILE) | CH_OPTION(SCHEME) | CH_OPTION(PROFILES) | CH_OPTION(MECHANISM))

/* clang-format off */
const ch_command ch_commands_of_key[] = {
    {
        .family = "key",
        .name = "import",
        .syntax = {.options = ON_TOKEN | FOR_EXCHANGE | CH_OPTION(LABEL) | CH_OPTION(ENCODING) | CH_OPTION(PEM) |
                              CH_OPTION(SECRET_FD) | CH_OPTION(JSON)},
        .summary = "put an API secret or private key on a token",
        .details = "Imports an API secret (HMAC), or with --pem a private key. It can't be read\n"
                   "back from the token. On standard input, the user PIN comes first, on a line of\n"
                   "its own, then the secret: one line, or for PEM all the rest. If the exchange\n"
                   "takes public keys, use 'chancery key generate' instead: no copy exists then.",
        .examples = "  chancery key import --profile kraken --label kraken-main\n"
                    "  chancery key import --mechanism hmac-sha512 --encoding base64 --label k --pin-fd 3 3<pin < secret\n"
                    "  chancery key import --mechanism ed25519 --pem --label k --secret-fd 3 3<key.pem\n",
        .run = run_import,
    },
    {
        .family = "key",
        .name = "generate",
        .syntax = {.options = ON_TOKEN | FOR_EXCHANGE | CH_OPTION(LABEL) | CH_OPTION(BITS) | CH_OPTION(JSON)},
        .summary = "make a key on a token",
        .details = "Makes a key on the token, which it never leaves, and prints its public key in\n"
                   "PEM (SubjectPublicKeyInfo), the form that exchanges' API pages ask for.",
        .examples = "  chancery key generate --profile binance --scheme ed25519 --label binance-main\n"
                    "  chancery key generate --mechanism rsa-sha256 --bits 4096 --label k > public.pem\n",
        .run = run_generate,
    },
    {
        .family = "key",
        .name = "list",
        .syntax = {.options = ON_TOKEN | CH_OPTION(JSON)},
        .summary = "list a token's keys",
        .details = "Lists the secret and private keys of a token, and whether each is protected as\n"
                   "Chancery requires.",
        .examples = "  chancery key list --module softhsm2 --token pkcs11:token=demo\n"
                    "  chancery key list --pin-fd 3 --json 3<pin\n",
        .run = run_list,
    },
    {
        .family = "key",
        .name = "public",
        .syntax = {.options = ON_TOKEN | CH_OPTION(OBJECT) | CH_OPTION(FORMAT) | CH_OPTION(JSON)},
        .summary = "print a public key",
        .details = "Prints the public key that belongs to a private key: PEM, or the same\n"
                   "SubjectPublicKeyInfo as one line of base64.",
        .examples = "  chancery key public --object pkcs11:object=binance-main\n"
                    "  chancery key public --object binance-main --format base64\n",
        .run = run_public,
    },
    {
        .family = "key",
        .name = "delete",
        .syntax = {.options = ON_TOKEN | CH_OPTION(OBJECT) | CH_OPTION(YES)},
        .summary = "delete a key",
        .details = "Deletes a key and its public half from the token. It asks first, on the\n"
                   "terminal, unless --yes is given.",
        .examples = "  chancery key delete --object pkcs11:object=old-key\n"
                    "  chancery key delete --object old-key --yes --pin-fd 3 3<pin\n",
        .run = run_delete,
    },
    {0},
};
/* clang-format on */
