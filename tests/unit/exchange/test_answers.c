/* What the exchanges answered stands in answers.yaml. Run from the repository's root. */
#include "exchange/answers.h"

#include "conf/yaml.h"
#include "exchange/json_tokens.h"
#include "tests/support/suite.h"
#include "tests/unit/exchange/answered.h"
#include "tests/unit/exchange/samples.h"

#include <dirent.h>
#include <stdio.h>

#define ANSWERS "tests/unit/exchange/answers.yaml"

/* ---- what exchanges answer ---- */

typedef struct seen {
    ch_yaml_document *document;
    const char *profile_name;
    ch_profile *profile;
    const ch_endpoint *endpoint;
    unsigned status;
    bool is_rejection;
    ch_slice body;
    size_t count; /* of those that are rejections, and of the others, by profile */
    size_t other_count;
} seen;

static const ch_endpoint *find_endpoint(const ch_profile *profile, const char *call)
{
    const ch_endpoint *endpoint;
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(profile, i)) != NULL; i++) {
        size_t size = strlen(ch_endpoint_method(endpoint));
        if (strncmp(call, ch_endpoint_method(endpoint), size) == 0 && call[size] == ' ' &&
            strcmp(call + size + 1, ch_endpoint_path(endpoint)) == 0)
            return endpoint;
    }
    ck_abort_msg("%s has no call %s", ch_profile_name(profile), call);
}

static const char *text_of(const ch_yaml *map, const char *name)
{
    ch_error err = CH_ERROR_INIT;
    const ch_yaml *node = NULL;
    const char *value = NULL;
    ck_assert_msg(ch_yaml_require_text(map, name, &node, &value, &err) == CH_OK, "%s", err.message);
    return value;
}

static void read_answer(seen *answer, const ch_yaml *map)
{
    answer->endpoint = find_endpoint(answer->profile, text_of(map, "call"));
    answer->status = (unsigned)strtoul(text_of(map, "status"), NULL, 10);
    answer->is_rejection = strcmp(text_of(map, "rejected"), "true") == 0;
    answer->body = ch_slice_of(text_of(map, "body"));
    answer->count += answer->is_rejection;
    answer->other_count += !answer->is_rejection;
}

/* Hands over each answer of the file; and, with a `profile` done, its counts. */
static void for_each_answer(void (*look)(const seen *answer), void (*count)(const seen *answer))
{
    ch_error err = CH_ERROR_INIT;
    seen answer = {0};
    ck_assert_msg(ch_yaml_load_any(ANSWERS, &answer.document, &err) == CH_OK, "%s", err.message);
    const ch_yaml *root = ch_yaml_root(answer.document);
    for (size_t i = 0; i < ch_yaml_count(root); i++) {
        char path[128];
        answer.profile_name = ch_yaml_key_at(root, i);
        answer.count = answer.other_count = 0;
        snprintf(path, sizeof path, "profiles/%s.yaml", answer.profile_name);
        answer.profile = load(path);
        const ch_yaml *list = ch_yaml_value_at(root, i);
        for (size_t j = 0; j < ch_yaml_count(list); j++) {
            read_answer(&answer, ch_yaml_item(list, j));
            look(&answer);
        }
        if (count != NULL)
            count(&answer);
        ch_profile_free(answer.profile);
    }
    ch_yaml_free(answer.document);
}

static void holds(const seen *answer)
{
    bool is_rejection = ch_answer_is_rejection(answer->endpoint, answer->status, answer->body);
    ck_assert_msg(is_rejection == answer->is_rejection, "%s: %.*s", answer->profile_name, CH_SLICE_ARGS(answer->body));
}

static size_t profiles_seen;

static void has_both(const seen *answer)
{
    profiles_seen++;
    ck_assert_msg(answer->count >= 1 && answer->other_count >= 2, "%s needs more answers", answer->profile_name);
}

START_TEST(test_the_answers_of_each_exchange_are_told_apart)
{
    size_t profiles = 0;
    for_each_answer(holds, has_both);
    DIR *folder = opendir("profiles");
    ck_assert_ptr_nonnull(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        profiles += strstr(entry->d_name, ".yaml") != NULL;
    closedir(folder);
    ck_assert_uint_eq(profiles_seen, profiles);
}
END_TEST

/* ---- what is never a rejection ---- */

static bool is_one(const seen *answer, unsigned status, const char *before, ch_slice body, const char *after)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_text(&text, before);
    ch_buffer_add_slice(&text, body);
    ch_buffer_add_text(&text, after);
    return ch_answer_is_rejection(answer->endpoint, status, ch_buffer_slice(&text));
}

