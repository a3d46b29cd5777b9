/* The reading of a recipe is flat: lists and objects in a form stay text, because only an endpoint says which names
 * hold them. They are read when a definition asks for them. */
#include "exchange/anonymous.h"

#include "base/bits.h"
#include "exchange/check_value.h"
#include "exchange/profile_impl.h"
#include "exchange/read_back.h"

#include <assert.h>
#include <string.h>

/* A string as one recipe reads it. */
typedef struct flat {
    ch_reading reading;
    uint64_t given[CH_NAME_WORDS_MAX];   /* names of the parameters */
    uint64_t agents[CH_NAME_WORDS_MAX];  /* names of the agent's fields, as far as parameters have them too */
    uint64_t checked[CH_NAME_WORDS_MAX]; /* definitions that have looked at their value: position in the profile */
    uint64_t good[CH_NAME_WORDS_MAX];    /* and have found it good */
} flat;

typedef struct search {
    const ch_recipe_input *input;
    unsigned kinds;
    ch_scratch *scratch;
    ch_slice text;
    flat *flat;
    ch_reading *held; /* a list or object in a form */
    ch_anonymous_work *work;
} search;

static bool may_be_asked(const ch_endpoint *endpoint, const ch_recipe_input *input, unsigned kinds)
{
    return (endpoint->kind & ~kinds) == 0 && ch_environment_has(input->environment, endpoint) &&
           ch_endpoint_has_scheme(endpoint, input->scheme->index) && ch_recipe_is_anonymous(endpoint, input->scheme);
}

/* ---- names ---- */

/* The agent's own fields may have names that the profile's parameters do not have; they may be given once all the same,
 * and are compared by their position. */
static bool note_agents(const ch_recipe *recipe, ch_slice name, uint64_t *seen)
{
    size_t at = 0;
    for (size_t i = 0; i < recipe->list_count; i++) {
        for (size_t j = 0; j < recipe->lists[i].field_count; j++, at++) {
            if (!ch_slice_is(name, recipe->lists[i].fields[j].name))
                continue;
            bool is_first = (*seen >> at & 1) == 0;
            *seen |= (uint64_t)1 << at;
            return is_first;
        }
    }
    return false;
}

_Static_assert(CH_RECIPE_LISTS_MAX *CH_LIST_FIELDS_MAX <= 64, "a recipe's fields are bits of a word");

static bool note_window(const ch_profile *profile, const ch_recipe *recipe, const ch_param *param)
{
    return profile->window.param != NULL && recipe->uses[CH_BUILTIN_WINDOW] &&
           ch_slice_is(param->name, profile->window.param) && ch_is_window(param, profile->window.max_ms);
}

/* Sorts the names into sets. False at the first one that no endpoint lists, and at one that is given twice. */
static bool note_names(flat *in, const ch_profile *profile, const ch_recipe *recipe)
{
    const ch_reading *reading = &in->reading;
    uint64_t seen = 0;
    bool has_window = false;
    for (size_t i = 0; i < reading->param_count; i = ch_param_after(reading->params, reading->param_count, i)) {
        const ch_param *param = &reading->params[i];
        const ch_param_def *def = ch_profile_find_name(profile, param->name);
        if (param->kind == CH_PARAM_PLACEHOLDER) {
            if (!note_agents(recipe, param->name, &seen))
                return false;
            if (def != NULL)
                ch_set_add(in->agents, def->name_index);
            continue;
        }
        if (def == NULL && !has_window && note_window(profile, recipe, param)) {
            has_window = true;
            continue;
        }
        if (def == NULL || ch_set_has(in->given, def->name_index))
            return false;
        ch_set_add(in->given, def->name_index);
    }
    return true;
}

static bool takes_names(const ch_endpoint *endpoint, const flat *in)
{
    size_t words = endpoint->params.words;
    return ch_set_is_subset(in->given, endpoint->params.listed, words) &&
           !ch_set_meets(in->agents, endpoint->params.listed, words) &&
           ch_param_list_is_met(&endpoint->params, in->given);
}

