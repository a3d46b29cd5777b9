/* One pass over the payload's template, with the string as the input: what is known must be there, a time is taken as
 * digits, a list is cut up by its style. The JSON here is the one spelling that the agent itself writes, no other: an
 * eager reader would find two readings for one string, this one finds at most one. */
#include "exchange/read_back.h"

#include "base/bits.h"
#include "base/clock.h"
#include "base/encode.h"
#include "exchange/draft.h"

#include <assert.h>
#include <string.h>
#include <time.h>

typedef struct reader {
    const ch_recipe_input *input;
    const ch_recipe *recipe;
    const ch_param_list *params; /* those that hold lists and objects are JSON in a form; NULL: all are text */
    ch_scratch *scratch;
    ch_slice known[CH_BUILTIN_COUNT]; /* data NULL: not known beforehand */
    ch_slice text;
    size_t at;
    ch_reading *out;
    ch_error *err;
} reader;

static ch_status stop(const reader *in, const char *expected)
{
    return ch_fail(in->err, CH_BAD_INPUT,
                   "the string to sign does not have this exchange's form: byte %zu should begin %s", in->at, expected);
}

static ch_slice rest_of(const reader *in)
{
    return ch_slice_after(in->text, in->at);
}

/* Goes on after `expected` if the rest begins with it. */
static bool skip(reader *in, ch_slice expected)
{
    if (!ch_slice_begins(rest_of(in), expected))
        return false;
    in->at += expected.size;
    return true;
}

/* ---- times ---- */

static uint64_t number_of(ch_slice digits)
{
    uint64_t number = 0;
    for (size_t i = 0; i < digits.size && i < 18; i++)
        number = number * 10 + (uint64_t)(digits.data[i] - '0');
    return number;
}

/* "2025-11-24T16:00:00" and, if `has_ms`, ".123Z". */
static size_t read_date(ch_slice text, bool has_ms, uint64_t *now_ns)
{
    char date[32] = "";
    size_t size = has_ms ? 24 : 19;
    struct tm utc = {0};
    if (text.size < size)
        return 0;
    memcpy(date, text.data, size);
    const char *end = strptime(date, "%Y-%m-%dT%H:%M:%S", &utc);
    if (end != date + 19)
        return 0;
    time_t seconds = timegm(&utc);
    if (seconds < 0 || seconds >= (time_t)(CH_WALL_NS_END / 1000000000))
        return 0;
    uint64_t ms = has_ms ? number_of((ch_slice){text.data + 20, 3}) : 0;
    *now_ns = (uint64_t)seconds * 1000000000 + ms * 1000000;
    return size;
}

/* Length of the time that `text` begins with; 0 if it begins with something else. */
static size_t read_time(ch_builtin builtin, ch_slice text, uint64_t *now_ns)
{
    /* clang-format off */
    static const struct {
        size_t digits; /* from 2001 to 2286 */
        uint64_t unit_ns;
    } units[CH_BUILTIN_COUNT] = {
        /* builtin                digits  unit in ns */
        [CH_BUILTIN_TIME_S]   = { 10,     1000000000 },
        [CH_BUILTIN_TIME_MS]  = { 13,     1000000 },
        [CH_BUILTIN_TIME_US]  = { 16,     1000 },
    };
    /* clang-format on */
    if (builtin == CH_BUILTIN_TIME_ISO || builtin == CH_BUILTIN_TIME_UTC)
        return read_date(text, builtin == CH_BUILTIN_TIME_ISO, now_ns);
    size_t digits = units[builtin].digits;
    if (digits == 0 || ch_slice_count_digits(text) < digits)
        return 0;
    *now_ns = number_of((ch_slice){text.data, digits}) * units[builtin].unit_ns;
    return digits;
}

/* False if the string has two times that differ. */
static bool note_time(reader *in, uint64_t now_ns)
{
    bool agrees = in->out->now_ns == 0 || in->out->now_ns == now_ns;
    in->out->now_ns = now_ns;
    return agrees;
}

/* ---- parameters ---- */

static bool add(reader *in, ch_param_kind kind, ch_slice name, ch_slice value)
{
    ch_reading *out = in->out;
    if (out->param_count == CH_PARAMS_MAX || !ch_slice_is_text(name) || !ch_slice_is_text(value))
        return false;
    out->params[out->param_count++] = (ch_param){.kind = kind, .name = name, .value = value};
    return true;
}

