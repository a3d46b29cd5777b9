/* The timer goes off again and again, in case it went off before the wait had begun. */
#include "base/close.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define WAIT_MAX_US 1000

static bool is_prepared;

/* Does nothing; that it is there makes the signal end a wait and not the process. */
static void on_alarm(int number)
{
    (void)number;
}

void ch_close_prepare(void)
{
    struct sigaction action = {.sa_handler = on_alarm};
    is_prepared = sigaction(SIGALRM, &action, NULL) == 0;
}

static void set_alarm(int interval_us)
{
    struct itimerval value = {.it_interval = {.tv_usec = interval_us}, .it_value = {.tv_usec = interval_us}};
    setitimer(ITIMER_REAL, &value, NULL);
}

void ch_close_quickly(int fd)
{
    if (is_prepared)
        set_alarm(WAIT_MAX_US);
    close(fd);
    if (is_prepared)
        set_alarm(0);
}

/* After the shutdown, nothing more is received. Descriptors come with a byte at least. */
void ch_close_stream(int fd)
{
    int received = 0;
    bool is_empty = is_prepared && shutdown(fd, SHUT_RDWR) == 0 && ioctl(fd, FIONREAD, &received) == 0 && received == 0;
    if (is_empty)
        close(fd);
    else
        ch_close_quickly(fd);
}
