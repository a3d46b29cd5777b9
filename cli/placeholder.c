/* To know before a change: the value is looked at where it is. A copy, in lower case for instance, would have to be in
 * locked memory too. */
#include "cli/placeholder.h"

#include <string.h>

static bool is_base64(ch_encoding encoding)
{
    return encoding == CH_ENCODE_BASE64 || encoding == CH_ENCODE_BASE64URL;
}

static ch_status fail(const char *name, const char *what, ch_error *err)
{
    return ch_fail(err, CH_BAD_INPUT, "%s %s. " CH_PLACEHOLDER_WAY_OUT, name, what);
}

/* ---- single characters ---- */

/* clang-format off */
static const struct {
    const char *marks;
    const char *what;
} kinds[] = {
    /* marks       what they are */
    { "*",         "of a mask: show the secret in full and copy it again" },
    { "%",         "of percent-encoding, which must be decoded first, or of a place-holder" },
    { "$<>{}()[]", "of a place-holder, where the secret was to be put" },
};
/* clang-format on */

static const char *kind_of(uint8_t mark)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strchr(kinds[i].marks, mark) != NULL)
            return kinds[i].what;
    }
    return NULL;
}

static size_t size_without_padding(ch_slice value)
{
    while (value.size > 0 && value.data[value.size - 1] == '=')
        value.size--;
    return value.size;
}

/* In hex and base64, what has no kind is left to the decoder. */
static ch_status check_marks(ch_slice value, ch_encoding encoding, const char *name, ch_error *err)
{
    size_t size = size_without_padding(value);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = value.data[i];
        if (ch_byte_is_alphanumeric(byte) || strchr("-_+/.~", byte) != NULL)
            continue;
        if (kind_of(byte) == NULL && encoding != CH_ENCODE_TEXT)
            continue;
        return ch_fail(err, CH_BAD_INPUT, "character %zu of %s is %s. " CH_PLACEHOLDER_WAY_OUT, i + 1, name,
                       kind_of(byte) != NULL ? kind_of(byte) : "a punctuation mark, as in more than one value");
    }
    return CH_OK;
}

/* ---- runs ---- */

static bool has_run(ch_slice value, uint8_t byte, size_t count)
{
    size_t run = 0;
    for (size_t i = 0; i < value.size && run < count; i++)
        run = value.data[i] == byte ? run + 1 : 0;
    return run == count;
}

static bool is_masked(ch_slice value)
{
    bool is_crossed_out = has_run(value, 'x', 4) || has_run(value, 'X', 4);
    return is_crossed_out || has_run(value, '.', 2) || has_run(value, '_', 4) || has_run(value, '-', 4);
}

static bool is_one_repeated(ch_slice value)
{
    size_t size = size_without_padding(value);
    for (size_t i = 1; i < size; i++) {
        if (value.data[i] != value.data[0])
            return false;
    }
    return true;
}

/* ---- alphabets ---- */

typedef struct letters {
    bool has_upper;
    bool has_lower;
    bool has_digit;
    bool is_hex; /* all of it */
} letters;

static letters letters_of(ch_slice value)
{
    letters found = {.is_hex = true};
    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.data[i];
        found.has_upper = found.has_upper || (byte >= 'A' && byte <= 'Z');
        found.has_lower = found.has_lower || (byte >= 'a' && byte <= 'z');
        found.has_digit = found.has_digit || (byte >= '0' && byte <= '9');
        found.is_hex = found.is_hex && byte != '\0' && strchr("0123456789abcdefABCDEF", byte) != NULL;
    }
    return found;
}

static bool has_hex_prefix(ch_slice value)
{
    bool has_prefix = ch_slice_begins(value, CH_LITERAL("0x")) || ch_slice_begins(value, CH_LITERAL("0X"));
    return has_prefix && letters_of(ch_slice_after(value, 2)).is_hex;
}