/* True if the field is a time, and `value` one; then `*now_ns` is it. */
static bool is_time_field(const ch_list_field *field, ch_slice value, uint64_t *now_ns)
{
    const ch_template_part *part = &field->value.parts[0];
    if (field->value.part_count != 1 || part->filter_count > 0 || part->is_literal || value.size == 0)
        return false;
    assert(part->style == NULL && part->index < CH_BUILTIN_COUNT);
    return read_time((ch_builtin)part->index, value, now_ns) == value.size;
}

static bool is_window_field(const ch_list_field *field)
{
    const ch_template_part *part = &field->value.parts[0];
    return field->value.part_count == 1 && part->filter_count == 0 && !part->is_literal &&
           part->index == CH_BUILTIN_WINDOW;
}

/* A field of the agent's becomes a placeholder, save the receive window, which a bot may set; if it is the time, it is
 * the string's. `list` may be NULL: no fields.
 */
static bool add_named(reader *in, const ch_recipe_list *list, ch_param_kind kind, ch_slice name, ch_slice value)
{
    for (size_t i = 0; list != NULL && i < list->field_count; i++) {
        uint64_t now_ns = 0;
        if (!ch_slice_is(name, list->fields[i].name))
            continue;
        if (is_window_field(&list->fields[i]))
            return add(in, kind, name, value);
        bool is_time = is_time_field(&list->fields[i], value, &now_ns);
        return add(in, CH_PARAM_PLACEHOLDER, name, CH_LITERAL("")) && (!is_time || note_time(in, now_ns));
    }
    return add(in, kind, name, value);
}

/* ---- JSON, as the agent writes it ---- */

static ch_slice keep(reader *in, size_t from)
{
    return (ch_slice){in->out->text.data + from, in->out->text.size - from};
}

static bool read_string(reader *in, ch_slice *out)
{
    ch_buffer *text = &in->out->text;
    size_t from = text->size;
    if (!skip(in, CH_LITERAL("\"")))
        return false;
    while (in->at < in->text.size && in->text.data[in->at] != '"') {
        in->at += in->text.data[in->at] == '\\';
        if (in->at < in->text.size)
            ch_buffer_add_byte(text, in->text.data[in->at++]);
    }
    *out = keep(in, from);
    return skip(in, CH_LITERAL("\""));
}

/* A number, true or false: all up to a separator. A number with a fraction is text that is written bare. */
static ch_param_kind read_bare(reader *in, ch_slice *out)
{
    size_t from = in->at;
    while (in->at < in->text.size && memchr(",]}", in->text.data[in->at], 3) == NULL)
        in->at++;
    *out = (ch_slice){in->text.data + from, in->at - from};
    if (ch_slice_is(*out, "true") || ch_slice_is(*out, "false"))
        return CH_PARAM_BOOLEAN;
    size_t sign = out->size > 0 && out->data[0] == '-';
    size_t digits = ch_slice_count_digits((ch_slice){out->data + sign, out->size - sign});
    return digits > 0 && digits + sign == out->size ? CH_PARAM_INTEGER : CH_PARAM_TEXT;
}

/* Reads one value with all that it holds. `list` has the agent's fields that `name` may be; NULL for none. Calls itself
 * once for each level, at most `levels` times. */
static bool read_value(reader *in, const ch_recipe_list *list, ch_slice name, unsigned levels);

static bool read_held(reader *in, bool is_object, const ch_recipe_list *list, unsigned levels)
{
    ch_slice end = is_object ? CH_LITERAL("}") : CH_LITERAL("]");
    bool is_first = true;
    while (!skip(in, end)) {
        ch_slice name = CH_LITERAL("");
        if (!is_first && !skip(in, CH_LITERAL(",")))
            return false;
        if (is_object && (!read_string(in, &name) || !skip(in, CH_LITERAL(":"))))
            return false;
        if (!read_value(in, list, name, levels))
            return false;
        is_first = false;
    }
    return true;
}

static bool read_value(reader *in, const ch_recipe_list *list, ch_slice name, unsigned levels)
{
    ch_slice value;
    bool is_object = skip(in, CH_LITERAL("{"));
    if (is_object || skip(in, CH_LITERAL("["))) {
        ch_param_kind kind = is_object ? CH_PARAM_OBJECT : CH_PARAM_LIST;
        return levels > 0 && add(in, kind, name, CH_LITERAL("")) && read_held(in, is_object, NULL, levels - 1) &&
               add(in, CH_PARAM_END, CH_LITERAL(""), CH_LITERAL(""));
    }
    if (in->at < in->text.size && in->text.data[in->at] == '"')
        return read_string(in, &value) && add_named(in, list, CH_PARAM_TEXT, name, value);
    ch_param_kind kind = read_bare(in, &value);
    return value.size > 0 && add_named(in, list, kind, name, value);
}

