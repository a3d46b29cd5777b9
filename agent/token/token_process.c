/* Two locks. `lock` orders logins against jobs: a job reads the key handles under it, a login or logout writes them.
 *
 * `turn` is the right to wait for a packet. A worker keeps it while it does quick jobs, so that they stay on one
 * thread: waking a second one costs more than it saves, in its locks too. Before slow jobs it gives the turn away, and
 * a worker whose last jobs were slow needs none: all work side by side then. */
#include "agent/token/token_process.h"

#include "wire/frame.h"
#include "agent/harden.h"
#include "base/log.h"
#include "agent/spawn.h"
#include "base/clock.h"
#include "base/memory.h"
#include "pkcs11/object.h"
#include "pkcs11/sign.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIGNATURE_MAX 512
#define HOLD_NS 700000  /* how long answers are held back at most, while there are more packets */
#define AWAKE_NS 500000 /* how long a worker without a packet stays awake, while they come faster than that */

typedef struct key_slot {
    char *uri;
    const ch_mechanism *mechanism;
    ch_token_key key;
    ch_error state;           /* CH_OK: found and verified */
    _Atomic uint32_t cost_ns; /* what its jobs take, when nothing interrupts them */
} key_slot;

typedef struct process_state {
    int fd;
    ch_token *token;
    ch_session control; /* for finding keys; used under the write lock only */
    pthread_rwlock_t lock;
    pthread_mutex_t turn;
    bool is_logged_in;
    key_slot *keys;
    size_t key_count;
    uint32_t worker_count;
} process_state;

typedef struct worker {
    process_state *process;
    ch_channel channel; /* shares the process's descriptor */
    ch_session session;
    pthread_t thread;
    bool is_slow; /* its last packet held slow jobs */
    bool has_turn;
    bool is_busy;      /* its last wait for a packet was shorter than AWAKE_NS */
    uint64_t began_ns; /* the end of that wait */
} worker;

static void add_error_frame(ch_buffer *out, ch_frame_type type, const ch_error *err)
{
    ch_error ignored = CH_ERROR_INIT; /* an error fits a frame by its type */
    size_t begin = ch_frame_begin(out, type, 0);
    ch_frame_error(out, err);
    (void)!ch_frame_end(out, begin, &ignored);
}

static void add_token_state(ch_buffer *out, ch_token_state state, const ch_error *reason)
{
    ch_error ignored = CH_ERROR_INIT;
    size_t begin = ch_frame_begin(out, CH_FRAME_TOKEN_STATE, 0);
    ch_frame_u8(out, (uint8_t)state);
    ch_frame_error(out, reason);
    (void)!ch_frame_end(out, begin, &ignored);
}

static void add_key_states(ch_buffer *out, const process_state *process)
{
    for (size_t i = 0; i < process->key_count; i++) {
        ch_error ignored = CH_ERROR_INIT;
        size_t begin = ch_frame_begin(out, CH_FRAME_KEY_STATE, 0);
        ch_frame_u16(out, (uint16_t)i);
        ch_frame_error(out, &process->keys[i].state);
        (void)!ch_frame_end(out, begin, &ignored);
    }
}

/* Handles die with a login's end, so keys are found, and their attributes checked, after each login. */
static void find_keys(process_state *process)
{
    for (size_t i = 0; i < process->key_count; i++) {
        key_slot *slot = &process->keys[i];
        slot->state = (ch_error)CH_ERROR_INIT;
        ch_status st = slot->mechanism == NULL
                           ? ch_fail(&slot->state, CH_CONFIG, "the profile's mechanism is unknown to this build")
                           : ch_token_offers(process->token, slot->mechanism, &slot->state);
        if (st == CH_OK)
            st = ch_key_find(&process->control, slot->uri, slot->mechanism, &slot->key, &slot->state);
        if (st == CH_OK)
            st = ch_key_verify(&process->control, &slot->key, &slot->state);
        slot->state.status = st;
    }
}

static ch_status login_with(process_state *process, int pin_fd, ch_error *err)
{
    ch_autosecret pin = CH_SECRET_INIT;
    if (pin_fd < 0)
        return ch_fail(err, CH_INTERNAL, "a login came without its PIN");
    ch_status st = ch_secret_read(&pin, pin_fd, 256, err);
    if (st == CH_OK)
        st = ch_token_login(process->token, &pin, err);
    return st;
}

