/* The key family. Each command reads every secret that it needs before it opens the token, so that a missing one costs
 * neither a try of the PIN nor a half-done change. */
#include "base/buffer.h"
#include "base/encode.h"
#include "base/memory.h"
#include "base/slice.h"
#include "cli/commands.h"
#include "cli/jansson.h"
#include "cli/key_access.h"
#include "cli/key_adopt.h"
#include "cli/key_check.h"
#include "cli/key_choice.h"
#include "cli/key_end.h"
#include "cli/output.h"
#include "cli/private_key.h"
#include "cli/secret_input.h"
#include "cli/secret_text.h"
#include "pkcs11/key.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

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

/* What was made, and what people are told of it. */
typedef struct made_key {
    const char *verb;
    const char *label;
    const ch_mechanism *mechanism;
    const char *uri;
    ch_key_end end;
    ch_buffer public_pem; /* empty: it has no public half */
} made_key;

static void made_key_free(made_key *made)
{
    ch_buffer_free(&made->public_pem);
}
#define auto_made __attribute__((cleanup(made_key_free))) made_key

static ch_status print_new_key_json(made_key *made, ch_error *err)
{
    ch_autojansson key = json_pack("{s:o s:o s:s}", "label", ch_jansson_text(made->label), "object",
                                   ch_jansson_text(made->uri), "mechanism", made->mechanism->name);
    if (made->public_pem.size > 0)
        json_object_set_new(key, "public_key", ch_jansson_text(ch_buffer_text(&made->public_pem)));
    if (made->end.is_given)
        json_object_set_new(key, "end_date", made->end.is_kept ? json_string(made->end.last_day) : json_null());
    return ch_output_json(key, err);
}

