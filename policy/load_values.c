/* What an amount, a ratio or a duration is not, each with its own message: a policy's author reads these. */
#include "policy/load_impl.h"

#include "base/memory.h"
#include "base/utc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ASSET_MAX 20
#define PERCENT_MAX 99 /* unless a row says otherwise */

/* ---- texts ---- */

char *ch_upper(const char *text)
{
    char *upper = ch_strdup(text);
    for (char *at = upper; *at != '\0'; at++) {
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - ('a' - 'A'));
    }
    return upper;
}

void ch_text_list_add(ch_text_list *list, char *text_take)
{
    list->items = ch_array_grow(list->items, list->count, sizeof *list->items);
    list->items[list->count++] = text_take;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void ch_text_list_sort(ch_text_list *list)
{
    size_t kept = 0;
    if (list->count == 0)
        return;
    qsort(list->items, list->count, sizeof *list->items, compare_texts);
    for (size_t i = 1; i < list->count; i++) {
        if (strcmp(list->items[i], list->items[kept]) == 0)
            free(list->items[i]);
        else
            list->items[++kept] = list->items[i];
    }
    list->count = kept + 1;
}

bool ch_text_list_has(const ch_text_list *sorted, const char *text)
{
    return sorted->count != 0 &&
           bsearch(&text, sorted->items, sorted->count, sizeof *sorted->items, compare_texts) != NULL;
}

/* ---- numbers ---- */

static ch_status read_number(const ch_yaml *node, ch_slice text, ch_decimal *out, ch_error *err)
{
    if (!ch_decimal_read(text, out))
        return ch_yaml_fail(
            node, err,
            "'%.*s' is no plain number; write digits with at most one point among them, without a sign, "
            "an exponent or spaces",
            CH_SLICE_ARGS(text));
    return CH_OK;
}

ch_status ch_load_decimal(const ch_yaml *node, ch_decimal *out, ch_error *err)
{
    const char *text = NULL;
    CH_TRY(ch_yaml_text(node, &text, err));
    CH_TRY(read_number(node, ch_slice_of(text), out, err));
    return ch_decimal_is_zero(*out) ? ch_yaml_fail(node, err, "'%s' must be above zero", text) : CH_OK;
}

static bool is_asset(const char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++) {
        if (!ch_byte_is_alphanumeric((uint8_t)text[i]) && strchr("._-", text[i]) == NULL)
            return false;
    }
    return size > 0 && size <= ASSET_MAX;
}

static ch_status read_asset(const ch_yaml *node, const char *text, char **out, ch_error *err)
{
    if (!is_asset(text))
        return ch_yaml_fail(node, err, "'%s' is no asset; write its letters and digits, as in BTC", text);
    free(*out);
    *out = ch_upper(text);
    return CH_OK;
}

ch_status ch_field_asset(const ch_value *value, ch_error *err)
{
    const char *text = NULL;
    assert(value->field->size == sizeof(char *));
    CH_TRY(ch_yaml_text(value->node, &text, err));
    return read_asset(value->node, text, value->out, err);
}

ch_status ch_load_amount(const ch_yaml *node, ch_decimal *out, char **asset, ch_error *err)
{
    const char *text = NULL;
    CH_TRY(ch_yaml_text(node, &text, err));
    const char *space = strchr(text, ' ');
    if (strchr(text, '%') != NULL)
        return ch_yaml_fail(node, err, "'%s' is a ratio, and this must be an amount; write it as in \"5000 USDT\"",
                            text);
    size_t size = space == NULL ? strlen(text) : (size_t)(space - text);
    CH_TRY(read_number(node, (ch_slice){(const uint8_t *)text, size}, out, err));
    if (space == NULL)
        return ch_yaml_fail(node, err, "'%s' does not say of which asset; write an amount as in \"5000 USDT\"", text);
    if (ch_decimal_is_zero(*out))
        return ch_yaml_fail(node, err, "'%s' is nothing; to let nothing pass, write a deny", text);
    return read_asset(node, space + 1, asset, err);
}

/* ---- ratios ---- */

/* The number before the percent sign, with or without one space between them. */
static ch_status read_percent(const ch_yaml *node, const char *text, ch_decimal *out, ch_error *err)
{
    size_t size = strlen(text);
    if (size == 0 || text[size - 1] != '%')
        return ch_yaml_fail(node, err, "'%s' has no percent sign; write a ratio as in \"2 %%\"", text);
    size -= size > 1 && text[size - 2] == ' ' ? 2 : 1;
    return read_number(node, (ch_slice){(const uint8_t *)text, size}, out, err);
}

