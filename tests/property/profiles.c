/* The property test of exchange profiles: profiles [--cases N] [--seed S] [--print] PROFILE.yaml...
 *
 * For each profile it makes requests that the profile accepts and holds the agent to this:
 *  - injective: two different requests never have the same payload, unless policy is asked about both alike;
 *  - read back: what can be read by its recipe is read as the request that it was made of;
 *  - mutations: a request that was tampered with is refused, or signed and judged as what it now is;
 *  - strings: a payload that was tampered with is refused, or is another good request to the byte;
 *  - cuts: cut at another place, a payload is no other request that policy is not asked about;
 *  - recuts: the same where query and body are signed as one text, and whoever sends it says where the body begins;
 *  - finished: the request as it is sent holds all that was judged, and nothing that breaks its form;
 *  - undone: the request as it is sent, read as an SDK's, is what it was made of;
 *  - reached: every endpoint, and each of its parameters, can be used;
 *  - environment: what does not exist in the key's environment is refused, and no other environment's host is signed
 * for. All of it in each of the profile's environments; live has the cases that are asked for, the others a part of
 * them. A run is repeated by its seed. The last line is "N passed, N failed". */
#include "base/buffer.h"
#include "base/memory.h"
#include "tests/property/options.h"
#include "tests/property/property.h"
#include "exchange/load.h"
#include "exchange/match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 6 /* failures of one property of one profile that are shown */
#define NEIGHBOURS_TRIED 10
#define MUTATIONS_TRIED 10
#define STRINGS_TRIED 5
#define RIVALS_READ 4
#define REACH_TRIED 50
#define CASES_OF_LIVE 20 /* for each of another environment */

typedef enum property {
    INJECTIVE,
    READ_BACK,
    MUTATIONS,
    STRINGS,
    CUTS,
    RECUTS,
    FINISHED,
    UNDONE,
    REACHED,
    ENVIRONMENT,
    PROPERTY_COUNT
} property;
static const char *const property_names[PROPERTY_COUNT] = {
    "injective", "read back", "mutations", "strings", "cuts", "recuts", "finished", "undone", "reached", "environment"};

/* One profile under test. */
typedef struct trial {
    rig rig;
    const options *options;
    ledger *ledger;
    uint64_t number; /* of the case */
    uint64_t failures[PROPERTY_COUNT];
    uint64_t shown[PROPERTY_COUNT][SHOWN_MAX]; /* what was shown, so that it is shown once */
    uint64_t taken;
    uint64_t neighbours;
    uint64_t refused;
    uint64_t changed;
    uint64_t read;
    uint64_t rivals;
    uint64_t strings_refused;
    uint64_t strings_taken;
    sample first;
    sample second;
    sample undone;
} trial;

/* ---- saying what is wrong ---- */

static bool is_news(trial *t, property which, const char *what, const ch_endpoint *endpoint, const char *made_by)
{
    bool is_of_profile =
        which == INJECTIVE || which == REACHED; /* else it is the agent's fault, whatever the endpoint */
    uint64_t hash =
        hash_bytes(ch_slice_of(what), 1) ^ hash_bytes(ch_slice_of(is_of_profile ? endpoint->path : made_by), 2);
    uint64_t *shown = t->shown[which];
    size_t i = 0;
    while (i < SHOWN_MAX && shown[i] != 0 && shown[i] != hash)
        i++;
    bool is_new = i < SHOWN_MAX && shown[i] == 0;
    if (is_new)
        shown[i] = hash;
    return is_new;
}

static void show_line(const char *label, ch_slice text)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    show_text(text, &out);
    printf("    %s: %.*s\n", label, CH_SLICE_ARGS(ch_buffer_slice(&out)));
}

