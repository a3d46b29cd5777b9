/* Whatever a message quotes, what leaves here is one line of printable text. */
#include "base/error.h"

#include "base/printable.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int http;
    int exit;
    const char *title;
    const char *help;
} statuses[CH_STATUS_COUNT] = {
#define STATUS(name, slug, http, exit, title, help) [CH_##name] = {slug, http, exit, title, help},
#include "base/statuses.def"
#undef STATUS
};

static void set_message(ch_error *err, const char *format, va_list args)
{
    vsnprintf(err->message, sizeof err->message, format, args);
    ch_make_printable(err->message);
}

static void append(ch_error *err, const char *text)
{
    size_t used = strlen(err->message);
    snprintf(err->message + used, sizeof err->message - used, ": %s", text);
    ch_make_printable(err->message);
}

void ch_error_set(ch_error *err, ch_status status, const char *rule, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_message(err, format, args);
    va_end(args);
    err->status = status;
    snprintf(err->rule, sizeof err->rule, "%s", rule);
    ch_make_printable(err->rule);
}

void ch_error_set_errno(ch_error *err, const char *format, ...)
{
    const char *reason = strerror(errno);
    va_list args;
    va_start(args, format);
    set_message(err, format, args);
    va_end(args);
    append(err, reason);
    err->status = CH_IO;
    err->rule[0] = '\0';
}

ch_status ch_error_wrap(ch_error *err, const char *format, ...)
{
    ch_error inner = *err;
    va_list args;
    va_start(args, format);
    set_message(err, format, args);
    va_end(args);
    append(err, inner.message);
    return err->status;
}

/* A status may come from another process: an unknown number is a defect. */
static ch_status known(ch_status status)
{
    return status < CH_STATUS_COUNT ? status : CH_INTERNAL;
}

const char *ch_status_name(ch_status status)
{
    return statuses[known(status)].name;
}

int ch_status_http(ch_status status)
{
    return statuses[known(status)].http;
}

int ch_status_exit(ch_status status)
{
    return statuses[known(status)].exit;
}

const char *ch_status_title(ch_status status)
{
    return statuses[known(status)].title;
}

const char *ch_status_help(ch_status status)
{
    return statuses[known(status)].help;
}
