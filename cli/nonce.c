/* nonce list, raise and reset: what the agent has counted for each key at an exchange. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/dialog.h"
#include "wire/channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- list ---- */

typedef struct page {
    json_t *rows;
    char last[CH_PACKET_MAX]; /* the last name on it */
    bool is_last;
} page;

static const char *unit_name(uint64_t unit_ns)
{
    static const struct {
        uint64_t ns;
        const char *name;
    } units[] = {
        {1000000000, "s" },
        {1000000,    "ms"},
        {1000,       "us"},
        {1,          "ns"},
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (units[i].ns == unit_ns)
            return units[i].name;
    }
    return "";
}

/* How many seconds the next nonce is ahead of this machine's clock. */
static int64_t ahead_s(const ch_listed_nonce_record *row)
{
    ch_moment now;
    if (!ch_moment_now(&now) || row->unit_ns == 0)
        return 0;
    return (int64_t)(row->next / (1000000000 / row->unit_ns)) - (int64_t)(now.wall_ns / 1000000000);
}

static const char *note_of(const ch_listed_nonce_record *row)
{
    if (row->unit_ns == 0)
        return "the policy has no key of that name";
    if (row->follows_clock)
        return "follows the clock";
    return row->next == 0 ? "not used yet" : "";
}

static void add_row(json_t *rows, const ch_listed_nonce_record *row)
{
    json_t *object = json_object();
    json_object_set_new(object, "key", ch_jansson_slice(row->key));
    json_object_set_new(object, "profile", ch_jansson_slice(row->profile));
    json_object_set_new(object, "key_id", ch_jansson_slice(row->key_id));
    json_object_set_new(object, "unit", json_string(unit_name(row->unit_ns)));
    json_object_set_new(object, "next", json_integer((json_int_t)row->next));
    json_object_set_new(object, "ahead_s", json_integer(row->next == 0 ? 0 : (json_int_t)ahead_s(row)));
    json_object_set_new(object, "follows_clock", json_boolean(row->follows_clock));
    json_object_set_new(object, "note", json_string(note_of(row)));
    json_array_append_new(rows, object);
}

static ch_status take_page(void *context, ch_frame *frame, ch_error *err)
{
    page *self = context;
    ch_nonces_are_frame answer;
    ch_listed_nonce_record row;
    CH_TRY(ch_nonces_are_frame_get(frame, &answer, err));
    self->is_last = answer.is_last || answer.rows.count == 0;
    while (ch_listed_nonce_record_next(&answer.rows, &row)) {
        add_row(self->rows, &row);
        snprintf(self->last, sizeof self->last, "%.*s", CH_SLICE_ARGS(row.key));
    }
    return CH_OK;
}

static ch_status read_page(const ch_arguments *arguments, page *self, ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    ch_dialog_part part = {CH_FRAME_NONCES_ARE, self, take_page, NULL};
    ch_nonce_list_frame request = {.version = CH_FRAMES_VERSION, .after = ch_slice_of(self->last)};
    self->is_last = true;
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_nonce_list_frame_put(ch_channel_out(&channel), 0, &request, err));
    return ch_dialog_ask(&channel, &part, err);
}

static ch_status run_list(const ch_arguments *arguments, ch_error *err)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title     member */
        { "KEY",      "key" },
        { "PROFILE",  "profile" },
        { "KEY ID",   "key_id" },
        { "UNIT",     "unit" },
        { "NEXT",     "next" },
        { "AHEAD S",  "ahead_s" },
        { "NOTE",     "note" },
        {0},
    };
    /* clang-format on */
    static page pages;
    ch_autojansson rows = json_array();
    pages = (page){.rows = rows};
    do
        CH_TRY(read_page(arguments, &pages, err));
    while (!pages.is_last);
    return ch_output_listing(arguments, "nonces", rows, columns, "No key of the policy has nonces.", err);
}

/* ---- raise and reset ---- */

