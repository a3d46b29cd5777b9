/* The core process: the decision. Its state, and the steps that its rooms share.
 *
 * One thread, one loop (core.c). A request takes one way through: signing.c judges and builds it and puts a job on its
 * token's queue; link.c hands queued jobs to the token process in batches and takes signatures back; signing.c finishes
 * the request for the front. operator.c serves unlock and lock. What is written to a channel leaves at the end of the
 * loop's turn, so that one turn costs one packet each way however many requests it served. */
#ifndef CH_AGENT_CORE_CORE_H
#define CH_AGENT_CORE_CORE_H

#include "state/nonces.h"
#include "state/store.h"
#include "agent/core/config.h"
#include "base/peer.h"
#include "policy/policy.h"
#include "agent/spawn.h"
#include "exchange/recipe.h"
#include "base/buffer.h"
#include "base/clock.h"

_Static_assert((int)CH_VALUE_KIND_COUNT == (int)CH_PARAM_KIND_COUNT && CH_JOB_PAYLOADS_MAX == CH_PAYLOADS_MAX,
               "the frames carry what the recipes take");

#define CH_CONNECTIONS_MAX 1024
#define CH_JOBS_MAX 1024
#define CH_QUEUE_MAX 512 /* jobs waiting or at work for one token */
#define CH_OPERATORS_MAX 8
#define CH_JOB_TIMEOUT_MS 10000
#define CH_NO_JOB UINT16_MAX

typedef struct ch_core ch_core;

/* ---- connections: who is behind each of the front's descriptors ---- */

typedef struct ch_connection {
    bool is_open;
    uint32_t generation; /* an id of a slot's earlier life finds nothing */
    ch_peer peer;
} ch_connection;

/* ---- jobs: a request between the decision and its signature ---- */

typedef struct ch_job {
    bool is_used;
    bool is_urgent; /* a cancel: overtakes */
    uint16_t next;  /* in its queue, or in the free list */
    uint32_t generation;
    uint32_t front_life; /* the front that asked; an answer for an earlier one is dropped */
    uint64_t request_id;
    uint64_t sent_ms; /* 0 while queued */
    uint32_t cost_ns; /* what it is expected to take at the token; set when sent */
    const ch_key *key;
    ch_sign_form form;
    ch_payloads messages; /* views into the draft or, where the bot brought the text, into `text` */
    ch_draft *draft;      /* made on first use, kept */
    ch_buffer text;
} ch_job;

typedef struct ch_queue {
    uint16_t first;
    uint16_t last;
    size_t count;
} ch_queue;

/* ---- links: core's end of a token process ---- */

typedef struct ch_key_state {
    bool is_known;
    ch_error problem; /* CH_OK: found on the token, and as it should be */
    uint32_t cost_ns; /* what a job takes; 0: none was done yet */
} ch_key_state;

typedef struct ch_operator_session {
    ch_channel channel; /* fd -1: free */
    bool is_asked;      /* its one request has come */
    size_t left;        /* answers still to come; 0 when closed */
    ch_error answer;    /* the first failure */
} ch_operator_session;

typedef struct ch_link {
    ch_core *core;
    const ch_token_config *config;
    ch_process process;
    ch_token_state state;
    ch_error detail; /* why it is not as it should be */
    ch_secret pin;   /* while unlocked, where the configuration allows a re-login */
    ch_secret trial; /* while a login is under way */
    bool is_login_pending;
    ch_operator_session *operator_session; /* who waits for the login; NULL for a re-login of our own */
    ch_key_state *keys;
    const ch_key **policy_keys; /* by token_key index */
    size_t key_count;
    ch_queue urgent;
    ch_queue normal;
    size_t in_flight; /* jobs at the token */
    uint64_t work_ns; /* what they are expected to take, one after the other */
} ch_link;

