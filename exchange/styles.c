/* How a list of parameters becomes text. What it must never do is write two different lists as the same text; where a
 * style could, it refuses. */
#include "base/slice.h"
#include "exchange/filters.h"

#include "exchange/profile_impl.h"
#include "base/encode.h"

#include <string.h>

#define NESTING_MAX (CH_PARAM_DEPTH_MAX + 2)

/* ---- JSON ---- */

static void add_json_value(ch_buffer *out, ch_param_kind kind, bool is_bare, ch_slice value)
{
    if (kind == CH_PARAM_TEXT && !is_bare)
        ch_encode_json(out, value);
    else
        ch_buffer_add_slice(out, value);
}

/* Writes a list or object with all that it holds. */
static ch_status add_json_held(ch_buffer *out, const ch_param *held, size_t count, ch_error *err)
{
    ch_param_kind open[NESTING_MAX];
    size_t depth = 0;
    bool is_first = true;
    for (size_t i = 0; i < count; i++) {
        const ch_param *entry = &held[i];
        if (entry->kind == CH_PARAM_END) {
            if (depth == 0)
                return ch_fail(err, CH_INTERNAL, "parameters that were never opened close");
            ch_buffer_add_byte(out, open[--depth] == CH_PARAM_LIST ? ']' : '}');
            is_first = false;
            continue;
        }
        if (!is_first)
            ch_buffer_add_byte(out, ',');
        if (depth > 0 && open[depth - 1] == CH_PARAM_OBJECT) {
            ch_encode_json(out, entry->name);
            ch_buffer_add_byte(out, ':');
        }
        is_first = entry->kind == CH_PARAM_LIST || entry->kind == CH_PARAM_OBJECT;
        if (is_first && depth == NESTING_MAX)
            return ch_fail(err, CH_BAD_INPUT, "lists and objects nest too deeply");
        if (is_first) {
            open[depth++] = entry->kind;
            ch_buffer_add_byte(out, entry->kind == CH_PARAM_LIST ? '[' : '{');
        } else {
            add_json_value(out, entry->kind, entry->def != NULL && entry->def->is_bare, entry->value);
        }
    }
    return CH_OK;
}

static ch_status add_json_item(ch_buffer *out, const ch_list_item *item, ch_error *err)
{
    if (item->held != NULL)
        return add_json_held(out, item->held, item->held_count, err);
    add_json_value(out, item->kind, item->is_bare, item->value);
    return CH_OK;
}

static ch_status write_json_members(ch_scratch *scratch, ch_buffer *out, const ch_list *list, ch_error *err)
{
    (void)scratch;
    ch_status st = CH_OK;
    for (size_t i = 0; st == CH_OK && i < list->count; i++) {
        const ch_list_item *item = &list->items[i];
        if (i > 0)
            ch_buffer_add_byte(out, ',');
        ch_encode_json(out, item->name);
        ch_buffer_add_byte(out, ':');
        st = add_json_item(out, item, err);
    }
    return st;
}

static ch_status write_json(ch_scratch *scratch, ch_buffer *out, const ch_list *list, ch_error *err)
{
    /* A list without a name is the whole body. */
    if (list->count == 1 && list->items[0].held != NULL && list->items[0].name.size == 0)
        return add_json_item(out, &list->items[0], err);
    ch_buffer_add_byte(out, '{');
    ch_status st = write_json_members(scratch, out, list, err);
    ch_buffer_add_byte(out, '}');
    return st;
}

static ch_status write_json_optional(ch_scratch *scratch, ch_buffer *out, const ch_list *list, ch_error *err)
{
    return list->count == 0 ? CH_OK : write_json(scratch, out, list, err);
}

/* ---- forms ---- */

/* Appends `text`; false if the style can't tell it apart from something else. */
typedef bool (*encode_text)(ch_buffer *out, ch_slice text);

typedef struct ch_form {
    ch_scratch *scratch;
    ch_buffer *out;
    encode_text encode;
    bool is_begun;
} ch_form;

static bool encode_percent(ch_buffer *out, ch_slice text)
{
    ch_encode_percent(out, text, "");
    return true;
}

static bool encode_plus(ch_buffer *out, ch_slice text)
{
    for (size_t from = 0; from <= text.size;) {
        const uint8_t *space = from == text.size ? NULL : memchr(text.data + from, ' ', text.size - from);
        size_t to = space == NULL ? text.size : (size_t)(space - text.data);
        ch_encode_percent(out, (ch_slice){text.data + from, to - from}, "");
        if (space != NULL)
            ch_buffer_add_byte(out, '+');
        from = to + 1;
    }
    return true;
}

