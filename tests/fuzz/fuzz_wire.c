/* A request as an SDK sends it, undone by every profile that is shipped. The first line of an input says what it stands
 * for, "PROFILE SCHEME ENVIRONMENT METHOD URL"; then come headers, a line each, "Name: value"; an empty line; the body.
 *
 * It goes the way that core sends it: read, check, build, finish. What passes is a good request of the exchange, to the
 * last parameter, as tests/property/finished.c reads it; and what is then sent is undone to the same request again. So
 * it holds no parameter that was not judged. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/rig.h"
#include "tests/fuzz/shipped.h"
#include "exchange/wire_public.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static rig fuzzed;

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    shipped_load();
    fuzz_rig_init(&fuzzed);
    return 0;
}

/* ---- an input ---- */

static const ch_environment *find_environment(const ch_profile *profile, ch_slice name)
{
    const ch_environment *environment;
    for (size_t i = 0; (environment = ch_profile_environment_at(profile, i)) != NULL; i++) {
        if (ch_slice_is(name, ch_environment_name(environment)))
            return environment;
    }
    return NULL;
}

static void read_headers(ch_slice *input, ch_wire_request *out)
{
    ch_slice line;
    while (out->header_count < CH_WIRE_HEADERS_MAX && (line = shipped_take_word(input, '\n')).size > 0) {
        ch_slice name = shipped_take_word(&line, ':');
        while (line.size > 0 && line.data[0] == ' ')
            line = ch_slice_after(line, 1);
        out->headers[out->header_count++] = (ch_header){name, line};
    }
}

/* Sets profile, scheme and environment of the rig. False if the first line names none. */
static bool read_question(rig *r, ch_slice input, ch_wire_request *out)
{
    ch_slice line = shipped_take_word(&input, '\n');
    *out = (ch_wire_request){.header_count = 0};
    r->profile = shipped_find(shipped_take_word(&line, ' '));
    if (r->profile == NULL)
        return false;
    r->scheme = shipped_find_scheme(r->profile, shipped_take_word(&line, ' '));
    r->environment = find_environment(r->profile, shipped_take_word(&line, ' '));
    out->method = shipped_take_word(&line, ' ');
    out->url = line;
    read_headers(&input, out);
    out->body = input;
    return r->scheme != NULL && r->environment != NULL;
}

/* ---- what must hold ---- */

static void check_good(rig *r, sample *read)
{
    static sample again; /* large */
    ch_payloads built;
    ch_wire_request sent;
    ch_autobuffer shown = CH_BUFFER_INIT;
    ch_recipe_input input = input_of(r, read);
    if (ch_recipe_build(&input, r->draft, &built, &r->err) != CH_OK)
        return;
    const char *wrong = check_finished(r, read, built.count, &shown);
    FUZZ_CHECK(wrong != NULL || wire_of(r, read, &sent));
    if (wrong == NULL && read_wire(r, &sent, &again) != READ_SAME)
        wrong = r->err.message;
    else if (wrong == NULL && (again.endpoint != read->endpoint || !same_meaning(read, &again)))
        wrong = "what is sent is another request";
    if (wrong != NULL)
        fprintf(stderr, "%s: %s\n", wrong, ch_buffer_text(&shown));
    FUZZ_CHECK(wrong == NULL);
}

