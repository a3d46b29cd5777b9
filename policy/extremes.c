/* A new value takes out of the list all that is not more extreme: they would be outlived by it. What is left is sorted,
 * by value and by time at once. */
#include "policy/extremes.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define PARTS 60

void ch_extremes_free(ch_extremes *extremes)
{
    free(extremes->low.items);
    free(extremes->high.items);
    *extremes = (ch_extremes){0};
}

void ch_extremes_clear(ch_extremes *extremes)
{
    extremes->low.count = extremes->high.count = 0;
}

static void append(ch_extreme_list *list, ch_extreme extreme)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 2 : 2 * list->capacity;
        list->items = ch_realloc_array(list->items, list->capacity, sizeof *list->items);
    }
    list->items[list->count++] = extreme;
}

static void drop(ch_extreme_list *list, uint64_t now_ns, uint64_t window_ns)
{
    size_t gone = 0;
    while (gone < list->count && list->items[gone].end_ns <= now_ns && now_ns - list->items[gone].end_ns >= window_ns)
        gone++;
    if (gone == 0)
        return;
    list->count -= gone;
    memmove(list->items, list->items + gone, list->count * sizeof *list->items);
}

/* `sign` is 1 for the lowest, -1 for the highest. */
static void add(ch_extreme_list *list, ch_extreme extreme, int sign)
{
    /* Nothing ends before what was there: by a clock that was set back, it would. */
    if (list->count > 0 && list->items[list->count - 1].end_ns > extreme.end_ns)
        extreme.end_ns = list->items[list->count - 1].end_ns;
    while (list->count > 0 && sign * ch_decimal_compare(list->items[list->count - 1].value, extreme.value) >= 0)
        list->count--;
    if (list->count == 0 || list->items[list->count - 1].end_ns < extreme.end_ns)
        append(list, extreme);
}

void ch_extremes_add(ch_extremes *extremes, ch_decimal value, uint64_t now_ns, uint64_t window_ns)
{
    uint64_t part_ns = window_ns / PARTS + 1;
    const ch_extreme extreme = {value, (now_ns / part_ns + 1) * part_ns};
    drop(&extremes->low, now_ns, window_ns);
    drop(&extremes->high, now_ns, window_ns);
    add(&extremes->low, extreme, 1);
    add(&extremes->high, extreme, -1);
}

bool ch_extremes_get(const ch_extremes *extremes, ch_decimal *low, ch_decimal *high)
{
    if (extremes->low.count == 0)
        return false;
    *low = extremes->low.items[0].value;
    *high = extremes->high.items[0].value;
    return true;
}
