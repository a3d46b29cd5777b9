/* The turn: a worker keeps the right to wait for packets while it does quick jobs, so that they stay on one thread;
 * waking a second one costs more than it saves, in its locks too. Before slow jobs it releases the turn, and a worker
 * whose last jobs were slow needs none: all work side by side then. */
#include "agent/token/worker.h"

#include "agent/awake.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "pkcs11/ckr.h"
#include "pkcs11/key.h"
#include "pkcs11/token.h"
#include "wire/channel.h"

#include <string.h>
#include <unistd.h>

#define PIN_SIZE_MAX 256  /* bytes */
#define SLOW_JOB_NS 40000 /* worth another thread: well above what a hand-over costs */
/* How long answers are held at most, while there are more packets: of slow jobs, and of quick ones. */
#define HOLD_SLOW_NS 700000
#define HOLD_QUICK_NS 60000
#define AWAKE_NS 500000 /* how long a worker without a packet stays awake, while they come faster than that */
/* A job that took that long, and so many times what its key's jobs take. */
#define LATE_JOB_NS 20000000
#define LATE_TIMES 4
#define FULL_SOCKET_WAIT_US 1000
#define TELL_EVERY_NS 250000000

typedef struct worker {
    ch_signer *signer;
    ch_channel channel; /* shares the signer's descriptor */
    ch_session session;
    ch_packet packet; /* the one in hand */
    pthread_t thread;
    bool is_slow;    /* its last packet held slow jobs */
    bool is_late;    /* its last job took far longer than was known: the next ones go back to core */
    bool is_pressed; /* and was there when the answers to the one before were sent */
    bool has_turn;
    uint64_t told_ns;   /* when it last said how far it was in looking for keys */
    bool is_busy;       /* its last wait for a packet was shorter than AWAKE_NS */
    uint64_t began_ns;  /* the end of that wait */
    ch_status received; /* of the last look for a packet */
    ch_error error;
} worker;

/* ---- answers ---- */

static ch_status send_answers(ch_channel *channel, ch_error *err)
{
    CH_TRY(ch_channel_flush(channel, err));
    while (ch_channel_pending(channel) > 0) {
        usleep(FULL_SOCKET_WAIT_US); /* core reads all it gets; a full socket is a moment's matter */
        CH_TRY(ch_channel_flush(channel, err));
    }
    return CH_OK;
}

/* ---- logins ---- */

static bool has_login(const ch_signer *signer)
{
    return signer->is_logged_in && signer->login != CH_LOGIN_NONE;
}

static ch_status login_with(ch_signer *signer, int pin_fd, ch_error *err)
{
    ch_autosecret pin = CH_SECRET_INIT;
    if (signer->login == CH_LOGIN_NONE)
        return CH_OK;
    if (signer->login == CH_LOGIN_PINPAD)
        return ch_token_login(signer->token, NULL, err);
    CH_TRY(ch_secret_read(&pin, pin_fd, PIN_SIZE_MAX, err));
    return ch_token_login(signer->token, &pin, err);
}

/* Core waits meanwhile. If it cannot be told, what follows cannot either, and that ends the process. */
static void tell_progress(void *context, size_t done, size_t total)
{
    worker *self = context;
    ch_error ignored = CH_ERROR_INIT;
    const ch_find_progress_frame progress = {.done = (uint32_t)done, .total = (uint32_t)total};
    uint64_t now_ns = ch_clock_ns();
    if (now_ns - self->told_ns < TELL_EVERY_NS)
        return;
    self->told_ns = now_ns;
    if (ch_find_progress_frame_put(ch_channel_out(&self->channel), 0, &progress, &ignored) == CH_OK)
        ch_ignore(send_answers(&self->channel, &ignored));
}

static ch_status say_state(ch_signer *signer, size_t index, ch_buffer *out, ch_error *err)
{
    const ch_signer_key *key = &signer->keys.keys[index];
    ch_key_state_frame state = {.key = (uint16_t)index, .problem = key->state, .lapses = key->key.lapses};
    return ch_key_state_frame_put(out, 0, &state, err);
}

