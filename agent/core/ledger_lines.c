#include "agent/core/ledger_lines.h"

#include "base/encode.h"

#define PLAIN "=;:/*,()+@# "

void ch_line_free(ch_line *line)
{
    for (size_t i = 0; i < CH_LINE_FIELDS_MAX; i++)
        ch_buffer_free(&line->texts[i]);
}

void ch_line_split(ch_slice text, ch_line *out)
{
    out->count = 0;
    for (;;) {
        const uint8_t *tab = ch_slice_find(text, '\t');
        size_t size = tab == NULL ? text.size : (size_t)(tab - text.data);
        if (out->count == CH_LINE_FIELDS_MAX) {
            out->count++; /* too many: no kind of line has that */
            return;
        }
        out->items[out->count++] = (ch_slice){text.data, size};
        if (tab == NULL)
            return;
        text = ch_slice_after(text, size + 1);
    }
}

/* ---- reading ---- */

bool ch_line_text(ch_line *line, size_t index, ch_slice *out)
{
    ch_buffer_clear(&line->texts[index]);
    bool is_good = ch_decode_percent(&line->texts[index], line->items[index], false);
    *out = ch_buffer_slice(&line->texts[index]);
    return is_good;
}

bool ch_line_name(ch_line *line, size_t index, ch_slice *out)
{
    return ch_line_text(line, index, out) && ch_slice_find(*out, '\0') == NULL;
}

bool ch_line_bytes(ch_line *line, size_t index, ch_slice *out)
{
    ch_error err = CH_ERROR_INIT;
    ch_buffer_clear(&line->texts[index]);
    ch_status st = ch_decode(&line->texts[index], CH_ENCODE_BASE64, line->items[index], &err);
    *out = ch_buffer_slice(&line->texts[index]);
    return st == CH_OK;
}

bool ch_line_number(const ch_line *line, size_t index, uint64_t most, uint64_t *out)
{
    ch_slice text = line->items[index];
    *out = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = (unsigned)text.data[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, digit, out))
            return false;
    }
    return text.size > 0 && *out <= most;
}

bool ch_line_decimal(const ch_line *line, size_t index, ch_decimal *out)
{
    return ch_decimal_read(line->items[index], out);
}

/* ---- writing ---- */

void ch_line_add_text(ch_buffer *lines, ch_slice text)
{
    ch_buffer_add_byte(lines, '\t');
    ch_encode_percent(lines, text, PLAIN);
}

void ch_line_add_bytes(ch_buffer *lines, ch_slice bytes)
{
    ch_buffer_add_byte(lines, '\t');
    ch_encode(lines, CH_ENCODE_BASE64, bytes);
}

void ch_line_add_decimal(ch_buffer *lines, ch_decimal number)
{
    ch_buffer_add_byte(lines, '\t');
    ch_decimal_print(number, lines);
}
