/* A state machine: `ch_link_set_state` is the only function that changes the state, and `states` says what each one
 * means. What ends the process leads to CH_LINK_ABSENT by way of on_down, whatever the state was. */
#include "agent/core/token_link_impl.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "wire/channel.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_EVERY_MS 500
#define AWAY_MS 10000    /* after which no job waits for the process to come back */
#define PATIENT_DEATHS 2 /* quick deaths in a row after which waiting jobs are failed */

/* clang-format off */
static const struct {
    const char *shown;    /* to operators and bots */
    unsigned accepts;     /* frames that the process may send: ch_receiving */
    unsigned deadline_ms; /* the process is ended if it comes no further in the state for so long; 0: no limit */
} states[CH_LINK_STATE_COUNT] = {
    /*                       shown       accepts               deadline_ms */
    [CH_LINK_ABSENT]     = { "absent",   0,                    0 },
    [CH_LINK_STARTING]   = { "absent",   CH_WHILE_STARTING,    60000 },
    [CH_LINK_LOCKED]     = { "locked",   CH_WHILE_LOCKED,      0 },
    [CH_LINK_LOGGING_IN] = { "locked",   CH_WHILE_LOGGING_IN,  60000 },
    [CH_LINK_FINDING]    = { "unlocked", CH_WHILE_FINDING,     10000 },
    [CH_LINK_SERVING]    = { "unlocked", CH_WHILE_SERVING,     0 },
    [CH_LINK_LOCKING]    = { "locked",   CH_WHILE_LOCKING,     400 },
};
/* clang-format on */

void ch_link_set_state(ch_token_link *link, ch_link_state state)
{
    ch_log_debug("token '%s': %s, was %s", link->config.name, ch_link_state_name(state),
                 ch_link_state_name(link->state));
    link->since_ms = ch_clock_ms();
    if (link->state == CH_LINK_SERVING)
        link->open_ms = link->since_ms;
    link->state = state;
    link->found = 0;
    if (states[state].deadline_ms != 0 && states[state].deadline_ms < CHECK_EVERY_MS)
        ch_loop_set_timer(link->loop, &link->check, link->since_ms + states[state].deadline_ms + 1);
}

void ch_link_check(const ch_token_link *link)
{
    bool is_starting = link->state == CH_LINK_ABSENT || link->state == CH_LINK_STARTING;
    bool is_asked = link->state == CH_LINK_LOGGING_IN || link->state == CH_LINK_LOCKING || is_starting;
    (void)is_asked; /* unused without assertions */
    assert(ch_child_is_up(&link->child) == (link->state != CH_LINK_ABSENT));
    assert(link->trial.data == NULL || is_asked || link->is_try_open);
    assert(link->waiter.answer == NULL || is_asked || link->is_try_open || link->lock_ms != 0);
    assert(link->lock_ms == 0 || (link->trial.data == NULL && link->pin.data == NULL));
    assert(link->pin.data == NULL || (link->state != CH_LINK_LOCKED && link->state != CH_LINK_LOCKING));
    assert(link->pin.data == NULL || link->config.may_relogin);
    assert(!link->is_replaced || is_starting);
    assert(ch_token_jobs_sent(link->jobs) == 0 || ch_child_is_up(&link->child));
}

/* ---- what it says of itself ---- */

const char *ch_token_link_name(const ch_token_link *link)
{
    return link->config.name;
}

ch_link_state ch_token_link_state(const ch_token_link *link)
{
    return link->state;
}

const char *ch_token_link_state_name(const ch_token_link *link)
{
    return states[link->state].shown;
}

ch_link_counts ch_token_link_counts(const ch_token_link *link)
{
    return link->counts;
}

bool ch_link_is_open(const ch_token_link *link)
{
    return link->state == CH_LINK_SERVING || link->state == CH_LINK_FINDING;
}

bool ch_link_is_back_soon(const ch_token_link *link)
{
    return link->state == CH_LINK_SERVING || ch_clock_ms() - link->open_ms < AWAY_MS;
}

bool ch_token_link_is_unlocked(const ch_token_link *link)
{
    return ch_link_is_open(link);
}

ch_login ch_token_link_login(const ch_token_link *link)
{
    return link->config.login;
}

unsigned ch_token_link_pin_tries(const ch_token_link *link)
{
    return link->config.pin_tries;
}

const char *ch_token_link_detail(const ch_token_link *link)
{
    if (link->detail.status != CH_OK)
        return link->detail.message;
    if (link->ended.status != CH_OK)
        return link->ended.message;
    return link->lack.status != CH_OK ? link->lack.message : "";
}

ch_status ch_link_fail_absent(const ch_token_link *link, ch_error *err)
{
    if (link->state == CH_LINK_FINDING)
        return ch_fail(err, CH_UNAVAILABLE, "token '%s' does not answer while keys are looked for; try again",
                       link->config.name);
    return ch_fail(err, CH_UNAVAILABLE, "token '%s' is absent: %s", link->config.name,
                   link->detail.status == CH_OK ? "its process is starting; try again" : link->detail.message);
}