static void on_login(process_state *process, int pin_fd, ch_buffer *out)
{
    ch_error err = CH_ERROR_INIT;
    (void)pthread_rwlock_wrlock(&process->lock);
    ch_status st = login_with(process, pin_fd, &err);
    if (st == CH_OK) {
        process->is_logged_in = true;
        find_keys(process);
        add_key_states(out, process);
        add_token_state(out, CH_TOKEN_UNLOCKED, &err);
    }
    (void)pthread_rwlock_unlock(&process->lock);
    add_error_frame(out, CH_FRAME_LOGIN_DONE, &err);
}

static void on_logout(process_state *process, ch_buffer *out)
{
    ch_error err = CH_ERROR_INIT;
    (void)pthread_rwlock_wrlock(&process->lock);
    process->is_logged_in = false; /* whatever the token answers, nothing is signed from here on */
    if (ch_token_logout(process->token, &err) == CH_OK)
        add_token_state(out, CH_TOKEN_LOCKED, &err);
    (void)pthread_rwlock_unlock(&process->lock);
    add_error_frame(out, CH_FRAME_LOGIN_DONE, &err);
}

static bool has_slow_job(const process_state *process, ch_slice packet)
{
    ch_frame frame;
    while (ch_frame_next(&packet, &frame)) {
        size_t index = ch_frame_read_u16(&frame);
        if (frame.type == CH_FRAME_JOB && index < process->key_count && process->keys[index].cost_ns > CH_SLOW_JOB_NS)
            return true;
    }
    return false;
}

/* What a job gives: its signatures one after the other, and what such a job takes. */
typedef struct job_result {
    uint8_t signatures[CH_JOB_PAYLOADS_MAX][SIGNATURE_MAX];
    size_t sizes[CH_JOB_PAYLOADS_MAX];
    size_t count;
    uint32_t cost_ns;
} job_result;

static ch_status find_slot(process_state *process, size_t index, key_slot **out, ch_error *err)
{
    if (index >= process->key_count)
        return ch_fail(err, CH_INTERNAL, "core sent a malformed job");
    if (!process->is_logged_in)
        return ch_fail(err, CH_LOCKED, "the token is locked");
    *out = &process->keys[index];
    if ((*out)->state.status != CH_OK) {
        *err = (*out)->state;
        return err->status;
    }
    return CH_OK;
}

/* A job that was interrupted says nothing about the next: the least counts, and rises slowly where all take longer. */
static uint32_t settle_cost(uint32_t before_ns, uint64_t spent_ns)
{
    uint64_t most_ns = before_ns == 0 ? UINT32_MAX : (uint64_t)before_ns + before_ns / 8 + 1000;
    return (uint32_t)(spent_ns < most_ns ? spent_ns : most_ns);
}

static ch_status sign_job(worker *self, ch_frame *job, job_result *result, ch_error *err)
{
    ch_slice messages[CH_JOB_PAYLOADS_MAX];
    key_slot *slot = NULL;
    size_t index = ch_frame_read_u16(job);
    result->count = ch_frame_read_u8(job);
    for (size_t i = 0; i < result->count && i < CH_JOB_PAYLOADS_MAX; i++)
        messages[i] = ch_frame_read_bytes(job);
    if (!ch_frame_done(job) || result->count == 0 || result->count > CH_JOB_PAYLOADS_MAX)
        return ch_fail(err, CH_INTERNAL, "core sent a malformed job");
    ch_status st = find_slot(self->process, index, &slot, err);
    uint64_t begin_ns = ch_clock_ns();
    for (size_t i = 0; st == CH_OK && i < result->count; i++)
        st = ch_key_sign(&self->session, &slot->key, messages[i], result->signatures[i], SIGNATURE_MAX,
                         &result->sizes[i], err);
    if (st == CH_OK)
        slot->cost_ns = result->cost_ns = settle_cost(slot->cost_ns, ch_clock_ns() - begin_ns);
    return st;
}

static void on_job(worker *self, ch_frame *job, ch_buffer *out)
{
    job_result result;
    ch_error err = CH_ERROR_INIT;
    (void)pthread_rwlock_rdlock(&self->process->lock);
    ch_status st = sign_job(self, job, &result, &err);
    (void)pthread_rwlock_unlock(&self->process->lock);
    size_t begin = ch_frame_begin(out, CH_FRAME_SIGNATURE, job->id);
    if (st == CH_OK) {
        ch_frame_u32(out, CH_OK);
        ch_frame_u32(out, result.cost_ns);
        ch_frame_u8(out, (uint8_t)result.count);
        for (size_t i = 0; i < result.count; i++)
            ch_frame_bytes(out, (ch_slice){result.signatures[i], result.sizes[i]});
    } else {
        ch_frame_error(out, &err);
    }
    (void)!ch_frame_end(out, begin, &err);
}