/* `made_by` is how the request was made, `other` another request or what the request became. */
static void fail(trial *t, property which, const char *what, const sample *s, const char *made_by, ch_slice other,
                 ch_slice text)
{
    t->failures[which]++;
    if (!is_news(t, which, what, s->endpoint, made_by))
        return;
    ch_autobuffer request = CH_BUFFER_INIT;
    sample_show(s, &request);
    printf("FAIL  %s %s, %s: %s\n", ch_profile_name(t->rig.profile), ch_environment_name(t->rig.environment),
           property_names[which], what);
    printf("    seed %llu, case %llu, scheme %s, endpoint %s %s%s%s%s\n", (unsigned long long)t->options->seed,
           (unsigned long long)t->number, ch_scheme_name(t->rig.scheme), s->endpoint->method, s->endpoint->path,
           *made_by == '\0' ? "" : " (", made_by, *made_by == '\0' ? "" : ")");
    printf("    request: %.*s\n", CH_SLICE_ARGS(ch_buffer_slice(&request)));
    if (other.size > 0)
        printf("    other:   %.*s\n", CH_SLICE_ARGS(other));
    show_line("string", t->rig.payload.size > 0 ? ch_buffer_slice(&t->rig.payload) : CH_LITERAL(""));
    if (text.size > 0 && !ch_slice_equal(text, ch_buffer_slice(&t->rig.payload)))
        show_line("other string", text);
}

/* A bot's request may be refused for what it asks, never for a defect. */
static bool is_fair(const ch_error *err)
{
    return err->status == CH_BAD_INPUT || err->status == CH_NOT_FOUND || err->status == CH_BAD_METHOD ||
           err->status == CH_TOO_LARGE;
}

/* ---- the properties ---- */

static void check_alike(trial *t, property which, const sample *s, ch_slice payload, bool may_keep, const char *made_by)
{
    ch_autobuffer other = CH_BUFFER_INIT;
    const char *wrong = ledger_enter(t->ledger, &t->rig, s, payload, may_keep, &other);
    if (wrong != NULL)
        fail(t, which, wrong, s, made_by, ch_buffer_slice(&other), payload);
}

static void check_sent(trial *t, const sample *s, const char *made_by)
{
    ch_autobuffer shown = CH_BUFFER_INIT;
    const ch_recipe *recipe = s->endpoint->recipes[t->rig.scheme->index];
    const char *wrong = check_finished(&t->rig, s, recipe->payload_count, &shown);
    if (wrong != NULL)
        fail(t, FINISHED, wrong, s, made_by, ch_buffer_slice(&shown), CH_LITERAL(""));
    if (*made_by != '\0') /* it may be of another time */
        return;
    ch_buffer_clear(&shown);
    wrong = check_undone(&t->rig, s, &t->undone, &shown);
    if (wrong != NULL)
        fail(t, UNDONE, wrong, s, made_by, ch_buffer_slice(&shown), CH_LITERAL(""));
}

static void try_cuts(trial *t, const sample *s)
{
    const char *wrong = check_cuts(&t->rig, s, ch_buffer_slice(&t->rig.payload));
    if (wrong != NULL)
        fail(t, CUTS, wrong, s, "", CH_LITERAL(""), CH_LITERAL(""));
}

static void try_recuts(trial *t)
{
    const char *wrong = check_recuts(&t->rig, &t->first, &t->second, ch_buffer_slice(&t->rig.payload));
    if (wrong != NULL)
        fail(t, RECUTS, wrong, &t->first, "", CH_LITERAL(""), CH_LITERAL(""));
}

static void try_neighbours(trial *t, const sample *s)
{
    rig *r = &t->rig;
    for (size_t i = 0; i < NEIGHBOURS_TRIED; i++) {
        const change *how = &neighbours[dice_below(&r->dice, neighbour_count)];
        ch_payloads built;
        sample_copy(&t->second, s);
        if (!how->make(r, s, &t->second) || try_sample(r, &t->second, &built) != STAGE_TAKEN)
            continue;
        t->neighbours++;
        check_alike(t, INJECTIVE, &t->second, built.items[0], true, how->name);
    }
}

static void try_mutations(trial *t, const sample *s)
{
    rig *r = &t->rig;
    for (size_t i = 0; i < MUTATIONS_TRIED; i++) {
        const change *how = &mutations[dice_below(&r->dice, mutation_count)];
        ch_payloads built;
        sample_copy(&t->second, s);
        if (!how->make(r, s, &t->second))
            continue;
        stage st = try_sample(r, &t->second, &built);
        if (st != STAGE_TAKEN) {
            t->refused++;
            if (!is_fair(&r->err))
                fail(t, MUTATIONS, "a mutation is refused as if it were a defect", s, how->name,
                     ch_slice_of(r->err.message), CH_LITERAL(""));
            continue;
        }
        t->changed++;
        if (how->is_refused)
            fail(t, MUTATIONS, "a mutation is signed that must be refused", &t->second, how->name, CH_LITERAL(""),
                 built.items[0]);
        else
            check_sent(t, &t->second, how->name);
        check_alike(t, MUTATIONS, &t->second, built.items[0], false, how->name);
    }
}

