/* What requests.c, requests_send.c and requests_answer.c share. */
#ifndef CH_RELAY_REQUESTS_IMPL_H
#define CH_RELAY_REQUESTS_IMPL_H

#include "base/log.h"
#include "relay/address.h"
#include "relay/outcomes.h"
#include "relay/requests.h"
#include "relay/turns.h"
#include "wire/frames.h"

typedef enum ch_way_state {
    CH_WAY_RECEIVED,
    CH_WAY_AWAITING,  /* the end of the same request, which came before */
    CH_WAY_QUEUED,    /* for its turn with the key */
    CH_WAY_ASKING,    /* the agent */
    CH_WAY_SENDING,   /* it may have started or not */
    CH_WAY_ANSWERING, /* the head of the answer is here */
    CH_WAY_ENDED,
} ch_way_state;

struct ch_request_on_its_way {
    ch_requests *requests;
    ch_way *previous;
    ch_way *next;
    ch_way_state state;
    ch_bot *bot; /* NULL: it hung up, or was answered */
    size_t caller;
    ch_bot_address address;
    ch_wire wire; /* views of what the bot sent, good only while it is there */
    uint8_t print[CH_PRINT_SIZE];
    uint8_t repeat[CH_PRINT_SIZE];
    bool has_repeat;
    ch_timer timer; /* of waiting */
    ch_turn turn;
    ch_outcome_wait wait;
    ch_outcome *outcome;        /* NULL: it has no record, or that is another's */
    char id[CH_DRAWN_SIZE + 1]; /* of its record, or of that of the same request */
    ch_asking *asking;
    ch_agent_answer said; /* by the agent; views of `asking` */
    ch_sending *sending;
    bool is_paused;
    uint64_t body_size; /* of the answer */
};

struct ch_requests {
    ch_loop *loop;
    const ch_relay_config *config;
    ch_agent *agent;
    ch_sender *sender;
    ch_outcomes *outcomes;
    ch_turns *turns;
    ch_way *list;
    size_t count;
    size_t *counts; /* of each caller, by the first listener that names it */
    ch_log_limit limit;
};

void ch_way_enter(ch_way *way, ch_way_state state);
/* Takes it off the list and frees it. */
void ch_way_end(ch_way *way);
/* Sends what the agent said is to be sent. */
void ch_way_send(ch_way *way);
/* Ends it, and its record in that state. Tells the agent if it was not sent. */
void ch_way_give_up(ch_way *way, ch_outcome_state state);

/* ---- answers to the bot, if it is still there; none ends the way ---- */

typedef enum ch_way_error { CH_ERROR_NOT_SENT, CH_ERROR_UNKNOWN } ch_way_error;

/* A problem of the relay's own; `http_status`: 0 for the error's. */
void ch_way_answer_problem(ch_way *way, const ch_error *problem, unsigned http_status);
/* By the shape that the agent named for such an error, else a problem document. */
void ch_way_answer_error(ch_way *way, ch_way_error which, const ch_error *why);
/* The agent's refusal, in the exchange's shape if it has one. */
void ch_way_answer_refusal(ch_way *way);
/* What the same request was answered before. */
void ch_way_answer_recorded(ch_way *way, const ch_outcome *outcome);

#endif
