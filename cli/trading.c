/* trading, prices, state and limits: what operators see and say of limits, and bots see of theirs. */
#include "base/encode.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/dialog.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/trading_row.h"
#include "wire/channel.h"
#include "wire/frame.h"
#include "wire/frames.h"

#include <stdio.h>
#include <string.h>

/* ---- trading ---- */

static ch_status take_states(void *context, ch_frame *frame, ch_error *err)
{
    json_t *rows = context;
    ch_trading_are_frame answer;
    ch_trading_row_record row;
    CH_TRY(ch_trading_are_frame_get(frame, &answer, err));
    while (ch_trading_row_record_next(&answer.rows, &row))
        json_array_append_new(rows, ch_trading_row_json(&row));
    return CH_OK;
}

static ch_status run_trading_list(const ch_arguments *arguments, ch_error *err)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title   member */
        { "OF",     "of" },
        { "NAME",   "name" },
        { "STATE",  "state" },
        { "UNTIL",  "until" },
        { "WHY",    "why" },
        {0},
    };
    /* clang-format on */
    ch_autojansson rows = json_array();
    auto_channel channel = CH_CHANNEL_CLOSED;
    ch_dialog_part part = {CH_FRAME_TRADING_ARE, rows, take_states, NULL};
    ch_trading_list_frame request = {.version = CH_FRAMES_VERSION};
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_trading_list_frame_put(ch_channel_out(&channel), 0, &request, err));
    CH_TRY(ch_dialog_ask(&channel, &part, err));
    return ch_output_listing(arguments, "states", rows, columns, "Every caller and every key is active.", err);
}

/* ---- prices ---- */

static ch_status add_prices(const ch_arguments *arguments, json_t *prices, ch_buffer *path, ch_error *err)
{
    ch_autojansson answer = NULL;
    CH_TRY(ch_client_ask(arguments, ch_buffer_text(path), NULL, &answer, err));
    json_t *page = json_object_get(answer, "prices");
    const char *next = json_string_value(json_object_get(answer, "next"));
    if (json_array_extend(prices, page) != 0 || (next != NULL && json_array_size(page) == 0))
        return ch_fail(err, CH_INTERNAL, "the agent's answer is not a page of prices");
    ch_buffer_clear(path);
    if (next != NULL) {
        ch_buffer_add_text(path, "/v1/prices?after=");
        ch_encode_percent(path, ch_slice_of(next), "");
    }
    return CH_OK;
}

static ch_status run_prices_list(const ch_arguments *arguments, ch_error *err)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title     member */
        { "PAIR",     "pair" },
        { "SOURCE",   "source" },
        { "PRICE",    "price" },
        { "QUOTED",   "quoted" },
        { "HELD",     "held" },
        {0},
    };
    /* clang-format on */
    size_t i;
    json_t *row;
    ch_autojansson prices = json_array();
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_text(&path, "/v1/prices");
    while (path.size > 0)
        CH_TRY(add_prices(arguments, prices, &path, err));
    json_array_foreach(prices, i, row)
    {
        json_int_t ms = json_integer_value(json_object_get(row, "time_ms"));
        json_object_set_new(row, "quoted", ch_time_json((uint64_t)ms / 1000, ""));
    }
    return ch_output_listing(arguments, "prices", prices, columns, "No feed has reported a price.", err);
}

static ch_status print_confirmed(const char **word, ch_error *err)
{
    return ch_output_done("confirmed",
                          json_pack("{s:o s:o s:o}", "source", ch_jansson_text(word[0]), "pair",
                                    ch_jansson_text(word[1]), "price", ch_jansson_text(word[2])),
                          err);
}

static ch_status run_prices_confirm(const ch_arguments *arguments, ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    ch_price_confirm_frame request = {.version = CH_FRAMES_VERSION,
                                      .source = ch_slice_of(arguments->positional[0]),
                                      .pair = ch_slice_of(arguments->positional[1]),
                                      .price = ch_slice_of(arguments->positional[2])};
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_price_confirm_frame_put(ch_channel_out(&channel), 0, &request, err));
    CH_TRY(ch_dialog_ask(&channel, NULL, err));
    if (arguments->option[CH_OPT_JSON] != NULL)
        return print_confirmed(arguments->positional, err);
    puts("Confirmed: the price counts, and moves are measured from it.");
    return CH_OK;
}

/* ---- state ---- */

