/* What is kept too long costs a bot some of its budget until the window ends; what is returned too early costs money.
 * So whatever is not plain here is no rejection. */
#include "exchange/answers.h"

#include "base/printable.h"
#include "exchange/answers_impl.h"
#include "exchange/json_tokens.h"
#include "exchange/profile_impl.h"

#include <assert.h>
#include <string.h>

/* ---- errors ---- */

/* clang-format off */
static const struct {
    const char *name;
    unsigned status; /* of profiles without `answers` */
} kinds[] = {
    /*                         name         status */
    [CH_ANSWER_REFUSED]    = { "refused",   422 },
    [CH_ANSWER_LOCKED]     = { "locked",    422 },
    [CH_ANSWER_NOT_SENT]   = { "not-sent",  503 },
    [CH_ANSWER_UNKNOWN]    = { "unknown",   504 },
};
/* clang-format on */

const char *ch_answer_kind_name(ch_answer_kind kind)
{
    return kinds[kind].name;
}

void ch_answer_free(ch_answer *answer)
{
    ch_buffer_free(&answer->body);
    *answer = (ch_answer)CH_ANSWER_INIT;
}

static ch_slice printable(ch_slice text, ch_buffer *out)
{
    for (size_t i = 0; i < text.size; i++)
        ch_buffer_add_byte(out, text.data[i] == '\0' ? '?' : text.data[i]);
    (void)ch_buffer_text(out);
    ch_make_printable((char *)out->data);
    return ch_buffer_slice(out);
}

/* An SDK that looks for these in the whole body would take the error for another, whatever its code says. It looks for
 * them as they are written, so another case of the first letter hides them from it and not from people. */
static void disarm(const ch_answers *answers, ch_buffer *text)
{
    (void)ch_buffer_text(text);
    for (size_t i = 0; i < answers->misread_count; i++) {
        for (char *at = (char *)text->data; (at = strstr(at, answers->misread[i])) != NULL; at++)
            *at = (char)(*at ^ 0x20);
    }
}

static void add_header(ch_answer *answer, const char *name, const char *value)
{
    answer->headers[answer->header_count++] = (ch_answer_header){name, value};
}

static void write_plain(ch_answer_kind kind, const ch_slice *values, ch_answer *out)
{
    out->status = kinds[kind].status;
    add_header(out, "Content-Type", "application/json");
    ch_buffer_add_text(&out->body, "{\"message\":");
    ch_encode_json(&out->body, values[CH_ANSWER_MESSAGE]);
    ch_buffer_add_text(&out->body, ",\"id\":");
    ch_encode_json(&out->body, values[CH_ANSWER_ID]);
    ch_buffer_add_text(&out->body, "}");
}

/* A template of errors has no list and no filter but json, so it needs nothing of the scratch and can't fail. */
static void write_shaped(const ch_error_shape *shape, const ch_slice *values, ch_answer *out)
{
    const ch_template_input input = {.values = values};
    ch_scratch none = {0};
    ch_error err = CH_ERROR_INIT;
    out->status = shape->status;
    add_header(out, "Content-Type", shape->is_json ? "application/json" : "text/plain; charset=utf-8");
    for (size_t i = 0; i < shape->header_count; i++)
        add_header(out, shape->headers[i].name, shape->headers[i].text);
    ch_status st = ch_template_run(&shape->body, &input, &none, &out->body, &err);
    assert(st == CH_OK);
    (void)st;
}

void ch_answer_write(const ch_profile *profile, ch_answer_kind kind, ch_slice message, ch_slice id, ch_answer *out)
{
    ch_autobuffer message_text = CH_BUFFER_INIT;
    ch_autobuffer id_text = CH_BUFFER_INIT;
    const ch_slice values[CH_ANSWER_VALUE_COUNT] = {
        [CH_ANSWER_MESSAGE] = printable(message, &message_text),
        [CH_ANSWER_ID] = printable(id, &id_text),
    };
    if (profile->answers != NULL)
        disarm(profile->answers, &message_text);
    ch_buffer_clear(&out->body);
    out->header_count = 0;
    if (profile->answers == NULL)
        write_plain(kind, values, out);
    else
        write_shaped(&profile->answers->errors[kind], values, out);
}

/* ---- rejections ---- */

bool ch_answer_status_may_reject(unsigned status)
{
    return (status >= 200 && status <= 299) || (status >= 400 && status <= 499 && status != 408);
}

