#include "tests/unit/agent/core/play.h"

#include "agent/core/token_link_impl.h"
#include "base/secret.h"

#include <check.h>
#include <string.h>
#include <unistd.h>

static const ch_error success;
static const ch_error no_token = {CH_NOT_FOUND, "", "there is no token 'main'"};
static ch_error err;

void play_configure(play_token *token)
{
    *token = (play_token){
        .two = {{.name = "a", .uri = "pkcs11:object=a", .mechanism = "hmac-sha256"},
                {.name = "b", .uri = "pkcs11:object=b", .mechanism = "ed25519"}}
    };
    token->config = (ch_link_config){.name = "main",
                                     .module = "/lib/module.so",
                                     .init_args = "x=y",
                                     .uri = "pkcs11:token=main",
                                     .workers = 1,
                                     .may_relogin = true};
    token->keys = token->two;
    token->key_count = PLAY_KEYS;
}

void play_begin(play_token *token, ch_loop *loop, const ch_link_owner *owner)
{
    token->link = ch_token_link_new(loop, &token->config, owner);
    ch_token_link_begin_keys(token->link);
    for (size_t i = 0; i < token->key_count; i++)
        ck_assert_uint_eq(ch_token_link_add_key(token->link, &token->keys[i]), i);
    ch_token_link_start(token->link);
    ch_loop_cancel_timer(loop, &token->link->check); /* no deadlines: a test may take its time */
    ch_link_check(token->link);
    play_meet(token);
}

/* ---- what the process does ---- */

static ch_buffer *out(play_token *token)
{
    return ch_channel_out(&token->actor.channel);
}

static void check_start(play_token *token)
{
    ch_token_start_frame start;
    ch_frame frame = stage_hear(&token->actor, CH_FRAME_TOKEN_START);
    ck_assert_int_eq(ch_token_start_frame_get(&frame, &start, &err), CH_OK);
    ck_assert_uint_eq(start.version, CH_FRAMES_VERSION);
    ck_assert(ch_slice_is(start.module, token->config.module));
    ck_assert(ch_slice_is(start.init_args, token->config.init_args));
    ck_assert(ch_slice_is(start.uri, token->config.uri));
    ck_assert_uint_eq(start.login, token->config.login);
    ck_assert_uint_eq(start.workers, token->config.workers);
    ck_assert_uint_eq(start.key_count, token->key_count);
}

static size_t check_keys(play_token *token, size_t first)
{
    ch_token_keys_frame keys;
    ch_key_object_record key;
    ch_frame frame = stage_hear(&token->actor, CH_FRAME_TOKEN_KEYS);
    ck_assert_int_eq(ch_token_keys_frame_get(&frame, &keys, &err), CH_OK);
    for (; ch_key_object_record_next(&keys.keys, &key); first++) {
        ck_assert(ch_slice_is(key.uri, token->keys[first].uri));
        ck_assert(ch_slice_is(key.mechanism, token->keys[first].mechanism));
    }
    return first;
}

void play_meet(play_token *token)
{
    size_t named = 0;
    stage_meet(&token->actor);
    check_start(token);
    while (named < token->key_count) {
        if (stage_is_silent(&token->actor))
            stage_settle(); /* so many that they did not fit the socket */
        named = check_keys(token, named);
    }
    ck_assert_uint_eq(named, token->key_count);
}

void play_started(play_token *token, const ch_error *outcome)
{
    ch_token_started_frame started = {.outcome = outcome == NULL ? success : *outcome};
    ck_assert_int_eq(ch_token_started_frame_put(out(token), 0, &started, &err), CH_OK);
    stage_send(&token->actor);
}

void play_hear_login(play_token *token)
{
    const char *expected = token->config.login == CH_LOGIN_PIN ? PLAY_PIN : "";
    char pin[sizeof PLAY_PIN + 1] = "";
    int fd = -1;
    stage_hear_with(&token->actor, CH_FRAME_LOGIN, &fd);
    ck_assert_int_eq((int)read(fd, pin, sizeof pin), (int)strlen(expected));
    ck_assert_str_eq(pin, expected);
    ck_assert_int_eq((int)read(fd, pin, sizeof pin), 0);
    close(fd);
}

void play_login_done(play_token *token, const ch_error *outcome)
{
    ch_login_done_frame done = {.outcome = outcome == NULL ? success : *outcome};
    for (size_t i = 0; i < token->key_count && outcome == NULL; i++) {
        ch_key_state_frame state = {.key = (uint16_t)i};
        ck_assert_int_eq(ch_key_state_frame_put(out(token), 0, &state, &err), CH_OK);
    }
    ck_assert_int_eq(ch_login_done_frame_put(out(token), 0, &done, &err), CH_OK);
    stage_send(&token->actor);
}

void play_progress(play_token *token, uint32_t done, uint32_t total)
{
    const ch_find_progress_frame progress = {.done = done, .total = total};
    ck_assert_int_eq(ch_find_progress_frame_put(out(token), 0, &progress, &err), CH_OK);
    stage_send(&token->actor);
}

void play_logout_done(play_token *token, const ch_error *outcome)
{
    ch_logout_done_frame done = {.outcome = outcome == NULL ? success : *outcome};
    ck_assert_int_eq(ch_logout_done_frame_put(out(token), 0, &done, &err), CH_OK);
    stage_send(&token->actor);
}

void play_next(play_token *token)
{
    stage_bury(&token->actor);
    play_meet(token);
    play_started(token, NULL);
}

