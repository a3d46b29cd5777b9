/* The property test of what requests mean: intents [--cases N] [--seed S] PROFILE.yaml...
 *
 * For each call that trades, transfers, withdraws or cancels, it makes requests that the profile accepts, and changes
 * one parameter of each: another value, one more, one less. If the changed request is accepted too, it must have
 * another intent, unless the profile calls that parameter neutral, or says that both values mean the same. A run is
 * repeated by its seed. The last line is "N passed, N failed". */
#include "base/memory.h"
#include "exchange/intent.h"
#include "exchange/load.h"
#include "tests/property/changes.h"
#include "tests/property/options.h"
#include "tests/property/property.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 8

typedef struct trial {
    rig rig;
    uint64_t cases;
    uint64_t seed;
    uint64_t compared;
    uint64_t failed;
    sample first;
    sample second;
    ch_intent *before;
    ch_intent *after;
} trial;

/* ---- changes ---- */

/* Some parameter that is no list or object, held or not; false if there is none. */
static bool pick_plain(rig *r, const sample *s, size_t *at)
{
    return pick_deep(r, s, is_plain, at);
}

static bool is_neutral(const ch_param_def *def)
{
    return def->meaning != NULL && def->meaning->neutral != NULL;
}

static const ch_value_meaning *meaning_of_value(const ch_param_def *def, ch_slice value)
{
    for (size_t i = 0; def->meaning != NULL && i < def->meaning->value_count; i++) {
        if (ch_slice_is(value, def->meaning->values[i].value))
            return &def->meaning->values[i];
    }
    return NULL;
}

/* True if the profile says that both values are the same word. */
static bool is_same_word(const ch_param_def *def, ch_slice one, ch_slice other)
{
    const ch_value_meaning *a = meaning_of_value(def, one);
    const ch_value_meaning *b = meaning_of_value(def, other);
    return a != NULL && b != NULL && a->word != NULL && b->word != NULL && strcmp(a->word, b->word) == 0;
}

static ch_slice without_zeros(ch_slice number)
{
    const uint8_t *point = ch_slice_find(number, '.');
    while (point != NULL && number.size > 0 &&
           (number.data[number.size - 1] == '0' || number.data + number.size - 1 == point)) {
        bool is_point = number.data + number.size - 1 == point;
        number.size--;
        if (is_point)
            break;
    }
    return number;
}

static bool is_same_value(const ch_param_def *def, ch_slice one, ch_slice other)
{
    bool is_decimal = def->type == CH_TYPE_DECIMAL;
    return ch_slice_equal(one, other) || is_same_word(def, one, other) ||
           (is_decimal && ch_slice_equal(without_zeros(one), without_zeros(other)));
}

/* A new value for a parameter of `t->second`; returns its definition, or NULL. */
static const ch_param_def *change_value(trial *t)
{
    static sample made; /* large */
    size_t at = 0;
    if (!pick_plain(&t->rig, &t->second, &at) || t->second.params[at].def == NULL)
        return NULL;
    ch_param *param = &t->second.params[at];
    made.request = (ch_request){.params = made.params};
    make_param(&t->rig, param->def, param->name, &made);
    if (made.request.param_count != 1 || is_same_value(param->def, param->value, made.params[0].value))
        return NULL;
    param->kind = made.params[0].kind;
    param->value = made.params[0].value;
    return param->def;
}

static const ch_param_def *add_absent(trial *t)
{
    const ch_param_def *def = pick_absent(&t->rig, &t->second);
    if (def != NULL)
        add_param(&t->rig, &t->second, def);
    return def;
}

static const ch_param_def *change_one(trial *t)
{
    return dice_chance(&t->rig.dice, 70) ? change_value(t) : add_absent(t);
}

/* True if what was added only says what holds without it. */
static bool repeats_constant(const ch_endpoint *endpoint, const ch_param_def *def)
{
    for (size_t i = 0; def->meaning != NULL && i < endpoint->item_count; i++) {
        const ch_sayings *constants = &endpoint->items[i].constants;
        for (size_t j = 0; j < constants->count; j++) {
            if (def->meaning->sense.has_role && constants->items[j].fact == def->meaning->sense.role)
                return true;
        }
    }
    return false;
}

/* ---- cases ---- */

