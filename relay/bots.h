/* The connections of bots: HTTP/1.1 as a server speaks it, with the answer streamed.
 *
 * A connection has one request in flight. Its head is read by relay/bot_head.h, and its body, which is at most
 * CH_BOT_BODY_MAX, whole; then the owner's on_request is called, and answers at once or later: ch_bot_begin, ch_bot_add
 * as often as it likes, ch_bot_end. What the bot sends meanwhile waits. Head and body must come within their times, and
 * an answer must be taken within its own. Each inlet has its share of the connections; above it, the oldest makes room
 * that has not asked with the token yet, else the one that has been idle the longest.
 *
 * Nothing here calls the owner from within a call of the owner's, so a bot that is gone is told of later. One thread.
 *
 * bots.c reads, bots_answer.c writes. */
#ifndef CH_RELAY_BOTS_H
#define CH_RELAY_BOTS_H

#include "base/loop.h"
#include "relay/bot_head.h"
#include "relay/config.h"
#include "relay/inlet.h"

#define CH_BOT_BODY_MAX (48 * 1024)
#define CH_BOTS_MAX 1024

typedef struct ch_bot ch_bot;
typedef struct ch_bots ch_bots;

typedef struct ch_bots_owner {
    void *context;
    /* The views are good until the request is answered or the bot is gone. */
    void (*on_request)(void *context, ch_bot *bot, ch_inlet *inlet, const ch_bot_head *head, ch_slice body);
    /* Refuses a head with its HTTP status before its body is read. */
    ch_status (*check_head)(void *context, const ch_inlet *inlet, const ch_bot_head *head, ch_error *err);
    /* The backlog has become small: there is room for more of the answer. */
    void (*on_room)(void *context, void *request);
    /* The bot hung up before its request was answered whole. It must not be used any more. */
    void (*on_gone)(void *context, void *request);
} ch_bots_owner;

/* At most `most` connections, divided among `inlets`. */
ch_bots *ch_bots_new(ch_loop *loop, const ch_relay_times *times, size_t most, size_t inlets,
                     const ch_bots_owner *owner);
void ch_bots_free(ch_bots *bots);
/* Idle connections end now, the others after their request. */
void ch_bots_stop(ch_bots *bots);
size_t ch_bots_count(const ch_bots *bots);

/* Serves the non-blocking socket `fd` from now on, or closes it. */
void ch_bots_take(ch_bots *bots, ch_inlet *inlet, int fd);

/* Notes that it may ask here: it has the token, if there is one. */
void ch_bot_note_known(ch_bot *bot);
/* Sets what on_room and on_gone are called with, for the request in flight. */
void ch_bot_set_request(ch_bot *bot, void *request);

/* The answer: `lines` are whole header lines, without those that say how long the body is. `body_size`: -1 if it is not
 * known yet. */
void ch_bot_begin(ch_bot *bot, unsigned status, ch_slice lines, int64_t body_size);
void ch_bot_add(ch_bot *bot, ch_slice body);
/* The answer is whole; the bot is not the owner's any more. */
void ch_bot_end(ch_bot *bot);
/* It cannot become whole: the connection ends, so that the bot sees that. */
void ch_bot_cut(ch_bot *bot);
/* How much of the answer the bot has not taken yet. */
size_t ch_bot_backlog(const ch_bot *bot);

#endif
