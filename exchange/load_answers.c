/* An error must be sound JSON whatever the message holds, so each is written once with an awkward one. A rule for
 * rejections that could never hold, or holds for too much, is a mistake that nobody would notice later. */
#include "exchange/load_answers.h"

#include "base/memory.h"
#include "exchange/answers_impl.h"
#include "exchange/json_tokens.h"
#include "exchange/load_meanings.h"
#include "exchange/load_recipes.h"
#include "exchange/recipe.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- errors ---- */

static const char *const value_names[] = {[CH_ANSWER_MESSAGE] = "message", [CH_ANSWER_ID] = "id"};
static const ch_names names = {value_names, CH_ANSWER_VALUE_COUNT, NULL, 0};

/* In JSON a value stands as {message|json}, in text as {message}. */
static bool is_well_written(const ch_template *body, bool is_json)
{
    const ch_filter *json = ch_filter_find(CH_LITERAL("json"));
    bool is_well = true;
    for (size_t i = 0; i < body->part_count; i++) {
        const ch_template_part *part = &body->parts[i];
        bool is_json_part = part->filter_count == 1 && part->filters[0] == json;
        is_well &= part->is_literal || (is_json ? is_json_part : part->filter_count == 0);
    }
    return is_well;
}

static ch_status read_body(const ch_value *value, bool is_json, ch_error *err)
{
    ch_error_shape *shape = value->out;
    const char *text = NULL;
    CH_TRY(ch_yaml_text(value->node, &text, err));
    if (shape->body.text != NULL)
        return ch_yaml_fail(value->node, err, "give either 'json' or 'text'");
    shape->is_json = is_json;
    ch_error reason = CH_ERROR_INIT;
    if (ch_template_compile(text, &names, &shape->body, &reason) != CH_OK)
        return ch_yaml_fail(value->node, err, "%s", reason.message);
    if (!ch_template_uses_value(&shape->body, CH_ANSWER_MESSAGE))
        return ch_yaml_fail(value->node, err, "it must hold the message, as %s",
                            is_json ? "{message|json}" : "{message}");
    if (!is_well_written(&shape->body, is_json))
        return ch_yaml_fail(value->node, err, "write values as %s", is_json ? "{message|json}" : "{message}");
    return CH_OK;
}

static ch_status read_json(const ch_value *value, ch_error *err)
{
    return read_body(value, true, err);
}

static ch_status read_text(const ch_value *value, ch_error *err)
{
    return read_body(value, false, err);
}

static ch_status read_header(const ch_value *value, ch_error *err)
{
    ch_error_header *header = value->out;
    const char *text = NULL;
    CH_TRY(ch_yaml_text(value->node, &text, err));
    header->name = ch_strdup(value->name);
    header->text = ch_strdup(text);
    if (!ch_is_header_name(value->name) || strcasecmp(value->name, "Content-Type") == 0)
        return ch_yaml_fail(value->node, err, "'%s' can't be a header here", value->name);
    if (*text == '\0' || strpbrk(text, "{}") != NULL || !ch_header_may_hold(ch_slice_of(text)))
        return ch_yaml_fail(value->node, err, "'%s' must be plain ASCII text; it can't be a template", value->name);
    return CH_OK;
}

static ch_status read_headers(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "header", CH_YAML_MAP, 1, CH_ANSWER_HEADERS_MAX, {.read = read_header, .size = sizeof(ch_error_header)}
    };
    ch_error_shape *shape = value->out;
    return ch_entries_read(value->node, &entries, shape->headers, &shape->header_count, NULL, err);
}

/* clang-format off */
static const ch_field shape_fields[] = {
    /* name       required  reader          where                                bounds */
    { "status",   true,     ch_field_uint,  CH_MEMBER(ch_error_shape, status),   .min = 200, .max = 599 },
    { "json",     false,    read_json,      CH_WHOLE },
    { "text",     false,    read_text,      CH_WHOLE },
    { "headers",  false,    read_headers,   CH_WHOLE },
};

/* A status that an SDK takes for success, or for a fault that passes, would make it do the wrong thing. An exchange that
 * says 200 with an error in the body is read by its body; 408 is a timeout that fewer SDKs send again by themselves. */
static const struct {
    unsigned min;
    unsigned max;
    unsigned other;
} statuses[] = {
    /*                         min  max  other */
    [CH_ANSWER_REFUSED]    = { 400, 500, 200 },
    [CH_ANSWER_LOCKED]     = { 400, 500, 200 },
    [CH_ANSWER_NOT_SENT]   = { 500, 599, 0 },
    [CH_ANSWER_UNKNOWN]    = { 500, 599, 408 },
};
/* clang-format on */

