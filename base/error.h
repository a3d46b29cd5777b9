/* The one error type: a status that maps to an HTTP status and an exit status, the rule or CKR that decided, and a
 * sentence that says what failed and what to do.
 *
 * Every function that can fail returns ch_status and takes a ch_error, which must not be NULL. On CH_OK the error is
 * left untouched. Plain values: no allocation, nothing to free, safe to copy between processes. Thread-safe as long as
 * each thread has its own ch_error. */
#ifndef CH_BASE_ERROR_H
#define CH_BASE_ERROR_H

/* CH_OK, CH_BAD_INPUT and so on; base/statuses.def says what each one means. */
typedef enum ch_status {
#define STATUS(name, slug, http, exit, title, help) CH_##name,
#include "base/statuses.def"
#undef STATUS
    CH_STATUS_COUNT
} ch_status;

typedef struct ch_error {
    ch_status status;
    char rule[64];      /* of the policy, or the CKR_ name; empty if neither decided */
    char message[1024]; /* a sentence without a full stop; UTF-8, no control characters, never a secret */
} ch_error;

#define CH_ERROR_INIT                                                                                                  \
    {                                                                                                                  \
        CH_OK, "", ""                                                                                                  \
    }

#define CH_CHECKED __attribute__((warn_unused_result))
#define CH_PRINTF(format_index, first_index) __attribute__((format(printf, format_index, first_index)))

/* Fills `err` and has the value `status`, so that a failing function ends with `return ch_fail(...)`. A macro, so that
 * compiler and analyzer see that a failure is never CH_OK. */
#define ch_fail(err, status, ...) (ch_error_set((err), (status), "", __VA_ARGS__), (ch_status)(status))

/* The same, with the rule or CKR name that decided. */
#define ch_fail_rule(err, status, rule, ...) (ch_error_set((err), (status), (rule), __VA_ARGS__), (ch_status)(status))

/* The same, appending ": " and the text of errno as it is at the call. The status is CH_IO. */
#define ch_fail_errno(err, ...) (ch_error_set_errno((err), __VA_ARGS__), (ch_status)CH_IO)

void ch_error_set(ch_error *err, ch_status status, const char *rule, const char *format, ...) CH_PRINTF(4, 5);
void ch_error_set_errno(ch_error *err, const char *format, ...) CH_PRINTF(2, 3);

/* Puts "context: " before the message on the way up and returns the status that `err` holds. */
ch_status ch_error_wrap(ch_error *err, const char *format, ...) CH_PRINTF(2, 3);

/* Leaves the function with the failure of `call`, whose error is already in place. What a function owns has a cleanup
 * attribute, so that leaving is always safe:
 *
 *     CH_TRY(read_token(map, key, err));
 *     CH_TRY(read_object(map, key, err));
 *     return read_scheme(map, key, err); */
#define CH_TRY(call)                                                                                                   \
    do {                                                                                                               \
        ch_status try_status_ = (call);                                                                                \
        if (try_status_ != CH_OK)                                                                                      \
            return try_status_;                                                                                        \
    } while (0)

/* For a failure that changes nothing: say why beside it. */
#define ch_ignore(call) ((void)!(call))

/* The status's slug as written in problem documents ("locked", "refused"); HTTP status; exit status of the CLI; title
 * of a problem document; help for the exit status, "" if an earlier status's help covers it. */
const char *ch_status_name(ch_status status);
int ch_status_http(ch_status status);
int ch_status_exit(ch_status status);
const char *ch_status_title(ch_status status);
const char *ch_status_help(ch_status status);

#endif
