/* Unlocks by PIN and code. Where the seed is on the very token, both go to it together, and the token is logged in
 * before the code is looked at: a wrong one logs it out again. Otherwise the code is verified first. */
#include "agent/core/codes_impl.h"

#include "base/memory.h"
#include "policy/policy.h"
#include "state/people.h"

/* ---- a login ---- */

static void on_tell(void *context, uint32_t done, uint32_t total)
{
    const ch_attempt *self = context;
    if (self->waiter.tell != NULL)
        self->waiter.tell(self->waiter.context, done, total);
}

void ch_attempt_go_on(ch_attempt *self, const ch_error *outcome)
{
    ch_token_link *link = self->link;
    const ch_error late = {CH_IO, "", "the disk of the agent's state did not answer in time"};
    bool is_late = self->is_answered;
    ch_attempt_stop_write(self);
    if (link != NULL)
        ch_token_link_go_on(link, is_late ? &late : outcome, self->stays_locked);
    ch_attempt_release(self);
}

static void on_kept(void *context, const ch_error *outcome)
{
    ch_attempt_go_on(context, outcome);
}

static void on_passed(void *context, uint64_t step, ch_slice print)
{
    ch_attempt *self = context;
    if (self->about[0] != '\0') {
        ch_attempt_pin(self, step, print);
        return;
    }
    self->is_counted = false;
    ch_attempt_begin_write(self);
    ch_person_pass(self->person, self->token, step, (ch_person_waiter){.context = self, .answer = on_kept});
}

static void on_settled(void *context, const ch_error *outcome)
{
    ch_attempt *self = context;
    if (ch_attempt_end_write(self))
        ch_attempt_end(self, outcome);
}

/* What was still counted against the person is not any more. */
static void settle(ch_attempt *self)
{
    self->is_counted = false;
    ch_attempt_begin_write(self);
    ch_person_pass(self->person, self->token, self->about[0] == '\0' ? self->step : 0,
                   (ch_person_waiter){.context = self, .answer = on_settled});
}

static void on_login(void *context, const ch_error *outcome)
{
    ch_attempt *self = context;
    bool is_left_counted = ch_token_link_tries(self->link) > self->tries_before;
    self->link = NULL;
    if (outcome->status == CH_OK && self->is_counted)
        settle(self);
    else if (outcome->status == CH_WRONG_PIN && !self->is_by_pin)
        ch_attempt_refuse(self);
    else {
        /* A try whose outcome nobody will know, since the device died or the token was locked meanwhile, may have been
         * looked at: as long as that counts for the token, it does for the person. */
        self->is_counted = self->is_counted && !is_left_counted;
        ch_attempt_end(self, outcome);
    }
}

static void begin_login(ch_attempt *self, ch_token_link *link)
{
    self->link = link;
    self->tries_before = ch_token_link_tries(link);
}

static ch_link_waiter waiter_of(ch_attempt *self)
{
    return (ch_link_waiter){.context = self, .tell = on_tell, .passed = on_passed, .answer = on_login};
}

/* The seed is on that very token, so that one frame brings PIN and code. */
static ch_status log_in(ch_attempt *self, ch_error *err)
{
    ch_link_code code;
    ch_token_link *link = NULL;
    bool is_new = self->about[0] != '\0';
    CH_TRY(ch_links_find(self->codes->context.links, ch_slice_of(self->token), &link, err));
    CH_TRY(is_new ? ch_codes_ask_new(self->codes, self->about, &code, err)
                  : ch_codes_ask(self->codes, self->name, &code, err));
    begin_login(self, link);
    ch_token_link_unlock_by_code(link, &self->secret, &code, self->is_last_try, waiter_of(self));
    return CH_OK;
}

void ch_attempt_log_in(ch_attempt *self)
{
    ch_attempt_count(self, log_in);
}

/* The code was right, at another token. */
static ch_status log_in_by_pin(ch_attempt *self, ch_error *err)
{
    ch_token_link *link = NULL;
    ch_autosecret pin = CH_SECRET_INIT;
    CH_TRY(ch_secret_copy_part(&self->secret, 0, &pin, err));
    CH_TRY(ch_links_find(self->codes->context.links, ch_slice_of(self->token), &link, err));
    begin_login(self, link);
    ch_token_link_unlock(link, &pin, self->is_last_try, waiter_of(self));
    return CH_OK;
}

