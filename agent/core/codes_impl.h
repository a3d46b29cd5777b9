/* What the files of the codes' room share, and nobody else sees. */
#ifndef CH_AGENT_CORE_CODES_IMPL_H
#define CH_AGENT_CORE_CODES_IMPL_H

#include "agent/core/codes.h"
#include "base/names.h"

#define CH_ATTEMPTS_MAX 32 /* at once */

typedef struct ch_attempt ch_attempt;

/* What is done once a try is counted, or a code is used. If it fails, the attempt ends with `err`. */
typedef ch_status (*ch_attempt_next)(ch_attempt *self, ch_error *err);

/* One use of a code, and the person who waits for its outcome. Its place is free again once it was answered and nothing
 * is being written for it. */
struct ch_attempt {
    ch_codes *codes;
    bool is_used;
    bool is_answered;  /* by what it has asked */
    bool is_writing;   /* the state */
    bool is_counted;   /* as a failure, so far */
    bool stays_locked; /* an unlock that was all about the code */
    bool is_last_try;
    bool is_by_pin;              /* an unlock that takes no code */
    ch_kept_person *person;      /* who tries */
    char name[CH_NAME_MAX + 1];  /* of them in the policy */
    char about[CH_NAME_MAX + 1]; /* whose seed it is about; empty: nobody else's */
    char *token;                 /* that is to be unlocked; NULL: none */
    ch_token_link *link;         /* that has a login of it */
    unsigned tries_before;       /* that counted for that token before the login */
    ch_secret secret;            /* what was typed: parts with a NUL between them */
    unsigned code_part;          /* which of them is the code of who tries */
    uint64_t step;               /* of the code that was right */
    uint64_t now_ns;             /* of the wall clock, when it began */
    uint64_t began_ms;
    ch_timer answering;  /* a refusal, or that the disk does not answer */
    const char *if_slow; /* what to say then; NULL: a code was right, or the try is over */
    ch_error outcome;
    ch_attempt_next then; /* once the try is counted */
    ch_attempt_next next; /* once the code is used; NULL: that was all */
    ch_codes_waiter waiter;
};

struct ch_codes {
    ch_codes_context context;
    ch_attempt attempts[CH_ATTEMPTS_MAX];
};

/* Begins an attempt of `person`, and takes ownership of `secret`. If it cannot begin, the waiter is answered and NULL
 * is returned. */
ch_attempt *ch_attempt_begin(ch_codes *codes, const ch_person *person, ch_secret *secret,
                             const ch_codes_waiter *waiter);
/* Ends the attempt with `outcome`, and answers whoever waits: at once, or a refusal after a second. */
void ch_attempt_end(ch_attempt *self, const ch_error *outcome);
/* Ends the attempt because the code or the PIN was wrong. */
void ch_attempt_refuse(ch_attempt *self);
/* The state begins to write something for the attempt. If the disk does not answer in time, the waiter hears that. */
void ch_attempt_begin_write(ch_attempt *self);
/* The write has ended, well or not. The attempt stays in use. */
void ch_attempt_stop_write(ch_attempt *self);
/* Likewise, but frees the attempt if it was answered meanwhile. Returns false in that case: it must not go on. */
CH_CHECKED bool ch_attempt_end_write(ch_attempt *self);
/* Frees the attempt if it was answered and nothing is being written for it. */
void ch_attempt_release(ch_attempt *self);
/* Counts the try, then calls `then`. */
void ch_attempt_count(ch_attempt *self, ch_attempt_next then);
/* Counts the try, then has the code in `secret` verified and used, then calls `next`. */
void ch_attempt_verify(ch_attempt *self);
/* codes_unlock.c: counts the try, then logs in to the token of the seeds with what is in `secret`, a PIN and a code. */
void ch_attempt_log_in(ch_attempt *self);
/* The write for a login has ended with `outcome`. The login goes on if its process still waits. */
void ch_attempt_go_on(ch_attempt *self, const ch_error *outcome);
/* True if somebody else's attempt changes what is kept of that person. */
bool ch_attempt_meets_other(const ch_attempt *self, const ch_kept_person *person);

/* What is asked of a code of that person, with views into the policy. CH_CONFLICT: no seed was enrolled. */
CH_CHECKED ch_status ch_codes_ask(const ch_codes *codes, const char *name, ch_link_code *out, ch_error *err);
/* The same of a seed that is to be enrolled. CH_CONFLICT: the policy names none. */
CH_CHECKED ch_status ch_codes_ask_new(const ch_codes *codes, const char *name, ch_link_code *out, ch_error *err);
/* Returns the link of the token that holds the seeds, or NULL if the policy names no such token. */
ch_token_link *ch_codes_link(const ch_codes *codes);
ch_print_name ch_codes_object(const ch_codes *codes, const ch_person *person);
ch_kept_person *ch_codes_kept(const ch_codes *codes, const char *name);

/* codes_enroll.c: the code of a new seed was right. */
void ch_attempt_pin(ch_attempt *self, uint64_t step, ch_slice print);

#endif
