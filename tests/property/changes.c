/* Requests made of one request: its neighbours, which may well be good, and its mutations, most of which must not be.
 */
#include "tests/property/property.h"

#include <string.h>

/* ---- picking ---- */

/* An entry that is held by none and fits `is_wanted`; false if there is none. */
static bool pick(rig *r, const sample *s, bool (*is_wanted)(const ch_param *param), size_t *at)
{
    size_t starts[CH_PARAMS_MAX];
    size_t count = sample_tops(s, starts);
    size_t from = dice_below(&r->dice, count);
    for (size_t i = 0; i < count; i++) {
        *at = starts[(from + i) % count];
        if (is_wanted(&s->params[*at]))
            return true;
    }
    return false;
}

/* Any entry, held or not, that fits. */
static bool pick_deep(rig *r, const sample *s, bool (*is_wanted)(const ch_param *param), size_t *at)
{
    size_t count = s->request.param_count;
    size_t from = dice_below(&r->dice, count);
    for (size_t i = 0; i < count; i++) {
        *at = (from + i) % count;
        if (is_wanted(&s->params[*at]))
            return true;
    }
    return false;
}

static bool is_any(const ch_param *param)
{
    return param->kind != CH_PARAM_END;
}

static bool is_given(const ch_param *param)
{
    return param->kind != CH_PARAM_END && param->kind != CH_PARAM_PLACEHOLDER;
}

static bool is_plain(const ch_param *param)
{
    return param->kind <= CH_PARAM_BOOLEAN;
}

static bool is_of_type(const ch_param *param, ch_param_type type)
{
    return is_plain(param) && param->def != NULL && param->def->type == type;
}

static bool is_free_text(const ch_param *param)
{
    return is_of_type(param, CH_TYPE_TEXT);
}

static bool is_wordy(const ch_param *param)
{
    return is_of_type(param, CH_TYPE_TEXT) || is_of_type(param, CH_TYPE_SYMBOL);
}

static bool is_number(const ch_param *param)
{
    return is_of_type(param, CH_TYPE_DECIMAL) || is_of_type(param, CH_TYPE_INTEGER);
}

static bool is_decimal(const ch_param *param)
{
    return is_of_type(param, CH_TYPE_DECIMAL);
}

static bool is_strict(const ch_param *param)
{
    return is_plain(param) && !is_free_text(param);
}

static bool is_end(const ch_param *param)
{
    return param->kind == CH_PARAM_END;
}

static bool is_list(const ch_param *param)
{
    return param->kind == CH_PARAM_LIST;
}

static bool is_object(const ch_param *param)
{
    return param->kind == CH_PARAM_OBJECT;
}

static bool is_placeholder(const ch_param *param)
{
    return param->kind == CH_PARAM_PLACEHOLDER;
}

/* A parameter that the endpoint lists and the request does not give. */
static const ch_param_def *pick_absent(rig *r, const sample *s)
{
    const ch_param_list *list = &s->endpoint->params;
    size_t from = dice_below(&r->dice, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const ch_param_def *def = list->params[(from + i) % list->count].def;
        if (!sample_has(s, ch_slice_of(def->name)))
            return def;
    }
    return NULL;
}

/* ---- putting together ---- */

static ch_slice join(rig *r, ch_slice a, ch_slice b)
{
    ch_buffer_add_slice(&r->text, a);
    ch_buffer_add_slice(&r->text, b);
    return keep(r);
}

/* `text` with `size` bytes at `at` replaced. */
static ch_slice splice(rig *r, ch_slice text, size_t at, size_t size, ch_slice with)
{
    ch_buffer_add(&r->text, text.data, at);
    ch_buffer_add_slice(&r->text, with);
    ch_buffer_add(&r->text, text.data + at + size, text.size - at - size);
    return keep(r);
}

