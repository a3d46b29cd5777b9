/* What bots.c and bots_answer.c share. */
#ifndef CH_RELAY_BOTS_IMPL_H
#define CH_RELAY_BOTS_IMPL_H

#include "base/buffer.h"
#include "relay/bots.h"
#include "relay/pipe.h"

typedef enum ch_bot_state {
    CH_BOT_IDLE,      /* nothing of a request has come */
    CH_BOT_HEAD,      /* a part of its head */
    CH_BOT_BODY,      /* its head, and a part of its body */
    CH_BOT_SERVED,    /* the owner has it */
    CH_BOT_ANSWERED,  /* the whole answer is here, and the bot has not taken all of it */
    CH_BOT_LINGERING, /* answered for the last time; what the bot still sends is dropped, so that it reads the answer */
    CH_BOT_ENDED,     /* is freed by its timer */
} ch_bot_state;

struct ch_bot {
    ch_bots *bots;
    ch_inlet *inlet;
    ch_bot *previous;
    ch_bot *next;
    ch_pipe pipe;
    ch_source source;
    ch_timer timer;
    ch_bot_state state;
    uint64_t since_ms; /* in this state */
    ch_buffer in;      /* the request, and what came after it */
    size_t scanned;
    size_t head_size;
    ch_bot_head head;
    void *request; /* the owner's */
    ch_buffer out;
    size_t out_sent;
    bool is_chunked;
    bool has_no_body; /* 204, 304 */
    bool is_last;     /* the connection ends after this answer */
    bool is_full;     /* the owner waits for on_room */
    bool is_flushing;
    bool is_known; /* a request of its had the right address */
    bool is_early; /* it sent something before it was answered, which waits in the socket */
};

struct ch_bots {
    ch_loop *loop;
    ch_relay_times times;
    ch_bots_owner owner;
    ch_bot *list;
    size_t count;
    size_t share; /* of one inlet */
    bool is_stopping;
};

/* Changes the state, and what is waited for and how long. */
void ch_bot_enter(ch_bot *bot, ch_bot_state state);
/* Waits for what the state and the backlog need. */
void ch_bot_watch(ch_bot *bot);
/* Has the timer free it. */
void ch_bot_drop(ch_bot *bot);
/* Looks soon, from the loop, whether there is something to read. */
void ch_bot_look_soon(ch_bot *bot);
/* Writes as much as the bot takes. */
void ch_bot_flush(ch_bot *bot);
/* Answers with a problem document, for the last time on this connection. */
void ch_bot_refuse(ch_bot *bot, unsigned http_status, const ch_error *problem);

#endif
