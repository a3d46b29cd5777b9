/* An SDK's string to sign, read back against every profile that is shipped. The first line of an input says what it
 * stands for, "PROFILE SCHEME METHOD PATH"; the rest is the string.
 *
 * It goes the way that core sends it: read, check, build, compare. A string that passes must be a good request of the
 * exchange, to the last parameter, as tests/property/finished.c reads it. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/rig.h"
#include "tests/fuzz/shipped.h"
#include "exchange/confusion.h"
#include "exchange/match.h"

#include <stdio.h>
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

typedef struct question {
    const ch_profile *profile;
    const ch_scheme *scheme;
    const ch_endpoint *endpoint;
    ch_slice path;
    ch_slice header; /* the first line, with its end */
    ch_slice text;
} question;

/* False if the first line names no endpoint. */
static bool read_question(ch_slice input, question *out)
{
    ch_error err = CH_ERROR_INIT;
    ch_slice line = shipped_take_word(&input, '\n');
    out->header = (ch_slice){line.data, (size_t)(input.data - line.data)};
    out->text = input;
    out->profile = shipped_find(shipped_take_word(&line, ' '));
    if (out->profile == NULL)
        return false;
    out->scheme = shipped_find_scheme(out->profile, shipped_take_word(&line, ' '));
    ch_request request = {.method = shipped_take_word(&line, ' '), .path = line};
    out->path = line;
    return out->scheme != NULL &&
           ch_environment_match(ch_profile_live(out->profile), &request, &out->endpoint, &err) == CH_OK;
}

/* ---- what must hold ---- */

static void check_good(rig *r, const sample *read)
{
    ch_autobuffer shown = CH_BUFFER_INIT;
    const ch_key_traits key = {.environment = r->environment};
    unsigned classes = ch_endpoint_confused_classes(read->endpoint, r->scheme, &key, &read->request);
    FUZZ_CHECK((classes >> ch_endpoint_class(read->endpoint) & 1) != 0);
    const char *wrong = check_finished(r, read, read->endpoint->recipes[r->scheme->index]->payload_count, &shown);
    if (wrong != NULL)
        fprintf(stderr, "%s: %s\n", wrong, ch_buffer_text(&shown));
    FUZZ_CHECK(wrong == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sample read; /* large */
    rig *r = &fuzzed;
    question asked;
    if (!read_question((ch_slice){data, size}, &asked))
        return 0;
    r->profile = asked.profile;
    r->environment = ch_profile_live(asked.profile);
    r->scheme = asked.scheme;
    r->pool_used = 0;
    switch (read_text(r, asked.endpoint, asked.path, asked.text, &read)) {
    case READ_SAME:
        check_good(r, &read);
        break;
    case READ_REFUSED:
        fuzz_check_error(r->err.status, &r->err);
        FUZZ_CHECK(r->err.status == CH_BAD_INPUT || r->err.status == CH_TOO_LARGE);
        break;
    case READ_OTHER:
        break;
    }
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

/* The string of a request that some profile takes. */
static bool make_fresh(rig *r, ch_buffer *out)
{
    static sample made; /* large */
    ch_payloads built;
    r->profile = shipped[dice_below(&r->dice, shipped_count)];
    r->environment = ch_profile_live(r->profile);
    r->scheme = ch_profile_scheme_at(r->profile, dice_below(&r->dice, r->profile->scheme_count));
    r->is_tame = dice_chance(&r->dice, 30);
    const ch_endpoint *endpoint = ch_profile_endpoint_at(r->profile, dice_below(&r->dice, r->profile->endpoint_count));
    if (!make_sample(r, endpoint, &made) || try_sample(r, &made, &built) != STAGE_TAKEN)
        return false;
    ch_buffer_add_format(out, "%s %s %.*s %.*s\n", ch_profile_name(r->profile), ch_scheme_name(r->scheme),
                         CH_SLICE_ARGS(made.request.method), CH_SLICE_ARGS(made.request.path));
    ch_buffer_add_slice(out, built.items[0]);
    return true;
}

/* One in eight inputs is a fresh string, three have a change that means something, and the rest are libFuzzer's. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    rig *r = &fuzzed;
    question asked;
    ch_autobuffer out = CH_BUFFER_INIT;
    r->dice.state = seed;
    r->pool_used = 0;
    size_t how = dice_below(&r->dice, 8);
    if (how == 0 && make_fresh(r, &out))
        return put(&out, data, max_size);
    if (how > 3 || !read_question((ch_slice){data, size}, &asked))
        return LLVMFuzzerMutate(data, size, max_size);
    ch_buffer_add_slice(&out, asked.header);
    ch_buffer_add_slice(&out, mutate_string(r, asked.text));
    return put(&out, data, max_size);
}