static ch_status run_state_accept(const ch_arguments *arguments, ch_error *err)
{
    const char *reason = NULL;
    auto_channel channel = CH_CHANNEL_CLOSED;
    ch_state_accept_frame request = {.version = CH_FRAMES_VERSION};
    CH_TRY(ch_option_required(arguments, CH_OPT_REASON, &reason, err));
    request.reason = ch_slice_of(reason);
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_state_accept_frame_put(ch_channel_out(&channel), 0, &request, err));
    CH_TRY(ch_dialog_ask(&channel, NULL, err));
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_done("accepted", json_pack("{s:o}", "reason", ch_jansson_text(reason)), err);
    puts("Accepted: the agent signs again. What was signed after this state was kept is not counted.");
    return CH_OK;
}

/* ---- limits ---- */

static ch_status run_limits(const ch_arguments *arguments, ch_error *err)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title     member */
        { "LIMIT",    "limit" },
        { "CONTROL",  "control" },
        { "USED",     "used" },
        { "LEFT",     "left" },
        { "OF",       "most" },
        { "ASSET",    "asset" },
        { "PER",      "per" },
        { "COUNTS",   "scope" },
        {0},
    };
    /* clang-format on */
    ch_autojansson answer = NULL;
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_text(&path, "/v1/keys/");
    ch_encode_percent(&path, ch_slice_of(arguments->positional[0]), "");
    ch_buffer_add_text(&path, "/limits");
    CH_TRY(ch_client_ask(arguments, ch_buffer_text(&path), NULL, &answer, err));
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_json(answer, err);
    const json_t *limits = json_object_get(answer, "limits");
    const char *state = ch_jansson_member(answer, "state");
    if (*state != '\0' && strcmp(state, "active") != 0) {
        ch_output_member(answer, "Trading is ", "state");
        ch_output_member(answer, ": ", "state_why");
        puts("");
    }
    if (json_array_size(limits) == 0)
        puts("No limit applies to you and this key.");
    else
        ch_output_table(limits, columns);
    return CH_OK;
}

/* clang-format off */
const ch_command ch_commands_of_trading[] = {
    {
        .family = "trading",
        .name = "list",
        .syntax = {.options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(JSON)},
        .summary = "list the callers and keys that are reducing or halted",
        .details = "Shows who is not active, until when and why, and whether all trading is frozen.\n"
                   "Limits set such states, and 'chancery freeze'. You must be an operator or an\n"
                   "auditor in the agent's policy.",
        .examples = "  chancery trading list\n",
        .run = run_trading_list,
    },
    {
        .family = "prices",
        .name = "list",
        .syntax = {.options = CH_OPTION(SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(JSON)},
        .summary = "list the reference prices that feeds reported",
        .details = "Shows the last price of each source, and whether it is held because it moved\n"
                   "further than the policy lets it.",
        .examples = "  chancery prices list\n",
        .run = run_prices_list,
    },
    {
        .family = "prices",
        .name = "confirm",
        .syntax = {.positional = "SOURCE PAIR PRICE", .positional_min = 3, .positional_max = 3,
                   .options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(JSON)},
        .summary = "believe a price that is held",
        .details = "PRICE is the one that you have seen, as `chancery prices list` shows it. If the\n"
                   "source has quoted another since, nothing is done. Else it counts from now on,\n"
                   "and moves are measured from it. Look elsewhere first whether it is right. You\n"
                   "must be an operator in the agent's policy.",
        .examples = "  chancery prices confirm kraken BTC/USDT 61250.5\n",
        .run = run_prices_confirm,
    },
    {
        .family = "state",
        .name = "accept",
        .syntax = {.options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(REASON) | CH_OPTION(JSON)},
        .summary = "go on with a state that is older than it should be",
        .details = "An agent whose state was restored from a backup does not know what it signed\n"
                   "since, and refuses until this is said. Limits count only what the old state has.\n"
                   "You must be an admin in the agent's policy.",
        .examples = "  chancery state accept --reason 'disk replaced, backup of Monday'\n",
        .run = run_state_accept,
    },
    {
        .name = "limits",
        .syntax = {.positional = "KEY", .positional_min = 1, .positional_max = 1,
                   .options = CH_OPTION(SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(JSON)},
        .summary = "show what your limits have left for a key",
        .details = "Lists the limits that apply to you and KEY, what is used of each, and your\n"
                   "trading state.",
        .examples = "  chancery limits binance-main\n",
        .run = run_limits,
    },
    {0},
};
/* clang-format on */
