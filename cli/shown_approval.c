/* The agent sends words that are fit to be shown; they are made so once more, since what shows them here must not rest
 * on what sent them. */
#include "cli/shown_approval.h"

#include "base/encode.h"
#include "base/slice.h"
#include "cli/dialog.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/trading_row.h"
#include "wire/channel.h"
#include "wire/frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS_A_S 1000

void ch_shown_free(ch_shown_approval *shown)
{
    json_decref(shown->object);
    shown->object = NULL;
}

ch_status ch_shown_read_id(const char *word, uint64_t *out, ch_error *err)
{
    size_t digits = ch_slice_count_digits(ch_slice_of(word));
    if (digits == 0 || digits > CH_SHOWN_ID_DIGITS || word[digits] != '\0')
        return ch_fail(err, CH_BAD_INPUT,
                       "give the number of a request that waits; 'chancery approvals list' shows them");
    *out = strtoull(word, NULL, 10);
    return CH_OK;
}

/* ---- JSON ---- */

/* Splits at `separator`; an empty text has no part. */
static json_t *split(ch_slice text, uint8_t separator)
{
    json_t *list = json_array();
    while (text.size > 0) {
        const uint8_t *end = ch_slice_find(text, separator);
        size_t size = end == NULL ? text.size : (size_t)(end - text.data);
        json_array_append_new(list, ch_jansson_slice((ch_slice){text.data, size}));
        text = ch_slice_after(text, size < text.size ? size + 1 : size);
    }
    return list;
}

static json_t *need_json(const ch_needed_approval_record *row)
{
    json_t *object =
        json_pack("{s:o s:I s:I s:o s:b}", "rule", ch_jansson_slice(row->rule), "approvals", (json_int_t)row->approvals,
                  "given", (json_int_t)row->given, "of", split(row->of, ','), "code", row->needs_code);
    json_object_set_new(object, "delay_s", json_integer((json_int_t)row->delay_s));
    json_object_set_new(object, "within_s", json_integer((json_int_t)row->within_s));
    json_object_set_new(object, "met", json_boolean(row->is_met));
    return object;
}

static json_t *needs_json(ch_records left)
{
    ch_needed_approval_record row;
    json_t *list = json_array();
    while (ch_needed_approval_record_next(&left, &row))
        json_array_append_new(list, need_json(&row));
    return list;
}

static json_t *given_json(ch_records left)
{
    ch_given_approval_record row;
    json_t *list = json_array();
    while (ch_given_approval_record_next(&left, &row))
        json_array_append_new(list, json_pack("{s:o s:I s:o s:b}", "person", ch_jansson_slice(row.person), "uid",
                                              (json_int_t)row.uid, "at", ch_time_json(row.at_ms / MS_A_S, ""),
                                              "by_code", row.is_by_code));
    return list;
}

static json_t *approval_json(const ch_approval_is_frame *frame)
{
    ch_autobuffer digest = CH_BUFFER_INIT;
    ch_encode(&digest, CH_ENCODE_HEX, frame->digest);
    json_t *object = json_pack("{s:I s:o s:o s:o s:o s:I s:o s:o s:o}", "id", (json_int_t)frame->approval, "state",
                               ch_jansson_slice(frame->state), "words", split(frame->words, '\n'), "key",
                               ch_jansson_slice(frame->key), "callers", split(frame->callers, ','), "uid",
                               (json_int_t)frame->uid, "needs", needs_json(frame->needed), "given",
                               given_json(frame->given), "digest", ch_jansson_slice(ch_buffer_slice(&digest)));
    json_object_set_new(object, "asked", ch_time_json(frame->asked_ms / MS_A_S, ""));
    json_object_set_new(object, "expires", ch_time_json(frame->expires_ms / MS_A_S, ""));
    json_object_set_new(object, "ended", ch_time_json(frame->ended_ms / MS_A_S, ""));
    json_object_set_new(object, "ended_by", ch_jansson_slice(frame->ended_by));
    json_object_set_new(object, "why", ch_jansson_slice(frame->why));
    json_object_set_new(object, "takes_code", json_boolean(frame->takes_code));
    json_object_set_new(object, "you_may", json_boolean(frame->obstacle.status == CH_OK));
    json_object_set_new(object, "you_may_not", ch_jansson_text(frame->obstacle.message));
    return object;
}

