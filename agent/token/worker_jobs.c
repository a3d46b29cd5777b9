/* The token process's jobs: signed, checked and answered. */
#include "agent/token/worker_impl.h"

#include "base/clock.h"
#include "pkcs11/ckr.h"
#include "pkcs11/key.h"
#include "pkcs11/token.h"
#include "wire/channel.h"

#include <string.h>

/* A job that took that long, and so many times what its key's jobs take. */
#define LATE_JOB_NS 20000000
#define LATE_TIMES 4

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
static ch_status sign_somewhere(ch_worker *self, const ch_signer_key *key, const ch_secret *pin, ch_slice payload,
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

static ch_status make_print(ch_worker *self, const asked_job *job, ch_signer_key *key, ch_error *err)
{
    uint8_t mac[CH_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    CH_TRY(sign_somewhere(self, key, job->pin, ch_key_print_text(), mac, &size, err));
    const ch_key_print print = ch_key_print_of_mac((ch_slice){mac, size});
    const ch_key_print_frame told = {
        .key = job->key, .print = {print.bytes, print.size}
    };
    CH_TRY(ch_key_print_frame_put(ch_channel_out(&self->channel), 0, &told, err));
    CH_TRY(ch_worker_send(&self->channel, err));
    key->is_printed = true;
    return CH_OK;
}

/* An HMAC key is known again by what it makes of a text. Core hears of that before any signature, so that it can
 * withhold what an exchanged key has signed; what workers send comes in order, since they share the descriptor. */
static ch_status tell_print(ch_worker *self, const asked_job *job, ch_signer_key *key, ch_error *err)
{
    ch_status st = CH_OK;
    if (!ch_signer_key_is_hmac(key) || key->is_printed)
        return CH_OK;
    pthread_mutex_lock(&self->signer->printing);
    if (!key->is_printed)
        st = make_print(self, job, key, err);
    pthread_mutex_unlock(&self->signer->printing);
    return st;
}

static ch_status sign_payload(ch_worker *self, ch_signer_key *key, const ch_secret *pin, ch_slice payload,
                              uint8_t *signature, size_t *size, ch_error *err)
{
    uint64_t begin_ns = ch_clock_ns();
    CH_TRY(sign_somewhere(self, key, pin, payload, signature, size, err));
    return ch_proof_check(&key->proof, &key->key, payload, (ch_slice){signature, *size}, ch_clock_ns() - begin_ns, err);
}

static ch_status sign_payloads(ch_worker *self, ch_signer_key *key, const asked_job *job, job_result *result,
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

static ch_status sign_job(ch_worker *self, const asked_job *job, job_result *result, ch_error *err)
{
    ch_signer_key *key = NULL;
    result->count = job->payloads.count;
    if (!self->signer->is_logged_in)
        return ch_fail(err, CH_LOCKED, "the token is locked");
    CH_TRY(ch_signer_keys_get(&self->signer->keys, job->key, &key, err));
    CH_TRY(tell_print(self, job, key, err));
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

static ch_status probe(ch_worker *self, ch_error *err)
{
    return ch_token_probe(self->signer->token, &self->session, ch_signer_has_login(self->signer), err);
}

/* Where handles end with the login, a key's handle is stale because the login is gone. */
static void look_for_login(ch_worker *self, ch_error *why)
{
    ch_error lost = CH_ERROR_INIT;
    if (fault_of(self->signer, why) == CH_FAULT_KEY && probe(self, &lost) == CH_LOCKED)
        *why = lost;
}

static ch_status do_job(ch_worker *self, const asked_job *job, ch_error *err)
{
    job_result result;
    ch_job_failed_frame failed = {.why = CH_ERROR_INIT};
    self->burst++;
    if (self->is_late)
        return return_job(&self->channel, job->id, err);
    if (job->payloads.count == 0 || job->payloads.count > CH_PAYLOADS_A_JOB)
        return ch_fail(err, CH_INTERNAL, "core sent a job of %zu payloads", job->payloads.count);
    pthread_rwlock_rdlock(&self->signer->lock);
    ch_status st = sign_job(self, job, &result, &failed.why);
    if (st != CH_OK)
        look_for_login(self, &failed.why);
    pthread_rwlock_unlock(&self->signer->lock);
    ch_buffer *out = ch_channel_out(&self->channel);
    if (st == CH_OK)
        return answer_job(out, job->id, &result, err);
    failed.cause = (uint8_t)fault_of(self->signer, &failed.why);
    return ch_job_failed_frame_put(out, job->id, &failed, err);
}

ch_status ch_worker_take_job(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_job_frame job;
    CH_TRY(ch_job_frame_get(frame, &job, err));
    const asked_job asked = {.id = frame->id, .key = job.key, .payloads = job.payloads};
    return do_job(context, &asked, err);
}

/* The PIN is in this process for the job's time only. */
ch_status ch_worker_take_pin_job(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    ch_autosecret pin = CH_SECRET_INIT;
    ch_pin_job_frame job;
    CH_TRY(ch_pin_job_frame_get(frame, &job, err));
    CH_TRY(ch_secret_read(&pin, *fd, CH_PIN_SIZE_MAX, err));
    const asked_job asked = {.id = frame->id, .key = job.key, .payloads = job.payloads, .pin = &pin};
    return do_job(context, &asked, err);
}

ch_status ch_worker_take_probe(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_worker *self = context;
    ch_signer *signer = self->signer;
    ch_probe_frame asked;
    ch_probed_frame probed = {.outcome = CH_ERROR_INIT};
    CH_TRY(ch_probe_frame_get(frame, &asked, err));
    pthread_rwlock_rdlock(&signer->lock);
    ch_ignore(probe(self, &probed.outcome)); /* core judges it */
    pthread_rwlock_unlock(&signer->lock);
    probed.cause = (uint8_t)fault_of(signer, &probed.outcome);
    return ch_probed_frame_put(ch_channel_out(&self->channel), 0, &probed, err);
}
