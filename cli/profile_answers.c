#include "cli/profile_answers.h"

#include "cli/jansson.h"
#include "exchange/answers.h"

#include <stdio.h>

static json_t *error_of(const ch_profile *profile, ch_answer_kind kind)
{
    ch_autoanswer answer = CH_ANSWER_INIT;
    ch_answer_write(profile, kind, CH_LITERAL("{message}"), CH_LITERAL("{id}"), &answer);
    json_t *headers = json_object();
    for (size_t i = 0; i < answer.header_count; i++)
        json_object_set_new(headers, answer.headers[i].name, json_string(answer.headers[i].value));
    return json_pack("{s:I s:o s:s}", "status", (json_int_t)answer.status, "headers", headers, "body",
                     ch_buffer_text(&answer.body));
}

json_t *ch_answers_of(const ch_profile *profile)
{
    ch_autobuffer rule = CH_BUFFER_INIT;
    json_t *errors = json_object();
    json_t *misread = json_array();
    json_t *rejected = json_array();
    const char *text;
    for (ch_answer_kind kind = 0; kind < CH_ANSWER_KIND_COUNT; kind++)
        json_object_set_new(errors, ch_answer_kind_name(kind), error_of(profile, kind));
    for (size_t i = 0; (text = ch_answer_misread_at(profile, i)) != NULL; i++)
        json_array_append_new(misread, json_string(text));
    for (size_t i = 0; ch_answer_describe_rejection(profile, i, &rule); i++)
        json_array_append_new(rejected, json_string(ch_buffer_text(&rule)));
    return json_pack("{s:o s:o s:o}", "errors", errors, "misread", misread, "rejected", rejected);
}

void ch_answers_print(const json_t *row)
{
    const json_t *answers = json_object_get(row, "answers");
    const char *kind;
    json_t *error;
    size_t i;
    json_t *rule;
    json_object_foreach(json_object_get(answers, "errors"), kind, error)
        printf("answer if %s: %lld %s\n", kind, (long long)json_integer_value(json_object_get(error, "status")),
               ch_jansson_member(error, "body"));
    if (json_array_size(json_object_get(answers, "misread")) > 0) {
        printf("SDKs would misread in a message: ");
        ch_jansson_print_joined(json_object_get(answers, "misread"), "");
        printf("\n");
    }
    json_array_foreach(json_object_get(answers, "rejected"), i, rule)
        printf("nothing was placed if %s\n", json_string_value(rule));
}
