#include "base/error.h"

#undef ch_fail
#undef ch_fail_rule
#undef ch_fail_errno

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Exit statuses are part of the CLI's contract (docs/protocol.md); add at the end, never renumber. */
static const struct {
    const char *name;
    int http;
    int exit;
} statuses[CH_STATUS_COUNT] = {
    [CH_OK] = {"ok",                 200, 0 },
    [CH_BAD_INPUT] = {"bad-input",          400, 2 },
    [CH_REFUSED] = {"refused",            403, 3 },
    [CH_NOT_FOUND] = {"not-found",          404, 4 },
    [CH_BAD_METHOD] = {"method-not-allowed", 405, 2 },
    [CH_CONFLICT] = {"conflict",           409, 5 },
    [CH_TOO_LARGE] = {"too-large",          413, 2 },
    [CH_LOCKED] = {"locked",             423, 6 },
    [CH_BUSY] = {"busy",               503, 7 },
    [CH_UNAVAILABLE] = {"unavailable",        503, 7 },
    [CH_WRONG_PIN] = {"wrong-pin",          403, 8 },
    [CH_TOKEN] = {"token-failed",       502, 9 },
    [CH_CONFIG] = {"bad-configuration",  500, 10},
    [CH_IO] = {"system-failure",     500, 11},
    [CH_INTERNAL] = {"internal",           500, 12},
};

/* A message may quote a caller's bytes; what leaves here is printable whatever they were. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
    }
}

static void set_message(ch_error *err, const char *format, va_list args)
{
    (void)vsnprintf(err->message, sizeof err->message, format, args);
    make_printable(err->message);
}

ch_status ch_fail(ch_error *err, ch_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_message(err, format, args);
    va_end(args);
    err->status = status;
    err->rule[0] = '\0';
    return status;
}

ch_status ch_fail_rule(ch_error *err, ch_status status, const char *rule, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_message(err, format, args);
    va_end(args);
    err->status = status;
    (void)snprintf(err->rule, sizeof err->rule, "%s", rule);
    make_printable(err->rule);
    return status;
}

ch_status ch_fail_errno(ch_error *err, const char *format, ...)
{
    const char *reason = strerror(errno);
    va_list args;
    va_start(args, format);
    set_message(err, format, args);
    va_end(args);
    size_t used = strlen(err->message);
    (void)snprintf(err->message + used, sizeof err->message - used, ": %s", reason);
    err->status = CH_IO;
    err->rule[0] = '\0';
    return CH_IO;
}

ch_status ch_error_wrap(ch_error *err, const char *format, ...)
{
    char inner[sizeof err->message];
    (void)snprintf(inner, sizeof inner, "%s", err->message);
    va_list args;
    va_start(args, format);
    set_message(err, format, args);
    va_end(args);
    size_t used = strlen(err->message);
    (void)snprintf(err->message + used, sizeof err->message - used, ": %s", inner);
    return err->status;
}

const char *ch_status_name(ch_status status)
{
    return status < CH_STATUS_COUNT ? statuses[status].name : "internal";
}

int ch_status_http(ch_status status)
{
    return status < CH_STATUS_COUNT ? statuses[status].http : 500;
}

int ch_status_exit(ch_status status)
{
    return status < CH_STATUS_COUNT ? statuses[status].exit : 12;
}
