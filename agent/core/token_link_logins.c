/* The token link's logins: unlocked by an operator, logged in again with the PIN that was kept, and locked.
 *
 * A lock ends the process that was logged in, and waits for the next one to say whether the token is locked: some
 * devices keep a login, or share it between programs. */
#include "agent/core/token_link_impl.h"

#include "base/clock.h"
#include "base/log.h"
#include "wire/channel.h"

#include <string.h>

#define CUT_LOGINS 2 /* process deaths in the middle of a login, after which the PIN is forgotten */
#define COUNT_TIMEOUT_MS 5000
#define LOCK_TIMEOUT_MS 900 /* an operator hears within a second that nothing is signed any more */

static const ch_error nothing_signs = CH_ERROR_INIT;
/* The same, and there is more to say. */
static const ch_error no_more_is_known = {CH_OK, "",
                                          "nothing is signed any more; whether the token itself is locked is not known "
                                          "yet, since its process has not started "
                                          "anew: 'chancery status' will say it"};

/* ---- who waits ---- */

void ch_link_answer_waiter(ch_token_link *link, const ch_error *outcome)
{
    ch_link_waiter waiter = link->waiter;
    link->waiter = (ch_link_waiter){0};
    link->lock_ms = 0;
    if (waiter.answer != NULL)
        waiter.answer(waiter.context, outcome);
}

void ch_token_link_forget_waiter(ch_token_link *link, const void *context)
{
    if (link->waiter.context != context)
        return;
    link->waiter = (ch_link_waiter){0};
    if (link->pins_out == 0)
        ch_link_drop_trial(link); /* nothing is sent once nobody waits for the outcome */
}

void ch_link_answer_end(ch_token_link *link, bool was_starting, const ch_error *why)
{
    if (link->lock_ms == 0)
        ch_link_answer_waiter(link, why);
    else if (was_starting)
        ch_link_answer_waiter(link, &no_more_is_known);
}

/* ---- logins ---- */

static ch_status put_login(ch_token_link *link, ch_error *err)
{
    const ch_login_frame login = {.is_last_try = link->is_last_try};
    return ch_link_has_code(link) ? ch_link_put_login_code(link, err)
                                  : ch_login_frame_put(ch_channel_out(&link->child.channel), 0, &login, err);
}

static ch_status send_login(ch_token_link *link, const ch_secret *pin, ch_error *err)
{
    CH_TRY(ch_channel_attach_secret(&link->child.channel, pin, err));
    CH_TRY(put_login(link, err));
    ch_link_expect_all(link);
    ch_link_set_state(link, CH_LINK_LOGGING_IN);
    link->pins_out = 1;
    link->counts.logins++;
    link->login_ms = ch_clock_ms();
    return CH_OK;
}

/* A process that was started anew is logged in again with the PIN that was kept for it. */
static ch_status log_in_again(ch_token_link *link, ch_error *err)
{
    ch_log("token '%s': logging in again", link->config.name);
    link->is_last_try = false;
    ch_link_clear_code(link); /* it was used */
    return send_login(link, &link->pin, err);
}

/* ---- tries ---- */

/* What has come of it is known, or never will be: it stays counted. */
static void close_try(ch_token_link *link)
{
    if (link->is_try_open)
        ch_tries_forget_waiter(link->config.tries);
    link->is_try_open = false;
}

static void take_back_try(ch_token_link *link)
{
    if (link->is_try_open)
        ch_tries_take_back(link->config.tries);
    close_try(link);
}

/* A PIN that is at the process may have been tried. */
void ch_link_drop_trial(ch_token_link *link)
{
    ch_secret_wipe(&link->trial);
    ch_link_clear_code(link);
    link->is_try_lost = link->is_try_open && link->pins_out > 0;
    if (link->pins_out == 0)
        take_back_try(link);
    close_try(link);
}

static void on_counted(void *context, const ch_error *outcome)
{
    ch_token_link *link = context;
    ch_error err = *outcome;
    if (err.status == CH_OK)
        ch_ignore(send_login(link, &link->trial, &err));
    else
        link->is_try_open = false; /* it could not be counted */
    if (err.status != CH_OK) {
        ch_link_drop_trial(link);
        ch_link_answer_waiter(link, &err);
    }
    ch_child_flush(&link->child);
}

/* A try is counted before it is made. */
static void begin_trial(ch_token_link *link)
{
    const ch_error uncounted = CH_ERROR_INIT;
    link->is_try_open = link->config.tries != NULL && link->config.login != CH_LOGIN_NONE;
    link->try_ms = ch_clock_ms();
    if (link->is_try_open)
        ch_tries_begin(link->config.tries, (ch_try_waiter){.context = link, .answer = on_counted});
    else
        on_counted(link, &uncounted);
}

