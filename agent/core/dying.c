/* The oldest comes first, and each has the same time, so the first one's end is the next. */
#include "agent/core/dying.h"

#include "agent/spawn.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_EVERY_US 2000

typedef struct dying_process {
    pid_t pid;
    uint64_t due_ms;
} dying_process;

struct ch_dying {
    ch_loop *loop;
    ch_timer timer;
    dying_process processes[CH_DYING_MAX];
    size_t count;
};

static void take_out(ch_dying *dying, size_t i)
{
    dying->count--;
    memmove(&dying->processes[i], &dying->processes[i + 1], (dying->count - i) * sizeof *dying->processes);
}

/* Whatever its end is then, it is not known here any more. */
static void kill_first(ch_dying *dying)
{
    pid_t pid = dying->processes[0].pid;
    ch_log("process %d did not end by itself; it is killed", (int)pid);
    take_out(dying, 0);
    ch_spawn_kill(pid);
}

static void on_due(void *context)
{
    ch_dying *dying = context;
    uint64_t now_ms = ch_clock_ms();
    while (dying->count > 0 && dying->processes[0].due_ms <= now_ms)
        kill_first(dying);
    if (dying->count > 0)
        ch_loop_set_timer(dying->loop, &dying->timer, dying->processes[0].due_ms);
}

ch_dying *ch_dying_new(ch_loop *loop)
{
    ch_dying *dying = ch_alloc(sizeof *dying);
    dying->loop = loop;
    dying->timer = (ch_timer){.on_due = on_due, .context = dying};
    return dying;
}

void ch_dying_add(ch_dying *dying, pid_t pid)
{
    if (dying->count == CH_DYING_MAX)
        kill_first(dying);
    dying->processes[dying->count++] = (dying_process){pid, ch_clock_ms() + CH_DYING_MS};
    ch_loop_set_timer(dying->loop, &dying->timer, dying->processes[0].due_ms);
}

bool ch_dying_died(ch_dying *dying, pid_t pid)
{
    for (size_t i = 0; i < dying->count; i++) {
        if (dying->processes[i].pid == pid) {
            take_out(dying, i);
            return true;
        }
    }
    return false;
}

void ch_dying_await(ch_dying *dying, unsigned wait_ms)
{
    int wait_status;
    uint64_t end_ms = ch_clock_ms() + wait_ms;
    while (dying->count > 0 && ch_clock_ms() < end_ms) {
        pid_t pid = ch_spawn_reap(&wait_status);
        if (pid == 0)
            usleep(LOOK_EVERY_US);
        else
            ch_dying_died(dying, pid);
    }
}

void ch_dying_free(ch_dying *dying)
{
    if (dying == NULL)
        return;
    while (dying->count > 0)
        kill_first(dying);
    ch_loop_cancel_timer(dying->loop, &dying->timer);
    free(dying);
}
