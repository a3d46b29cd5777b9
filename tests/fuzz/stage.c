#include "tests/fuzz/stage.h"

#include "agent/spawn.h"
#include "agent/core/reload.h"
#include "base/clock.h"
#include "base/log.h"
#include "state/nonces.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

fuzz_stage fuzz_the_stage;

uint64_t ch_clock_ms(void)
{
    return fuzz_the_stage.now_ms;
}

uint64_t ch_clock_ns(void)
{
    return fuzz_the_stage.now_ms * 1000000;
}

uint64_t ch_clock_boot_ns(void)
{
    return fuzz_the_stage.now_ms * 1000000;
}

int64_t ch_clock_slept_ns(void)
{
    return 0;
}

bool ch_moment_now(ch_moment *out)
{
    uint64_t wall_ms = FUZZ_WALL_MS + fuzz_the_stage.now_ms - FUZZ_START_MS;
    *out = (ch_moment){.wall_ns = wall_ms * 1000000, .boot_ns = fuzz_the_stage.now_ms * 1000000};
    return true;
}

static void format_log(const char *format, va_list arguments)
{
    char line[1024];
    vsnprintf(line, sizeof line, format, arguments);
}

void ch_log(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    format_log(format, arguments);
    va_end(arguments);
}

void ch_log_as(const char *role, const char *text)
{
    ch_log("%s: %s", role, text);
}

void ch_log_debug(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    format_log(format, arguments);
    va_end(arguments);
}

void ch_log_limited(ch_log_limit *limit, const char *format, ...)
{
    va_list arguments;
    (void)limit;
    va_start(arguments, format);
    format_log(format, arguments);
    va_end(arguments);
}

ch_status ch_nonces_claim(ch_nonces *nonces, size_t counter, ch_nonce_claim *claim, const ch_moment *now, ch_error *err)
{
    (void)nonces;
    (void)counter;
    (void)now;
    (void)err;
    claim->place = CH_CLAIM_HELD;
    return CH_OK;
}

ch_status ch_nonces_draw(ch_nonces *nonces, ch_nonce_claim *claim, const ch_moment *now, uint64_t *nonce, ch_error *err)
{
    (void)nonces;
    (void)now;
    (void)err;
    claim->place = CH_CLAIM_OUT;
    *nonce = ++fuzz_the_stage.last_nonce;
    return CH_OK;
}

void ch_nonces_leave(ch_nonces *nonces, ch_nonce_claim *claim)
{
    (void)nonces;
    claim->place = CH_CLAIM_OUT;
}

uint64_t ch_nonces_next(const ch_nonces *nonces, size_t counter)
{
    (void)nonces;
    (void)counter;
    return fuzz_the_stage.last_nonce;
}

ch_status ch_nonces_change(ch_nonces *nonces, const ch_nonce_change *change, ch_error *err)
{
    (void)nonces;
    (void)err;
    change->answer(change->context, &(const ch_error)CH_ERROR_INIT);
    return CH_OK;
}

const ch_error *ch_nonces_trouble(const ch_nonces *nonces)
{
    (void)nonces;
    return NULL;
}

/* ---- reloads: none ---- */

ch_status ch_reload_begin(ch_reload *reload, const ch_reload_waiter *waiter, ch_error *err)
{
    (void)reload;
    (void)waiter;
    return ch_fail(err, CH_BUSY, "nothing is reloaded here");
}

void ch_reload_forget(ch_reload *reload, const void *context)
{
    (void)reload;
    (void)context;
}

const char *ch_reload_trouble(const ch_reload *reload)
{
    (void)reload;
    return "";
}

const char *ch_nonces_orphan(const ch_nonces *nonces, size_t index, uint64_t *next)
{
    (void)nonces;
    *next = fuzz_the_stage.last_nonce;
    return index == 0 ? "gone" : NULL;
}

void fuzz_end_close(fuzz_end *at)
{
    if (at->fd >= 0) {
        close(at->fd);
        close(at->output_fd);
    }
    *at = (fuzz_end){.fd = -1, .output_fd = -1};
}

static fuzz_end *end_for(const char *role)
{
    if (strcmp(role, "front") == 0)
        return &fuzz_the_stage.front;
    return fuzz_the_stage.tokens[0].fd < 0 ? &fuzz_the_stage.tokens[0] : &fuzz_the_stage.tokens[1];
}

ch_status ch_spawn(const char *role, char *const *variables, ch_spawned *out, ch_error *err)
{
    (void)variables;
    (void)err;
    int ends[2];
    int output[2];
    fuzz_end *at = end_for(role);
    FUZZ_CHECK(pipe2(output, O_CLOEXEC | O_NONBLOCK) == 0);
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    fuzz_end_close(at);
    *at = (fuzz_end){.fd = ends[1], .output_fd = output[1], .pid = ++fuzz_the_stage.last_pid};
    *out = (ch_spawned){.pid = at->pid, .channel_fd = ends[0], .output_fd = output[0]};
    fuzz_the_stage.on_start(at);
    return CH_OK;
}

pid_t ch_spawn_reap(int *wait_status)
{
    (void)wait_status;
    return 0;
}

void ch_spawn_kill(pid_t pid)
{
    fuzz_end *const all[] = {&fuzz_the_stage.front, &fuzz_the_stage.tokens[0], &fuzz_the_stage.tokens[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i]->pid == pid)
            fuzz_end_close(all[i]);
    }
}

void fuzz_stage_set(void (*on_start)(const fuzz_end *child))
{
    fuzz_the_stage = (fuzz_stage){
        .now_ms = FUZZ_START_MS,
        .last_nonce = FUZZ_WALL_MS * 1000,
        .front = {.fd = -1   },
        .tokens = { {.fd = -1}, {.fd = -1}},
        .on_start = on_start
    };
}
