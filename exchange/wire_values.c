/* A decoded text is never longer than what it was decoded from, save a number whose exponent is written out. */
#include "exchange/wire_values.h"

#include "base/encode.h"

#include <assert.h>
#include <string.h>

#define DEPTH_MAX (CH_PARAM_DEPTH_MAX + 2) /* the body and what holds the parameters in it are two more */
#define DECODINGS 4                        /* of a form, of base64, of JSON in it, and of JSON in that */
#define DIGITS_MAX 38

size_t ch_wire_text_size(size_t input_size)
{
    return DECODINGS * input_size + 2 * (size_t)CH_PARAMS_MAX * CH_WIRE_NUMBER_MAX; /* read, and fitted */
}

ch_status ch_wire_add(ch_wire_values *out, ch_param_kind kind, ch_slice name, ch_slice value, ch_error *err)
{
    if (out->count == out->capacity)
        return ch_fail(err, CH_BAD_INPUT, "a request has at most %zu parameters", out->capacity);
    if (!ch_slice_is_text(name))
        return ch_fail(err, CH_BAD_INPUT, "the name of a parameter is not plain UTF-8 text");
    if (!ch_slice_is_text(value))
        return ch_fail(err, CH_BAD_INPUT, "parameter '%.*s' is not plain UTF-8 text", CH_SLICE_ARGS(name));
    out->params[out->count++] = (ch_param){.kind = kind, .name = name, .value = value};
    return CH_OK;
}

static ch_slice text_from(const ch_buffer *text, size_t from)
{
    return (ch_slice){text->data + from, text->size - from};
}

/* ---- forms ---- */

/* The byte that an escape stands for; -1: it is none. */
static int escaped_byte(ch_slice text)
{
    if (text.size < 3 || ch_hex_digit(text.data[1]) < 0 || ch_hex_digit(text.data[2]) < 0)
        return -1;
    return ch_hex_digit(text.data[1]) << 4 | ch_hex_digit(text.data[2]);
}

static size_t count_plain(ch_slice text)
{
    size_t i = 0;
    while (i < text.size && text.data[i] != '%' && text.data[i] != '+')
        i++;
    return i;
}

/* A '+' is a space in a form, as every server reads it. */
static bool decode_form(ch_slice encoded, ch_buffer *text, ch_slice *out)
{
    size_t from = text->size;
    while (encoded.size > 0) {
        size_t plain = count_plain(encoded);
        ch_buffer_add_slice(text, (ch_slice){encoded.data, plain});
        encoded = ch_slice_after(encoded, plain);
        if (encoded.size == 0)
            break;
        int byte = encoded.data[0] == '+' ? ' ' : escaped_byte(encoded);
        if (byte < 0)
            return false;
        encoded = ch_slice_after(encoded, encoded.data[0] == '+' ? 1 : 3);
        ch_buffer_add_byte(text, (uint8_t)byte);
    }
    *out = text_from(text, from);
    return true;
}

static ch_status read_pair(ch_slice pair, ch_wire_values *out, ch_error *err)
{
    const uint8_t *equals = ch_slice_find(pair, '=');
    size_t name_size = equals == NULL ? pair.size : (size_t)(equals - pair.data);
    ch_slice name;
    ch_slice value = CH_LITERAL("");
    if (!decode_form((ch_slice){pair.data, name_size}, out->text, &name))
        return ch_fail(err, CH_BAD_INPUT, "the name of a parameter is wrongly escaped");
    if (equals != NULL && !decode_form(ch_slice_after(pair, name_size + 1), out->text, &value))
        return ch_fail(err, CH_BAD_INPUT, "parameter '%.*s' is wrongly escaped", CH_SLICE_ARGS(name));
    return ch_wire_add(out, CH_PARAM_TEXT, name, value, err);
}

/* Nothing stands between two '&', so nothing is read there. */
ch_status ch_wire_read_form(ch_slice form, ch_wire_values *out, ch_error *err)
{
    while (form.size > 0) {
        const uint8_t *next = ch_slice_find(form, '&');
        ch_slice pair = {form.data, next == NULL ? form.size : (size_t)(next - form.data)};
        if (pair.size > 0)
            CH_TRY(read_pair(pair, out, err));
        form = ch_slice_after(form, next == NULL ? pair.size : pair.size + 1);
    }
    return CH_OK;
}

/* ---- numbers ---- */

/* A number in its parts: digits before and after the point, and the exponent. */
typedef struct number {
    bool is_negative;
    ch_slice whole;
    ch_slice fraction;
    bool has_exponent;
    int exponent;
} number;

static ch_slice take_digits(ch_slice *from)
{
    ch_slice digits = {from->data, ch_slice_count_digits(*from)};
    *from = ch_slice_after(*from, digits.size);
    return digits;
}

static bool take_byte(ch_slice *from, const char *one_of)
{
    bool is_there = from->size > 0 && from->data[0] != '\0' && strchr(one_of, from->data[0]) != NULL;
    if (is_there)
        *from = ch_slice_after(*from, 1);
    return is_there;
}

