/* A state machine: `ch_link_set_state` is the only function that changes the state, and `states` says what each one
 * means. What ends the process leads to CH_LINK_ABSENT by way of on_down, whatever the state was. */
#include "agent/core/token_link_impl.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "pkcs11/key_rule.h"
#include "wire/channel.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_EVERY_MS 500
#define JOB_TIMEOUT_MS 10000
#define CUT_LOGINS 2     /* process deaths in the middle of a login, after which the PIN is forgotten */
#define PATIENT_DEATHS 2 /* quick deaths in a row after which waiting jobs are failed */

/* clang-format off */
static const struct {
    const char *name;
    const char *shown;    /* to operators and bots */
    unsigned accepts;     /* frames that the process may send: ch_receiving */
    unsigned deadline_ms; /* the process is ended if it comes no further in the state for so long; 0: no limit */
} states[CH_LINK_STATE_COUNT] = {
    /*               name          shown       accepts               deadline_ms */
    [CH_LINK_ABSENT]     = { "absent",     "absent",   0,                    0 },
    [CH_LINK_STARTING]   = { "starting",   "absent",   CH_WHILE_STARTING,    60000 },
    [CH_LINK_LOCKED]     = { "locked",     "locked",   CH_WHILE_LOCKED,      0 },
    [CH_LINK_LOGGING_IN] = { "logging in", "locked",   CH_WHILE_LOGGING_IN,  60000 },
    [CH_LINK_FINDING]    = { "finding keys", "unlocked", CH_WHILE_FINDING,   60000 },
    [CH_LINK_SERVING]    = { "serving",    "unlocked", CH_WHILE_SERVING,     0 },
    [CH_LINK_LOCKING]    = { "locking",    "locked",   CH_WHILE_LOCKING,     400 },
};
/* clang-format on */

void ch_link_set_state(ch_token_link *link, ch_link_state state)
{
    ch_log_debug("token '%s': %s, was %s", link->config.name, states[state].name, states[link->state].name);
    link->state = state;
    link->since_ms = ch_clock_ms();
    link->found = 0;
    if (states[state].deadline_ms != 0 && states[state].deadline_ms < CHECK_EVERY_MS)
        ch_loop_set_timer(link->loop, &link->check, link->since_ms + states[state].deadline_ms + 1);
}

void ch_link_check(const ch_token_link *link)
{
    bool is_asked = link->state == CH_LINK_LOGGING_IN || link->state == CH_LINK_LOCKING;
    (void)is_asked; /* unused without assertions */
    assert(ch_child_is_up(&link->child) == (link->state != CH_LINK_ABSENT));
    assert(link->trial.data == NULL || link->state == CH_LINK_LOGGING_IN);
    assert(link->waiter.answer == NULL || is_asked);
    assert(link->pin.data == NULL || (link->state != CH_LINK_LOCKED && link->state != CH_LINK_LOCKING));
    assert(link->pin.data == NULL || link->config.may_relogin);
    assert(ch_token_jobs_sent(link->jobs) == 0 || ch_child_is_up(&link->child));
}

/* ---- what it says of itself ---- */

const char *ch_token_link_name(const ch_token_link *link)
{
    return link->config.name;
}

const char *ch_token_link_state_name(const ch_token_link *link)
{
    return states[link->state].shown;
}

bool ch_link_is_open(const ch_token_link *link)
{
    return link->state == CH_LINK_SERVING || link->state == CH_LINK_FINDING;
}

bool ch_token_link_is_unlocked(const ch_token_link *link)
{
    return ch_link_is_open(link);
}

ch_login ch_token_link_login(const ch_token_link *link)
{
    return link->config.login;
}

const char *ch_token_link_detail(const ch_token_link *link)
{
    return link->detail.status == CH_OK ? "" : link->detail.message;
}

bool ch_link_is_usable(const ch_token_link *link, size_t key)
{
    return link->keys[key].is_known && link->keys[key].problem.status == CH_OK;
}

bool ch_token_link_is_ready(const ch_token_link *link, size_t key)
{
    assert(key < link->key_count);
    return ch_link_is_open(link) && ch_link_is_usable(link, key);
}