static ch_slice escape_at(rig *r, ch_slice text, size_t at)
{
    ch_autobuffer escape = CH_BUFFER_INIT;
    ch_buffer_add_format(&escape, dice_chance(&r->dice, 50) ? "%%%02X" : "%%%02x", text.data[at]);
    return splice(r, text, at, 1, ch_buffer_slice(&escape));
}

static ch_slice change_case(rig *r, ch_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        bool is_letter = (text.data[i] | 0x20) >= 'a' && (text.data[i] | 0x20) <= 'z';
        ch_buffer_add_byte(&r->text, is_letter ? text.data[i] ^ 0x20 : text.data[i]);
    }
    return keep(r);
}

static void add_param(rig *r, sample *to, const ch_param_def *def)
{
    make_param(r, def, ch_slice_of(def->name), to);
}

/* ---- neighbours ---- */

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

static bool other_name(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    const ch_param_def *def = pick_absent(r, from);
    if (def == NULL || !pick(r, from, is_given, &at))
        return false;
    to->params[at].name = ch_slice_of(def->name);
    return true;
}

static bool swapped_values(rig *r, const sample *from, sample *to)
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

/* pq=1 as p="q1", where both names are listed. */
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

/* The same at another endpoint, as far as that one takes it. */
static bool transplanted(rig *r, const sample *from, sample *to)
{
    const ch_endpoint *other = pick_rival(r, from->endpoint);
    if (other == NULL)
        return false;
    to->request.method = ch_slice_of(other->method);
    to->request.host = other->origin->host;
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
    {"transplanted",   transplanted,   false},
    {"transplanted",   transplanted,   false},
    {"transplanted",   transplanted,   false},
    {"other value",    other_value,    false},
    {"other item",     other_item,     false},
    {"other name",     other_name,     false},
    {"swapped values", swapped_values, false},
    {"merged",         merged,         false},
    {"longer name",    longer_name,    false},
    {"moved edge",     moved_edge,     false},
    {"moved edge",     moved_edge,     false},
    {"longer word",    longer_word,    false},
    {"other cuts",     other_cuts,     false},
    {"other objects",  other_objects,  false},
    {"one less",       one_less,       false},
    {"one more",       one_more,       false},
    {"last first",     last_first,     false},
    {"other kind",     other_kind,     false},
    {"other path",     other_path,     false},
    {"longer path",    longer_path,    false},
    {"hostless",       hostless,       false},
};
const size_t neighbour_count = sizeof neighbours / sizeof neighbours[0];

/* ---- mutations: parameters ---- */

static bool given_twice(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_any, &at))
        return false;
    size_t after = ch_param_after(from->params, from->request.param_count, at);
    for (size_t i = at; i < after; i++)
        sample_add(to, from->params[i].kind, from->params[i].name, from->params[i].value);
    if (dice_chance(&r->dice, 50) && is_plain(&from->params[at]) && from->params[at].def != NULL) {
        sample_remove(to, from->request.param_count);
        add_param(r, to, from->params[at].def);
    }
    return !to->is_full;
}

/* The second one in another spelling of the name. */
static bool twice_respelled(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_plain, &at) || from->params[at].name.size == 0)
        return false;
    ch_slice name = from->params[at].name;
    name = dice_chance(&r->dice, 50) ? escape_at(r, name, dice_below(&r->dice, name.size))
                                     : join(r, name, CH_LITERAL("[]"));
    sample_add(to, from->params[at].kind, name, from->params[at].value);
    return !to->is_full;
}

static bool member_twice(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_object, &at) || from->request.param_count == CH_PARAMS_MAX ||
        !is_plain(&from->params[at + 1]))
        return false;
    memmove(&to->params[at + 2], &to->params[at + 1], (to->request.param_count - at - 1) * sizeof *to->params);
    to->request.param_count++;
    return true;
}

static bool name_escaped(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_any, &at) || from->params[at].name.size == 0)
        return false;
    ch_slice name = from->params[at].name;
    to->params[at].name = escape_at(r, name, dice_below(&r->dice, name.size));
    return true;
}

