/* The turn: a worker keeps the right to wait for packets while it does quick jobs, so that they stay on one thread;
 * waking a second one costs more than it saves, in its locks too. Before slow jobs it releases the turn, and a worker
 * whose last jobs were slow needs none: all work side by side then. */
#include "agent/token/worker_impl.h"

#include "base/clock.h"
#include "base/log.h"
#include "pkcs11/token.h"
#include "wire/channel.h"

#include <string.h>
#include <unistd.h>

#define SLOW_JOB_NS 40000 /* worth another thread: well above what a hand-over costs */
/* How long answers are held at most, while there are more packets: of slow jobs, and of quick ones. */
#define HOLD_SLOW_NS 700000
#define HOLD_QUICK_NS 60000
#define AWAKE_NS 500000 /* how long a worker without a packet stays awake, while they come faster than that */
#define TURN_PATIENCE_NS 1000000000
#define TURN_LOOK_S 2 /* how often a worker without the turn looks whether it is lost */
#define FULL_SOCKET_WAIT_US 1000

/* ---- answers ---- */

ch_status ch_worker_send(ch_channel *channel, ch_error *err)
{
    CH_TRY(ch_channel_flush(channel, err));
    while (ch_channel_pending(channel) > 0) {
        usleep(FULL_SOCKET_WAIT_US); /* core reads all it gets; a full socket is a moment's matter */
        CH_TRY(ch_channel_flush(channel, err));
    }
    return CH_OK;
}

static unsigned state_of(const void *context)
{
    (void)context;
    return CH_WHILE_SERVING;
}

/* clang-format off */
static const ch_handler handlers[] = {
    /* frame               taken by */
    { CH_FRAME_JOB,        ch_worker_take_job },
    { CH_FRAME_PIN_JOB,    ch_worker_take_pin_job },
    { CH_FRAME_LOGIN,      ch_worker_take_login },
    { CH_FRAME_LOGIN_CODE, ch_worker_take_login_code },
    { CH_FRAME_CODE,       ch_worker_take_code },
    { CH_FRAME_LOGOUT,     ch_worker_take_logout },
    { CH_FRAME_FIND_KEYS,  ch_worker_take_find_keys },
    { CH_FRAME_PROBE,      ch_worker_take_probe },
};
/* clang-format on */

static const ch_receiver receiver = {
    .direction = CH_CORE_TO_TOKEN,
    .handlers = handlers,
    .handler_count = sizeof handlers / sizeof *handlers,
    .state = state_of,
};

/* ---- packets ---- */

static bool has_slow_job(ch_signer *signer, ch_slice packet)
{
    ch_frame frame;
    bool is_slow = false;
    pthread_rwlock_rdlock(&signer->lock);
    while (!is_slow && ch_frame_next(&packet, &frame)) {
        size_t key = frame.type == CH_FRAME_JOB ? ch_get_u16(&frame) : SIZE_MAX;
        bool is_long = key < signer->keys.end && signer->keys.keys[key].cost_ns > SLOW_JOB_NS;
        is_slow = is_long || frame.type == CH_FRAME_PIN_JOB;
    }
    pthread_rwlock_unlock(&signer->lock);
    return is_slow;
}

static bool look_for_packet(void *context)
{
    ch_worker *self = context;
    self->received = ch_channel_receive(&self->channel, &self->packet, &self->error);
    return self->received != CH_OK || self->packet.bytes.size > 0;
}

/* While packets come fast, the next one is worth waiting for awake; with lone jobs, only if that has paid. */
static ch_status wait_for_packet(ch_worker *self)
{
    uint64_t since_ns = ch_clock_ns();
    ch_awake *judged = self->is_slow && self->burst > 1 ? NULL : &self->awake;
    self->burst = 0;
    if (self->is_busy && ch_stay_awake(judged, AWAKE_NS, look_for_packet, self))
        return self->received;
    ch_status st = ch_channel_receive_wait(&self->channel, &self->packet, &self->error);
    self->is_busy = ch_clock_ns() - since_ns < AWAKE_NS;
    return st;
}

/* A worker that keeps the turn for a quick job, and does not come back from it, does not keep the others from theirs.
 */
static bool is_turn_lost(ch_signer *signer)
{
    uint64_t since_ns = signer->turn_ns;
    return since_ns != 0 && ch_clock_ns() - since_ns > TURN_PATIENCE_NS;
}

/* Returns false if the worker is to go on without it. */
static bool take_turn(ch_signer *signer)
{
    struct timespec until;
    while (!is_turn_lost(signer)) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += TURN_LOOK_S;
        if (pthread_mutex_timedlock(&signer->turn, &until) == 0)
            return true;
    }
    return false;
}