struct ch_core {
    ch_config config;
    ch_policy policy;
    ch_store *store;
    ch_nonces *nonces;
    ch_scratch *scratch;    /* of all drafts */
    size_t *nonce_counters; /* by key index; used where the profile has nonces */
    int epoll_fd;
    int signal_fd;
    int listen_fd;
    int operator_listen_fd;
    bool is_listening; /* the bots' listener is in the epoll set */
    bool is_stopping;
    uint64_t started_ms;
    ch_process front;
    bool is_front_ready;
    uint32_t front_life;
    ch_connection connections[CH_CONNECTIONS_MAX];
    size_t connection_count;
    ch_job jobs[CH_JOBS_MAX];
    uint16_t free_job;
    ch_link links[CH_TOKENS_MAX];
    size_t link_count;
    ch_operator_session operators[CH_OPERATORS_MAX];
    uint64_t signed_count;
    uint64_t refused_count;
    uint64_t failed_count;
};

/* core.c: runs the agent until SIGTERM or SIGINT. Returns the process's exit status. */
int ch_core_main(const char *config_path);
/* core.c: adds or removes a descriptor of the loop; `tag` comes back with its events. */
CH_CHECKED ch_status ch_core_watch(ch_core *core, int fd, uint64_t tag, ch_error *err);

/* What a tag says: whose descriptor it is, and which one of them. */
enum { CH_TAG_SIGNAL, CH_TAG_LISTEN, CH_TAG_OPERATOR_LISTEN, CH_TAG_FRONT, CH_TAG_LINK, CH_TAG_OPERATOR };
#define CH_TAG(kind, index) ((uint64_t)(kind) << 32 | (uint64_t)(index))

/* clients.c: the bots' socket, the connections, and the front process. */
CH_CHECKED ch_status ch_listen(const char *path, int type, int *fd, ch_error *err);
void ch_clients_accept(ch_core *core);
/* NULL if no such connection is open. */
const ch_connection *ch_clients_find(const ch_core *core, uint64_t id);
void ch_front_keep_up(ch_core *core, uint64_t now_ms);
void ch_front_receive(ch_core *core);
void ch_front_down(ch_core *core, const char *why);
/* Answers a request of the front with a failure. */
void ch_front_fail(ch_core *core, uint64_t request_id, const ch_error *err);
void ch_front_flush(ch_core *core);

/* signing.c: the one way that a request takes. */
void ch_sign_request(ch_core *core, ch_frame *frame);
void ch_sign_done(ch_core *core, ch_job *job, const ch_payloads *signatures);
void ch_sign_failed(ch_core *core, ch_job *job, const ch_error *err);

/* link.c: the token processes. */
void ch_link_init(ch_core *core, size_t index);
void ch_link_keep_up(ch_link *link, uint64_t now_ms);
void ch_link_receive(ch_link *link);
void ch_link_down(ch_link *link, const char *why);
/* CH_OK if a job for `key` can be queued now; else CH_LOCKED, CH_UNAVAILABLE or CH_BUSY, or what is wrong with the key.
 */
CH_CHECKED ch_status ch_link_accepts(const ch_link *link, const ch_key *key, ch_error *err);
/* Queues a built job. */
void ch_link_enqueue(ch_link *link, ch_job *job);
/* Hands queued jobs over as far as the token has room for them. */
void ch_link_dispatch(ch_link *link, uint64_t now_ms);
/* Ends a process that holds a job for too long, and the wait of jobs whose token does not come back. */
void ch_link_check_time(ch_link *link, uint64_t now_ms);
/* Takes `pin` over. The operator's session (or NULL) is told the outcome. */
void ch_link_unlock(ch_link *link, ch_secret *pin, ch_operator_session *session);
void ch_link_lock(ch_link *link, ch_operator_session *session);
const char *ch_token_state_name(ch_token_state state);

/* jobs.c: the table of jobs. */
void ch_jobs_init(ch_core *core);
ch_job *ch_job_take(ch_core *core); /* NULL when all are used */
void ch_job_release(ch_core *core, ch_job *job);
uint64_t ch_job_id(const ch_core *core, const ch_job *job);
ch_job *ch_job_find(ch_core *core, uint64_t id);
void ch_queue_push(ch_core *core, ch_queue *queue, ch_job *job);
ch_job *ch_queue_pop(ch_core *core, ch_queue *queue);

/* operator.c: unlock and lock. */
void ch_operators_init(ch_core *core);
void ch_operators_accept(ch_core *core);
void ch_operator_receive(ch_core *core, size_t index);
/* A link has done, or failed, what the session waits for. */
void ch_operator_answer(ch_operator_session *session, const ch_error *outcome);

#endif
