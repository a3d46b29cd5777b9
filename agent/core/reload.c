/* The thread has `work` to itself from its start until it writes to the descriptor. */
#include "agent/core/reload.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WAITERS_MAX 8
#define SLOW_MS 10000

typedef struct work {
    const char *config_path;
    int fd;
    ch_rules rules;
    ch_error outcome;
} work;

typedef struct waiters {
    ch_reload_waiter list[WAITERS_MAX];
    size_t count;
} waiters;

typedef enum stage {
    STAGE_IDLE,
    STAGE_READING,
    STAGE_DONE,
} stage;

struct ch_reload {
    ch_loop *loop;
    ch_source source;
    stage stage;
    work *work;
    waiters now;   /* for what is being read */
    waiters later; /* for once more */
    bool is_asked_again;
    ch_error trouble;
    uint64_t since_ms; /* when the reading began */
};

/* ---- the thread ---- */

static void *read_rules(void *context)
{
    work *self = context;
    const uint64_t one = 1;
    ch_ignore(ch_rules_load(self->config_path, &self->rules, &self->outcome)); /* the outcome says it */
    ch_ignore(write(self->fd, &one, sizeof one) == (ssize_t)sizeof one);       /* cannot fail: the counter is zero */
    return NULL;
}

static ch_status start_thread(ch_reload *reload, ch_error *err)
{
    pthread_t thread;
    reload->work->rules = (ch_rules){0};
    reload->work->outcome = (ch_error)CH_ERROR_INIT;
    if (pthread_create(&thread, NULL, read_rules, reload->work) != 0)
        return ch_fail(err, CH_IO,
                       "the system could not start a thread to read the files; nothing was reloaded; try again");
    pthread_detach(thread);
    reload->stage = STAGE_READING;
    reload->since_ms = ch_clock_ms();
    return CH_OK;
}

static void on_read(void *context)
{
    ch_reload *reload = context;
    uint64_t count;
    if (read(reload->source.fd, &count, sizeof count) == (ssize_t)sizeof count)
        reload->stage = STAGE_DONE;
}

/* ---- the room ---- */

ch_status ch_reload_new(ch_loop *loop, const char *config_path, ch_reload **out, ch_error *err)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return ch_fail_errno(err, "making a descriptor for reloads");
    ch_reload *reload = ch_alloc(sizeof *reload);
    reload->loop = loop;
    reload->work = ch_alloc(sizeof *reload->work);
    *reload->work = (work){.config_path = config_path, .fd = fd};
    reload->source = (ch_source){.fd = fd, .on_ready = on_read, .context = reload};
    *out = reload;
    return ch_loop_watch(loop, &reload->source, EPOLLIN, err);
}

void ch_reload_free(ch_reload *reload)
{
    if (reload == NULL)
        return;
    ch_loop_forget(reload->loop, &reload->source);
    if (reload->stage != STAGE_READING) {
        ch_rules_free(&reload->work->rules);
        close(reload->work->fd);
        free(reload->work);
    }
    free(reload);
}

static ch_status add_waiter(waiters *to, const ch_reload_waiter *waiter, ch_error *err)
{
    if (waiter == NULL)
        return CH_OK;
    if (to->count == WAITERS_MAX)
        return ch_fail(err, CH_BUSY, "%d operators wait for a reload already; try again in a moment", WAITERS_MAX);
    to->list[to->count++] = *waiter;
    return CH_OK;
}

ch_status ch_reload_begin(ch_reload *reload, const ch_reload_waiter *waiter, ch_error *err)
{
    if (reload->stage != STAGE_IDLE) {
        reload->is_asked_again = true;
        return add_waiter(&reload->later, waiter, err);
    }
    if (start_thread(reload, err) != CH_OK) {
        reload->trouble = *err;
        return err->status;
    }
    return add_waiter(&reload->now, waiter, err);
}

static void forget(waiters *from, const void *context)
{
    for (size_t i = from->count; i-- > 0;) {
        if (from->list[i].context == context)
            from->list[i] = from->list[--from->count];
    }
}

void ch_reload_forget(ch_reload *reload, const void *context)
{
    if (reload == NULL)
        return;
    forget(&reload->now, context);
    forget(&reload->later, context);
}

bool ch_reload_is_done(const ch_reload *reload)
{
    return reload->stage == STAGE_DONE;
}

ch_status ch_reload_take(ch_reload *reload, ch_rules *out, ch_error *err)
{
    assert(reload->stage == STAGE_DONE);
    *out = reload->work->rules;
    reload->work->rules = (ch_rules){0};
    *err = reload->work->outcome;
    return err->status;
}

static void answer(waiters *list, const ch_error *outcome)
{
    while (list->count > 0) {
        const ch_reload_waiter waiter = list->list[--list->count];
        waiter.answer(waiter.context, outcome);
    }
}

static void begin_again(ch_reload *reload)
{
    ch_error err = CH_ERROR_INIT;
    reload->now = reload->later;
    reload->later = (waiters){0};
    reload->is_asked_again = false;
    if (start_thread(reload, &err) == CH_OK)
        return;
    ch_log("%s", err.message);
    reload->trouble = err;
    answer(&reload->now, &err);
}

void ch_reload_end(ch_reload *reload, const ch_error *outcome)
{
    assert(reload->stage == STAGE_DONE);
    reload->stage = STAGE_IDLE;
    reload->trouble = *outcome;
    answer(&reload->now, outcome);
    if (reload->is_asked_again)
        begin_again(reload);
}

const char *ch_reload_trouble(const ch_reload *reload)
{
    if (reload != NULL && reload->stage == STAGE_READING && ch_clock_ms() - reload->since_ms > SLOW_MS)
        return "its files are still being read; is one of them on a file system that does not answer?";
    return reload == NULL || reload->trouble.status == CH_OK ? "" : reload->trouble.message;
}