bool ch_rejection_is_for(const ch_rejection *rejection, const char *path)
{
    bool is_for = rejection->under_count == 0;
    for (size_t i = 0; i < rejection->under_count; i++)
        is_for |= strncmp(path, rejection->under[i], strlen(rejection->under[i])) == 0;
    return is_for;
}

static bool is_value(ch_slice text, const char *value)
{
    size_t size = strlen(value);
    if (size > 0 && value[size - 1] == '*')
        return ch_slice_begins(text, (ch_slice){(const uint8_t *)value, size - 1});
    return ch_slice_is(text, value);
}

/* A text with an escape is not what it says, so it is no value. */
static bool has_value(const ch_json_token *tokens, size_t at, const ch_answer_member *member)
{
    size_t found = ch_json_find(tokens, at, member->value);
    bool is_scalar = found > 0 && tokens[found].kind >= CH_JSON_TEXT && !tokens[found].has_escape;
    for (size_t i = 0; is_scalar && i < member->value_count; i++) {
        if (is_value(tokens[found].text, member->values[i]))
            return true;
    }
    return false;
}

/* Every item of a list, or member of an object, must have such a value, and there must be one. */
static bool member_holds(const ch_json_token *tokens, const ch_answer_member *member)
{
    if (member->list.data == NULL)
        return has_value(tokens, 0, member);
    size_t list = ch_json_find(tokens, 0, member->list);
    bool is_there = list > 0 || member->list.size == 0;
    bool is_object = tokens[list].kind == CH_JSON_OBJECT; /* with a name before each value */
    if (!is_there || (!is_object && tokens[list].kind != CH_JSON_LIST) || tokens[list].next == list + 1)
        return false;
    for (size_t i = list + 1 + is_object; i < tokens[list].next; i = tokens[i].next + is_object) {
        if (!has_value(tokens, i, member))
            return false;
    }
    return true;
}

static bool all_hold(const ch_json_token *tokens, const ch_rejection *rejection)
{
    for (size_t i = 0; i < rejection->member_count; i++) {
        if (!member_holds(tokens, &rejection->members[i]))
            return false;
    }
    return true;
}

static bool may_be_one(const ch_rejection *rejection, const ch_endpoint *endpoint, unsigned status)
{
    return (rejection->status == 0 || rejection->status == status) && ch_rejection_is_for(rejection, endpoint->path);
}

bool ch_answer_is_rejection(const ch_endpoint *endpoint, unsigned status, ch_slice body)
{
    const ch_answers *answers = endpoint->profile->answers;
    if (answers == NULL || !ch_answer_status_may_reject(status) || body.size > CH_ANSWER_READ_MAX)
        return false;
    ch_json_token tokens[CH_JSON_TOKENS_MAX];
    bool is_rejection = false;
    if (ch_json_read(body, tokens) == 0)
        return false;
    for (size_t i = 0; i < answers->rejection_count && !is_rejection; i++) {
        const ch_rejection *rejection = &answers->rejections[i];
        is_rejection = may_be_one(rejection, endpoint, status) && all_hold(tokens, rejection);
    }
    return is_rejection;
}

/* ---- for people ---- */

const char *ch_answer_misread_at(const ch_profile *profile, size_t index)
{
    return profile->answers != NULL && index < profile->answers->misread_count ? profile->answers->misread[index]
                                                                               : NULL;
}

static void add_member(const ch_answer_member *member, ch_buffer *out)
{
    ch_buffer_add_format(out, "%s is ", member->pointer);
    for (size_t i = 0; i < member->value_count; i++)
        ch_buffer_add_format(out, "%s%s",
                             i == 0                         ? ""
                             : i + 1 == member->value_count ? " or "
                                                            : ", ",
                             member->values[i]);
}

bool ch_answer_describe_rejection(const ch_profile *profile, size_t index, ch_buffer *out)
{
    if (profile->answers == NULL || index >= profile->answers->rejection_count)
        return false;
    const ch_rejection *rejection = &profile->answers->rejections[index];
    const char *separator = "";
    ch_buffer_clear(out);
    if (rejection->status != 0) {
        ch_buffer_add_format(out, "the status is %u", rejection->status);
        separator = ", and ";
    }
    for (size_t i = 0; i < rejection->member_count; i++, separator = ", and ") {
        ch_buffer_add_text(out, separator);
        add_member(&rejection->members[i], out);
    }
    for (size_t i = 0; i < rejection->under_count; i++)
        ch_buffer_add_format(out, "%s%s", i == 0 ? "; under " : ", ", rejection->under[i]);
    return true;
}