static bool value_escaped(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_plain, &at) || from->params[at].value.size == 0)
        return false;
    ch_slice value = from->params[at].value;
    to->params[at].value = escape_at(r, value, dice_below(&r->dice, value.size));
    to->params[at].kind = CH_PARAM_TEXT;
    return true;
}

static bool name_in_other_case(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_any, &at))
        return false;
    to->params[at].name = change_case(r, from->params[at].name);
    return !ch_slice_equal(to->params[at].name, from->params[at].name);
}

static bool value_in_other_case(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_plain, &at))
        return false;
    to->params[at].value = change_case(r, from->params[at].value);
    return !ch_slice_equal(to->params[at].value, from->params[at].value);
}

static bool unlisted(rig *r, const sample *from, sample *to)
{
    if (r->profile->param_count == 0)
        return false;
    const ch_param_def *def = &r->profile->params[dice_below(&r->dice, r->profile->param_count)];
    ch_slice name = ch_slice_of(def->name);
    if (ch_param_list_find(&from->endpoint->params, name) != NULL)
        name = join(r, name, CH_LITERAL(" "));
    make_param(r, def, name, to);
    return !to->is_full;
}

static bool missing(rig *r, const sample *from, sample *to)
{
    const ch_param_list *list = &from->endpoint->params;
    size_t start = dice_below(&r->dice, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const ch_listed_param *listed = &list->params[(start + i) % list->count];
        for (size_t at = 0; listed->is_required && at < to->request.param_count;
             at = ch_param_after(to->params, to->request.param_count, at)) {
            if (ch_slice_equal(to->params[at].name, listed->name)) {
                sample_remove(to, at);
                return true;
            }
        }
    }
    return false;
}

static bool set_value(rig *r, const sample *from, sample *to, bool (*is_wanted)(const ch_param *), ch_slice front,
                      ch_slice back)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_wanted, &at))
        return false;
    to->params[at].kind = CH_PARAM_TEXT;
    to->params[at].value = join(r, front, join(r, from->params[at].value, back));
    return true;
}

static bool number_with(rig *r, const sample *from, sample *to, const char *front, const char *back)
{
    return set_value(r, from, to, is_number, ch_slice_of(front), ch_slice_of(back));
}

static bool leading_zero(rig *r, const sample *from, sample *to)
{
    return number_with(r, from, to, "0", "");
}

static bool leading_plus(rig *r, const sample *from, sample *to)
{
    return number_with(r, from, to, dice_chance(&r->dice, 50) ? "+" : "--", "");
}

static bool trailing_point(rig *r, const sample *from, sample *to)
{
    return number_with(r, from, to, "", dice_chance(&r->dice, 50) ? "." : "..0");
}

static bool exponent(rig *r, const sample *from, sample *to)
{
    static const char *const exponents[] = {"e1", "E+3", "e-2", "e0", "f", "L", "_000", ",5"};
    return number_with(r, from, to, "", exponents[dice_below(&r->dice, sizeof exponents / sizeof exponents[0])]);
}

static bool trailing_zero(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_decimal, &at))
        return false;
    bool has_point = ch_slice_find(from->params[at].value, '.') != NULL;
    to->params[at].kind = CH_PARAM_TEXT;
    to->params[at].value = join(r, from->params[at].value, has_point ? CH_LITERAL("0") : CH_LITERAL(".0"));
    return true;
}

static bool respaced(rig *r, const sample *from, sample *to, bool (*is_wanted)(const ch_param *))
{
    static const char *const spaces[] = {" ",           "\xc2\xa0", "\xe2\x80\x8b", "\xef\xbb\xbf", "\xe3\x80\x80",
                                         "\xe2\x80\xa8"};
    ch_slice space = ch_slice_of(spaces[dice_below(&r->dice, sizeof spaces / sizeof spaces[0])]);
    bool is_front = dice_chance(&r->dice, 50);
    return set_value(r, from, to, is_wanted, is_front ? space : CH_LITERAL(""), is_front ? CH_LITERAL("") : space);
}

