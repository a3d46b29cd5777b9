/* Rows are found through a hash of their names: ten thousand keys may be named by a thousand entries. */
#include "policy/load_impl.h"

#include "base/memory.h"
#include "base/names.h"

#include <stdlib.h>
#include <string.h>

void ch_names_free(ch_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->rows[i].name);
    free(names->rows);
    free(names->slots);
    *names = (ch_names){0};
}

static size_t *find_slot(const ch_names *names, const char *name)
{
    size_t at = ch_slice_hash(ch_slice_of(name)) & names->mask;
    while (names->slots[at] != 0 && strcmp(names->rows[names->slots[at] - 1].name, name) != 0)
        at = (at + 1) & names->mask;
    return &names->slots[at];
}

const ch_name_row *ch_names_find(const ch_names *names, const char *name)
{
    const size_t *slot = names->count == 0 ? NULL : find_slot(names, name);
    return slot == NULL || *slot == 0 ? NULL : &names->rows[*slot - 1];
}

/* Doubles the room for rows, which is half of the slots. */
static void grow(ch_names *names)
{
    size_t room = names->count == 0 ? 16 : 2 * names->count;
    names->rows = ch_realloc_array(names->rows, room, sizeof *names->rows);
    free(names->slots);
    names->slots = ch_alloc(2 * room * sizeof *names->slots);
    names->mask = 2 * room - 1;
    for (size_t i = 0; i < names->count; i++)
        *find_slot(names, names->rows[i].name) = i + 1;
}

ch_status ch_names_add(ch_names *names, const char *name, const ch_yaml *node, size_t index, ch_error *err)
{
    const ch_name_row *first = ch_names_find(names, name);
    if (first != NULL && ch_yaml_path(first->node) == ch_yaml_path(node))
        return ch_yaml_fail(node, err, "'%s' is here already, in line %u", name, ch_yaml_line(first->node));
    if (first != NULL)
        return ch_yaml_fail(node, err, "'%s' is there already, at %s:%u", name, ch_yaml_path(first->node),
                            ch_yaml_line(first->node));
    if (names->rows == NULL || 2 * names->count > names->mask)
        grow(names);
    names->rows[names->count++] = (ch_name_row){ch_strdup(name), node, index};
    *find_slot(names, name) = names->count;
    return CH_OK;
}

ch_status ch_names_add_given(ch_names *names, const char *what, const char *name, const ch_yaml *node, size_t index,
                             ch_error *err)
{
    if (!ch_is_name(ch_slice_of(name)))
        return ch_yaml_fail(node, err,
                            "'%s' cannot be the name of %s; use a-z, 0-9, '.', '_' and '-', at most %d, and begin with "
                            "a letter or a digit",
                            name, what, CH_NAME_MAX);
    if (strcmp(name, "any") == 0)
        return ch_yaml_fail(node, err, "'any' cannot be the name of %s: it stands for all of them; use another", what);
    return ch_names_add(names, name, node, index, err);
}
