/* Requests close to another: each may well be accepted, and then its payload must be its own. */
#include "base/buffer.h"
#include "tests/property/changes.h"
#include "exchange/match.h"

#include <string.h>

/* ---- one value or name ---- */

static bool other_value(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_given, &at) || from->params[at].def == NULL)
        return false;
    const ch_param_def *def = from->params[at].def;
    sample_remove(to, at);
    add_param(r, to, def);
    return !to->is_full;
}

static bool other_item(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_plain, &at) || from->params[at].def == NULL ||
        from->request.param_count >= CH_PARAMS_MAX)
        return false;
    make_param(r, from->params[at].def, from->params[at].name, to);
    to->params[at] = to->params[--to->request.param_count];
    return true;
}

bool change_name(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    const ch_param_def *def = pick_absent(r, from);
    if (def == NULL || !pick(r, from, is_given, &at))
        return false;
    to->params[at].name = ch_slice_of(def->name);
    return true;
}

bool swap_values(rig *r, const sample *from, sample *to)
{
    size_t one = 0;
    size_t two = 0;
    if (!pick(r, from, is_plain, &one) || !pick(r, from, is_plain, &two) || one == two)
        return false;
    to->params[one].value = from->params[two].value;
    to->params[one].kind = from->params[two].kind;
    to->params[two].value = from->params[one].value;
    to->params[two].kind = from->params[one].kind;
    return true;
}

/* a=1&b=2 as a="1&b=2", in several tongues. */
static bool merged(rig *r, const sample *from, sample *to)
{
    static const char *const joints[][2] = {
        {"&",     "="    },
        {"\",\"", "\":\""},
        {",\"",   "\":"  },
        {",",     "="    },
        {"",      ""     },
        {"%26",   "%3D"  },
        {"&",     "%3D"  },
        {";",     "="    },
    };
    size_t one = 0;
    size_t two = 0;
    const char *const *joint = joints[dice_below(&r->dice, sizeof joints / sizeof joints[0])];
    if (!pick(r, from, is_wordy, &one) || !pick(r, from, is_plain, &two) || one == two)
        return false;
    ch_buffer_add_slice(&r->text, from->params[one].value);
    ch_buffer_add_text(&r->text, joint[0]);
    ch_buffer_add_slice(&r->text, from->params[two].name);
    ch_buffer_add_text(&r->text, joint[1]);
    ch_buffer_add_slice(&r->text, from->params[two].value);
    to->params[one].value = keep(r);
    to->params[one].kind = CH_PARAM_TEXT;
    sample_remove(to, two);
    return true;
}

/* a=1 b="2b3" as a="1b2" b=3, which are the same if nothing separates names from values. */
static bool rolled(rig *r, const sample *from, sample *to)
{
    size_t one = 0;
    size_t two = 0;
    if (!pick(r, from, is_wordy, &one) || !pick(r, from, is_wordy, &two) || one == two)
        return false;
    ch_slice value = from->params[two].value;
    ch_slice name = from->params[two].name;
    const uint8_t *found = name.size == 0 ? NULL : memmem(value.data, value.size, name.data, name.size);
    if (found == NULL)
        return false;
    size_t size = (size_t)(found - value.data);
    ch_slice front = join(r, name, (ch_slice){value.data, size});
    to->params[one].value = join(r, from->params[one].value, front);
    to->params[one].kind = CH_PARAM_TEXT;
    to->params[two].value = (ch_slice){found + name.size, value.size - size - name.size};
    return true;
}

/* pq=1 as p="q1", if both names are listed. */
static bool longer_name(rig *r, const sample *from, sample *to)
{
    const ch_param_list *list = &from->endpoint->params;
    size_t at = 0;
    if (!pick(r, from, is_plain, &at))
        return false;
    ch_slice name = from->params[at].name;
    for (size_t i = 0; i < list->count; i++) {
        ch_slice other = list->params[i].name;
        if (other.size == 0 || other.size >= name.size || memcmp(other.data, name.data, other.size) != 0 ||
            sample_has(from, other))
            continue;
        to->params[at].name = other;
        to->params[at].value =
            join(r, (ch_slice){name.data + other.size, name.size - other.size}, from->params[at].value);
        to->params[at].kind = CH_PARAM_TEXT;
        return true;
    }
    return false;
}

