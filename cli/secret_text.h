/* An API secret as text: what it may look like, and the bytes that it stands for.
 *
 * Only what is beyond doubt is taken: one line, with or without its line end; and base64 over several lines, as
 * base64(1) and mail programs wrap it. All else is refused with the reason, because a key that was made of a wrong text
 * can't be told from a right one until the exchange refuses its signatures. Messages never quote the text.
 * Single-threaded. */
#ifndef CH_CLI_SECRET_TEXT_H
#define CH_CLI_SECRET_TEXT_H

#include "base/buffer.h"
#include "base/encode.h"
#include "base/secret.h"
#include "exchange/secret_shape.h"

/* What the text must be. */
typedef struct ch_secret_form {
    ch_encoding encoding;
    const ch_secret_shape *shape; /* of the exchange's secrets; NULL if it is not known */
    const char *exchange;         /* the profile that is named; NULL: none, and the text may read like anything */
    bool is_as_is;                /* what looks like a place-holder, or is short, is taken as well */
} ch_secret_form;

/* Decodes `text` into `out`, which must be empty, and appends to `taken` what was taken, for people: "base64, 64
 * bytes". CH_BAD_INPUT says what is wrong and what to do. `text` stays the caller's; the caller wipes `out`. */
CH_CHECKED ch_status ch_secret_text_read(const ch_secret *text, const ch_secret_form *form, ch_secret *out,
                                         ch_buffer *taken, ch_error *err);

/* Puts the lines of `text`, which is base64 without a line end, behind one another into `out`, which must be empty. One
 * line is one value. Several are one only if all but the last are equally long and the last is not longer; they are not
 * if one of them alone has `shape`, or could be a value of its own. `*line_count` is the number of lines. CH_BAD_INPUT
 * if the lines may be more than one value; `name` is for messages. */
CH_CHECKED ch_status ch_secret_text_join(ch_slice text, const ch_secret_shape *shape, const char *name, ch_secret *out,
                                         size_t *line_count, ch_error *err);

#endif
