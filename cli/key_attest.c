/* key attest: what the token says of a key now. The table and the conclusions go to standard output; that something is
 * not proven is the error. */
#include "base/buffer.h"
#include "base/encode.h"
#include "base/memory.h"
#include "base/utc.h"
#include "cli/commands.h"
#include "cli/jansson.h"
#include "cli/key_access.h"
#include "cli/output.h"
#include "cli/token_info.h"
#include "pkcs11/key_attest.h"
#include "pkcs11/print.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WORD                                                                                                           \
    "All of this is the word of the module, which nobody outside the token can check; it is worth as much as the "     \
    "token and its vendor are."

/* ---- the value ---- */

static const char *answer_name(ch_attest_answer answer)
{
    static const char *const names[] = {"unset", "set", "no answer"};
    return names[answer];
}

static const char *use_name(ch_attest_use use)
{
    static const char *const names[] = {"", "cannot leave", "never outside"};
    return names[use];
}

static json_t *attribute_row(const ch_attestation *key, size_t index)
{
    const ch_attest_row *row = ch_attest_row_at(index);
    ch_attest_use use = ch_attest_use_of(row, key->key_class);
    bool lacks = use != CH_ATTEST_FACT && ch_attestation_lacks(key, index, use);
    return json_pack("{s:s s:s s:s s:s s:s}", "attribute", row->name, "is", answer_name(key->answers[index]), "must_be",
                     use == CH_ATTEST_FACT ? ""
                     : row->must_be        ? "set"
                                           : "unset",
                     "proves", use_name(use), "lack", lacks ? row->lack : "");
}

static json_t *attribute_rows(const ch_attestation *key)
{
    json_t *all = json_array();
    for (size_t i = 0; ch_attest_row_at(i) != NULL; i++)
        json_array_append_new(all, attribute_row(key, i));
    return all;
}

/* Returns null in JSON if the key does not say. */
static json_t *mechanism_names(const ch_attestation *key)
{
    if (!key->has_mechanisms)
        return json_null();
    json_t *names = json_array();
    for (size_t i = 0; i < key->mechanism_count; i++)
        json_array_append_new(names, ch_mechanism_type_json(key->mechanisms[i]));
    return names;
}

/* With this, the exchange, or whoever registered the public key, can tell that it is this one. */
static json_t *public_digest(ch_session *session, const char *uri)
{
    ch_error ignored = CH_ERROR_INIT;
    EVP_PKEY *key = NULL;
    ch_autobuffer hex = CH_BUFFER_INIT;
    if (ch_key_public(session, uri, &key, &ignored) != CH_OK)
        return json_null();
    const ch_key_print print = ch_key_print_of_public(key);
    EVP_PKEY_free(key);
    ch_encode(&hex, CH_ENCODE_HEX, (ch_slice){print.bytes, print.size});
    return print.size == 0 ? json_null() : json_string(ch_buffer_text(&hex));
}

static json_t *describe(ch_session *session, const char *uri, const ch_attestation *key)
{
    char now[CH_UTC_TEXT_SIZE];
    char unknown[32];
    ch_utc_text((uint64_t)time(NULL), now);
    json_t *of = json_pack("{s:o s:s s:s s:s s:b s:b s:o s:o s:s s:s s:s}", "object", ch_jansson_text(uri), "read_at",
                           now, "type", key->info.type, "origin", key->info.is_local ? "generated" : "imported",
                           "cannot_leave", ch_attestation_proves(key, CH_ATTEST_HELD), "never_outside",
                           ch_attestation_proves(key, CH_ATTEST_HELD) && ch_attestation_proves(key, CH_ATTEST_BORN),
                           "attributes", attribute_rows(key), "mechanisms", mechanism_names(key), "start_date",
                           key->info.start_date, "end_date", key->info.end_date, "note", WORD);
    json_object_set_new(of, "size_bits", key->size_bits == 0 ? json_null() : json_integer((json_int_t)key->size_bits));
    json_object_set_new(of, "asked_to_wrap_it", json_string(ch_attestation_wrapped(key, unknown)));
    json_object_set_new(of, "public_key_sha256", public_digest(session, uri));
    return of;
}

/* ---- for people ---- */

static void print_lacks(const json_t *rows, const char *proof)
{
    size_t i;
    json_t *row;
    json_array_foreach((json_t *)rows, i, row)
    {
        if (*ch_jansson_member(row, "lack") != '\0' && strcmp(ch_jansson_member(row, "proves"), proof) == 0)
            printf("  %s is %s: %s\n", ch_jansson_member(row, "attribute"),
                   strcmp(ch_jansson_member(row, "is"), "no answer") == 0 ? "not answered for"
                                                                          : ch_jansson_member(row, "is"),
                   ch_jansson_member(row, "lack"));
    }
}

static void print_conclusion(const json_t *of, const char *member, const char *proof, const char *what)
{
    bool is_so = json_is_true(json_object_get(of, member));
    printf("%s: %s\n", is_so ? "Proven" : "Not proven", what);
    if (strcmp(ch_jansson_member(of, "asked_to_wrap_it"), "CKR_OK") == 0)
        puts("  asked to wrap it, the token did");
    if (!is_so)
        print_lacks(json_object_get(of, "attributes"), proof);
}

