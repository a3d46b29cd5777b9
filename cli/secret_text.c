/* To know before a change: nothing is ever taken off a text but its one line end. What looks like a harmless addition
 * (a blank, a quote) is refused, since nobody can see afterwards which key was made. */
#include "cli/secret_text.h"

#include "base/slice.h"
#include "cli/placeholder.h"
#include "cli/stray_text.h"

#include <string.h>

#define SIZE_MIN_BYTES 16

static const char name[] = "the API secret";

static const char *const encoding_names[] = {
    [CH_ENCODE_TEXT] = "text",           [CH_ENCODE_HEX] = "hex",
    [CH_ENCODE_HEX_UPPER] = "hex",       [CH_ENCODE_BASE64] = "base64",
    [CH_ENCODE_BASE64URL] = "base64url",
};

/* ---- other things than a secret ---- */

static bool contains(ch_slice text, const char *part)
{
    return memmem(text.data, text.size, part, strlen(part)) != NULL;
}

static ch_status refuse_other_kinds(ch_slice text, ch_error *err)
{
    if (contains(text, "-----BEGIN ") && !contains(text, "PRIVATE KEY"))
        return ch_fail(err, CH_BAD_INPUT, "there is a public key or certificate in the place of %s", name);
    if (contains(text, "-----BEGIN "))
        return ch_fail(err, CH_BAD_INPUT,
                       "there is a private key in the place of %s; import it with --pem, or name a scheme that signs "
                       "with one (--scheme)",
                       name);
    if (text.data[0] == '{' || text.data[0] == '[')
        return ch_fail(err, CH_BAD_INPUT,
                       "%s is JSON, and which of its values is meant is not known; pass that value alone, without "
                       "quotes. For the key file of Coinbase, name the scheme: --scheme es256 or --scheme eddsa",
                       name);
    return CH_OK;
}

/* ---- lines ---- */

static ch_slice take_line(ch_slice *text)
{
    const uint8_t *end = ch_slice_find(*text, '\n');
    ch_slice line = *text;
    if (end == NULL) {
        text->size = 0;
        return line;
    }
    line.size = (size_t)(end - text->data);
    text->data += line.size + 1;
    text->size -= line.size + 1;
    if (line.size > 0 && line.data[line.size - 1] == '\r')
        line.size--;
    return line;
}

typedef struct lines {
    size_t count;
    size_t first_size;
    size_t last_size;
    size_t joined_size;
    bool are_even;        /* all but the last are as long as the first, and the last is not longer */
    bool is_one_a_secret; /* one of them has the shape of a whole secret */
    bool is_padded_early; /* something follows the '=' at the end of one */
} lines;

static lines measure(ch_slice text, const ch_secret_shape *shape)
{
    lines found = {.are_even = true};
    bool is_at_end = false;
    bool is_padded = false;
    for (bool is_short = false; !is_at_end; is_short = found.last_size < found.first_size) {
        is_at_end = ch_slice_find(text, '\n') == NULL;
        ch_slice line = take_line(&text);
        if (found.count++ == 0)
            found.first_size = line.size;
        found.are_even = found.are_even && !is_short && line.size > 0 && line.size <= found.first_size;
        found.is_one_a_secret = found.is_one_a_secret || (shape != NULL && ch_secret_shape_fits(shape, line));
        found.is_padded_early = found.is_padded_early || (is_padded && line.size > 0 && line.data[0] != '=');
        is_padded = line.size > 0 && line.data[line.size - 1] == '=';
        found.last_size = line.size;
        found.joined_size += line.size;
    }
    return found;
}

/* Without a shape, what wrapped lines come to must be a size that secrets have: an id and a secret may wrap alike. */
static bool is_usual_size(size_t joined_size, ch_slice text)
{
    static const size_t sizes[] = {16, 20, 24, 32, 48, 64, 128};
    size_t padding = 0;
    for (size_t i = text.size; i > 0 && strchr("=\r\n", text.data[i - 1]) != NULL; i--)
        padding += text.data[i - 1] == '=';
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (joined_size % 4 == 0 && joined_size / 4 * 3 == sizes[i] + padding)
            return true;
    }
    return false;
}

static bool may_be_several(const lines *found, ch_slice text, const ch_secret_shape *shape)
{
    if (!found->are_even || found->is_one_a_secret || found->is_padded_early)
        return true;
    bool is_full_and_unpadded = found->last_size == found->first_size && text.data[text.size - 1] != '=';
    return shape == NULL && (is_full_and_unpadded || !is_usual_size(found->joined_size, text));
}

static void copy_lines(ch_slice text, uint8_t *to)
{
    while (text.size > 0) {
        ch_slice line = take_line(&text);
        memcpy(to, line.data, line.size);
        to += line.size;
    }
}

static ch_status check_lines(ch_slice text, const char *what, ch_error *err)
{
    while (text.size > 0)
        CH_TRY(ch_stray_check_value(take_line(&text), what, err));
    return CH_OK;
}