static void is_none_if_cut_off(const seen *answer)
{
    for (size_t size = 0; size < answer->body.size; size++)
        ck_assert(!ch_answer_is_rejection(answer->endpoint, answer->status, (ch_slice){answer->body.data, size}));
}

START_TEST(test_what_was_cut_off_is_no_rejection)
{
    for_each_answer(is_none_if_cut_off, NULL);
}
END_TEST

static void is_none_by_status(const seen *answer)
{
    static const unsigned statuses[] = {0, 100, 199, 300, 302, 399, 408, 500, 502, 503, 504, 520, 599, 600, 1000};
    for (size_t i = 0; i < CH_ROWS(statuses); i++)
        ck_assert(!ch_answer_is_rejection(answer->endpoint, statuses[i], answer->body));
}

START_TEST(test_some_statuses_never_mean_a_rejection)
{
    for_each_answer(is_none_by_status, NULL);
}
END_TEST

static void is_none_if_not_plain(const seen *answer)
{
    unsigned status = answer->status;
    ch_slice inner = ch_slice_after(answer->body, 1);
    ck_assert(!is_one(answer, status, "", answer->body, "x"));
    ck_assert(!is_one(answer, status, "", answer->body, "{}"));
    ck_assert(!is_one(answer, status, "x", answer->body, ""));
    ck_assert(!is_one(answer, status, "[", answer->body, "]"));
    ck_assert(!is_one(answer, status, "\xef\xbb\xbf", answer->body, ""));
    if (answer->body.data[0] == '{')
        ck_assert(!is_one(answer, status, "{\"x\":1,\"x\":1,", inner, ""));
}

START_TEST(test_what_is_not_one_plain_text_is_no_rejection)
{
    for_each_answer(is_none_if_not_plain, NULL);
}
END_TEST

static void is_none_if_long(const seen *answer)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_slice(&text, answer->body);
    while (text.size < CH_ANSWER_READ_MAX)
        ch_buffer_add_byte(&text, ' ');
    ck_assert(ch_answer_is_rejection(answer->endpoint, answer->status, ch_buffer_slice(&text)) == answer->is_rejection);
    ch_buffer_add_byte(&text, ' ');
    ck_assert(!ch_answer_is_rejection(answer->endpoint, answer->status, ch_buffer_slice(&text)));
}

START_TEST(test_an_answer_that_is_too_long_is_no_rejection)
{
    for_each_answer(is_none_if_long, NULL);
}
END_TEST

/* ---- rules ---- */