/* A token that is away has no keys; that is no reason to say that they are not there. */
static void doubt_missing(worker *self, const size_t *indices, size_t count)
{
    ch_signer *signer = self->signer;
    ch_error away = CH_ERROR_INIT;
    for (size_t i = 0; i < count; i++) {
        ch_signer_key *key = &signer->keys.keys[indices[i]];
        if (key->state.status != CH_NOT_FOUND)
            continue;
        if (away.status == CH_OK && ch_token_probe(signer->token, &signer->control, has_login(signer), &away) == CH_OK)
            return;
        key->state = away;
        key->state.status = CH_UNAVAILABLE; /* whatever the module called it */
    }
}

/* Finds keys, and says of each whether it can sign. */
static ch_status find_keys(worker *self, const size_t *indices, size_t count, ch_error *err)
{
    ch_signer *signer = self->signer;
    ch_error ignored = CH_ERROR_INIT;
    const ch_signer_search search = {signer->token, signer->keeper, self, tell_progress};
    self->told_ns = ch_clock_ns();
    ch_ignore(ch_session_keep(signer->keeper, &ignored)); /* if it fails, so does the search, and says why */
    ch_signer_keys_find(&signer->keys, indices, count, &search);
    doubt_missing(self, indices, count);
    for (size_t i = 0; i < count; i++)
        CH_TRY(say_state(signer, indices[i], ch_channel_out(&self->channel), err));
    return CH_OK;
}

static ch_status find_all(worker *self, ch_error *err)
{
    const ch_signer_keys *keys = &self->signer->keys;
    ch_autofree size_t *indices = ch_alloc((keys->count + 1) * sizeof *indices);
    size_t count = 0;
    for (size_t i = 0; i < keys->end; i++) {
        if (keys->keys[i].uri != NULL)
            indices[count++] = i;
    }
    return find_keys(self, indices, count, err);
}

static ch_status on_login(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    worker *self = context;
    ch_signer *signer = self->signer;
    ch_buffer *out = ch_channel_out(&self->channel);
    ch_login_frame login;
    ch_login_done_frame done = {.outcome = CH_ERROR_INIT};
    CH_TRY(ch_login_frame_get(frame, &login, err));
    pthread_rwlock_wrlock(&signer->lock);
    signer->refusal = (ch_error)CH_ERROR_INIT;
    signer->is_logged_in = login_with(signer, *fd, &done.outcome) == CH_OK;
    ch_status st = signer->is_logged_in ? find_all(self, err) : CH_OK;
    pthread_rwlock_unlock(&signer->lock);
    return st == CH_OK ? ch_login_done_frame_put(out, 0, &done, err) : st;
}

/* Some of them may be new. */
static ch_status find_some(worker *self, ch_records objects, ch_error *err)
{
    ch_autofree size_t *indices = ch_alloc((objects.count + 1) * sizeof *indices);
    ch_key_object_record object;
    size_t count = 0;
    ch_signer_keys_add(&self->signer->keys, objects);
    while (self->signer->is_logged_in && ch_key_object_record_next(&objects, &object))
        indices[count++] = object.index;
    return find_keys(self, indices, count, err);
}

static ch_status on_find_keys(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    worker *self = context;
    ch_buffer *out = ch_channel_out(&self->channel);
    ch_find_keys_frame find;
    CH_TRY(ch_find_keys_frame_get(frame, &find, err));
    pthread_rwlock_wrlock(&self->signer->lock);
    ch_status st = find_some(self, find.keys, err);
    pthread_rwlock_unlock(&self->signer->lock);
    return st == CH_OK ? ch_keys_found_frame_put(out, 0, &(ch_keys_found_frame){}, err) : st;
}

static ch_status on_logout(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    worker *self = context;
    ch_signer *signer = self->signer;
    ch_logout_frame logout;
    ch_logout_done_frame done = {.outcome = CH_ERROR_INIT};
    CH_TRY(ch_logout_frame_get(frame, &logout, err));
    pthread_rwlock_wrlock(&signer->lock);
    signer->is_logged_in = false; /* whatever the token answers, nothing is signed from here on */
    ch_ignore(ch_token_logout(signer->token, &done.outcome)); /* core judges the outcome */
    pthread_rwlock_unlock(&signer->lock);
    return ch_logout_done_frame_put(ch_channel_out(&self->channel), 0, &done, err);
}

