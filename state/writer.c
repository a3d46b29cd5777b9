/* Two lists of what was submitted, and one of batches that are done, under one lock. A batch is what one transaction
 * wrote, or one write that was run aside.
 *
 * Who asks for one signature after the other has the thread write every fraction of a millisecond, and waits for it
 * each time. Waking a thread would take longer than writing does, so then it waits awake for what is next, if that pays
 * (base/awake.h). */
#include "state/writer.h"

#include "base/awake.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define AWAKE_NS 500000 /* how long it waits awake, if the last batch came faster than that after the one before */

/* The log of the state is emptied when it has grown, which takes some milliseconds of the disk's; or rather sooner,
 * when nobody has written for a while. A page that was written often is copied once. */
#define LOG_PAGES_MAX 2048
#define LOG_PAGES_IDLE 128
#define LOG_IDLE_MS 1000
#define LOG_RETRY_MS 10000

typedef struct batch {
    ch_write *first;
    bool is_aside;
    ch_error outcome;
    struct batch *next;
} batch;

struct ch_writer {
    ch_store *store;
    pthread_t thread;
    int fd;
    size_t failing;   /* writes */
    ch_error trouble; /* why the last of them failed */

    /* The thread's. */
    ch_awake awake;
    uint64_t idle_ns;  /* since when it has waited */
    bool is_quick;     /* its last wait was shorter than AWAKE_NS */
    bool was_lone;     /* its last batch: with more at once, there are others who need the processor */
    uint64_t empty_ms; /* when the log is to be emptied; 0: it is short */
    uint64_t retry_ms; /* not before */

    atomic_bool is_called; /* something was submitted, or the writer stops: for who waits awake */
    pthread_mutex_t lock;  /* over all below */
    pthread_cond_t has_work;
    bool is_stopping;
    ch_write *first; /* submitted, the oldest first */
    ch_write *last;
    ch_write *asides; /* in no order */
    batch *done;      /* the oldest first */
    batch **done_end;
};

/* ---- the thread: what it does ---- */

static ch_status run_each(ch_writer *writer, ch_write *first, ch_error *err)
{
    bool may_lose = true;
    for (const ch_write *write = first; write != NULL; write = write->next)
        may_lose = may_lose && write->may_be_lost;
    CH_TRY(ch_store_set_may_lose(writer->store, may_lose, err));
    CH_TRY(ch_store_begin(writer->store, err));
    for (ch_write *write = first; write != NULL; write = write->next) {
        if (write->run(write, writer->store, err) != CH_OK) {
            ch_store_rollback(writer->store);
            return err->status;
        }
    }
    return ch_store_commit(writer->store, err);
}

static void hand_back(ch_writer *writer, batch *finished)
{
    const uint64_t one = 1;
    pthread_mutex_lock(&writer->lock);
    *writer->done_end = finished;
    writer->done_end = &finished->next;
    pthread_mutex_unlock(&writer->lock);
    ch_ignore(write(writer->fd, &one, sizeof one) == (ssize_t)sizeof one); /* cannot fail: the counter never fills */
}

static void run_batch(ch_writer *writer, ch_write *first)
{
    batch *finished = ch_alloc(sizeof *finished);
    finished->first = first;
    finished->outcome = (ch_error)CH_ERROR_INIT;
    writer->was_lone = first->is_lone && first->next == NULL;
    ch_ignore(run_each(writer, first, &finished->outcome)); /* the outcome says it */
    hand_back(writer, finished);
}

static void run_aside(ch_writer *writer, ch_write *write)
{
    batch *finished = ch_alloc(sizeof *finished);
    finished->first = write;
    finished->is_aside = true;
    finished->outcome = (ch_error)CH_ERROR_INIT;
    if (ch_store_set_may_lose(writer->store, write->may_be_lost, &finished->outcome) == CH_OK)
        ch_ignore(write->run(write, writer->store, &finished->outcome));
    hand_back(writer, finished);
}