/* As JSON has them: no '+' and no needless zero in front. False if more than the number stands there. */
static bool split_number(ch_slice text, number *out)
{
    *out = (number){.is_negative = take_byte(&text, "-")};
    out->whole = take_digits(&text);
    if (out->whole.size == 0 || (out->whole.size > 1 && out->whole.data[0] == '0'))
        return false;
    if (take_byte(&text, ".") && (out->fraction = take_digits(&text)).size == 0)
        return false;
    out->has_exponent = take_byte(&text, "eE");
    if (!out->has_exponent)
        return text.size == 0;
    bool is_down = text.size > 0 && text.data[0] == '-';
    (void)take_byte(&text, "+-");
    ch_slice digits = take_digits(&text);
    for (size_t i = 0; i < digits.size && out->exponent < 1000; i++)
        out->exponent = out->exponent * 10 + (digits.data[i] - '0');
    out->exponent = is_down ? -out->exponent : out->exponent;
    return digits.size > 0 && text.size == 0;
}

/* The digit at that place of the number, where 0 is the first of its digits; beyond them are zeros. */
static uint8_t digit_at(const number *of, long at)
{
    long whole = (long)of->whole.size;
    if (at < 0 || at >= whole + (long)of->fraction.size)
        return '0';
    return at < whole ? of->whole.data[at] : of->fraction.data[at - whole];
}

/* Without zeros that say nothing: an exponent says no precision. */
static void write_plain(const number *of, ch_buffer *text)
{
    long point = (long)of->whole.size + of->exponent; /* so many digits stand before it */
    long first = 0;
    long end = (long)(of->whole.size + of->fraction.size);
    while (first < point - 1 && digit_at(of, first) == '0')
        first++;
    while (end > point && digit_at(of, end - 1) == '0')
        end--;
    if (of->is_negative)
        ch_buffer_add_byte(text, '-');
    if (point <= 0)
        ch_buffer_add_byte(text, '0');
    for (long i = point <= 0 ? 0 : first; i < point; i++)
        ch_buffer_add_byte(text, digit_at(of, i));
    if (end > point)
        ch_buffer_add_byte(text, '.');
    for (long i = point; i < end; i++)
        ch_buffer_add_byte(text, digit_at(of, i));
}

bool ch_wire_expand(ch_buffer *text, ch_slice *number_)
{
    number of;
    size_t from = text->size;
    if (!split_number(*number_, &of) || !of.has_exponent)
        return true;
    long whole = (long)of.whole.size + of.exponent;
    long fraction = (long)of.fraction.size - of.exponent;
    if ((whole > 0 ? whole : 0) + (fraction > 0 ? fraction : 0) > DIGITS_MAX)
        return false;
    write_plain(&of, text);
    *number_ = text_from(text, from);
    assert(number_->size <= CH_WIRE_NUMBER_MAX);
    return true;
}

/* ---- JSON ---- */

typedef struct json {
    ch_slice text;
    size_t at;
    ch_wire_values *out;
    ch_param_kind open[DEPTH_MAX]; /* lists and objects that have not ended, from the outermost */
    size_t depth;
    bool is_fresh; /* the innermost has just begun */
    ch_error *err;
} json;

bool ch_wire_is_json(ch_slice text)
{
    size_t i = 0;
    while (i < text.size && text.data[i] != '\0' && strchr(" \t\r\n", text.data[i]) != NULL)
        i++;
    return i < text.size && (text.data[i] == '{' || text.data[i] == '[');
}

static ch_status stop(const json *in, const char *expected)
{
    return ch_fail(in->err, CH_BAD_INPUT, "this is no JSON: byte %zu should begin %s", in->at, expected);
}

static int peek(const json *in)
{
    return in->at < in->text.size ? in->text.data[in->at] : -1;
}

static void skip_space(json *in)
{
    while (peek(in) == ' ' || peek(in) == '\t' || peek(in) == '\r' || peek(in) == '\n')
        in->at++;
}

static bool skip_byte(json *in, int byte)
{
    skip_space(in);
    bool is_there = peek(in) == byte;
    in->at += is_there;
    return is_there;
}

/* Four hex digits; -1 if they are not there. */
static long read_unit(json *in)
{
    long unit = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = peek(in) < 0 ? -1 : ch_hex_digit((uint8_t)peek(in));
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
        in->at++;
    }
    return unit;
}

static void add_code_point(ch_buffer *text, uint32_t code)
{
    if (code < 0x80) {
        ch_buffer_add_byte(text, (uint8_t)code);
        return;
    }
    size_t tail = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t heads[] = {0, 0xc0, 0xe0, 0xf0};
    ch_buffer_add_byte(text, (uint8_t)(heads[tail] | code >> 6 * tail));
    while (tail-- > 0)
        ch_buffer_add_byte(text, (uint8_t)(0x80 | (code >> 6 * tail & 0x3f)));
}

