/* The same signed text with its query ending elsewhere, as an exchange would read it that signs query and body as one:
 * two forms side by side. What it takes by the profile's rules must be among the readings, unread, or say what the
 * request says. This looks at the text alone, and not at what the agent found out when the profile was loaded. */
#include "base/bits.h"
#include "tests/property/changes.h"

#include <string.h>

#define CUTS_TRIED 24
#define PAIRS_MAX 600
#define TIME_LEAST 10 /* digits of the shortest time */

/* What stands in a form, as it stands there. */
typedef struct pair {
    ch_slice name;
    ch_slice value;
    const ch_param_def *def; /* one of that name; NULL: the profile has none */
} pair;

typedef struct pairs {
    pair items[PAIRS_MAX];
    size_t count;
    uint64_t given[CH_NAME_WORDS_MAX];
} pairs;

/* One text, as it was signed and cut. */
typedef struct trial {
    rig *rig;
    const sample *sample;
    pairs whole;
    pairs cut;
} trial;

static const ch_param_def *find_name(const ch_profile *profile, ch_slice name)
{
    for (size_t i = 0; i < profile->name_count; i++) {
        if (ch_slice_is(name, profile->names[i]->name))
            return profile->names[i];
    }
    return NULL;
}

/* A list that is spelled so has a suffix: n[], n[0]. */
static const ch_param_def *find_named(const ch_profile *profile, ch_slice name)
{
    const ch_param_def *def = find_name(profile, name);
    const uint8_t *bracket = ch_slice_find(name, '[');
    if (def != NULL || bracket == NULL)
        return def;
    return find_name(profile, (ch_slice){name.data, (size_t)(bracket - name.data)});
}

static void add_pair(const ch_profile *profile, ch_slice text, pairs *out)
{
    const uint8_t *equals = ch_slice_find(text, '=');
    ch_slice name = {text.data, equals == NULL ? text.size : (size_t)(equals - text.data)};
    ch_slice value = ch_slice_after(text, equals == NULL ? text.size : name.size + 1);
    if (text.size == 0 || out->count == PAIRS_MAX)
        return;
    out->items[out->count] = (pair){name, value, find_named(profile, name)};
    if (out->items[out->count].def != NULL)
        ch_set_add(out->given, out->items[out->count].def->name_index);
    out->count++;
}

static void add_form(const ch_profile *profile, ch_slice form, pairs *out)
{
    for (;;) {
        const uint8_t *end = ch_slice_find(form, '&');
        size_t size = end == NULL ? form.size : (size_t)(end - form.data);
        add_pair(profile, (ch_slice){form.data, size}, out);
        if (end == NULL)
            return;
        form = ch_slice_after(form, size + 1);
    }
}

static void begin(pairs *out)
{
    out->count = 0;
    memset(out->given, 0, sizeof out->given);
}

/* ---- would it be taken? ---- */

static const pair *find_pair(const pairs *in, ch_slice name)
{
    for (size_t i = 0; i < in->count; i++) {
        if (ch_slice_equal(in->items[i].name, name))
            return &in->items[i];
    }
    return NULL;
}

/* Without its time, or with an old one, no request is good. */
static bool has_times(const trial *t, const ch_recipe *recipe)
{
    for (size_t i = 0; i < t->whole.count; i++) {
        const pair *one = &t->whole.items[i];
        if (!ch_recipe_fills_in(recipe, one->name) || ch_slice_count_digits(one->value) < TIME_LEAST)
            continue;
        const pair *other = find_pair(&t->cut, one->name);
        if (other == NULL || !ch_slice_equal(other->value, one->value))
            return false;
    }
    return true;
}

static bool is_listed(const ch_endpoint *endpoint, const pair *one)
{
    return one->def != NULL && ch_set_has(endpoint->params.listed, one->def->name_index);
}

static const ch_param_def *def_at(const ch_endpoint *endpoint, const pair *one)
{
    const ch_listed_param *listed =
        one->def == NULL ? NULL : ch_param_list_find(&endpoint->params, ch_slice_of(one->def->name));
    return listed == NULL ? NULL : listed->def;
}

/* Nothing is no number, no answer and no word. */
static bool counts(const ch_param_def *def, ch_slice value)
{
    return def != NULL &&
           (value.size > 0 || def->type == CH_TYPE_TEXT || def->type == CH_TYPE_LIST || def->type == CH_TYPE_OBJECT);
}

static bool is_taken(const trial *t, const ch_endpoint *endpoint, const ch_recipe *recipe)
{
    uint64_t given[CH_NAME_WORDS_MAX] = {0};
    for (size_t i = 0; i < t->cut.count; i++) {
        const pair *one = &t->cut.items[i];
        if (endpoint->refuses_unknown && !is_listed(endpoint, one) && !ch_recipe_fills_in(recipe, one->name))
            return false;
        if (counts(def_at(endpoint, one), one->value))
            ch_set_add(given, one->def->name_index);
    }
    return ch_param_list_is_met(&endpoint->params, given) && has_times(t, recipe);
}

/* ---- is it what policy was asked about? ---- */

static uint64_t meaning_at(const ch_endpoint *endpoint, const pairs *in)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < in->count; i++) {
        const ch_param_def *def = def_at(endpoint, &in->items[i]);
        if (def != NULL && ch_param_means_something(def))
            sum += mix(hash_bytes(in->items[i].name, 1) + mix(hash_bytes(in->items[i].value, 2)));
    }
    return sum;
}

