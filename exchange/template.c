/* Compiling does all that can fail for a profile's author; running does what its parts say, one after the other. */
#include "exchange/template.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- compiling ---- */

static bool find_name(const char *const *names, size_t count, ch_slice name, size_t *index)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i] != NULL && ch_slice_is(name, names[i])) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* Takes the text up to the next '|' off `rest`. */
static ch_slice take_word(ch_slice *rest)
{
    const uint8_t *bar = ch_slice_find(*rest, '|');
    ch_slice word = {rest->data, bar == NULL ? rest->size : (size_t)(bar - rest->data)};
    size_t taken = bar == NULL ? rest->size : word.size + 1;
    *rest = (ch_slice){rest->data + taken, rest->size - taken};
    return word;
}

static ch_status fail_no_value(ch_slice name, ch_error *err)
{
    return ch_fail(err, CH_CONFIG, "there is no value '%.*s' here (a value must stand above its use)",
                   CH_SLICE_ARGS(name));
}

static ch_status check_argument(const ch_filter *filter, ch_slice argument, ch_error *err)
{
    if (filter->takes_argument != (argument.size > 0))
        return ch_fail(err, CH_CONFIG, "filter '%s' %s", filter->name,
                       filter->takes_argument ? "needs a text after a colon" : "takes nothing after a colon");
    if (filter->check != NULL && !filter->check(argument))
        return ch_fail(err, CH_CONFIG, "filter '%s' can't take '%.*s'", filter->name, CH_SLICE_ARGS(argument));
    return CH_OK;
}

static ch_status add_filter(ch_template_part *part, ch_slice word, const ch_names *names, ch_error *err)
{
    const uint8_t *colon = ch_slice_find(word, ':');
    ch_slice name = {word.data, colon == NULL ? word.size : (size_t)(colon - word.data)};
    ch_slice argument = {NULL, 0};
    size_t at = part->filter_count;
    if (colon != NULL)
        argument = (ch_slice){colon + 1, word.size - name.size - 1};
    const ch_filter *filter = ch_filter_find(name);
    if (filter == NULL)
        return ch_fail(err, CH_CONFIG, "there is no filter '%.*s'", CH_SLICE_ARGS(name));
    CH_TRY(check_argument(filter, argument, err));
    if (at == CH_TEMPLATE_FILTERS_MAX)
        return ch_fail(err, CH_CONFIG, "there are more than %d filters in a row; make a value of the first ones",
                       CH_TEMPLATE_FILTERS_MAX);
    if (filter->names_value && !find_name(names->values, names->value_count, argument, &part->named[at]))
        return fail_no_value(argument, err);
    part->arguments[at] = argument;
    part->filters[at] = filter;
    part->filter_count++;
    return CH_OK;
}

static ch_status set_style(ch_template_part *part, ch_slice word, ch_error *err)
{
    part->style = ch_style_find(word);
    if (part->style != NULL)
        return CH_OK;
    ch_autobuffer names = CH_BUFFER_INIT;
    ch_style_add_names(&names);
    if (word.size == 0)
        return ch_fail(err, CH_CONFIG, "a list needs a style first; use %s", ch_buffer_text(&names));
    return ch_fail(err, CH_CONFIG, "unknown style '%.*s'; use %s", CH_SLICE_ARGS(word), ch_buffer_text(&names));
}

/* `inside` is what stands between the braces. */
static ch_status compile_part(ch_slice inside, const ch_names *names, ch_template_part *part, ch_error *err)
{
    ch_slice rest = inside;
    ch_slice name = take_word(&rest);
    if (find_name(names->lists, names->list_count, name, &part->index))
        CH_TRY(set_style(part, take_word(&rest), err));
    else if (!find_name(names->values, names->value_count, name, &part->index))
        return fail_no_value(name, err);
    while (rest.size > 0)
        CH_TRY(add_filter(part, take_word(&rest), names, err));
    return CH_OK;
}

/* Takes literal text up to a single '{' off `rest`, writing {{ and }} as braces, in place. */
static ch_status take_literal(char **rest, ch_slice *out, ch_error *err)
{
    char *to = *rest;
    out->data = (const uint8_t *)to;
    for (; **rest != '\0'; (*rest)++) {
        bool is_brace = **rest == '{' || **rest == '}';
        if (is_brace && (*rest)[1] == **rest)
            (*rest)++;
        else if (**rest == '{')
            break;
        else if (is_brace)
            return ch_fail(err, CH_CONFIG, "a '}' closes nothing; write }} for the character");
        *to++ = **rest;
    }
    out->size = (size_t)(to - (char *)(uintptr_t)out->data);
    return CH_OK;
}

