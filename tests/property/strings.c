/* Payloads read back, and strings of an SDK that are not quite what the agent would have written. */
#include "base/buffer.h"
#include "tests/property/property.h"

#include "exchange/check.h"
#include "exchange/read_back.h"

#include <string.h>

/* ---- reading ---- */

reading_result read_text(rig *r, const ch_endpoint *endpoint, ch_slice path, ch_slice text, sample *out)
{
    static ch_reading reading; /* large; its text is used until the next read */
    ch_payloads built;
    out->endpoint = endpoint;
    out->is_full = false;
    out->request = (ch_request){.method = ch_slice_of(endpoint->method), .host = host_of(r, endpoint), .path = path};
    out->request.params = out->params;
    ch_recipe_input input = input_of(r, out);
    if (!ch_environment_has(r->environment, endpoint))
        return READ_REFUSED;
    if (ch_recipe_read(&input, r->scratch, text, &reading, &r->err) != CH_OK)
        return READ_REFUSED;
    out->request.param_count = reading.param_count;
    memcpy(out->params, reading.params, reading.param_count * sizeof *out->params);
    if (ch_endpoint_check(endpoint, r->scheme, &out->request, &r->err) != CH_OK)
        return READ_REFUSED;
    if (reading.now_ns != 0)
        input.now_ns = reading.now_ns;
    if (ch_recipe_build(&input, r->draft, &built, &r->err) != CH_OK)
        return READ_REFUSED;
    return ch_slice_equal(built.items[0], text) ? READ_SAME : READ_OTHER;
}

/* What a payload is made of, as far as it matters to a reader. */
typedef struct survey {
    const char *why; /* not NULL: it can't be read */
    unsigned params; /* lists that take all parameters, those of the query, those of the body */
    unsigned query;
    unsigned body;
    bool has_form;
    bool is_form_open; /* a form stands there, and no line ended since */
} survey;

static const char *survey_list(survey *seen, const ch_recipe *recipe, const ch_template_part *part)
{
    const ch_recipe_list *list = &recipe->lists[part->index];
    const char *style = part->style->name;
    bool is_prefixed = part->filter_count == 1 && strcmp(part->filters[0]->name, "prefix") == 0;
    if (part->filter_count > 0 && !is_prefixed)
        return "a digest or an encoding of the parameters";
    if (strcmp(style, "pairs") == 0 || strcmp(style, "json-members") == 0)
        return "names and values with nothing in between, or half an object";
    seen->params += list->takes == CH_TAKES_PARAMS;
    seen->query += list->takes == CH_TAKES_QUERY;
    seen->body += list->takes == CH_TAKES_BODY;
    seen->is_form_open = strcmp(part->style->shape, "form") == 0;
    seen->has_form |= seen->is_form_open;
    return NULL;
}

/* A value with filters is read only if it is a list and the filter a prefix: {query|prefix:?} */
static bool is_plain_value(const ch_template_part *part, const ch_template *value)
{
    bool is_list = value->part_count == 1 && value->parts[0].style != NULL && value->parts[0].filter_count == 0;
    bool is_prefixed = part->filter_count == 1 && strcmp(part->filters[0]->name, "prefix") == 0;
    return part->filter_count == 0 || (is_list && is_prefixed);
}

static const char *survey_builtin(const ch_template_part *part)
{
    bool is_time = part->index >= CH_BUILTIN_TIME_S && part->index <= CH_BUILTIN_TIME_UTC;
    if (part->index >= CH_BUILTIN_NONCE && part->index <= CH_BUILTIN_RANDOM)
        return "a nonce or something random";
    return is_time && part->filter_count > 0 ? "a time that is changed" : NULL;
}

