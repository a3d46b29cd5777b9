/* clock show and confirm: the time that the agent signs with. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/dialog.h"
#include "wire/channel.h"

#include <stdio.h>
#include <time.h>

static void print_time(json_int_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    char text[32];
    struct tm utc;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &utc));
    printf("%s.%03dZ", text, (int)(time_ms % 1000));
}

static ch_status run_show(const ch_arguments *arguments, ch_error *err)
{
    ch_autojansson answer = NULL;
    CH_TRY(ch_client_ask(arguments, "/v1/time", NULL, &answer, err));
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_json(answer, err);
    print_time(json_integer_value(json_object_get(answer, "time_ms")));
    printf(", ");
    ch_output_text(ch_jansson_member(answer, "clock"));
    puts("");
    return CH_OK;
}

static ch_status run_confirm(const ch_arguments *arguments, ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    ch_clock_confirm_frame request = {.version = CH_FRAMES_VERSION};
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_clock_confirm_frame_put(ch_channel_out(&channel), 0, &request, err));
    CH_TRY(ch_dialog_ask(&channel, NULL, err));
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_done("confirmed", NULL, err);
    puts("Confirmed: the agent trusts this machine's clock as it is.");
    return CH_OK;
}

/* clang-format off */
const ch_command ch_commands_of_clock[] = {
    {
        .family = "clock",
        .name = "show",
        .syntax = {.options = CH_OPTION(SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(JSON)},
        .summary = "show the time that the agent signs with",
        .details = "Prints the agent's time, and whether it is trusted or doubted. While it is\n"
                   "doubted, nothing is signed; 'chancery status' says why.",
        .examples = "  chancery clock show\n",
        .run = run_show,
    },
    {
        .family = "clock",
        .name = "confirm",
        .syntax = {.options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(JSON)},
        .summary = "say that this machine's clock is right",
        .details = "Nothing is signed after the clock was set, or if it shows a time that cannot be\n"
                   "right. Compare it with a clock that you trust, and then confirm it. If it is\n"
                   "wrong, set it instead: the agent notices. You must be an operator in the policy.",
        .examples = "  chancery clock confirm\n",
        .run = run_confirm,
    },
    {0},
};
/* clang-format on */