/* Whether that fails does not matter before the disk is full, which then fails a commit. */
static void keep_log_short(ch_writer *writer, bool has_written)
{
    uint64_t now_ms = ch_clock_ms();
    unsigned pages = ch_store_log_pages(writer->store);
    if (pages < LOG_PAGES_IDLE)
        writer->empty_ms = 0;
    else if (has_written || writer->empty_ms == 0)
        writer->empty_ms = pages >= LOG_PAGES_MAX ? now_ms : now_ms + LOG_IDLE_MS;
    if (writer->empty_ms == 0 || now_ms < writer->empty_ms || now_ms < writer->retry_ms)
        return;
    ch_error ignored = CH_ERROR_INIT;
    bool is_short = ch_store_empty_log(writer->store, &ignored) == CH_OK;
    writer->retry_ms = is_short ? 0 : now_ms + LOG_RETRY_MS;
    writer->empty_ms = is_short ? 0 : writer->retry_ms;
}

/* ---- the thread: what it waits for ---- */

static bool is_called(void *context)
{
    const ch_writer *writer = context;
    return atomic_load_explicit(&writer->is_called, memory_order_acquire);
}

/* The aside that is due first, the oldest of several, if it is due; else NULL, and `*next_ms` is lowered to when it
 * will be. */
static ch_write *take_aside(ch_writer *writer, uint64_t now_ms, uint64_t *next_ms)
{
    ch_write **first = &writer->asides;
    for (ch_write **link = first; *link != NULL; link = &(*link)->next) {
        if ((*link)->due_ms <= (*first)->due_ms)
            first = link;
    }
    ch_write *found = *first;
    if (found != NULL && found->due_ms > now_ms) {
        if (*next_ms == 0 || found->due_ms < *next_ms)
            *next_ms = found->due_ms;
        return NULL;
    }
    if (found != NULL) {
        *first = found->next;
        found->next = NULL;
    }
    return found;
}

/* What there is to do: writes, then an aside. Returns false when the writer stops and no write is left. */
static bool look_for_work(ch_writer *writer, ch_write **first, ch_write **aside, uint64_t *next_ms)
{
    pthread_mutex_lock(&writer->lock);
    *first = writer->first;
    writer->first = writer->last = NULL;
    *aside = take_aside(writer, ch_clock_ms(), next_ms);
    atomic_store_explicit(&writer->is_called, writer->is_stopping, memory_order_relaxed);
    bool goes_on = !writer->is_stopping || *first != NULL || *aside != NULL;
    pthread_mutex_unlock(&writer->lock);
    return goes_on;
}

static void sleep_until(ch_writer *writer, uint64_t until_ms)
{
    const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};
    pthread_mutex_lock(&writer->lock);
    int status = 0;
    while (!is_called(writer) && status == 0) {
        status = until_ms == 0 ? pthread_cond_wait(&writer->has_work, &writer->lock)
                               : pthread_cond_timedwait(&writer->has_work, &writer->lock, &until);
    }
    pthread_mutex_unlock(&writer->lock);
}

static void wait_for_work(ch_writer *writer, uint64_t next_ms)
{
    uint64_t until_ms = writer->empty_ms;
    if (until_ms == 0 || (next_ms != 0 && next_ms < until_ms))
        until_ms = next_ms;
    if (writer->is_quick && writer->was_lone && ch_stay_awake(&writer->awake, AWAKE_NS, is_called, writer))
        return;
    writer->is_quick = false;
    sleep_until(writer, until_ms);
}

static void note_arrival(ch_writer *writer)
{
    writer->is_quick = writer->idle_ns != 0 && ch_clock_ns() - writer->idle_ns < AWAKE_NS;
    writer->idle_ns = 0;
}

static void *work(void *context)
{
    ch_writer *writer = context;
    ch_write *first;
    ch_write *aside;
    uint64_t next_ms = 0;
    for (; look_for_work(writer, &first, &aside, &next_ms); next_ms = 0) {
        if (first != NULL) {
            note_arrival(writer);
            run_batch(writer, first);
        }
        if (aside != NULL)
            run_aside(writer, aside);
        keep_log_short(writer, first != NULL);
        if (first != NULL)
            writer->idle_ns = ch_clock_ns();
        if (first == NULL && aside == NULL)
            wait_for_work(writer, next_ms);
    }
    ch_error ignored = CH_ERROR_INIT;
    ch_ignore(ch_store_set_may_lose(writer->store, false, &ignored)); /* what is kept at the end may be lost then */
    return NULL;
}

/* ---- the loop ---- */

