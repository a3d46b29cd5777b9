/* Forms and JSON as SDKs write them, read into the entries of a request. Any spelling of a value is taken, since the
 * agent writes its own; what is no form, or no JSON, is refused. Numbers stay text: an exponent is written out exactly,
 * and nothing goes through a float.
 *
 * Bounded and without recursion. Not thread-safe: one reader has one set of entries. */
#ifndef CH_EXCHANGE_WIRE_VALUES_H
#define CH_EXCHANGE_WIRE_VALUES_H

#include "base/buffer.h"
#include "base/error.h"
#include "exchange/request.h"

#define CH_WIRE_NUMBER_MAX 48 /* characters of a number whose exponent is written out */

/* Where entries go. `text` has what they are decoded to: the owner reserves enough before the first of them, as
 * ch_wire_text_size says, since views into it must not move. */
typedef struct ch_wire_values {
    ch_param *params;
    size_t capacity;
    size_t count;
    ch_buffer *text;
} ch_wire_values;

/* How far they are, to go back to. What is taken back must not be used any more. */
typedef struct ch_wire_mark {
    size_t count;
    size_t text_size;
} ch_wire_mark;

static inline ch_wire_mark ch_wire_mark_of(const ch_wire_values *values)
{
    return (ch_wire_mark){values->count, values->text->size};
}

static inline void ch_wire_go_back(ch_wire_values *values, ch_wire_mark to)
{
    values->count = to.count;
    values->text->size = to.text_size;
}

/* Room that the text of an input of that size needs, however often parts of it are decoded. */
size_t ch_wire_text_size(size_t input_size);

/* Appends each pair of `a=1&b=2` as a text. CH_BAD_INPUT if something is wrongly escaped. */
CH_CHECKED ch_status ch_wire_read_form(ch_slice form, ch_wire_values *out, ch_error *err);

/* Appends the one value that `json` is, under that name, with all that it holds: a null is a placeholder, a number with
 * a fraction is a text. CH_BAD_INPUT says at which byte it is no JSON. */
CH_CHECKED ch_status ch_wire_read_json(ch_slice json, ch_slice name, ch_wire_values *out, ch_error *err);

/* True if `text` is more than white space and could only be JSON: it begins with a brace or a bracket. */
bool ch_wire_is_json(ch_slice text);

/* Writes the exponent of a number out, `1e-7` as `0.0000001`; `*number` becomes a view of `text`. What is no number, or
 * has no exponent, stays as it is. Returns false if it has too many digits. */
CH_CHECKED bool ch_wire_expand(ch_buffer *text, ch_slice *number);

/* Appends one entry. CH_BAD_INPUT if there are too many, or it is not text. */
CH_CHECKED ch_status ch_wire_add(ch_wire_values *out, ch_param_kind kind, ch_slice name, ch_slice value, ch_error *err);

#endif