/* Calls itself for values, which use only those above them. */
static void survey_template(survey *seen, const ch_recipe *recipe, const ch_template *text)
{
    for (size_t i = 0; seen->why == NULL && i < text->part_count; i++) {
        const ch_template_part *part = &text->parts[i];
        bool is_value = !part->is_literal && part->style == NULL && part->index >= CH_BUILTIN_COUNT;
        bool is_newline = part->is_literal ? part->literal.data[0] == '\n' : part->index == CH_BUILTIN_NEWLINE;
        if (seen->is_form_open && (part->style != NULL || !is_newline)) {
            seen->why = "a form that does not end with the line";
        } else if (part->style != NULL) {
            seen->why = survey_list(seen, recipe, part);
        } else if (!is_value) {
            seen->is_form_open = false;
            seen->why = part->is_literal ? NULL : survey_builtin(part);
        } else if (is_plain_value(part, &recipe->values[part->index - CH_BUILTIN_COUNT].text)) {
            survey_template(seen, recipe, &recipe->values[part->index - CH_BUILTIN_COUNT].text);
        } else {
            seen->why = "a digest, an encoding or a condition";
        }
    }
}

static bool is_spelled_out(const ch_param *param)
{
    return param->kind == CH_PARAM_LIST && param->def != NULL && param->def->spelling != CH_SPELLING_JSON;
}

const char *why_unreadable(const rig *r, const sample *s)
{
    const ch_recipe *recipe = s->endpoint->recipes[r->scheme->index];
    survey seen = {.why = NULL};
    if (recipe->uses[CH_BUILTIN_NONCE] || recipe->uses[CH_BUILTIN_UUID] || recipe->uses[CH_BUILTIN_RANDOM])
        return "a nonce or something random";
    survey_template(&seen, recipe, &recipe->payloads[0].text);
    if (seen.why != NULL)
        return seen.why;
    bool takes_all = seen.params == 1 ? seen.query + seen.body == 0 : seen.query == 1 && seen.body == 1;
    if (!takes_all && s->request.param_count > 0)
        return "parameters that the payload lacks, or has twice";
    for (size_t i = 0; seen.has_form && i < s->request.param_count; i++) {
        if (is_spelled_out(&s->params[i]))
            return "a list that is spelled as several pairs";
    }
    return NULL;
}

/* ---- mutating strings ---- */

static size_t find_from(rig *r, ch_slice text, const char *wanted)
{
    size_t start = dice_below(&r->dice, text.size);
    for (size_t i = 0; i < text.size; i++) {
        size_t at = (start + i) % text.size;
        if (text.data[at] != 0 && strchr(wanted, text.data[at]) != NULL)
            return at;
    }
    return text.size;
}

static void add_part(rig *r, ch_slice text, size_t from, size_t to)
{
    ch_buffer_add(&r->text, text.data + from, to - from);
}

static ch_slice replaced(rig *r, ch_slice text, size_t at, size_t size, const char *with)
{
    size_t rest = at + size < text.size ? at + size : text.size;
    add_part(r, text, 0, at < text.size ? at : text.size);
    ch_buffer_add_text(&r->text, with);
    add_part(r, text, rest, text.size);
    return keep(r);
}

/* A byte becomes an escape, of a form or of JSON; or an escape changes its case. */
static ch_slice respelled(rig *r, ch_slice text)
{
    char escape[8];
    size_t percent = find_from(r, text, "%");
    if (percent + 2 < text.size && dice_chance(&r->dice, 50)) {
        uint8_t digit = text.data[percent + 2];
        bool is_letter = (digit | 0x20) >= 'a' && (digit | 0x20) <= 'f';
        escape[0] = (char)(is_letter ? digit ^ 0x20 : digit);
        escape[1] = '\0';
        return replaced(r, text, percent + 2, 1, escape);
    }
    size_t at = dice_below(&r->dice, text.size);
    const char *format = dice_chance(&r->dice, 50) ? "%%%02X" : "\\u%04X";
    ch_buffer_add_format(&r->text, format, text.data[at]);
    size_t size = r->text.size < sizeof escape ? r->text.size : sizeof escape - 1;
    memcpy(escape, r->text.data, size);
    escape[size] = '\0';
    ch_buffer_clear(&r->text);
    return replaced(r, text, at, 1, escape);
}