/* a=1 ref_price=2 as a="1ref_" price=2, if both names are listed. */
static bool shorter_name(rig *r, const sample *from, sample *to)
{
    const ch_param_list *list = &from->endpoint->params;
    size_t at = 0;
    size_t word = 0;
    if (!pick(r, from, is_plain, &at) || !pick(r, from, is_wordy, &word) || at == word)
        return false;
    ch_slice name = from->params[at].name;
    for (size_t i = 0; i < list->count; i++) {
        ch_slice other = list->params[i].name;
        if (other.size == 0 || other.size >= name.size || !ends_with(name, other) || sample_has(from, other))
            continue;
        to->params[at].name = other;
        to->params[word].value = join(r, from->params[word].value, (ch_slice){name.data, name.size - other.size});
        to->params[word].kind = CH_PARAM_TEXT;
        return true;
    }
    return false;
}

/* Moves the beginning of one value to the end of another. */
static bool moved_edge(rig *r, const sample *from, sample *to)
{
    size_t one = 0;
    size_t two = 0;
    if (!pick_deep(r, from, is_plain, &one) || !pick_deep(r, from, is_plain, &two) || one == two ||
        from->params[two].value.size < 2)
        return false;
    ch_slice value = from->params[two].value;
    size_t size = 1 + dice_below(&r->dice, value.size - 1);
    to->params[one].value = join(r, from->params[one].value, (ch_slice){value.data, size});
    to->params[two].value = (ch_slice){value.data + size, value.size - size};
    return true;
}

/* Another value of an enum that begins with this one takes what follows from the next parameter. */
static bool longer_word(rig *r, const sample *from, sample *to)
{
    size_t one = 0;
    size_t two = 0;
    if (!pick(r, from, is_strict, &one) || !pick(r, from, is_wordy, &two) || one == two ||
        !is_of_type(&from->params[one], CH_TYPE_ENUM))
        return false;
    ch_slice word = from->params[one].value;
    const ch_param_def *def = from->params[one].def;
    for (size_t i = 0; i < def->value_count; i++) {
        ch_slice other = ch_slice_of(def->values[i]);
        if (other.size == 0 || other.size >= word.size || memcmp(other.data, word.data, other.size) != 0)
            continue;
        to->params[one].value = other;
        to->params[two].value =
            join(r, (ch_slice){word.data + other.size, word.size - other.size}, from->params[two].value);
        return true;
    }
    return false;
}

static void replace_items(sample *to, size_t at, ch_slice first, ch_slice second, bool is_one)
{
    to->params[at + 1].value = first;
    to->params[at + 2].value = second;
    if (is_one)
        sample_remove(to, at + 2);
}

/* ["ab","c"] as ["a","bc"], ["abc"] or ["ab,c"]. */
static bool other_cuts(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_list, &at) || from->params[at + 1].kind > CH_PARAM_BOOLEAN ||
        from->params[at + 2].kind > CH_PARAM_BOOLEAN)
        return false;
    ch_slice a = from->params[at + 1].value;
    ch_slice b = from->params[at + 2].value;
    to->params[at + 1].kind = CH_PARAM_TEXT;
    to->params[at + 2].kind = CH_PARAM_TEXT;
    switch (dice_below(&r->dice, 3)) {
    case 0:
        replace_items(to, at, join(r, a, b), b, true);
        return true;
    case 1:
        replace_items(to, at, join(r, a, join(r, CH_LITERAL(","), b)), b, true);
        return true;
    default:
        if (b.size < 2)
            return false;
        replace_items(to, at, join(r, a, (ch_slice){b.data, 1}), (ch_slice){b.data + 1, b.size - 1}, false);
        return true;
    }
}

/* [{a,b},{c}] as [{a},{b,c}], [{a,b,c}] or [{a},{b},{c}]. */
static bool other_objects(rig *r, const sample *from, sample *to)
{
    size_t count = from->request.param_count;
    size_t at = 0;
    if (!pick_deep(r, from, is_end, &at) || at + 1 >= count || count + 2 > CH_PARAMS_MAX)
        return false;
    size_t size = 2; /* of the border between two objects */
    if (from->params[at + 1].kind != CH_PARAM_OBJECT || from->params[at + 1].name.size > 0)
        size = 0;
    if (size > 0) {
        memmove(&to->params[at], &to->params[at + 2], (count - at - 2) * sizeof *to->params);
        to->request.param_count -= 2;
    }
    size_t border = 0;
    if (dice_chance(&r->dice, 30) || !pick_deep(r, to, is_plain, &border) || border == 0 ||
        to->params[border].name.size == 0)
        return size > 0;
    memmove(&to->params[border + 2], &to->params[border], (to->request.param_count - border) * sizeof *to->params);
    to->params[border] = (ch_param){.kind = CH_PARAM_END};
    to->params[border + 1] = (ch_param){.kind = CH_PARAM_OBJECT};
    to->request.param_count += 2;
    return true;
}

