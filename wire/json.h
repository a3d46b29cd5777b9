/* The fields of frames as members of JSON documents. `lead` is what stands before the value, as it is: a comma or a
 * brace, and the quoted name with its colon. Thread-safe. */
#ifndef CH_WIRE_JSON_H
#define CH_WIRE_JSON_H

#include "wire/frame.h"

void ch_json_add_text(ch_buffer *out, const char *lead, ch_slice text);
void ch_json_add_boolean(ch_buffer *out, const char *lead, bool is_true);
void ch_json_add_number(ch_buffer *out, const char *lead, uint64_t number);
/* A list of text records. */
void ch_json_add_texts(ch_buffer *out, const char *lead, ch_records texts);

#endif
