/* Sends a request to an exchange, once.
 *
 * A request counts as sent from the moment libcurl starts to send it. It is stopped when it would start a second time,
 * which libcurl does, silently, when a connection that was used before dies unanswered. Requests with effects use
 * HTTP/1.1 on connections that were used a moment ago. Only https, with a certificate that fits; no redirect is
 * followed; addresses that no exchange has are refused when the socket is opened (relay/guard.h), unless a route says
 * otherwise.
 *
 * on_start, on_head and on_body come from within libcurl: they must not free the sending. One thread. */
#ifndef CH_RELAY_SENDER_H
#define CH_RELAY_SENDER_H

#include "base/loop.h"
#include "relay/agent_answer.h"
#include "relay/bot_head.h"
#include "relay/config.h"

#include <stdint.h>

typedef struct ch_sender ch_sender;
typedef struct ch_sending ch_sending;

typedef enum ch_sent {
    CH_NOT_SENT, /* it never started */
    CH_SENT_UNANSWERED,
    CH_SENT_BROKEN, /* on_head was called, and the body did not come whole */
    CH_SENT_ANSWERED
} ch_sent;

typedef enum ch_took {
    CH_TOOK,
    CH_TOOK_NONE, /* the same part comes again after ch_sending_resume */
    CH_TOOK_ENOUGH,
} ch_took;

typedef struct ch_sending_owner {
    void *context;
    /* It would start now. False: it must not. */
    bool (*on_start)(void *context);
    /* `lines` are what a bot gets; `body_size` is -1 if it is not known. */
    void (*on_head)(void *context, unsigned status, ch_slice lines, int64_t body_size);
    ch_took (*on_body)(void *context, ch_slice part);
    /* The end, from the loop, so the sending may be freed; `why` says more unless it is CH_SENT_ANSWERED. */
    void (*on_end)(void *context, ch_sent sent, const ch_error *why);
} ch_sending_owner;

CH_CHECKED ch_status ch_sender_new(ch_loop *loop, const ch_relay_config *config, ch_sender **out, ch_error *err);
void ch_sender_free(ch_sender *sender);

/* Sends what the agent has finished, which must live as long as the sending. `head` is the bot's, for the headers of
 * transport that the agent leaves alone. Returns NULL with the reason if it cannot be sent at all. */
ch_sending *ch_send(ch_sender *sender, const ch_agent_answer *what, const ch_bot_head *head,
                    const ch_sending_owner *owner, ch_error *err);
void ch_sending_resume(ch_sending *sending);
bool ch_sending_has_started(const ch_sending *sending);
/* Ends it, whatever it is doing, without on_end. NULL is fine. */
void ch_sending_free(ch_sending *sending);

#endif
