/* What an exchange answers, from the profile's `answers`: errors that are written as the exchange would write them, so
 * that each SDK raises the right kind of error, and which of the exchange's own answers mean that nothing was placed.
 *
 * Pure: no clock, no I/O, no state. A loaded profile is immutable, so all of it is thread-safe. docs/profiles.md
 * describes the field. */
#ifndef CH_EXCHANGE_ANSWERS_H
#define CH_EXCHANGE_ANSWERS_H

#include "base/buffer.h"
#include "exchange/profile.h"

/* What a bot may be told instead of an answer of the exchange. */
typedef enum ch_answer_kind {
    CH_ANSWER_REFUSED,  /* policy or a check says no, or people must approve first: don't try again as it is */
    CH_ANSWER_LOCKED,   /* no token is open for the key: don't try again until people have unlocked it */
    CH_ANSWER_NOT_SENT, /* nothing reached the exchange: it may be tried again */
    CH_ANSWER_UNKNOWN,  /* it was sent, and how it ended is not known: look before trying again */
    CH_ANSWER_KIND_COUNT
} ch_answer_kind;

/* "refused", "locked", "not-sent", "unknown". */
const char *ch_answer_kind_name(ch_answer_kind kind);

#define CH_ANSWER_HEADERS_MAX 4

/* Name and value live as long as the profile. */
typedef struct ch_answer_header {
    const char *name;
    const char *value;
} ch_answer_header;

typedef struct ch_answer {
    unsigned status;
    ch_answer_header headers[CH_ANSWER_HEADERS_MAX + 1]; /* the first is Content-Type */
    size_t header_count;
    ch_buffer body;
} ch_answer;

/* Starts, or ends, the use of an answer; after ch_answer_free it can be written again. */
#define CH_ANSWER_INIT                                                                                                 \
    {                                                                                                                  \
        .body = CH_BUFFER_INIT                                                                                         \
    }
void ch_answer_free(ch_answer *answer);
#define ch_autoanswer __attribute__((cleanup(ch_answer_free))) ch_answer

/* Writes into `out` (CH_ANSWER_INIT, or one that was written before) how the exchange would say `message`, a sentence
 * for people, in an error of that kind. `id` is that of the request or of its approval, and may be empty; say it in
 * `message` too, since few exchanges have a place for it. What is not text in the two (ch_slice_is_text) becomes '?',
 * and a text that an SDK would misread begins with a letter of the other case.
 *
 * A profile without `answers` has a plain form: {"message":…,"id":…} with 422, 422, 503 and 504. Cannot fail. */
void ch_answer_write(const ch_profile *profile, ch_answer_kind kind, ch_slice message, ch_slice id, ch_answer *out);

#define CH_ANSWER_READ_MAX ((size_t)16 * 1024)

/* True if this answer of the exchange to a request to `endpoint` means, by the exchange's own documents, that nothing
 * of it was placed, so that what was reserved for it may be returned.
 *
 * Never true for what the profile does not list; for 1xx, 3xx, 408 and 5xx, whatever stands in them; for a body of more
 * than CH_ANSWER_READ_MAX bytes, or that is not one whole JSON text (so cut-off text is no rejection), or that has a
 * member twice. An answer to a batch is one only if every part of it is. */
bool ch_answer_is_rejection(const ch_endpoint *endpoint, unsigned status, ch_slice body);

/* Returns a text that an SDK would misread, or NULL if `index` is past the end. */
const char *ch_answer_misread_at(const ch_profile *profile, size_t index);

/* Writes one of the profile's rules for rejections into `out`, for people: "/code is -1013 or -1121". Returns false if
 * `index` is past the end. */
bool ch_answer_describe_rejection(const ch_profile *profile, size_t index, ch_buffer *out);

#endif