static void try_reading(trial *t, const sample *s)
{
    rig *r = &t->rig;
    const char *why = why_unreadable(r, s);
    reading_result result = read_text(r, s->endpoint, s->request.path, ch_buffer_slice(&r->payload), &t->second);
    bool covers_params = (ch_endpoint_covers(s->endpoint, r->scheme) & CH_COVERS_PARAMS) != 0;
    bool is_same = result == READ_SAME && (!covers_params || same_meaning(s, &t->second));
    if (result == READ_SAME)
        t->read++;
    if (result == READ_SAME ? !is_same : why == NULL)
        fail(t, READ_BACK,
             result == READ_SAME ? "the payload is read as another request"
                                 : "the payload is not read back, though nothing is in the way",
             s, "", result == READ_REFUSED ? ch_slice_of(r->err.message) : CH_LITERAL(""), CH_LITERAL(""));
}

/* Reads this request's payload as one to another endpoint. */
static void read_at_rivals(trial *t, const sample *s)
{
    rig *r = &t->rig;
    for (size_t i = 0; i < RIVALS_READ; i++) {
        const ch_endpoint *rival = pick_rival(r, s->endpoint);
        ch_slice captures[CH_PATH_PARTS_MAX];
        ch_slice path = s->request.path;
        if (!ch_endpoint_fits(rival, path, captures) && !make_path(r, rival, &path))
            continue;
        if (read_text(r, rival, path, ch_buffer_slice(&r->payload), &t->second) != READ_SAME)
            continue;
        t->rivals++;
        check_alike(t, INJECTIVE, &t->second, ch_buffer_slice(&r->payload), false, "read at another endpoint");
    }
}

static void try_strings(trial *t, const sample *s)
{
    rig *r = &t->rig;
    for (size_t i = 0; i < STRINGS_TRIED && why_unreadable(r, s) == NULL; i++) {
        ch_slice text = mutate_string(r, ch_buffer_slice(&r->payload));
        if (ch_slice_equal(text, ch_buffer_slice(&r->payload)))
            continue;
        if (read_text(r, s->endpoint, s->request.path, text, &t->second) != READ_SAME) {
            t->strings_refused++;
            continue;
        }
        t->strings_taken++;
        check_sent(t, &t->second, "a string");
        check_alike(t, STRINGS, &t->second, text, false, "a string");
    }
}

/* ---- cases ---- */

/* Makes a request that is accepted: with tame values, if wild ones are refused. */
static bool make_accepted(trial *t, const ch_endpoint *endpoint, ch_payloads *out)
{
    rig *r = &t->rig;
    if (!ch_endpoint_takes_scheme(endpoint, r->scheme))
        return false;
    for (unsigned attempt = 0; attempt < 3; attempt++) {
        r->is_tame = attempt == 2 || dice_chance(&r->dice, 20);
        if (!make_sample(r, endpoint, &t->first))
            continue;
        if (try_sample(r, &t->first, out) == STAGE_TAKEN)
            return true;
        t->first.endpoint = endpoint;
        if (!is_fair(&r->err))
            fail(t, MUTATIONS, "a request is refused as if it were a defect", &t->first, "",
                 ch_slice_of(r->err.message), CH_LITERAL(""));
    }
    return false;
}

static void print_case(const trial *t)
{
    ch_autobuffer shown = CH_BUFFER_INIT;
    sample_show(&t->first, &shown);
    printf("%llu %.*s\n", (unsigned long long)t->number, CH_SLICE_ARGS(ch_buffer_slice(&shown)));
    show_line("string", ch_buffer_slice(&t->rig.payload));
}

static void must_not_match(trial *t, const sample *s, ch_slice host, const char *what)
{
    ch_payloads built;
    sample_copy(&t->second, s);
    t->second.request.host = host;
    if (try_sample(&t->rig, &t->second, &built) == STAGE_TAKEN && t->second.endpoint == s->endpoint)
        fail(t, ENVIRONMENT, what, &t->second, "", CH_LITERAL(""), built.items[0]);
}

