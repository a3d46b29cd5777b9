/* key confirm: a key object was exchanged on purpose. */
#include "cli/commands.h"
#include "cli/dialog.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "wire/channel.h"

#include <stdio.h>

static ch_status run_confirm(const ch_arguments *arguments, ch_error *err)
{
    const char *key = arguments->positional[0];
    auto_channel channel = CH_CHANNEL_CLOSED;
    ch_key_confirm_frame request = {.version = CH_FRAMES_VERSION, .key = ch_slice_of(key)};
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_key_confirm_frame_put(ch_channel_out(&channel), 0, &request, err));
    CH_TRY(ch_dialog_ask(&channel, NULL, err));
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_done("confirmed", json_pack("{s:o}", "key", ch_jansson_text(key)), err);
    fputs("Confirmed: the agent uses the object that it has found for ", stdout);
    ch_output_text(key);
    puts(".");
    return CH_OK;
}

/* clang-format off */
const ch_command ch_commands_of_key_confirm[] = {
    {
        .family = "key",
        .name = "confirm",
        .syntax = {.positional = "KEY", .positional_min = 1, .positional_max = 1,
                   .options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(JSON)},
        .summary = "say that a key was exchanged on purpose",
        .details = "The agent keeps a print of each key object that it uses, and refuses another one\n"
                   "under the same name. If you exchanged it, KEY, a name from policy.yaml, is used\n"
                   "again after this. Its token must be unlocked. You must be an operator in the\n"
                   "policy.",
        .examples = "  chancery key confirm binance-main\n",
        .run = run_confirm,
    },
    {0},
};
/* clang-format on */
