/* key backup: makes none, and says so: a key that can be copied can be stolen. It asks the token what it could do, and
 * says what to do instead. */
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/jansson.h"
#include "cli/key_access.h"
#include "cli/output.h"
#include "cli/token_info.h"
#include "pkcs11/key_attest.h"
#include "pkcs11/token_facts.h"

#include <stdio.h>
#include <string.h>

/* ---- what the token says ---- */

static json_t *wrapping_mechanisms(ch_token *token, ch_error *err)
{
    ch_autofree ch_token_mechanism *rows = NULL;
    size_t count = 0;
    json_t *names = json_array();
    if (ch_token_mechanisms(token, &rows, &count, err) != CH_OK)
        return names;
    for (size_t i = 0; i < count; i++) {
        if ((rows[i].info.flags & CKF_WRAP) != 0)
            json_array_append_new(names, ch_mechanism_type_json(rows[i].type));
    }
    return names;
}

/* ---- what to do instead ---- */

static json_t *ways(bool is_software, bool is_pair)
{
    json_t *all = json_array();
    json_array_append_new(
        all, json_string(is_pair ? "Have two keys at the exchange: generate a second one on a second token, kept "
                                   "elsewhere, and register its public half now."
                                 : "Have two keys at the exchange: let it make a second one, import it on a second "
                                   "token, kept elsewhere, and do not keep its secret."));
    json_array_append_new(
        all,
        json_string("If the token is lost, rotate: delete the key at the exchange, make another one, and have the "
                    "policy name it. So keep the exchange account's own login, and its second factor, elsewhere."));
    if (is_software)
        json_array_append_new(
            all, json_string("The slot does not call itself hardware. If the token is made of files, as SoftHSM2's is, "
                             "a copy of these, made while nothing uses them, is a backup of all its keys; whoever has "
                             "the copy and the PIN, or the time to guess it, has the keys."));
    else
        json_array_append_new(
            all, json_string("The vendor may have a backup of its own, from device to device, which PKCS#11 does not "
                             "know: see its manual. Set it up before there are keys."));
    return all;
}

/* ---- for people ---- */

static void print_ways(const json_t *list)
{
    size_t i;
    json_t *way;
    json_array_foreach((json_t *)list, i, way)
    {
        printf("%zu. %s\n", i + 1, json_string_value(way));
    }
}

static void print(const json_t *of)
{
    bool is_impossible = strcmp(ch_jansson_member(of, "outcome"), "impossible") == 0;
    ch_output_member(of, "", "object");
    puts(is_impossible ? " cannot be copied, so there is no backup of it, and none can be made. That is what keeps a "
                         "thief from copying it."
                       : " can perhaps be taken off its token by whoever has the PIN. Chancery does not do it: no "
                         "policy holds a copy. 'chancery key attest' says what is not as it should be.");
    printf("Extractable: %s. The token wraps by: ", json_is_true(json_object_get(of, "extractable")) ? "yes" : "no");
    ch_jansson_print_joined(json_object_get(of, "wrapping_mechanisms"), "nothing");
    ch_output_member(of, ".\nAsked to wrap this key, it answered: ", "asked_to_wrap_it");
    puts("\n\nTo live without:");
    print_ways(json_object_get(of, "instead"));
}

/* ---- the command ---- */

static ch_status describe(ch_opened_token *opened, const char *uri, json_t **out, ch_error *err)
{
    char unknown[32];
    ch_attestation key;
    ch_token_facts facts;
    CH_TRY(ch_key_attest(&opened->session, uri, &key, err));
    CH_TRY(ch_token_facts_read(opened->token, &facts, err));
    bool is_software = (facts.slot.flags & CKF_HW_SLOT) == 0;
    *out = json_pack(
        "{s:o s:s s:b s:b s:s s:o s:o}", "object", ch_jansson_text(uri), "outcome",
        ch_attestation_proves(&key, CH_ATTEST_HELD) ? "impossible" : "unsafe", "extractable", key.info.is_extractable,
        "hardware", !is_software, "asked_to_wrap_it", ch_attestation_wrapped(&key, unknown), "wrapping_mechanisms",
        wrapping_mechanisms(opened->token, err), "instead", ways(is_software, key.key_class == CKO_PRIVATE_KEY));
    return CH_OK;
}

static ch_status run_backup(const ch_arguments *arguments, ch_error *err)
{
    ch_autofree char *uri = NULL;
    ch_autoaccess access = CH_KEY_ACCESS_INIT;
    ch_autoopened opened = {0};
    ch_autojansson of = NULL;
    CH_TRY(ch_argument_object(arguments->positional[0], &uri, err));
    CH_TRY(ch_key_access_ask(arguments, NULL, &access, err));
    CH_TRY(ch_key_access_open(&access, false, &opened, err));
    CH_TRY(describe(&opened, uri, &of, err));
    if (arguments->option[CH_OPT_JSON] != NULL)
        CH_TRY(ch_output_json(of, err));
    else
        print(of);
    return ch_fail(err, CH_REFUSED, "no backup of '%s' was made", uri);
}

/* clang-format off */
const ch_command ch_commands_of_key_backup[] = {
    {
        .family = "key",
        .name = "backup",
        .syntax = {.positional = "KEY", .positional_min = 1, .positional_max = 1,
                   .options = CH_OPTIONS_ON_TOKEN | CH_OPTION(JSON)},
        .summary = "say why there is no backup of a key, and how to live without",
        .details = "Makes no backup: a key that can be copied can be stolen. Says whether the key,\n"
                   "by its label or URI, can leave its token at all, by what the token says and by\n"
                   "how it answers when it is asked to wrap the key (with a key that is gone at\n"
                   "once), and what to have instead. The exit status is always 3.",
        .examples = "  chancery key backup binance-main\n"
                    "  chancery key backup binance-main --json --pin-fd 3 3<pin\n",
        .run = run_backup,
    },
    {0},
};
/* clang-format on */