static void print_key(const json_t *of)
{
    json_int_t bits = json_integer_value(json_object_get(of, "size_bits"));
    const json_t *mechanisms = json_object_get(of, "mechanisms");
    ch_output_member(of, "", "object");
    ch_output_member(of, ": ", "type");
    if (bits > 0)
        printf(", %" JSON_INTEGER_FORMAT " bits", bits);
    ch_output_member(of, ", ", "origin");
    if (*ch_jansson_member(of, "end_date") != '\0') {
        ch_output_member(of, ", from ", "start_date");
        ch_output_member(of, " to ", "end_date");
    }
    ch_output_member(of, ", as read at ", "read_at");
    printf("\nMechanisms: ");
    ch_jansson_print_joined(mechanisms, "the key names none, so all of its type");
    if (json_is_string(json_object_get(of, "public_key_sha256")))
        ch_output_member(of, "\nSHA-256 of its public half: ", "public_key_sha256");
    puts("");
}

static void print_token(const json_t *of)
{
    const json_t *token = json_object_get(of, "token");
    const json_t *module = json_object_get(of, "module");
    ch_output_member(token, "Token: ", "label");
    ch_output_member(token, ", model ", "model");
    ch_output_member(token, " of ", "manufacturer");
    ch_output_member(token, ", serial number ", "serial");
    ch_output_member(token, ", firmware ", "firmware");
    ch_output_member(module, "\nModule: ", "module");
    ch_output_member(module, ", ", "description");
    ch_output_member(module, " ", "version");
    puts("\n");
}

static void print(const json_t *of)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title      member */
        { "ATTRIBUTE", "attribute" },
        { "IS",        "is" },
        { "MUST BE",   "must_be" },
        { "PROVES",    "proves" },
        {0},
    };
    /* clang-format on */
    print_key(of);
    print_token(of);
    ch_output_table(json_object_get(of, "attributes"), columns);
    ch_output_member(of, "\nAsked to wrap it, the token answered: ", "asked_to_wrap_it");
    puts("\n");
    print_conclusion(of, "cannot_leave", "cannot leave", "it cannot leave the token");
    print_conclusion(of, "never_outside", "never outside", "it was never outside of the token");
    puts(WORD);
}

/* ---- the command ---- */

static ch_status judge(const json_t *of, const char *uri, bool is_strict, ch_error *err)
{
    if (!json_is_true(json_object_get(of, "cannot_leave")))
        return ch_fail(err, CH_REFUSED, "the token's answers do not prove that '%s' cannot leave the token", uri);
    if (is_strict && !json_is_true(json_object_get(of, "never_outside")))
        return ch_fail(err, CH_REFUSED, "the token's answers do not prove that '%s' was never outside of the token",
                       uri);
    return CH_OK;
}

static ch_status run_attest(const ch_arguments *arguments, ch_error *err)
{
    ch_autofree char *uri = NULL;
    ch_autoaccess access = CH_KEY_ACCESS_INIT;
    ch_autoopened opened = {0};
    ch_autojansson token = NULL;
    ch_attestation key;
    CH_TRY(ch_argument_object(arguments->positional[0], &uri, err));
    CH_TRY(ch_key_access_ask(arguments, NULL, &access, err));
    CH_TRY(ch_key_access_open(&access, false, &opened, err));
    CH_TRY(ch_key_attest(&opened.session, uri, &key, err));
    CH_TRY(ch_token_info_describe(access.module.name, opened.token, &token, err));
    ch_autojansson of = describe(&opened.session, uri, &key);
    json_object_update(of, token);
    if (arguments->option[CH_OPT_JSON] != NULL)
        CH_TRY(ch_output_json(of, err));
    else
        print(of);
    return judge(of, uri, arguments->option[CH_OPT_STRICT] != NULL, err);
}

/* clang-format off */
const ch_command ch_commands_of_key_attest[] = {
    {
        .family = "key",
        .name = "attest",
        .syntax = {.positional = "KEY", .positional_min = 1, .positional_max = 1,
                   .options = CH_OPTIONS_ON_TOKEN | CH_OPTION(STRICT) | CH_OPTION(JSON)},
        .summary = "print what proves that a key cannot leave its token",
        .details = "Reads the attributes of a key, by its label or URI, from the token at this\n"
                   "moment, and says whether they prove that it cannot leave the token, and that it\n"
                   "was never outside: an imported key was. What the token does not answer counts\n"
                   "against the key. It is the module's word. Exit status 0: it cannot leave; 3: it\n"
                   "can, or that is not proven. With --strict it is 3 also if the key may have been\n"
                   "outside.",
        .examples = "  chancery key attest binance-main\n"
                    "  chancery key attest 'pkcs11:object=binance-main' --strict --json --pin-fd 3 3<pin\n",
        .run = run_attest,
    },
    {0},
};
/* clang-format on */