/* clang-format off */
static const struct {
    const char *rule;
    const char *path;
    unsigned status;
    const char *body;
    bool is_rejection;
} rules[] = {
    /* rule                                              path  status  body                             is one */
    { "{where: {/c: [1, 2]}}",                           "/x",   200, "{\"c\":1}",                        true },
    { "{where: {/c: [1, 2]}}",                           "/x",   400, "{\"c\":\"2\"}",                    true },
    { "{where: {/c: [1, 2]}}",                           "/x",   400, "{\"c\":3}",                        false },
    { "{where: {/c: [1, 2]}}",                           "/x",   400, "{\"c\":1.0}",                      false },
    { "{where: {/c: [1, 2]}}",                           "/x",   400, "{\"c\":12}",                       false },
    { "{where: {/c: [1, 2]}}",                           "/x",   400, "{\"c\":[1]}",                      false },
    { "{where: {/c: [1, 2]}}",                           "/x",   400, "{\"c\":\"\\u0031\"}",              false },
    { "{where: {/c: [\"{\", \"[\"]}}",                   "/x",   400, "{\"c\":{}}",                       false },
    { "{where: {/c: [\"{\", \"[\"]}}",                   "/x",   400, "{\"c\":[]}",                       false },
    { "{where: {/c: [1], /m: [a, \"b*\"]}}",             "/x",   400, "{\"c\":1,\"m\":\"a\"}",            true },
    { "{where: {/c: [1], /m: [a, \"b*\"]}}",             "/x",   400, "{\"c\":1,\"m\":\"bcd\"}",          true },
    { "{where: {/c: [1], /m: [a, \"b*\"]}}",             "/x",   400, "{\"c\":1,\"m\":\"ab\"}",           false },
    { "{where: {/c: [1], /m: [a, \"b*\"]}}",             "/x",   400, "{\"c\":1}",                        false },
    { "{where: {/c: [1], /m: [a, \"b*\"]}}",             "/x",   400, "{\"m\":\"a\"}",                    false },
    { "{where: {/c: [1], /m: [a, \"b*\"]}}",             "/x",   400, "{\"c\":1,\"m\":\"b\\n\"}",         false },
    { "{where: {/s: [\"false\"]}}",                      "/x",   400, "{\"s\":false}",                    true },
    { "{where: {/s: [\"false\"]}}",                      "/x",   400, "{\"s\":true}",                     false },
    { "{status: 429, where: {/c: [1]}}",                 "/x",   429, "{\"c\":1}",                        true },
    { "{status: 429, where: {/c: [1]}}",                 "/x",   400, "{\"c\":1}",                        false },
    { "{under: [/x/], where: {/c: [1]}}",                "/x/y", 400, "{\"c\":1}",                        true },
    { "{under: [/x/], where: {/c: [1]}}",                "/x",   400, "{\"c\":1}",                        false },
    { "{where: {/d/*/c: [1, 2]}}",                       "/x",   400, "{\"d\":[{\"c\":1},{\"c\":2}]}",    true },
    { "{where: {/d/*/c: [1, 2]}}",                       "/x",   400, "{\"d\":[{\"c\":1},{\"c\":3}]}",    false },
    { "{where: {/d/*/c: [1, 2]}}",                       "/x",   400, "{\"d\":[{\"c\":1},{}]}",           false },
    { "{where: {/d/*/c: [1, 2]}}",                       "/x",   400, "{\"d\":[{\"c\":1},1]}",            false },
    { "{where: {/d/*/c: [1, 2]}}",                       "/x",   400, "{\"d\":[]}",                       false },
    { "{where: {/d/*/c: [1, 2]}}",                       "/x",   400, "{\"d\":{\"a\":{\"c\":1}}}",        true },
    { "{where: {/d/*/c: [1, 2]}}",                       "/x",   400, "{\"d\":{\"c\":1}}",                false },
    { "{where: {/d/*/e/c: [1]}}",                        "/x",   400, "{\"d\":[{\"e\":{\"c\":1}}]}",      true },
    { "{where: {/*/c: [1]}}",                            "/x",   400, "[{\"c\":1},{\"c\":1}]",            true },
    { "{where: {/*/c: [1]}}",                            "/x",   400, "{\"a\":{\"c\":1}}",                true },
    { "{where: {/e/*: [a]}}",                            "/x",   400, "{\"e\":[\"a\",\"a\"]}",            true },
    { "{where: {/e/*: [a]}}",                            "/x",   400, "{\"e\":[\"a\",\"b\"]}",            false },
    { "{where: {/e/*: [a]}}",                            "/x",   400, "{\"e\":\"a\"}",                    false },
    { "{where: {/e/*: [a]}}",                            "/x",   400, "{\"e\":{}}",                       false },
    { "{where: {/e/*: [a]}}",                            "/x",   400, "{\"e\":{\"x\":\"a\",\"y\":\"a\"}}", true },
    { "{where: {/e/*: [a]}}",                            "/x",   400, "{\"e\":{\"x\":\"a\",\"y\":\"b\"}}", false },
    { "{where: {/e/*/0: [a]}}",                          "/x",   400, "{\"e\":{\"x\":[\"a\"],\"y\":[\"a\"]},\"f\":1}", true },
    { "{where: {/e/*/0: [a]}}",                          "/x",   400, "{\"e\":{\"x\":[\"a\"],\"y\":[]}}", false },
    { "{where: {/1: [a]}}",                              "/x",   400, "[0,\"a\"]",                        true },
    { "{where: {/c: [1]}}",                              "/x",   400, "1",                                false },
    { "{where: {/c: [1]}}",                              "/x",   400, "",                                 false },
    { "{where: {/c: [1]}}",                              "/x",   400, "<html>",                           false },
};
/* clang-format on */

static ch_profile *load_answers(const char *answers)
{
    ch_autobuffer source = CH_BUFFER_INIT;
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ch_buffer_add_format(&source, "%s%s", PLAIN, answers);
    ck_assert_msg(load_text(ch_buffer_text(&source), &profile, &err) == CH_OK, "%s", err.message);
    return profile;
}

static const ch_endpoint *endpoint_at(const ch_profile *profile, const char *path)
{
    size_t i = 0;
    while (strcmp(ch_endpoint_path(ch_profile_endpoint_at(profile, i)), path) != 0)
        i++;
    return ch_profile_endpoint_at(profile, i);
}