/* Words for people go to stderr, so that stdout is a public key and nothing else. */
static ch_status print_new_key(const ch_arguments *arguments, made_key *made, ch_error *err)
{
    if (made->end.is_given && !made->end.is_kept)
        fprintf(stderr, "note: this token keeps no dates of keys; write 'expires' into the key's policy, by which the "
                        "agent goes\n");
    if (arguments->option[CH_OPT_JSON] != NULL)
        return print_new_key_json(made, err);
    fprintf(stderr, "Key %s for %s: %s\n", made->verb, made->mechanism->name, made->uri);
    if (made->public_pem.size > 0) {
        fprintf(stderr, "Register this public key at the exchange:\n");
        fputs(ch_buffer_text(&made->public_pem), stdout);
    }
    return CH_OK;
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

/* The key is there: what its note says comes after. */
static ch_status finish(ch_session *session, const char *label, const ch_mechanism *mechanism, ch_buffer *uri,
                        made_key *made, ch_error *err)
{
    add_object_uri(label, uri);
    made->label = label;
    made->mechanism = mechanism;
    made->uri = ch_buffer_text(uri);
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

static ch_status run_import(const ch_arguments *arguments, ch_error *err)
{
    static const ch_input_question secret_question = {
        .descriptor = CH_OPT_SECRET_FD, .name = "the API secret", .prompt = "API secret: ", .rest_max_bytes = 4095};
    static const ch_input_question private_question = {
        .descriptor = CH_OPT_SECRET_FD,
        .name = "the private key",
        .prompt = "Private key, on one line (pass a file with --secret-fd 3 3<FILE): ",
        .rest_max_bytes = 16000};
    const char *label = NULL;
    ch_choice choice;
    ch_autoaccess access = CH_KEY_ACCESS_INIT;
    ch_autosecret text = CH_SECRET_INIT;
    auto_new_key key = {.secret = CH_SECRET_INIT, .taken = CH_BUFFER_INIT};
    ch_autoopened opened = {0};
    ch_autobuffer uri = CH_BUFFER_INIT;
    auto_made made = {.verb = "imported", .public_pem = CH_BUFFER_INIT};
    CH_TRY(ch_option_required(arguments, CH_OPT_LABEL, &label, err));
    CH_TRY(ch_key_end_read(arguments, &made.end, err));
    CH_TRY(ch_choice_read(arguments, arguments->option[CH_OPT_PEM] != NULL ? NULL : "hmac", &choice, err));
    CH_TRY(check_form(arguments, &choice, err));
    const ch_input_question *question = is_secret_key(&choice) ? &secret_question : &private_question;
    CH_TRY(ch_key_access_ask(arguments, question, &access, err));
    CH_TRY(ch_input_secret(arguments, question, NULL, &text, err));
    CH_TRY(read_key(arguments, &choice, &text, &key, err));
    CH_TRY(ch_key_access_open(&access, true, &opened, err));
    CH_TRY(import(&opened.session, label, choice.mechanism, &key, err));
    fprintf(stderr, "taken: %s\n", ch_buffer_text(&key.taken));
    CH_TRY(finish(&opened.session, label, choice.mechanism, &uri, &made, err));
    return print_new_key(arguments, &made, err);
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
    ch_autoaccess access = CH_KEY_ACCESS_INIT;
    ch_autoopened opened = {0};
    ch_autobuffer uri = CH_BUFFER_INIT;
    auto_made made = {.verb = "generated", .public_pem = CH_BUFFER_INIT};
    CH_TRY(ch_option_required(arguments, CH_OPT_LABEL, &label, err));
    CH_TRY(ch_key_end_read(arguments, &made.end, err));
    CH_TRY(ch_choice_read(arguments, NULL, &choice, err));
    CH_TRY(read_bits(arguments, choice.mechanism, &bits, err));
    CH_TRY(ch_key_access_ask(arguments, NULL, &access, err));
    CH_TRY(ch_key_access_open(&access, true, &opened, err));
    CH_TRY(ch_key_generate(&opened.session, label, choice.mechanism, bits, err));
    CH_TRY(finish(&opened.session, label, choice.mechanism, &uri, &made, err));
    if (choice.mechanism->key_class == CKO_PRIVATE_KEY)
        CH_TRY(add_public(&opened.session, made.uri, true, &made.public_pem, err));
    return print_new_key(arguments, &made, err);
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
    if (key->can_other)
        return "may do more than sign";
    return key->takes_pin ? "takes the PIN each time" : "ok";
}

static json_t *key_row(const ch_key_info *key)
{
    return json_pack("{s:o s:s s:s s:s s:b s:b s:b s:b s:b s:b s:s s:s s:s}", "label", ch_jansson_text(key->label),
                     "id", key->id_hex, "type", key->type, "origin", key->is_local ? "generated" : "imported",
                     "sensitive", key->is_sensitive, "extractable", key->is_extractable, "private", key->is_private,
                     "can_sign", key->can_sign, "can_other", key->can_other, "takes_pin", key->takes_pin, "start_date",
                     key->start_date, "end_date", key->end_date, "protection", key_warning(key));
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
        { "ENDS",       "end_date" },
        { "PROTECTION", "protection" },
        {0},
    };
    /* clang-format on */
    ch_autoaccess access = CH_KEY_ACCESS_INIT;
    ch_autoopened opened = {0};
    ch_autofree ch_key_info *keys = NULL;
    size_t count = 0;
    CH_TRY(ch_key_access_ask(arguments, NULL, &access, err));
    CH_TRY(ch_key_access_open(&access, false, &opened, err));
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
    ch_autoaccess access = CH_KEY_ACCESS_INIT;
    ch_autoopened opened = {0};
    ch_autobuffer text = CH_BUFFER_INIT;
    if (!is_pem && strcmp(format, "base64") != 0)
        return ch_fail(err, CH_BAD_INPUT, "unknown --format; use pem or base64");
    CH_TRY(ch_option_object(arguments, &uri, err));
    CH_TRY(ch_key_access_ask(arguments, NULL, &access, err));
    CH_TRY(ch_key_access_open(&access, false, &opened, err));
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
    ch_autoaccess access = CH_KEY_ACCESS_INIT;
    ch_autoopened opened = {0};
    CH_TRY(ch_option_object(arguments, &uri, err));
    CH_TRY(ch_key_access_ask(arguments, NULL, &access, err));
    CH_TRY(confirm_delete(arguments, uri, access.uri, err));
    CH_TRY(ch_key_access_open(&access, true, &opened, err));
    CH_TRY(ch_key_delete(&opened.session, uri, err));
    fprintf(stderr, "Deleted %s\n", uri);
    return CH_OK;
}

/* ---- the commands ---- */

#define ON_TOKEN CH_OPTIONS_ON_TOKEN
#define FOR_EXCHANGE (CH_OPTION(PROFILE) | CH_OPTION(SCHEME) | CH_OPTION(PROFILES) | CH_OPTION(MECHANISM))

/* clang-format off */
const ch_command ch_commands_of_key[] = {
    {
        .family = "key",
        .name = "import",
        .syntax = {.options = ON_TOKEN | FOR_EXCHANGE | CH_OPTION(LABEL) | CH_OPTION(ENCODING) | CH_OPTION(AS_IS) |
                              CH_OPTION(PEM) | CH_OPTION(EXPIRES) | CH_OPTION(SECRET_FD) | CH_OPTION(JSON)},
        .summary = "put an API secret or private key on a token",
        .details = "Imports an API secret (HMAC), or a private key: PEM, the key file of Coinbase\n"
                   "(JSON), or its Ed25519 key in base64. It can't be read back from the token. On\n"
                   "standard input, the user PIN comes first, on a line of its own, then the secret\n"
                   "and nothing else. What is not beyond doubt is refused with the reason: blanks,\n"
                   "quotes, NAME=value, more than one value, another shape than the exchange's\n"
                   "secrets have; and masks, place-holders, paths and fewer than 16 bytes, unless\n"
                   "you give --as-is. Compare the key afterwards: 'chancery key check'. If the\n"
                   "exchange takes public keys, use 'chancery key generate' instead: no copy exists\n"
                   "then.",
        .examples = "  chancery key import --profile kraken --label kraken-main\n"
                    "  chancery key import --profile coinbase --scheme eddsa --label cb --secret-fd 3 3<key.json\n"
                    "  chancery key import --mechanism hmac-sha512 --encoding base64 --label k --pin-fd 3 3<pin < secret\n"
                    "  chancery key import --mechanism ed25519 --pem --label k --secret-fd 3 3<key.pem\n",
        .run = run_import,
    },
    {
        .family = "key",
        .name = "check",
        .syntax = {.positional = "KEY", .positional_min = 1, .positional_max = 1,
                   .options = ON_TOKEN | FOR_EXCHANGE | CH_OPTION(SIGNATURE) | CH_OPTION(PAYLOAD) |
                              CH_OPTION(PAYLOAD_FD) | CH_OPTION(JSON)},
        .summary = "compare a key with a signature that is known",
        .details = "Says whether a key, by its label or URI, makes a signature that you know: from\n"
                   "your old bot, or from the exchange's documentation. So a wrong import shows\n"
                   "before the first order. The payload is what was signed, to the byte: a file, a\n"
                   "descriptor, or standard input after the line of the PIN. What the token signs is\n"
                   "not shown. Exit status 0: the key made the signature; 3: it did not.",
        .examples = "  chancery key check binance-main --profile binance --signature c8db... --payload query\n"
                    "  chancery key check cb --profile coinbase --scheme eddsa --signature V2... --payload-fd 3 3<payload\n",
        .run = ch_key_check_run,
    },
    {
        .family = "key",
        .name = "generate",
        .syntax = {.options = ON_TOKEN | FOR_EXCHANGE | CH_OPTION(LABEL) | CH_OPTION(BITS) | CH_OPTION(EXPIRES) | CH_OPTION(JSON)},
        .summary = "make a key on a token",
        .details = "Makes a key on the token, which it never leaves, and prints its public key in\n"
                   "PEM (SubjectPublicKeyInfo), the form that exchanges' API pages ask for.",
        .examples = "  chancery key generate --profile binance --scheme ed25519 --label binance-main\n"
                    "  chancery key generate --mechanism rsa-sha256 --bits 4096 --label k > public.pem\n",
        .run = run_generate,
    },
    {
        .family = "key",
        .name = "adopt",
        .syntax = {.positional = "KEY", .positional_min = 1, .positional_max = 1,
                   .options = ON_TOKEN | CH_OPTION(DRY_RUN) | CH_OPTION(JSON)},
        .summary = "narrow a key that another tool made to signing",
        .details = "Takes away every right of the key that a signing key must not have, and makes it\n"
                   "sensitive and not extractable, as far as the token allows; none of it can be\n"
                   "undone. Prints what was wrong and what is left. If something is left, it says\n"
                   "with which 'tolerate' in its policy the agent would take the key, or that none\n"
                   "does. Exit status 0: the key may only sign; 3: something is left.",
        .examples = "  chancery key adopt old-key --dry-run\n"
                    "  chancery key adopt 'pkcs11:object=old-key;id=%01' --pin-fd 3 3<pin\n",
        .run = ch_key_adopt_run,
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