/* \u and four digits, twice for a character beyond the first plane. */
static bool read_code_point(json *in)
{
    long unit = read_unit(in);
    if (unit >= 0xd800 && unit < 0xdc00) {
        if (in->text.size - in->at < 6 || in->text.data[in->at] != '\\' || in->text.data[in->at + 1] != 'u')
            return false;
        in->at += 2;
        long low = read_unit(in);
        unit = low < 0xdc00 || low > 0xdfff ? -1 : 0x10000 + (unit - 0xd800) * 0x400 + (low - 0xdc00);
    }
    if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff))
        return false;
    add_code_point(in->out->text, (uint32_t)unit);
    return true;
}

static bool read_escape(json *in)
{
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    int byte = peek(in);
    in->at++;
    if (byte == 'u')
        return read_code_point(in);
    const char *found = byte <= 0 ? NULL : strchr(escapes, byte);
    if (found == NULL)
        return false;
    ch_buffer_add_byte(in->out->text, (uint8_t)meanings[found - escapes]);
    return true;
}

static ch_status read_string(json *in, ch_slice *out)
{
    size_t from = in->out->text->size;
    if (!skip_byte(in, '"'))
        return stop(in, "a string");
    while (peek(in) != '"') {
        int byte = peek(in);
        if (byte < 0x20)
            return stop(in, "the end of a string");
        in->at++;
        if (byte != '\\')
            ch_buffer_add_byte(in->out->text, (uint8_t)byte);
        else if (!read_escape(in))
            return stop(in, "an escape of JSON");
    }
    in->at++;
    *out = text_from(in->out->text, from);
    return CH_OK;
}

static bool is_of_bare(int byte)
{
    return byte > 0 && (ch_byte_is_alphanumeric((uint8_t)byte) || strchr("+-.", byte) != NULL);
}

static ch_status add_number(json *in, ch_slice name, ch_slice value)
{
    number of;
    if (!split_number(value, &of))
        return stop(in, "a value");
    if (of.whole.size + of.fraction.size > DIGITS_MAX || !ch_wire_expand(in->out->text, &value))
        return ch_fail(in->err, CH_BAD_INPUT, "the number '%.*s' has more than %d digits", CH_SLICE_ARGS(name),
                       DIGITS_MAX);
    bool is_integer = ch_slice_find(value, '.') == NULL;
    return ch_wire_add(in->out, is_integer ? CH_PARAM_INTEGER : CH_PARAM_TEXT, name, value, in->err);
}

/* A number, true, false or null. */
static ch_status read_bare(json *in, ch_slice name)
{
    ch_slice value = {in->text.data + in->at, 0};
    while (in->at + value.size < in->text.size && is_of_bare(in->text.data[in->at + value.size]))
        value.size++;
    if (ch_slice_is(value, "true") || ch_slice_is(value, "false"))
        CH_TRY(ch_wire_add(in->out, CH_PARAM_BOOLEAN, name, value, in->err));
    else if (ch_slice_is(value, "null"))
        CH_TRY(ch_wire_add(in->out, CH_PARAM_PLACEHOLDER, name, CH_LITERAL(""), in->err));
    else
        CH_TRY(add_number(in, name, value));
    in->at += value.size;
    in->is_fresh = false;
    return CH_OK;
}

static ch_status open_held(json *in, ch_param_kind kind, ch_slice name)
{
    if (in->depth == DEPTH_MAX)
        return ch_fail(in->err, CH_BAD_INPUT, "lists and objects nest too deeply");
    in->at++;
    in->open[in->depth++] = kind;
    in->is_fresh = true;
    return ch_wire_add(in->out, kind, name, CH_LITERAL(""), in->err);
}

static ch_status read_value(json *in, ch_slice name)
{
    ch_slice value;
    skip_space(in);
    if (peek(in) == '{' || peek(in) == '[')
        return open_held(in, peek(in) == '{' ? CH_PARAM_OBJECT : CH_PARAM_LIST, name);
    if (peek(in) != '"')
        return read_bare(in, name);
    CH_TRY(read_string(in, &value));
    in->is_fresh = false;
    return ch_wire_add(in->out, CH_PARAM_TEXT, name, value, in->err);
}

/* The next of what the innermost list or object holds, or its end. */
static ch_status read_next(json *in)
{
    bool is_object = in->open[in->depth - 1] == CH_PARAM_OBJECT;
    ch_slice name = CH_LITERAL("");
    if (skip_byte(in, is_object ? '}' : ']')) {
        in->depth--;
        in->is_fresh = false;
        return ch_wire_add(in->out, CH_PARAM_END, CH_LITERAL(""), CH_LITERAL(""), in->err);
    }
    if (!in->is_fresh && !skip_byte(in, ','))
        return stop(in, "a comma or an end");
    if (is_object) {
        CH_TRY(read_string(in, &name));
        if (!skip_byte(in, ':'))
            return stop(in, "a colon");
    }
    return read_value(in, name);
}

ch_status ch_wire_read_json(ch_slice text, ch_slice name, ch_wire_values *out, ch_error *err)
{
    json in = {.text = text, .out = out, .err = err};
    CH_TRY(read_value(&in, name));
    while (in.depth > 0)
        CH_TRY(read_next(&in));
    skip_space(&in);
    return in.at == text.size ? CH_OK : stop(&in, "nothing more");
}