static bool read_json(reader *in, const ch_recipe_list *list)
{
    if (in->at < in->text.size && in->text.data[in->at] == '[')
        return read_value(in, NULL, CH_LITERAL(""), CH_PARAM_DEPTH_MAX);
    return skip(in, CH_LITERAL("{")) && read_held(in, true, list, CH_PARAM_DEPTH_MAX);
}

/* ---- forms ---- */

static bool decode(reader *in, ch_slice encoded, ch_style_reader how, ch_slice *out)
{
    ch_buffer *text = &in->out->text;
    size_t from = text->size;
    bool is_sound = true;
    if (how == CH_READER_FORM)
        ch_buffer_add_slice(text, encoded);
    else
        is_sound = ch_decode_percent(text, encoded, how == CH_READER_FORM_PLUS);
    *out = keep(in, from);
    return is_sound;
}

/* In a form, a list or object is JSON inside the value. */
static bool add_form_value(reader *in, const ch_recipe_list *list, ch_slice name, ch_slice value)
{
    const ch_listed_param *listed = in->params == NULL ? NULL : ch_param_list_find(in->params, name);
    if (in->out->param_count < CH_PARAMS_MAX)
        ch_set_add(in->out->in_form, in->out->param_count);
    if (listed == NULL || listed->def->depth == 0)
        return add_named(in, list, CH_PARAM_TEXT, name, value);
    reader inner = *in;
    inner.text = value;
    inner.at = 0;
    return read_value(&inner, NULL, name, CH_PARAM_DEPTH_MAX) && inner.at == value.size;
}

static bool read_pair(reader *in, const ch_recipe_list *list, ch_slice pair, ch_style_reader how)
{
    const uint8_t *equals = ch_slice_find(pair, '=');
    ch_slice name;
    ch_slice value;
    if (equals == NULL)
        return false;
    size_t name_size = (size_t)(equals - pair.data);
    return decode(in, (ch_slice){pair.data, name_size}, how, &name) &&
           decode(in, (ch_slice){equals + 1, pair.size - name_size - 1}, how, &value) &&
           add_form_value(in, list, name, value);
}

/* A form ends with the string or with the line. */
static bool read_form(reader *in, const ch_recipe_list *list, ch_style_reader how)
{
    ch_slice form = rest_of(in);
    const uint8_t *newline = ch_slice_find(form, '\n');
    if (newline != NULL)
        form.size = (size_t)(newline - form.data);
    in->at += form.size;
    while (form.size > 0) {
        const uint8_t *next = ch_slice_find(form, '&');
        size_t size = next == NULL ? form.size : (size_t)(next - form.data);
        if (!read_pair(in, list, (ch_slice){form.data, size}, how) || size + 1 == form.size)
            return false;
        size_t taken = next == NULL ? size : size + 1;
        form = (ch_slice){form.data + taken, form.size - taken};
    }
    return true;
}

/* ---- the template ---- */

static ch_status fail_encoded(const reader *in)
{
    return ch_fail(in->err, CH_BAD_INPUT,
                   "this exchange's string to sign is a digest or an encoding; send the request itself");
}

static ch_status read_list(reader *in, const ch_template_part *part)
{
    const ch_recipe_list *list = &in->recipe->lists[part->index];
    ch_style_reader how = part->style->reader;
    if (how == CH_READER_NONE)
        return ch_fail(in->err, CH_BAD_INPUT,
                       "this exchange's string to sign can't be read back; send the request itself");
    if (part->filter_count == 1 && strcmp(part->filters[0]->name, "prefix") == 0) {
        if (!skip(in, part->arguments[0]))
            return CH_OK;
    } else if (part->filter_count > 0) {
        return fail_encoded(in);
    }
    if (part->style->may_be_nothing && in->at == in->text.size)
        return CH_OK;
    bool is_read = how == CH_READER_JSON ? read_json(in, list) : read_form(in, list, how);
    return is_read ? CH_OK : stop(in, "a list of parameters");
}

/* What is known beforehand is made, filters and all, and must be there. */
static ch_status read_known(reader *in, ch_template_part *part)
{
    const ch_template one = {.parts = part, .part_count = 1};
    const ch_template_input input = {in->known, NULL};
    ch_autobuffer text = CH_BUFFER_INIT;
    CH_TRY(ch_template_run(&one, &input, in->scratch, &text, in->err));
    return skip(in, ch_buffer_slice(&text)) ? CH_OK : stop(in, "something of the key or the request");
}