static ch_status on_packet(worker *self, ch_slice packet, int fd, ch_error *err)
{
    ch_buffer *out = ch_channel_out(&self->channel);
    ch_frame frame;
    while (ch_frame_next(&packet, &frame)) {
        switch (frame.type) {
        case CH_FRAME_JOB:
            on_job(self, &frame, out);
            break;
        case CH_FRAME_LOGIN:
            on_login(self->process, fd, out);
            break;
        case CH_FRAME_LOGOUT:
            on_logout(self->process, out);
            break;
        default:
            return ch_fail(err, CH_INTERNAL, "frame %u is not for a token process", frame.type);
        }
    }
    if (packet.size != 0)
        return ch_fail(err, CH_INTERNAL, "core sent a malformed packet");
    return CH_OK;
}

static ch_status send_answers(ch_channel *channel, ch_error *err)
{
    ch_status st = ch_channel_flush(channel, err);
    while (st == CH_OK && ch_channel_is_blocked(channel)) {
        (void)usleep(1000); /* core reads all it gets; a full socket is a moment's matter */
        st = ch_channel_flush(channel, err);
    }
    return st;
}

/* While packets come fast, the next one is there sooner than a sleeping thread, or worse a halted processor, is woken.
 * Whoever else has work gets the processor first. */
static ch_status wait_for_packet(worker *self, ch_slice *packet, int *fd, ch_error *err)
{
    uint64_t since_ns = ch_clock_ns();
    while (self->is_busy && ch_clock_ns() - since_ns < AWAKE_NS) {
        ch_status st = ch_channel_receive(&self->channel, packet, fd, err);
        if (st != CH_OK || packet->size > 0)
            return st;
        (void)sched_yield();
    }
    ch_status st = ch_channel_receive_wait(&self->channel, packet, fd, err);
    self->is_busy = ch_clock_ns() - since_ns < AWAKE_NS;
    return st;
}

/* Answers to slow jobs leave together, while there are more of those: each packet that core gets costs a slow job's
 * worker a part of the processor. */
static ch_status next_packet(worker *self, ch_slice *packet, int *fd, ch_error *err)
{
    bool may_hold = self->is_slow && ch_clock_ns() - self->began_ns < HOLD_NS;
    ch_status st = may_hold ? ch_channel_receive(&self->channel, packet, fd, err) : CH_OK;
    if (st != CH_OK || packet->size > 0)
        return st;
    st = send_answers(&self->channel, err);
    if (st == CH_OK && !self->is_slow && !self->has_turn)
        self->has_turn = pthread_mutex_lock(&self->process->turn) == 0;
    if (st == CH_OK)
        st = wait_for_packet(self, packet, fd, err);
    self->began_ns = ch_clock_ns();
    return st;
}

static void *run_worker(void *argument)
{
    worker *self = argument;
    ch_error err = CH_ERROR_INIT;
    ch_status st = CH_OK;
    while (st == CH_OK) {
        ch_slice packet = {NULL, 0};
        int fd = -1;
        st = next_packet(self, &packet, &fd, &err);
        self->is_slow = st == CH_OK && has_slow_job(self->process, packet);
        if (self->is_slow && self->has_turn)
            self->has_turn = pthread_mutex_unlock(&self->process->turn) != 0;
        if (st == CH_OK)
            st = on_packet(self, packet, fd, &err);
        if (fd >= 0)
            (void)close(fd);
    }
    /* Core is gone or talks nonsense: either way nobody is left to serve. The kernel takes back what we hold; closing a
     * module under the other workers' feet would only crash it. */
    if (st != CH_UNAVAILABLE)
        ch_log("%s", err.message);
    _exit(st == CH_UNAVAILABLE ? 0 : 1);
}

static ch_status malformed_start(ch_error *err)
{
    return ch_fail(err, CH_INTERNAL, "core sent a malformed start");
}