ch_status ch_secret_text_join(ch_slice text, const ch_secret_shape *shape, const char *what, ch_secret *out,
                              size_t *line_count, ch_error *err)
{
    CH_TRY(check_lines(text, what, err));
    lines found = measure(text, shape);
    *line_count = found.count;
    if (found.count > 1 && found.last_size == 0)
        return ch_fail(err, CH_BAD_INPUT, "an empty line follows %s; remove it", what);
    if (found.count > 1 && may_be_several(&found, text, shape))
        return ch_fail(
            err, CH_BAD_INPUT,
            "%s has %zu lines, which may be more than one value (an id and a secret, for instance); pass the "
            "secret alone. If it is one value that was wrapped, join its lines: tr -d '\\r\\n'",
            what, found.count);
    CH_TRY(ch_secret_alloc(out, found.joined_size, err));
    copy_lines(text, out->data);
    return CH_OK;
}

static ch_status expect_one_line(ch_slice text, ch_error *err)
{
    size_t count = 1;
    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == '\n';
    if (count == 2 && text.data[text.size - 1] == '\n')
        return ch_fail(err, CH_BAD_INPUT, "an empty line follows %s; remove it", name);
    if (count > 1)
        return ch_fail(err, CH_BAD_INPUT, "%s has %zu lines; pass one value alone, on one line", name, count);
    return CH_OK;
}

/* One line, in `out`. */
static ch_status take_value(ch_slice text, const ch_secret_form *form, ch_secret *out, size_t *line_count,
                            ch_error *err)
{
    *line_count = 1;
    if (form->encoding == CH_ENCODE_BASE64 || form->encoding == CH_ENCODE_BASE64URL)
        return ch_secret_text_join(text, form->shape, name, out, line_count, err);
    CH_TRY(expect_one_line(text, err));
    CH_TRY(ch_secret_alloc(out, text.size, err));
    memcpy(out->data, text.data, text.size);
    return CH_OK;
}

/* ---- one value ---- */

/* Fewer bytes are guessed, or are not all of it. */
static ch_status check_size(const ch_secret *secret, ch_error *err)
{
    if (secret->size >= SIZE_MIN_BYTES)
        return CH_OK;
    return ch_fail(
        err, CH_BAD_INPUT,
        "%s has %zu bytes, and secrets have at least %d: is it the secret, and all of it? " CH_PLACEHOLDER_WAY_OUT,
        name, secret->size, SIZE_MIN_BYTES);
}

static ch_status check_shape(ch_slice value, const ch_secret_form *form, ch_error *err)
{
    ch_autobuffer wanted = CH_BUFFER_INIT;
    if (ch_secret_shape_fits(form->shape, value))
        return CH_OK;
    ch_secret_shape_describe(form->shape, &wanted);
    bool is_size_wrong = value.size < form->shape->min || value.size > form->shape->max;
    ch_autobuffer is = CH_BUFFER_INIT;
    if (is_size_wrong)
        ch_buffer_add_format(&is, "has %zu characters", value.size);
    else
        ch_buffer_add_text(&is, "has other characters");
    return ch_fail(
        err, CH_BAD_INPUT,
        "%s %s, and those of %s have %s: is it the secret, not the key's id or pass phrase, and all of it? If "
        "the exchange gave it to you so, name --mechanism and --encoding instead of --profile",
        name, ch_buffer_text(&is), form->exchange, ch_buffer_text(&wanted));
}

static ch_status decode(const ch_secret *value, const ch_secret_form *form, ch_secret *out, ch_error *err)
{
    ch_slice text = {value->data, value->size};
    CH_TRY(ch_stray_check_value(text, name, err));
    if (!form->is_as_is)
        CH_TRY(ch_placeholder_check(text, form->encoding, form->exchange != NULL, name, err));
    if (ch_decode_secret(out, form->encoding, value, err) != CH_OK)
        return ch_error_wrap(err, "%s is not %s, the encoding that --encoding or the profile says", name,
                             encoding_names[form->encoding]);
    if (form->shape != NULL)
        return check_shape(text, form, err);
    return form->is_as_is || form->exchange == NULL ? CH_OK : check_size(out, err);
}

ch_status ch_secret_text_read(const ch_secret *text, const ch_secret_form *form, ch_secret *out, ch_buffer *taken,
                              ch_error *err)
{
    ch_autosecret value = CH_SECRET_INIT;
    ch_slice whole = {text->data, text->size};
    size_t line_count = 0;
    CH_TRY(ch_stray_check_file(whole, name, err));
    CH_TRY(refuse_other_kinds(whole, err));
    CH_TRY(ch_stray_check_start(whole, name, err));
    CH_TRY(take_value(ch_stray_without_end(whole), form, &value, &line_count, err));
    CH_TRY(decode(&value, form, out, err));
    ch_buffer_add_format(taken, "%s, %zu bytes", encoding_names[form->encoding], out->size);
    if (line_count > 1)
        ch_buffer_add_format(taken, "; %zu wrapped lines joined", line_count);
    return CH_OK;
}
