/* The head of a bot's request, read strictly from its bytes: RFC 9112 without what two readers could read in two ways.
 *
 * Refused: a line end that is not CRLF, a folded line, control characters, text that is not UTF-8, a header that stands
 * twice, whatever it is; a body whose length is not announced by one Content-Length of plain digits; methods, versions
 * and targets that are not for a server of origin (CONNECT, absolute-form, HTTP/1.0); an Upgrade. Each refusal has the
 * HTTP status that says so. Thread-safe. */
#ifndef CH_RELAY_BOT_HEAD_H
#define CH_RELAY_BOT_HEAD_H

#include "base/error.h"
#include "base/slice.h"

#define CH_BOT_HEAD_MAX (16 * 1024)
#define CH_BOT_HEADERS_MAX 64

typedef struct ch_header {
    ch_slice name;
    ch_slice value; /* without blanks at its ends */
} ch_header;

typedef struct ch_bot_head {
    ch_slice method; /* views of the bytes */
    ch_slice target;
    ch_header headers[CH_BOT_HEADERS_MAX];
    size_t count;
    size_t body_size;
    bool wants_close;      /* Connection: close */
    bool expects_continue; /* Expect: 100-continue */
} ch_bot_head;

/* Looks for the end of a head in `bytes`, of which the first `*scanned` were looked at before. Returns its size with
 * the empty line; 0 with CH_OK if it has not all come yet. */
CH_CHECKED ch_status ch_bot_head_end(ch_slice bytes, size_t *scanned, size_t *size, unsigned *http_status,
                                     ch_error *err);

/* Reads a whole head. */
CH_CHECKED ch_status ch_bot_head_read(ch_slice bytes, ch_bot_head *out, unsigned *http_status, ch_error *err);

/* Returns the value of the header with that name, in any case of its letters, or NULL. */
const ch_slice *ch_bot_head_find(const ch_bot_head *head, const char *name);

#endif