/* ---- jobs ---- */

/* A job, as it came in either frame. */
typedef struct asked_job {
    uint64_t id;
    uint16_t key;
    ch_records payloads;
    const ch_secret *pin; /* NULL: none came with it */
} asked_job;

/* What a job results in: its signatures, one per payload, and what such a job takes. */
typedef struct job_result {
    uint8_t signatures[CH_PAYLOADS_A_JOB][CH_SIGNATURE_SIZE_MAX];
    size_t sizes[CH_PAYLOADS_A_JOB];
    size_t count;
    uint32_t cost_ns;
} job_result;

/* One at a time, since each refusal of the PIN is one of the token's tries. */
static ch_status sign_with_pin(ch_signer *signer, ch_session *session, const ch_signer_key *key, const ch_secret *pin,
                               ch_slice payload, uint8_t *signature, size_t *size, ch_error *err)
{
    if (pin == NULL)
        return ch_fail(err, CH_UNAVAILABLE, "core sent no PIN for a key that takes it for each signature; try again");
    pthread_mutex_lock(&signer->pin);
    if (signer->refusal.status == CH_OK && ch_key_sign_with_pin(session, &key->key, pin, payload, signature,
                                                                CH_SIGNATURE_SIZE_MAX, size, err) == CH_WRONG_PIN)
        signer->refusal = *err;
    else if (signer->refusal.status != CH_OK)
        *err = signer->refusal;
    pthread_mutex_unlock(&signer->pin);
    return err->status;
}

static ch_status sign_in(ch_signer *signer, ch_session *session, const ch_signer_key *key, const ch_secret *pin,
                         ch_slice payload, uint8_t *signature, size_t *size, ch_error *err)
{
    return ch_signer_key_takes_pin(key)
               ? sign_with_pin(signer, session, key, pin, payload, signature, size, err)
               : ch_key_sign(session, &key->key, payload, signature, CH_SIGNATURE_SIZE_MAX, size, err);
}

/* A worker's session may be closed by the token, and no other be left: then workers take turns in the one that keeps
 * the login. The next signature tries to open one again. */
static ch_status sign_somewhere(worker *self, const ch_signer_key *key, const ch_secret *pin, ch_slice payload,
                                uint8_t *signature, size_t *size, ch_error *err)
{
    ch_signer *signer = self->signer;
    ch_status st = sign_in(signer, &self->session, key, pin, payload, signature, size, err);
    if (st == CH_OK || strcmp(err->rule, "CKR_SESSION_COUNT") != 0)
        return st;
    *err = (ch_error)CH_ERROR_INIT;
    pthread_mutex_lock(&signer->spare);
    st = sign_in(signer, signer->keeper, key, pin, payload, signature, size, err);
    pthread_mutex_unlock(&signer->spare);
    return st;
}

static ch_status sign_payload(worker *self, ch_signer_key *key, const ch_secret *pin, ch_slice payload,
                              uint8_t *signature, size_t *size, ch_error *err)
{
    uint64_t begin_ns = ch_clock_ns();
    CH_TRY(sign_somewhere(self, key, pin, payload, signature, size, err));
    return ch_proof_check(&key->proof, &key->key, payload, (ch_slice){signature, *size}, ch_clock_ns() - begin_ns, err);
}

static ch_status sign_payloads(worker *self, ch_signer_key *key, const asked_job *job, job_result *result,
                               ch_error *err)
{
    ch_text_record payload;
    ch_records payloads = job->payloads;
    uint64_t begin_ns = ch_clock_ns();
    for (size_t i = 0; ch_text_record_next(&payloads, &payload); i++)
        CH_TRY(sign_payload(self, key, job->pin, payload.bytes, result->signatures[i], &result->sizes[i], err));
    uint64_t spent_ns = ch_clock_ns() - begin_ns;
    self->is_late = spent_ns > LATE_JOB_NS && spent_ns > LATE_TIMES * (uint64_t)key->cost_ns;
    result->cost_ns = ch_signer_key_note_cost(key, spent_ns);
    return CH_OK;
}

