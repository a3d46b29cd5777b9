/* The shape of a message is its template written out, with the values that it uses in their places and lists as a word.
 * Endpoint confusion compares shapes: two messages can only be the same bytes if their shapes are, or if both are those
 * of no parameters. */
#include "base/buffer.h"
#include "base/memory.h"
#include "exchange/profile_impl.h"
#include "exchange/filters.h"

#include <stdlib.h>
#include <string.h>

#define SHAPE_MAX 4096
#define LITERAL_EDGE '\1'
#define VALUE_SEEN '\2'

static void add_shape(const ch_recipe *recipe, const ch_template *text, bool is_empty, ch_buffer *out, unsigned *shown);

/* Some exchanges want the path among the parameters. Fields use no values, so this ends. */
static unsigned shown_by_fields(const ch_recipe *recipe, const ch_recipe_list *list)
{
    ch_autobuffer ignored = CH_BUFFER_INIT;
    unsigned shown = 0;
    for (size_t i = 0; i < list->field_count; i++)
        add_shape(recipe, &list->fields[i].value, false, &ignored, &shown);
    return shown;
}

static void add_filter(const ch_template_part *part, size_t at, ch_buffer *out)
{
    ch_buffer_add_byte(out, '|');
    ch_buffer_add_text(out, part->filters[at]->name);
    ch_buffer_add_byte(out, ':');
    ch_buffer_add_slice(out, part->arguments[at]);
}

/* Spells out what `text` is made of, values replaced by what they are made of in turn, and notes what it shows. A value
 * uses only those above it, so this ends; that it does so soon is checked by size. */
static void add_shape(const ch_recipe *recipe, const ch_template *text, bool is_empty, ch_buffer *out, unsigned *shown)
{
    static const unsigned shows[CH_BUILTIN_COUNT] = {
        [CH_BUILTIN_METHOD] = CH_COVERS_METHOD,
        [CH_BUILTIN_PATH] = CH_COVERS_PATH,
        [CH_BUILTIN_ORIGIN] = CH_COVERS_HOST,
        [CH_BUILTIN_HOST] = CH_COVERS_HOST,
    };
    static const unsigned takes[CH_TAKES_COUNT] = {[CH_TAKES_PARAMS] = CH_SHOWS_QUERY | CH_SHOWS_BODY,
                                                   [CH_TAKES_QUERY] = CH_SHOWS_QUERY,
                                                   [CH_TAKES_BODY] = CH_SHOWS_BODY};
    for (size_t i = 0; i < text->part_count && out->size < SHAPE_MAX; i++) {
        const ch_template_part *part = &text->parts[i];
        if (part->is_literal) {
            ch_buffer_add_byte(out, LITERAL_EDGE);
            ch_buffer_add_slice(out, part->literal);
            ch_buffer_add_byte(out, LITERAL_EDGE);
        } else if (part->style != NULL) {
            const ch_recipe_list *list = &recipe->lists[part->index];
            bool is_left_out = is_empty && list->field_count == 0 && part->style->may_be_nothing;
            if (is_left_out)
                ch_buffer_add_byte(out, VALUE_SEEN);
            else
                ch_buffer_add_format(out, "[%s]", part->style->shape);
            *shown |= takes[list->takes] | shown_by_fields(recipe, list);
        } else if (part->index < CH_BUILTIN_COUNT) {
            ch_buffer_add_format(out, "{%s}", ch_builtin_name((ch_builtin)part->index));
            *shown |= shows[part->index];
        } else {
            ch_buffer_add_text(out, part->filter_count > 0 ? "(" : (const char[]){VALUE_SEEN, '\0'});
            add_shape(recipe, &recipe->values[part->index - CH_BUILTIN_COUNT].text, is_empty, out, shown);
            ch_buffer_add_text(out, part->filter_count > 0 ? ")" : "");
        }
        for (size_t j = 0; j < part->filter_count; j++)
            add_filter(part, j, out);
    }
}

/* The same text however it was cut into values: marks of values go, and literals that touch become one. */
static char *normal_shape(const ch_buffer *shape)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    for (size_t i = 0; i < shape->size; i++) {
        if (shape->data[i] == VALUE_SEEN)
            continue;
        if (shape->data[i] == LITERAL_EDGE && out.size > 0 && out.data[out.size - 1] == LITERAL_EDGE)
            out.size--;
        else
            ch_buffer_add_byte(&out, shape->data[i]);
    }
    return ch_strdup(ch_buffer_text(&out));
}

bool ch_recipe_find_shape(ch_recipe *recipe)
{
    ch_autobuffer shape = CH_BUFFER_INIT;
    ch_autobuffer empty_shape = CH_BUFFER_INIT;
    add_shape(recipe, &recipe->message, true, &empty_shape, &recipe->shown);
    add_shape(recipe, &recipe->message, false, &shape, &recipe->shown);
    recipe->shape = normal_shape(&shape);
    recipe->empty_shape = normal_shape(&empty_shape);
    recipe->has_joined_list = strstr(recipe->shape, "[pairs]") != NULL;
    return shape.size < SHAPE_MAX;
}

/* Shapes are compared for every request, so as numbers: that of the first recipe with the same one. */
void ch_recipes_number_shapes(ch_profile *profile)
{
    for (size_t i = 0; i < profile->recipe_count; i++) {
        ch_recipe *recipe = &profile->recipes[i];
        while (strcmp(profile->recipes[recipe->shape_number].shape, recipe->shape) != 0)
            recipe->shape_number++;
        while (strcmp(profile->recipes[recipe->empty_shape_number].empty_shape, recipe->empty_shape) != 0)
            recipe->empty_shape_number++;
    }
}
