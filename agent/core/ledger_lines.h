/* The lines of the ledger: fields with tabs between them. Texts are percent-encoded, bytes are base64. Reading is
 * total, and guesses nothing: a line that is not as it was written says so. */
#ifndef CH_AGENT_CORE_LEDGER_LINES_H
#define CH_AGENT_CORE_LEDGER_LINES_H

#include "base/buffer.h"
#include "base/decimal.h"

#define CH_LINE_FIELDS_MAX 12

/* A line that is read. Zero it first; it is used again and again. */
typedef struct ch_line {
    ch_slice items[CH_LINE_FIELDS_MAX]; /* the first is the line's kind */
    size_t count;
    ch_buffer texts[CH_LINE_FIELDS_MAX]; /* what was encoded */
} ch_line;

void ch_line_free(ch_line *line);
void ch_line_split(ch_slice text, ch_line *out);

/* The field at `index`, which must be there. What was encoded is valid until that field is read again. */
CH_CHECKED bool ch_line_text(ch_line *line, size_t index, ch_slice *out);
/* Text without a NUL, for what is kept as a C string: it would be cut there, and then it would be another. */
CH_CHECKED bool ch_line_name(ch_line *line, size_t index, ch_slice *out);
CH_CHECKED bool ch_line_bytes(ch_line *line, size_t index, ch_slice *out);
CH_CHECKED bool ch_line_number(const ch_line *line, size_t index, uint64_t most, uint64_t *out);
CH_CHECKED bool ch_line_decimal(const ch_line *line, size_t index, ch_decimal *out);

/* Each appends a tab, and the field. */
void ch_line_add_text(ch_buffer *lines, ch_slice text);
void ch_line_add_bytes(ch_buffer *lines, ch_slice bytes);
void ch_line_add_decimal(ch_buffer *lines, ch_decimal number);

#endif