/* Calls last: a thread that woke up under the lock would only wait for it again. */
static void unlock_and_call(ch_writer *writer)
{
    atomic_store_explicit(&writer->is_called, true, memory_order_release);
    pthread_mutex_unlock(&writer->lock);
    pthread_cond_signal(&writer->has_work);
}

void ch_writer_submit(ch_writer *writer, ch_write *write)
{
    assert(!write->is_under_way && write->run != NULL && write->done != NULL);
    write->is_under_way = true;
    write->next = NULL;
    pthread_mutex_lock(&writer->lock);
    if (writer->last == NULL)
        writer->first = write;
    else
        writer->last->next = write;
    writer->last = write;
    unlock_and_call(writer);
}

void ch_writer_submit_aside(ch_writer *writer, ch_write *write, uint64_t due_ms)
{
    assert(!write->is_under_way && write->run != NULL && write->done != NULL);
    write->is_under_way = true;
    write->due_ms = due_ms;
    pthread_mutex_lock(&writer->lock);
    write->next = writer->asides;
    writer->asides = write;
    unlock_and_call(writer);
}

int ch_writer_fd(const ch_writer *writer)
{
    return writer->fd;
}

static batch *take_done(ch_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    batch *first = writer->done;
    writer->done = NULL;
    writer->done_end = &writer->done;
    pthread_mutex_unlock(&writer->lock);
    return first;
}

const ch_error *ch_writer_trouble(const ch_writer *writer)
{
    return writer->failing > 0 ? &writer->trouble : NULL;
}

static void note_outcomes(ch_writer *writer, const batch *finished)
{
    if (finished->is_aside) {
        finished->first->is_failing = finished->outcome.status != CH_OK;
        return;
    }
    bool was_failing = writer->failing > 0;
    bool is_failed = finished->outcome.status != CH_OK;
    for (ch_write *write = finished->first; write != NULL; write = write->next) {
        if (is_failed && !write->is_failing)
            writer->failing++;
        else if (!is_failed && write->is_failing)
            writer->failing--;
        write->is_failing = is_failed;
    }
    if (is_failed)
        writer->trouble = finished->outcome;
    if (!was_failing && writer->failing > 0)
        ch_log(CH_STATE_TROUBLE, writer->trouble.message);
    if (was_failing && writer->failing == 0)
        ch_log("the state can be written again");
}

/* `done` may submit the write again, so its successor is read first. */
static void finish(ch_writer *writer, batch *finished, bool is_reported)
{
    ch_write *next;
    note_outcomes(writer, finished);
    for (ch_write *write = finished->first; write != NULL; write = next) {
        next = write->next;
        write->is_under_way = false;
        if (is_reported)
            write->done(write, &finished->outcome);
    }
    free(finished);
}

static void finish_all(ch_writer *writer, bool is_reported)
{
    batch *next;
    for (batch *finished = take_done(writer); finished != NULL; finished = next) {
        next = finished->next;
        finish(writer, finished, is_reported);
    }
}

void ch_writer_collect(ch_writer *writer)
{
    uint64_t count;
    ch_ignore(read(writer->fd, &count, sizeof count) == (ssize_t)sizeof count); /* nothing there: nothing to do */
    finish_all(writer, true);
}

/* ---- start and stop ---- */

static void make_lock(ch_writer *writer)
{
    pthread_condattr_t monotonic;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->has_work, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

ch_status ch_writer_start(ch_store *store, ch_writer **out, ch_error *err)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return ch_fail_errno(err, "making a descriptor for the state's writer");
    ch_writer *writer = ch_alloc(sizeof *writer);
    writer->store = store;
    writer->fd = fd;
    writer->done_end = &writer->done;
    make_lock(writer);
    errno = pthread_create(&writer->thread, NULL, work, writer);
    if (errno != 0) {
        ch_status st = ch_fail_errno(err, "starting the thread that writes the state");
        close(fd);
        free(writer);
        return st;
    }
    *out = writer;
    return CH_OK;
}

void ch_writer_stop(ch_writer *writer)
{
    if (writer == NULL)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->is_stopping = true;
    unlock_and_call(writer);
    pthread_join(writer->thread, NULL);
    finish_all(writer, false);
    pthread_cond_destroy(&writer->has_work);
    pthread_mutex_destroy(&writer->lock);
    close(writer->fd);
    free(writer);
}