static void release_turn(ch_worker *self)
{
    self->signer->turn_ns = 0;
    self->has_turn = pthread_mutex_unlock(&self->signer->turn) != 0;
}

static uint64_t hold_ns(const ch_worker *self)
{
    if (self->is_slow)
        return HOLD_SLOW_NS;
    return self->is_pressed ? HOLD_QUICK_NS : 0;
}

/* Answers leave together while there are more jobs: each packet that core gets costs the workers a part of the
 * processor. */
static ch_status next_packet(ch_worker *self)
{
    uint64_t held_ns = hold_ns(self);
    if (held_ns > 0 && ch_clock_ns() - self->began_ns < held_ns && look_for_packet(self))
        return self->received;
    CH_TRY(ch_worker_send(&self->channel, &self->error));
    if (!self->is_slow && !self->has_turn)
        self->has_turn = take_turn(self->signer);
    self->is_pressed = self->is_busy && look_for_packet(self);
    ch_status st = self->is_pressed ? self->received : wait_for_packet(self);
    self->began_ns = ch_clock_ns();
    return st;
}

/* What has come meanwhile goes back too. Core sends nothing more until it has an answer. */
static ch_status return_others(ch_worker *self)
{
    while (look_for_packet(self) && self->received == CH_OK)
        CH_TRY(ch_packet_take(&self->packet, &receiver, self, &self->error));
    self->is_late = false;
    return self->received;
}

static ch_status serve_packet(ch_worker *self)
{
    CH_TRY(next_packet(self));
    self->is_slow = has_slow_job(self->signer, self->packet.bytes);
    if (self->is_slow && self->has_turn)
        release_turn(self);
    if (self->has_turn)
        self->signer->turn_ns = self->began_ns;
    CH_TRY(ch_packet_take(&self->packet, &receiver, self, &self->error));
    if (self->has_turn)
        self->signer->turn_ns = 0;
    return self->is_late ? return_others(self) : CH_OK;
}

static void *run_worker(void *argument)
{
    ch_worker *self = argument;
    ch_status st = CH_OK;
    while (st == CH_OK)
        st = serve_packet(self);
    /* Core is gone, or broke the protocol. In both cases the whole process ends, and the kernel frees what it holds.
     * The module is not closed, because the other workers may be inside it; but their calls may end. A module that is
     * cut short may lose its token: SoftHSM2 empties a file and writes it anew at each login. Core kills what is late.
     */
    if (st != CH_UNAVAILABLE)
        ch_log("%s", self->error.message);
    pthread_rwlock_wrlock(&self->signer->lock);
    _exit(st == CH_UNAVAILABLE ? 0 : 1);
}

void ch_signer_init(ch_signer *signer, int fd)
{
    *signer = (ch_signer){.fd = fd};
    pthread_rwlock_init(&signer->lock, NULL);
    pthread_mutex_init(&signer->turn, NULL);
    pthread_mutex_init(&signer->pin, NULL);
    pthread_mutex_init(&signer->spare, NULL);
    pthread_mutex_init(&signer->printing, NULL);
}

static ch_worker workers[CH_WORKERS_MAX];

/* Whatever the token says: it has opened one session, so it is there, and what it refuses it has not. */
void ch_workers_open(ch_signer *signer, ch_error *lack)
{
    ch_error why = CH_ERROR_INIT;
    uint32_t opened = 0;
    for (uint32_t i = 0; i < signer->worker_count; i++)
        workers[i] = (ch_worker){
            .signer = signer, .session = {.token = signer->token, .handle = CK_INVALID_HANDLE}
        };
    while (opened < signer->worker_count &&
           ch_session_open(signer->token, false, &workers[opened].session, &why) == CH_OK)
        opened++;
    if (opened == signer->worker_count)
        return;
    signer->worker_count = opened == 0 ? 1 : opened;
    ch_error_set(lack, why.status, why.rule, "fewer workers sign than there should be, %u: %s", signer->worker_count,
                 why.message);
}

ch_status ch_workers_run(ch_signer *signer, ch_error *err)
{
    for (uint32_t i = 0; i < signer->worker_count; i++) {
        ch_worker *self = &workers[i];
        ch_channel_open(&self->channel, signer->fd);
        /* The calling thread is the last worker. */
        if (i + 1 < signer->worker_count && pthread_create(&self->thread, NULL, run_worker, self) != 0)
            return ch_fail(err, CH_IO, "starting a worker thread failed");
    }
    run_worker(&workers[signer->worker_count - 1]);
    return CH_OK;
}
