/* The agent's end of a relay's connection, which a test serves itself between turns of the loop; and bots that ask. */
#ifndef CH_TESTS_RELAY_LINK_END_H
#define CH_TESTS_RELAY_LINK_END_H

#include "relay/agent.h"
#include "wire/channel.h"

#define LINK_ID "0123456789abcdef0123456789abcdef" /* of each request */

struct link_end {
    ch_loop *loop;
    ch_agent *agent;
    char *path;
    int listener; /* -1: nobody listens */
    ch_channel core;
    unsigned starts;       /* RELAY_STARTs, on this connection */
    uint64_t numbers[512]; /* of SIGN and OUTCOMES */
    size_t number_count;
    ch_ended_record ended[CH_OUTCOMES_MAX]; /* of the last OUTCOMES */
    size_t ended_count;
};
extern struct link_end link_end;

typedef struct link_bot {
    ch_asking *asking;
    unsigned calls;
    ch_agent_says says;
    char method[16];
    const char *caller;    /* NULL: "bot" */
    bool frees;            /* when it is called */
    struct link_bot *next; /* asks then */
} link_bot;

void link_set_up(void);
void link_tear_down(void);

void link_listen(void);
/* Takes the next connection, and what has come on it. */
void link_accept(void);
/* Takes what has come; it must be what the protocol allows. */
void link_hear(void);
/* Write answers, and send them. */
void link_write_signed(uint64_t number, const char *method); /* with effects */
void link_write_failed(uint64_t number, ch_status status);
void link_write_taken(uint64_t number);
void link_send(void);

ch_status bot_ask_with(link_bot *self, ch_slice body, ch_error *err);
void bot_ask(link_bot *self);
void bot_await(const link_bot *self);
void bots_forget(link_bot *all, size_t count);

#endif