static bool is_made_of(ch_slice text, const char *plain)
{
    size_t i = 0;
    while (i < text.size &&
           (ch_byte_is_alphanumeric(text.data[i]) || (text.data[i] != 0 && strchr(plain, text.data[i]) != NULL)))
        i++;
    return i == text.size;
}

/* Characters that mean themselves in a query and in a form, whoever reads it. */
static bool encode_raw(ch_buffer *out, ch_slice text)
{
    ch_buffer_add_slice(out, text);
    return is_made_of(text, "-._~,:/@[]");
}

/* In a form that is no URL, those that JSON is made of do, too, where it is JSON. */
static bool encode_raw_body(ch_buffer *out, ch_slice text)
{
    bool is_json = text.size > 0 && (text.data[0] == '[' || text.data[0] == '{');
    ch_buffer_add_slice(out, text);
    return is_made_of(text, is_json ? "-._~,:/@[]{}\"" : "-._~,:/@[]");
}

static bool encode_decoded(ch_buffer *out, ch_slice text)
{
    ch_buffer_add_slice(out, text);
    return ch_slice_find(text, '&') == NULL;
}

/* `name` is whose text it is. */
static ch_status add_text(ch_form *form, ch_slice text, ch_slice name, ch_error *err)
{
    if (form->encode(form->out, text))
        return CH_OK;
    return ch_fail(err, CH_BAD_INPUT,
                   "'%.*s' is signed unencoded at this exchange, and holds characters that could be read as something "
                   "else; use letters, digits and - . _ ~ , : / @",
                   CH_SLICE_ARGS(name));
}

/* `suffix` stands behind the name: "", "[]" or "[3]". */
static ch_status add_pair(ch_form *form, ch_slice name, const char *suffix, ch_slice value, ch_error *err)
{
    if (form->is_begun)
        ch_buffer_add_byte(form->out, '&');
    form->is_begun = true;
    ch_status st = add_text(form, name, name, err);
    if (st == CH_OK)
        st = add_text(form, ch_slice_of(suffix), name, err);
    ch_buffer_add_byte(form->out, '=');
    return st == CH_OK ? add_text(form, value, name, err) : st;
}

static ch_status add_list_of_pairs(ch_form *form, const ch_list_item *item, ch_error *err)
{
    ch_status st = CH_OK;
    for (size_t i = 1; st == CH_OK && i + 1 < item->held_count; i++) {
        ch_autobuffer suffix = CH_BUFFER_INIT;
        if (item->spelling == CH_SPELLING_BRACKETS)
            ch_buffer_add_text(&suffix, "[]");
        else if (item->spelling == CH_SPELLING_INDEX)
            ch_buffer_add_format(&suffix, "[%zu]", i - 1);
        st = add_pair(form, item->name, ch_buffer_text(&suffix), item->held[i].value, err);
    }
    return st;
}

/* The value of a list or object as one text. */
static ch_status join_held(ch_form *form, const ch_list_item *item, ch_slice *out, ch_error *err)
{
    ch_buffer *joined = &form->scratch->json;
    ch_buffer_clear(joined);
    ch_status st = CH_OK;
    if (item->kind != CH_PARAM_LIST || item->spelling != CH_SPELLING_COMMA)
        st = add_json_held(joined, item->held, item->held_count, err);
    else
        for (size_t i = 1; st == CH_OK && i + 1 < item->held_count; i++) {
            if (ch_slice_find(item->held[i].value, ',') != NULL)
                st = ch_fail(err, CH_BAD_INPUT, "an item of '%.*s' holds a comma, which separates them",
                             CH_SLICE_ARGS(item->name));
            if (i > 1)
                ch_buffer_add_byte(joined, ',');
            ch_buffer_add_slice(joined, item->held[i].value);
        }
    *out = ch_buffer_slice(joined);
    return st;
}

static ch_status add_item(ch_form *form, const ch_list_item *item, ch_error *err)
{
    if (item->held == NULL)
        return add_pair(form, item->name, "", item->value, err);
    if (item->kind == CH_PARAM_LIST && item->spelling != CH_SPELLING_JSON && item->spelling != CH_SPELLING_COMMA)
        return add_list_of_pairs(form, item, err);
    ch_slice joined;
    ch_status st = join_held(form, item, &joined, err);
    return st == CH_OK ? add_pair(form, item->name, "", joined, err) : st;
}

static ch_status write_pairs(ch_scratch *scratch, ch_buffer *out, const ch_list *list, encode_text encode,
                             ch_error *err)
{
    ch_form form = {scratch, out, encode, false};
    ch_status st = CH_OK;
    for (size_t i = 0; st == CH_OK && i < list->count; i++)
        st = add_item(&form, &list->items[i], err);
    return st;
}

