/* flatten: what policy has prepared for a key, signed and printed. Each request is printed as soon as it is there,
 * because it is good only for some seconds: what is piped to a shell is sent at once. */
#include "base/memory.h"
#include "base/printable.h"
#include "cli/commands.h"
#include "cli/dialog.h"
#include "cli/finished.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "wire/channel.h"
#include "wire/frames.h"

#include <stdio.h>
#include <string.h>

typedef struct shown {
    json_t *requests;
    json_t *failed;
    bool as_json;
    bool as_curl;
} shown;

/* ---- printing ---- */

/* With --curl, standard output is a script, in which each line that describes a request must be a comment. */
static void print_signed(const json_t *row, unsigned number, unsigned count, bool as_curl)
{
    const char *before = as_curl ? "# " : "";
    json_int_t valid_ms = json_integer_value(json_object_get(row, "valid_ms"));
    printf("%s%u of %u", before, number, count);
    if (valid_ms > 0)
        printf(", good for %" JSON_INTEGER_FORMAT ".%03d s", valid_ms / 1000, (int)(valid_ms % 1000));
    puts(":");
    ch_output_lines(stdout, before, ch_jansson_member(row, "meaning"));
    if (as_curl)
        ch_finished_print_curl(row);
    else
        ch_finished_print(row);
    putchar('\n');
}

/* Goes to standard error, so that a script that is made of standard output has signed requests only. */
static void print_failed(const json_t *row, unsigned number, unsigned count)
{
    ch_autobuffer line = CH_BUFFER_INIT;
    ch_buffer_add_format(&line, "%u of %u was not signed: %s: %s", number, count, ch_jansson_member(row, "asked"),
                         ch_jansson_member(row, "why"));
    ch_autofree char *printable = ch_strdup(ch_buffer_text(&line));
    ch_make_printable(printable);
    fflush(stdout);
    fprintf(stderr, "%s\n", printable);
}

/* ---- the answer ---- */

static json_t *headers_json(ch_records headers)
{
    ch_header_record header;
    json_t *object = json_object();
    while (ch_header_record_next(&headers, &header)) {
        ch_autobuffer name = CH_BUFFER_INIT;
        ch_buffer_add_slice(&name, header.name);
        json_object_set_new(object, ch_buffer_text(&name), ch_jansson_slice(header.value));
    }
    return object;
}

static json_t *signed_json(const ch_flattened_frame *frame)
{
    return json_pack("{s:o s:o s:o s:I s:o s:o s:o s:o}", "asked", ch_jansson_slice(frame->asked), "key_id",
                     ch_jansson_slice(frame->key_id), "meaning", ch_jansson_slice(frame->meaning), "valid_ms",
                     (json_int_t)frame->valid_ms, "method", ch_jansson_slice(frame->method), "url",
                     ch_jansson_slice(frame->url), "headers", headers_json(frame->headers), "body",
                     ch_jansson_slice(frame->body));
}

static json_t *failed_json(const ch_flattened_frame *frame)
{
    return json_pack("{s:o s:o s:o}", "asked", ch_jansson_slice(frame->asked), "rule", ch_jansson_text(frame->why.rule),
                     "why", ch_jansson_text(frame->why.message));
}

static ch_status take(void *context, ch_frame *frame, ch_error *err)
{
    const shown *to = context;
    ch_flattened_frame answer;
    CH_TRY(ch_flattened_frame_get(frame, &answer, err));
    bool is_signed = answer.why.status == CH_OK;
    json_t *row = is_signed ? signed_json(&answer) : failed_json(&answer);
    json_array_append_new(is_signed ? to->requests : to->failed, row);
    if (to->as_json)
        return CH_OK;
    if (is_signed)
        print_signed(row, answer.index + 1U, answer.count, to->as_curl);
    else
        print_failed(row, answer.index + 1U, answer.count);
    fflush(stdout);
    return CH_OK;
}

/* Also after a failure, prints what was signed. */
static ch_status run(const ch_arguments *arguments, ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    ch_error unprinted = CH_ERROR_INIT;
    ch_autojansson requests = json_array();
    ch_autojansson failed = json_array();
    shown to = {.requests = requests,
                .failed = failed,
                .as_json = arguments->option[CH_OPT_JSON] != NULL,
                .as_curl = arguments->option[CH_OPT_CURL] != NULL};
    ch_dialog_part part = {CH_FRAME_FLATTENED, &to, take, NULL};
    ch_flatten_frame request = {.version = CH_FRAMES_VERSION, .key = ch_slice_of(arguments->positional[0])};
    if (to.as_json && to.as_curl)
        return ch_fail(err, CH_BAD_INPUT, "give --curl or --json, not both");
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_flatten_frame_put(ch_channel_out(&channel), 0, &request, err));
    ch_status st = ch_dialog_ask(&channel, &part, err);
    if (!to.as_json || json_array_size(requests) + json_array_size(failed) == 0)
        return st;
    ch_autojansson answer =
        json_pack("{s:s s:O s:O}", "key", arguments->positional[0], "requests", requests, "failed", failed);
    ch_status printed = ch_output_json(answer, &unprinted);
    if (st == CH_OK && printed != CH_OK)
        *err = unprinted;
    return st == CH_OK ? printed : st;
}

/* clang-format off */
const ch_command ch_commands_of_flatten[] = {
    {
        .name = "flatten",
        .syntax = {.positional = "KEY", .positional_min = 1, .positional_max = 1,
                   .options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(CURL) | CH_OPTION(JSON)},
        .summary = "sign what policy has prepared to flatten a key",
        .details = "Has the requests signed that 'flatten' of the key lists in the policy: cancels,\n"
                   "and orders that reduce or close positions. It does so also while the key, its\n"
                   "callers or all trading are frozen; its token must be unlocked. Each request is\n"
                   "printed when it is signed, and none is sent: they are good for some seconds, so\n"
                   "send them at once. One that cannot be signed does not stop the others. You must\n"
                   "be an operator or an admin in the agent's policy.",
        .examples = "  chancery flatten binance-main\n"
                    "  chancery flatten binance-main --curl | sh\n",
        .run = run,
    },
    {0},
};
/* clang-format on */
