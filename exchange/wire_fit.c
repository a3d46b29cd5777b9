/* A pair is a part of a list if the endpoint lists a list of its name, or of its name without the brackets at the end.
 */
#include "exchange/wire_fit.h"

#include "exchange/profile_impl.h"
#include "exchange/sdk.h"

#include <assert.h>

#define DEPTH_MAX (CH_PARAM_DEPTH_MAX + 3)

/* ---- names ---- */

/* `name[]` and `name[3]` are `name`, with the position that the brackets have; SIZE_MAX: they have none. False if the
 * name has no brackets at its end. */
static bool split_brackets(ch_slice name, ch_slice *base, size_t *position)
{
    if (name.size < 3 || name.data[name.size - 1] != ']')
        return false;
    size_t open = name.size - 1;
    while (open > 0 && name.data[open] != '[')
        open--;
    ch_slice digits = {name.data + open + 1, name.size - open - 2};
    if (open == 0 || digits.size > 3 || ch_slice_count_digits(digits) != digits.size)
        return false;
    *base = (ch_slice){name.data, open};
    *position = digits.size == 0 ? SIZE_MAX : 0;
    for (size_t i = 0; i < digits.size; i++)
        *position = *position * 10 + (size_t)(digits.data[i] - '0');
    return true;
}

static const ch_param_def *find_def(const ch_endpoint *endpoint, ch_slice name)
{
    const ch_listed_param *listed = ch_param_list_find(&endpoint->params, name);
    return listed == NULL ? NULL : listed->def;
}

/* What a given parameter is to the endpoint: its definition (NULL: none), and by which name. */
typedef struct meant {
    const ch_param_def *def;
    ch_slice name;
    bool has_brackets;
    size_t position; /* SIZE_MAX: none */
} meant;

static meant meaning_of(const ch_endpoint *endpoint, ch_slice name)
{
    meant of = {.def = find_def(endpoint, name), .name = name, .position = SIZE_MAX};
    ch_slice base;
    size_t position;
    if (of.def == NULL && split_brackets(name, &base, &position)) {
        const ch_param_def *def = find_def(endpoint, base);
        if (def != NULL && def->type == CH_TYPE_LIST)
            of = (meant){.def = def, .name = base, .has_brackets = true, .position = position};
    }
    return of;
}

bool ch_wire_is_of_list(const ch_endpoint *endpoint, ch_slice name)
{
    const meant of = meaning_of(endpoint, name);
    return of.def != NULL && of.def->type == CH_TYPE_LIST;
}

/* ---- copying ---- */

/* The definitions of what an entry lies in, from the outermost. */
typedef struct nest {
    const ch_param_def *defs[DEPTH_MAX];
    size_t depth;
} nest;

static const ch_param_def *def_in(const nest *in, ch_slice name)
{
    const ch_param_def *outer = in->defs[in->depth - 1];
    if (outer == NULL || outer->type == CH_TYPE_LIST)
        return outer == NULL ? NULL : outer->items;
    const ch_listed_param *member = outer->type == CH_TYPE_OBJECT ? ch_param_list_find(&outer->members, name) : NULL;
    return member == NULL ? NULL : member->def;
}

static bool is_number(const ch_param_def *def)
{
    return def != NULL && (def->type == CH_TYPE_DECIMAL || def->type == CH_TYPE_INTEGER);
}

static ch_status copy_value(const ch_param_def *def, const ch_param *param, ch_slice name, ch_wire_values *out,
                            ch_error *err)
{
    ch_slice value = param->value;
    if (param->kind == CH_PARAM_PLACEHOLDER)
        return ch_fail(err, CH_BAD_INPUT, "parameter '%.*s' is null; have the SDK leave it out", CH_SLICE_ARGS(name));
    if (param->kind == CH_PARAM_TEXT && is_number(def) && !ch_wire_expand(out->text, &value))
        return ch_fail(err, CH_BAD_INPUT, "the number '%.*s' has too many digits", CH_SLICE_ARGS(name));
    return ch_wire_add(out, param->kind, name, value, err);
}

static bool is_nothing(const ch_wire_fit *fit, const ch_param *param)
{
    bool is_empty = param->kind == CH_PARAM_PLACEHOLDER || (param->kind == CH_PARAM_TEXT && param->value.size == 0);
    return is_empty && ch_sdk_has(fit->endpoint, CH_SDK_EMPTY, param->name, param->value);
}

/* Appends one entry of what `in` lies in. */
static ch_status copy_entry(const ch_wire_fit *fit, nest *in, const ch_param *param, ch_wire_values *out, ch_error *err)
{
    if (param->kind == CH_PARAM_END) {
        in->depth--;
        return ch_wire_add(out, CH_PARAM_END, CH_LITERAL(""), CH_LITERAL(""), err);
    }
    const ch_param_def *def = def_in(in, param->name);
    if (param->kind == CH_PARAM_LIST || param->kind == CH_PARAM_OBJECT) {
        assert(in->depth < DEPTH_MAX);
        in->defs[in->depth++] = def;
    } else if (is_nothing(fit, param)) {
        return CH_OK;
    }
    return copy_value(def, param, param->name, out, err);
}

/* Appends params[at] with all that it holds, under that name. */
static ch_status copy_span(const ch_wire_fit *fit, const ch_wire_values *from, size_t at, const ch_param_def *def,
                           ch_slice name, ch_wire_values *out, ch_error *err)
{
    size_t after = ch_param_after(from->params, from->count, at);
    nest in = {.defs = {def}, .depth = 1};
    CH_TRY(copy_value(def, &from->params[at], name, out, err));
    for (size_t i = at + 1; i < after; i++)
        CH_TRY(copy_entry(fit, &in, &from->params[i], out, err));
    return CH_OK;
}

