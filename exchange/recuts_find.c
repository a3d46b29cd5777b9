/* Which names a cut can split is known when the profile is loaded, and so is which of them an endpoint can take for a
 * parameter. Two things are errors, because no reading could answer for them: that a cut takes away a name which is
 * refused, and that the end of a name is what the agent fills in. */
#include "exchange/recuts.h"

#include "base/bits.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* ---- what can be made ---- */

/* A parameter of these types may be there without a value; an empty text is no number, no answer and no word. */
static bool may_be_blank(const ch_param_def *def)
{
    return def->type == CH_TYPE_TEXT || def->type == CH_TYPE_LIST || def->type == CH_TYPE_OBJECT;
}

static void find_texts(ch_endpoint *endpoint)
{
    const ch_param_list *list = &endpoint->params;
    endpoint->texts = ch_alloc(endpoint->profile->name_words * sizeof *endpoint->texts);
    for (size_t i = 0; i < list->count; i++) {
        if (may_be_blank(list->params[i].def))
            ch_set_add(endpoint->texts, list->params[i].def->name_index);
    }
}

/* Adds what `endpoint` requires, or has among its choices, and may be blank. */
static void add_needed(const ch_endpoint *endpoint, uint64_t *needed)
{
    const ch_param_list *list = &endpoint->params;
    for (size_t i = 0; i < list->words; i++) {
        uint64_t names = list->required[i];
        for (size_t k = 0; k < list->choice_count; k++)
            names |= list->choices[k * list->words + i];
        needed[i] |= names & endpoint->texts[i];
    }
}

static void find_blanks(ch_profile *profile, const uint64_t *needed)
{
    ch_recuts *recuts = &profile->recuts;
    recuts->blanks = ch_alloc(profile->name_count * sizeof *recuts->blanks);
    for (size_t i = 0; i < profile->name_count; i++) {
        const ch_param_def *def = profile->names[i];
        if (ch_set_has(needed, def->name_index) && def->name[0] != '\0')
            recuts->blanks[recuts->blank_count++] = (ch_blank){ch_slice_of(def->name), def->name_index};
    }
}

static void add_split(ch_recuts *recuts, const ch_param_def *def, const ch_param_def *half, bool is_blank)
{
    recuts->splits = ch_realloc_array(recuts->splits, recuts->split_count + 1, sizeof *recuts->splits);
    recuts->splits[recuts->split_count++] = (ch_split){def->name_index, half->name_index, is_blank};
    ch_set_add(recuts->is_split, def->name_index);
}

static void find_splits_of(ch_profile *profile, const ch_param_def *def, const uint64_t *needed)
{
    ch_slice name = ch_slice_of(def->name);
    for (size_t size = 1; size < name.size; size++) {
        const ch_param_def *first = ch_profile_find_name(profile, (ch_slice){name.data, size});
        const ch_param_def *second = ch_profile_find_name(profile, ch_slice_after(name, size));
        if (first != NULL && ch_set_has(needed, first->name_index))
            add_split(&profile->recuts, def, first, true);
        if (second != NULL)
            add_split(&profile->recuts, def, second, false);
    }
}

/* Where the path is signed, no other endpoint is there to find a name. */
static void find_made(ch_profile *profile)
{
    uint64_t needed[CH_NAME_WORDS_MAX] = {0};
    profile->recuts.is_split = ch_alloc(profile->name_words * sizeof *profile->recuts.is_split);
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        find_texts(&profile->endpoints[i]);
        add_needed(&profile->endpoints[i], needed);
    }
    find_blanks(profile, needed);
    for (size_t i = 0; i < profile->name_count; i++)
        find_splits_of(profile, profile->names[i], needed);
}

/* ---- what may not be ---- */

static bool is_known(const ch_endpoint *endpoint, const ch_recipe *recipe, ch_slice name)
{
    return ch_param_list_find(&endpoint->params, name) != NULL || ch_recipe_fills_in(recipe, name);
}

/* What is refused because of one name of the profile's is taken if that can be split into two that are known. */
static ch_status check_refused(const ch_endpoint *endpoint, const ch_recipe *recipe, const char *whole, ch_error *err)
{
    ch_slice name = ch_slice_of(whole);
    for (size_t size = 1; size < name.size; size++) {
        ch_slice first = {name.data, size};
        ch_slice second = ch_slice_after(name, size);
        if (is_known(endpoint, recipe, first) && is_known(endpoint, recipe, second))
            return ch_fail(err, CH_CONFIG,
                           "%s %s can't be among those that refuse unknown names: '%s' can be cut into '%.*s' and "
                           "'%.*s', which it knows; name other paths in 'refuses_unknown'",
                           endpoint->method, endpoint->path, whole, CH_SLICE_ARGS(first), CH_SLICE_ARGS(second));
    }
    return CH_OK;
}

static ch_status check_fields(const ch_recipe *recipe, const char *whole, ch_error *err)
{
    ch_slice name = ch_slice_of(whole);
    for (size_t size = 1; size < name.size; size++) {
        ch_slice end = ch_slice_after(name, size);
        if (ch_recipe_fills_in(recipe, end))
            return ch_fail(err, CH_CONFIG,
                           "parameter '%s' can be cut so that its value becomes that of '%.*s', which the agent fills "
                           "in by recipe '%s'; leave it out",
                           whole, CH_SLICE_ARGS(end), recipe->name);
    }
    return CH_OK;
}

static ch_status check_endpoint(const ch_endpoint *endpoint, size_t at, ch_error *err)
{
    const ch_profile *profile = endpoint->profile;
    const ch_recipe *recipe = endpoint->recipes[at];
    if (!recipe->joins_body || !endpoint->refuses_unknown)
        return CH_OK;
    for (size_t i = 0; i < profile->name_count; i++)
        CH_TRY(check_refused(endpoint, recipe, profile->names[i]->name, err));
    return CH_OK;
}

static ch_status check_all(const ch_profile *profile, ch_error *err)
{
    for (size_t i = 0; i < profile->recipe_count; i++) {
        for (size_t k = 0; profile->recipes[i].joins_body && k < profile->name_count; k++)
            CH_TRY(check_fields(&profile->recipes[i], profile->names[k]->name, err));
    }
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        for (size_t at = 0; at < profile->scheme_count; at++) {
            bool is_seen = at > 0 && profile->endpoints[i].recipes[at] == profile->endpoints[i].recipes[at - 1];
            if (!is_seen)
                CH_TRY(check_endpoint(&profile->endpoints[i], at, err));
        }
    }
    return CH_OK;
}

ch_status ch_recuts_find(ch_profile *profile, ch_error *err)
{
    bool makes_names = false;
    for (size_t i = 0; i < profile->recipe_count; i++)
        makes_names |= profile->recipes[i].joins_body && (profile->recipes[i].covers & CH_COVERS_PATH) == 0;
    if (makes_names)
        find_made(profile);
    return check_all(profile, err);
}

void ch_recuts_free(ch_profile *profile)
{
    free(profile->recuts.is_split);
    free(profile->recuts.splits);
    free(profile->recuts.blanks);
}
