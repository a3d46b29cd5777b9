/* The key family. Each command reads every secret that it needs before it opens the token, so that a missing one costs
 * neither a try of the PIN nor a half-done change. */
#include "base/buffer.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/jansson.h"
#include "cli/key_access.h"
#include "cli/key_adopt.h"
#include "cli/key_check.h"
#include "cli/key_make.h"
#include "cli/output.h"
#include "cli/secret_input.h"
#include "pkcs11/key.h"

#include <stdio.h>
#include <string.h>

/* ---- import and generate ---- */

static ch_status print_made_json(ch_made_key *made, ch_error *err)
{
    ch_autojansson key = ch_made_key_json(made);
    return ch_output_json(key, err);
}

static ch_status run_import(const ch_arguments *arguments, ch_error *err)
{
    ch_automade made = CH_MADE_KEY_INIT;
    CH_TRY(ch_key_make(arguments, NULL, false, &made, err));
    ch_made_key_tell(&made);
    return arguments->option[CH_OPT_JSON] != NULL ? print_made_json(&made, err) : CH_OK;
}

/* Words for people go to stderr, so that stdout is a public key and nothing else. */
static ch_status run_generate(const ch_arguments *arguments, ch_error *err)
{
    ch_automade made = CH_MADE_KEY_INIT;
    CH_TRY(ch_key_make(arguments, NULL, true, &made, err));
    ch_made_key_tell(&made);
    if (arguments->option[CH_OPT_JSON] != NULL)
        return print_made_json(&made, err);
    if (made.public_pem.size > 0) {
        fprintf(stderr, "Register this public key at the exchange:\n");
        fputs(ch_buffer_text(&made.public_pem), stdout);
    }
    return CH_OK;
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
    CH_TRY(ch_key_add_public(&opened.session, uri, is_pem, &text, err));
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
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_done("deleted", json_pack("{s:o}", "object", ch_jansson_text(uri)), err);
    fprintf(stderr, "Deleted %s\n", uri);
    return CH_OK;
}

/* ---- the commands ---- */

#define FOR_EXCHANGE (CH_OPTION(PROFILE) | CH_OPTION(SCHEME) | CH_OPTION(PROFILES) | CH_OPTION(MECHANISM))

/* clang-format off */
const ch_command ch_commands_of_key[] = {
    {
        .family = "key",
        .name = "import",
        .syntax = {.options = CH_OPTIONS_ON_TOKEN | FOR_EXCHANGE | CH_OPTION(LABEL) | CH_OPTION(ENCODING) |
                              CH_OPTION(AS_IS) | CH_OPTION(PEM) | CH_OPTION(EXPIRES) | CH_OPTION(SECRET_FD) | CH_OPTION(JSON)},
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
                   .options = CH_OPTIONS_ON_TOKEN | FOR_EXCHANGE | CH_OPTION(SIGNATURE) | CH_OPTION(PAYLOAD) |
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
        .syntax = {.options = CH_OPTIONS_ON_TOKEN | FOR_EXCHANGE | CH_OPTION(LABEL) | CH_OPTION(BITS) |
                              CH_OPTION(EXPIRES) | CH_OPTION(JSON)},
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
                   .options = CH_OPTIONS_ON_TOKEN | CH_OPTION(DRY_RUN) | CH_OPTION(JSON)},
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
        .syntax = {.options = CH_OPTIONS_ON_TOKEN | CH_OPTION(JSON)},
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
        .syntax = {.options = CH_OPTIONS_ON_TOKEN | CH_OPTION(OBJECT) | CH_OPTION(FORMAT) | CH_OPTION(JSON)},
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
        .syntax = {.options = CH_OPTIONS_ON_TOKEN | CH_OPTION(OBJECT) | CH_OPTION(YES) | CH_OPTION(JSON)},
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
