/* A number of the agent's is pinned if the payload shows it at another place too, where nothing else can be read: then
 * it is the same at both. So the parts are looked at from the left, and a number that was clean once stays clean. */
#include "exchange/seams.h"

#include "exchange/match.h"
#include "exchange/meaning.h"

#include <string.h>

/* ---- when the profile is loaded ---- */

/* What a part of a template is made of: a set. */
enum {
    NUMBER = 1, /* nothing but one of the agent's numbers, which may be longer or shorter */
    PATH = 2,
    QUERY = 4, /* parameters in a form, or joined */
    OTHER = 8,
    RAW = 16, /* a value may stand there unencoded */
};

static bool has_fixed_size(const ch_template_part *part)
{
    for (size_t i = 0; i < part->filter_count; i++) {
        if (strncmp(part->filters[i]->name, "sha", 3) == 0)
            return true;
    }
    return false;
}

static unsigned made_of_builtin(size_t builtin)
{
    bool is_time = builtin >= CH_BUILTIN_TIME_S && builtin <= CH_BUILTIN_TIME_US;
    if (is_time || builtin == CH_BUILTIN_NONCE || builtin == CH_BUILTIN_WINDOW)
        return NUMBER;
    return builtin == CH_BUILTIN_PATH ? PATH : OTHER;
}

static unsigned made_of_list(const ch_style *style)
{
    bool is_encoded = style->reader == CH_READER_FORM_PERCENT || style->reader == CH_READER_FORM_PLUS;
    return strcmp(style->shape, "json") == 0 ? OTHER : is_encoded ? QUERY : QUERY | RAW;
}

/* `values` says what the recipe's values are made of, as far as the part may use them. */
static unsigned made_of(const ch_template_part *part, const unsigned *values)
{
    if (part->is_literal || has_fixed_size(part))
        return OTHER;
    if (part->style != NULL)
        return made_of_list(part->style);
    return part->index < CH_BUILTIN_COUNT ? made_of_builtin(part->index) : values[part->index - CH_BUILTIN_COUNT];
}

static unsigned made_of_all(const ch_template *text, const unsigned *values)
{
    unsigned all = text->part_count == 1 ? 0 : OTHER;
    for (size_t i = 0; i < text->part_count; i++)
        all |= made_of(&text->parts[i], values);
    return all;
}

static bool is_number(unsigned made)
{
    return made == NUMBER;
}

/* Inside a value nobody looks at the cuts. */
static bool joins_a_number(const ch_template *text, const unsigned *values)
{
    for (size_t i = 1; i < text->part_count; i++) {
        unsigned before = made_of(&text->parts[i - 1], values);
        if (is_number(made_of(&text->parts[i], values)) && (before & (PATH | QUERY)) != 0)
            return true;
    }
    return false;
}

static bool begins_with_separator(const ch_template_part *part)
{
    for (size_t i = 0; i < part->filter_count; i++) {
        if (strcmp(part->filters[i]->name, "prefix") == 0)
            return true;
    }
    return false;
}

static void note_parts(ch_recipe *recipe, const unsigned *values)
{
    const ch_template *message = &recipe->payloads[0].text;
    for (size_t i = 0; i < message->part_count; i++) {
        unsigned made = made_of(&message->parts[i], values);
        uint32_t bit = UINT32_C(1) << i;
        recipe->number_parts |= is_number(made) ? bit : 0;
        recipe->path_parts |= (made & PATH) != 0 ? bit : 0;
        recipe->query_parts |= (made & QUERY) != 0 ? bit : 0;
        recipe->escaped_parts |= (made & (QUERY | RAW)) == QUERY ? bit : 0;
        bool is_after_path = i > 0 && (recipe->path_parts & bit >> 1) != 0;
        recipe->path_runs_on |= is_after_path && (made & QUERY) != 0 && !begins_with_separator(&message->parts[i]);
    }
}

ch_status ch_seams_find(ch_recipe *recipe, ch_error *err)
{
    unsigned values[CH_RECIPE_VALUES_MAX];
    for (size_t i = 0; i < recipe->value_count; i++) {
        values[i] = made_of_all(&recipe->values[i].text, values);
        if (joins_a_number(&recipe->values[i].text, values))
            return ch_fail(err, CH_CONFIG,
                           "value '%s' puts a number directly after parts of the request; write them in the message",
                           recipe->values[i].name);
    }
    note_parts(recipe, values);
    size_t count = recipe->payloads[0].text.part_count;
    if (recipe->joins_body && (count == 0 || (recipe->query_parts & UINT32_C(1) << (count - 1)) == 0))
        return ch_fail(err, CH_CONFIG, "'joins_body' is for a message that ends in a list in a form style");
    return CH_OK;
}