void play_locked(play_token *token)
{
    play_logout_done(token, NULL);
    play_next(token);
}

uint64_t play_hear_job(play_token *token, size_t key)
{
    ch_job_frame job;
    ch_frame frame = stage_hear(&token->actor, CH_FRAME_JOB);
    ck_assert_int_eq(ch_job_frame_get(&frame, &job, &err), CH_OK);
    ck_assert_uint_eq(job.key, key);
    ck_assert_uint_gt(job.payloads.count, 0);
    return frame.id;
}

void play_write_signatures(play_token *token, uint64_t job, size_t count, const char *text)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_signature_frame answer = {.cost_ns = PLAY_COST_NS};
    for (size_t i = 0; i < count; i++)
        ch_text_record_put(&answer.signatures, &records, &(ch_text_record){.bytes = ch_slice_of(text)});
    ck_assert_int_eq(ch_signature_frame_put(out(token), job, &answer, &err), CH_OK);
}

void play_sign(play_token *token, uint64_t job, const char *text)
{
    play_write_signatures(token, job, 1, text);
    stage_send(&token->actor);
}

void play_write_failure(play_token *token, uint64_t job, ch_status status, const char *message)
{
    ch_job_failed_frame failed = {.why = CH_ERROR_INIT,
                                  .cause = status == CH_UNAVAILABLE ? CH_FAULT_DEVICE : CH_FAULT_JOB};
    ch_error_set(&failed.why, status, "", "%s", message);
    ck_assert_int_eq(ch_job_failed_frame_put(out(token), job, &failed, &err), CH_OK);
}

void play_give_back(play_token *token, uint64_t job)
{
    ch_job_failed_frame returned = {.why = CH_ERROR_INIT, .cause = CH_FAULT_NONE};
    ck_assert_int_eq(ch_job_failed_frame_put(out(token), job, &returned, &err), CH_OK);
    stage_send(&token->actor);
}

/* ---- what operators do ---- */

static void on_answer(void *context, const ch_error *outcome)
{
    play_waiter *waiter = context;
    waiter->calls++;
    waiter->outcome = *outcome;
}

static ch_secret make_pin(const play_token *token)
{
    ch_secret pin = CH_SECRET_INIT;
    bool has_pin = token->config.login == CH_LOGIN_PIN;
    ck_assert_int_eq(has_pin ? ch_secret_alloc(&pin, strlen(PLAY_PIN), &err) : ch_secret_alloc_empty(&pin, &err),
                     CH_OK);
    memcpy(pin.data, PLAY_PIN, pin.size);
    return pin;
}

void play_ask_unlock(play_token *token, play_waiter *waiter)
{
    ch_secret pin = make_pin(token);
    ch_token_link_unlock(token->link, &pin, false, (ch_link_waiter){.answer = on_answer, .context = waiter});
    ck_assert_ptr_null(pin.data); /* taken over, whatever came of it */
}

void play_ask_unattended(play_token *token, play_waiter *waiter)
{
    ch_secret pin = make_pin(token);
    ch_token_link_unlock_unattended(token->link, &pin, (ch_link_waiter){.answer = on_answer, .context = waiter});
    ck_assert_ptr_null(pin.data);
}

void play_ask_lock(play_token *token, play_waiter *waiter)
{
    ch_token_link_lock(token->link, (ch_link_waiter){.answer = on_answer, .context = waiter});
}

/* Many keys on a busy machine take core more turns than others. */
static void await_call(const play_waiter *waiter)
{
    for (int i = 0; i < 1000 && waiter->calls == 0; i++) {
        usleep(1000);
        stage_settle();
    }
}

void play_unlock(play_token *token)
{
    play_waiter waiter = {0};
    play_started(token, NULL);
    play_ask_unlock(token, &waiter);
    play_hear_login(token);
    play_login_done(token, NULL);
    await_call(&waiter);
    ck_assert_int_eq(waiter.calls, 1);
    ck_assert_msg(waiter.outcome.status == CH_OK, "%s", waiter.outcome.message);
    ck_assert(ch_token_link_is_unlocked(token->link));
}

/* ---- states to begin with ---- */

void play_bring_to(play_token *token, play_waiter *waiter, play_state state)
{
    if (state == PLAY_ABSENT) {
        play_started(token, &no_token);
    } else if (state == PLAY_LOCKED || state == PLAY_LOGGING_IN) {
        play_started(token, NULL);
    } else if (state == PLAY_SERVING || state == PLAY_LOCKING) {
        play_unlock(token);
    }
    if (state == PLAY_LOGGING_IN) {
        play_ask_unlock(token, waiter);
        play_hear_login(token);
    } else if (state == PLAY_LOCKING) {
        play_ask_lock(token, waiter);
        stage_hear(&token->actor, CH_FRAME_LOGOUT);
    }
}

void play_restart(play_token *token)
{
    stage_hang_up(&token->actor);
    stage_settle();
    play_next(token);
}

/* ---- what it came to ---- */

void play_check_state(const play_token *token, const char *state, const char *detail)
{
    ck_assert_str_eq(ch_token_link_state_name(token->link), state);
    ck_assert_str_eq(ch_token_link_detail(token->link), detail);
}

void play_check_waiter(const play_waiter *waiter, ch_status status, const char *says)
{
    ck_assert_int_eq(waiter->calls, 1);
    ck_assert_int_eq(waiter->outcome.status, status);
    ck_assert_msg(strstr(waiter->outcome.message, says) != NULL, "%s", waiter->outcome.message);
}
