#include "wire/json.h"

#include "base/encode.h"
#include "wire/frames.h"

void ch_json_add_text(ch_buffer *out, const char *lead, ch_slice text)
{
    ch_buffer_add_text(out, lead);
    ch_encode_json(out, text);
}

void ch_json_add_boolean(ch_buffer *out, const char *lead, bool is_true)
{
    ch_buffer_add_text(out, lead);
    ch_buffer_add_text(out, is_true ? "true" : "false");
}

void ch_json_add_number(ch_buffer *out, const char *lead, uint64_t number)
{
    ch_buffer_add_format(out, "%s%llu", lead, (unsigned long long)number);
}

void ch_json_add_texts(ch_buffer *out, const char *lead, ch_records texts)
{
    ch_text_record text;
    ch_buffer_add_text(out, lead);
    ch_buffer_add_byte(out, '[');
    for (const char *comma = ""; ch_text_record_next(&texts, &text); comma = ",")
        ch_json_add_text(out, comma, text.bytes);
    ch_buffer_add_byte(out, ']');
}