static bool space_in_text(rig *r, const sample *from, sample *to)
{
    return respaced(r, from, to, is_free_text);
}

static bool space_in_word(rig *r, const sample *from, sample *to)
{
    return respaced(r, from, to, is_strict);
}

static bool with_control(rig *r, const sample *from, sample *to)
{
    static const char controls[] = "\0\n\r\t\x7f\x01\x1b";
    size_t at = 0;
    if (!pick_deep(r, from, is_plain, &at))
        return false;
    ch_slice value = from->params[at].value;
    ch_slice control = {(const uint8_t *)controls + dice_below(&r->dice, 7), 1};
    to->params[at].value = splice(r, value, dice_below(&r->dice, value.size + 1), 0,
                                  dice_chance(&r->dice, 20) ? CH_LITERAL("\xc2\x85") : control);
    to->params[at].kind = CH_PARAM_TEXT;
    return true;
}

static bool broken_utf8(rig *r, const sample *from, sample *to)
{
    static const char *const broken[] = {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xe2\x82", "\xf5\x80\x80\x80", "\x80"};
    ch_slice bytes = ch_slice_of(broken[dice_below(&r->dice, sizeof broken / sizeof broken[0])]);
    return set_value(r, from, to, is_plain, CH_LITERAL(""), bytes);
}

/* Letters that look like those of ASCII: Cyrillic, full width. */
static ch_slice look_alike(rig *r, ch_slice text)
{
    static const char letters[] = "aAcCeEoOpPxX";
    static const char *const twins[] = {"\xd0\xb0", "\xd0\x90", "\xd1\x81", "\xd0\xa1", "\xd0\xb5", "\xd0\x95",
                                        "\xd0\xbe", "\xd0\x9e", "\xd1\x80", "\xd0\xa0", "\xd1\x85", "\xd0\xa5"};
    for (size_t i = 0; i < text.size; i++) {
        const char *letter = text.data[i] == 0 ? NULL : strchr(letters, text.data[i]);
        if (letter != NULL)
            return splice(r, text, i, 1, ch_slice_of(twins[letter - letters]));
        if (text.data[i] >= '0' && text.data[i] <= '9') {
            const char full[] = {'\xef', '\xbc', (char)(0x90 + text.data[i] - '0'), '\0'};
            return splice(r, text, i, 1, ch_slice_of(full));
        }
    }
    return join(r, text, CH_LITERAL("\xcc\x81"));
}

static bool text_look_alike(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_free_text, &at))
        return false;
    to->params[at].value = look_alike(r, from->params[at].value);
    to->params[at].kind = CH_PARAM_TEXT;
    return true;
}

static bool word_look_alike(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_strict, &at))
        return false;
    to->params[at].value = look_alike(r, from->params[at].value);
    to->params[at].kind = CH_PARAM_TEXT;
    return true;
}

static bool name_look_alike(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_any, &at))
        return false;
    to->params[at].name = look_alike(r, from->params[at].name);
    return true;
}

/* Only a broken front calls a text an integer; JSON would then hold it without quotes. */
static bool text_as_integer(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_free_text, &at))
        return false;
    to->params[at].kind = CH_PARAM_INTEGER;
    to->params[at].value = CH_LITERAL("1,\"quantity\":\"1000\"");
    return true;
}

static bool listed_as_null(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_plain, &at))
        return false;
    to->params[at].kind = CH_PARAM_PLACEHOLDER;
    return true;
}

static bool null_with_value(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_placeholder, &at))
        return false;
    to->params[at].kind = CH_PARAM_TEXT;
    to->params[at].value = CH_LITERAL("1764000000123");
    return true;
}