static ch_status write_form(ch_scratch *scratch, ch_buffer *out, const ch_list *list, ch_error *err)
{
    return write_pairs(scratch, out, list, encode_percent, err);
}

static ch_status write_form_plus(ch_scratch *scratch, ch_buffer *out, const ch_list *list, ch_error *err)
{
    return write_pairs(scratch, out, list, encode_plus, err);
}

static ch_status write_form_raw(ch_scratch *scratch, ch_buffer *out, const ch_list *list, ch_error *err)
{
    return write_pairs(scratch, out, list, encode_raw, err);
}

static ch_status write_form_raw_body(ch_scratch *scratch, ch_buffer *out, const ch_list *list, ch_error *err)
{
    return write_pairs(scratch, out, list, encode_raw_body, err);
}

static ch_status write_form_decoded(ch_scratch *scratch, ch_buffer *out, const ch_list *list, ch_error *err)
{
    return write_pairs(scratch, out, list, encode_decoded, err);
}

/* ---- names and values with nothing in between ---- */

/* The member of the object at held[at] with the smallest name above `above` (NULL: of all); 0 when there is none. */
static size_t next_member(const ch_param *held, size_t count, size_t at, const ch_slice *above)
{
    size_t best = 0;
    for (size_t i = at + 1; held[i].kind != CH_PARAM_END; i = ch_param_after(held, count, i)) {
        bool is_above = above == NULL || ch_slice_compare(held[i].name, *above) > 0;
        if (is_above && (best == 0 || ch_slice_compare(held[i].name, held[best].name) < 0))
            best = i;
    }
    return best;
}

/* Calls itself once a level of nesting, which is checked before the first call. */
static void add_joined(ch_buffer *out, const ch_param *held, size_t count, size_t at)
{
    if (held[at].kind == CH_PARAM_LIST) {
        for (size_t i = at + 1; held[i].kind != CH_PARAM_END; i = ch_param_after(held, count, i))
            add_joined(out, held, count, i);
    } else if (held[at].kind == CH_PARAM_OBJECT) {
        for (size_t i = next_member(held, count, at, NULL); i != 0; i = next_member(held, count, at, &held[i].name)) {
            ch_buffer_add_slice(out, held[i].name);
            add_joined(out, held, count, i);
        }
    } else {
        ch_buffer_add_slice(out, held[at].value);
    }
}

static bool nests_deeply(const ch_param *held, size_t count)
{
    size_t depth = 0;
    for (size_t i = 0; i < count; i++) {
        depth += held[i].kind == CH_PARAM_LIST || held[i].kind == CH_PARAM_OBJECT;
        depth -= held[i].kind == CH_PARAM_END;
        if (depth > NESTING_MAX)
            return true;
    }
    return false;
}

/* What could be read in two ways here depends on the names that the endpoint takes; recipe.c looks after that. */
static ch_status write_joined(ch_scratch *scratch, ch_buffer *out, const ch_list *list, ch_error *err)
{
    (void)scratch;
    for (size_t i = 0; i < list->count; i++) {
        const ch_list_item *item = &list->items[i];
        ch_buffer_add_slice(out, item->name);
        if (item->held == NULL)
            ch_buffer_add_slice(out, item->value);
        else if (nests_deeply(item->held, item->held_count))
            return ch_fail(err, CH_BAD_INPUT, "lists and objects nest too deeply");
        else
            add_joined(out, item->held, item->held_count, 0);
    }
    return CH_OK;
}

static const ch_style styles[] = {
    {"form",          "form",  true,  CH_READER_FORM_PERCENT, write_form         },
    {"form-plus",     "form",  true,  CH_READER_FORM_PLUS,    write_form_plus    },
    {"form-raw",      "form",  true,  CH_READER_FORM,         write_form_raw     },
    {"form-raw-body", "form",  true,  CH_READER_FORM,         write_form_raw_body},
    {"form-decoded",  "form",  true,  CH_READER_FORM,         write_form_decoded },
    {"json",          "json",  false, CH_READER_JSON,         write_json         },
    {"json-members",  "json",  true,  CH_READER_NONE,         write_json_members },
    {"json-optional", "json",  true,  CH_READER_JSON,         write_json_optional},
    {"pairs",         "pairs", true,  CH_READER_NONE,         write_joined       },
};

const ch_style *ch_style_find(ch_slice name)
{
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++) {
        if (ch_slice_is(name, styles[i].name))
            return &styles[i];
    }
    return NULL;
}
