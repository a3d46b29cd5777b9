/* token init and token list: the only commands that work without a user PIN set. */
#include "base/error.h"
#include "base/memory.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/secret_input.h"
#include "pkcs11/token.h"

#include <stdio.h>

ch_status ch_run_token_init(const ch_arguments *arguments, ch_error *err)
{
    static const ch_secret_request ask_so_pin = {
        CH_OPT_SO_PIN_FD, "the SO PIN", "SO PIN (sets PINs and erases; keep it apart from the user PIN): ", true,
        false};
    static const ch_secret_request ask_user_pin = {CH_OPT_PIN_FD, "the user PIN",
                                                   "User PIN (unlocks for signing): ", true, false};
    const char *module = NULL;
    const char *label = NULL;
    ch_autosecret so_pin = CH_SECRET_INIT;
    ch_autosecret user_pin = CH_SECRET_INIT;
    bool is_erase_allowed = arguments->option[CH_OPT_ERASE] != NULL;
    ch_status st = ch_option_module(arguments, &module, err);
    if (st == CH_OK)
        st = ch_option_required(arguments, CH_OPT_LABEL, &label, err);
    if (st == CH_OK)
        st = ch_secret_ask(arguments, &ask_so_pin, &so_pin, err);
    if (st == CH_OK)
        st = ch_secret_ask(arguments, &ask_user_pin, &user_pin, err);
    if (st == CH_OK)
        st = ch_token_init(module, label, &so_pin, &user_pin, is_erase_allowed, err);
    if (st != CH_OK)
        return st;
    (void)printf("Token '");
    ch_output_text(label);
    (void)printf("' is made and both PINs are set.\n");
    return CH_OK;
}

/* What a person needs to know of the PIN before trying one. */
static const char *pin_state(const ch_token_info *token)
{
    if (!token->is_initialized)
        return "";
    if (!token->has_user_pin)
        return "not set";
    if (token->is_pin_locked)
        return "locked";
    if (token->is_pin_final_try)
        return "one try left";
    return token->is_pin_count_low ? "failed before" : "ok";
}

static json_t *token_row(const ch_token_info *token)
{
    return json_pack("{s:o s:I s:b s:s s:o s:o s:o}", "label", ch_jansson_text(token->label), "slot",
                     (json_int_t)token->slot_id, "initialized", token->is_initialized, "pin", pin_state(token),
                     "manufacturer", ch_jansson_text(token->manufacturer), "model", ch_jansson_text(token->model),
                     "serial", ch_jansson_text(token->serial));
}

ch_status ch_run_token_list(const ch_arguments *arguments, ch_error *err)
{
    static const ch_column columns[] = {
        {"LABEL",        "label"       },
        {"SLOT",         "slot"        },
        {"INITIALIZED",  "initialized" },
        {"PIN",          "pin"         },
        {"MODEL",        "model"       },
        {"SERIAL",       "serial"      },
        {"MANUFACTURER", "manufacturer"}
    };
    const char *module = NULL;
    ch_autofree ch_token_info *tokens = NULL;
    size_t count = 0;
    ch_status st = ch_option_module(arguments, &module, err);
    if (st == CH_OK)
        st = ch_token_list(module, &tokens, &count, err);
    if (st != CH_OK)
        return st;
    ch_autojansson rows = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(rows, token_row(&tokens[i]));
    return ch_output_listing(arguments, "tokens", rows, columns, sizeof columns / sizeof columns[0],
                             "The module has no token and no slot for one.", err);
}
