/* The agent, asked over its Unix socket: to judge and sign a request, and told what became of it.
 *
 * The relay speaks the frames of the agent's own processes (docs/protocol.md) on one connection, which is opened when
 * somebody asks, and kept. A question is asked at most once: what the agent was asked on a connection that died it may
 * have signed. agent_tell.c has how outcomes are told. One thread. */
#ifndef CH_RELAY_AGENT_H
#define CH_RELAY_AGENT_H

#include "base/loop.h"
#include "relay/agent_answer.h"
#include "relay/question.h"

typedef struct ch_agent ch_agent;
typedef struct ch_asking ch_asking;

ch_agent *ch_agent_new(ch_loop *loop, const char *socket_path, unsigned wait_s);
void ch_agent_free(ch_agent *agent);

/* Asks as ch_question_put has it, and may return what that returns. Else on_answer is called once, from the loop,
 * unless the asking is freed before; the answer is of the asking, and lives as long. Keeps no view of what it is given.
 */
CH_CHECKED ch_status ch_agent_ask(ch_agent *agent, const ch_wire *wire, const char *id, uint64_t errors_tag,
                                  void (*on_answer)(void *context, const ch_agent_answer *answer), void *context,
                                  ch_asking **out, ch_error *err);
void ch_asking_free(ch_asking *asking);

/* Tells what became of a request, once, whatever comes of that. `status` 0: it was not sent. Outcomes are gathered for
 * some milliseconds, so that a busy bot's next order does not wait for what is said of its last. */
void ch_agent_tell(ch_agent *agent, const char *id, unsigned status, ch_slice body);
/* Returns how many outcomes are still to be told, or are being told; those that are told together count as one. */
size_t ch_agent_telling(const ch_agent *agent);

#endif