/* Compiles what `rest` begins with, up to a brace that ends a value or to the end, and takes it off. */
static ch_status compile_next(char **rest, const ch_names *names, ch_template *out, ch_error *err)
{
    ch_template_part *literal = &out->parts[out->part_count];
    CH_TRY(take_literal(rest, &literal->literal, err));
    literal->is_literal = literal->literal.size > 0;
    out->part_count += literal->is_literal;
    if (**rest == '\0')
        return CH_OK;
    char *end = strchr(*rest, '}');
    if (end == NULL)
        return ch_fail(err, CH_CONFIG, "a '{' is not closed; write {{ for the character");
    ch_slice inside = {(const uint8_t *)*rest + 1, (size_t)(end - *rest - 1)};
    *rest = end + 1;
    return compile_part(inside, names, &out->parts[out->part_count++], err);
}

ch_status ch_template_compile(const char *text, const ch_names *names, ch_template *out, ch_error *err)
{
    *out = (ch_template){.text = ch_strdup(text), .parts = ch_alloc(CH_TEMPLATE_PARTS_MAX * sizeof *out->parts)};
    char *rest = out->text;
    while (*rest != '\0') {
        if (out->part_count + 2 > CH_TEMPLATE_PARTS_MAX)
            return ch_fail(err, CH_CONFIG, "the template has more than %d parts; make values of some",
                           CH_TEMPLATE_PARTS_MAX);
        CH_TRY(compile_next(&rest, names, out, err));
    }
    return CH_OK;
}

void ch_template_free(ch_template *template_)
{
    free(template_->text);
    free(template_->parts);
    *template_ = (ch_template){NULL, NULL, 0};
}

/* ---- running ---- */

static ch_status run_filters(const ch_template_part *part, ch_slice in, const ch_slice *values, ch_scratch *scratch,
                             ch_buffer *out, ch_error *err)
{
    assert(part->filter_count > 0);
    for (size_t i = 0; i < part->filter_count; i++) {
        bool is_last = i + 1 == part->filter_count;
        ch_buffer *to = is_last ? out : &scratch->steps[i % 2];
        if (!is_last)
            ch_buffer_clear(to);
        const ch_filter *filter = part->filters[i];
        ch_filter_call call = {.scratch = scratch, .in = in, .argument = part->arguments[i], .err = err};
        if (filter->names_value)
            call.named = values[part->named[i]];
        CH_TRY(filter->run(&call, to));
        in = ch_buffer_slice(to);
    }
    return CH_OK;
}

static ch_status run_list(const ch_template_part *part, const ch_list *list, const ch_slice *values,
                          ch_scratch *scratch, ch_buffer *out, ch_error *err)
{
    if (part->filter_count == 0)
        return part->style->write(scratch, out, list, err);
    /* The filters start with steps[0] as their output, so the list goes into steps[1]. */
    ch_buffer *text = &scratch->steps[1];
    ch_buffer_clear(text);
    CH_TRY(part->style->write(scratch, text, list, err));
    return run_filters(part, ch_buffer_slice(text), values, scratch, out, err);
}

static ch_status run_part(const ch_template_part *part, const ch_template_input *input, ch_scratch *scratch,
                          ch_buffer *out, ch_error *err)
{
    if (part->style != NULL)
        return run_list(part, &input->lists[part->index], input->values, scratch, out, err);
    if (part->filter_count > 0)
        return run_filters(part, input->values[part->index], input->values, scratch, out, err);
    ch_buffer_add_slice(out, part->is_literal ? part->literal : input->values[part->index]);
    return CH_OK;
}

ch_status ch_template_run(const ch_template *template_, const ch_template_input *input, ch_scratch *scratch,
                          ch_buffer *out, ch_error *err)
{
    for (size_t i = 0; i < template_->part_count; i++)
        CH_TRY(run_part(&template_->parts[i], input, scratch, out, err));
    return CH_OK;
}

ch_status ch_template_run_marked(const ch_template *template_, const ch_template_input *input, ch_scratch *scratch,
                                 ch_buffer *out, size_t ends[CH_TEMPLATE_PARTS_MAX], ch_error *err)
{
    for (size_t i = 0; i < template_->part_count; i++) {
        CH_TRY(run_part(&template_->parts[i], input, scratch, out, err));
        ends[i] = out->size;
    }
    return CH_OK;
}

static bool part_uses_value(const ch_template_part *part, size_t index)
{
    if (!part->is_literal && part->style == NULL && part->index == index)
        return true;
    for (size_t i = 0; i < part->filter_count; i++) {
        if (part->filters[i]->names_value && part->named[i] == index)
            return true;
    }
    return false;
}

bool ch_template_uses_value(const ch_template *template_, size_t index)
{
    for (size_t i = 0; i < template_->part_count; i++) {
        if (part_uses_value(&template_->parts[i], index))
            return true;
    }
    return false;
}