/* The two pieces around a separator change places. */
static ch_slice swapped(rig *r, ch_slice text)
{
    size_t middle = find_from(r, text, "&,");
    if (middle == text.size)
        return replaced(r, text, dice_below(&r->dice, text.size), 2, "");
    size_t from = middle;
    size_t to = middle + 1;
    while (from > 0 && strchr("&,?{[\n", text.data[from - 1]) == NULL)
        from--;
    while (to < text.size && strchr("&,}]\n", text.data[to]) == NULL)
        to++;
    add_part(r, text, 0, from);
    add_part(r, text, middle + 1, to);
    add_part(r, text, middle, middle + 1);
    add_part(r, text, from, middle);
    add_part(r, text, to, text.size);
    return keep(r);
}

/* A piece between separators is doubled. */
static ch_slice doubled(rig *r, ch_slice text)
{
    size_t from = find_from(r, text, "&,?");
    size_t to = from < text.size ? from + 1 : text.size;
    while (to < text.size && strchr("&,}]\n", text.data[to]) == NULL)
        to++;
    add_part(r, text, 0, to);
    add_part(r, text, from, to);
    add_part(r, text, to, text.size);
    return keep(r);
}

static ch_slice flipped(rig *r, ch_slice text)
{
    size_t at = dice_below(&r->dice, text.size);
    add_part(r, text, 0, at);
    ch_buffer_add_byte(&r->text, (uint8_t)(text.data[at] ^ 1U << dice_below(&r->dice, 8)));
    add_part(r, text, at + 1, text.size);
    return keep(r);
}

/* Quotes around a value come or go. */
static ch_slice requoted(rig *r, ch_slice text)
{
    size_t from = find_from(r, text, ":[");
    if (from + 1 >= text.size)
        return replaced(r, text, 0, 0, " ");
    if (text.data[from + 1] != '"') {
        size_t to = from + 1;
        while (to < text.size && strchr(",}]", text.data[to]) == NULL)
            to++;
        add_part(r, text, 0, from + 1);
        ch_buffer_add_byte(&r->text, '"');
        add_part(r, text, from + 1, to);
        ch_buffer_add_byte(&r->text, '"');
        add_part(r, text, to, text.size);
        return keep(r);
    }
    const uint8_t *end = memchr(text.data + from + 2, '"', text.size - from - 2);
    size_t to = end == NULL ? text.size : (size_t)(end - text.data);
    add_part(r, text, 0, from + 1);
    add_part(r, text, from + 2, to);
    add_part(r, text, to < text.size ? to + 1 : to, text.size);
    return keep(r);
}

ch_slice mutate_string(rig *r, ch_slice text)
{
    static const char *const inserts[] = {"&", "=",    "0",        " ",    "+", "\"", "{}", "[]",
                                          ",", "&a=1", ",\"a\":1", "\\",   "%", "\n", "?",  "00",
                                          "-", ".0",   "null",     "\xff", "}", "#",  "e0"};
    if (text.size == 0)
        return CH_LITERAL("0");
    switch (dice_below(&r->dice, 9)) {
    case 0:
    case 1:
        return flipped(r, text);
    case 2:
        return swapped(r, text);
    case 3:
        return doubled(r, text);
    case 4:
        return respelled(r, text);
    case 5:
        return requoted(r, text);
    case 6:
        return replaced(r, text, dice_below(&r->dice, text.size), 1 + dice_below(&r->dice, 3), "");
    case 7: { /* digits are where the numbers are */
        size_t at = find_from(r, text, "0123456789");
        return replaced(r, text, at, 0, dice_chance(&r->dice, 50) ? "0" : "00");
    }
    default:
        return replaced(r, text, dice_below(&r->dice, text.size + 1), 0,
                        inserts[dice_below(&r->dice, sizeof inserts / sizeof inserts[0])]);
    }
}
