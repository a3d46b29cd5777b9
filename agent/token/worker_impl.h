/* What the files of the workers share, and nobody else sees. */
#ifndef CH_AGENT_TOKEN_WORKER_IMPL_H
#define CH_AGENT_TOKEN_WORKER_IMPL_H

#include "agent/token/worker.h"
#include "base/awake.h"
#include "pkcs11/print.h"
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

/* worker_codes.c */

/* What core asks of a code; views into its frame. */
typedef struct ch_asked_code {
    ch_slice seed; /* the URI of the object */
    ch_slice mechanism;
    unsigned digits;
    uint64_t now_s;
    uint64_t lowest_step;
    ch_slice print; /* of the seed that was enrolled; empty: any */
} ch_asked_code;

typedef struct ch_code_result {
    uint64_t step;
    ch_key_print print;
} ch_code_result;

/* Returns CH_REFUSED with CH_RULE_CODE unless `code` is one that may be used now. Somebody is logged in, and nobody
 * else uses the keeper's session. */
CH_CHECKED ch_status ch_signer_check_code(ch_signer *signer, const ch_asked_code *asked, ch_slice code,
                                          ch_code_result *out, ch_error *err);
CH_CHECKED ch_status ch_worker_take_code(void *context, ch_frame *frame, int *fd, ch_error *err);

/* worker_logins.c */
/* Somebody is logged in, and the token knows of it. */
bool ch_signer_has_login(const ch_signer *signer);
CH_CHECKED ch_status ch_worker_take_login(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_worker_take_login_code(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_worker_take_logout(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_worker_take_find_keys(void *context, ch_frame *frame, int *fd, ch_error *err);

/* worker_jobs.c */
CH_CHECKED ch_status ch_worker_take_job(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_worker_take_pin_job(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_worker_take_probe(void *context, ch_frame *frame, int *fd, ch_error *err);

#endif
