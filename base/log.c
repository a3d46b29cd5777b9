#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *role_name = "agent";

void ch_log_set_role(const char *role)
{
    role_name = role;
}

void ch_log(const char *format, ...)
{
    char line[1024];
    struct timespec now;
    struct tm utc;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    size_t used = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%SZ ", &utc);
    used += (size_t)snprintf(line + used, sizeof line - used, "chancery-agent[%s]: ", role_name);
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line + used, sizeof line - used - 1, format, args);
    va_end(args);
    size_t room = sizeof line - used - 2;
    size_t end = used + (length < 0 ? 0 : (size_t)length > room ? room : (size_t)length);
    for (size_t i = used; i < end; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    }
    line[end] = '\n';
    /* stderr may be gone; there is nobody left to tell. */
    ssize_t written = write(STDERR_FILENO, line, end + 1);
    (void)written;
}
