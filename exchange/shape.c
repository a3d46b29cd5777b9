/* A value uses only those above it, so the shapes of all values are found from the top down, each once, and the
 * payload's last. A shape is text: {builtin}, [list], literals as they are, and (...|filter:argument) around what a
 * filter changes. */
#include "exchange/shape.h"

#include "base/memory.h"

#include <string.h>

#define SHAPE_MAX 4096

/* Of a value or a payload. */
typedef struct shape {
    ch_buffer full;
    ch_buffer empty; /* if no parameter is given */
    unsigned shows;
    bool has_joined_list;
} shape;

/* A literal that looks like a part of a shape must not pass for one. */
static void add_escaped(ch_buffer *out, ch_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != 0 && strchr("{}[]()|:\\", text.data[i]) != NULL)
            ch_buffer_add_byte(out, '\\');
        ch_buffer_add_byte(out, text.data[i]);
    }
}

static bool keeps_empty(const ch_template_part *part)
{
    size_t i = 0;
    while (i < part->filter_count && part->filters[i]->keeps_empty)
        i++;
    return i == part->filter_count;
}

/* Appends `inside`, the shape of what the part's filters are applied to. */
static void add_filtered(ch_buffer *out, ch_slice inside, const ch_template_part *part)
{
    if (inside.size == 0 && keeps_empty(part))
        return;
    if (part->filter_count > 0)
        ch_buffer_add_byte(out, '(');
    ch_buffer_add_slice(out, inside);
    for (size_t i = 0; i < part->filter_count; i++) {
        ch_buffer_add_format(out, "|%s:", part->filters[i]->name);
        add_escaped(out, part->arguments[i]);
    }
    if (part->filter_count > 0)
        ch_buffer_add_byte(out, ')');
}

static void add_both(shape *out, ch_slice full, ch_slice empty, const ch_template_part *part)
{
    add_filtered(&out->full, full, part);
    add_filtered(&out->empty, empty, part);
}

static unsigned shown_by_builtin(size_t builtin)
{
    static const unsigned shows[CH_BUILTIN_COUNT] = {
        [CH_BUILTIN_METHOD] = CH_SHOWS_METHOD,
        [CH_BUILTIN_PATH] = CH_SHOWS_PATH,
        [CH_BUILTIN_ORIGIN] = CH_SHOWS_HOST,
        [CH_BUILTIN_HOST] = CH_SHOWS_HOST,
    };
    return shows[builtin];
}

/* Some exchanges sign the path among the parameters. Fields can use only builtins. */
static unsigned shown_by_list(const ch_recipe_list *list)
{
    static const unsigned takes[CH_TAKES_COUNT] = {[CH_TAKES_PARAMS] = CH_SHOWS_QUERY | CH_SHOWS_BODY,
                                                   [CH_TAKES_QUERY] = CH_SHOWS_QUERY,
                                                   [CH_TAKES_BODY] = CH_SHOWS_BODY};
    unsigned shows = takes[list->takes];
    for (size_t i = 0; i < list->field_count; i++) {
        const ch_template *value = &list->fields[i].value;
        for (size_t j = 0; j < value->part_count; j++) {
            if (!value->parts[j].is_literal)
                shows |= shown_by_builtin(value->parts[j].index);
        }
    }
    return shows;
}

/* True if the filters put something else in the place of what they are given. */
static bool replaces(const ch_template_part *part)
{
    size_t i = 0;
    while (i < part->filter_count && strcmp(part->filters[i]->name, "then") != 0)
        i++;
    return i < part->filter_count;
}

static void add_shown(shape *out, const ch_template_part *part, unsigned shows)
{
    out->shows |= replaces(part) ? 0 : shows;
}

static void add_list(shape *out, const ch_recipe_list *list, const ch_template_part *part)
{
    ch_autobuffer word = CH_BUFFER_INIT;
    ch_buffer_add_format(&word, "[%s]", part->style->shape);
    bool is_left_out = list->field_count == 0 && part->style->may_be_nothing;
    add_both(out, ch_buffer_slice(&word), is_left_out ? CH_LITERAL("") : ch_buffer_slice(&word), part);
    add_shown(out, part, shown_by_list(list));
    out->has_joined_list |= part->style->is_joined;
}

static void add_builtin(shape *out, const ch_template_part *part)
{
    ch_autobuffer word = CH_BUFFER_INIT;
    ch_buffer_add_format(&word, "{%s}", ch_builtin_name((ch_builtin)part->index));
    add_both(out, ch_buffer_slice(&word), ch_buffer_slice(&word), part);
    add_shown(out, part, shown_by_builtin(part->index));
}

static void add_value(shape *out, const shape *value, const ch_template_part *part)
{
    add_both(out, ch_buffer_slice(&value->full), ch_buffer_slice(&value->empty), part);
    add_shown(out, part, value->shows);
    out->has_joined_list |= value->has_joined_list;
}

/* `values` are the shapes of the recipe's values, as far as `text` may use them. Returns false if it gets too large. */
static bool spell_out(shape *out, const ch_recipe *recipe, const ch_template *text, const shape *values)
{
    for (size_t i = 0; i < text->part_count && out->full.size < SHAPE_MAX; i++) {
        const ch_template_part *part = &text->parts[i];
        if (part->is_literal) {
            add_escaped(&out->full, part->literal);
            add_escaped(&out->empty, part->literal);
        } else if (part->style != NULL) {
            add_list(out, &recipe->lists[part->index], part);
        } else if (part->index < CH_BUILTIN_COUNT) {
            add_builtin(out, part);
        } else {
            add_value(out, &values[part->index - CH_BUILTIN_COUNT], part);
        }
    }
    return out->full.size < SHAPE_MAX;
}

bool ch_shape_find(ch_recipe *recipe)
{
    shape values[CH_RECIPE_VALUES_MAX] = {0};
    shape payload = {0};
    bool is_small = true;
    for (size_t i = 0; is_small && i < recipe->value_count; i++)
        is_small = spell_out(&values[i], recipe, &recipe->values[i].text, values);
    is_small = is_small && spell_out(&payload, recipe, &recipe->payloads[0].text, values);
    recipe->shape = ch_strdup(ch_buffer_text(&payload.full));
    recipe->empty_shape = ch_strdup(ch_buffer_text(&payload.empty));
    recipe->shows = payload.shows;
    recipe->has_joined_list = payload.has_joined_list;
    for (size_t i = 0; i < recipe->value_count; i++) {
        ch_buffer_free(&values[i].full);
        ch_buffer_free(&values[i].empty);
    }
    ch_buffer_free(&payload.full);
    ch_buffer_free(&payload.empty);
    return is_small;
}

/* A shape's number is the position of the first recipe that has it. */
void ch_shapes_number(ch_profile *profile)
{
    for (size_t i = 0; i < profile->recipe_count; i++) {
        ch_recipe *recipe = &profile->recipes[i];
        while (strcmp(profile->recipes[recipe->shape_number].shape, recipe->shape) != 0)
            recipe->shape_number++;
        while (strcmp(profile->recipes[recipe->empty_shape_number].empty_shape, recipe->empty_shape) != 0)
            recipe->empty_shape_number++;
    }
}
