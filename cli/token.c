/* The token family. */
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/key_access.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/secret_input.h"
#include "cli/token_info.h"
#include "cli/token_probe.h"
#include "pkcs11/token.h"

#include <stdio.h>

static ch_status run_init(const ch_arguments *arguments, ch_error *err)
{
    static const ch_input_question so_question = {
        .descriptor = CH_OPT_SO_PIN_FD,
        .name = "the SO PIN",
        .prompt = "SO PIN (sets PINs and erases; keep it apart from the user PIN): ",
        .is_asked_twice = true,
    };
    static const ch_input_question user_question = {
        .descriptor = CH_OPT_PIN_FD,
        .name = "the user PIN",
        .prompt = "User PIN (unlocks for signing): ",
        .is_asked_twice = true,
    };
    ch_module_name module = {0};
    const char *label = NULL;
    ch_autosecret so_pin = CH_SECRET_INIT;
    ch_autosecret user_pin = CH_SECRET_INIT;
    bool is_erase_allowed = arguments->option[CH_OPT_ERASE] != NULL;
    CH_TRY(ch_option_module(arguments, &module, err));
    CH_TRY(ch_option_required(arguments, CH_OPT_LABEL, &label, err));
    CH_TRY(ch_input_secret(arguments, &so_question, &user_question, &so_pin, err));
    CH_TRY(ch_input_secret(arguments, &user_question, NULL, &user_pin, err));
    CH_TRY(ch_token_init(&module, label, &so_pin, &user_pin, is_erase_allowed, err));
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_done("made", json_pack("{s:o}", "label", ch_jansson_text(label)), err);
    printf("Token '");
    ch_output_text(label);
    printf("' is made and both PINs are set.\n");
    return CH_OK;
}

static json_t *token_row(const ch_token_info *token)
{
    return json_pack("{s:o s:I s:b s:s s:o s:o s:o}", "label", ch_jansson_text(token->label), "slot",
                     (json_int_t)token->slot_id, "initialized", token->is_initialized, "pin", ch_token_pin_state(token),
                     "manufacturer", ch_jansson_text(token->manufacturer), "model", ch_jansson_text(token->model),
                     "serial", ch_jansson_text(token->serial));
}

static ch_status run_list(const ch_arguments *arguments, ch_error *err)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title         member */
        { "LABEL",        "label" },
        { "SLOT",         "slot" },
        { "INITIALIZED",  "initialized" },
        { "PIN",          "pin" },
        { "MODEL",        "model" },
        { "SERIAL",       "serial" },
        { "MANUFACTURER", "manufacturer" },
        {0},
    };
    /* clang-format on */
    ch_module_name module = {0};
    ch_autofree ch_token_info *tokens = NULL;
    size_t count = 0;
    CH_TRY(ch_option_module(arguments, &module, err));
    CH_TRY(ch_token_list(&module, &tokens, &count, err));
    ch_autojansson rows = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(rows, token_row(&tokens[i]));
    return ch_output_listing(arguments, "tokens", rows, columns, "The module has no token and no slot for one.", err);
}

/* ---- the commands ---- */

/* clang-format off */
const ch_command ch_commands_of_token[] = {
    {
        .family = "token",
        .name = "init",
        .syntax = {.options = CH_OPTION(MODULE) | CH_OPTION(INIT_ARGS) | CH_OPTION(LABEL) | CH_OPTION(ERASE) |
                              CH_OPTIONS_PIN | CH_OPTION(SO_PIN_FD) | CH_OPTION(JSON)},
        .summary = "make a token and set its PINs",
        .details = "Makes a token in the first free slot and sets both PINs. From standard input\n"
                   "they come one a line: the SO PIN, then the user PIN. Write the SO PIN down and\n"
                   "lock it away: it erases the token and sets a new user PIN.",
        .examples = "  chancery token init --module softhsm2 --label demo\n"
                    "  chancery token init --module softhsm2 --label demo --so-pin-fd 3 --pin-fd 4 3<so.pin 4<user.pin\n",
        .run = run_init,
    },
    {
        .family = "token",
        .name = "list",
        .syntax = {.options = CH_OPTION(MODULE) | CH_OPTION(INIT_ARGS) | CH_OPTION(JSON)},
        .summary = "list a module's tokens",
        .details = "Lists the tokens of a PKCS#11 module, the slots that could hold one, and\n"
                   "whether a PIN is set or locked.",
        .examples = "  chancery token list --module softhsm2\n"
                    "  chancery token list --module /usr/lib/softhsm/libsofthsm2.so --json\n",
        .run = run_list,
    },
    {
        .family = "token",
        .name = "info",
        .syntax = {.options = CH_OPTION(MODULE) | CH_OPTION(INIT_ARGS) | CH_OPTION(TOKEN) | CH_OPTION(PROFILES) |
                              CH_OPTION(JSON)},
        .summary = "show what a token says it can do",
        .details = "Prints what a token says of itself: versions, PINs, sessions, flags, the\n"
                   "mechanisms that Chancery signs with, and which schemes of which exchanges use\n"
                   "each. Needs no PIN. What the token really does, 'chancery token probe' tries.",
        .examples = "  chancery token info --module softhsm2 --token demo\n"
                    "  chancery token info --json\n",
        .run = ch_token_info_run,
    },
    {
        .family = "token",
        .name = "probe",
        .syntax = {.options = CH_OPTIONS_ON_TOKEN | CH_OPTION(MECHANISM) | CH_OPTION(JSON)},
        .summary = "try what a token really does",
        .details = "Makes scratch keys on the token, for each mechanism: one that the token\n"
                   "generates, one that is imported. Signs with them, checks the signatures and the\n"
                   "keys' attributes, signs in four threads at once, measures the speed, and deletes\n"
                   "the keys again, also after Ctrl-C. Their labels begin with chancery-probe-; no\n"
                   "other object is touched. The table is for a bug report: it has neither the\n"
                   "token's label nor its serial number.",
        .examples = "  chancery token probe --module softhsm2 --token demo\n"
                    "  chancery token probe --mechanism ed25519 --json --pin-fd 3 3<pin\n",
        .run = ch_token_probe_run,
    },
    {0},
};
/* clang-format on */
