/* No recursion on input: `open` holds the containers that are not closed yet. Each step reads one thing of the
 * innermost one, which is a value (with its name in an object) or the end. */
#include "exchange/json_tokens.h"

#include <string.h>

typedef struct reader {
    ch_slice text;
    size_t at;
    ch_json_token *tokens;
    size_t count;
    size_t open[CH_JSON_DEPTH_MAX];
    size_t depth;
} reader;

/* ---- bytes ---- */

/* 0 at the end, which no byte that is looked for is. */
static uint8_t peek(const reader *r)
{
    return r->at < r->text.size ? r->text.data[r->at] : 0;
}

static bool take(reader *r, uint8_t byte)
{
    if (peek(r) != byte)
        return false;
    r->at++;
    return true;
}

static void skip_blanks(reader *r)
{
    while (peek(r) == ' ' || peek(r) == '\t' || peek(r) == '\n' || peek(r) == '\r')
        r->at++;
}

static bool take_digits(reader *r)
{
    size_t count = ch_slice_count_digits(ch_slice_after(r->text, r->at));
    r->at += count;
    return count > 0;
}

static ch_slice since(const reader *r, size_t start)
{
    return (ch_slice){r->text.data + start, r->at - start};
}

/* ---- values ---- */

static bool add(reader *r, ch_json_kind kind, ch_slice text)
{
    if (r->count == CH_JSON_TOKENS_MAX)
        return false;
    r->tokens[r->count] = (ch_json_token){.kind = kind, .text = text, .next = r->count + 1};
    r->count++;
    return true;
}

static bool take_escape(reader *r)
{
    if (peek(r) == 0 || strchr("\"\\/bfnrtu", peek(r)) == NULL)
        return false;
    bool is_unicode = r->text.data[r->at++] == 'u';
    for (size_t i = 0; is_unicode && i < 4; i++) {
        if (peek(r) == 0 || strchr("0123456789abcdefABCDEF", peek(r)) == NULL)
            return false;
        r->at++;
    }
    return true;
}

static bool add_text(reader *r, ch_json_kind kind)
{
    bool has_escape = false;
    size_t start = r->at + 1;
    if (!take(r, '"'))
        return false;
    while (r->at < r->text.size && peek(r) != '"') {
        bool is_escape = r->text.data[r->at++] == '\\';
        has_escape |= is_escape;
        if (is_escape && !take_escape(r))
            return false;
    }
    ch_slice text = since(r, start);
    if (!take(r, '"') || !ch_slice_is_text(text) || !add(r, kind, text))
        return false;
    r->tokens[r->count - 1].has_escape = has_escape;
    return true;
}

static bool add_number(reader *r)
{
    size_t start = r->at;
    (void)take(r, '-');
    if (!take(r, '0') && !take_digits(r))
        return false;
    if (take(r, '.') && !take_digits(r))
        return false;
    if (take(r, 'e') || take(r, 'E')) {
        (void)(take(r, '+') || take(r, '-'));
        if (!take_digits(r))
            return false;
    }
    return add(r, CH_JSON_NUMBER, since(r, start));
}

static bool add_word(reader *r, ch_slice word)
{
    if (!ch_slice_begins(ch_slice_after(r->text, r->at), word))
        return false;
    r->at += word.size;
    return add(r, CH_JSON_WORD, since(r, r->at - word.size));
}

static bool open_container(reader *r, ch_json_kind kind)
{
    if (r->depth == CH_JSON_DEPTH_MAX)
        return false;
    r->open[r->depth++] = r->count;
    r->at++;
    return add(r, kind, since(r, r->at - 1));
}

/* Of an object or a list, only its beginning. */
static bool add_value(reader *r)
{
    skip_blanks(r);
    switch (peek(r)) {
    case '{':
        return open_container(r, CH_JSON_OBJECT);
    case '[':
        return open_container(r, CH_JSON_LIST);
    case '"':
        return add_text(r, CH_JSON_TEXT);
    case 't':
        return add_word(r, CH_LITERAL("true"));
    case 'f':
        return add_word(r, CH_LITERAL("false"));
    case 'n':
        return add_word(r, CH_LITERAL("null"));
    default:
        return add_number(r);
    }
}

/* ---- containers ---- */

/* The last token is the name; all others of the object stand before it. */
static bool is_new_name(const reader *r, size_t object)
{
    const ch_json_token *name = &r->tokens[r->count - 1];
    for (size_t i = object + 1; i + 1 < r->count; i = r->tokens[i + 1].next) {
        if (ch_slice_equal(r->tokens[i].text, name->text))
            return false;
    }
    return !name->has_escape;
}

static bool add_name(reader *r, size_t object)
{
    skip_blanks(r);
    if (!add_text(r, CH_JSON_NAME) || !is_new_name(r, object))
        return false;
    skip_blanks(r);
    return take(r, ':');
}

static bool step(reader *r)
{
    size_t container = r->open[r->depth - 1];
    bool is_object = r->tokens[container].kind == CH_JSON_OBJECT;
    bool is_empty = r->count == container + 1;
    skip_blanks(r);
    if (take(r, is_object ? '}' : ']')) {
        r->tokens[container].next = r->count;
        r->depth--;
        return true;
    }
    if (!is_empty && !take(r, ','))
        return false;
    return (!is_object || add_name(r, container)) && add_value(r);
}

size_t ch_json_read(ch_slice text, ch_json_token *tokens)
{
    reader r = {.text = text, .tokens = tokens};
    bool is_sound = add_value(&r);
    while (is_sound && r.depth > 0)
        is_sound = step(&r);
    skip_blanks(&r);
    return is_sound && r.at == text.size ? r.count : 0;
}

/* ---- pointers ---- */

static size_t find_member(const ch_json_token *tokens, size_t object, ch_slice name)
{
    for (size_t i = object + 1; i < tokens[object].next; i = tokens[i + 1].next) {
        if (ch_slice_equal(tokens[i].text, name))
            return i + 1;
    }
    return 0;
}

static size_t find_item(const ch_json_token *tokens, size_t list, ch_slice position)
{
    size_t number = 0;
    if (position.size == 0 || position.size > 4 || ch_slice_count_digits(position) != position.size)
        return 0;
    for (size_t i = 0; i < position.size; i++)
        number = number * 10 + (size_t)(position.data[i] - '0');
    for (size_t i = list + 1; i < tokens[list].next; i = tokens[i].next) {
        if (number-- == 0)
            return i;
    }
    return 0;
}

static size_t find_step(const ch_json_token *tokens, size_t at, ch_slice step)
{
    if (tokens[at].kind == CH_JSON_OBJECT)
        return find_member(tokens, at, step);
    return tokens[at].kind == CH_JSON_LIST ? find_item(tokens, at, step) : 0;
}

size_t ch_json_find(const ch_json_token *tokens, size_t at, ch_slice pointer)
{
    while (pointer.size > 0) {
        ch_slice rest = ch_slice_after(pointer, 1); /* the slash */
        const uint8_t *slash = ch_slice_find(rest, '/');
        ch_slice step = {rest.data, slash == NULL ? rest.size : (size_t)(slash - rest.data)};
        at = find_step(tokens, at, step);
        if (at == 0)
            return 0;
        pointer = ch_slice_after(rest, step.size);
    }
    return at;
}
