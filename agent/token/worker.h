/* The workers of a token process: threads that take packets of jobs, sign, and answer. */
#ifndef CH_AGENT_TOKEN_WORKER_H
#define CH_AGENT_TOKEN_WORKER_H

#include "agent/token/keys.h"
#include "pkcs11/token.h"
#include "wire/frames.h"

#include <pthread.h>

/* What the workers share. */
typedef struct ch_signer {
    int fd; /* of the channel to core */
    ch_token *token;
    ch_session *keeper;       /* of the login, and for finding keys, under the write lock */
    pthread_mutex_t spare;    /* the right to sign in it, under the read lock: for workers without a session */
    pthread_mutex_t printing; /* the right to make the print of an HMAC key */
    pthread_rwlock_t lock;    /* a job reads the keys' handles under it; a login, logout or search writes them */
    pthread_mutex_t turn;     /* the right to wait for a packet */
    _Atomic uint64_t turn_ns; /* since when the worker that has it is at a packet; 0: it waits for one */
    bool is_logged_in;        /* under `lock` */
    pthread_mutex_t pin;      /* the right to sign with a key that takes the PIN each time */
    ch_error refusal;         /* of the PIN, since the login: it is not sent again. Under `pin` */
    ch_signer_keys keys;
    uint32_t worker_count;
    ch_login login;
} ch_signer;

/* Takes `fd` over. */
void ch_signer_init(ch_signer *signer, int fd);

/* Opens a session for each worker, once the token is open. A token may have too few for `worker_count`, which is
 * lowered then: `lack` says so. A lone worker can do without. */
void ch_workers_open(ch_signer *signer, ch_error *lack);
/* Starts the workers; the calling thread becomes one of them. Comes back only if a worker could not be started. The
 * process ends, with status 0, when core closes the channel. */
CH_CHECKED ch_status ch_workers_run(ch_signer *signer, ch_error *err);

#endif
