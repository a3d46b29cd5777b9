/* What an exchange answers, as a relay tells it, against every profile that is shipped. The first line of an input is
 * "PROFILE STATUS METHOD PATH"; the rest is the body.
 *
 * A rejection gives a bot its budget back, so whatever is not plain must not be one. jansson, which is another's code,
 * must read every text that is read here. The body stands for the message of an error too. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/shipped.h"

#include "exchange/answers.h"
#include "exchange/json_tokens.h"

#include <jansson.h>
#include <string.h>

static ch_json_token tokens[CH_JSON_TOKENS_MAX];

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    shipped_load();
    return 0;
}

/* ---- an input ---- */

typedef struct told {
    const ch_profile *profile;
    const ch_endpoint *endpoint;
    unsigned status;
    ch_slice body;
} told;

static const ch_endpoint *find_endpoint(const ch_profile *profile, ch_slice method, ch_slice path)
{
    const ch_endpoint *endpoint;
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(profile, i)) != NULL; i++) {
        if (ch_slice_is(method, ch_endpoint_method(endpoint)) && ch_slice_is(path, ch_endpoint_path(endpoint)))
            return endpoint;
    }
    return NULL;
}

static bool read_input(ch_slice input, told *out)
{
    ch_slice header = shipped_take_word(&input, '\n');
    ch_slice name = shipped_take_word(&header, ' ');
    ch_slice status = shipped_take_word(&header, ' ');
    ch_slice method = shipped_take_word(&header, ' ');
    out->body = input;
    out->status = 0;
    for (size_t i = 0; i < status.size && i < 4; i++)
        out->status = out->status * 10 + (unsigned)(status.data[i] % 10);
    out->profile = shipped_find(name);
    out->endpoint = out->profile == NULL ? NULL : find_endpoint(out->profile, method, header);
    return out->endpoint != NULL;
}

/* ---- what must hold ---- */

/* jansson makes numbers and characters of what is only compared here, so it has limits that are not ours. */
static bool is_read_by_jansson(ch_slice text)
{
    static const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_error_t err = {0};
    json_t *value = json_loadb((const char *)text.data, text.size, flags, &err);
    bool is_read = value != NULL;
    json_decref(value);
    return is_read || json_error_code(&err) == json_error_numeric_overflow ||
           strstr(err.text, "invalid Unicode") != NULL;
}

static void check_tokens(ch_slice text)
{
    size_t count = ch_json_read(text, tokens);
    FUZZ_CHECK(count <= CH_JSON_TOKENS_MAX);
    for (size_t i = 0; i < count; i++) {
        FUZZ_CHECK(tokens[i].next > i && tokens[i].next <= count);
        FUZZ_CHECK(tokens[i].text.data >= text.data &&
                   tokens[i].text.data + tokens[i].text.size <= text.data + text.size);
    }
    FUZZ_CHECK(count == 0 || (tokens[0].next == count && is_read_by_jansson(text)));
}

static void check_rejection(const told *answer)
{
    ch_slice cut = {answer->body.data, answer->body.size - (answer->body.size > 0)};
    if (!ch_answer_is_rejection(answer->endpoint, answer->status, answer->body))
        return;
    FUZZ_CHECK(answer->body.size <= CH_ANSWER_READ_MAX && ch_json_read(answer->body, tokens) > 0);
    FUZZ_CHECK(answer->status >= 200 && answer->status < 500 && answer->status / 100 != 3 && answer->status != 408);
    FUZZ_CHECK(!ch_answer_is_rejection(answer->endpoint, 500, answer->body));
    /* A list or an object ends in its last bracket; what follows it are blanks. */
    bool ends_blank = strchr(" \t\r\n", answer->body.data[cut.size]) != NULL;
    FUZZ_CHECK(ends_blank || !ch_answer_is_rejection(answer->endpoint, answer->status, cut));
}

static void check_errors(const told *answer)
{
    ch_autoanswer error = CH_ANSWER_INIT;
    for (ch_answer_kind kind = 0; kind < CH_ANSWER_KIND_COUNT; kind++) {
        ch_answer_write(answer->profile, kind, answer->body, answer->body, &error);
        ch_slice body = ch_buffer_slice(&error.body);
        FUZZ_CHECK(ch_slice_is_text(body));
        FUZZ_CHECK(error.headers[0].value[0] != 'a' || (ch_json_read(body, tokens) > 0 && is_read_by_jansson(body)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    told answer = {0};
    check_tokens((ch_slice){data, size});
    if (!read_input((ch_slice){data, size}, &answer))
        return 0;
    check_tokens(answer.body);
    check_rejection(&answer);
    check_errors(&answer);
    return 0;
}