ch_status ch_field_ratio(const ch_value *value, ch_error *err)
{
    static const ch_decimal hundredth = {.digits = 1, .scale = 2};
    const char *text = NULL;
    ch_decimal percent;
    uint64_t max = value->field->max != 0 ? value->field->max : PERCENT_MAX;
    assert(value->field->size == sizeof(ch_decimal));
    CH_TRY(ch_yaml_text(value->node, &text, err));
    CH_TRY(read_percent(value->node, text, &percent, err));
    if (value->field->min != 0 && ch_decimal_is_zero(percent))
        return ch_yaml_fail(value->node, err, "'%s' must be above zero", text);
    if (ch_decimal_compare(percent, ch_decimal_of(max)) > 0)
        return ch_yaml_fail(value->node, err, "'%s' is more than %llu %%", text, (unsigned long long)max);
    if (!ch_decimal_multiply(percent, hundredth, value->out))
        return ch_yaml_fail(value->node, err, "'%s' has too many digits", text);
    return CH_OK;
}

/* ---- durations ---- */

ch_status ch_field_duration(const ch_value *value, ch_error *err)
{
    const char *text = NULL;
    assert(value->field->size == sizeof(uint64_t));
    CH_TRY(ch_yaml_text(value->node, &text, err));
    if (!ch_duration_read(text, value->out))
        return ch_yaml_fail(
            value->node, err,
            "'%s' is no duration; write a whole number above zero and its unit (ms, s, m, h or d), as in "
            "10s",
            text);
    return CH_OK;
}

/* ---- one or a list ---- */

ch_status ch_load_count(const ch_yaml *node, size_t *out, ch_error *err)
{
    *out = 1;
    if (ch_yaml_kind_of(node) == CH_YAML_SCALAR)
        return CH_OK;
    CH_TRY(ch_yaml_expect_list(node, err));
    *out = ch_yaml_count(node);
    return *out == 0 ? ch_yaml_fail(node, err, "this list is empty; delete it, or say what is meant") : CH_OK;
}

const ch_yaml *ch_load_item(const ch_yaml *node, size_t index)
{
    return ch_yaml_kind_of(node) == CH_YAML_SCALAR ? node : ch_yaml_item(node, index);
}

static bool is_folded(const char *text, const char *word)
{
    for (; *text != '\0' && *word != '\0'; text++, word++) {
        char c = *text >= 'A' && *text <= 'Z' ? (char)(*text + ('a' - 'A')) : *text;
        if ((c == '_' ? '-' : c) != (*word == '_' ? '-' : *word))
            return false;
    }
    return *text == *word;
}

static ch_status read_word(const ch_words *words, const ch_yaml *node, uint64_t *out, ch_error *err)
{
    const char *text = NULL;
    CH_TRY(ch_yaml_text(node, &text, err));
    for (size_t i = 0; i < words->count; i++) {
        *out = words->words[i].value;
        if (is_folded(text, words->words[i].text))
            return CH_OK;
    }
    return ch_words_read(words, node, out, err); /* which lists them */
}

ch_status ch_field_words(const ch_value *value, ch_error *err)
{
    size_t count = 0;
    unsigned *bits = value->out;
    assert(value->field->size == sizeof *bits);
    CH_TRY(ch_load_count(value->node, &count, err));
    for (size_t i = 0; i < count; i++) {
        uint64_t bit = 0;
        CH_TRY(read_word(value->field->words, ch_load_item(value->node, i), &bit, err));
        *bits |= (unsigned)bit;
    }
    return CH_OK;
}

/* ---- moments ---- */

ch_status ch_load_moment(const ch_yaml *node, uint64_t *ns, ch_error *err)
{
    const char *text = NULL;
    uint64_t seconds = 0;
    CH_TRY(ch_yaml_text(node, &text, err));
    if (!ch_utc_read(text, &seconds))
        return ch_yaml_fail(node, err, "'%s' is no day or time in UTC; write 2027-01-31, or 2027-01-31T09:30:00Z",
                            text);
    *ns = seconds * 1000000000;
    return CH_OK;
}

ch_status ch_field_moment(const ch_value *value, ch_error *err)
{
    return ch_load_moment(value->node, value->out, err);
}
