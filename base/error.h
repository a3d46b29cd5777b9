/* The one error type: a status that maps to an HTTP status and an exit status, the rule or CKR behind it, and a
 * sentence that tells a person what failed and what to do.
 *
 * Every function that can fail returns ch_status and takes a ch_error, which must not be NULL. On CH_OK the error is
 * left untouched. Plain values: no allocation, nothing to free, safe to copy between processes. Thread-safe as long as
 * each thread has its own ch_error. */
#ifndef CH_BASE_ERROR_H
#define CH_BASE_ERROR_H

typedef enum ch_status {
    CH_OK = 0,
    CH_BAD_INPUT,   /* what was asked is malformed; asking again the same way will fail the same way */
    CH_REFUSED,     /* well-formed, and policy says no */
    CH_NOT_FOUND,   /* no such key, endpoint, token or object */
    CH_BAD_METHOD,  /* the path exists, the method does not */
    CH_CONFLICT,    /* it exists already, or the state does not allow it */
    CH_TOO_LARGE,   /* a documented size limit was passed */
    CH_LOCKED,      /* the token wants an unlock first */
    CH_BUSY,        /* a queue or budget is full for now; try again later */
    CH_UNAVAILABLE, /* the token or a process is away; it may come back by itself */
    CH_WRONG_PIN,   /* the token did not take the PIN */
    CH_TOKEN,       /* the token or its module failed */
    CH_CONFIG,      /* a configuration, policy or profile file is wrong */
    CH_IO,          /* a system call failed */
    CH_INTERNAL,    /* a defect of ours */
    CH_STATUS_COUNT
} ch_status;

typedef struct ch_error {
    ch_status status;
    char rule[64];     /* the policy rule, or the CKR_ name; empty when there is none */
    char message[512]; /* a sentence without a full stop; UTF-8, no control characters, never a secret */
} ch_error;

#define CH_ERROR_INIT                                                                                                  \
    {                                                                                                                  \
        CH_OK, "", ""                                                                                                  \
    }

#define CH_CHECKED __attribute__((warn_unused_result))
#define CH_PRINTF(format_index, first_index) __attribute__((format(printf, format_index, first_index)))

/* Fills `err` and returns `status`, so that a failing function ends with `return ch_fail(...)`. */
ch_status ch_fail(ch_error *err, ch_status status, const char *format, ...) CH_PRINTF(3, 4);

/* The same, with the rule or CKR name that decided. */
ch_status ch_fail_rule(ch_error *err, ch_status status, const char *rule, const char *format, ...) CH_PRINTF(4, 5);

/* The same, appending ": " and the text of errno as it is at the call. The status is CH_IO. */
ch_status ch_fail_errno(ch_error *err, const char *format, ...) CH_PRINTF(2, 3);

/* Puts "context: " before the message on the way up and returns the status that `err` holds. */
ch_status ch_error_wrap(ch_error *err, const char *format, ...) CH_PRINTF(2, 3);

#ifdef __clang_analyzer__
/* The analyzer can't see that a failure is never CH_OK, and would follow paths that do not exist. */
#define ch_fail(err, status, ...) (ch_fail(err, status, __VA_ARGS__), (status))
#define ch_fail_rule(err, status, ...) (ch_fail_rule(err, status, __VA_ARGS__), (status))
#define ch_fail_errno(...) (ch_fail_errno(__VA_ARGS__), CH_IO)
#endif

/* The status's slug as written in problem documents ("locked", "refused"); HTTP status; exit status of the CLI. */
const char *ch_status_name(ch_status status);
int ch_status_http(ch_status status);
int ch_status_exit(ch_status status);

#endif