/* The same request at the hosts of all other environments. */
static void try_other_hosts(trial *t, const sample *s)
{
    rig *r = &t->rig;
    const ch_environment *other;
    for (size_t i = 0; (other = ch_profile_environment_at(r->profile, i)) != NULL; i++) {
        if (!ch_environment_has(other, s->endpoint))
            continue;
        ch_slice host = ch_environment_host(other, s->endpoint);
        if (!has_host(r, host))
            must_not_match(t, s, host, "the host of another environment is signed for");
    }
}

static void try_missing(trial *t, const ch_endpoint *endpoint)
{
    rig *r = &t->rig;
    if (!make_sample(r, endpoint, &t->first))
        return;
    must_not_match(t, &t->first, host_of(r, endpoint), "a call is signed that does not exist here");
    must_not_match(t, &t->first, CH_LITERAL(""), "a call is signed that does not exist here");
}

static void run_case(trial *t)
{
    rig *r = &t->rig;
    ch_payloads built;
    r->dice.state = mix(t->options->seed ^ hash_bytes(ch_slice_of(ch_profile_name(r->profile)), 7)) + mix(t->number);
    r->pool_used = 0;
    r->scheme = ch_profile_scheme_at(r->profile, dice_below(&r->dice, r->profile->scheme_count));
    size_t index = dice_below(&r->dice, r->profile->endpoint_count);
    const ch_endpoint *endpoint = ch_profile_endpoint_at(r->profile, index);
    ch_buffer_clear(&r->payload);
    if (!ch_environment_has(r->environment, endpoint)) {
        try_missing(t, endpoint);
        return;
    }
    if (!make_accepted(t, endpoint, &built))
        return;
    t->taken++;
    ch_buffer_add_slice(&r->payload, built.items[0]);
    if (t->options->prints)
        print_case(t);
    check_sent(t, &t->first, "");
    check_alike(t, INJECTIVE, &t->first, ch_buffer_slice(&r->payload), true, "");
    try_cuts(t, &t->first);
    try_reading(t, &t->first);
    read_at_rivals(t, &t->first);
    try_strings(t, &t->first);
    try_neighbours(t, &t->first);
    try_mutations(t, &t->first);
    try_other_hosts(t, &t->first);
    try_recuts(t);
}

/* True if some request with that parameter is accepted; `def` NULL: any request. */
static bool is_within_reach(trial *t, const ch_endpoint *endpoint, const ch_param_def *def)
{
    rig *r = &t->rig;
    ch_payloads built;
    r->is_tame = true;
    for (unsigned tries = 0; tries < REACH_TRIED; tries++) {
        r->pool_used = 0;
        if (!make_sample(r, endpoint, &t->first))
            continue;
        if (def != NULL && !sample_has(&t->first, ch_slice_of(def->name)))
            make_param(r, def, ch_slice_of(def->name), &t->first);
        if (!t->first.is_full && try_sample(r, &t->first, &built) == STAGE_TAKEN && t->first.endpoint == endpoint)
            return true;
    }
    t->first.endpoint = endpoint; /* to be shown; the request may have found none */
    return false;
}

/* The case's scheme, or the first that the exchange takes there. */
static void choose_scheme(rig *r, const ch_endpoint *endpoint)
{
    for (size_t i = 0; !ch_endpoint_takes_scheme(endpoint, r->scheme); i++)
        r->scheme = ch_profile_scheme_at(r->profile, i);
}

/* If nobody can ever ask what a profile lists, the profile has a mistake. */
static void reach_all(trial *t)
{
    rig *r = &t->rig;
    for (size_t i = 0; i < r->profile->endpoint_count; i++) {
        const ch_endpoint *endpoint = &r->profile->endpoints[i];
        ch_buffer_clear(&r->payload);
        if (!ch_environment_has(r->environment, endpoint))
            continue;
        choose_scheme(r, endpoint);
        if (!is_within_reach(t, endpoint, NULL)) {
            fail(t, REACHED, "no request to this endpoint is ever accepted", &t->first, "", ch_slice_of(r->err.message),
                 CH_LITERAL(""));
            continue;
        }
        for (size_t j = 0; j < endpoint->params.count; j++) {
            const ch_param_def *def = endpoint->params.params[j].def;
            if (!is_within_reach(t, endpoint, def))
                fail(t, REACHED, "no request with this parameter is ever accepted", &t->first, def->name,
                     ch_slice_of(r->err.message), CH_LITERAL(""));
        }
    }
}

