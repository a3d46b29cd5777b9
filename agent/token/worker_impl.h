/* What the files of the workers share, and nobody else sees. */
#ifndef CH_AGENT_TOKEN_WORKER_IMPL_H
#define CH_AGENT_TOKEN_WORKER_IMPL_H

#include "agent/token/worker.h"
#include "base/awake.h"
#include "wire/channel.h"

typedef struct ch_worker {
    ch_signer *signer;
    ch_channel channel; /* shares the signer's descriptor */
    ch_session session;
    ch_packet packet; /* the one in hand */
    pthread_t thread;
    bool is_slow;    /* its last packet held slow jobs */
    bool is_late;    /* its last job took far longer than was known: the next ones go back to core */
    bool is_pressed; /* and was there when the answers to the one before were sent */
    bool has_turn;
    bool is_busy;   /* its last wait for a packet was shorter than AWAKE_NS */
    uint32_t burst; /* jobs that it has done since then */
    ch_awake awake;
    uint64_t began_ns;  /* the end of that wait */
    uint64_t told_ns;   /* when it last said how far it was in looking for keys */
    ch_status received; /* of the last look for a packet */
    ch_error error;
} ch_worker;

/* Sends what was answered; waits for core if the socket is full. */
CH_CHECKED ch_status ch_worker_send(ch_channel *channel, ch_error *err);

/* worker_logins.c */
/* Somebody is logged in, and the token knows of it. */
bool ch_signer_has_login(const ch_signer *signer);
CH_CHECKED ch_status ch_worker_take_login(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_worker_take_logout(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_worker_take_find_keys(void *context, ch_frame *frame, int *fd, ch_error *err);

/* worker_jobs.c */
CH_CHECKED ch_status ch_worker_take_job(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_worker_take_pin_job(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_worker_take_probe(void *context, ch_frame *frame, int *fd, ch_error *err);

#endif
