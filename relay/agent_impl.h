/* What agent.c, agent_tell.c and agent_lists.c share. */
#ifndef CH_RELAY_AGENT_IMPL_H
#define CH_RELAY_AGENT_IMPL_H

#include "base/log.h"
#include "base/slots.h"
#include "relay/agent.h"
#include "wire/channel.h"
#include "wire/frames.h"

#define CH_ASKINGS_MAX 1024 /* more than there are requests and tellings */

#define CH_LATE_MAX 1024 /* answers that came in time for nobody */

#define CH_HELD UINT64_MAX /* no byte is written at this place */

typedef struct ch_asking_list {
    ch_asking *first;
    ch_asking **after; /* the last one */
} ch_asking_list;

struct ch_asking {
    ch_agent *agent;
    char id[CH_DRAWN_SIZE + 1]; /* the request's; empty: it tells */
    uint64_t number;            /* in its frame; 0: it is not waited for any more */
    const char *caller;         /* who outlives it; empty: it tells */
    uint64_t begins_at;         /* of the bytes that were written on the connection; CH_HELD: it is held back */
    uint64_t round;             /* held back: in which it is written */
    ch_timer timer;
    ch_buffer bytes; /* of the frame that answers; while it is held back, of the one that asks */
    ch_agent_answer answer;
    void (*on_answer)(void *context, const ch_agent_answer *answer); /* NULL: it tells */
    void *context;
    bool was_told;        /* it tells, and was answered */
    ch_asking_list *list; /* in which it is, or NULL */
    ch_asking *next;      /* ... */
};

/* A question whose answer did not come in time, and may come still. */
typedef struct ch_late {
    uint64_t number; /* 0: there is none */
    char id[CH_DRAWN_SIZE + 1];
    bool is_signed;
} ch_late;

struct ch_agent {
    ch_loop *loop;
    char *socket_path;
    uint64_t wait_ms;
    ch_channel channel;
    ch_source source;
    bool has_heard;   /* a frame on this connection */
    uint64_t written; /* bytes, on this connection; those that have not left are the channel's */
    ch_slots *numbers;
    ch_asking *askings[CH_ASKINGS_MAX]; /* by the index of their number; NULL: it has none, or is being written */
    ch_asking_list held;                /* until the agent has taken what was written before; by rounds */
    uint64_t round;                     /* of the one that was written last of those */
    ch_asking_list ended;               /* whoever asked is still to be called */
    ch_timer calling;                   /* set if they are to be called, and the loop does not do it anyway */
    bool is_calling;
    ch_late late[CH_LATE_MAX];
    size_t late_count; /* so far; the newest take the oldest ones' places */
    size_t late_signed;
    ch_buffer question; /* that is being written */
    ch_records outcomes;
    ch_buffer outcome_bytes;
    ch_timer gathering; /* set if there are outcomes */
    size_t telling_count;
    ch_log_limit limit;
};

/* Sends agent->question, which has that number, and waits for its answer. */
ch_asking *ch_agent_start(ch_agent *agent, uint64_t number, const char *caller, uint64_t wait_ms);
void ch_asking_append(ch_asking_list *list, ch_asking *asking);
/* Takes the first one out; NULL if there is none. */
ch_asking *ch_asking_pop(ch_asking_list *list);
/* Does nothing if it is in no list. */
void ch_asking_unlink(ch_asking *asking);
/* Keeps a copy of agent->question until there is room, in turn with other callers'. */
void ch_agent_hold(ch_agent *agent, ch_asking *asking);
/* Is due when outcomes have been gathered. */
void ch_agent_on_gathered(void *context);

#endif
