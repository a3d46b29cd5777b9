/* What the files of the link share, and nobody else sees. */
#ifndef CH_AGENT_CORE_TOKEN_LINK_IMPL_H
#define CH_AGENT_CORE_TOKEN_LINK_IMPL_H

#include "agent/core/child.h"
#include "agent/core/token_link.h"
#include "base/loop.h"
#include "state/prints.h"
#include "wire/frame.h"
#include "wire/frames.h"
#include "wire/link_state.h"

#define CH_LINK_CHAINS 1024
#define CH_LINK_PACKET_FILL (CH_PACKET_MAX / 2) /* start another frame only while the packet is smaller than this */

typedef struct ch_known_key {
    uint32_t same_chain; /* the next one with that hash: an index plus one, or 0 */
    char *name;
    char *uri;
    char *mechanism;
    ch_lapses tolerated;
    ch_lapses lapses;             /* that it has, as the process says */
    ch_unlock_ends ends;          /* of the policy */
    ch_unlock_time unlock;        /* of the one under way */
    bool is_used;                 /* the policy names it */
    bool is_named;                /* this process knows of it */
    bool is_told;                 /* the process has spoken of it since it was last asked */
    bool must_find;               /* it is to be looked for, once somebody is logged in */
    bool is_known;                /* the process has said of it what follows */
    uint8_t print[CH_PRINT_SIZE]; /* of the object that the process has found */
    size_t print_size;
    bool is_printed;   /* the process has told it */
    bool is_exchanged; /* it is not the object that was first used */
    bool is_unproven;  /* it was said that it has no print */
    unsigned wrong;    /* signatures of its that were wrong, since one was right */
    ch_error problem;  /* CH_OK: found on the token, and as it should be */
} ch_known_key;

/* How far a code that comes with a login is. */
typedef enum ch_code_stage {
    CH_CODE_IDLE,   /* there is none, or it was not sent yet */
    CH_CODE_ASKED,  /* it is at the process */
    CH_CODE_PASSED, /* it was right, and its step is being written */
    CH_CODE_KEPT,   /* that is on disk */
} ch_code_stage;

typedef struct ch_login_code {
    char *seed; /* NULL: the login is without a code */
    char *mechanism;
    unsigned digits;
    uint64_t lowest_step;
    uint8_t print[CH_PRINT_SIZE];
    size_t print_size;
    ch_code_stage stage;
    bool is_done;      /* so is the login, and waits for the step to be kept */
    bool stays_locked; /* the token is locked again after it */
} ch_login_code;

struct ch_token_link {
    ch_link_config config; /* the texts are the link's own */
    ch_link_owner owner;
    ch_loop *loop;
    ch_child child;
    ch_timer check;

    /* How it is. */
    uint64_t since_ms; /* when the state began, or the process last came further in it */
    uint64_t open_ms;  /* when the state last ended in which jobs are signed */
    ch_error detail;   /* why it is not as it should be */
    ch_error lack;     /* what the process could not have of the token, or CH_OK */
    ch_link_state state;
    ch_link_counts counts;
    bool is_started;
    bool is_replaced;   /* its process was ended because it was locked, and the next one is not there yet */
    bool is_login_kept; /* by the token, though nobody here is logged in */
    bool is_gone;       /* a job's failure said that the device is away */

    /* Logins. */
    ch_link_waiter waiter;
    ch_login_code login_code;
    uint64_t lock_ms;    /* since when the waiter waits for a lock; 0: it does not */
    ch_secret pin;       /* while unlocked, if a re-login is allowed */
    ch_secret trial;     /* while a login is under way, or waits for a process that starts */
    unsigned cut_logins; /* that ended with the process, since the PIN was last right */
    uint64_t login_ms;   /* when a PIN was last sent for a login */
    uint64_t try_ms;     /* since when the trial waits to be counted */
    bool is_try_open;    /* the trial is counted, and it is not known what has come of it */
    bool is_last_try;    /* it may be */
    unsigned pins_out;   /* that the process has, for a login or signatures, and has not said what came of them */

