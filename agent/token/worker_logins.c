/* The token process's logins, and the keys that are looked for after each of them. */
#include "agent/token/worker_impl.h"

#include "base/clock.h"
#include "base/memory.h"
#include "pkcs11/token.h"
#include "wire/channel.h"

#include <string.h>

#define TELL_EVERY_NS 250000000

bool ch_signer_has_login(const ch_signer *signer)
{
    return signer->is_logged_in && signer->login != CH_LOGIN_NONE;
}

static ch_status login_with(ch_signer *signer, bool is_last_try, const ch_secret *pin, ch_error *err)
{
    if (signer->login == CH_LOGIN_NONE)
        return CH_OK;
    if (!is_last_try)
        CH_TRY(ch_token_check_tries(signer->token, err));
    return ch_token_login(signer->token, signer->login == CH_LOGIN_PINPAD ? NULL : pin, err);
}

static ch_status read_pin_and_log_in(ch_signer *signer, bool is_last_try, int pin_fd, ch_error *err)
{
    ch_autosecret pin = CH_SECRET_INIT;
    if (signer->login == CH_LOGIN_PIN)
        CH_TRY(ch_secret_read(&pin, pin_fd, CH_PIN_SIZE_MAX, err));
    return login_with(signer, is_last_try, &pin, err);
}

/* Core waits meanwhile. If it cannot be told, what follows cannot either, and that ends the process. */
static void tell_progress(void *context, size_t done, size_t total)
{
    ch_worker *self = context;
    ch_error ignored = CH_ERROR_INIT;
    const ch_find_progress_frame progress = {.done = (uint32_t)done, .total = (uint32_t)total};
    uint64_t now_ns = ch_clock_ns();
    if (now_ns - self->told_ns < TELL_EVERY_NS)
        return;
    self->told_ns = now_ns;
    if (ch_find_progress_frame_put(ch_channel_out(&self->channel), 0, &progress, &ignored) == CH_OK)
        ch_ignore(ch_worker_send(&self->channel, &ignored));
}

static ch_status say_state(ch_signer *signer, size_t index, ch_buffer *out, ch_error *err)
{
    const ch_signer_key *key = &signer->keys.keys[index];
    ch_key_state_frame state = {
        .key = (uint16_t)index,
        .problem = key->state,
        .lapses = key->key.lapses,
        .print = {key->print.bytes, key->print.size},
        .is_print_later = ch_signer_key_is_hmac(key)
    };
    return ch_key_state_frame_put(out, 0, &state, err);
}

/* A token that is away has no keys; that is no reason to say that they are not there. */
static void doubt_missing(ch_worker *self, const size_t *indices, size_t count)
{
    ch_signer *signer = self->signer;
    ch_error away = CH_ERROR_INIT;
    for (size_t i = 0; i < count; i++) {
        ch_signer_key *key = &signer->keys.keys[indices[i]];
        if (key->state.status != CH_NOT_FOUND)
            continue;
        if (away.status == CH_OK &&
            ch_token_probe(signer->token, signer->keeper, ch_signer_has_login(signer), &away) == CH_OK)
            return;
        key->state = away;
        key->state.status = CH_UNAVAILABLE; /* whatever the module called it */
    }
}

/* Finds keys, and says of each whether it can sign. */
static ch_status find_keys(ch_worker *self, const size_t *indices, size_t count, ch_error *err)
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

static ch_status find_all(ch_worker *self, ch_error *err)
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

ch_status ch_worker_take_login(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    ch_worker *self = context;
    ch_signer *signer = self->signer;
    ch_buffer *out = ch_channel_out(&self->channel);
    ch_login_frame login;
    ch_login_done_frame done = {.outcome = CH_ERROR_INIT};
    CH_TRY(ch_login_frame_get(frame, &login, err));
    pthread_rwlock_wrlock(&signer->lock);
    signer->refusal = (ch_error)CH_ERROR_INIT;
    signer->is_logged_in = read_pin_and_log_in(signer, login.is_last_try, *fd, &done.outcome) == CH_OK;
    ch_status st = signer->is_logged_in ? find_all(self, err) : CH_OK;
    pthread_rwlock_unlock(&signer->lock);
    return st == CH_OK ? ch_login_done_frame_put(out, 0, &done, err) : st;
}

/* Splits what came in one pipe: the PIN, which is empty if the token takes none, a NUL, and the code. `code` becomes a
 * view of `both`. */