static ch_status read_value(const char *text, uint64_t *out, ch_error *err)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 19 || text[digits] != '\0')
        return ch_fail(err, CH_BAD_INPUT, "the nonce must be a whole number of at most 19 digits");
    *out = strtoull(text, NULL, 10);
    return CH_OK;
}

static ch_status set(const ch_arguments *arguments, const char *reason, ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    ch_nonce_set_frame request = {.version = CH_FRAMES_VERSION, .key = ch_slice_of(arguments->positional[0])};
    CH_TRY(read_value(arguments->positional[1], &request.value, err));
    if (reason != NULL) {
        request.is_reset = true;
        request.reason = ch_slice_of(reason);
    }
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_nonce_set_frame_put(ch_channel_out(&channel), 0, &request, err));
    return ch_dialog_ask(&channel, NULL, err);
}

static ch_status print_set(const ch_arguments *arguments, const char *done, ch_error *err)
{
    const char **word = arguments->positional;
    return ch_output_done(
        done, json_pack("{s:o s:I}", "key", ch_jansson_text(word[0]), "next", (json_int_t)strtoull(word[1], NULL, 10)),
        err);
}

static void report(const char *what, const ch_arguments *arguments)
{
    printf("%s: ", what);
    ch_output_text(arguments->positional[0]);
    printf(". The next nonce is %s, or the time if that is larger.\n", arguments->positional[1]);
}

static ch_status run_raise(const ch_arguments *arguments, ch_error *err)
{
    CH_TRY(set(arguments, NULL, err));
    if (arguments->option[CH_OPT_JSON] != NULL)
        return print_set(arguments, "raised", err);
    report("Raised", arguments);
    return CH_OK;
}

static ch_status run_reset(const ch_arguments *arguments, ch_error *err)
{
    const char *reason = NULL;
    CH_TRY(ch_option_required(arguments, CH_OPT_REASON, &reason, err));
    CH_TRY(set(arguments, reason, err));
    if (arguments->option[CH_OPT_JSON] != NULL)
        return print_set(arguments, "reset", err);
    report("Reset", arguments);
    puts("The exchange refuses a nonce that is not larger than the last one it has taken, so\n"
         "requests can fail until the counter is past that. A request that was signed with a\n"
         "larger nonce, and never sent, can still be sent.");
    return CH_OK;
}

/* ---- the commands ---- */

/* clang-format off */
const ch_command ch_commands_of_nonce[] = {
    {
        .family = "nonce",
        .name = "list",
        .syntax = {.options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(JSON)},
        .summary = "list what the agent has counted for each key",
        .details = "Shows, for each key whose exchange demands nonces, the smallest number that was\n"
                   "not used, and how far it is ahead of the clock. Two names for one key at the\n"
                   "exchange share a counter. You must be an operator in the agent's policy.",
        .examples = "  chancery nonce list\n"
                    "  chancery nonce list --json\n",
        .run = run_list,
    },
    {
        .family = "nonce",
        .name = "raise",
        .syntax = {.positional = "KEY VALUE", .positional_min = 2, .positional_max = 2,
                   .options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(JSON)},
        .summary = "go on with a larger nonce",
        .details = "For a key that other software has used with larger nonces: VALUE, in the\n"
                   "exchange's unit, is the smallest that is used from now on, for every name of\n"
                   "that key. It cannot be lowered again at the exchange.",
        .examples = "  chancery nonce raise kraken-main 1764000000000000\n",
        .run = run_raise,
    },
    {
        .family = "nonce",
        .name = "reset",
        .syntax = {.positional = "KEY VALUE", .positional_min = 2, .positional_max = 2,
                   .options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(REASON) |
                              CH_OPTION(JSON)},
        .summary = "go back to a smaller nonce",
        .details = "For a counter that is far ahead of what the exchange has seen, as after a time\n"
                   "with a wrong clock. VALUE 0 goes back to the clock. Nonces that were used before\n"
                   "can be used again. Needs --reason, which the agent logs.",
        .examples = "  chancery nonce reset kraken-main 0 --reason 'the clock was a year ahead'\n",
        .run = run_reset,
    },
    {0},
};
/* clang-format on */