/* ---- values ---- */

static bool check_value(search *in, const ch_param_def *def, size_t at)
{
    ch_error ignored = CH_ERROR_INIT;
    ch_reading *reading = &in->flat->reading;
    const ch_param *param = &reading->params[at];
    in->work->checks++;
    if (def->depth == 0 || !ch_set_has(reading->in_form, at))
        return ch_param_check(def, reading->params, reading->param_count, at, &ignored) == CH_OK;
    return ch_recipe_read_value(param->name, param->value, in->held) &&
           ch_param_check(def, in->held->params, in->held->param_count, 0, &ignored) == CH_OK;
}

static bool has_good_value(search *in, const ch_param_def *def, size_t at)
{
    size_t index = (size_t)(def - in->input->profile->params);
    if (!ch_set_has(in->flat->checked, index)) {
        ch_set_add(in->flat->checked, index);
        if (check_value(in, def, at))
            ch_set_add(in->flat->good, index);
    }
    return ch_set_has(in->flat->good, index);
}

static bool takes_values(search *in, const ch_endpoint *endpoint)
{
    const ch_reading *reading = &in->flat->reading;
    for (size_t i = 0; i < reading->param_count; i = ch_param_after(reading->params, reading->param_count, i)) {
        const ch_param_def *named = ch_profile_find_name(in->input->profile, reading->params[i].name);
        if (reading->params[i].kind == CH_PARAM_PLACEHOLDER || named == NULL)
            continue; /* the agent's, or the receive window */
        const ch_listed_param *listed = ch_param_list_find(&endpoint->params, reading->params[i].name);
        assert(listed != NULL); /* the sets of names said so */
        if (!has_good_value(in, listed->def, i))
            return false;
    }
    return true;
}

/* ---- the search ---- */

/* Reads the string as the recipe of `endpoint` does, and sorts out its names. */
static bool read_flat(search *in, const ch_endpoint *endpoint)
{
    ch_error ignored = CH_ERROR_INIT;
    ch_recipe_input input = *in->input;
    flat *to = in->flat;
    input.endpoint = endpoint;
    memset(to->given, 0, sizeof to->given);
    memset(to->agents, 0, sizeof to->agents);
    memset(to->checked, 0, sizeof to->checked);
    memset(to->good, 0, sizeof to->good);
    in->work->readings++;
    return ch_recipe_read_flat(&input, in->scratch, in->text, &to->reading, &ignored) == CH_OK &&
           note_names(to, input.profile, endpoint->recipes[input.scheme->index]);
}

/* Looks among the endpoints before `end` that use `recipe`. A path with parameters cannot be without a path. */
static size_t find_with_recipe(search *in, const ch_recipe *recipe, size_t end)
{
    const ch_profile *profile = in->input->profile;
    bool is_read = false;
    for (size_t i = 0; i < end; i++) {
        const ch_endpoint *endpoint = &profile->endpoints[i];
        if (endpoint->recipes[in->input->scheme->index] != recipe || endpoint->parts != NULL ||
            !may_be_asked(endpoint, in->input, in->kinds))
            continue;
        if (!is_read && !read_flat(in, endpoint))
            return end;
        is_read = true;
        if (takes_names(endpoint, in->flat) && takes_values(in, endpoint))
            return i;
    }
    return end;
}

const ch_endpoint *ch_anonymous_find(const ch_recipe_input *input, unsigned kinds, ch_scratch *scratch, ch_slice text,
                                     ch_anonymous_work *work)
{
    static flat read;       /* large, and core has one thread */
    static ch_reading held; /* likewise */
    const ch_profile *profile = input->profile;
    search in = {.input = input, .kinds = kinds, .scratch = scratch, .text = text, .flat = &read, .held = &held};
    in.work = work;
    *work = (ch_anonymous_work){0};
    size_t found = profile->endpoint_count;
    for (size_t i = 0; i < profile->recipe_count; i++)
        found = find_with_recipe(&in, &profile->recipes[i], found);
    return found == profile->endpoint_count ? NULL : &profile->endpoints[found];
}