    /* Unlocks. */
    ch_unlock_rule rule;   /* of the policy */
    ch_unlock_time unlock; /* of the one under way */
    int64_t slept_ns;      /* how long the machine had slept when it was asked for */
    bool may_sleep;        /* the machine, meanwhile */
    bool may_leave;        /* the token, meanwhile */
    bool is_unattended;    /* nobody typed the PIN */
    ch_error ended;        /* why the last one ended by itself, until the next one; or CH_OK */

    /* Codes without a login. */
    ch_code_waiter code_waiter;
    uint64_t code_ms; /* since when it waits */
    uint64_t code_lowest;

    /* Jobs. */
    bool is_probing;         /* a probe is at the process */
    unsigned vague_failures; /* since the last signature */
    bool is_giving;          /* jobs are called, and share packets as far as they go on at once */
    size_t packet_jobs;      /* in the packet that is being filled, besides those */
    size_t packet_share;     /* how many it takes */
    uint64_t quiet_ms;       /* the last probe, or the last time that it could not be asked */
    ch_token_jobs *jobs;

    /* Keys. */
    ch_known_key *keys;
    size_t key_count;
    size_t to_find;    /* how many keys must be found */
    size_t page_keys;  /* how many are looked for while jobs wait */
    size_t asked_keys; /* how many are, just now */
    size_t next;       /* none before this one must be */
    size_t look_next;  /* whose turn it is to be looked for again */
    uint64_t looked_ms;
    uint32_t found;                  /* how far the process has come in looking for them */
    uint32_t chains[CH_LINK_CHAINS]; /* the keys, by the hash of their names: an index plus one, or 0 */
};

/* The only function that changes the state. */
void ch_link_set_state(ch_token_link *link, ch_link_state state);

/* Asserts what holds between any two turns. */
void ch_link_check(const ch_token_link *link);
ch_status ch_link_fail_absent(const ch_token_link *link, ch_error *err);
ch_status ch_link_fail_locked(const ch_token_link *link, ch_error *err);

/* Somebody is logged in, as far as core has seen to it. */
bool ch_link_is_open(const ch_token_link *link);
/* Is it open, or was it a moment ago? Longer than that no job waits for it to come back. */
bool ch_link_is_back_soon(const ch_token_link *link);