ch_lapses ch_token_link_lapses(const ch_token_link *link, size_t key)
{
    return ch_token_link_is_ready(link, key) ? link->keys[key].lapses : 0;
}

ch_status ch_link_fail_absent(const ch_token_link *link, ch_error *err)
{
    return ch_fail(err, CH_UNAVAILABLE, "token '%s' is absent: %s", link->config.name,
                   link->detail.status == CH_OK ? "its process is starting; try again" : link->detail.message);
}

ch_status ch_link_fail_locked(const ch_token_link *link, ch_error *err)
{
    const char *why = ch_token_link_detail(link);
    return ch_fail(err, CH_LOCKED, "token '%s' is locked%s%s; an operator unlocks it with: chancery unlock %s",
                   link->config.name, *why == '\0' ? "" : ": ", why, link->config.name);
}

static void answer_waiter(ch_token_link *link, const ch_error *outcome)
{
    ch_link_waiter waiter = link->waiter;
    link->waiter = (ch_link_waiter){0};
    if (waiter.answer != NULL)
        waiter.answer(waiter.context, outcome);
}

/* Only a person can help? Another failure of a login passes. */
static bool needs_unlock(const ch_error *why)
{
    return why->status == CH_WRONG_PIN || why->status == CH_LOCKED;
}

/* ---- life of the process ---- */

static ch_status on_up(void *self, ch_error *err)
{
    ch_token_link *link = self;
    ch_buffer *out = ch_channel_out(&link->child.channel);
    ch_token_start_frame start = {.version = CH_FRAMES_VERSION,
                                  .module = ch_slice_of(link->config.module),
                                  .init_args = ch_slice_of(link->config.init_args),
                                  .uri = ch_slice_of(link->config.uri),
                                  .login = (uint8_t)link->config.login,
                                  .workers = link->config.workers,
                                  .key_count = (uint16_t)ch_link_used_keys(link)};
    ch_link_set_state(link, CH_LINK_STARTING);
    link->is_gone = false;
    link->is_probing = false;
    CH_TRY(ch_token_start_frame_put(out, 0, &start, err));
    return ch_link_name_keys(link, err);
}

/* The process died with the PIN. The token may have counted a wrong one, so there is one more try, and no third. */
static void on_login_cut(ch_token_link *link)
{
    link->is_pin_out = false;
    if (link->pin.data == NULL || ++link->cut_logins < CUT_LOGINS)
        return;
    ch_secret_wipe(&link->pin);
    ch_error_set(&link->detail, CH_LOCKED, "",
                 "the token process ended twice in the middle of a login, and the token may have counted it as a wrong "
                 "PIN; look at the log, then unlock it again");
    ch_log("token '%s': %s", link->config.name, link->detail.message);
}

static void on_down(void *self, const char *why)
{
    ch_token_link *link = self;
    ch_error ended = CH_ERROR_INIT;
    ch_error absent = CH_ERROR_INIT;
    ch_error locked = CH_ERROR_INIT; /* CH_OK: a process that is gone is locked for sure */
    bool was_starting = link->state == CH_LINK_STARTING || link->state == CH_LINK_ABSENT;
    bool was_locking = link->state == CH_LINK_LOCKING;
    ch_link_set_state(link, CH_LINK_ABSENT);
    if (link->detail.status == CH_OK && was_starting)
        ch_error_set(&link->detail, CH_UNAVAILABLE, "",
                     "the token process could not start (%s); it is tried again, and the log may say more", why);
    if (link->detail.status == CH_OK)
        ch_error_set(&link->detail, CH_UNAVAILABLE, "", "the token process is being restarted");
    ch_link_forget_states(link);
    if (link->is_pin_out)
        on_login_cut(link);
    ch_secret_wipe(&link->trial);
    ch_error_set(&ended, CH_UNAVAILABLE, "", "the process of token '%s' ended (%s); try again", link->config.name, why);
    ch_link_fail_jobs(link, CH_TICKET_SENT, &ended);
    answer_waiter(link, was_locking ? &locked : &ended);
    ch_ignore(ch_link_fail_absent(link, &absent));
    if (link->pin.data == NULL || link->child.quick_deaths > PATIENT_DEATHS)
        ch_link_fail_jobs(link, CH_TICKET_WAITING, &absent);
}