static unsigned needs_at(const ch_endpoint *endpoint, const pairs *in)
{
    unsigned classes = 1U << endpoint->class_;
    for (size_t i = 0; i < in->count; i++) {
        const ch_param_def *def = def_at(endpoint, &in->items[i]);
        for (size_t k = 0; def != NULL && k < def->need_count; k++)
            classes |= ch_slice_is(in->items[i].value, def->needs[k].value) ? 1U << def->needs[k].class_ : 0;
    }
    return classes;
}

static const char *check_readings(const trial *t, const ch_endpoint *endpoint)
{
    bool is_there = !ch_confusion_tells_apart(endpoint->class_);
    bool is_known = !is_there && meaning_at(endpoint, &t->whole) != meaning_at(endpoint, &t->cut);
    unsigned classes = 0;
    for (size_t i = 0; i < ch_readings_count(t->rig->readings); i++) {
        const ch_reading_at *reading = ch_readings_at(t->rig->readings, i);
        classes |= 1U << reading->class_ | reading->needs;
        is_there |= reading->endpoint == endpoint;
        is_known &= reading->endpoint != endpoint || !(reading->is_unread || endpoint->items == NULL);
    }
    if ((needs_at(endpoint, &t->cut) & ~classes) != 0)
        return "a cut opens an endpoint, and policy is not asked about its class";
    if (!is_there)
        return "a cut opens an endpoint, and policy is not asked about it";
    return is_known ? "a cut changes what the request says, and policy takes it for known" : NULL;
}

/* ---- cuts ---- */

/* True if the exchange may read that text as one to `endpoint`. */
static bool may_be_read_at(const trial *t, const ch_endpoint *endpoint)
{
    const ch_endpoint *asked = t->sample->endpoint;
    size_t at = t->rig->scheme->index;
    const ch_recipe *recipe = endpoint->recipes[at];
    bool covers_path = (recipe->covers & CH_COVERS_PATH) != 0;
    return recipe->joins_body && ch_endpoint_has_scheme(endpoint, at) &&
           recipe->shape_number == asked->recipes[at]->shape_number &&
           ch_environment_reaches(t->rig->environment, endpoint) && (!covers_path || endpoint == asked);
}

static const char *check_cut(trial *t)
{
    const ch_profile *profile = t->rig->profile;
    const char *wrong = NULL;
    for (size_t i = 0; i < profile->endpoint_count && wrong == NULL; i++) {
        const ch_endpoint *endpoint = &profile->endpoints[i];
        if (ch_set_is_subset(endpoint->params.required, t->cut.given, profile->name_words) &&
            may_be_read_at(t, endpoint) && is_taken(t, endpoint, endpoint->recipes[t->rig->scheme->index]))
            wrong = check_readings(t, endpoint);
    }
    return wrong;
}

/* The parameters in the text: all of it, or what follows the path. */
static ch_slice form_in(const sample *s, ch_slice text)
{
    const uint8_t *mark = ch_slice_find(text, '?');
    ch_slice path = s->request.path;
    if (mark == NULL || path.size == 0 || (size_t)(mark - text.data) < path.size ||
        memcmp(mark - path.size, path.data, path.size) != 0)
        return text;
    return ch_slice_after(text, (size_t)(mark - text.data) + 1);
}

static const char *check_cuts_of(rig *r, const sample *s, ch_slice text)
{
    static trial t; /* large */
    ch_slice form = form_in(s, text);
    const char *wrong = NULL;
    t.rig = r;
    t.sample = s;
    begin(&t.whole);
    add_form(r->profile, form, &t.whole);
    for (size_t i = 0; i < CUTS_TRIED && form.size > 0 && wrong == NULL; i++) {
        size_t size = dice_below(&r->dice, form.size + 1);
        begin(&t.cut);
        add_form(r->profile, (ch_slice){form.data, size}, &t.cut);
        /* Where the path is signed, the body is not a form: what stands there is lost, or read as one all the same. */
        if (form.data == text.data || dice_chance(&r->dice, 50))
            add_form(r->profile, ch_slice_after(form, size), &t.cut);
        wrong = check_cut(&t);
    }
    return wrong;
}

/* Makes a text end in a name: what a bot would choose that means harm. */
static bool make_spiked(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    const ch_param_def *def = r->profile->names[dice_below(&r->dice, r->profile->name_count)];
    sample_copy(to, from);
    if (!pick(r, from, is_free_text, &at))
        return false;
    to->params[at].value = join(r, from->params[at].value, ch_slice_of(def->name));
    return true;
}

static const char *check_request(rig *r, const sample *s, ch_slice text)
{
    const ch_key_traits key = {.environment = r->environment, .kinds = ~0U};
    ch_error ignored = CH_ERROR_INIT;
    if (ch_readings_read(r->readings, s->endpoint, r->scheme, &key, &s->request, &ignored) != CH_OK)
        return NULL;
    return check_cuts_of(r, s, text);
}

static bool has_joined_body(const ch_profile *profile)
{
    bool has = false;
    for (size_t i = 0; i < profile->recipe_count; i++)
        has |= profile->recipes[i].joins_body;
    return has;
}

/* All cuts are tried against all endpoints, which takes a hundred times what the other checks take. */
#define ONE_IN 10

const char *check_recuts(rig *r, sample *s, sample *spare, ch_slice text)
{
    ch_payloads built;
    if (!has_joined_body(r->profile) || dice_below(&r->dice, ONE_IN) != 0)
        return NULL;
    const char *wrong = check_request(r, s, text);
    if (wrong != NULL || !make_spiked(r, s, spare) || try_sample(r, spare, &built) != STAGE_TAKEN)
        return wrong;
    wrong = check_request(r, spare, built.items[0]);
    if (wrong != NULL)
        sample_copy(s, spare); /* to be shown */
    return wrong;
}
