/* The way of a bot's request: received, judged and signed by the agent, sent once, answered, and told of.
 *
 * requests.c has its states, requests_send.c what is sent and what became of it, requests_answer.c what the bot is
 * answered. One thread. */
#ifndef CH_RELAY_REQUESTS_H
#define CH_RELAY_REQUESTS_H

#include "relay/agent.h"
#include "relay/bots.h"
#include "relay/sender.h"

typedef struct ch_requests ch_requests;
typedef struct ch_request_on_its_way ch_way;

ch_requests *ch_requests_new(ch_loop *loop, const ch_relay_config *config, ch_agent *agent, ch_sender *sender);
void ch_requests_free(ch_requests *requests);

/* Returns how many are on their way. */
size_t ch_requests_count(const ch_requests *requests);

/* Takes a bot's request, and answers the bot when it is at its end. */
void ch_requests_take(ch_requests *requests, ch_bot *bot, const ch_inlet *inlet, const ch_bot_head *head,
                      ch_slice body);
/* The bot takes more of its answer. */
void ch_way_has_room(ch_way *way);
/* The bot hung up: nothing is sent any more; what was sent is awaited. */
void ch_way_is_gone(ch_way *way);

#endif