static void on_check(void *context)
{
    ch_token_link *link = context;
    ch_link_check(link);
    uint64_t now_ms = ch_clock_ms();
    uint64_t oldest_ms = ch_token_jobs_oldest_ms(link->jobs);
    unsigned deadline_ms = states[link->state].deadline_ms;
    char why[80];
    ch_loop_set_timer(link->loop, &link->check, now_ms + CHECK_EVERY_MS);
    ch_link_look_again(link, now_ms);
    ch_link_probe(link, now_ms);
    if (deadline_ms != 0 && now_ms - link->since_ms > deadline_ms) {
        snprintf(why, sizeof why, "it was %s for more than %u ms", states[link->state].name, deadline_ms);
        ch_child_end(&link->child, why);
    } else if (oldest_ms != 0 && now_ms - oldest_ms > JOB_TIMEOUT_MS) {
        ch_child_end(&link->child, "it did not answer in time");
    }
}

/* ---- logins ---- */

static ch_status send_login(ch_token_link *link, const ch_secret *pin, ch_error *err)
{
    int fd = -1;
    CH_TRY(ch_secret_to_pipe(pin, &fd, err));
    ch_channel_attach(&link->child.channel, fd);
    CH_TRY(ch_login_frame_put(ch_channel_out(&link->child.channel), 0, &(ch_login_frame){}, err));
    ch_link_expect_all(link);
    ch_link_set_state(link, CH_LINK_LOGGING_IN);
    link->is_pin_out = true;
    return CH_OK;
}

/* A process that was started anew is logged in again with the PIN that was kept for it. */
static ch_status log_in_again(ch_token_link *link, ch_error *err)
{
    ch_log("token '%s': logging in again", link->config.name);
    return send_login(link, &link->pin, err);
}

static ch_status may_unlock(const ch_token_link *link, ch_error *err)
{
    switch (link->state) {
    case CH_LINK_LOCKED:
        return CH_OK;
    case CH_LINK_FINDING:
    case CH_LINK_SERVING:
        return ch_fail(err, CH_CONFLICT, "token '%s' is unlocked already", link->config.name);
    case CH_LINK_LOGGING_IN:
        return ch_fail(err, CH_CONFLICT, "token '%s' is being unlocked already", link->config.name);
    case CH_LINK_LOCKING:
        return ch_fail(err, CH_CONFLICT, "token '%s' is being locked; try again", link->config.name);
    default:
        return ch_link_fail_absent(link, err);
    }
}

void ch_token_link_unlock(ch_token_link *link, ch_secret *pin, ch_link_waiter waiter)
{
    ch_error err = CH_ERROR_INIT;
    ch_status st = may_unlock(link, &err);
    if (st == CH_OK)
        st = send_login(link, pin, &err);
    if (st != CH_OK) {
        ch_secret_wipe(pin);
        waiter.answer(waiter.context, &err);
        return;
    }
    link->trial = *pin;
    *pin = (ch_secret)CH_SECRET_INIT;
    link->waiter = waiter;
    ch_child_flush(&link->child);
}

static void send_logout(ch_token_link *link)
{
    ch_error err = CH_ERROR_INIT;
    ch_link_set_state(link, CH_LINK_LOCKING);
    if (ch_logout_frame_put(ch_channel_out(&link->child.channel), 0, &(ch_logout_frame){}, &err) != CH_OK)
        ch_child_end(&link->child, err.message);
    ch_child_flush(&link->child);
}

void ch_token_link_lock(ch_token_link *link, ch_link_waiter waiter)
{
    ch_error done = CH_ERROR_INIT;
    ch_error locked = CH_ERROR_INIT;
    ch_secret_wipe(&link->pin);
    ch_error_set(&locked, CH_LOCKED, "", "token '%s' was locked", link->config.name);
    ch_link_fail_jobs(link, CH_TICKET_WAITING, &locked);
    if (link->state == CH_LINK_SERVING) {
        link->waiter = waiter;
        send_logout(link);
        return;
    }
    /* The outcome of a login, search or logout that is under way would be lost; a fresh process is locked for sure. */
    if (link->state == CH_LINK_LOGGING_IN || link->state == CH_LINK_FINDING || link->state == CH_LINK_LOCKING)
        ch_child_end(&link->child, "it was locked before it had answered");
    waiter.answer(waiter.context, &done);
}