void ch_link_check_try(ch_token_link *link, uint64_t now_ms)
{
    ch_error late = CH_ERROR_INIT;
    if (!link->is_try_open || link->pins_out > 0 || now_ms - link->try_ms < COUNT_TIMEOUT_MS)
        return;
    ch_error_set(
        &late, CH_IO, "",
        "the disk of the agent's state does not answer, so the try cannot be counted, and the PIN was not sent "
        "to token '%s'",
        link->config.name);
    ch_link_drop_trial(link);
    ch_link_answer_waiter(link, &late);
}

static unsigned count_tries(const ch_token_link *link)
{
    return link->config.tries == NULL ? 0 : ch_tries_count(link->config.tries);
}

static ch_status may_try(const ch_token_link *link, bool is_last_try, ch_error *err)
{
    unsigned count = count_tries(link);
    unsigned most = link->config.pin_tries;
    if (most == 0 || count + 1 < most || is_last_try)
        return CH_OK;
    return ch_fail_rule(err, CH_REFUSED, "pin_tries",
                        "%u logins to token '%s' have failed since the last that succeeded, and it may lock itself at "
                        "the next (pin_tries in agent.yaml is %u); make sure of the PIN, then: chancery unlock "
                        "--last-try %s",
                        count, link->config.name, most, link->config.name);
}

/* The token has taken the PIN, and begins to count anew. */
static bool is_pin_right(const ch_error *outcome)
{
    return strcmp(outcome->rule, CH_RULE_CODE) == 0 || strcmp(outcome->rule, CH_RULE_SEED) == 0;
}

/* A token that did not look at the PIN did not count it either. */
static void settle_try(ch_token_link *link, bool is_again, ch_error *outcome)
{
    const ch_error plain = *outcome;
    ch_token_tries *tries = link->config.tries;
    if (tries == NULL)
        return;
    if (outcome->status == CH_OK || is_pin_right(outcome))
        ch_tries_reset(tries);
    else if (outcome->status == CH_WRONG_PIN && is_again)
        ch_tries_add(tries);
    else if (outcome->status != CH_WRONG_PIN)
        take_back_try(link);
    close_try(link);
    if (outcome->status == CH_WRONG_PIN && link->config.pin_tries > 0 && !ch_link_has_code(link))
        ch_error_set(outcome, plain.status, plain.rule, "%s; %u of %u tries are used", plain.message, count_tries(link),
                     link->config.pin_tries);
}

/* ---- unlocks ---- */

static ch_status may_unlock(const ch_token_link *link, ch_error *err)
{
    switch (link->state) {
    case CH_LINK_LOCKED:
        break;
    case CH_LINK_FINDING:
    case CH_LINK_SERVING:
        return ch_fail(err, CH_CONFLICT, "token '%s' is unlocked already", link->config.name);
    case CH_LINK_LOGGING_IN:
        return ch_fail(err, CH_CONFLICT, "token '%s' is being unlocked already", link->config.name);
    case CH_LINK_LOCKING:
        return ch_fail(err, CH_CONFLICT, "token '%s' is being locked; try again", link->config.name);
    default:
        break;
    }
    bool is_locking = link->lock_ms != 0 && link->state == CH_LINK_LOCKED;
    if (link->waiter.answer != NULL || link->trial.data != NULL || is_locking)
        return ch_fail(err, CH_CONFLICT, "token '%s' is being %s; try again", link->config.name,
                       link->lock_ms != 0 ? "locked" : "unlocked already");
    bool is_starting = link->state == CH_LINK_STARTING || link->is_replaced;
    if (link->state == CH_LINK_LOCKED || is_starting)
        return CH_OK; /* a process that starts is waited for */
    return ch_link_fail_absent(link, err);
}

/* Returns false if it is refused, and `waiter` has heard that. */
static bool unlock(ch_token_link *link, ch_secret *pin, const ch_link_code *code, bool is_last_try,
                   ch_link_waiter waiter)
{
    ch_error err = CH_ERROR_INIT;
    if (may_unlock(link, &err) != CH_OK || may_try(link, is_last_try, &err) != CH_OK) {
        ch_secret_wipe(pin);
        waiter.answer(waiter.context, &err);
        return false;
    }
    link->trial = *pin;
    *pin = (ch_secret)CH_SECRET_INIT;
    link->waiter = waiter;
    link->is_last_try = is_last_try;
    link->is_try_lost = false;
    link->is_unattended = false;
    link->slept_ns = ch_clock_slept_ns();
    ch_link_set_code(link, code);
    ch_link_trust_all(link);
    link->lock_ms = 0; /* of an operator who has left */
    if (link->state == CH_LINK_LOCKED)
        begin_trial(link);
    return true;
}

void ch_token_link_unlock(ch_token_link *link, ch_secret *pin, bool is_last_try, ch_link_waiter waiter)
{
    unlock(link, pin, NULL, is_last_try, waiter);
}

