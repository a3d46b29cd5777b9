/* A request is checked against its list in one go through its parameters: each is found by halving, and the set of
 * those given is then compared, 64 names at a time. */
#include "exchange/param_list.h"

#include "base/bits.h"
#include "base/buffer.h"
#include "exchange/meaning.h"

#include <stdlib.h>

const ch_listed_param *ch_param_list_find(const ch_param_list *list, ch_slice name)
{
    size_t low = 0;
    size_t high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = ch_slice_compare(name, list->params[middle].name);
        if (order == 0)
            return &list->params[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* Returns the first choice of which none is given, or NULL. */
static const uint64_t *missed_choice(const ch_param_list *list, const uint64_t *given)
{
    for (size_t i = 0; i < list->choice_count; i++) {
        const uint64_t *choice = list->choices + i * list->words;
        if (!ch_set_meets(choice, given, list->words))
            return choice;
    }
    return NULL;
}

bool ch_param_list_is_met(const ch_param_list *list, const uint64_t *given)
{
    return ch_set_is_subset(list->required, given, list->words) && missed_choice(list, given) == NULL;
}

ch_status ch_param_list_fail(const ch_param_list *list, const uint64_t *given, const char *whose, ch_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->params[i].is_required && !ch_set_has(given, list->params[i].def->name_index))
            return ch_fail(err, CH_BAD_INPUT, "parameter '%s' is missing; %s needs it", list->params[i].def->name,
                           whose);
    }
    const uint64_t *choice = missed_choice(list, given);
    ch_autobuffer names = CH_BUFFER_INIT;
    for (size_t i = 0; choice != NULL && i < list->count; i++) {
        if (ch_set_has(choice, list->params[i].def->name_index))
            ch_buffer_add_format(&names, "%s'%s'", names.size == 0 ? "" : ", ", list->params[i].def->name);
    }
    return ch_fail(err, CH_BAD_INPUT, "%s needs at least one of %s", whose, ch_buffer_text(&names));
}

bool ch_param_means_something(const ch_param_def *def)
{
    return def->meaning != NULL ? def->meaning->neutral == NULL : def->depth > 0;
}

bool ch_param_is_label(const ch_param_def *def)
{
    return def->meaning != NULL && def->meaning->sense.has_role && def->meaning->sense.role == CH_FACT_CLIENT_ID;
}

bool ch_param_is_spread(const ch_param_def *def)
{
    const ch_meaning *meaning = def->meaning;
    bool means_something =
        meaning != NULL && (meaning->is_detail || meaning->neutral != NULL || meaning->sense.says.count > 0);
    return (def->type == CH_TYPE_LIST || def->type == CH_TYPE_OBJECT) && !means_something;
}

void ch_param_list_free(ch_param_list *list)
{
    free(list->params);
    free(list->listed);
    free(list->required);
    free(list->choices);
}