static bool wrapped(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_plain, &at) || from->request.param_count + 2 > CH_PARAMS_MAX)
        return false;
    memmove(&to->params[at + 3], &to->params[at + 1], (from->request.param_count - at - 1) * sizeof *to->params);
    to->params[at + 1] = from->params[at];
    to->params[at + 1].name = CH_LITERAL("");
    to->params[at].kind = CH_PARAM_LIST;
    to->params[at].value = CH_LITERAL("");
    to->params[at + 2] = (ch_param){.kind = CH_PARAM_END};
    to->request.param_count += 2;
    return true;
}

/* ---- mutations: path, method, host ---- */

static bool path_spliced(rig *r, sample *to, const char *const *what, size_t count)
{
    ch_slice path = to->request.path;
    ch_slice with = ch_slice_of(what[dice_below(&r->dice, count)]);
    size_t at = dice_below(&r->dice, path.size + 1);
    while (at > 0 && path.data[at - 1] != '/')
        at--; /* behind a slash, where a server would see a segment */
    to->request.path = splice(r, path, at, 0, with);
    return true;
}

static bool dot_segment(rig *r, const sample *from, sample *to)
{
    static const char *const dots[] = {"./", "../", "a/../", "%2e/", "%2e%2e/", "..%2f", ".;/", "..\\", "%2F", "/"};
    (void)from;
    return path_spliced(r, to, dots, sizeof dots / sizeof dots[0]);
}

static bool path_end(rig *r, const sample *from, sample *to)
{
    static const char *const ends[] = {"?a=1", "?",  "#",  "#x",  ";v=1", "%00", "%20",
                                       " ",    "//", "/.", "/..", "\\",   "&a=1"};
    to->request.path =
        join(r, from->request.path, ch_slice_of(ends[dice_below(&r->dice, sizeof ends / sizeof ends[0])]));
    return true;
}

static bool trailing_slash(rig *r, const sample *from, sample *to)
{
    to->request.path = join(r, from->request.path, CH_LITERAL("/"));
    return true;
}

static bool path_escaped(rig *r, const sample *from, sample *to)
{
    to->request.path = escape_at(r, from->request.path, dice_below(&r->dice, from->request.path.size));
    return true;
}

static bool path_in_other_case(rig *r, const sample *from, sample *to)
{
    to->request.path = change_case(r, from->request.path);
    return true;
}

static bool capture_of_dots(rig *r, const sample *from, sample *to)
{
    const ch_endpoint *endpoint = from->endpoint;
    if (endpoint->parts == NULL)
        return false;
    ch_slice dots = dice_chance(&r->dice, 50) ? CH_LITERAL("..") : CH_LITERAL(".");
    for (size_t i = 1; i < endpoint->part_count; i++) { /* "/client:.." is no dot segment */
        ch_slice before = endpoint->parts[i - 1].literal;
        if (endpoint->parts[i].def != NULL && before.data[before.size - 1] != '/')
            return false;
    }
    for (size_t i = 0; i < endpoint->part_count; i++)
        ch_buffer_add_slice(&r->text, endpoint->parts[i].def == NULL ? endpoint->parts[i].literal : dots);
    to->request.path = keep(r);
    return true;
}

static bool other_method_spelling(rig *r, const sample *from, sample *to)
{
    static const char *const methods[] = {"HEAD", "OPTIONS", "", "GET ", "post", "Get", "ws", "DELETE\n", "POST,GET"};
    to->request.method = dice_chance(&r->dice, 50)
                             ? change_case(r, from->request.method)
                             : ch_slice_of(methods[dice_below(&r->dice, sizeof methods / sizeof methods[0])]);
    return true;
}

static bool other_host_spelling(rig *r, const sample *from, sample *to)
{
    static const char *const ends[] = {".", ":443", "@evil.example", "/", "#", " "};
    to->request.host =
        dice_chance(&r->dice, 30)
            ? change_case(r, from->request.host)
            : join(r, from->request.host, ch_slice_of(ends[dice_below(&r->dice, sizeof ends / sizeof ends[0])]));
    return from->request.host.size > 0;
}