static ch_status read_time_part(reader *in, const ch_template_part *part)
{
    uint64_t now_ns = 0;
    size_t size = part->filter_count == 0 ? read_time((ch_builtin)part->index, rest_of(in), &now_ns) : 0;
    if (size == 0 || !note_time(in, now_ns))
        return stop(in, "a time");
    in->at += size;
    return CH_OK;
}

/* It stands for itself: the endpoint's check says whether it may be that long. */
static ch_status read_window(reader *in)
{
    ch_slice digits = rest_of(in);
    digits.size = ch_slice_count_digits(digits);
    ch_slice name = ch_slice_of(in->input->profile->window.param);
    if (digits.size == 0 || digits.size > CH_WINDOW_DIGITS_MAX || !add(in, CH_PARAM_INTEGER, name, digits))
        return stop(in, "a receive window");
    in->at += digits.size;
    return CH_OK;
}

static ch_status read_template(reader *in, const ch_template *text);

static ch_status read_value_of_recipe(reader *in, const ch_template_part *part)
{
    const ch_template *value = &in->recipe->values[part->index - CH_BUILTIN_COUNT].text;
    if (part->filter_count == 0)
        return read_template(in, value);
    /* {query|prefix:?} with query: "{all|form}" is read as {all|form|prefix:?}. */
    if (value->part_count != 1 || value->parts[0].style == NULL || value->parts[0].filter_count > 0)
        return fail_encoded(in);
    ch_template_part list = value->parts[0];
    list.filter_count = part->filter_count;
    memcpy(list.filters, part->filters, sizeof list.filters);
    memcpy(list.arguments, part->arguments, sizeof list.arguments);
    return read_list(in, &list);
}

static ch_status read_part(reader *in, ch_template_part *part)
{
    if (part->is_literal)
        return skip(in, part->literal) ? CH_OK : stop(in, "a fixed text");
    if (part->style != NULL)
        return read_list(in, part);
    if (part->index >= CH_BUILTIN_COUNT)
        return read_value_of_recipe(in, part);
    if (part->index == CH_BUILTIN_WINDOW && part->filter_count == 0)
        return read_window(in);
    return in->known[part->index].data != NULL ? read_known(in, part) : read_time_part(in, part);
}

/* A value uses only those above it, and shape.c saw that all of them together are few, so this ends soon. */
static ch_status read_template(reader *in, const ch_template *text)
{
    for (size_t i = 0; i < text->part_count; i++)
        CH_TRY(read_part(in, &text->parts[i]));
    return CH_OK;
}

static void clear(ch_reading *out, ch_slice text)
{
    out->param_count = 0;
    out->now_ns = 0;
    memset(out->in_form, 0, sizeof out->in_form);
    ch_buffer_clear(&out->text);
    ch_buffer_reserve(&out->text, 2 * text.size + 1);
}

static ch_status read_all(reader *in)
{
    in->recipe = in->input->endpoint->recipes[in->input->scheme->index];
    ch_known_set(in->input, in->known);
    clear(in->out, in->text);
    CH_TRY(read_template(in, &in->recipe->payloads[0].text));
    return in->at == in->text.size
               ? CH_OK
               : ch_fail(in->err, CH_BAD_INPUT,
                         "the string to sign does not have this exchange's form: it should end at byte %zu", in->at);
}

ch_status ch_recipe_read(const ch_recipe_input *input, ch_scratch *scratch, ch_slice text, ch_reading *out,
                         ch_error *err)
{
    reader in = {.input = input, .scratch = scratch, .text = text, .out = out, .err = err};
    in.params = &input->endpoint->params;
    return read_all(&in);
}

ch_status ch_recipe_read_flat(const ch_recipe_input *input, ch_scratch *scratch, ch_slice text, ch_reading *out,
                              ch_error *err)
{
    reader in = {.input = input, .scratch = scratch, .text = text, .out = out, .err = err};
    return read_all(&in);
}

bool ch_recipe_read_value(ch_slice name, ch_slice value, ch_reading *out)
{
    reader in = {.text = value, .out = out};
    clear(out, value);
    return read_value(&in, NULL, name, CH_PARAM_DEPTH_MAX) && in.at == value.size;
}

bool ch_recipe_is_anonymous(const ch_endpoint *endpoint, const ch_scheme *scheme)
{
    return (endpoint->recipes[scheme->index]->shows & (CH_SHOWS_METHOD | CH_SHOWS_HOST | CH_SHOWS_PATH)) == 0;
}
