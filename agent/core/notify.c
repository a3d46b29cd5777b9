/* The socket is connected at once, as long as nothing forbids it; sending never waits. */
#include "agent/core/notify.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct ch_notify {
    ch_loop *loop;
    int fd; /* -1: nobody listens */
    uint64_t every_ms;
    ch_timer watchdog;
};

static void say(const ch_notify *notify, const char *state)
{
    if (notify->fd >= 0)
        ch_ignore(send(notify->fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL)); /* a manager that is away */
}

static void on_watchdog(void *context)
{
    ch_notify *notify = context;
    say(notify, "WATCHDOG=1");
    ch_loop_set_timer(notify->loop, &notify->watchdog, ch_clock_ms() + notify->every_ms);
}

/* `name` begins with a slash, or with an @ for an abstract socket. */
static ch_status connect_to(const char *name, int *out, ch_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof address.sun_path)
        return ch_fail(err, CH_CONFIG, "NOTIFY_SOCKET is not the name of a socket: %s", name);
    memcpy(address.sun_path, name, length);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, size) == 0) {
        *out = fd;
        return CH_OK;
    }
    ch_status st = ch_fail_errno(err, "reaching the service manager at %s", name);
    if (fd >= 0)
        close(fd);
    return st;
}

/* Half of what the manager waits; 0 if it waits for somebody else, or not at all. */
static uint64_t watchdog_ms(void)
{
    const char *pid = getenv("WATCHDOG_PID");
    const char *wait = getenv("WATCHDOG_USEC");
    char *end;
    if (wait == NULL || (pid != NULL && strtol(pid, NULL, 10) != getpid()))
        return 0;
    errno = 0;
    unsigned long long wait_us = strtoull(wait, &end, 10);
    if (*end != '\0' || errno != 0 || wait_us == 0) {
        ch_log("WATCHDOG_USEC is not a number of microseconds: %s", wait);
        return 0;
    }
    return wait_us < 2000 ? 1 : wait_us / 2000;
}

ch_notify *ch_notify_new(ch_loop *loop)
{
    ch_error err = CH_ERROR_INIT;
    ch_notify *notify = ch_alloc(sizeof *notify);
    const char *name = getenv("NOTIFY_SOCKET");
    *notify = (ch_notify){
        .loop = loop, .fd = -1, .watchdog = {.on_due = on_watchdog, .context = notify}
    };
    if (name != NULL && connect_to(name, &notify->fd, &err) != CH_OK)
        ch_log("%s", err.message);
    notify->every_ms = watchdog_ms();
    if (notify->fd >= 0 && notify->every_ms > 0)
        on_watchdog(notify);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return notify;
}

void ch_notify_free(ch_notify *notify)
{
    if (notify == NULL)
        return;
    ch_loop_cancel_timer(notify->loop, &notify->watchdog);
    if (notify->fd >= 0)
        close(notify->fd);
    free(notify);
}

void ch_notify_ready(ch_notify *notify)
{
    say(notify, "READY=1");
}

void ch_notify_stopping(ch_notify *notify)
{
    say(notify, "STOPPING=1");
}
