/* A style must never write two different lists as the same text; it refuses what it could not tell apart. */
#include "exchange/styles.h"

#include "base/encode.h"

#include <stdio.h>
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

/* What a list or object is written with: the containers that are open, from the outermost. */
typedef struct nesting {
    ch_param_kind open[NESTING_MAX];
    size_t depth;
    bool is_first; /* of what the innermost holds */
} nesting;

static ch_status open_held(nesting *in, ch_buffer *out, ch_param_kind kind, ch_error *err)
{
    if (in->depth == NESTING_MAX)
        return ch_fail(err, CH_BAD_INPUT, "lists and objects nest too deeply");
    in->open[in->depth++] = kind;
    in->is_first = true;
    ch_buffer_add_byte(out, kind == CH_PARAM_LIST ? '[' : '{');
    return CH_OK;
}

static ch_status close_held(nesting *in, ch_buffer *out, ch_error *err)
{
    if (in->depth == 0)
        return ch_fail(err, CH_INTERNAL, "a list or object ends that did not begin");
    ch_buffer_add_byte(out, in->open[--in->depth] == CH_PARAM_LIST ? ']' : '}');
    in->is_first = false;
    return CH_OK;
}

static ch_status add_held_entry(nesting *in, ch_buffer *out, const ch_param *entry, ch_error *err)
{
    if (entry->kind == CH_PARAM_END)
        return close_held(in, out, err);
    if (!in->is_first)
        ch_buffer_add_byte(out, ',');
    in->is_first = false;
    if (in->depth > 0 && in->open[in->depth - 1] == CH_PARAM_OBJECT) {
        ch_encode_json(out, entry->name);
        ch_buffer_add_byte(out, ':');
    }
    if (entry->kind == CH_PARAM_LIST || entry->kind == CH_PARAM_OBJECT)
        return open_held(in, out, entry->kind, err);
    add_json_value(out, entry->kind, entry->def != NULL && entry->def->is_bare, entry->value);
    return CH_OK;
}

/* Writes a list or object with all that it holds. */
static ch_status add_json_held(ch_buffer *out, const ch_param *held, size_t count, ch_error *err)
{
    nesting in = {.depth = 0, .is_first = true};
    for (size_t i = 0; i < count; i++)
        CH_TRY(add_held_entry(&in, out, &held[i], err));
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
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            ch_buffer_add_byte(out, ',');
        ch_encode_json(out, list->items[i].name);
        ch_buffer_add_byte(out, ':');
        CH_TRY(add_json_item(out, &list->items[i], err));
    }
    return CH_OK;
}

static ch_status write_json(ch_scratch *scratch, ch_buffer *out, const ch_list *list, ch_error *err)
{
    /* A list without a name is the whole body. */
    if (list->count == 1 && list->items[0].held != NULL && list->items[0].name.size == 0)
        return add_json_item(out, &list->items[0], err);
    ch_buffer_add_byte(out, '{');
    CH_TRY(write_json_members(scratch, out, list, err));
    ch_buffer_add_byte(out, '}');
    return CH_OK;
}

static ch_status write_json_optional(ch_scratch *scratch, ch_buffer *out, const ch_list *list, ch_error *err)
{
    return list->count == 0 ? CH_OK : write_json(scratch, out, list, err);
}

/* ---- forms ---- */

/* Appends `text`. Returns false if it could be read as something else. */
typedef bool (*encode_text)(ch_buffer *out, ch_slice text);

typedef struct form {
    ch_scratch *scratch;
    ch_buffer *out;
    encode_text encode;
    bool is_begun;
} form;

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

/* Takes characters that mean themselves in a query and in a form, whoever reads it. */
static bool encode_raw(ch_buffer *out, ch_slice text)
{
    ch_buffer_add_slice(out, text);
    return is_made_of(text, "-._~,:/@[]");
}

/* In a form that is not part of a URL, the characters of JSON mean themselves too, if the value is JSON. */
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

/* The text is a part of the parameter `name`. */
static ch_status add_text(form *to, ch_slice text, ch_slice name, ch_error *err)
{
    if (to->encode(to->out, text))
        return CH_OK;
    return ch_fail(
        err, CH_BAD_INPUT,
        "this exchange signs '%.*s' unencoded, and it holds characters that could be read as something else; "
        "use letters, digits and - . _ ~ , : / @",
        CH_SLICE_ARGS(name));
}