START_TEST(test_a_rule_holds_if_all_of_it_holds)
{
    ch_autobuffer answers = CH_BUFFER_INIT;
    ch_buffer_add_format(&answers, ERRORS "  rejected: [%s]\n", rules[_i].rule);
    ch_autoprofile *profile = load_answers(ch_buffer_text(&answers));
    bool is_rejection =
        ch_answer_is_rejection(endpoint_at(profile, rules[_i].path), rules[_i].status, ch_slice_of(rules[_i].body));
    ck_assert_msg(is_rejection == rules[_i].is_rejection, "%s: %s", rules[_i].rule, rules[_i].body);
}
END_TEST

START_TEST(test_without_rules_nothing_is_a_rejection)
{
    ch_autoprofile *bare = load_answers("");
    ch_autoprofile *without = load_answers(ERRORS);
    ch_autobuffer text = CH_BUFFER_INIT;
    ck_assert(!ch_answer_is_rejection(endpoint_at(bare, "/x"), 400, CH_LITERAL("{\"c\":1}")));
    ck_assert(!ch_answer_is_rejection(endpoint_at(without, "/x"), 400, CH_LITERAL("{\"c\":1}")));
    ck_assert(!ch_answer_describe_rejection(bare, 0, &text));
    ck_assert(!ch_answer_describe_rejection(without, 0, &text));
}
END_TEST

START_TEST(test_a_rule_is_described)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_autoprofile *profile =
        load_answers(ERRORS "  rejected: [{status: 429, under: [/x, /x/], where: {/c: [1, 2, 3], /m: [a]}}]\n");
    ck_assert(ch_answer_describe_rejection(profile, 0, &text));
    ck_assert_str_eq(ch_buffer_text(&text), "the status is 429, and /c is 1, 2 or 3, and /m is a; under /x, /x/");
    ck_assert(!ch_answer_describe_rejection(profile, 1, &text));
}
END_TEST

/* ---- errors ---- */

static void assert_answer(const ch_answer *answer, unsigned status, const char *type, const char *body)
{
    ck_assert_uint_eq(answer->status, status);
    ck_assert_str_eq(answer->headers[0].name, "Content-Type");
    ck_assert_str_eq(answer->headers[0].value, type);
    ck_assert_msg(ch_slice_is(ch_buffer_slice(&answer->body), body), "%.*s",
                  CH_SLICE_ARGS(ch_buffer_slice(&answer->body)));
}

START_TEST(test_an_error_is_written_as_the_profile_says)
{
    ch_autoprofile *profile = load_answers(ERRORS);
    ch_autoanswer answer = CH_ANSWER_INIT;
    ch_slice message = CH_LITERAL("\"no\" \\ {id}");
    ch_answer_write(profile, CH_ANSWER_REFUSED, message, CH_LITERAL("7"), &answer);
    assert_answer(&answer, 422, "application/json", "{\"m\":\"\\\"no\\\" \\\\ {id}\"}");
    ch_answer_write(profile, CH_ANSWER_LOCKED, CH_LITERAL("a"), CH_LITERAL("7"), &answer);
    assert_answer(&answer, 422, "application/json", "{\"m\":\"a\",\"i\":\"7\"}");
    ch_answer_write(profile, CH_ANSWER_NOT_SENT, CH_LITERAL("a"), (ch_slice){NULL, 0}, &answer);
    assert_answer(&answer, 503, "text/plain; charset=utf-8", "Away: a");
    ck_assert_uint_eq(answer.header_count, 2);
    ck_assert_str_eq(answer.headers[1].name, "Retry-After");
    ck_assert_str_eq(answer.headers[1].value, "1");
    ch_answer_write(profile, CH_ANSWER_UNKNOWN, (ch_slice){NULL, 0}, (ch_slice){NULL, 0}, &answer);
    assert_answer(&answer, 504, "application/json", "[\"\"]");
    ck_assert_uint_eq(answer.header_count, 1);
}
END_TEST

START_TEST(test_a_profile_without_answers_has_a_plain_form)
{
    static const unsigned statuses[CH_ANSWER_KIND_COUNT] = {422, 422, 503, 504};
    ch_autoprofile *profile = load_answers("");
    ch_autoanswer answer = CH_ANSWER_INIT;
    ch_answer_write(profile, (ch_answer_kind)_i, CH_LITERAL("a \"b\""), CH_LITERAL("7"), &answer);
    assert_answer(&answer, statuses[_i], "application/json", "{\"message\":\"a \\\"b\\\"\",\"id\":\"7\"}");
}
END_TEST

