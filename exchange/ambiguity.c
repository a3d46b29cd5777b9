/* Names are looked for in every value that is free text, so this must be quick: a set of the bytes that the value has
 * rules out most names at once. */
#include "exchange/ambiguity.h"

#include "exchange/profile_impl.h"

#include <string.h>

#define NAME_SHORT 2

/* A value in which names are looked for, and which bytes it has. */
typedef struct haystack {
    ch_slice value;
    bool has_byte[256];
} haystack;

static bool holds(const haystack *in, const char *name)
{
    return in->has_byte[(uint8_t)name[0]] && memmem(in->value.data, in->value.size, name, strlen(name)) != NULL;
}

/* Returns the name of a parameter that `value` holds, or NULL. Names of two letters or less would be everywhere, so
 * only the endpoint's own ones count. */
static const char *name_inside(const ch_endpoint *endpoint, ch_slice value)
{
    const ch_profile *profile = endpoint->profile;
    haystack in = {.value = value};
    for (size_t i = 0; i < value.size; i++)
        in.has_byte[value.data[i]] = true;
    for (size_t i = 0; i < endpoint->params.count; i++) {
        if (holds(&in, endpoint->params.params[i].def->name))
            return endpoint->params.params[i].def->name;
    }
    for (size_t i = 0; i < profile->param_count; i++) {
        if (holds(&in, profile->params[i].name) && strlen(profile->params[i].name) > NAME_SHORT)
            return profile->params[i].name;
    }
    return NULL;
}

/* The smallest or greatest name of the object at params[at]; empty if it has no members. */
static ch_slice outer_name(const ch_param *params, size_t count, size_t at, bool is_greatest)
{
    ch_slice outer = {NULL, 0};
    for (size_t i = at + 1; params[i].kind != CH_PARAM_END; i = ch_param_after(params, count, i)) {
        int order = outer.data == NULL ? 0 : ch_slice_compare(params[i].name, outer);
        if (outer.data == NULL || (is_greatest ? order > 0 : order < 0))
            outer = params[i].name;
    }
    return outer;
}

/* Items are joined without a separator. To stay unambiguous, a list may hold a single text; or enum values; or objects,
 * each starting with a name that sorts no later than the last name of the object before it. */
static bool can_join_items(const ch_param *params, size_t count, size_t at)
{
    size_t before = 0;
    for (size_t i = at + 1; params[i].kind != CH_PARAM_END; i = ch_param_after(params, count, i)) {
        bool is_object = params[i].kind == CH_PARAM_OBJECT;
        ch_slice first = is_object ? outer_name(params, count, i, false) : CH_LITERAL("");
        bool is_word = params[i].def != NULL && params[i].def->type == CH_TYPE_ENUM;
        if (is_object ? first.size == 0 : before != 0 && !is_word)
            return false;
        if (is_object && before != 0 && ch_slice_compare(first, outer_name(params, count, before, true)) > 0)
            return false;
        before = i;
    }
    return true;
}

static bool is_free_text(const ch_param *param)
{
    return param->def != NULL && (param->def->type == CH_TYPE_TEXT || param->def->type == CH_TYPE_SYMBOL);
}

ch_status ch_ambiguity_check(const ch_request *request, const ch_endpoint *endpoint, ch_error *err)
{
    for (size_t i = 0; i < request->param_count; i++) {
        const ch_param *param = &request->params[i];
        const char *name = is_free_text(param) ? name_inside(endpoint, param->value) : NULL;
        if (name != NULL)
            return ch_fail(
                err, CH_BAD_INPUT,
                "the value of '%.*s' holds '%s'; this exchange's signature can't tell that from the parameter "
                "of that name",
                CH_SLICE_ARGS(param->name), name);
        if (param->kind == CH_PARAM_LIST && !can_join_items(request->params, request->param_count, i))
            return ch_fail(err, CH_BAD_INPUT,
                           "this exchange's signature can't tell where the items of '%.*s' end; send one at a time",
                           CH_SLICE_ARGS(param->name));
    }
    return CH_OK;
}
