/* The kernel gives out the lowest free number, so the number of a new descriptor says how many are in use. */
#include "agent/core/acceptor.h"

#include "base/clock.h"
#include "base/close.h"
#include "base/log.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ACCEPTS_A_TURN 4
#define BURST_NS 500000
#define FULL_PAUSE_MS 50 /* when no descriptor is left */
#define NS_A_MS 1000000

static void on_ready(void *context);
static void on_resume(void *context);

void ch_acceptor_init(ch_acceptor *acceptor, ch_loop *loop, int listen_fd, unsigned share, size_t fd_limit,
                      void (*take)(void *context, int fd), void *context)
{
    *acceptor = (ch_acceptor){
        .loop = loop,
        .take = take,
        .context = context,
        .listener = {.fd = listen_fd, .on_ready = on_ready, .context = acceptor},
        .resume = {.on_due = on_resume,               .context = acceptor                },
        .pace = {.a_second = share * 10ull * NS_A_MS,               .burst = BURST_NS},
        .fd_limit = (int)fd_limit,
    };
    ch_acceptor_set_share(acceptor, share);
}

void ch_acceptor_set_share(ch_acceptor *acceptor, unsigned share)
{
    acceptor->pace.a_second = share * 10ull * NS_A_MS;
}

static void watch(ch_acceptor *acceptor)
{
    ch_error err = CH_ERROR_INIT;
    if (ch_loop_watch(acceptor->loop, &acceptor->listener, EPOLLIN, &err) != CH_OK)
        ch_log("%s", err.message);
}

static void pause_for(ch_acceptor *acceptor, uint64_t pause_ms)
{
    ch_loop_forget(acceptor->loop, &acceptor->listener);
    ch_loop_set_timer(acceptor->loop, &acceptor->resume, ch_clock_ms() + pause_ms);
}

static void on_resume(void *context)
{
    watch(context);
}

/* Returns false if there is nobody to accept now. */
static bool accept_one(ch_acceptor *acceptor)
{
    static ch_log_limit full;
    int fd = accept4(acceptor->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0 && fd < acceptor->fd_limit) {
        acceptor->take(acceptor->context, fd);
        return true;
    }
    if (fd < 0 && errno != EMFILE && errno != ENFILE)
        return false;
    if (fd >= 0)
        ch_close_quickly(fd);
    ch_log_limited(&full, "no descriptor is left for a connection; raise the limit of open files");
    pause_for(acceptor, FULL_PAUSE_MS);
    return false;
}

static void on_ready(void *context)
{
    ch_acceptor *acceptor = context;
    uint64_t begun_ns = ch_clock_ns();
    for (size_t i = 0; i < ACCEPTS_A_TURN && accept_one(acceptor); i++)
        continue;
    uint64_t now_ns = ch_clock_ns();
    ch_pace_spend(&acceptor->pace, now_ns, now_ns - begun_ns);
    uint64_t wait_ns = ch_pace_wait_ns(&acceptor->pace, now_ns);
    if (wait_ns > 0 && acceptor->listener.is_watched)
        pause_for(acceptor, wait_ns / NS_A_MS + 1);
}

ch_status ch_acceptor_open(ch_acceptor *acceptor, ch_error *err)
{
    if (acceptor->is_open)
        return CH_OK;
    acceptor->is_open = true;
    return ch_loop_watch(acceptor->loop, &acceptor->listener, EPOLLIN, err);
}

void ch_acceptor_close(ch_acceptor *acceptor)
{
    ch_loop_cancel_timer(acceptor->loop, &acceptor->resume);
    ch_loop_forget(acceptor->loop, &acceptor->listener);
    ch_close_quickly(acceptor->listener.fd);
}