const change mutations[] = {
    {"a parameter given twice",            given_twice,           true },
    {"given twice in another spelling",    twice_respelled,       true },
    {"a member given twice",               member_twice,          true },
    {"an escape in a name",                name_escaped,          true },
    {"an escape in a value",               value_escaped,         false},
    {"a name in another case",             name_in_other_case,    false},
    {"a value in another case",            value_in_other_case,   false},
    {"a parameter that is not listed",     unlisted,              true },
    {"a parameter that is missing",        missing,               true },
    {"values swapped",                     swapped_values,        false},
    {"a value under another name",         other_name,            false},
    {"a zero in front",                    leading_zero,          true },
    {"a sign in front",                    leading_plus,          true },
    {"a point at the end",                 trailing_point,        true },
    {"an exponent",                        exponent,              true },
    {"a zero behind the point",            trailing_zero,         false},
    {"white space in a text",              space_in_text,         false},
    {"white space in a word or number",    space_in_word,         true },
    {"a control character",                with_control,          true },
    {"broken UTF-8",                       broken_utf8,           true },
    {"a text that looks alike",            text_look_alike,       false},
    {"a word or number that looks alike",  word_look_alike,       true },
    {"a name that looks alike",            name_look_alike,       true },
    {"a text that is called an integer",   text_as_integer,       true },
    {"null for a parameter",               listed_as_null,        true },
    {"a value for the agent's own field",  null_with_value,       true },
    {"a value in a list",                  wrapped,               true },
    {"a dot segment or slash in the path", dot_segment,           true },
    {"a query or more behind the path",    path_end,              true },
    {"a slash at the end of the path",     trailing_slash,        false},
    {"an escape in the path",              path_escaped,          true },
    {"the path in another case",           path_in_other_case,    false},
    {"dots for a parameter of the path",   capture_of_dots,       true },
    {"the method in another spelling",     other_method_spelling, true },
    {"the host in another spelling",       other_host_spelling,   true },
};
const size_t mutation_count = sizeof mutations / sizeof mutations[0];

/* ---- rivals ---- */

static bool is_prefix(ch_slice a, ch_slice b)
{
    return a.size <= b.size && memcmp(a.data, b.data, a.size) == 0;
}

static bool ends_with(ch_slice text, ch_slice end)
{
    return end.size <= text.size && memcmp(text.data + text.size - end.size, end.data, end.size) == 0;
}

/* The paths may come out as the same text: one begins or ends with the other, or they have the same name at the end. */
static bool is_related(const ch_endpoint *a, const ch_endpoint *b)
{
    ch_slice one = a->path_slice;
    ch_slice two = b->path_slice;
    const uint8_t *slash = memrchr(one.data, '/', one.size);
    ch_slice tail = {slash, one.size - (size_t)(slash - one.data)};
    return a != b && (is_prefix(one, two) || is_prefix(two, one) || ends_with(one, two) || ends_with(two, tail));
}

const ch_endpoint *pick_rival(rig *r, const ch_endpoint *endpoint)
{
    const ch_profile *profile = r->profile;
    size_t count = profile->endpoint_count;
    const ch_confusion *confusion = &endpoint->confusions[r->scheme->index];
    size_t start = dice_below(&r->dice, count);
    size_t how = dice_below(&r->dice, 8);
    if (how < 3 && confusion->count > 0)
        return &profile->endpoints[confusion->others[dice_below(&r->dice, confusion->count)]];
    bool wants_log_on = how == 3;
    for (size_t i = 0; how < 7 && i < count; i++) {
        const ch_endpoint *other = &profile->endpoints[(start + i) % count];
        if (wants_log_on ? strcmp(other->method, "WS") == 0 && other != endpoint : is_related(endpoint, other))
            return other;
    }
    return &profile->endpoints[start];
}