void ch_token_link_forget_waiter(ch_token_link *link, const void *context)
{
    if (link->waiter.context == context)
        link->waiter = (ch_link_waiter){0};
}

static void keep_pin(ch_token_link *link)
{
    if (link->trial.data == NULL || !link->config.may_relogin)
        return;
    ch_secret_wipe(&link->pin);
    link->pin = link->trial;
    link->trial = (ch_secret)CH_SECRET_INIT;
}

static void on_login_failed(ch_token_link *link, bool is_again, const ch_error *outcome)
{
    ch_error locked = CH_ERROR_INIT;
    ch_link_set_state(link, CH_LINK_LOCKED);
    ch_log("token '%s': the login failed: %s", link->config.name, outcome->message);
    if (!is_again)
        return;
    /* Never a second try with a PIN that was refused: the token counts. */
    ch_secret_wipe(&link->pin);
    link->detail = *outcome;
    ch_ignore(ch_link_fail_locked(link, &locked));
    ch_link_fail_jobs(link, CH_TICKET_WAITING, &locked);
}

/* ---- frames of the token process ---- */

static ch_status on_started(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_token_link *link = self;
    ch_token_started_frame started;
    CH_TRY(ch_token_started_frame_get(frame, &started, err));
    if (started.outcome.status != CH_OK || !needs_unlock(&link->detail))
        link->detail = started.outcome;
    if (started.outcome.status != CH_OK)
        return ch_fail(err, CH_UNAVAILABLE, "%s", started.outcome.message);
    CH_TRY(ch_confinement_report(link->config.confinement, link->child.name, started.gaps, err));
    ch_link_set_state(link, CH_LINK_LOCKED);
    if (link->pin.data == NULL)
        return CH_OK;
    CH_TRY(log_in_again(link, err));
    ch_child_flush(&link->child);
    return CH_OK;
}

static ch_status on_login_done(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_token_link *link = self;
    ch_login_done_frame done;
    CH_TRY(ch_login_done_frame_get(frame, &done, err));
    bool is_again = link->trial.data == NULL;
    link->is_pin_out = false;
    if (is_again && done.outcome.status != CH_OK && !needs_unlock(&done.outcome)) {
        link->detail = done.outcome;
        return ch_fail(err, CH_UNAVAILABLE, "logging in again failed: %s", done.outcome.message);
    }
    if (done.outcome.status == CH_OK) {
        link->cut_logins = 0;
        keep_pin(link);
        ch_link_set_state(link, CH_LINK_SERVING);
        link->detail = (ch_error)CH_ERROR_INIT;
        ch_log("token '%s': unlocked", link->config.name);
    } else {
        on_login_failed(link, is_again, &done.outcome);
    }
    ch_secret_wipe(&link->trial);
    answer_waiter(link, &done.outcome);
    return CH_OK;
}

static ch_status on_logout_done(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_token_link *link = self;
    ch_logout_done_frame done;
    CH_TRY(ch_logout_done_frame_get(frame, &done, err));
    if (done.outcome.status != CH_OK)
        return ch_fail(err, CH_UNAVAILABLE, "the logout failed: %s", done.outcome.message);
    ch_link_set_state(link, CH_LINK_LOCKED);
    ch_log("token '%s': locked", link->config.name);
    answer_waiter(link, &done.outcome);
    return CH_OK;
}

static unsigned state_of(const void *self)
{
    const ch_token_link *link = self;
    return ch_child_is_up(&link->child) ? states[link->state].accepts : 0;
}