/* ---- lists ---- */

static ch_status fail_position(ch_slice name, ch_error *err)
{
    return ch_fail(err, CH_BAD_INPUT, "the items of '%.*s' are not numbered 0, 1, 2 and so on", CH_SLICE_ARGS(name));
}

/* Appends a list of all that stands under the name of `first`, at the same place and in the same spelling. */
static ch_status gather(const ch_wire_fit *fit, size_t first, const meant *of, ch_wire_values *out, ch_error *err)
{
    size_t count = 0;
    CH_TRY(ch_wire_add(out, CH_PARAM_LIST, of->name, CH_LITERAL(""), err));
    for (size_t i = first; i < fit->given_count; i++) {
        ch_wire_given *given = &fit->given[i];
        const meant other = meaning_of(fit->endpoint, fit->from->params[given->at].name);
        if (given->is_done || given->place != fit->given[first].place || !ch_slice_equal(other.name, of->name) ||
            other.has_brackets != of->has_brackets)
            continue;
        if ((other.position == SIZE_MAX) != (of->position == SIZE_MAX) ||
            (other.position != SIZE_MAX && other.position != count))
            return fail_position(of->name, err);
        CH_TRY(copy_span(fit, fit->from, given->at, of->def->items, CH_LITERAL(""), out, err));
        given->is_done = true;
        count++;
    }
    return ch_wire_add(out, CH_PARAM_END, CH_LITERAL(""), CH_LITERAL(""), err);
}

static size_t count_alike(const ch_wire_fit *fit, size_t first)
{
    const ch_wire_given *given = &fit->given[first];
    size_t count = 0;
    for (size_t i = first; i < fit->given_count; i++) {
        const ch_wire_given *other = &fit->given[i];
        count += !other->is_done && other->place == given->place &&
                 ch_slice_equal(fit->from->params[other->at].name, fit->from->params[given->at].name);
    }
    return count;
}

static ch_status split_commas(const meant *of, ch_slice text, ch_wire_values *out, ch_error *err)
{
    CH_TRY(ch_wire_add(out, CH_PARAM_LIST, of->name, CH_LITERAL(""), err));
    for (bool is_last = false; !is_last;) {
        const uint8_t *comma = ch_slice_find(text, ',');
        size_t size = comma == NULL ? text.size : (size_t)(comma - text.data);
        ch_slice value = {text.data, size};
        if (is_number(of->def->items) && !ch_wire_expand(out->text, &value))
            return ch_fail(err, CH_BAD_INPUT, "a number in '%.*s' has too many digits", CH_SLICE_ARGS(of->name));
        CH_TRY(ch_wire_add(out, CH_PARAM_TEXT, CH_LITERAL(""), value, err));
        is_last = comma == NULL;
        text = ch_slice_after(text, is_last ? size : size + 1);
    }
    return ch_wire_add(out, CH_PARAM_END, CH_LITERAL(""), CH_LITERAL(""), err);
}

/* JSON in a text is read behind what is already read, and fitted from there. */
static ch_status fit_json(const ch_wire_fit *fit, const meant *of, ch_slice text, ch_wire_values *out, ch_error *err)
{
    ch_wire_values read = *fit->from;
    size_t at = read.count;
    if (ch_wire_read_json(text, of->name, &read, err) != CH_OK) {
        const ch_error why = *err;
        return ch_fail(err, CH_BAD_INPUT, "parameter '%.*s': %.400s", CH_SLICE_ARGS(of->name), why.message);
    }
    return copy_span(fit, &read, at, of->def, of->name, out, err);
}

static ch_status fit_one(const ch_wire_fit *fit, size_t index, ch_wire_values *out, ch_error *err)
{
    ch_wire_given *given = &fit->given[index];
    const ch_param *param = &fit->from->params[given->at];
    const meant of = meaning_of(fit->endpoint, param->name);
    bool is_plain = param->kind == CH_PARAM_TEXT || param->kind == CH_PARAM_INTEGER;
    bool is_list = of.def != NULL && of.def->type == CH_TYPE_LIST && is_plain;
    if (is_list && (of.has_brackets || count_alike(fit, index) > 1))
        return gather(fit, index, &of, out, err);
    if (is_list &&
        (of.def->spelling == CH_SPELLING_REPEAT ||
         (!ch_wire_is_json(param->value) && ch_sdk_has(fit->endpoint, CH_SDK_SINGLE, of.name, param->value))))
        return gather(fit, index, &of, out, err);
    given->is_done = true;
    if (is_list && of.def->spelling == CH_SPELLING_COMMA)
        return split_commas(&of, param->value, out, err);
    if (of.def != NULL && of.def->depth > 0 && param->kind == CH_PARAM_TEXT && ch_wire_is_json(param->value))
        return fit_json(fit, &of, param->value, out, err);
    return copy_span(fit, fit->from, given->at, of.def, param->name, out, err);
}

ch_status ch_wire_fit_all(const ch_wire_fit *fit, ch_wire_values *out, ch_error *err)
{
    for (size_t i = 0; i < fit->given_count; i++) {
        const ch_param *param = &fit->from->params[fit->given[i].at];
        if (!fit->given[i].is_done && !is_nothing(fit, param))
            CH_TRY(fit_one(fit, i, out, err));
    }
    return CH_OK;
}