/* ---- for a request ---- */

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* The part before `at` that is not empty; `at` itself if there is none. */
static size_t part_before(const size_t *ends, size_t at)
{
    for (size_t i = at; i-- > 0;) {
        if (ends[i] > (i == 0 ? 0 : ends[i - 1]))
            return i;
    }
    return at;
}

static size_t part_after(const size_t *ends, size_t count, size_t at)
{
    size_t i = at + 1;
    while (i < count && ends[i] == ends[i - 1])
        i++;
    return i < count ? i : at;
}

static bool is_same_number(const ch_template_part *a, const ch_template_part *b)
{
    return a->style == NULL && a->index == b->index && a->filter_count == b->filter_count &&
           (a->filter_count == 0 || (a->filter_count == 1 && ch_slice_equal(a->arguments[0], b->arguments[0])));
}

static bool is_pinned(const ch_template *message, uint32_t clean, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if ((clean & UINT32_C(1) << i) != 0 && is_same_number(&message->parts[i], &message->parts[at]))
            return true;
    }
    return false;
}

/* True if it is nothing to policy, or names an order: whoever may cancel one may cancel any. */
static bool means_little(const ch_param_def *def)
{
    const ch_meaning *meaning = def->meaning;
    return meaning == NULL || meaning->neutral != NULL ||
           (meaning->sense.has_role && meaning->sense.role == CH_FACT_ORDER);
}

/* What a path that is shorter by some digits may open: reads, and the same endpoint, if what became shorter means
 * little. */
static bool is_harmless(const ch_seam_input *in, const ch_endpoint *opened, ch_slice path)
{
    const ch_endpoint *asked = in->endpoint;
    ch_slice captures[CH_PATH_PARTS_MAX];
    bool covers_method = (in->recipe->covers & CH_COVERS_METHOD) != 0;
    if (opened->class_ == CH_CLASS_READ || (covers_method && strcmp(opened->method, asked->method) != 0) ||
        !ch_endpoint_fits(opened, path, captures))
        return true;
    const ch_param_def *last = opened->part_count == 0 ? NULL : opened->parts[opened->part_count - 1].def;
    return opened == asked && last != NULL && means_little(last);
}

static bool is_harmless_without_digits(const ch_seam_input *in)
{
    const ch_profile *profile = in->endpoint->profile;
    ch_slice path = in->path;
    while (path.size > 0 && is_digit(path.data[path.size - 1])) {
        path.size--;
        for (size_t i = 0; i < profile->endpoint_count; i++) {
            if (!is_harmless(in, &profile->endpoints[i], path))
                return false;
        }
    }
    return true;
}

/* Half an escape is no request. */
static bool is_in_escape(const ch_recipe *recipe, ch_slice payload, size_t end, size_t part)
{
    return (recipe->escaped_parts & UINT32_C(1) << part) != 0 && end > 2 && payload.data[end - 3] == '%';
}

static ch_seam check_before(const ch_seam_input *in, ch_slice payload, const size_t *ends, size_t at)
{
    size_t before = part_before(ends, at);
    if (before == at || !is_digit(payload.data[ends[before] - 1]))
        return CH_SEAM_CLEAN;
    if ((in->recipe->query_parts & UINT32_C(1) << before) != 0)
        return is_in_escape(in->recipe, payload, ends[before], before) ? CH_SEAM_CLEAN : CH_SEAM_IN_QUERY;
    bool is_path = (in->recipe->path_parts & UINT32_C(1) << before) != 0;
    return is_path && !is_harmless_without_digits(in) ? CH_SEAM_IN_PATH : CH_SEAM_CLEAN;
}

static ch_seam check_after(const ch_seam_input *in, ch_slice payload, const size_t *ends, size_t at)
{
    size_t after = part_after(ends, in->recipe->payloads[0].text.part_count, at);
    bool is_query = after != at && (in->recipe->query_parts & UINT32_C(1) << after) != 0;
    return is_query && is_digit(payload.data[ends[after - 1]]) ? CH_SEAM_IN_QUERY : CH_SEAM_CLEAN;
}

ch_seam ch_seams_check(const ch_seam_input *in, ch_slice payload, const size_t *ends)
{
    const ch_template *message = &in->recipe->payloads[0].text;
    uint32_t clean = 0;
    for (size_t i = 0; i < message->part_count; i++) {
        if ((in->recipe->number_parts & UINT32_C(1) << i) == 0 || is_pinned(message, clean, i))
            continue;
        ch_seam seam = check_before(in, payload, ends, i);
        if (seam == CH_SEAM_CLEAN)
            seam = check_after(in, payload, ends, i);
        if (seam != CH_SEAM_CLEAN)
            return seam;
        clean |= UINT32_C(1) << i;
    }
    return CH_SEAM_CLEAN;
}