/* clang-format off */
static const ch_handler handlers[] = {
    /* frame                   taken by */
    { CH_FRAME_SIGNATURE,      ch_link_take_signature },
    { CH_FRAME_JOB_FAILED,     ch_link_take_job_failed },
    { CH_FRAME_KEY_STATE,      ch_link_take_key_state },
    { CH_FRAME_FIND_PROGRESS,  ch_link_take_find_progress },
    { CH_FRAME_KEYS_FOUND,     ch_link_take_keys_found },
    { CH_FRAME_PROBED,         ch_link_take_probed },
    { CH_FRAME_TOKEN_STARTED,  on_started },
    { CH_FRAME_LOGIN_DONE,     on_login_done },
    { CH_FRAME_LOGOUT_DONE,    on_logout_done },
};
/* clang-format on */

static const ch_receiver receiver = {
    .direction = CH_TOKEN_TO_CORE,
    .handlers = handlers,
    .handler_count = sizeof handlers / sizeof *handlers,
    .state = state_of,
};

/* ---- the link itself ---- */

ch_token_link *ch_token_link_new(ch_loop *loop, const ch_link_config *config, const ch_link_owner *owner)
{
    ch_token_link *link = ch_alloc(sizeof *link);
    link->config = *config;
    link->config.name = ch_strdup(config->name);
    link->config.module = ch_strdup(config->module);
    link->config.init_args = ch_strdup(config->init_args == NULL ? "" : config->init_args);
    link->config.uri = ch_strdup(config->uri);
    link->config.variables = ch_variables_copy(&config->variables);
    link->owner = *owner;
    link->loop = loop;
    link->jobs = ch_token_jobs_new(config->workers);
    ch_token_jobs_set_meter(link->jobs, owner->meter);
    link->check = (ch_timer){.on_due = on_check, .context = link};
    char name[80];
    snprintf(name, sizeof name, "token '%s'", config->name);
    ch_child_owner child_owner = {.receiver = &receiver,
                                  .self = link,
                                  .packets_a_turn = 1,
                                  .dying = config->dying,
                                  .variables = link->config.variables.list,
                                  .on_up = on_up,
                                  .on_down = on_down};
    ch_child_init(&link->child, loop, "token", name, &child_owner);
    return link;
}

void ch_token_link_free(ch_token_link *link)
{
    if (link == NULL)
        return;
    ch_child_stop(&link->child);
    ch_loop_cancel_timer(link->loop, &link->check);
    ch_secret_wipe(&link->pin);
    ch_secret_wipe(&link->trial);
    ch_token_jobs_free(link->jobs);
    ch_link_free_keys(link);
    free((char *)link->config.name);
    free((char *)link->config.module);
    free((char *)link->config.init_args);
    free((char *)link->config.uri);
    ch_variables_free(&link->config.variables);
    free(link);
}

void ch_token_link_retire(ch_token_link *link)
{
    ch_error retired = CH_ERROR_INIT;
    ch_error_set(&retired, CH_UNAVAILABLE, "", "token '%s' is no longer as it was in agent.yaml; try again",
                 link->config.name);
    ch_link_fail_jobs(link, CH_TICKET_WAITING, &retired);
    ch_link_fail_jobs(link, CH_TICKET_SENT, &retired);
    answer_waiter(link, &retired);
    ch_confinement_forget(link->config.confinement, link->child.name);
}

bool ch_token_link_is_of(const ch_token_link *link, const ch_link_config *config)
{
    const ch_link_config *own = &link->config;
    return strcmp(own->name, config->name) == 0 && strcmp(own->module, config->module) == 0 &&
           strcmp(own->init_args, config->init_args == NULL ? "" : config->init_args) == 0 &&
           strcmp(own->uri, config->uri) == 0 && ch_variables_are_same(&own->variables, &config->variables) &&
           own->login == config->login && own->workers == config->workers;
}

void ch_token_link_set_relogin(ch_token_link *link, bool may_relogin)
{
    link->config.may_relogin = may_relogin;
    if (!may_relogin)
        ch_secret_wipe(&link->pin);
}

void ch_token_link_start(ch_token_link *link)
{
    if (link->is_started)
        return;
    link->is_started = true;
    ch_loop_set_timer(link->loop, &link->check, ch_clock_ms() + CHECK_EVERY_MS);
    ch_child_start(&link->child);
}

bool ch_token_link_died(ch_token_link *link, pid_t pid)
{
    return ch_child_died(&link->child, pid);
}