/* What needs no signature has none, and no dummy of the bot's. */
static void check_public(rig *r, const ch_wire_request *asked)
{
    static ch_wire_reading reading;
    ch_wire_public found = {.text = CH_BUFFER_INIT};
    ch_status status = CH_OK;
    const ch_wire_input input = {
        .profile = r->profile, .environment = r->environment, .now_ns = r->now_ns, .draft = r->draft};
    if (ch_wire_public_read(&input, asked, CH_LITERAL("our-id"), &reading, &found, &status, &r->err) &&
        status == CH_OK) {
        FUZZ_CHECK(ch_slice_begins(found.url, CH_LITERAL("https://")) && ch_slice_is_text(found.url));
        for (size_t i = 0; i < found.header_count; i++)
            FUZZ_CHECK(ch_slice_is_text(found.headers[i].name) && ch_slice_is_text(found.headers[i].value));
    }
    ch_buffer_free(&found.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sample read; /* large */
    rig *r = &fuzzed;
    ch_wire_request asked;
    if (!read_question(r, (ch_slice){data, size}, &asked))
        return 0;
    r->pool_used = 0;
    check_public(r, &asked);
    if (read_wire(r, &asked, &read) == READ_SAME) {
        check_good(r, &read);
        return 0;
    }
    fuzz_check_error(r->err.status, &r->err);
    FUZZ_CHECK(r->err.status == CH_BAD_INPUT || r->err.status == CH_TOO_LARGE || r->err.status == CH_NOT_FOUND ||
               r->err.status == CH_BAD_METHOD);
    return 0;
}

/* ---- mutations ---- */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static size_t put(ch_buffer *from, uint8_t *data, size_t max_size)
{
    size_t size = from->size < max_size ? from->size : max_size;
    memcpy(data, from->data, size);
    return size;
}

static void write_question(const rig *r, const ch_wire_request *asked, ch_buffer *out)
{
    ch_buffer_add_format(out, "%s %s %s %.*s %.*s\n", ch_profile_name(r->profile), ch_scheme_name(r->scheme),
                         ch_environment_name(r->environment), CH_SLICE_ARGS(asked->method), CH_SLICE_ARGS(asked->url));
    for (size_t i = 0; i < asked->header_count; i++)
        ch_buffer_add_format(out, "%.*s: %.*s\n", CH_SLICE_ARGS(asked->headers[i].name),
                             CH_SLICE_ARGS(asked->headers[i].value));
    ch_buffer_add_byte(out, '\n');
    ch_buffer_add_slice(out, asked->body);
}

/* What is sent for a request that some profile takes. */
static bool make_fresh(rig *r, ch_buffer *out)
{
    static sample made; /* large */
    ch_payloads built;
    ch_wire_request sent;
    r->profile = shipped[dice_below(&r->dice, shipped_count)];
    r->environment = &r->profile->environments[dice_below(&r->dice, r->profile->environment_count)];
    r->scheme = ch_profile_scheme_at(r->profile, dice_below(&r->dice, r->profile->scheme_count));
    r->is_tame = dice_chance(&r->dice, 30);
    const ch_endpoint *endpoint = ch_profile_endpoint_at(r->profile, dice_below(&r->dice, r->profile->endpoint_count));
    if (!ch_environment_has(r->environment, endpoint) || !make_sample(r, endpoint, &made) ||
        try_sample(r, &made, &built) != STAGE_TAKEN || !wire_of(r, &made, &sent))
        return false;
    write_question(r, &sent, out);
    return true;
}

/* Changes query, body or one header in a way that means something. */
static void tamper(rig *r, ch_wire_request *asked)
{
    size_t which = dice_below(&r->dice, 3);
    if (which == 0 && asked->body.size > 0)
        asked->body = mutate_string(r, asked->body);
    else if (which == 1 && asked->header_count > 0) {
        ch_header *header = &asked->headers[dice_below(&r->dice, asked->header_count)];
        if (header->value.size > 0)
            header->value = mutate_string(r, header->value);
    } else if (asked->url.size > 0)
        asked->url = mutate_string(r, asked->url);
}

/* One in eight inputs is a fresh request, three have a change that means something, and the rest are libFuzzer's. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    rig *r = &fuzzed;
    ch_wire_request asked;
    ch_autobuffer out = CH_BUFFER_INIT;
    r->dice.state = seed;
    r->pool_used = 0;
    size_t how = dice_below(&r->dice, 8);
    if (how == 0 && make_fresh(r, &out))
        return put(&out, data, max_size);
    if (how > 3 || !read_question(r, (ch_slice){data, size}, &asked))
        return LLVMFuzzerMutate(data, size, max_size);
    tamper(r, &asked);
    write_question(r, &asked, &out);
    return put(&out, data, max_size);
}