/* The PIN alone opens it. */
static ch_status log_in_without_code(ch_attempt *self, ch_error *err)
{
    ch_token_link *link = NULL;
    CH_TRY(ch_links_find(self->codes->context.links, ch_slice_of(self->token), &link, err));
    begin_login(self, link);
    ch_token_link_unlock(link, &self->secret, self->is_last_try, waiter_of(self));
    return CH_OK;
}

/* ---- unlocks ---- */

static unsigned count_operators(const ch_policy *policy, bool takes_code)
{
    unsigned count = 0;
    for (size_t i = 0; i < policy->person_count; i++) {
        bool may_unlock = !takes_code || policy->people[i].seed.object_uri != NULL;
        count += (policy->people[i].roles & CH_ROLE_OPERATOR) != 0 && may_unlock;
    }
    return count;
}

bool ch_codes_shares_tries(const ch_codes *codes)
{
    return codes != NULL && count_operators(codes->context.policy, false) > 1;
}

/* The tries that a token has before it may lock itself are shared among those who may unlock it, so that nobody can use
 * up all of them; each has one. */
static unsigned share_of(const ch_attempt *self, const ch_token_link *link)
{
    unsigned most = ch_token_link_pin_tries(link);
    unsigned operators = count_operators(self->codes->context.policy, !self->is_by_pin);
    unsigned share = operators == 0 || most == 0 ? 0 : (most - 1) / operators;
    return share == 0 ? 1 : share;
}

static ch_status may_unlock(const ch_attempt *self, const ch_token_link *link, ch_error *err)
{
    ch_link_code code;
    unsigned tries = ch_person_tries(self->person, self->token);
    if (!self->is_by_pin)
        CH_TRY(ch_codes_ask(self->codes, self->name, &code, err));
    if (ch_token_link_pin_tries(link) == 0 || tries < share_of(self, link) || self->is_last_try)
        return CH_OK;
    return ch_fail_rule(
        err, CH_REFUSED, "pin_tries",
        "%u of your unlocks of token '%s' have failed since the last that succeeded, and no more are made, "
        "since it locks itself after %u wrong PINs, which you share; wait for a colleague to unlock it, or "
        "make sure of %s, then: chancery unlock --last-try %s",
        tries, self->token, ch_token_link_pin_tries(link), self->is_by_pin ? "the PIN" : "PIN and code", self->token);
}

void ch_codes_unlock(ch_codes *codes, ch_token_link *link, const ch_person *person, ch_secret *pin_and_code,
                     bool is_last_try, const ch_codes_waiter *waiter)
{
    ch_error err = CH_ERROR_INIT;
    ch_attempt *self = ch_attempt_begin(codes, person, pin_and_code, waiter);
    if (self == NULL)
        return;
    self->token = ch_strdup(ch_token_link_name(link));
    self->is_last_try = is_last_try;
    self->code_part = 1;
    self->next = log_in_by_pin;
    if (may_unlock(self, link, &err) != CH_OK)
        ch_attempt_end(self, &err);
    else if (link == ch_codes_link(codes))
        ch_attempt_log_in(self);
    else
        ch_attempt_verify(self);
}

void ch_codes_unlock_by_pin(ch_codes *codes, ch_token_link *link, const ch_person *person, ch_secret *pin,
                            bool is_last_try, const ch_codes_waiter *waiter)
{
    ch_error err = CH_ERROR_INIT;
    ch_attempt *self = ch_attempt_begin(codes, person, pin, waiter);
    if (self == NULL)
        return;
    self->token = ch_strdup(ch_token_link_name(link));
    self->is_last_try = is_last_try;
    self->is_by_pin = true;
    if (may_unlock(self, link, &err) == CH_OK)
        ch_attempt_count(self, log_in_without_code);
    else
        ch_attempt_end(self, &err);
}
