/* The agent, asked over its Unix socket: to judge and sign a request, and told what became of it.
 *
 * docs/relay.md has the JSON of both. A question is asked at most once: what the agent was asked for on a connection
 * that died it may have signed. One thread. */
#ifndef CH_RELAY_AGENT_H
#define CH_RELAY_AGENT_H

#include "base/buffer.h"
#include "base/loop.h"
#include "relay/agent_answer.h"
#include "relay/bot_head.h"
#include "relay/outcomes.h"

#define CH_AGENT_BODY_MAX (48 * 1024) /* that the agent takes */

typedef struct ch_agent ch_agent;
typedef struct ch_asking ch_asking;

/* What a bot asks for, in its own words. */
typedef struct ch_wire {
    const char *caller;
    ch_slice key;
    ch_slice origin; /* may be empty */
    ch_slice url;
    const ch_bot_head *head;
    ch_slice body;
} ch_wire;

ch_agent *ch_agent_new(ch_loop *loop, const char *socket_path, unsigned wait_s);
void ch_agent_free(ch_agent *agent);

/* Appends the question as JSON. `errors_tag` is the tag of the shapes of errors that are known, or NULL; the agent does
 * not send these again. Returns CH_TOO_LARGE if the agent would not take it, CH_BAD_INPUT if the body is not text. */
CH_CHECKED ch_status ch_agent_write(const ch_wire *wire, const char *id, const char *errors_tag, ch_buffer *out,
                                    ch_error *err);
/* Writes the print of what the bot sent. */
void ch_wire_print(const ch_wire *wire, uint8_t out[CH_PRINT_SIZE]);

/* Asks; calls on_answer once, unless the asking is freed before. Keeps no view of what it is given. */
ch_asking *ch_agent_ask(ch_agent *agent, const ch_wire *wire, ch_slice question,
                        void (*on_answer)(void *context, const ch_agent_answer *answer), void *context);
void ch_asking_free(ch_asking *asking);

/* Tells what became of a request, once, whatever comes of that. `status` 0: it was not sent. Outcomes are gathered for
 * some milliseconds, so that a busy bot's next order does not wait for what is said of its last. */
void ch_agent_tell(ch_agent *agent, const char *id, unsigned status, ch_slice body);
/* Returns how many outcomes are still to be told, or are being told; those that are told together count as one. */
size_t ch_agent_telling(const ch_agent *agent);

#endif
