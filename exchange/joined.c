/* The style pairs joins names and values with nothing in between, so a value that holds another parameter's name could
 * pass for that parameter, and the end of an item for the beginning of the next. */
#include "base/error.h"
#include "base/slice.h"
#include "exchange/profile_impl.h"

#include <string.h>

#define NAME_SHORT 2

/* A value in which names are looked for: the bytes that it has tell at once that most names are not in it. */
typedef struct haystack {
    ch_slice value;
    bool has_byte[256];
} haystack;

static bool holds(const haystack *in, const char *name)
{
    return in->has_byte[(uint8_t)name[0]] && memmem(in->value.data, in->value.size, name, strlen(name)) != NULL;
}

/* The name of a parameter that `value` holds, or NULL. Names of two letters or less would be everywhere, so of those
 * only the endpoint's own count. */
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

/* Nothing marks where an item ends, so a list may hold one text, words of an enum, or objects each of which begins with
 * a name that does not follow the last name of the one before. */
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

ch_status ch_request_check_joined(const ch_request *request, const ch_endpoint *endpoint, ch_error *err)
{
    for (size_t i = 0; i < request->param_count; i++) {
        const ch_param *param = &request->params[i];
        bool is_free = param->def != NULL && (param->def->type == CH_TYPE_TEXT || param->def->type == CH_TYPE_SYMBOL);
        const char *name = is_free ? name_inside(endpoint, param->value) : NULL;
        if (name != NULL)
            return ch_fail(
                err, CH_BAD_INPUT,
                "the value of '%.*s' holds '%s', which this exchange's signature can't tell from the parameter "
                "of that name",
                CH_SLICE_ARGS(param->name), name);
        if (param->kind == CH_PARAM_LIST && !can_join_items(request->params, request->param_count, i))
            return ch_fail(err, CH_BAD_INPUT,
                           "this exchange's signature can't tell where the items of '%.*s' end; send one at a time",
                           CH_SLICE_ARGS(param->name));
    }
    return CH_OK;
}
