/* freeze and thaw: the kill switch. What is in effect is printed as soon as the agent says so, whatever its disk does.
 */
#include "cli/code_input.h"
#include "cli/commands.h"
#include "cli/dialog.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/trading_row.h"
#include "policy/states.h"
#include "wire/channel.h"
#include "wire/frames.h"

#include <stdio.h>
#include <string.h>

#define NAMES_MAX 64

/* ---- the request ---- */

static ch_freeze_target_record target_of(const char *word)
{
    /* clang-format off */
    static const struct { const char *prefix; ch_state_of of; } prefixes[] = {
        /* prefix      of */
        { "key:",      CH_STATE_OF_KEY },
        { "caller:",   CH_STATE_OF_CALLER },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t size = strlen(prefixes[i].prefix);
        if (strncmp(word, prefixes[i].prefix, size) == 0)
            return (ch_freeze_target_record){.of = (uint8_t)prefixes[i].of, .name = ch_slice_of(word + size)};
    }
    return (ch_freeze_target_record){.of = CH_TARGET_OF_EITHER, .name = ch_slice_of(word)};
}

/* Reads what both commands take: `targets`, whose records are in `records`, and the reason. */
static ch_status read_request(const ch_arguments *arguments, ch_records *targets, ch_buffer *records, ch_slice *reason,
                              ch_error *err)
{
    const char *text = NULL;
    const ch_freeze_target_record all = {.of = CH_STATE_OF_ALL};
    bool is_all = arguments->option[CH_OPT_ALL] != NULL;
    if (is_all == (arguments->positional_count > 0))
        return ch_fail(err, CH_BAD_INPUT, "give the names of keys and callers, or --all");
    if (is_all)
        ch_freeze_target_record_put(targets, records, &all);
    for (size_t i = 0; i < arguments->positional_count; i++) {
        const ch_freeze_target_record one = target_of(arguments->positional[i]);
        if (one.name.size == 0)
            return ch_fail(err, CH_BAD_INPUT, "the name of a key or of a caller is missing");
        ch_freeze_target_record_put(targets, records, &one);
    }
    CH_TRY(ch_option_required(arguments, CH_OPT_REASON, &text, err));
    *reason = ch_slice_of(text);
    return CH_OK;
}

/* ---- the answer ---- */

/* "key kraken is halted: user 1000: odd orders" */
static void print_row(const json_t *row)
{
    const char *of = ch_jansson_member(row, "of");
    if (strcmp(of, "all") == 0)
        fputs("all trading", stdout);
    else
        printf("%s ", of);
    ch_output_text(ch_jansson_member(row, "name"));
    ch_output_member(row, " is ", "state");
    if (strcmp(ch_jansson_member(row, "state"), "active") != 0)
        ch_output_member(row, ": ", "why");
    puts("");
}

/* The row of all trading comes last. It is left out if it is active, unless it is the only one. */
static void print_rows(const json_t *rows)
{
    size_t i;
    const json_t *row;
    json_array_foreach((json_t *)rows, i, row)
    {
        bool is_idle =
            strcmp(ch_jansson_member(row, "of"), "all") == 0 && strcmp(ch_jansson_member(row, "state"), "active") == 0;
        if (!is_idle || json_array_size(rows) == 1)
            print_row(row);
    }
}

typedef struct shown {
    json_t *rows;
    bool as_json;
} shown;

/* Prints text at once. JSON must wait until it is known whether the states are kept. */
static ch_status take_frozen(void *context, ch_frame *frame, ch_error *err)
{
    const shown *to = context;
    ch_frozen_frame answer;
    ch_trading_row_record row;
    CH_TRY(ch_frozen_frame_get(frame, &answer, err));
    while (ch_trading_row_record_next(&answer.rows, &row))
        json_array_append_new(to->rows, ch_trading_row_json(&row));
    if (!to->as_json)
        print_rows(to->rows);
    fflush(stdout);
    return CH_OK;
}

