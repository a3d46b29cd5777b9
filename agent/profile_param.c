/* Each type has one spelling a value, so that policy and exchange can't read the same bytes in two ways. */
#include "agent/profile_data.h"

#include <string.h>

#define DIGITS_MAX 38 /* what the exact arithmetic holds */
#define FRACTION_DIGITS_MAX 18
#define TEXT_MAX 4096
#define SYMBOL_MAX 64

/* Length of the run of digits at the start. */
static size_t count_digits(ch_slice text)
{
    size_t count = 0;
    while (count < text.size && text.data[count] >= '0' && text.data[count] <= '9')
        count++;
    return count;
}

static bool is_all_zero(ch_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '0' && text.data[i] != '.')
            return false;
    }
    return true;
}

/* Plain digits with at most `fraction_max` after a point: no sign but '-' where allowed, no leading zero, no exponent,
 * no bare point, no negative zero. */
static bool is_number(ch_slice text, bool may_be_negative, size_t fraction_max)
{
    bool is_negative = text.size > 0 && text.data[0] == '-';
    if (is_negative)
        text = (ch_slice){text.data + 1, text.size - 1};
    size_t whole = count_digits(text);
    if (whole == 0 || (whole > 1 && text.data[0] == '0') || (is_negative && (!may_be_negative || is_all_zero(text))))
        return false;
    if (whole == text.size)
        return whole <= DIGITS_MAX;
    if (text.data[whole] != '.')
        return false;
    ch_slice fraction = {text.data + whole + 1, text.size - whole - 1};
    return fraction.size > 0 && fraction.size <= fraction_max && count_digits(fraction) == fraction.size &&
           whole + fraction.size <= DIGITS_MAX;
}

static bool is_decimal(const ch_param_def *def, const ch_param *param)
{
    return param->kind != CH_PARAM_BOOLEAN && is_number(param->value, def->may_be_negative, FRACTION_DIGITS_MAX);
}

static bool is_integer(const ch_param_def *def, const ch_param *param)
{
    return param->kind != CH_PARAM_BOOLEAN && is_number(param->value, def->may_be_negative, 0);
}

static bool is_listed(const ch_param_def *def, const ch_param *param)
{
    for (size_t i = 0; param->kind != CH_PARAM_BOOLEAN && i < def->value_count; i++) {
        if (ch_slice_is(param->value, def->values[i]))
            return true;
    }
    return false;
}

static bool is_text(const ch_param_def *def, const ch_param *param)
{
    (void)def;
    return param->kind != CH_PARAM_BOOLEAN && param->value.size > 0 && param->value.size <= TEXT_MAX &&
           ch_slice_is_text(param->value);
}

static bool is_boolean(const ch_param_def *def, const ch_param *param)
{
    (void)def;
    return param->kind != CH_PARAM_INTEGER && (ch_slice_is(param->value, "true") || ch_slice_is(param->value, "false"));
}

static bool is_symbol(const ch_param_def *def, const ch_param *param)
{
    (void)def;
    for (size_t i = 0; i < param->value.size; i++) {
        uint8_t c = param->value.data[i];
        bool is_alphanumeric = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_alphanumeric && (c == 0 || strchr("._-/:", c) == NULL))
            return false;
    }
    return param->kind == CH_PARAM_TEXT && param->value.size > 0 && param->value.size <= SYMBOL_MAX;
}

static const struct {
    const char *name;
    bool (*fits)(const ch_param_def *def, const ch_param *param);
    const char *must_be;
} types[CH_TYPE_COUNT] = {
    [CH_TYPE_DECIMAL] =
        {"decimal", is_decimal,
                           "a plain decimal such as \"0.001\": no exponent, no needless zero in front, at most 38 digits, "
         "18 of them after the point, and no minus unless the profile allows it"                            },
    [CH_TYPE_INTEGER] = {"integer", is_integer,
                           "a whole number of at most 38 digits, without needless zeros in front, and without a minus "
                         "unless the profile allows it"                                                     },
    [CH_TYPE_ENUM] = {"enum",    is_listed,  "one of the values that the profile lists"                },
    [CH_TYPE_TEXT] = {"text",    is_text,    "1 to 4096 bytes of UTF-8 text without control characters"},
    [CH_TYPE_BOOLEAN] = {"boolean", is_boolean, "true or false"                                           },
    [CH_TYPE_SYMBOL] = {"symbol",  is_symbol,  "1 to 64 letters, digits and . _ - / :"                   },
};

static const char *const roles[CH_ROLE_COUNT] = {
    [CH_ROLE_NONE] = "none",         [CH_ROLE_SYMBOL] = "symbol",
    [CH_ROLE_SIDE] = "side",         [CH_ROLE_TYPE] = "type",
    [CH_ROLE_QUANTITY] = "quantity", [CH_ROLE_QUOTE_QUANTITY] = "quote_quantity",
    [CH_ROLE_PRICE] = "price",       [CH_ROLE_TRIGGER_PRICE] = "trigger_price",
    [CH_ROLE_LEVERAGE] = "leverage", [CH_ROLE_REDUCE_ONLY] = "reduce_only",
    [CH_ROLE_ASSET] = "asset",       [CH_ROLE_NETWORK] = "network",
    [CH_ROLE_ADDRESS] = "address",   [CH_ROLE_AMOUNT] = "amount",
};

ch_param_type ch_param_type_find(const char *name)
{
    ch_param_type type = 0;
    while (type < CH_TYPE_COUNT && strcmp(types[type].name, name) != 0)
        type++;
    return type;
}

ch_role ch_role_find(const char *name)
{
    ch_role role = 0;
    while (role < CH_ROLE_COUNT && strcmp(roles[role], name) != 0)
        role++;
    return role;
}

ch_status ch_param_check(const ch_param_def *def, const ch_param *param, ch_error *err)
{
    if (types[def->type].fits(def, param))
        return CH_OK;
    return ch_fail(err, CH_BAD_INPUT, "parameter '%s' must be %s", def->name, types[def->type].must_be);
}
