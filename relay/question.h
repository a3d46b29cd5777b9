/* What a bot asks for, as the frame that asks the agent.
 *
 * All bots share the relay's one connection, and core ends it when a frame is not as docs/protocol.md has it. So what a
 * bot sent is checked here, whoever has looked at it before: a bad request ends with an error of its own. Thread-safe.
 */
#ifndef CH_RELAY_QUESTION_H
#define CH_RELAY_QUESTION_H

#include "base/buffer.h"
#include "relay/bot_head.h"
#include "relay/outcomes.h"

#define CH_QUESTION_MAX (48 * 1024) /* bytes of the frame; what the agent adds must find room in the answer's */

/* What a bot asks for, in its own words. */
typedef struct ch_wire {
    const char *caller;
    ch_slice key;
    ch_slice origin; /* may be empty */
    ch_slice url;
    const ch_bot_head *head;
    ch_slice body;
} ch_wire;

/* Appends the frame. `number` is the question's, `id` the request's in hex; `errors_tag` is the tag of the shapes of
 * errors that are known, which the agent does not send again, or 0. Returns CH_TOO_LARGE if the frame would be too
 * large, CH_BAD_INPUT for what no frame may hold; then nothing has been appended. */
CH_CHECKED ch_status ch_question_put(ch_buffer *out, uint64_t number, const ch_wire *wire, const char *id,
                                     uint64_t errors_tag, ch_error *err);

/* Writes the print of what the bot sent. */
void ch_wire_print(const ch_wire *wire, uint8_t out[CH_PRINT_SIZE]);

#endif