/* ---- asking ---- */

static ch_status take(void *context, ch_frame *frame, ch_error *err)
{
    ch_shown_approval *self = context;
    ch_approval_is_frame answer;
    CH_TRY(ch_approval_is_frame_get(frame, &answer, err));
    if (answer.approval != self->id || answer.digest.size > sizeof self->digest || self->object != NULL)
        return ch_fail(err, CH_INTERNAL, "the agent answered with another request than was asked for");
    memcpy(self->digest, answer.digest.data, answer.digest.size);
    self->digest_size = answer.digest.size;
    self->takes_code = answer.takes_code;
    self->obstacle = answer.obstacle;
    self->object = approval_json(&answer);
    return CH_OK;
}

ch_status ch_shown_ask(const ch_arguments *arguments, uint64_t id, ch_shown_approval *out, ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    const ch_approval_show_frame ask = {.version = CH_FRAMES_VERSION, .approval = id};
    const ch_dialog_part part = {CH_FRAME_APPROVAL_IS, out, take, NULL};
    *out = (ch_shown_approval){.id = id, .obstacle = CH_ERROR_INIT};
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_approval_show_frame_put(ch_channel_out(&channel), 0, &ask, err));
    CH_TRY(ch_dialog_ask(&channel, &part, err));
    return out->object != NULL ? CH_OK : ch_fail(err, CH_INTERNAL, "the agent named no request");
}

/* ---- on the terminal ---- */

static void print_given(const json_t *given)
{
    size_t i;
    json_t *row;
    json_array_foreach(given, i, row)
    {
        ch_output_member(row, "approved  ", "person");
        ch_output_member(row, ", ", "at");
        puts(json_is_true(json_object_get(row, "by_code")) ? ", by a code" : "");
    }
}

void ch_shown_print(const ch_shown_approval *shown)
{
    size_t i;
    json_t *line;
    const json_t *object = shown->object;
    json_array_foreach(json_object_get(object, "words"), i, line)
    {
        ch_output_text(json_string_value(line));
        puts("");
    }
    ch_output_member(object, "asked     ", "asked");
    puts("");
    print_given(json_object_get(object, "given"));
}

/* "1 more approval (two-for-withdrawals)" */
static void print_need(const json_t *need)
{
    json_int_t approvals = json_integer_value(json_object_get(need, "approvals"));
    json_int_t given = json_integer_value(json_object_get(need, "given"));
    if (approvals > given)
        printf("%" JSON_INTEGER_FORMAT " more approval%s", approvals - given, approvals - given == 1 ? "" : "s");
    else
        fputs(json_is_true(json_object_get(need, "code")) ? "a code" : "its delay to pass", stdout);
    ch_output_member(need, " (", "rule");
    putchar(')');
}

static void print_waiting(const json_t *object)
{
    size_t i;
    json_t *need;
    const char *separator = " waits for ";
    json_array_foreach(json_object_get(object, "needs"), i, need)
    {
        if (json_is_true(json_object_get(need, "met")))
            continue;
        fputs(separator, stdout);
        print_need(need);
        separator = ", ";
    }
    ch_output_member(object, *separator == ' ' ? " waits, until " : ", until ", "expires");
}

void ch_shown_print_state(const ch_shown_approval *shown)
{
    const json_t *object = shown->object;
    const char *state = ch_jansson_member(object, "state");
    printf("Request %llu", (unsigned long long)shown->id);
    if (strcmp(state, "waiting") == 0) {
        print_waiting(object);
    } else if (strcmp(state, "ready") == 0) {
        ch_output_member(object, " can be fetched by its caller, until ", "expires");
    } else {
        ch_output_member(object, " ended ", "ended");
        ch_output_member(object, ": ", "state");
    }
    if (*ch_jansson_member(object, "ended_by") != '\0')
        ch_output_member(object, " by ", "ended_by");
    if (*ch_jansson_member(object, "why") != '\0')
        ch_output_member(object, ": ", "why");
    puts(".");
}
