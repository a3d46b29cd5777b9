/* An alphabet is a list of its characters, so that what is in it can be read off the table. */
#include "exchange/secret_shape.h"

#include <assert.h>
#include <string.h>

#define LENGTH_MAX 4096

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* clang-format off */
static const struct {
    const char *name;
    const char *characters;
    const char *text;
} alphabets[CH_ALPHABET_COUNT] = {
    /*                             name            characters               for people */
    [CH_ALPHABET_LOWER_HEX]    = { "lower-hex",    DIGITS "abcdef",         "0-9, a-f" },
    [CH_ALPHABET_UPPER_HEX]    = { "upper-hex",    DIGITS "ABCDEF",         "0-9, A-F" },
    [CH_ALPHABET_HEX_DASHES]   = { "hex-dashes",   DIGITS "abcdef-",        "0-9, a-f and '-'" },
    [CH_ALPHABET_ALPHANUMERIC] = { "alphanumeric", DIGITS LETTERS,          "A-Z, a-z, 0-9" },
    [CH_ALPHABET_BASE64]       = { "base64",       DIGITS LETTERS "+/=",    "A-Z, a-z, 0-9, '+', '/' and '='" },
    [CH_ALPHABET_BASE64URL]    = { "base64url",    DIGITS LETTERS "-_",     "A-Z, a-z, 0-9, '-' and '_'" },
};
/* clang-format on */

const char *ch_alphabet_name(ch_alphabet alphabet)
{
    assert(alphabet < CH_ALPHABET_COUNT);
    return alphabets[alphabet].name;
}

/* Takes a number of 1 to LENGTH_MAX off the beginning of `*text`; 0 if there is none. */
static size_t take_number(const char **text)
{
    size_t number = 0;
    if (**text == '0')
        return 0;
    for (; **text >= '0' && **text <= '9' && number <= LENGTH_MAX; (*text)++)
        number = number * 10 + (size_t)(**text - '0');
    return number <= LENGTH_MAX ? number : 0;
}

bool ch_secret_shape_read_length(ch_secret_shape *shape, const char *text)
{
    size_t min = take_number(&text);
    size_t max = min;
    if (*text == '-') {
        text++;
        max = take_number(&text);
    }
    if (*text != '\0' || min == 0 || max < min)
        return false;
    shape->min = min;
    shape->max = max;
    return true;
}

bool ch_secret_shape_fits(const ch_secret_shape *shape, ch_slice text)
{
    assert(shape->max != 0);
    if (text.size < shape->min || text.size > shape->max)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\0' || strchr(alphabets[shape->alphabet].characters, text.data[i]) == NULL)
            return false;
    }
    return true;
}

void ch_secret_shape_describe(const ch_secret_shape *shape, ch_buffer *out)
{
    ch_buffer_add_format(out, "%zu", shape->min);
    if (shape->max != shape->min)
        ch_buffer_add_format(out, " to %zu", shape->max);
    ch_buffer_add_format(out, " characters (%s)", alphabets[shape->alphabet].text);
}