static bool may_have_status(ch_answer_kind kind, unsigned status)
{
    bool is_passing = status == 408 || status == 423 || status == 425 || status == 429;
    bool is_within = status >= statuses[kind].min && status <= statuses[kind].max && !is_passing;
    return is_within || status == statuses[kind].other;
}

/* Plain text must not look like JSON, which some SDKs look for whatever the type says. */
static ch_status check_sample(const ch_yaml *node, const ch_profile *profile, ch_answer_kind kind, ch_error *err)
{
    ch_autofree ch_json_token *tokens = ch_alloc(CH_JSON_TOKENS_MAX * sizeof *tokens);
    ch_autoanswer sample = CH_ANSWER_INIT;
    ch_answer_write(profile, kind, CH_LITERAL("{\"\\]"), CH_LITERAL("1\"}"), &sample);
    ch_slice body = ch_buffer_slice(&sample.body);
    if (profile->answers->errors[kind].is_json)
        return ch_json_read(body, tokens) > 0 ? CH_OK : ch_yaml_fail(node, err, "the body is not sound JSON");
    return ch_byte_is_alphanumeric(body.data[0]) ? CH_OK : ch_yaml_fail(node, err, "plain text must begin with a word");
}

static ch_status read_error(const ch_profile *profile, const ch_yaml *map, ch_answer_kind kind, ch_error *err)
{
    ch_error_shape *shape = &profile->answers->errors[kind];
    const ch_yaml *node = NULL;
    CH_TRY(ch_yaml_require(map, ch_answer_kind_name(kind), &node, err));
    CH_TRY(ch_fields_read(node, CH_FIELDS(shape_fields), shape, NULL, err));
    if (shape->body.text == NULL)
        return ch_yaml_fail(node, err, "'json' or 'text' is missing");
    if (!may_have_status(kind, shape->status))
        return ch_yaml_fail(node, err, "no SDK would take status %u for that; see docs/profiles.md", shape->status);
    return check_sample(node, profile, kind, err);
}

static ch_status read_errors(const ch_value *value, ch_error *err)
{
    CH_TRY(ch_yaml_expect_map(value->node, err));
    for (ch_answer_kind kind = 0; kind < CH_ANSWER_KIND_COUNT; kind++)
        CH_TRY(read_error(value->context, value->node, kind, err));
    return ch_yaml_check_known(value->node, err);
}

static ch_status read_misread(const ch_value *value, ch_error *err)
{
    ch_answers *answers = value->out;
    CH_TRY(ch_texts_read(value->node, &answers->misread, &answers->misread_count, err));
    if (answers->misread_count == 0)
        return ch_yaml_fail(value->node, err, "there must be at least 1 text");
    for (size_t i = 0; i < answers->misread_count; i++) {
        uint8_t first = (uint8_t)answers->misread[i][0];
        if (!ch_byte_is_alphanumeric(first) || (first >= '0' && first <= '9'))
            return ch_yaml_fail(ch_yaml_item(value->node, i), err,
                                "'%s' must begin with a letter of ASCII, whose case changes", answers->misread[i]);
    }
    return CH_OK;
}

/* ---- rejections ---- */

static ch_status read_status(const ch_value *value, ch_error *err)
{
    ch_rejection *rejection = value->out;
    uint64_t status = 0;
    CH_TRY(ch_yaml_uint_in(value->node, &status, 200, 499, err));
    rejection->status = (unsigned)status;
    if (ch_answer_status_may_reject(rejection->status))
        return CH_OK;
    return ch_yaml_fail(value->node, err, "status %u never means that nothing was placed", rejection->status);
}

static ch_status read_beginning(const ch_value *value, ch_error *err)
{
    const ch_profile *profile = value->context;
    char **under = value->out;
    const char *path = NULL;
    CH_TRY(ch_yaml_text(value->node, &path, err));
    *under = ch_strdup(path);
    for (size_t i = 0; i < profile->endpoint_count && *path == '/'; i++) {
        if (strncmp(profile->endpoints[i].path, path, strlen(path)) == 0)
            return CH_OK;
    }
    return ch_yaml_fail(value->node, err, "no endpoint's path begins with '%s'", path);
}

static ch_status read_under(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "path", CH_YAML_LIST, 1, CH_REJECTION_UNDER_MAX, {.read = read_beginning, .size = sizeof(char *)}
    };
    ch_rejection *rejection = value->out;
    return ch_entries_read(value->node, &entries, rejection->under, &rejection->under_count, value->context, err);
}

