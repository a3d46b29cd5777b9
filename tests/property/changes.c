/* Picking a parameter, putting texts together, finding a rival endpoint. */
#include "tests/property/changes.h"

#include "base/buffer.h"

#include <string.h>

/* ---- picking ---- */

bool pick(rig *r, const sample *s, bool (*is_wanted)(const ch_param *param), size_t *at)
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

bool pick_deep(rig *r, const sample *s, bool (*is_wanted)(const ch_param *param), size_t *at)
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

bool is_any(const ch_param *param)
{
    return param->kind != CH_PARAM_END;
}

bool is_given(const ch_param *param)
{
    return param->kind != CH_PARAM_END && param->kind != CH_PARAM_PLACEHOLDER;
}

bool is_plain(const ch_param *param)
{
    return param->kind <= CH_PARAM_BOOLEAN;
}

bool is_of_type(const ch_param *param, ch_param_type type)
{
    return is_plain(param) && param->def != NULL && param->def->type == type;
}

bool is_free_text(const ch_param *param)
{
    return is_of_type(param, CH_TYPE_TEXT);
}

bool is_wordy(const ch_param *param)
{
    return is_of_type(param, CH_TYPE_TEXT) || is_of_type(param, CH_TYPE_SYMBOL);
}

bool is_number(const ch_param *param)
{
    return is_of_type(param, CH_TYPE_DECIMAL) || is_of_type(param, CH_TYPE_INTEGER);
}

bool is_decimal(const ch_param *param)
{
    return is_of_type(param, CH_TYPE_DECIMAL);
}

bool is_strict(const ch_param *param)
{
    return is_plain(param) && !is_free_text(param);
}

bool is_end(const ch_param *param)
{
    return param->kind == CH_PARAM_END;
}

bool is_list(const ch_param *param)
{
    return param->kind == CH_PARAM_LIST;
}

bool is_object(const ch_param *param)
{
    return param->kind == CH_PARAM_OBJECT;
}

bool is_placeholder(const ch_param *param)
{
    return param->kind == CH_PARAM_PLACEHOLDER;
}

const ch_param_def *pick_absent(rig *r, const sample *s)
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

bool ends_with(ch_slice text, ch_slice end)
{
    return end.size <= text.size && memcmp(text.data + text.size - end.size, end.data, end.size) == 0;
}

ch_slice join(rig *r, ch_slice a, ch_slice b)
{
    ch_buffer_add_slice(&r->text, a);
    ch_buffer_add_slice(&r->text, b);
    return keep(r);
}

ch_slice put_in(rig *r, ch_slice text, size_t at, size_t size, ch_slice with)
{
    ch_buffer_add(&r->text, text.data, at);
    ch_buffer_add_slice(&r->text, with);
    ch_buffer_add(&r->text, text.data + at + size, text.size - at - size);
    return keep(r);
}

ch_slice escape_at(rig *r, ch_slice text, size_t at)
{
    ch_autobuffer escape = CH_BUFFER_INIT;
    ch_buffer_add_format(&escape, dice_chance(&r->dice, 50) ? "%%%02X" : "%%%02x", text.data[at]);
    return put_in(r, text, at, 1, ch_buffer_slice(&escape));
}

ch_slice change_case(rig *r, ch_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        bool is_letter = (text.data[i] | 0x20) >= 'a' && (text.data[i] | 0x20) <= 'z';
        ch_buffer_add_byte(&r->text, is_letter ? text.data[i] ^ 0x20 : text.data[i]);
    }
    return keep(r);
}

void add_param(rig *r, sample *to, const ch_param_def *def)
{
    make_param(r, def, ch_slice_of(def->name), to);
}

/* ---- rivals ---- */

static bool is_prefix(ch_slice a, ch_slice b)
{
    return a.size <= b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* True if the paths could come out as the same text: one begins or ends with the other, or both end with the same name.
 */
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