/* Returns a clock that every time in the profile's recipes shows in full. */
static uint64_t whole_clock(const ch_profile *profile)
{
    bool has_seconds = false;
    bool has_ms = false;
    for (size_t i = 0; i < profile->recipe_count; i++) {
        const bool *uses = profile->recipes[i].uses;
        has_seconds |= uses[CH_BUILTIN_TIME_S] || uses[CH_BUILTIN_TIME_UTC];
        has_ms |= uses[CH_BUILTIN_TIME_MS] || uses[CH_BUILTIN_TIME_ISO];
    }
    uint64_t seconds_ns = 1764000000000000000U;
    return seconds_ns + (has_seconds ? 0U : has_ms ? 123000000U : 123456000U);
}

static void summarize(const trial *t)
{
    const ch_profile *profile = t->rig.profile;
    printf(
        "      %s %s: %llu cases, %llu requests accepted, %llu neighbours, %llu mutations refused and %llu signed as "
        "others, %llu read back, %llu at other endpoints too, %llu strings refused and %llu taken as others\n",
        ch_profile_name(profile), ch_environment_name(t->rig.environment), (unsigned long long)t->number,
        (unsigned long long)t->taken, (unsigned long long)t->neighbours, (unsigned long long)t->refused,
        (unsigned long long)t->changed, (unsigned long long)t->read, (unsigned long long)t->rivals,
        (unsigned long long)t->strings_refused, (unsigned long long)t->strings_taken);
}

static void test_environment(const ch_profile *profile, const ch_environment *environment, const options *how,
                             uint8_t *pool, unsigned *passed, unsigned *failed)
{
    static trial t; /* large */
    uint64_t cases = environment == ch_profile_live(profile) ? how->cases : how->cases / CASES_OF_LIVE + 1;
    memset(&t, 0, sizeof t);
    t.rig = (rig){.profile = profile, .environment = environment, .pool = pool, .err = CH_ERROR_INIT};
    t.rig.now_ns = whole_clock(profile);
    t.rig.scratch = ch_scratch_new();
    t.rig.draft = ch_draft_new(t.rig.scratch);
    t.rig.readings = ch_readings_new();
    t.options = how;
    t.ledger = ledger_new();
    for (t.number = 0; t.number < cases; t.number++)
        run_case(&t);
    reach_all(&t);
    summarize(&t);
    for (unsigned i = 0; i < PROPERTY_COUNT; i++) {
        bool holds = t.failures[i] == 0 && t.taken > 0;
        printf("%s  %s %s: %s", holds ? "ok  " : "FAIL", ch_profile_name(profile), ch_environment_name(environment),
               property_names[i]);
        printf(t.failures[i] > 0 ? ", %llu times not\n" : "\n", (unsigned long long)t.failures[i]);
        *passed += holds;
        *failed += !holds;
    }
    fflush(stdout);
    ledger_free(t.ledger);
    ch_draft_free(t.rig.draft);
    ch_readings_free(t.rig.readings);
    ch_scratch_free(t.rig.scratch);
    ch_buffer_free(&t.rig.text);
    ch_buffer_free(&t.rig.payload);
}

static void test_profile(const ch_profile *profile, const options *how, uint8_t *pool, unsigned *passed,
                         unsigned *failed)
{
    const ch_environment *environment;
    for (size_t i = 0; (environment = ch_profile_environment_at(profile, i)) != NULL; i++)
        test_environment(profile, environment, how, pool, passed, failed);
}

/* ---- the program ---- */

static int usage(void)
{
    fputs("usage: profiles [--cases N] [--seed S] [--print] PROFILE.yaml...\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    options how = {.cases = 10000, .seed = 1};
    unsigned passed = 0;
    unsigned failed = 0;
    int first = options_read(argc, argv, &how);
    if (first == 0)
        return usage();
    printf("seed %llu\n", (unsigned long long)how.seed);
    uint8_t *pool = ch_alloc(POOL_BYTES);
    for (int i = first; i < argc; i++) {
        ch_error err = CH_ERROR_INIT;
        ch_profile *profile = NULL;
        if (ch_profile_load_any(argv[i], &profile, &err) == CH_OK) {
            test_profile(profile, &how, pool, &passed, &failed);
        } else {
            printf("FAIL  %s\n", err.message);
            failed++;
        }
        ch_profile_free(profile);
    }
    free(pool);
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