/* Also after a failure, prints what is in effect. */
static ch_status ask(const ch_arguments *arguments, ch_channel *channel, ch_error *err)
{
    ch_error unprinted = CH_ERROR_INIT;
    ch_autojansson rows = json_array();
    shown to = {.rows = rows, .as_json = arguments->option[CH_OPT_JSON] != NULL};
    ch_dialog_part part = {CH_FRAME_FROZEN, &to, take_frozen, NULL};
    ch_status st = ch_dialog_ask(channel, &part, err);
    if (!to.as_json || json_array_size(rows) == 0)
        return st;
    bool is_kept = st == CH_OK || st == CH_NOT_FOUND || st == CH_BAD_INPUT; /* those are of other names */
    ch_autojansson answer = json_pack("{s:O s:b}", "states", rows, "kept", is_kept);
    ch_status printed = ch_output_json(answer, &unprinted);
    if (st == CH_OK && printed != CH_OK)
        *err = unprinted;
    return st == CH_OK ? printed : st;
}

static ch_status run_freeze(const ch_arguments *arguments, ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_freeze_frame request = {.version = CH_FRAMES_VERSION, .is_reducing = arguments->option[CH_OPT_REDUCING] != NULL};
    CH_TRY(read_request(arguments, &request.targets, &records, &request.reason, err));
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_freeze_frame_put(ch_channel_out(&channel), 0, &request, err));
    return ask(arguments, &channel, err);
}

static ch_status ask_thaw(const ch_arguments *arguments, const ch_thaw_frame *request, const ch_secret *code,
                          ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_channel_attach_secret(&channel, code, err));
    CH_TRY(ch_thaw_frame_put(ch_channel_out(&channel), 0, request, err));
    return ask(arguments, &channel, err);
}

/* Only the agent knows whether it takes a code. Asking it without one does not count as a try. */
static ch_status run_thaw(const ch_arguments *arguments, ch_error *err)
{
    ch_autosecret none = CH_SECRET_INIT;
    ch_autosecret code = CH_SECRET_INIT;
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_thaw_frame request = {.version = CH_FRAMES_VERSION};
    CH_TRY(read_request(arguments, &request.targets, &records, &request.reason, err));
    CH_TRY(ch_secret_alloc_empty(&none, err));
    ch_status st = ask_thaw(arguments, &request, &none, err);
    if (st != CH_REFUSED || strcmp(err->rule, CH_RULE_CODE) != 0)
        return st;
    *err = (ch_error)CH_ERROR_INIT;
    CH_TRY(ch_input_code(arguments, &code, err));
    return ask_thaw(arguments, &request, &code, err);
}

/* clang-format off */
const ch_command ch_commands_of_freezing[] = {
    {
        .name = "freeze",
        .syntax = {.positional = "[KEY|CALLER ...]", .positional_max = NAMES_MAX,
                   .options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(ALL) | CH_OPTION(REDUCING) | CH_OPTION(REASON) | CH_OPTION(JSON)},
        .summary = "stop callers, keys or everything at once",
        .details = "Lets only reads and cancels pass from now on; with --reducing, orders that\n"
                   "close positions too. --all covers every caller and key, also those of a later\n"
                   "policy. A name that a key and a caller have is written key:NAME or caller:NAME.\n"
                   "It takes effect at once, holds over restarts, and never loosens anything.\n"
                   "Exits with 11 if it is in effect, but could not be kept on the disk yet. You\n"
                   "must be an operator in the agent's policy.",
        .examples = "  chancery freeze --all --reason 'prices make no sense'\n"
                    "  chancery freeze maker key:binance-main --reducing --reason 'odd orders'\n",
        .run = run_freeze,
    },
    {
        .name = "thaw",
        .syntax = {.positional = "[KEY|CALLER ...]", .positional_max = NAMES_MAX,
                   .options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(ALL) | CH_OPTION(REASON) | CH_OPTION(CODE_FD) | CH_OPTION(JSON)},
        .summary = "let what was stopped trade again",
        .details = "Makes callers and keys active again, whether a freeze or a limit stopped them.\n"
                   "--all ends a freeze of everything; what was stopped by name stays so. You must\n"
                   "be an admin in the agent's policy; if people have one-time codes there, it\n"
                   "asks for one of yours.",
        .examples = "  chancery thaw --all --reason 'the feed was wrong'\n"
                    "  chancery thaw maker --reason 'looked into'\n",
        .run = run_thaw,
    },
    {0},
};
/* clang-format on */