/* token_link_keys.c */
/* Where the keys of that name, and others, begin: an index plus one, or 0; `same_chain` leads on. */
uint32_t ch_link_chain(const ch_token_link *link, const char *name);
/* The keys that the policy names. */
size_t ch_link_used_keys(const ch_token_link *link);
bool ch_link_is_usable(const ch_token_link *link, size_t key);
/* The key takes the PIN for each signature. */
bool ch_link_takes_pin(const ch_token_link *link, size_t key);
/* Tells a process that has just been started its keys. */
CH_CHECKED ch_status ch_link_name_keys(ch_token_link *link, ch_error *err);
/* Looks for some of the keys that are still to be looked for, if there are any. Jobs wait for that, and not for all. */
void ch_link_find_some(ch_token_link *link);
/* Has it looked for anew: it may be gone, or made anew. */
void ch_link_find_key(ch_token_link *link, size_t key);
/* Has some of those that cannot sign looked for, now and then. */
void ch_link_look_again(ch_token_link *link, uint64_t now_ms);
/* So many keys took so long. */
void ch_link_note_search(ch_token_link *link, size_t keys, uint64_t took_ms);
void ch_link_forget_states(ch_token_link *link);
/* A login begins, in which the process looks for every key that it knows of. */
void ch_link_expect_all(ch_token_link *link);
void ch_link_free_keys(ch_token_link *link);
CH_CHECKED ch_status ch_link_take_key_state(void *self, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_link_take_find_progress(void *self, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_link_take_keys_found(void *self, ch_frame *frame, int *fd, ch_error *err);

/* token_link_logins.c */
/* Answers who waits for a login or lock, if anybody does. */
void ch_link_answer_waiter(ch_token_link *link, const ch_error *outcome);
/* The process has ended, for that reason. A lock has succeeded, and waits for the next process, unless that was it. */
void ch_link_answer_end(ch_token_link *link, bool was_starting, const ch_error *why);
/* Only a person can help? Another failure of a login passes. */
bool ch_link_needs_unlock(const ch_error *why);
/* The process has opened the token, where it has found a login that it could not end, or CH_OK. */
CH_CHECKED ch_status ch_link_begin_login(ch_token_link *link, const ch_error *kept, ch_error *err);
/* What was to be tried is not, or no longer. */
void ch_link_drop_trial(ch_token_link *link);
/* The process has ended, perhaps with a PIN. */
void ch_link_cut_login(ch_token_link *link);
/* Ends the process of a token that has been logged out, once it has answered its jobs. */
void ch_link_end_locked(ch_token_link *link);
/* Both answer an operator in time. */
void ch_link_check_try(ch_token_link *link, uint64_t now_ms);
void ch_link_check_lock(ch_token_link *link, uint64_t now_ms);
CH_CHECKED ch_status ch_link_take_login_done(void *self, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_link_take_logout_done(void *self, ch_frame *frame, int *fd, ch_error *err);

/* Locks the token, and nobody waits for it; `ended` says why. */
void ch_link_lock_by_itself(ch_token_link *link);

/* token_link_unlock.c */
/* An operator has logged in. */
void ch_link_begin_unlock(ch_token_link *link);
/* The key has signed. */
void ch_link_note_use(ch_token_link *link, size_t key);
/* The token, or its module, has failed so. If it was taken out, its unlock ends. */
void ch_link_note_removal(ch_token_link *link, const ch_error *why);
/* Policy says this of the key. Call it when the key is in its chain. */
void ch_link_set_key_ends(ch_token_link *link, size_t key, const ch_unlock_ends *ends, bool is_new);
bool ch_link_has_ended(const ch_token_link *link);
bool ch_link_has_key_ended(const ch_token_link *link, size_t key);
/* CH_LOCKED if the key's own unlock has ended, with what ended it, and what to do. */
CH_CHECKED ch_status ch_link_check_key_unlock(const ch_token_link *link, size_t key, ch_error *err);

/* The login has succeeded, and so has all that it waits for. */
void ch_link_finish_login(ch_token_link *link);

/* token_link_codes.c */
/* The next login is with that code; NULL: with none. */
void ch_link_set_code(ch_token_link *link, const ch_link_code *code);
void ch_link_clear_code(ch_token_link *link);
bool ch_link_has_code(const ch_token_link *link);
/* Writes the frame of a login with a code. */
CH_CHECKED ch_status ch_link_put_login_code(ch_token_link *link, ch_error *err);
/* Makes one failure of the two that a PIN and a code can have. */
void ch_link_hide_cause(ch_token_link *link, ch_error *outcome);
/* Answers who waits for a code, if anybody does. */
void ch_link_fail_code(ch_token_link *link, const ch_error *why);
/* Ends a process that does not answer. */
void ch_link_check_codes(ch_token_link *link, uint64_t now_ms);
CH_CHECKED ch_status ch_link_take_code_passed(void *self, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_link_take_code_done(void *self, ch_frame *frame, int *fd, ch_error *err);

/* token_link_trust.c */
/* A signature of the key's was right, or wrong: after two in a row it is unusable, until an operator asks for it. */
void ch_link_trust_key(ch_token_link *link, size_t key);
void ch_link_distrust_key(ch_token_link *link, size_t key, const ch_error *why);
/* An operator has asked for all keys again. */
void ch_link_trust_all(ch_token_link *link);
CH_CHECKED ch_status ch_link_take_key_print(void *self, ch_frame *frame, int *fd, ch_error *err);
/* What is wrong with a key of which the process has said this. */
ch_error ch_link_judge_key(ch_token_link *link, ch_known_key *key, const ch_key_state_frame *state);

/* token_link_jobs.c */
void ch_link_fail_jobs(ch_token_link *link, ch_ticket_place place, const ch_error *why);
CH_CHECKED ch_status ch_link_take_signature(void *self, ch_frame *frame, int *fd, ch_error *err);
/* Asks a process without jobs, now and then, how its token is, and ends one that does not answer. */
void ch_link_probe(ch_token_link *link, uint64_t now_ms);
CH_CHECKED ch_status ch_link_take_probed(void *self, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_link_take_job_failed(void *self, ch_frame *frame, int *fd, ch_error *err);

#endif
