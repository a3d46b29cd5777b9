/* The first fault that is found is the one that is reported, so the checks go from what spoils everything (UTF-16) to
 * what spoils a character. */
#include "cli/stray_text.h"

#include "base/printable.h"

#include <stdint.h>
#include <string.h>

ch_slice ch_stray_without_end(ch_slice text)
{
    if (text.size == 0 || text.data[text.size - 1] != '\n')
        return text;
    text.size--;
    if (text.size > 0 && text.data[text.size - 1] == '\r')
        text.size--;
    return text;
}

/* ---- how it was saved ---- */

static bool is_utf16(ch_slice text)
{
    return ch_slice_begins(text, CH_LITERAL("\xff\xfe")) || ch_slice_begins(text, CH_LITERAL("\xfe\xff"));
}

static ch_status check_carriage_returns(ch_slice text, const char *name, ch_error *err)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '\r')
            continue;
        if (i + 1 < text.size && text.data[i + 1] == '\n')
            continue;
        if (i + 2 < text.size && text.data[i + 1] == '\r' && text.data[i + 2] == '\n')
            return ch_fail(err, CH_BAD_INPUT,
                           "a line of %s ends in CR CR LF, so its line ends were converted twice; remove the extra "
                           "carriage returns: tr -d '\\r'",
                           name);
        return ch_fail(err, CH_BAD_INPUT, "%s has a carriage return that ends no line; remove it: tr -d '\\r'", name);
    }
    return CH_OK;
}

ch_status ch_stray_check_file(ch_slice text, const char *name, ch_error *err)
{
    if (is_utf16(text) || ch_slice_find(text, '\0') != NULL)
        return ch_fail(err, CH_BAD_INPUT,
                       "%s is UTF-16, or has NUL bytes; save it as plain text, UTF-8 without a byte "
                       "order mark",
                       name);
    if (ch_slice_begins(text, CH_LITERAL("\xef\xbb\xbf")))
        return ch_fail(err, CH_BAD_INPUT, "%s begins with a byte order mark; save it as UTF-8 without one", name);
    if (ch_stray_without_end(text).size == 0)
        return ch_fail(err, CH_BAD_INPUT, "%s is empty", name);
    return check_carriage_returns(text, name, err);
}

/* ---- characters ---- */

/* The code point that `text`, which is not empty, begins with, and its length; a byte that is not UTF-8 stands for
 * itself, as in Latin-1. */
static uint32_t first_code_point(ch_slice text, size_t *size)
{
    const uint8_t *at = text.data;
    *size = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : at[0] >= 0xc2 ? 2 : 1;
    uint32_t code = *size == 1 ? at[0] : at[0] & (0xffU >> (*size + 1));
    bool is_whole = *size <= text.size;
    for (size_t i = 1; i < *size && is_whole; i++) {
        is_whole = (at[i] & 0xc0) == 0x80;
        code = code << 6 | (at[i] & 0x3f);
    }
    if (is_whole)
        return code;
    *size = 1;
    return at[0];
}

/* ---- how it begins ---- */

static bool is_comment(ch_slice text)
{
    return text.data[0] == '#' || text.data[0] == ';' || ch_slice_begins(text, CH_LITERAL("//")) ||
           ch_slice_begins(text, CH_LITERAL("/*")) || ch_slice_begins(text, CH_LITERAL("<!--"));
}

static bool is_name_byte(uint8_t byte)
{
    return ch_byte_is_alphanumeric(byte) || byte == '_' || byte == '-' || byte == '.';
}

static size_t skip_blanks(ch_slice text, size_t at)
{
    while (at < text.size && (text.data[at] == ' ' || text.data[at] == '\t'))
        at++;
    return at;
}

/* "NAME=value", "NAME: value", "export NAME=value"; but what ends in '=' may be the padding of base64. */
static bool is_assignment(ch_slice text)
{
    size_t at = ch_slice_begins(text, CH_LITERAL("export ")) ? strlen("export ") : 0;
    size_t start = at;
    while (at < text.size && is_name_byte(text.data[at]))
        at++;
    if (at == start || (text.data[start] >= '0' && text.data[start] <= '9'))
        return false;
    at = skip_blanks(text, at);
    if (at == text.size || (text.data[at] != '=' && text.data[at] != ':'))
        return false;
    bool is_equals = text.data[at] == '=';
    ch_slice value = ch_slice_after(text, at + 1);
    if (!is_equals)
        return value.size > 0 && (value.data[0] == ' ' || value.data[0] == '\t');
    return value.size > 0 && strchr("=\r\n", value.data[0]) == NULL;
}

static bool is_quote(uint32_t code)
{
    return code == '"' || code == '\'' || code == '`' || (code >= 0x2018 && code <= 0x201f) || code == 0xab ||
           code == 0xbb;
}

ch_status ch_stray_check_start(ch_slice text, const char *name, ch_error *err)
{
    size_t size = 0;
    uint32_t first = first_code_point(text, &size);
    if (first == '\n' || first == '\r')
        return ch_fail(err, CH_BAD_INPUT, "%s begins with an empty line; remove it", name);
    if (ch_unseen_name(first) != NULL)
        return ch_fail(err, CH_BAD_INPUT, "%s begins with %s (U+%04X); remove what does not belong to it", name,
                       ch_unseen_name(first), first);
    if (is_comment(text))
        return ch_fail(err, CH_BAD_INPUT, "%s begins with a comment; pass the value alone", name);
    if (is_assignment(text))
        return ch_fail(err, CH_BAD_INPUT, "%s has the form NAME=value; pass the value alone, without name and quotes",
                       name);
    if (is_quote(first))
        return ch_fail(err, CH_BAD_INPUT, "%s stands in quotes; pass it without them", name);
    return CH_OK;
}

/* ---- a value of one line ---- */

static ch_status check_character(uint32_t code, size_t number, bool is_last, const char *name, ch_error *err)
{
    const char *blank = ch_unseen_name(code);
    if (blank != NULL && is_last)
        return ch_fail(err, CH_BAD_INPUT, "%s ends with %s (U+%04X); remove what does not belong to it", name, blank,
                       code);
    if (blank != NULL)
        return ch_fail(err, CH_BAD_INPUT,
                       "character %zu of %s is %s (U+%04X): pass one value alone, without blanks in it", number, name,
                       blank, code);
    if (is_quote(code))
        return ch_fail(err, CH_BAD_INPUT, "character %zu of %s is a quotation mark; pass the value without it", number,
                       name);
    if (code < 0x20 || code > 0x7e)
        return ch_fail(err, CH_BAD_INPUT,
                       "character %zu of %s is not a visible ASCII character, as in a mask; show the "
                       "value in full and copy it again",
                       number, name);
    return CH_OK;
}

ch_status ch_stray_check_value(ch_slice value, const char *name, ch_error *err)
{
    size_t number = 0;
    for (size_t at = 0, size = 0; at < value.size; at += size) {
        uint32_t code = first_code_point(ch_slice_after(value, at), &size);
        CH_TRY(check_character(code, ++number, at + size == value.size, name, err));
    }
    return CH_OK;
}