static ch_status take_keys(process_state *process, ch_frame *frame, size_t expected, ch_error *err)
{
    size_t count = ch_frame_read_u16(frame);
    if (count > expected - process->key_count)
        return malformed_start(err);
    for (size_t i = 0; i < count; i++) {
        key_slot *slot = &process->keys[process->key_count++];
        slot->uri = ch_slice_strdup(ch_frame_read_bytes(frame));
        slot->mechanism = ch_mechanism_find(ch_frame_read_bytes(frame));
    }
    return ch_frame_done(frame) ? CH_OK : malformed_start(err);
}

/* The packets before the last key hold nothing but what belongs to the start. */
static ch_status next_start_frame(ch_channel *channel, ch_slice *packet, ch_frame *frame, ch_error *err)
{
    ch_status st = CH_OK;
    if (packet->size == 0) {
        int fd = -1;
        st = ch_channel_receive_wait(channel, packet, &fd, err);
        if (fd >= 0)
            (void)close(fd);
    }
    if (st == CH_OK && !ch_frame_next(packet, frame))
        st = malformed_start(err);
    return st;
}

/* Waits for the start frame and the keys, and opens the token. */
static ch_status start(process_state *process, ch_channel *channel, ch_error *err)
{
    ch_slice packet = {NULL, 0};
    ch_frame frame;
    ch_status st = next_start_frame(channel, &packet, &frame, err);
    if (st != CH_OK)
        return st;
    if (frame.type != CH_FRAME_TOKEN_START || ch_frame_read_u32(&frame) != CH_FRAME_VERSION)
        return ch_fail(err, CH_INTERNAL, "core is of another version; restart the agent");
    ch_autofree char *module = ch_slice_strdup(ch_frame_read_bytes(&frame));
    ch_autofree char *uri = ch_slice_strdup(ch_frame_read_bytes(&frame));
    process->worker_count = ch_frame_read_u32(&frame);
    size_t expected = ch_frame_read_u16(&frame);
    if (!ch_frame_done(&frame) || process->worker_count == 0 || process->worker_count > CH_WORKERS_MAX)
        return malformed_start(err);
    process->keys = ch_alloc(expected * sizeof *process->keys);
    while (st == CH_OK && (process->key_count < expected || packet.size > 0)) {
        st = next_start_frame(channel, &packet, &frame, err);
        if (st == CH_OK)
            st = frame.type == CH_FRAME_TOKEN_KEYS ? take_keys(process, &frame, expected, err) : malformed_start(err);
    }
    if (st == CH_OK)
        st = ch_token_open(module, uri, &process->token, err);
    if (st == CH_OK)
        st = ch_session_open(process->token, false, &process->control, err);
    return st;
}

static ch_status start_workers(process_state *process, worker *workers, ch_error *err)
{
    for (uint32_t i = 0; i < process->worker_count; i++) {
        worker *self = &workers[i];
        self->process = process;
        ch_channel_open(&self->channel, process->fd);
        ch_status st = ch_session_open(process->token, false, &self->session, err);
        if (st != CH_OK)
            return st;
        /* The main thread is the last worker. */
        if (i + 1 < process->worker_count && pthread_create(&self->thread, NULL, run_worker, self) != 0)
            return ch_fail(err, CH_IO, "starting a worker thread failed");
    }
    return CH_OK;
}

int ch_token_process_main(int channel_fd)
{
    static process_state process;
    static worker workers[CH_WORKERS_MAX];
    ch_channel channel;
    ch_error err = CH_ERROR_INIT;
    process.fd = channel_fd;
    ch_process_schedule(0); /* core and the front first */
    (void)pthread_rwlock_init(&process.lock, NULL);
    (void)pthread_mutex_init(&process.turn, NULL);
    ch_channel_open(&channel, channel_fd);
    ch_status st = start(&process, &channel, &err);
    if (st == CH_OK)
        st = ch_harden_token(&err); /* after the module is loaded: drivers may start helpers then */
    add_token_state(ch_channel_out(&channel), st == CH_OK ? CH_TOKEN_LOCKED : CH_TOKEN_ABSENT, &err);
    ch_error send_err = CH_ERROR_INIT;
    if (ch_channel_flush(&channel, &send_err) == CH_OK && st == CH_OK)
        st = start_workers(&process, workers, &err);
    if (st != CH_OK) {
        ch_log("%s", err.message);
        return 1;
    }
    (void)run_worker(&workers[process.worker_count - 1]);
    return 0;
}
