/* Every request at such an exchange is looked at, and hardly any can be cut into other names: what depends on names
 * alone is found when the profile is loaded (recuts_find.c). A text of the bot's may end in any name, though. */
#include "exchange/recuts.h"

#include "base/bits.h"

#include <string.h>

static bool ends_in(ch_slice text, ch_slice end)
{
    return text.size >= end.size && memcmp(text.data + text.size - end.size, end.data, end.size) == 0;
}

static bool is_escapes_digit(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'F');
}

/* True if a cut of `value` may leave `name` over. Within %4A, what is left begins with one or two of its digits. */
static bool leaves(ch_slice value, ch_slice name)
{
    bool is_left = ends_in(value, name);
    for (size_t i = 0; i < 2 && i < name.size && is_escapes_digit(name.data[i]); i++)
        is_left |= ends_in(value, ch_slice_after(name, i + 1));
    return is_left;
}

static bool is_plain(const ch_param *param)
{
    return param->def != NULL && param->kind <= CH_PARAM_BOOLEAN;
}

bool ch_recut_is_possible(const ch_endpoint *endpoint, size_t at, unsigned accepts)
{
    return endpoint->recipes[at]->joins_body && (endpoint->profile->recuts.acceptance & accepts) == 0;
}

/* True if a cut of `value` may leave over a name that `endpoint` knows. */
static bool leaves_known(const ch_endpoint *endpoint, const ch_recipe *recipe, ch_slice value)
{
    for (size_t i = 0; i < endpoint->params.count; i++) {
        if (leaves(value, endpoint->params.params[i].name))
            return true;
    }
    for (size_t i = 0; i < recipe->list_count; i++) {
        for (size_t k = 0; k < recipe->lists[i].field_count; k++) {
            if (leaves(value, ch_slice_of(recipe->lists[i].fields[k].name)))
                return true;
        }
    }
    return false;
}

/* True if a cut of the parameter, or of one that it holds, may change what `endpoint` reads. */
static bool changes(const ch_endpoint *endpoint, const ch_recipe *recipe, const ch_param *param)
{
    const uint64_t *is_split = endpoint->profile->recuts.is_split;
    if (param->def == NULL)
        return false;
    if (!endpoint->refuses_unknown) {
        const ch_listed_param *listed = ch_param_list_find(&endpoint->params, param->name);
        if ((listed != NULL && ch_param_means_something(listed->def)) ||
            (is_split != NULL && ch_set_has(is_split, param->def->name_index)))
            return true;
    }
    return is_plain(param) && leaves_known(endpoint, recipe, param->value);
}

bool ch_recut_changes(const ch_endpoint *endpoint, size_t at, unsigned accepts, const ch_request *request)
{
    bool is_changed = false;
    if (!ch_recut_is_possible(endpoint, at, accepts))
        return false;
    for (size_t i = 0; i < request->param_count && !is_changed; i++)
        is_changed = changes(endpoint, endpoint->recipes[at], &request->params[i]);
    return is_changed;
}

/* ---- names ---- */

/* What is made, while it is gathered; cleared before the first. */
typedef struct gathering {
    ch_recut_made *out;
    bool has_begun;
} gathering;

static void add(gathering *g, size_t name, bool is_blank)
{
    if (!g->has_begun)
        *g->out = (ch_recut_made){.whole = {0}};
    g->has_begun = true;
    ch_set_add(is_blank ? g->out->blank : g->out->whole, name);
}

static void add_halves_of(gathering *g, const ch_recuts *recuts, size_t name)
{
    for (size_t i = 0; i < recuts->split_count; i++) {
        if (recuts->splits[i].name == name)
            add(g, recuts->splits[i].half, recuts->splits[i].is_blank);
    }
}

static void add_ends_of(gathering *g, const ch_recuts *recuts, ch_slice value)
{
    for (size_t i = 0; i < recuts->blank_count; i++) {
        if (leaves(value, recuts->blanks[i].text))
            add(g, recuts->blanks[i].name, true);
    }
}

bool ch_recut_names(const ch_profile *profile, const ch_request *request, const uint64_t *given, ch_recut_made *out)
{
    const ch_recuts *recuts = &profile->recuts;
    gathering g = {.out = out};
    if (recuts->is_split == NULL)
        return false;
    for (size_t i = 0; i < profile->name_words; i++) {
        for (uint64_t rest = given[i] & recuts->is_split[i]; rest != 0; rest &= rest - 1)
            add_halves_of(&g, recuts, i * 64 + (size_t)__builtin_ctzll(rest));
    }
    for (size_t i = 0; i < request->param_count; i++) {
        if (is_plain(&request->params[i]))
            add_ends_of(&g, recuts, request->params[i].value);
    }
    return g.has_begun;
}
