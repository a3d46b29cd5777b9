/* The lines of the ledger: fields with tabs between them. Texts are percent-encoded, bytes are base64. The readers
 * return false for a field that was not written by the writers below; they guess nothing. */
#ifndef CH_AGENT_CORE_LEDGER_LINES_H
#define CH_AGENT_CORE_LEDGER_LINES_H

#include "base/buffer.h"
#include "base/decimal.h"

#define CH_LINE_FIELDS_MAX 12

/* A line while it is read. Zero it before the first line; use it for all lines. */
typedef struct ch_line {
    ch_slice items[CH_LINE_FIELDS_MAX]; /* the first is the line's kind */
    size_t count;
    ch_buffer texts[CH_LINE_FIELDS_MAX]; /* decoded */
} ch_line;

void ch_line_free(ch_line *line);
void ch_line_split(ch_slice text, ch_line *out);

/* These read the field at `index`, which the line must have. A view of a text or of bytes is valid until that field is
 * read again. */
CH_CHECKED bool ch_line_text(ch_line *line, size_t index, ch_slice *out);
/* Refuses a text with a NUL, at which a C string would be cut and become another text. */
CH_CHECKED bool ch_line_name(ch_line *line, size_t index, ch_slice *out);
CH_CHECKED bool ch_line_bytes(ch_line *line, size_t index, ch_slice *out);
CH_CHECKED bool ch_line_number(const ch_line *line, size_t index, uint64_t most, uint64_t *out);
CH_CHECKED bool ch_line_decimal(const ch_line *line, size_t index, ch_decimal *out);

/* Each appends a tab, and the field. */
void ch_line_add_text(ch_buffer *lines, ch_slice text);
void ch_line_add_bytes(ch_buffer *lines, ch_slice bytes);
void ch_line_add_decimal(ch_buffer *lines, ch_decimal number);

#endif
