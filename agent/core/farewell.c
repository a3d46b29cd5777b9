#include "agent/core/farewell.h"

#include "base/clock.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#define SAVE_MS 1000
#define FAREWELL_MS 700 /* for token processes, before the agent's end takes them along */

static void *save_last(void *context)
{
    ch_farewell *farewell = context;
    ch_writer_stop(farewell->writer);
    ch_clockwatch_stop(farewell->clock, farewell->store);
    ch_nonces_close(farewell->nonces);
    ch_prints_close(farewell->prints);
    ch_tries_close(farewell->tries);
    ch_people_close(farewell->people);
    ch_ledger_close(farewell->ledger);
    ch_store_close(farewell->store);
    ch_ignore(eventfd_write(farewell->saved_fd, 1));
    return NULL;
}

bool ch_farewell_end(ch_farewell *farewell)
{
    pthread_t thread;
    uint64_t end_ms = ch_clock_ms() + SAVE_MS;
    farewell->saved_fd = eventfd(0, EFD_CLOEXEC);
    bool is_begun = farewell->saved_fd >= 0 && pthread_create(&thread, NULL, save_last, farewell) == 0;
    if (!is_begun)
        save_last(farewell);
    ch_dying_await(farewell->dying, FAREWELL_MS);
    uint64_t now_ms = ch_clock_ms();
    struct pollfd saved = {.fd = farewell->saved_fd, .events = POLLIN};
    if (is_begun && poll(&saved, 1, now_ms < end_ms ? (int)(end_ms - now_ms) : 0) != 1)
        return false;
    return !is_begun || pthread_join(thread, NULL) == 0;
}