void ch_token_link_unlock_by_code(ch_token_link *link, ch_secret *pin_and_code, const ch_link_code *code,
                                  bool is_last_try, ch_link_waiter waiter)
{
    unlock(link, pin_and_code, code, is_last_try, waiter);
}

void ch_token_link_unlock_unattended(ch_token_link *link, ch_secret *pin, ch_link_waiter waiter)
{
    if (unlock(link, pin, NULL, false, waiter))
        link->is_unattended = true;
}

/* The token signs for others, or for whoever takes this process over. The agent has it sign nothing. */
static void note_kept_login(ch_token_link *link, const ch_error *kept)
{
    link->is_login_kept = kept->status != CH_OK;
    if (!link->is_login_kept)
        return;
    ch_error_set(&link->detail, CH_TOKEN, kept->rule,
                 kept->status == CH_CONFLICT
                     ? "the agent signs nothing with it, but the token itself is still logged in and cannot be logged "
                       "out (%s); unplug it, or end what else uses it"
                     : "the agent signs nothing with it, but whether the token itself is locked cannot be seen (%s)",
                 kept->message);
    ch_log("token '%s': %s", link->config.name, link->detail.message);
}

ch_status ch_link_begin_login(ch_token_link *link, const ch_error *kept, ch_error *err)
{
    note_kept_login(link, kept);
    if (link->lock_ms != 0)
        ch_link_answer_waiter(link, link->is_login_kept ? &link->detail : &nothing_signs);
    if (link->trial.data != NULL)
        begin_trial(link);
    else if (link->pin.data != NULL)
        CH_TRY(log_in_again(link, err));
    ch_child_flush(&link->child);
    return CH_OK;
}

static void keep_pin(ch_token_link *link)
{
    ch_error err = CH_ERROR_INIT;
    if (link->trial.data == NULL || !link->config.may_relogin)
        return;
    ch_secret_wipe(&link->pin);
    if (ch_link_has_code(link)) {
        if (ch_secret_copy_part(&link->trial, 0, &link->pin, &err) != CH_OK) /* the code is of no more use */
            ch_log("token '%s': the PIN is not kept, so it must be unlocked again if its process ends: %s",
                   link->config.name, err.message);
        return;
    }
    link->pin = link->trial;
    link->trial = (ch_secret)CH_SECRET_INIT;
}