/* "/data/(*)/sCode": one star, as a part of its own. */
static bool split_pointer(ch_answer_member *member)
{
    const char *pointer = member->pointer;
    const char *star = strchr(pointer, '*');
    size_t before = star == NULL ? 0 : (size_t)(star - pointer);
    member->value = ch_slice_of(pointer);
    if (pointer[0] != '/' || strstr(pointer, "//") != NULL || pointer[strlen(pointer) - 1] == '/')
        return false;
    if (star == NULL)
        return true;
    member->list = (ch_slice){(const uint8_t *)pointer, before - 1};
    member->value = ch_slice_of(star + 1);
    return star[-1] == '/' && (star[1] == '/' || star[1] == '\0') && strchr(star + 1, '*') == NULL;
}

static ch_status check_values(const ch_yaml *list, const ch_answer_member *member, ch_error *err)
{
    if (member->value_count == 0)
        return ch_yaml_fail(list, err, "there must be at least 1 value");
    for (size_t i = 0; i < member->value_count; i++) {
        const char *star = strchr(member->values[i], '*');
        if (*member->values[i] == '\0' || star == member->values[i] || (star != NULL && star[1] != '\0'))
            return ch_yaml_fail(ch_yaml_item(list, i), err, "'%s' is no value; a star may stand at its end only",
                                member->values[i]);
    }
    return CH_OK;
}

static ch_status read_member(const ch_value *value, ch_error *err)
{
    ch_answer_member *member = value->out;
    member->pointer = ch_strdup(value->name);
    if (!split_pointer(member))
        return ch_yaml_fail(value->node, err,
                            "'%s' is no place in an answer; write /code, or /data/*/code for all of a list",
                            value->name);
    CH_TRY(ch_texts_read(value->node, &member->values, &member->value_count, err));
    return check_values(value->node, member, err);
}

static ch_status read_where(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "member", CH_YAML_MAP, 1, CH_REJECTION_MEMBERS_MAX, {.read = read_member, .size = sizeof(ch_answer_member)}
    };
    ch_rejection *rejection = value->out;
    return ch_entries_read(value->node, &entries, rejection->members, &rejection->member_count, NULL, err);
}

/* clang-format off */
static const ch_field rejection_fields[] = {
    /* name      required  reader        where */
    { "status",  false,    read_status,  CH_WHOLE },
    { "under",   false,    read_under,   CH_WHOLE },
    { "where",   true,     read_where,   CH_WHOLE },
};
/* clang-format on */

static ch_status read_rejection(const ch_value *value, ch_error *err)
{
    return ch_fields_read(value->node, CH_FIELDS(rejection_fields), value->out, value->context, err);
}

static ch_status read_rejected(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "rule", CH_YAML_LIST, 1, 0, {.read = read_rejection, .size = sizeof(ch_rejection)}
    };
    ch_answers *answers = value->out;
    answers->rejections = ch_alloc(ch_yaml_count(value->node) * sizeof *answers->rejections);
    return ch_entries_read(value->node, &entries, answers->rejections, &answers->rejection_count, value->context, err);
}

/* ---- the whole ---- */

/* clang-format off */
static const ch_field fields[] = {
    /* name        required  reader          where */
    { "misread",   false,    read_misread,   CH_WHOLE },
    { "errors",    true,     read_errors,    CH_WHOLE },
    { "rejected",  false,    read_rejected,  CH_WHOLE },
};
/* clang-format on */

ch_status ch_answers_read(const ch_value *value, ch_error *err)
{
    ch_profile *profile = value->out;
    profile->answers = ch_alloc(sizeof *profile->answers);
    return ch_fields_read(value->node, CH_FIELDS(fields), profile->answers, profile, err);
}

static void free_shape(ch_error_shape *shape)
{
    ch_template_free(&shape->body);
    for (size_t i = 0; i < shape->header_count; i++) {
        free(shape->headers[i].name);
        free(shape->headers[i].text);
    }
}

static void free_rejection(ch_rejection *rejection)
{
    for (size_t i = 0; i < rejection->under_count; i++)
        free(rejection->under[i]);
    for (size_t i = 0; i < rejection->member_count; i++) {
        free(rejection->members[i].pointer);
        ch_texts_free(rejection->members[i].values, rejection->members[i].value_count);
    }
}

void ch_answers_free(ch_profile *profile)
{
    if (profile->answers == NULL)
        return;
    for (ch_answer_kind kind = 0; kind < CH_ANSWER_KIND_COUNT; kind++)
        free_shape(&profile->answers->errors[kind]);
    for (size_t i = 0; i < profile->answers->rejection_count; i++)
        free_rejection(&profile->answers->rejections[i]);
    free(profile->answers->rejections);
    ch_texts_free(profile->answers->misread, profile->answers->misread_count);
    free(profile->answers);
}
