/* Two lists under one lock: what was submitted, and batches that are done. A batch is what one transaction wrote. */
#include "state/writer.h"

#include "base/log.h"
#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct batch {
    ch_write *first;
    ch_error outcome;
    struct batch *next;
} batch;

struct ch_writer {
    ch_store *store;
    pthread_t thread;
    int fd;
    size_t failing;       /* writes */
    ch_error trouble;     /* why the last of them failed */
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t has_work;
    bool is_stopping;
    ch_write *first; /* submitted, the oldest first */
    ch_write *last;
    batch *done; /* the oldest first */
    batch **done_end;
};

/* ---- the thread ---- */

static ch_status run_all(ch_writer *writer, ch_write *first, ch_error *err)
{
    CH_TRY(ch_store_begin(writer->store, err));
    for (ch_write *write = first; write != NULL; write = write->next) {
        if (write->run(write, writer->store, err) != CH_OK) {
            ch_store_rollback(writer->store);
            return err->status;
        }
    }
    return ch_store_commit(writer->store, err);
}

/* Waits for work, and takes all there is. Returns NULL when the writer stops and nothing is left. */
static ch_write *take_submitted(ch_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    while (writer->first == NULL && !writer->is_stopping)
        pthread_cond_wait(&writer->has_work, &writer->lock);
    ch_write *first = writer->first;
    writer->first = writer->last = NULL;
    pthread_mutex_unlock(&writer->lock);
    return first;
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

static void *work(void *context)
{
    ch_writer *writer = context;
    ch_write *first;
    while ((first = take_submitted(writer)) != NULL) {
        batch *finished = ch_alloc(sizeof *finished);
        finished->first = first;
        finished->outcome = (ch_error)CH_ERROR_INIT;
        ch_ignore(run_all(writer, first, &finished->outcome)); /* the outcome says it */
        hand_back(writer, finished);
    }
    return NULL;
}

/* ---- the loop ---- */

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
    pthread_cond_signal(&writer->has_work);
    pthread_mutex_unlock(&writer->lock);
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

ch_status ch_writer_start(ch_store *store, ch_writer **out, ch_error *err)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return ch_fail_errno(err, "making a descriptor for the state's writer");
    ch_writer *writer = ch_alloc(sizeof *writer);
    writer->store = store;
    writer->fd = fd;
    writer->done_end = &writer->done;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->has_work, NULL);
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
    pthread_cond_signal(&writer->has_work);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    finish_all(writer, false);
    pthread_cond_destroy(&writer->has_work);
    pthread_mutex_destroy(&writer->lock);
    close(writer->fd);
    free(writer);
}