/* Only a person can help? Another failure of a login passes. */
bool ch_link_needs_unlock(const ch_error *why)
{
    return why->status == CH_WRONG_PIN || why->status == CH_LOCKED || why->status == CH_REFUSED;
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

void ch_link_finish_login(ch_token_link *link)
{
    const ch_error done = CH_ERROR_INIT;
    bool is_again = link->trial.data == NULL;
    if (link->login_code.stays_locked) {
        ch_link_answer_waiter(link, &done);
        ch_token_link_lock(link, (ch_link_waiter){0});
        return;
    }
    link->cut_logins = 0;
    ch_link_note_search(link, ch_link_used_keys(link), ch_clock_ms() - link->login_ms);
    keep_pin(link);
    ch_link_set_state(link, CH_LINK_SERVING);
    link->detail = (ch_error)CH_ERROR_INIT;
    if (is_again)
        ch_log("token '%s': unlocked", link->config.name);
    else
        ch_link_begin_unlock(link);
    ch_link_clear_code(link);
    ch_secret_wipe(&link->trial);
    ch_link_answer_waiter(link, &done);
}

/* A login with a code is taken when the code's step is on disk. */
static ch_status take_login(ch_token_link *link, ch_error *err)
{
    ch_code_stage stage = link->login_code.stage;
    if (ch_link_has_code(link) && stage != CH_CODE_PASSED && stage != CH_CODE_KEPT)
        return ch_fail(err, CH_INTERNAL, "it logged in without a code");
    link->login_code.is_done = true;
    if (!ch_link_has_code(link) || stage == CH_CODE_KEPT)
        ch_link_finish_login(link);
    return CH_OK;
}

ch_status ch_link_take_login_done(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_token_link *link = self;
    ch_login_done_frame done;
    CH_TRY(ch_login_done_frame_get(frame, &done, err));
    bool is_again = link->trial.data == NULL;
    if (link->login_code.is_done)
        return ch_fail(err, CH_INTERNAL, "it logged in twice");
    link->pins_out = 0;
    settle_try(link, is_again, &done.outcome);
    if (is_again && done.outcome.status != CH_OK && !ch_link_needs_unlock(&done.outcome)) {
        link->detail = done.outcome;
        return ch_fail(err, CH_UNAVAILABLE, "logging in again failed: %s", done.outcome.message);
    }
    if (done.outcome.status == CH_OK)
        return take_login(link, err);
    ch_link_hide_cause(link, &done.outcome);
    on_login_failed(link, is_again, &done.outcome);
    ch_link_clear_code(link);
    ch_secret_wipe(&link->trial);
    ch_link_answer_waiter(link, &done.outcome);
    return CH_OK;
}

/* The process died with the PIN. The token may have counted a wrong one, so there is one more try, and no third. A PIN
 * that was right before is probably right still: here the two count as one. */
static void count_cut(ch_token_link *link)
{
    if (link->pin.data != NULL && link->cut_logins == 0 && link->config.tries != NULL)
        ch_tries_add(link->config.tries);
    if (link->pin.data == NULL || ++link->cut_logins < CUT_LOGINS)
        return;
    ch_secret_wipe(&link->pin);
    ch_error_set(&link->detail, CH_LOCKED, "",
                 "the token process ended twice in the middle of a login, and the token may have counted it as a wrong "
                 "PIN; look at the log, then unlock it again");
    ch_log("token '%s': %s", link->config.name, link->detail.message);
}

void ch_link_cut_login(ch_token_link *link)
{
    if (link->pins_out > 0)
        count_cut(link);
    ch_link_drop_trial(link);
    link->pins_out = 0;
}

/* ---- locks ---- */

static void send_logout(ch_token_link *link)
{
    ch_error err = CH_ERROR_INIT;
    ch_link_set_state(link, CH_LINK_LOCKING);
    if (ch_logout_frame_put(ch_channel_out(&link->child.channel), 0, &(ch_logout_frame){}, &err) != CH_OK)
        ch_child_end(&link->child, err.message);
    ch_child_flush(&link->child);
}

static void lock(ch_token_link *link, ch_link_waiter waiter, const ch_error *why)
{
    ch_error locked = *why;
    ch_secret_wipe(&link->pin);
    ch_link_drop_trial(link);
    ch_link_fail_jobs(link, CH_TICKET_WAITING, &locked);
    ch_link_answer_waiter(link, link->lock_ms == 0 ? &locked : &nothing_signs);
    link->waiter = waiter;
    link->lock_ms = ch_clock_ms();
    switch (link->state) {
    case CH_LINK_SERVING:
        send_logout(link);
        break;
    case CH_LINK_LOGGING_IN:
    case CH_LINK_FINDING:
    case CH_LINK_LOCKING: /* what it answers would be lost */
        ch_child_replace(&link->child, "it was locked before it had answered");
        break;
    case CH_LINK_LOCKED:
        if (link->is_login_kept)
            ch_child_replace(&link->child, "its token is to be locked");
        else
            ch_link_answer_waiter(link, &nothing_signs);
        break;
    default: /* the process that starts is waited for */
        break;
    }
}

void ch_token_link_lock(ch_token_link *link, ch_link_waiter waiter)
{
    ch_error locked = CH_ERROR_INIT;
    link->ended = (ch_error)CH_ERROR_INIT;
    ch_error_set(&locked, CH_LOCKED, "", "token '%s' was locked", link->config.name);
    lock(link, waiter, &locked);
}

void ch_link_lock_by_itself(ch_token_link *link)
{
    ch_error locked = CH_ERROR_INIT;
    const ch_link_waiter nobody = {0};
    link->detail = (ch_error)CH_ERROR_INIT;
    ch_ignore(ch_link_fail_locked(link, &locked));
    lock(link, nobody, &locked);
}

/* A fresh process sees whether the token is locked. What was signed before goes out first. */
void ch_link_end_locked(ch_token_link *link)
{
    bool is_due = link->lock_ms != 0 && link->state == CH_LINK_LOCKED && ch_token_jobs_sent(link->jobs) == 0;
    if (is_due)
        ch_child_replace(&link->child, "its token was locked");
}

/* The process that had the login has ended; a device may keep one, which the next process sees when it is there. */
void ch_link_check_lock(ch_token_link *link, uint64_t now_ms)
{
    if (link->lock_ms == 0 || link->state == CH_LINK_LOCKING)
        return;
    if (link->state == CH_LINK_LOCKED)
        ch_child_replace(&link->child, "it did not answer in time");
    if (now_ms - link->lock_ms >= LOCK_TIMEOUT_MS)
        ch_link_answer_waiter(link, &no_more_is_known);
    else
        ch_loop_set_timer(link->loop, &link->check, link->lock_ms + LOCK_TIMEOUT_MS);
}

ch_status ch_link_take_logout_done(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_token_link *link = self;
    ch_logout_done_frame done;
    CH_TRY(ch_logout_done_frame_get(frame, &done, err));
    if (done.outcome.status != CH_OK)
        ch_log("token '%s': the logout failed: %s", link->config.name, done.outcome.message);
    ch_link_set_state(link, CH_LINK_LOCKED);
    ch_link_end_locked(link);
    return CH_OK;
}
