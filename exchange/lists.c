/* A list is the agent's first fields, the bot's parameters that stand in it, and the agent's other fields, unless it is
 * sorted. A field for which the bot sent a placeholder takes the placeholder's place. */
#include "exchange/draft.h"

#include <string.h>

/* A list while it is made. */
typedef struct assembly {
    const ch_recipe_list *list;
    const ch_request *request;
    const ch_draft *draft;
    ch_list_item fields[CH_LIST_FIELDS_MAX];
    bool is_placed[CH_LIST_FIELDS_MAX];
    ch_list_item *items;
    size_t count;
} assembly;

/* Makes the fields that the agent adds to `list`; their values lie in `text`. */
static ch_status make_fields(ch_draft *draft, const ch_recipe_list *list, ch_buffer *text, ch_list_item *out,
                             ch_error *err)
{
    size_t ends[CH_LIST_FIELDS_MAX];
    ch_buffer_clear(text);
    for (size_t i = 0; i < list->field_count; i++) {
        CH_TRY(ch_draft_run(draft, &list->fields[i].value, text, err));
        ends[i] = text->size;
    }
    size_t begin = 0;
    for (size_t i = 0; i < list->field_count; i++) {
        out[i] = (ch_list_item){
            .kind = CH_PARAM_TEXT,
            .is_bare = list->fields[i].is_bare,
            .name = ch_slice_of(list->fields[i].name),
            .value = {text->data + begin, ends[i] - begin}
        };
        begin = ends[i];
    }
    return CH_OK;
}

/* Insertion sort: lists are short, names are never equal, and qsort may allocate. */
static void sort_items(ch_list_item *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        ch_list_item item = items[i];
        size_t at = i;
        for (; at > 0 && ch_slice_compare(item.name, items[at - 1].name) < 0; at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

static bool stands_in(const ch_recipe_list *list, const ch_param *param)
{
    bool is_in_query = param->def != NULL && param->def->is_in_query;
    return list->takes == CH_TAKES_PARAMS || list->takes == (is_in_query ? CH_TAKES_QUERY : CH_TAKES_BODY);
}

static ch_list_item item_of(const ch_request *request, size_t at)
{
    const ch_param *param = &request->params[at];
    ch_list_item item = {.kind = param->kind, .name = param->name, .value = param->value};
    if (param->kind == CH_PARAM_LIST || param->kind == CH_PARAM_OBJECT) {
        item.held = param;
        item.held_count = ch_param_after(request->params, request->param_count, at) - at;
    }
    if (param->def != NULL) {
        item.is_bare = param->def->is_bare;
        item.spelling = param->def->spelling;
    }
    return item;
}

static void place_field(assembly *to, size_t at)
{
    if (!to->is_placed[at])
        to->items[to->count++] = to->fields[at];
    to->is_placed[at] = true;
}

static void place_named_field(assembly *to, ch_slice name)
{
    for (size_t i = 0; i < to->list->field_count; i++) {
        if (ch_slice_equal(to->fields[i].name, name))
            place_field(to, i);
    }
}

/* What stands only for a field of the agent's: a placeholder, or the receive window. */
static bool is_for_field(const ch_draft *draft, const ch_param *param)
{
    return param->kind == CH_PARAM_PLACEHOLDER || ch_endpoint_takes_window(draft->endpoint, draft->recipe, param->name);
}

static ch_status place_params(assembly *to, ch_error *err)
{
    const ch_request *request = to->request;
    for (size_t i = 0; i < request->param_count; i = ch_param_after(request->params, request->param_count, i)) {
        const ch_param *param = &request->params[i];
        if (to->count + CH_LIST_FIELDS_MAX >= CH_LIST_ITEMS_MAX)
            return ch_fail(err, CH_BAD_INPUT, "a request has at most %d parameters",
                           CH_LIST_ITEMS_MAX - CH_LIST_FIELDS_MAX);
        if (is_for_field(to->draft, param))
            place_named_field(to, param->name);
        else if (stands_in(to->list, param))
            to->items[to->count++] = item_of(request, i);
    }
    return CH_OK;
}

static bool has_placeholder(const ch_request *request, ch_slice name)
{
    for (size_t i = 0; i < request->param_count; i = ch_param_after(request->params, request->param_count, i)) {
        if (request->params[i].kind == CH_PARAM_PLACEHOLDER && ch_slice_equal(request->params[i].name, name))
            return true;
    }
    return false;
}

static void place_first_fields(assembly *to)
{
    for (size_t i = 0; i < to->list->field_count; i++) {
        bool goes_elsewhere = to->list->takes != CH_TAKES_NONE && has_placeholder(to->request, to->fields[i].name);
        if (to->list->fields[i].is_first && !goes_elsewhere)
            place_field(to, i);
    }
}

static ch_status make_list(ch_draft *draft, const ch_request *request, size_t index, ch_error *err)
{
    const ch_recipe_list *list = &draft->recipe->lists[index];
    assembly to = {.list = list, .request = request, .draft = draft, .items = draft->items[index]};
    CH_TRY(make_fields(draft, list, &draft->fields[index], to.fields, err));
    place_first_fields(&to);
    if (list->takes != CH_TAKES_NONE)
        CH_TRY(place_params(&to, err));
    for (size_t i = 0; i < list->field_count; i++)
        place_field(&to, i);
    if (list->is_sorted)
        sort_items(to.items, to.count);
    draft->lists[index] = (ch_list){to.items, to.count};
    return CH_OK;
}

ch_status ch_draft_make_lists(ch_draft *draft, const ch_request *request, ch_error *err)
{
    for (size_t i = 0; i < draft->recipe->list_count; i++)
        CH_TRY(make_list(draft, request, i, err));
    return CH_OK;
}

static bool ends_in_digit(const ch_list_item *item)
{
    uint8_t last = item->held != NULL || item->value.size == 0 ? 0 : item->value.data[item->value.size - 1];
    return last >= '0' && last <= '9';
}

/* Moves the last item that does not end in a digit to the end. */
static bool put_word_last(ch_list *list, ch_list_item *items)
{
    size_t at = list->count;
    while (at > 0 && ends_in_digit(&items[at - 1]))
        at--;
    if (at == 0 || at == list->count)
        return false;
    ch_list_item moved = items[at - 1];
    memmove(&items[at - 1], &items[at], (list->count - at) * sizeof moved);
    items[list->count - 1] = moved;
    return true;
}

bool ch_draft_put_words_last(ch_draft *draft)
{
    bool has_moved = false;
    for (size_t i = 0; i < draft->recipe->list_count; i++) {
        const ch_recipe_list *list = &draft->recipe->lists[i];
        if (!list->is_sorted && list->field_count == 0)
            has_moved |= put_word_last(&draft->lists[i], draft->items[i]);
    }
    return has_moved;
}