/* `suffix` follows the name: "", "[]" or "[3]". */
static ch_status add_pair(form *to, ch_slice name, const char *suffix, ch_slice value, ch_error *err)
{
    if (to->is_begun)
        ch_buffer_add_byte(to->out, '&');
    to->is_begun = true;
    CH_TRY(add_text(to, name, name, err));
    CH_TRY(add_text(to, ch_slice_of(suffix), name, err));
    ch_buffer_add_byte(to->out, '=');
    return add_text(to, value, name, err);
}

static ch_status add_list_of_pairs(form *to, const ch_list_item *item, ch_error *err)
{
    for (size_t i = 1; i + 1 < item->held_count; i++) {
        char suffix[24] = "";
        if (item->spelling == CH_SPELLING_BRACKETS)
            snprintf(suffix, sizeof suffix, "[]");
        else if (item->spelling == CH_SPELLING_INDEX)
            snprintf(suffix, sizeof suffix, "[%zu]", i - 1);
        CH_TRY(add_pair(to, item->name, suffix, item->held[i].value, err));
    }
    return CH_OK;
}

static ch_status join_by_commas(ch_buffer *out, const ch_list_item *item, ch_error *err)
{
    for (size_t i = 1; i + 1 < item->held_count; i++) {
        if (ch_slice_find(item->held[i].value, ',') != NULL)
            return ch_fail(err, CH_BAD_INPUT, "an item of '%.*s' holds a comma, which separates them",
                           CH_SLICE_ARGS(item->name));
        if (i > 1)
            ch_buffer_add_byte(out, ',');
        ch_buffer_add_slice(out, item->held[i].value);
    }
    return CH_OK;
}

static ch_status add_item(form *to, const ch_list_item *item, ch_error *err)
{
    if (item->held == NULL)
        return add_pair(to, item->name, "", item->value, err);
    bool is_list = item->kind == CH_PARAM_LIST;
    if (is_list && item->spelling != CH_SPELLING_JSON && item->spelling != CH_SPELLING_COMMA)
        return add_list_of_pairs(to, item, err);
    ch_buffer *joined = &to->scratch->json;
    ch_buffer_clear(joined);
    if (is_list && item->spelling == CH_SPELLING_COMMA)
        CH_TRY(join_by_commas(joined, item, err));
    else
        CH_TRY(add_json_held(joined, item->held, item->held_count, err));
    return add_pair(to, item->name, "", ch_buffer_slice(joined), err);
}

static ch_status write_pairs(ch_scratch *scratch, ch_buffer *out, const ch_list *list, encode_text encode,
                             ch_error *err)
{
    form to = {scratch, out, encode, false};
    for (size_t i = 0; i < list->count; i++)
        CH_TRY(add_item(&to, &list->items[i], err));
    return CH_OK;
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

/* ---- names and values without separators ---- */

/* The member of the object at held[at] with the smallest name above `above` (NULL: of all); 0 if there are no more. */
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

/* Calls itself once for each level of nesting; the levels are counted before the first call. */
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

/* What could be read in two ways here depends on the names that the endpoint takes: see exchange/ambiguity.h. */
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

/* clang-format off */
static const ch_style styles[] = {
    /* name             shape    joined  may be nothing  reader                  write */
    { "form",           "form",  false,  true,           CH_READER_FORM_PERCENT, write_form },
    { "form-plus",      "form",  false,  true,           CH_READER_FORM_PLUS,    write_form_plus },
    { "form-raw",       "form",  false,  true,           CH_READER_FORM,         write_form_raw },
    { "form-raw-body",  "form",  false,  true,           CH_READER_FORM,         write_form_raw_body },
    { "form-decoded",   "form",  false,  true,           CH_READER_FORM,         write_form_decoded },
    { "json",           "json",  false,  false,          CH_READER_JSON,         write_json },
    { "json-members",   "json",  false,  true,           CH_READER_NONE,         write_json_members },
    { "json-optional",  "json",  false,  true,           CH_READER_JSON,         write_json_optional },
    { "pairs",          "pairs", true,   true,           CH_READER_NONE,         write_joined },
};
/* clang-format on */
#define STYLE_COUNT (sizeof styles / sizeof styles[0])

const ch_style *ch_style_find(ch_slice name)
{
    for (size_t i = 0; i < STYLE_COUNT; i++) {
        if (ch_slice_is(name, styles[i].name))
            return &styles[i];
    }
    return NULL;
}

void ch_style_add_names(ch_buffer *out)
{
    for (size_t i = 0; i < STYLE_COUNT; i++)
        ch_buffer_add_format(out, "%s%s", i == 0 ? "" : i + 1 == STYLE_COUNT ? " or " : ", ", styles[i].name);
}