/* clang-format off */
static const struct {
    ch_slice message;
    const char *text;
} messages[] = {
    { CH_LITERAL("line\r\nnext"),          "line??next" },
    { CH_LITERAL("nul\0here"),             "nul?here" },
    { CH_LITERAL("cut \xe2\x82"),          "cut ??" },
    { CH_LITERAL("right \xe2\x80\xae"),    "right ???" },
    { CH_LITERAL("한도 초과"),              "한도 초과" },
};
/* clang-format on */

START_TEST(test_what_is_not_text_becomes_a_question_mark)
{
    ch_autoprofile *profile = load_answers(ERRORS);
    ch_autoanswer answer = CH_ANSWER_INIT;
    char expected[64];
    ch_answer_write(profile, CH_ANSWER_NOT_SENT, messages[_i].message, (ch_slice){NULL, 0}, &answer);
    snprintf(expected, sizeof expected, "Away: %s", messages[_i].text);
    assert_answer(&answer, 503, "text/plain; charset=utf-8", expected);
}
END_TEST

/* clang-format off */
static const struct {
    const char *message;
    const char *text;
} misread[] = {
    { "under maintenance",             "under Maintenance" },
    { "maintenance maintenance",       "Maintenance Maintenance" },
    { "maintenance",                   "Maintenance" },
    { "Maintenance, MAINTENANCE",      "Maintenance, MAINTENANCE" },
    { "maintenanc",                    "maintenanc" },
    { "a Request timeout",             "a request timeout" },
    { "aaaa",                          "AAAa" },
};
/* clang-format on */

START_TEST(test_a_text_that_is_misread_is_disarmed)
{
    ch_autoprofile *profile = load_answers(ERRORS "  misread: [maintenance, Request timeout, aa]\n");
    ch_autoanswer answer = CH_ANSWER_INIT;
    char expected[64];
    snprintf(expected, sizeof expected, "Away: %s", misread[_i].text);
    ch_answer_write(profile, CH_ANSWER_NOT_SENT, ch_slice_of(misread[_i].message), (ch_slice){NULL, 0}, &answer);
    assert_answer(&answer, 503, "text/plain; charset=utf-8", expected);
    ck_assert_str_eq(ch_answer_misread_at(profile, 0), "maintenance");
    ck_assert_ptr_null(ch_answer_misread_at(profile, 3));
}
END_TEST

/* Of every profile, with what would break it if it were not escaped. */
static void is_sound(const seen *answer)
{
    static ch_json_token tokens[CH_JSON_TOKENS_MAX];
    ch_autoanswer error = CH_ANSWER_INIT;
    for (ch_answer_kind kind = 0; kind < CH_ANSWER_KIND_COUNT; kind++) {
        ch_answer_write(answer->profile, kind, CH_LITERAL("\"}],\\ and {message}"), CH_LITERAL("\"}"), &error);
        bool is_json = strcmp(error.headers[0].value, "application/json") == 0;
        ck_assert(!is_json || ch_json_read(ch_buffer_slice(&error.body), tokens) > 0);
        ck_assert_uint_ne(error.status, 423);
    }
}

static void ignore(const seen *answer)
{
    (void)answer;
}

START_TEST(test_the_errors_of_each_profile_are_sound)
{
    for_each_answer(ignore, is_sound);
}
END_TEST

CH_TESTS("answers", CH_TEST(test_the_answers_of_each_exchange_are_told_apart),
         CH_TEST(test_what_was_cut_off_is_no_rejection), CH_TEST(test_some_statuses_never_mean_a_rejection),
         CH_TEST(test_what_is_not_one_plain_text_is_no_rejection),
         CH_TEST(test_an_answer_that_is_too_long_is_no_rejection),
         CH_TEST_ROWS(test_a_rule_holds_if_all_of_it_holds, rules), CH_TEST(test_without_rules_nothing_is_a_rejection),
         CH_TEST(test_a_rule_is_described), CH_TEST(test_an_error_is_written_as_the_profile_says),
         {test_a_profile_without_answers_has_a_plain_form, CH_ANSWER_KIND_COUNT},
         CH_TEST_ROWS(test_what_is_not_text_becomes_a_question_mark, messages),
         CH_TEST_ROWS(test_a_text_that_is_misread_is_disarmed, misread),
         CH_TEST(test_the_errors_of_each_profile_are_sound))