static bool one_less(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_any, &at))
        return false;
    sample_remove(to, at);
    return true;
}

static bool one_more(rig *r, const sample *from, sample *to)
{
    const ch_param_def *def = pick_absent(r, from);
    if (def == NULL)
        return false;
    add_param(r, to, def);
    return !to->is_full;
}

static bool last_first(rig *r, const sample *from, sample *to)
{
    size_t starts[CH_PARAMS_MAX];
    size_t count = sample_tops(from, starts);
    (void)r;
    if (count < 2)
        return false;
    size_t last = starts[count - 1];
    size_t size = from->request.param_count - last;
    memcpy(to->params, &from->params[last], size * sizeof *to->params);
    memcpy(to->params + size, from->params, last * sizeof *to->params);
    return true;
}

static bool other_kind(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_plain, &at) || from->params[at].kind == CH_PARAM_TEXT)
        return false;
    to->params[at].kind = CH_PARAM_TEXT;
    return true;
}

static bool other_path(rig *r, const sample *from, sample *to)
{
    return from->endpoint->parts != NULL && make_path(r, from->endpoint, &to->request.path);
}

/* The first letters of what may follow the path move into it. */
static bool longer_path(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_plain, &at))
        return false;
    ch_slice name = from->params[at].name;
    size_t size = dice_below(&r->dice, name.size + 1);
    to->request.path = join(r, from->request.path, (ch_slice){name.data, size});
    to->params[at].name = (ch_slice){name.data + size, name.size - size};
    return size > 0;
}

/* The same request to another endpoint, as far as that one takes it. */
static bool transplanted(rig *r, const sample *from, sample *to)
{
    const ch_endpoint *other = pick_rival(r, from->endpoint);
    if (other == NULL)
        return false;
    to->request.method = ch_slice_of(other->method);
    to->request.host = host_of(r, other);
    ch_slice captures[CH_PATH_PARTS_MAX];
    if (!ch_endpoint_fits(other, to->request.path, captures) && !make_path(r, other, &to->request.path))
        return false;
    for (size_t i = 0; i < to->request.param_count;) {
        ch_slice name = to->params[i].name;
        if (ch_param_list_find(&other->params, name) == NULL && !ch_endpoint_fills_in(other, r->scheme, name))
            sample_remove(to, i);
        else
            i = ch_param_after(to->params, to->request.param_count, i);
    }
    for (size_t i = 0; i < other->params.count; i++) {
        if (other->params.params[i].is_required && !sample_has(to, other->params.params[i].name))
            add_param(r, to, other->params.params[i].def);
    }
    return !to->is_full;
}

static bool hostless(rig *r, const sample *from, sample *to)
{
    (void)r;
    (void)from;
    to->request.host = CH_LITERAL("");
    return true;
}

const change neighbours[] = {
    {"transplanted",   transplanted,  false},
    {"transplanted",   transplanted,  false},
    {"transplanted",   transplanted,  false},
    {"other value",    other_value,   false},
    {"other item",     other_item,    false},
    {"other name",     change_name,   false},
    {"swapped values", swap_values,   false},
    {"merged",         merged,        false},
    {"rolled",         rolled,        false},
    {"longer name",    longer_name,   false},
    {"shorter name",   shorter_name,  false},
    {"moved edge",     moved_edge,    false},
    {"moved edge",     moved_edge,    false},
    {"longer word",    longer_word,   false},
    {"other cuts",     other_cuts,    false},
    {"other objects",  other_objects, false},
    {"one less",       one_less,      false},
    {"one more",       one_more,      false},
    {"last first",     last_first,    false},
    {"other kind",     other_kind,    false},
    {"other path",     other_path,    false},
    {"longer path",    longer_path,   false},
    {"hostless",       hostless,      false},
};
const size_t neighbour_count = sizeof neighbours / sizeof neighbours[0];
