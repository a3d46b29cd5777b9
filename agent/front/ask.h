/* What a bot asks for: the JSON of a sign request becomes a SIGN frame.
 *
 * Reading is as strict as agent/front/body.h, and takes no parameter that could be meant in two ways. Not thread-safe.
 */
#ifndef CH_AGENT_FRONT_ASK_H
#define CH_AGENT_FRONT_ASK_H

#include "wire/frames.h"

#include <jansson.h>

/* One request at a time; kept from one to the next for its buffers. Zero it first; free it with ch_ask_free. */
typedef struct ch_ask {
    ch_sign_frame sign; /* views into the rest, until the next read; `connection` and `key` are the caller's to set */
    json_t *tree;
    ch_buffer records;
    ch_buffer headers;
    ch_buffer raw;
} ch_ask;

/* Reads one of the four forms from `body`; parameters stay in the order of the text:
 *   {"method","path","host","params"}   host and params may be left out
 *   {"string","method","path","host"}   all but the string may be left out
 *   {"raw"}                             base64
 *   {"wire": {"method","url","headers","body","origin"}}   all but method and url may be left out
 * The first and the last may have {"relay": {"id","for","errors"}} besides.
 * CH_BAD_INPUT says what to change. */
CH_CHECKED ch_status ch_ask_read(ch_ask *ask, ch_slice body, ch_error *err);

/* Forgets the request, and keeps the buffers. */
void ch_ask_clear(ch_ask *ask);
void ch_ask_free(ch_ask *ask);

#endif