static ch_status split(const ch_secret *both, ch_secret *pin, ch_slice *code, ch_error *err)
{
    const uint8_t *nul = ch_slice_find((ch_slice){both->data, both->size}, '\0');
    if (nul == NULL)
        return ch_fail(err, CH_INTERNAL, "core sent a PIN without a code");
    *code = (ch_slice){nul + 1, both->size - (size_t)(nul + 1 - both->data)};
    return ch_secret_copy_part(both, 0, pin, err);
}

/* A token whose login stays, though the code was wrong, is another program's to use: this process ends then, and the
 * next one sees to it. */
static ch_status check_code(ch_signer *signer, const ch_login_code_frame *login, ch_slice code, ch_code_result *result,
                            ch_error *why, ch_error *err)
{
    const ch_asked_code asked = {login->seed,  login->mechanism,   login->digits,
                                 login->now_s, login->lowest_step, login->print};
    if (ch_signer_check_code(signer, &asked, code, result, why) == CH_OK)
        return CH_OK;
    if (strcmp(why->rule, CH_RULE_CODE) != 0) {
        const ch_error plain = *why;
        ch_error_set(why, CH_REFUSED, CH_RULE_SEED, "%s", plain.message);
    }
    return signer->login == CH_LOGIN_NONE ? CH_OK : ch_token_logout(signer->token, err);
}

static ch_status log_in_by_code(ch_worker *self, const ch_login_code_frame *login, int fd, ch_error *why, ch_error *err)
{
    ch_signer *signer = self->signer;
    ch_autosecret both = CH_SECRET_INIT;
    ch_autosecret pin = CH_SECRET_INIT;
    ch_slice code;
    ch_code_result result = {.step = 0};
    CH_TRY(ch_secret_read(&both, fd, CH_PIN_AND_CODES_MAX, err));
    CH_TRY(split(&both, &pin, &code, err));
    if (login_with(signer, login->is_last_try, &pin, why) != CH_OK)
        return CH_OK;
    CH_TRY(check_code(signer, login, code, &result, why, err));
    if (why->status != CH_OK)
        return CH_OK;
    signer->is_logged_in = true;
    const ch_code_passed_frame passed = {
        .step = result.step, .print = {result.print.bytes, result.print.size}
    };
    CH_TRY(ch_code_passed_frame_put(ch_channel_out(&self->channel), 0, &passed, err));
    CH_TRY(ch_worker_send(&self->channel, err)); /* so that core writes the step while keys are looked for */
    return find_all(self, err);
}

ch_status ch_worker_take_login_code(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    ch_worker *self = context;
    ch_signer *signer = self->signer;
    ch_login_code_frame login;
    ch_login_done_frame done = {.outcome = CH_ERROR_INIT};
    CH_TRY(ch_login_code_frame_get(frame, &login, err));
    pthread_rwlock_wrlock(&signer->lock);
    signer->refusal = (ch_error)CH_ERROR_INIT;
    signer->is_logged_in = false;
    ch_status st = log_in_by_code(self, &login, *fd, &done.outcome, err);
    pthread_rwlock_unlock(&signer->lock);
    return st == CH_OK ? ch_login_done_frame_put(ch_channel_out(&self->channel), 0, &done, err) : st;
}

/* Some of them may be new. */
static ch_status find_some(ch_worker *self, ch_records objects, ch_error *err)
{
    ch_autofree size_t *indices = ch_alloc((objects.count + 1) * sizeof *indices);
    ch_key_object_record object;
    size_t count = 0;
    ch_signer_keys_add(&self->signer->keys, objects);
    while (self->signer->is_logged_in && ch_key_object_record_next(&objects, &object))
        indices[count++] = object.index;
    return find_keys(self, indices, count, err);
}

ch_status ch_worker_take_find_keys(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_worker *self = context;
    ch_buffer *out = ch_channel_out(&self->channel);
    ch_find_keys_frame find;
    CH_TRY(ch_find_keys_frame_get(frame, &find, err));
    pthread_rwlock_wrlock(&self->signer->lock);
    ch_status st = find_some(self, find.keys, err);
    pthread_rwlock_unlock(&self->signer->lock);
    return st == CH_OK ? ch_keys_found_frame_put(out, 0, &(ch_keys_found_frame){}, err) : st;
}

ch_status ch_worker_take_logout(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_worker *self = context;
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
