/* Members are written through void pointers, so the size that a row states is all that a stock reader knows about its
 * member; each asserts that it fits. */
#include "conf/fields.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/paths.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- a map ---- */

static bool applies(const ch_field *field, const void *out)
{
    return field->only_if == NULL || field->only_if(out);
}

static ch_status read_field(const ch_yaml *map, const ch_field *field, void *out, void *context, ch_error *err)
{
    const ch_yaml *node = ch_yaml_get(map, field->name);
    if (node == NULL)
        return field->is_required ? ch_yaml_fail(map, err, "'%s' is missing here", field->name) : CH_OK;
    if (field->read == NULL)
        return CH_OK;
    const ch_value value = {node, field->name, field, (char *)out + field->offset, context};
    return field->read(&value, err);
}

static bool is_known(const char *key, const ch_field *fields, size_t count, const void *out)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, key) == 0)
            return applies(&fields[i], out);
    }
    return false;
}

/* Adds one of `left` names that are still to come, so that a listing reads "a, b or c". */
static void add_name(ch_buffer *listing, const char *name, size_t left, const char *last)
{
    if (listing->size > 0)
        ch_buffer_add_text(listing, left == 1 ? last : ", ");
    ch_buffer_add_text(listing, name);
}

static ch_status fail_unknown(const ch_yaml *node, const char *key, const ch_field *fields, size_t count,
                              const void *out, ch_error *err)
{
    ch_autobuffer listing = CH_BUFFER_INIT;
    size_t applying = 0;
    for (size_t i = 0; i < count; i++)
        applying += applies(&fields[i], out);
    for (size_t i = 0, left = applying; i < count; i++) {
        if (applies(&fields[i], out))
            add_name(&listing, fields[i].name, left--, " and ");
    }
    return ch_yaml_fail(node, err, "there is no field '%s' here; the %s %s", key,
                        applying == 1 ? "only field is" : "fields are", ch_buffer_text(&listing));
}

ch_status ch_fields_read(const ch_yaml *map, const ch_field *fields, size_t count, void *out, void *context,
                         ch_error *err)
{
    CH_TRY(ch_yaml_expect_map(map, err));
    for (size_t i = 0; i < count; i++) {
        if (applies(&fields[i], out))
            CH_TRY(read_field(map, &fields[i], out, context, err));
    }
    for (size_t i = 0; i < ch_yaml_count(map); i++) {
        const char *key = ch_yaml_key_at(map, i);
        if (!is_known(key, fields, count, out))
            return fail_unknown(ch_yaml_key_node_at(map, i), key, fields, count, out, err);
    }
    return CH_OK;
}

/* ---- stock readers ---- */

static void replace_text(const ch_value *value, char *text)
{
    assert(value->field->size == sizeof(char *));
    char **out = value->out;
    free(*out);
    *out = text;
}

ch_status ch_field_text(const ch_value *value, ch_error *err)
{
    const char *text = NULL;
    ch_error reason = CH_ERROR_INIT;
    CH_TRY(ch_yaml_text(value->node, &text, err));
    if (value->field->check != NULL && value->field->check(text, &reason) != CH_OK)
        return ch_yaml_fail(value->node, err, "%s", reason.message);
    replace_text(value, ch_strdup(text));
    return CH_OK;
}

ch_status ch_field_path(const ch_value *value, ch_error *err)
{
    const char *text = NULL;
    CH_TRY(ch_yaml_text(value->node, &text, err));
    if (*text == '\0')
        return ch_yaml_fail(value->node, err, "this is empty; write a path");
    replace_text(value, ch_path_beside(ch_yaml_path(value->node), text));
    return CH_OK;
}

ch_status ch_field_bool(const ch_value *value, ch_error *err)
{
    assert(value->field->size == sizeof(bool));
    return ch_yaml_bool(value->node, value->out, err);
}

/* The largest number that an unsigned integer of that size holds. */
static uint64_t most_of(size_t size)
{
    assert(size == 1 || size == 2 || size == 4 || size == 8);
    return size == 8 ? UINT64_MAX : ((uint64_t)1 << (8 * size)) - 1;
}