ch_status ch_link_fail_locked(const ch_token_link *link, ch_error *err)
{
    const ch_error *why = link->ended.status == CH_OK ? &link->detail : &link->ended;
    return ch_fail_rule(err, CH_LOCKED, why == &link->ended ? why->rule : "",
                        "token '%s' is locked%s%s; an operator unlocks it with: chancery unlock %s", link->config.name,
                        why->status == CH_OK ? "" : ": ", why->message, link->config.name);
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
    link->counts.starts++;
    CH_TRY(ch_token_start_frame_put(out, 0, &start, err));
    return ch_link_name_keys(link, err);
}

static void on_down(void *self, const char *why)
{
    ch_token_link *link = self;
    ch_error ended = CH_ERROR_INIT;
    ch_error absent = CH_ERROR_INIT;
    bool was_starting = link->state == CH_LINK_STARTING || link->state == CH_LINK_ABSENT;
    ch_link_set_state(link, CH_LINK_ABSENT);
    link->is_replaced = link->lock_ms != 0 && !was_starting;
    if (link->detail.status == CH_OK && was_starting)
        ch_error_set(&link->detail, CH_UNAVAILABLE, "",
                     "the token process could not start (%s); it is tried again, and the log may say more", why);
    if (link->detail.status == CH_OK)
        ch_error_set(&link->detail, CH_UNAVAILABLE, "", "the token process is being restarted");
    ch_link_forget_states(link);
    ch_link_cut_login(link);
    ch_error_set(&ended, CH_UNAVAILABLE, "", "the process of token '%s' ended (%s); try again", link->config.name, why);
    ch_link_fail_jobs(link, CH_TICKET_SENT, &ended);
    ch_link_fail_code(link, &ended);
    ch_ignore(ch_link_fail_absent(link, &absent));
    ch_link_answer_end(link, was_starting, was_starting ? &absent : &ended);
    if (link->pin.data == NULL || link->child.quick_deaths > PATIENT_DEATHS)
        ch_link_fail_jobs(link, CH_TICKET_WAITING, &absent);
}

/* A start or a login that hangs is given up after a minute; no bot waits so long. */
static void fail_who_waits_long(ch_token_link *link)
{
    ch_error absent = CH_ERROR_INIT;
    if (ch_link_is_back_soon(link) || ch_token_jobs_waiting(link->jobs) == 0)
        return;
    ch_ignore(ch_link_fail_absent(link, &absent));
    ch_link_fail_jobs(link, CH_TICKET_WAITING, &absent);
}

static void on_check(void *context)
{
    ch_token_link *link = context;
    ch_link_check(link);
    uint64_t now_ms = ch_clock_ms();
    unsigned deadline_ms = states[link->state].deadline_ms;
    char why[80];
    ch_loop_set_timer(link->loop, &link->check, now_ms + CHECK_EVERY_MS);
    ch_link_check_try(link, now_ms);
    ch_link_check_lock(link, now_ms);
    ch_link_check_codes(link, now_ms);
    fail_who_waits_long(link);
    ch_link_look_again(link, now_ms);
    ch_link_probe(link, now_ms);
    if (deadline_ms != 0 && now_ms - link->since_ms > deadline_ms) {
        snprintf(why, sizeof why, "it was %s for more than %u ms", ch_link_state_name(link->state), deadline_ms);
        ch_child_end(&link->child, why);
    } else if (ch_token_jobs_is_stuck(link->jobs, now_ms)) {
        ch_token_jobs_note_stuck(link->jobs);
        ch_child_end(&link->child, "it did not answer in time");
    }
}

/* ---- frames of the token process ---- */

static ch_status on_started(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_token_link *link = self;
    ch_token_started_frame started;
    CH_TRY(ch_token_started_frame_get(frame, &started, err));
    if (started.outcome.status != CH_OK || !ch_link_needs_unlock(&link->detail))
        link->detail = started.outcome;
    if (started.outcome.status != CH_OK) {
        ch_link_note_removal(link, &started.outcome);
        return ch_fail(err, CH_UNAVAILABLE, "%s", started.outcome.message);
    }
    CH_TRY(ch_confinement_report(link->config.confinement, link->child.name, started.gaps, err));
    ch_link_set_state(link, CH_LINK_LOCKED);
    link->is_replaced = false;
    link->lack = started.lack;
    if (link->lack.status != CH_OK)
        ch_log("token '%s': %s", link->config.name, link->lack.message);
    return ch_link_begin_login(link, &started.kept, err);
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
    { CH_FRAME_KEY_PRINT,      ch_link_take_key_print },
    { CH_FRAME_FIND_PROGRESS,  ch_link_take_find_progress },
    { CH_FRAME_KEYS_FOUND,     ch_link_take_keys_found },
    { CH_FRAME_PROBED,         ch_link_take_probed },
    { CH_FRAME_TOKEN_STARTED,  on_started },
    { CH_FRAME_LOGIN_DONE,     ch_link_take_login_done },
    { CH_FRAME_LOGOUT_DONE,    ch_link_take_logout_done },
    { CH_FRAME_CODE_PASSED,    ch_link_take_code_passed },
    { CH_FRAME_CODE_DONE,      ch_link_take_code_done },
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
    ch_link_note_search(link, 1, 0);
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
    ch_link_drop_trial(link);
    ch_link_clear_code(link);
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
    ch_link_fail_code(link, &retired);
    ch_link_answer_waiter(link, &retired);
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

void ch_token_link_set_pin_tries(ch_token_link *link, unsigned pin_tries)
{
    link->config.pin_tries = pin_tries;
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