/* Base64 may begin with '/', but is not all in lower case. */
static bool is_path(ch_slice value, ch_encoding encoding)
{
    if (value.data[0] == '/')
        return !is_base64(encoding) || !letters_of(value).has_upper;
    return value.data[0] == '~' || ch_slice_begins(value, CH_LITERAL("./"));
}

/* As many digits as keys have, which base64 has by chance only once in 10^15. */
static bool may_be_hex(ch_slice value)
{
    static const size_t sizes[] = {32, 40, 64, 96, 128};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (value.size == sizes[i])
            return letters_of(value).is_hex;
    }
    return false;
}

/* ---- words ---- */

/* Without what may stand between their parts. */
static const char *const words[] = {
    "changeme",   "changeit",     "placeholder", "redacted",    "undefined",    "password",    "passphrase",
    "apisecret",  "apikey",       "secretkey",   "privatekey",  "clientsecret", "secrethere",  "keyhere",
    "yoursecret", "yourkey",      "yourapi",     "yourprivate", "mysecret",     "supersecret", "topsecret",
    "example",    "replaceme",    "replacewith", "replacethis", "insertyour",   "enteryour",   "putyour",
    "pasteyour",  "notarealkey",  "dummykey",    "dummysecret", "fakesecret",   "secretvalue", "secretgoes",
    "goeshere",   "tobereplaced", "nullnull",    "nonenone",    "todotodo",
};

/* Words that mean something in the first place only. */
static const char *const first_words[] = {"your",  "insert", "enter",  "paste", "replace",
                                          "dummy", "fake",   "sample", "fixme", "todo"};

static bool begins_with_word(ch_slice value, const char *word)
{
    for (size_t at = 0; *word != '\0'; at++) {
        if (at == value.size)
            return false;
        bool is_between = at > 0 && strchr("_-.", value.data[at]) != NULL;
        if (!is_between && (value.data[at] | 0x20) != *word++)
            return false;
    }
    return true;
}

static bool has_word(ch_slice value)
{
    for (size_t i = 0; i < sizeof first_words / sizeof first_words[0]; i++) {
        if (begins_with_word(value, first_words[i]))
            return true;
    }
    for (size_t at = 0; at < value.size; at++) {
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            if (begins_with_word(ch_slice_after(value, at), words[i]))
                return true;
        }
    }
    return false;
}

/* Letters of one case without a digit are words too, whatever they say, unless they are hex. */
static bool is_words(ch_slice value)
{
    letters found = letters_of(value);
    if (has_word(value) || (!found.is_hex && !found.has_digit && found.has_upper != found.has_lower))
        return true;
    ch_slice mark = CH_LITERAL("__");
    return ch_slice_begins(value, mark) && ch_slice_equal(ch_slice_after(value, value.size - 2), mark);
}

ch_status ch_placeholder_check(ch_slice value, ch_encoding encoding, bool is_of_exchange, const char *name,
                               ch_error *err)
{
    CH_TRY(check_marks(value, encoding, name, err));
    if (!is_of_exchange)
        return CH_OK;
    if (is_masked(value))
        return fail(name, "is a mask or was shortened; show it in full and copy it again", err);
    if (is_one_repeated(value))
        return fail(name, "is one character, over and over; as a mask is, or an empty value", err);
    if (is_path(value, encoding))
        return fail(name, "looks like the path of a file; pass what is in it, with --secret-fd 3 3<FILE", err);
    if (encoding != CH_ENCODE_HEX && has_hex_prefix(value))
        return fail(name, "is hex behind 0x; pass it without the 0x, with --encoding hex", err);
    if (is_base64(encoding) && may_be_hex(value))
        return fail(name, "has hex digits only, and base64 was expected; if it is hex, pass it with --encoding hex",
                    err);
    if (encoding != CH_ENCODE_HEX && is_words(value))
        return fail(name, "reads like words: a place-holder or the name of a variable, not its value", err);
    return CH_OK;
}
