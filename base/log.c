/* A line is built on the stack and written at once: lines of several threads and processes do not mix, and logging
 * needs no memory that could run out. */
#include "base/log.h"

#include "base/printable.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static const char *role_name = "agent";
static bool is_debug_on;

void ch_log_set_role(const char *role)
{
    role_name = role;
}

void ch_log_set_debug(bool is_on)
{
    is_debug_on = is_on;
}

bool ch_log_is_debug(void)
{
    return is_debug_on;
}

/* Writes what comes before a message and returns its length. The role is short, so it always fits. */
static size_t add_head(char line[static LINE_MAX_BYTES], const char *mark)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t used = strftime(line, LINE_MAX_BYTES, "%Y-%m-%dT%H:%M:%SZ ", &utc);
    snprintf(line + used, LINE_MAX_BYTES - used, "chancery-agent[%.32s]: %s", role_name, mark);
    return strlen(line);
}

static void write_line(const char *mark, const char *format, va_list args)
{
    char line[LINE_MAX_BYTES];
    size_t used = add_head(line, mark);
    vsnprintf(line + used, sizeof line - used, format, args);
    ch_make_printable(line + used);
    size_t length = strlen(line);
    line[length] = '\n'; /* in the place of the NUL */
    /* If stderr is gone, there is no place to say so. */
    ch_ignore(write(STDERR_FILENO, line, length + 1));
}

void ch_log(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_line("", format, args);
    va_end(args);
}

void ch_log_debug(const char *format, ...)
{
    if (!is_debug_on)
        return;
    va_list args;
    va_start(args, format);
    write_line("debug: ", format, args);
    va_end(args);
}