static uint64_t fetch(const ch_value *value)
{
    switch (value->field->size) {
    case 1:
        return *(const uint8_t *)value->out;
    case 2:
        return *(const uint16_t *)value->out;
    case 4:
        return *(const uint32_t *)value->out;
    default:
        return *(const uint64_t *)value->out;
    }
}

static void store(const ch_value *value, uint64_t number)
{
    assert(number <= most_of(value->field->size));
    switch (value->field->size) {
    case 1:
        *(uint8_t *)value->out = (uint8_t)number;
        break;
    case 2:
        *(uint16_t *)value->out = (uint16_t)number;
        break;
    case 4:
        *(uint32_t *)value->out = (uint32_t)number;
        break;
    default:
        *(uint64_t *)value->out = number;
    }
}

ch_status ch_field_uint(const ch_value *value, ch_error *err)
{
    const ch_field *field = value->field;
    uint64_t number = 0;
    CH_TRY(ch_yaml_uint_in(value->node, &number, field->min, field->max != 0 ? field->max : most_of(field->size), err));
    store(value, number);
    return CH_OK;
}

ch_status ch_field_choice(const ch_value *value, ch_error *err)
{
    uint64_t number = 0;
    CH_TRY(ch_words_read(value->field->words, value->node, &number, err));
    store(value, number);
    return CH_OK;
}

ch_status ch_field_set(const ch_value *value, ch_error *err)
{
    CH_TRY(ch_yaml_expect_list(value->node, err));
    uint64_t bits = fetch(value);
    for (size_t i = 0; i < ch_yaml_count(value->node); i++) {
        uint64_t bit = 0;
        CH_TRY(ch_words_read(value->field->words, ch_yaml_item(value->node, i), &bit, err));
        bits |= bit;
    }
    store(value, bits);
    return CH_OK;
}

/* ---- words ---- */

ch_status ch_words_read(const ch_words *words, const ch_yaml *node, uint64_t *out, ch_error *err)
{
    const char *text = NULL;
    CH_TRY(ch_yaml_text(node, &text, err));
    ch_autobuffer listing = CH_BUFFER_INIT;
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->words[i].text, text) == 0) {
            *out = words->words[i].value;
            return CH_OK;
        }
        add_name(&listing, words->words[i].text, words->count - i, " or ");
    }
    return ch_yaml_fail(node, err, "unknown %s '%s'; use %s", words->what, text, ch_buffer_text(&listing));
}

const char *ch_words_text(const ch_words *words, uint64_t value)
{
    for (size_t i = 0; i < words->count; i++) {
        if (words->words[i].value == value)
            return words->words[i].text;
    }
    return NULL;
}

/* ---- lists and maps of things ---- */

static ch_status check_count(const ch_yaml *node, const ch_entries *entries, ch_error *err)
{
    size_t count = ch_yaml_count(node);
    if (count < entries->min)
        return ch_yaml_fail(node, err, "there must be at least %zu %s%s", entries->min, entries->what,
                            entries->min == 1 ? "" : "s");
    if (entries->max != 0 && count > entries->max)
        return ch_yaml_fail(node, err, "there are %zu %ss; at most %zu are possible", count, entries->what,
                            entries->max);
    return CH_OK;
}

ch_status ch_entries_read(const ch_yaml *node, const ch_entries *entries, void *array, size_t *count, void *context,
                          ch_error *err)
{
    bool is_map = entries->kind == CH_YAML_MAP;
    CH_TRY(is_map ? ch_yaml_expect_map(node, err) : ch_yaml_expect_list(node, err));
    CH_TRY(check_count(node, entries, err));
    for (*count = 0; *count < ch_yaml_count(node);) {
        const ch_value value = {
            .node = is_map ? ch_yaml_value_at(node, *count) : ch_yaml_item(node, *count),
            .name = is_map ? ch_yaml_key_at(node, *count) : NULL,
            .field = &entries->entry,
            .out = (char *)array + *count * entries->entry.size,
            .context = context,
        };
        (*count)++;
        CH_TRY(entries->entry.read(&value, err));
    }
    return CH_OK;
}