static void fail(trial *t, const ch_param_def *def)
{
    ch_autobuffer one = CH_BUFFER_INIT;
    ch_autobuffer other = CH_BUFFER_INIT;
    ch_autobuffer words = CH_BUFFER_INIT;
    if (t->failed++ >= SHOWN_MAX)
        return;
    sample_show(&t->first, &one);
    sample_show(&t->second, &other);
    ch_intent_print(t->after, &words);
    printf("FAIL  %s: '%s' of %s %s is changed, and the intent is not\n    %s\n    %s\n%s",
           ch_profile_name(t->rig.profile), def->name, t->first.endpoint->method, t->first.endpoint->path,
           ch_buffer_text(&one), ch_buffer_text(&other), ch_buffer_text(&words));
}

static void run_case(trial *t, const ch_endpoint *endpoint)
{
    ch_payloads ignored;
    t->rig.pool_used = 0;
    t->rig.is_tame = true;
    if (!make_sample(&t->rig, endpoint, &t->first) || try_sample(&t->rig, &t->first, &ignored) != STAGE_TAKEN)
        return;
    sample_copy(&t->second, &t->first);
    const ch_param_def *def = change_one(t);
    if (def == NULL || is_neutral(def) || try_sample(&t->rig, &t->second, &ignored) != STAGE_TAKEN)
        return;
    if (t->first.endpoint != t->second.endpoint)
        return;
    ch_intent_read(t->before, t->first.endpoint, &t->first.request);
    ch_intent_read(t->after, t->second.endpoint, &t->second.request);
    t->compared++;
    if (ch_intent_equal(t->before, t->after) && !repeats_constant(endpoint, def))
        fail(t, def);
}

static bool is_judged(const ch_endpoint *endpoint)
{
    return endpoint->class_ == CH_CLASS_TRADE || endpoint->class_ == CH_CLASS_TRANSFER ||
           endpoint->class_ == CH_CLASS_WITHDRAW || endpoint->class_ == CH_CLASS_CANCEL;
}

static bool test_profile(const ch_profile *profile, const options *how, uint8_t *pool)
{
    static trial t; /* large */
    memset(&t, 0, sizeof t);
    t.rig = (rig){.profile = profile, .pool = pool, .now_ns = 1764000000000000000U, .err = CH_ERROR_INIT};
    t.rig.scheme = ch_profile_scheme_at(profile, 0);
    t.rig.scratch = ch_scratch_new();
    t.rig.draft = ch_draft_new(t.rig.scratch);
    t.rig.dice.state = mix(how->seed ^ hash_bytes(ch_slice_of(ch_profile_name(profile)), 7));
    t.before = ch_intent_new();
    t.after = ch_intent_new();
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        t.rig.environment = ch_endpoint_home(&profile->endpoints[i]);
        for (uint64_t n = 0; is_judged(&profile->endpoints[i]) && n < how->cases; n++)
            run_case(&t, &profile->endpoints[i]);
    }
    bool holds = t.failed == 0 && t.compared > 0;
    printf("%s  %s: %llu changes, %llu of them without another intent\n", holds ? "ok  " : "FAIL",
           ch_profile_name(profile), (unsigned long long)t.compared, (unsigned long long)t.failed);
    ch_intent_free(t.before);
    ch_intent_free(t.after);
    ch_draft_free(t.rig.draft);
    ch_scratch_free(t.rig.scratch);
    ch_buffer_free(&t.rig.text);
    return holds;
}

/* ---- the program ---- */

int main(int argc, char **argv)
{
    options how = {.cases = 200, .seed = 1};
    unsigned passed = 0;
    unsigned failed = 0;
    int first = options_read(argc, argv, &how);
    if (first == 0) {
        fputs("usage: intents [--cases N] [--seed S] PROFILE.yaml...\n", stderr);
        return 2;
    }
    uint8_t *pool = ch_alloc(POOL_BYTES);
    for (int i = first; i < argc; i++) {
        ch_error err = CH_ERROR_INIT;
        ch_autoprofile *profile = NULL;
        bool holds = ch_profile_load_any(argv[i], &profile, &err) == CH_OK;
        if (!holds)
            printf("FAIL  %s\n", err.message);
        holds = holds && test_profile(profile, &how, pool);
        passed += holds;
        failed += !holds;
    }
    free(pool);
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
