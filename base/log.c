/* A line is built on the stack and written at once: lines of several threads and processes do not mix, and logging
 * needs no memory that could run out. */
#include "base/log.h"

#include "base/clock.h"
#include "base/printable.h"

#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static const char *role_name = "agent";
static bool is_debug_on;
static _Atomic unsigned dropped; /* lines, since one was written */
static _Atomic bool is_cut;      /* the last line */

/* gmtime_r looks for the time zone's file when it is called first, and a process may not be allowed to by then. */
void ch_log_set_role(const char *role)
{
    role_name = role;
    tzset();
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
static size_t add_head(char line[static LINE_MAX_BYTES], const char *role, const char *mark)
{
    if (role == NULL)
        return (size_t)snprintf(line, LINE_MAX_BYTES, "%s", mark);
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t used = strftime(line, LINE_MAX_BYTES, "%Y-%m-%dT%H:%M:%SZ ", &utc);
    snprintf(line + used, LINE_MAX_BYTES - used, "chancery-agent[%.32s]: %s", role, mark);
    return strlen(line);
}

/* A pipe that is writable has room for PIPE_BUF bytes, which is more than a line. */
static bool has_room(void)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) != 0;
}

/* Writes a line, its NUL turned into the line's end. What follows a line that was cut, as on a full disk, begins anew.
 */
static void write_whole(char *line)
{
    size_t length = strlen(line);
    line[length] = '\n';
    struct iovec parts[] = {
        {.iov_base = "\n", .iov_len = is_cut    },
        {.iov_base = line, .iov_len = length + 1},
    };
    size_t wanted = parts[0].iov_len + parts[1].iov_len;
    ssize_t written = writev(STDERR_FILENO, parts, 2);
    if (written > 0)
        is_cut = written != (ssize_t)wanted;
    dropped += written != (ssize_t)wanted;
}

static void write_line(const char *role, const char *mark, const char *format, va_list args)
{
    char line[LINE_MAX_BYTES];
    if (!has_room()) {
        dropped++;
        return;
    }
    unsigned before = atomic_exchange(&dropped, 0);
    if (before > 0) {
        size_t head = add_head(line, role_name, "");
        snprintf(line + head, sizeof line - head,
                 "%u lines were dropped, because nobody read the log or its disk was full", before);
        write_whole(line);
    }
    size_t used = add_head(line, role, mark);
    vsnprintf(line + used, sizeof line - used, format, args);
    ch_make_printable(line + used);
    write_whole(line);
}

void ch_log(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_line(role_name, "", format, args);
    va_end(args);
}

static void CH_PRINTF(2, 3) log_as(const char *role, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_line(role, "", format, args);
    va_end(args);
}

void ch_log_as(const char *role, const char *text)
{
    log_as(role, "%s", text);
}

void ch_log_debug(const char *format, ...)
{
    if (!is_debug_on)
        return;
    va_list args;
    va_start(args, format);
    write_line(role_name, "debug: ", format, args);
    va_end(args);
}

void ch_log_limited(ch_log_limit *limit, const char *format, ...)
{
    uint64_t second = ch_clock_ms() / 1000;
    unsigned unseen = limit->count > CH_LOG_LINES_A_SECOND ? limit->count - CH_LOG_LINES_A_SECOND : 0;
    if (second != limit->second) {
        *limit = (ch_log_limit){.second = second};
        if (unseen > 0)
            ch_log("and %u more like the last ones", unseen);
    }
    if (++limit->count > CH_LOG_LINES_A_SECOND)
        return;
    va_list args;
    va_start(args, format);
    write_line(role_name, "", format, args);
    va_end(args);
}
