/* A new type is one row in the table below and a function above it. */
#include "exchange/check_value.h"

#include "base/bits.h"
#include "base/buffer.h"

#include <assert.h>
#include <string.h>

#define DIGITS_MAX 38 /* what the exact arithmetic holds */
#define FRACTION_DIGITS_MAX 18
#define TEXT_MAX 4096
#define SYMBOL_MAX 64

static bool is_all_zero(ch_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '0' && text.data[i] != '.')
            return false;
    }
    return true;
}

/* Plain digits with at most `fraction_max` after a point: no sign but '-', if that is allowed, no leading zero, no
 * exponent, no bare point, no negative zero. */
static bool is_number(ch_slice text, bool may_be_negative, size_t fraction_max)
{
    bool is_negative = text.size > 0 && text.data[0] == '-';
    if (is_negative)
        text = (ch_slice){text.data + 1, text.size - 1};
    size_t whole = ch_slice_count_digits(text);
    if (whole == 0 || (whole > 1 && text.data[0] == '0') || (is_negative && (!may_be_negative || is_all_zero(text))))
        return false;
    if (whole == text.size)
        return whole <= DIGITS_MAX;
    if (text.data[whole] != '.')
        return false;
    ch_slice fraction = {text.data + whole + 1, text.size - whole - 1};
    return fraction.size > 0 && fraction.size <= fraction_max && ch_slice_count_digits(fraction) == fraction.size &&
           whole + fraction.size <= DIGITS_MAX;
}

/* A JSON integer counts as the text of its digits. */
static bool is_plain(const ch_param *param)
{
    return param->kind == CH_PARAM_TEXT || (param->kind == CH_PARAM_INTEGER && is_number(param->value, true, 0));
}

bool ch_is_decimal(ch_slice text)
{
    return is_number(text, false, FRACTION_DIGITS_MAX);
}

bool ch_is_window(const ch_param *param, uint32_t max_ms)
{
    uint32_t ms = 0;
    if (!is_plain(param) || !is_number(param->value, false, 0) || param->value.size > CH_WINDOW_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < param->value.size; i++)
        ms = ms * 10 + (uint32_t)(param->value.data[i] - '0');
    return ms > 0 && ms <= max_ms;
}

static bool is_decimal(const ch_param_def *def, const ch_param *param)
{
    return is_plain(param) && is_number(param->value, def->may_be_negative, FRACTION_DIGITS_MAX);
}

static bool is_integer(const ch_param_def *def, const ch_param *param)
{
    return is_plain(param) && is_number(param->value, def->may_be_negative, 0);
}

static bool is_listed(const ch_param_def *def, const ch_param *param)
{
    for (size_t i = 0; is_plain(param) && i < def->value_count; i++) {
        if (ch_slice_is(param->value, def->values[i]))
            return true;
    }
    return false;
}

static bool is_text(const ch_param_def *def, const ch_param *param)
{
    (void)def;
    return is_plain(param) && param->value.size > 0 && param->value.size <= TEXT_MAX && ch_slice_is_text(param->value);
}

static bool is_boolean(const ch_param_def *def, const ch_param *param)
{
    (void)def;
    bool may_be = param->kind == CH_PARAM_BOOLEAN || param->kind == CH_PARAM_TEXT;
    return may_be && (ch_slice_is(param->value, "true") || ch_slice_is(param->value, "false"));
}

/* Letters beyond ASCII that nobody takes for others: of Latin, Japanese, Chinese and Korean. Not Greek or Cyrillic,
 * which have an A of their own, nor full-width Latin, nor what is invisible or punctuates; nor what becomes ASCII in
 * the other case or by compatibility, such as a long s, and a kra, which looks like a k. */
static bool is_distinct_letter(uint32_t code)
{
    static const struct {
        uint32_t first;
        uint32_t last;
    } letters[] = {
        {0xc0,    0xd6   },
        {0xd8,    0xde   },
        {0xe0,    0xf6   },
        {0xf8,    0x12f  },
        {0x134,   0x137  },
        {0x139,   0x13e  },
        {0x141,   0x148  },
        {0x14a,   0x17e  },
        {0x3041,  0x3096 },
        {0x30a1,  0x30fa },
        {0x3400,  0x4dbf },
        {0x4e00,  0x9fff },
        {0xac00,  0xd7a3 },
        {0x20000, 0x323af},
    };
    bool is_found = false;
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
        is_found |= code >= letters[i].first && code <= letters[i].last;
    return is_found;
}

/* Returns the size of the character that `text` begins with, 0 if a symbol can't have it. */
static size_t symbol_character(ch_slice text, bool takes_more_letters)
{
    uint32_t code;
    size_t size = ch_slice_code_point(text, &code);
    bool is_plain_ascii = size == 1 && (ch_byte_is_alphanumeric(text.data[0]) || strchr("._-/:", text.data[0]) != NULL);
    return is_plain_ascii || (size > 1 && takes_more_letters && is_distinct_letter(code)) ? size : 0;
}

