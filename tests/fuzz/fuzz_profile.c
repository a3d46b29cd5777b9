/* A profile's YAML: refused with file and line, or every question about it has an answer, and requests to it can be
 * made, judged, built, read back and finished. What it does with them is the property test's business. */
#include "tests/fuzz/files.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/rig.h"
#include "exchange/answers.h"
#include "exchange/confusion.h"
#include "exchange/load.h"
#include "exchange/read_back.h"

#include <stdio.h>
#include <string.h>

#define ENDPOINTS_TRIED 12

static const ch_key_traits plain;
static rig fuzzed;

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    fuzz_rig_init(&fuzzed);
    return 0;
}

/* Whatever a profile says, a request may be refused for what it is, never for a defect. */
static void check_refusal(const ch_error *err)
{
    bool is_fair = err->status == CH_BAD_INPUT || err->status == CH_NOT_FOUND || err->status == CH_BAD_METHOD ||
                   err->status == CH_TOO_LARGE;
    if (!is_fair)
        fprintf(stderr, "%s: %s\n", ch_status_name(err->status), err->message);
    fuzz_check_error(err->status, err);
    FUZZ_CHECK(is_fair);
}

static void finish(rig *r, const ch_payloads *built)
{
    static const uint8_t bytes[64] = {0xfb, 0xff, 0xbf};
    ch_payloads signatures = {.count = built->count};
    ch_finished finished;
    for (size_t i = 0; i < built->count; i++)
        signatures.items[i] = (ch_slice){bytes, sizeof bytes};
    ch_status st = ch_recipe_finish(r->draft, &signatures, &finished, &r->err);
    if (st != CH_OK && st != CH_CONFIG) /* a parameter in a header, as text */
        check_refusal(&r->err);
}

static void ask(rig *r, const ch_endpoint *endpoint)
{
    static sample made; /* large */
    static sample read;
    ch_payloads built;
    r->pool_used = 0;
    if (!make_sample(r, endpoint, &made))
        return;
    if (try_sample(r, &made, &built) != STAGE_TAKEN) {
        check_refusal(&r->err);
        return;
    }
    const ch_key_traits key = {.environment = r->environment};
    unsigned classes = ch_endpoint_confused_classes(made.endpoint, r->scheme, &key, &made.request);
    FUZZ_CHECK((classes >> ch_endpoint_class(made.endpoint) & 1) != 0);
    finish(r, &built);
    ch_slice payload = keep_slice(r, built.items[0]);
    if (read_text(r, made.endpoint, made.request.path, payload, &read) == READ_REFUSED)
        check_refusal(&r->err);
}

static void ask_all(rig *r)
{
    const ch_endpoint *endpoint;
    for (size_t i = 0; i < ENDPOINTS_TRIED && (endpoint = ch_profile_endpoint_at(r->profile, i)) != NULL; i++) {
        (void)ch_endpoint_covers(endpoint, r->scheme);
        (void)ch_endpoint_openable_classes(endpoint, r->scheme, &plain, CH_UNKNOWN_AS_LISTED);
        (void)ch_endpoint_openable_classes(endpoint, r->scheme, &plain, CH_UNKNOWN_IGNORED);
        (void)ch_recipe_is_anonymous(endpoint, r->scheme);
        r->is_tame = false;
        ask(r, endpoint);
        r->is_tame = true;
        ask(r, endpoint);
    }
}

/* Its errors, and what it makes of an answer. */
static void answer(const ch_profile *profile)
{
    const ch_endpoint *endpoint = ch_profile_endpoint_at(profile, 0);
    ch_autoanswer error = CH_ANSWER_INIT;
    ch_autobuffer rule = CH_BUFFER_INIT;
    for (ch_answer_kind kind = 0; kind < CH_ANSWER_KIND_COUNT; kind++) {
        ch_answer_write(profile, kind, CH_LITERAL("a \"message\""), CH_LITERAL("1"), &error);
        FUZZ_CHECK(ch_slice_is_text(ch_buffer_slice(&error.body)) && error.header_count > 0);
        (void)ch_answer_is_rejection(endpoint, 400, ch_buffer_slice(&error.body));
    }
    (void)ch_answer_is_rejection(endpoint, 200, CH_LITERAL("{\"list\":[{\"code\":1}],\"says\":\"no\",\"done\":false}"));
    for (size_t i = 0; ch_answer_describe_rejection(profile, i, &rule); i++)
        FUZZ_CHECK(rule.size > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rig *r = &fuzzed;
    ch_profile *profile = NULL;
    ch_error err = CH_ERROR_INIT;
    fuzz_set_file((ch_slice){data, size});
    ch_status st = ch_profile_load_any(FUZZ_FILE, &profile, &err);
    fuzz_check_error(st, &err);
    r->profile = profile;
    r->dice.state = size;
    for (size_t i = 0; st == CH_OK && (r->environment = ch_profile_environment_at(profile, i)) != NULL; i++) {
        for (size_t j = 0; (r->scheme = ch_profile_scheme_at(profile, j)) != NULL; j++)
            ask_all(r);
    }
    if (st == CH_OK)
        answer(profile);
    ch_profile_free(profile);
    return 0;
}