static ch_status sign_job(worker *self, const asked_job *job, job_result *result, ch_error *err)
{
    ch_signer_key *key = NULL;
    result->count = job->payloads.count;
    if (!self->signer->is_logged_in)
        return ch_fail(err, CH_LOCKED, "the token is locked");
    CH_TRY(ch_signer_keys_get(&self->signer->keys, job->key, &key, err));
    return sign_payloads(self, key, job, result, err);
}

static ch_status answer_job(ch_buffer *out, uint64_t id, const job_result *result, ch_error *err)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_signature_frame answer = {.cost_ns = result->cost_ns};
    for (size_t i = 0; i < result->count; i++) {
        ch_text_record signature = {
            .bytes = {result->signatures[i], result->sizes[i]}
        };
        ch_text_record_put(&answer.signatures, &records, &signature);
    }
    return ch_signature_frame_put(out, id, &answer, err);
}

static ch_fault fault_of(const ch_signer *signer, const ch_error *why)
{
    if (why->status == CH_LOCKED)
        return signer->login == CH_LOGIN_NONE ? CH_FAULT_JOB : CH_FAULT_LOGIN;
    if (why->status == CH_WRONG_PIN)
        return CH_FAULT_PIN;
    if (strcmp(why->rule, "CKR_KEY_HANDLE_INVALID") == 0 || strcmp(why->rule, "CKR_OBJECT_HANDLE_INVALID") == 0)
        return CH_FAULT_KEY;
    if (strcmp(why->rule, "CKR_SIGNATURE_INVALID") == 0 || strcmp(why->rule, "CKR_SIGNATURE_LEN_RANGE") == 0)
        return CH_FAULT_SIGNATURE;
    if (ch_ckr_is_vague(why->rule))
        return CH_FAULT_MODULE;
    return why->status == CH_UNAVAILABLE ? CH_FAULT_DEVICE : CH_FAULT_JOB;
}

/* A token that was quick has become slow: what core gave it ahead would keep a cancel waiting for as long. */
static ch_status return_job(ch_channel *channel, uint64_t id, ch_error *err)
{
    ch_job_failed_frame returned = {.why = CH_ERROR_INIT, .cause = CH_FAULT_NONE};
    return ch_job_failed_frame_put(ch_channel_out(channel), id, &returned, err);
}

static ch_status do_job(worker *self, const asked_job *job, ch_error *err)
{
    job_result result;
    ch_job_failed_frame failed = {.why = CH_ERROR_INIT};
    if (self->is_late)
        return return_job(&self->channel, job->id, err);
    if (job->payloads.count == 0 || job->payloads.count > CH_PAYLOADS_A_JOB)
        return ch_fail(err, CH_INTERNAL, "core sent a job of %zu payloads", job->payloads.count);
    pthread_rwlock_rdlock(&self->signer->lock);
    ch_status st = sign_job(self, job, &result, &failed.why);
    pthread_rwlock_unlock(&self->signer->lock);
    ch_buffer *out = ch_channel_out(&self->channel);
    if (st == CH_OK)
        return answer_job(out, job->id, &result, err);
    failed.cause = (uint8_t)fault_of(self->signer, &failed.why);
    return ch_job_failed_frame_put(out, job->id, &failed, err);
}

static ch_status on_job(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_job_frame job;
    CH_TRY(ch_job_frame_get(frame, &job, err));
    const asked_job asked = {.id = frame->id, .key = job.key, .payloads = job.payloads};
    return do_job(context, &asked, err);
}

/* The PIN is in this process for the job's time only. */
static ch_status on_pin_job(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    ch_autosecret pin = CH_SECRET_INIT;
    ch_pin_job_frame job;
    CH_TRY(ch_pin_job_frame_get(frame, &job, err));
    CH_TRY(ch_secret_read(&pin, *fd, PIN_SIZE_MAX, err));
    const asked_job asked = {.id = frame->id, .key = job.key, .payloads = job.payloads, .pin = &pin};
    return do_job(context, &asked, err);
}