static bool is_symbol(const ch_param_def *def, const ch_param *param)
{
    if (param->kind != CH_PARAM_TEXT || param->value.size == 0 || param->value.size > SYMBOL_MAX)
        return false;
    size_t size = 0;
    for (size_t at = 0; at < param->value.size; at += size) {
        size = symbol_character(ch_slice_after(param->value, at), def->takes_more_letters);
        if (size == 0)
            return false;
    }
    return true;
}

/* True if it would be a symbol if the profile took more letters. */
static bool has_foreign_letters(const ch_param_def *def, const ch_param *param)
{
    const ch_param_def looser = {.takes_more_letters = true};
    return def->type == CH_TYPE_SYMBOL && is_symbol(&looser, param);
}

static bool is_of_kind(const ch_param_def *def, const ch_param *param)
{
    return param->kind == (def->type == CH_TYPE_LIST ? CH_PARAM_LIST : CH_PARAM_OBJECT);
}

/* clang-format off */
static const struct {
    bool (*fits)(const ch_param_def *def, const ch_param *param);
    const char *must_be;
} types[CH_TYPE_COUNT] = {
    /* type                 fits          "parameter 'x' must be ..." */
    [CH_TYPE_DECIMAL]   = { is_decimal,   "a plain decimal such as \"0.001\": no exponent, no leading zeros, at most 38 "
                                          "digits, 18 of them after the point, and no minus unless the profile allows it" },
    [CH_TYPE_INTEGER]   = { is_integer,   "a whole number of at most 38 digits, without leading zeros, and without a minus "
                                          "unless the profile allows it" },
    [CH_TYPE_ENUM]      = { is_listed,    "one of the values that the profile lists" },
    [CH_TYPE_TEXT]      = { is_text,      "1 to 4096 bytes of UTF-8 text without control characters" },
    [CH_TYPE_BOOLEAN]   = { is_boolean,   "true or false" },
    [CH_TYPE_SYMBOL]    = { is_symbol,    "1 to 64 letters, digits and . _ - / :" },
    [CH_TYPE_LIST]      = { is_of_kind,   "a list" },
    [CH_TYPE_OBJECT]    = { is_of_kind,   "an object" },
};
/* clang-format on */

static ch_status check_items(const ch_param_def *def, ch_param *params, size_t end, size_t at, ch_error *err)
{
    size_t count = 0;
    for (size_t i = at + 1; params[i].kind != CH_PARAM_END; i = ch_param_after(params, end, i)) {
        CH_TRY(ch_param_check(def->items, params, end, i, err));
        count++;
    }
    if (count == 0 || count > def->items_max)
        return ch_fail(err, CH_BAD_INPUT, "list '%s' must hold 1 to %zu items", def->name, def->items_max);
    return CH_OK;
}

static ch_status check_members(const ch_param_def *def, ch_param *params, size_t end, size_t at, ch_error *err)
{
    uint64_t given[CH_NAME_WORDS_MAX];
    memset(given, 0, def->members.words * sizeof given[0]);
    for (size_t i = at + 1; params[i].kind != CH_PARAM_END; i = ch_param_after(params, end, i)) {
        const ch_listed_param *member = ch_param_list_find(&def->members, params[i].name);
        if (member == NULL)
            return ch_fail(err, CH_BAD_INPUT, "object '%s' takes no member '%.*s'", def->name,
                           CH_SLICE_ARGS(params[i].name));
        if (ch_set_has(given, member->def->name_index))
            return ch_fail(err, CH_BAD_INPUT, "member '%s' is given twice", member->def->name);
        ch_set_add(given, member->def->name_index);
        CH_TRY(ch_param_check(member->def, params, end, i, err));
    }
    if (ch_param_list_is_met(&def->members, given))
        return CH_OK;
    ch_autobuffer whose = CH_BUFFER_INIT;
    ch_buffer_add_format(&whose, "object '%s'", def->name);
    return ch_param_list_fail(&def->members, given, ch_buffer_text(&whose), err);
}

static ch_status fail_value(const ch_param_def *def, const ch_param *param, ch_error *err)
{
    if (has_foreign_letters(def, param))
        return ch_fail(err, CH_BAD_INPUT,
                       "parameter '%s' has letters beyond ASCII, and how this exchange signs them is not known",
                       def->name);
    return ch_fail(err, CH_BAD_INPUT, "parameter '%s' must be %s", def->name, types[def->type].must_be);
}

/* Calls itself once for each level of the definition, of which there are at most CH_PARAM_DEPTH_MAX. */
ch_status ch_param_check(const ch_param_def *def, ch_param *params, size_t count, size_t at, ch_error *err)
{
    assert(at < count && def->depth <= CH_PARAM_DEPTH_MAX);
    params[at].def = def;
    if (!types[def->type].fits(def, &params[at]))
        return fail_value(def, &params[at], err);
    if (def->type == CH_TYPE_LIST)
        return check_items(def, params, count, at, err);
    return def->type == CH_TYPE_OBJECT ? check_members(def, params, count, at, err) : CH_OK;
}