static ch_status on_probe(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    worker *self = context;
    ch_signer *signer = self->signer;
    ch_probe_frame probe;
    ch_probed_frame probed = {.outcome = CH_ERROR_INIT};
    CH_TRY(ch_probe_frame_get(frame, &probe, err));
    pthread_rwlock_rdlock(&signer->lock);
    ch_ignore(ch_token_probe(signer->token, &self->session, has_login(signer), &probed.outcome)); /* core judges it */
    pthread_rwlock_unlock(&signer->lock);
    probed.cause = (uint8_t)fault_of(signer, &probed.outcome);
    return ch_probed_frame_put(ch_channel_out(&self->channel), 0, &probed, err);
}

static unsigned state_of(const void *context)
{
    (void)context;
    return CH_WHILE_SERVING;
}

/* clang-format off */
static const ch_handler handlers[] = {
    /* frame               taken by */
    { CH_FRAME_JOB,        on_job },
    { CH_FRAME_PIN_JOB,    on_pin_job },
    { CH_FRAME_LOGIN,      on_login },
    { CH_FRAME_LOGOUT,     on_logout },
    { CH_FRAME_FIND_KEYS,  on_find_keys },
    { CH_FRAME_PROBE,      on_probe },
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
    worker *self = context;
    self->received = ch_channel_receive(&self->channel, &self->packet, &self->error);
    return self->received != CH_OK || self->packet.bytes.size > 0;
}

/* While packets come fast, the next one is worth waiting for awake. */
static ch_status wait_for_packet(worker *self)
{
    uint64_t since_ns = ch_clock_ns();
    if (self->is_busy && ch_stay_awake(AWAKE_NS, look_for_packet, self))
        return self->received;
    ch_status st = ch_channel_receive_wait(&self->channel, &self->packet, &self->error);
    self->is_busy = ch_clock_ns() - since_ns < AWAKE_NS;
    return st;
}

static uint64_t hold_ns(const worker *self)
{
    if (self->is_slow)
        return HOLD_SLOW_NS;
    return self->is_pressed ? HOLD_QUICK_NS : 0;
}

/* Answers leave together while there are more jobs: each packet that core gets costs the workers a part of the
 * processor. */
static ch_status next_packet(worker *self)
{
    uint64_t held_ns = hold_ns(self);
    if (held_ns > 0 && ch_clock_ns() - self->began_ns < held_ns && look_for_packet(self))
        return self->received;
    CH_TRY(send_answers(&self->channel, &self->error));
    if (!self->is_slow && !self->has_turn)
        self->has_turn = pthread_mutex_lock(&self->signer->turn) == 0;
    self->is_pressed = self->is_busy && look_for_packet(self);
    ch_status st = self->is_pressed ? self->received : wait_for_packet(self);
    self->began_ns = ch_clock_ns();
    return st;
}

/* What has come meanwhile goes back too. Core sends nothing more until it has an answer. */
static ch_status return_others(worker *self)
{
    while (look_for_packet(self) && self->received == CH_OK)
        CH_TRY(ch_packet_take(&self->packet, &receiver, self, &self->error));
    self->is_late = false;
    return self->received;
}

static ch_status serve_packet(worker *self)
{
    CH_TRY(next_packet(self));
    self->is_slow = has_slow_job(self->signer, self->packet.bytes);
    if (self->is_slow && self->has_turn)
        self->has_turn = pthread_mutex_unlock(&self->signer->turn) != 0;
    CH_TRY(ch_packet_take(&self->packet, &receiver, self, &self->error));
    return self->is_late ? return_others(self) : CH_OK;
}

static void *run_worker(void *argument)
{
    worker *self = argument;
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
}

static worker workers[CH_WORKERS_MAX];

/* Whatever the token says: it has opened one session, so it is there, and what it refuses it has not. */
void ch_workers_open(ch_signer *signer, ch_error *lack)
{
    ch_error why = CH_ERROR_INIT;
    uint32_t opened = 0;
    for (uint32_t i = 0; i < signer->worker_count; i++)
        workers[i] = (worker){
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
        worker *self = &workers[i];
        ch_channel_open(&self->channel, signer->fd);
        /* The calling thread is the last worker. */
        if (i + 1 < signer->worker_count && pthread_create(&self->thread, NULL, run_worker, self) != 0)
            return ch_fail(err, CH_IO, "starting a worker thread failed");
    }
    run_worker(&workers[signer->worker_count - 1]);
    return CH_OK;
}
