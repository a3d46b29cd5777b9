/* An attempt goes from the state to a token and back, some of it several times; each way back is a callback, which
 * finds the attempt still there: its place is freed only at its end. What it takes of the policy it looks up anew each
 * time, since that may have changed meanwhile. */
#include "agent/core/codes_impl.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/loop.h"
#include "policy/policy.h"
#include "state/people.h"
#include "state/prints.h"
#include "wire/frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_TIMEOUT_MS 5000
#define ANSWER_MS 1000 /* after which a refusal is said: how long a token takes would tell what was wrong */

/* ---- what is asked ---- */

ch_kept_person *ch_codes_kept(const ch_codes *codes, const char *name)
{
    return ch_people_of(codes->context.people, name);
}

ch_token_link *ch_codes_link(const ch_codes *codes)
{
    const ch_links *links = codes->context.links;
    size_t token = codes->context.policy->totp_token;
    return token < links->count ? links->links[token] : NULL;
}

ch_print_name ch_codes_object(const ch_codes *codes, const ch_person *person)
{
    const ch_token_link *link = ch_codes_link(codes);
    return (ch_print_name){.token = link == NULL ? "" : ch_token_link_name(link),
                           .object = person->seed.object_uri,
                           .mechanism = person->seed.mechanism};
}

ch_status ch_codes_ask_new(const ch_codes *codes, const char *name, ch_link_code *out, ch_error *err)
{
    const ch_person *person = ch_policy_person(codes->context.policy, ch_slice_of(name));
    if (person == NULL || person->seed.object_uri == NULL)
        return ch_fail(err, CH_CONFLICT, "'%s' has no seed of codes in the policy: give them a 'totp' there", name);
    *out = (ch_link_code){
        .seed = person->seed.object_uri, .mechanism = person->seed.mechanism, .digits = person->seed.digits};
    return CH_OK;
}

bool ch_codes_is_enrolled(const ch_codes *codes, const ch_person *person)
{
    if (person->seed.object_uri == NULL)
        return false;
    const ch_print_name object = ch_codes_object(codes, person);
    return ch_person_seed(ch_codes_kept(codes, person->name), &object).size > 0;
}

ch_status ch_codes_ask(const ch_codes *codes, const char *name, ch_link_code *out, ch_error *err)
{
    CH_TRY(ch_codes_ask_new(codes, name, out, err));
    const ch_person *person = ch_policy_person(codes->context.policy, ch_slice_of(name));
    const ch_kept_person *kept = ch_codes_kept(codes, name);
    const ch_print_name object = ch_codes_object(codes, person);
    out->print = ch_person_seed(kept, &object);
    out->lowest_step = ch_person_lowest_step(kept);
    return out->print.size > 0
               ? CH_OK
               : ch_fail(err, CH_CONFLICT,
                         "the seed of '%s' was not enrolled; an admin does so with: chancery totp enroll %s", name,
                         name);
}

/* ---- attempts ---- */

void ch_attempt_release(ch_attempt *self)
{
    if (!self->is_answered || self->is_writing)
        return;
    ch_secret_wipe(&self->secret);
    free(self->token);
    self->token = NULL;
    self->is_used = false;
}

static void answer(void *context)
{
    ch_attempt *self = context;
    ch_codes_waiter waiter = self->waiter;
    ch_loop_cancel_timer(self->codes->context.loop, &self->answering);
    self->waiter = (ch_codes_waiter){0};
    self->is_answered = true;
    if (waiter.answer != NULL)
        waiter.answer(waiter.context, &self->outcome);
    ch_attempt_release(self);
}

static void on_slow(void *context)
{
    ch_attempt *self = context;
    const char *holds =
        self->if_slow != NULL ? self->if_slow : "it cannot be written that a code was used, or how the try ended";
    ch_error_set(&self->outcome, CH_IO, "", "%s, since the disk of the agent's state does not answer", holds);
    answer(self);
}

void ch_attempt_begin_write(ch_attempt *self)
{
    self->is_writing = true;
    self->if_slow = NULL;
    self->answering.on_due = on_slow;
    if (!self->is_answered)
        ch_loop_set_timer(self->codes->context.loop, &self->answering, ch_clock_ms() + WRITE_TIMEOUT_MS);
}

void ch_attempt_stop_write(ch_attempt *self)
{
    self->is_writing = false;
    ch_loop_cancel_timer(self->codes->context.loop, &self->answering);
    self->answering.on_due = answer;
}

bool ch_attempt_end_write(ch_attempt *self)
{
    bool is_answered = self->is_answered;
    ch_attempt_stop_write(self);
    ch_attempt_release(self);
    return !is_answered;
}

static bool is_refusal(const ch_error *outcome)
{
    return strcmp(outcome->rule, CH_RULE_PIN_AND_CODE) == 0 || strcmp(outcome->rule, CH_RULE_CODE) == 0;
}

void ch_attempt_end(ch_attempt *self, const ch_error *outcome)
{
    if (outcome != &self->outcome)
        self->outcome = *outcome; /* what it points to may go now */
    bool is_refused = is_refusal(&self->outcome);
    bool has_failed = is_refused || self->outcome.status == CH_WRONG_PIN;
    if (self->is_counted && self->outcome.status != CH_OK && !has_failed)
        ch_person_take_back(self->person, self->token);
    ch_secret_wipe(&self->secret);
    if (!is_refused) {
        answer(self);
        return;
    }
    ch_log("'%s': %s", self->name, self->outcome.message);
    self->answering.on_due = answer;
    ch_loop_set_timer(self->codes->context.loop, &self->answering, self->began_ms + ANSWER_MS);
}

bool ch_attempt_meets_other(const ch_attempt *self, const ch_kept_person *person)
{
    bool meets = false;
    for (size_t i = 0; i < CH_ATTEMPTS_MAX; i++) {
        const ch_attempt *other = &self->codes->attempts[i];
        bool is_same = other->person == person || strcmp(other->about, self->about) == 0;
        meets = meets || (other != self && other->is_used && is_same);
    }
    return meets;
}

/* Returns true if no other attempt may wait for what is kept of `person`: one attempt at a time does, be it their own,
 * or that of whoever enrols or revokes them. */
static bool holds(const ch_attempt *self, const ch_person *person)
{
    bool is_own = strcmp(self->name, person->name) == 0;
    bool is_writing_about = self->is_writing && strcmp(self->about, person->name) == 0;
    return self->is_used && (is_own || is_writing_about);
}

static ch_attempt *find_free(ch_codes *codes, const ch_person *person, ch_error *err)
{
    ch_attempt *found = NULL;
    for (size_t i = 0; i < CH_ATTEMPTS_MAX; i++) {
        ch_attempt *self = &codes->attempts[i];
        if (holds(self, person)) {
            ch_error_set(err, CH_BUSY, "", "another try of yours is under way; try again in a moment");
            return NULL;
        }
        if (!self->is_used)
            found = self;
    }
    if (found == NULL)
        ch_error_set(err, CH_BUSY, "", "too many codes are being looked at; try again in a moment");
    return found;
}

static ch_status may_try(ch_kept_person *person, uint64_t *now_ns, ch_error *err)
{
    ch_moment now;
    if (!ch_moment_now(&now))
        return ch_fail(err, CH_UNAVAILABLE,
                       "the machine's clock shows no time that could be right, and codes and waits go "
                       "by it; set it");
    uint64_t left_s = ch_person_waits_s(person, now.wall_ns);
    *now_ns = now.wall_ns;
    if (left_s > 0)
        return ch_fail_rule(err, CH_TOO_OFTEN, "wait",
                            "after what has failed, you must wait %llu s before the next try",
                            (unsigned long long)left_s);
    return CH_OK;
}

ch_attempt *ch_attempt_begin(ch_codes *codes, const ch_person *person, ch_secret *secret, const ch_codes_waiter *waiter)
{
    ch_error err = CH_ERROR_INIT;
    uint64_t now_ns = 0;
    ch_kept_person *kept = ch_codes_kept(codes, person->name);
    ch_attempt *self = may_try(kept, &now_ns, &err) == CH_OK ? find_free(codes, person, &err) : NULL;
    if (self == NULL) {
        ch_secret_wipe(secret);
        waiter->answer(waiter->context, &err);
        return NULL;
    }
    *self = (ch_attempt){.codes = codes,
                         .is_used = true,
                         .person = kept,
                         .secret = *secret,
                         .now_ns = now_ns,
                         .began_ms = ch_clock_ms(),
                         .waiter = *waiter};
    self->answering = (ch_timer){.on_due = answer, .context = self};
    snprintf(self->name, sizeof self->name, "%s", person->name);
    *secret = (ch_secret)CH_SECRET_INIT;
    return self;
}

static void take_step(ch_attempt *self, ch_attempt_next step)
{
    ch_error err = CH_ERROR_INIT;
    if (step(self, &err) != CH_OK)
        ch_attempt_end(self, &err);
}

/* ---- counted first ---- */

static void on_counted(void *context, const ch_error *outcome)
{
    ch_attempt *self = context;
    if (self->is_answered) /* late, and not made */
        ch_person_take_back(self->person, self->token);
    if (!ch_attempt_end_write(self))
        return;
    if (outcome->status == CH_OK)
        take_step(self, self->then);
    else
        ch_attempt_end(self, outcome);
}

void ch_attempt_count(ch_attempt *self, ch_attempt_next then)
{
    self->then = then;
    self->is_counted = true;
    ch_attempt_begin_write(self);
    self->if_slow = self->is_by_pin ? "it cannot be written that you have tried, so the PIN was not sent"
                                    : "it cannot be written that you have tried, so nothing was tried";
    ch_person_begin(self->person, self->token, self->now_ns, (ch_person_waiter){.context = self, .answer = on_counted});
}

/* ---- a code without a login ---- */

static void on_used(void *context, const ch_error *outcome)
{
    ch_attempt *self = context;
    if (!ch_attempt_end_write(self))
        return;
    if (outcome->status != CH_OK || self->next == NULL)
        ch_attempt_end(self, outcome);
    else
        take_step(self, self->next);
}

/* Before an unlock, the try is not over. */
static void use(ch_attempt *self, uint64_t step)
{
    const ch_person_waiter waiter = {.context = self, .answer = on_used};
    self->step = step;
    ch_attempt_begin_write(self);
    if (self->token != NULL) {
        ch_person_use(self->person, step, waiter);
        return;
    }
    self->is_counted = false;
    ch_person_pass(self->person, NULL, step, waiter);
}

void ch_attempt_refuse(ch_attempt *self)
{
    ch_error refused = CH_ERROR_INIT;
    if (self->token != NULL)
        ch_error_set(&refused, CH_REFUSED, CH_RULE_PIN_AND_CODE, CH_PIN_OR_CODE_IS_WRONG, self->token);
    else
        ch_error_set(&refused, CH_REFUSED, CH_RULE_CODE,
                     "the code is wrong, or was used before; a code is good once, and for a minute or so");
    ch_attempt_end(self, &refused);
}

static void on_checked(void *context, const ch_error *outcome, uint64_t step, ch_slice print)
{
    (void)print;
    ch_attempt *self = context;
    bool is_seed = strcmp(outcome->rule, CH_RULE_SEED) == 0;
    if (is_seed)
        ch_log("the seed of '%s': %s", self->name, outcome->message);
    if (outcome->status == CH_OK)
        use(self, step);
    else if (is_seed || strcmp(outcome->rule, CH_RULE_CODE) == 0)
        ch_attempt_refuse(self);
    else
        ch_attempt_end(self, outcome);
}

static ch_status send_code(ch_attempt *self, ch_error *err)
{
    ch_link_code code;
    ch_autosecret typed = CH_SECRET_INIT;
    ch_token_link *link = ch_codes_link(self->codes);
    CH_TRY(ch_codes_ask(self->codes, self->name, &code, err));
    CH_TRY(ch_secret_copy_part(&self->secret, self->code_part, &typed, err));
    if (link == NULL || typed.size == 0)
        return ch_fail(err, CH_BAD_INPUT, "the code is missing");
    ch_token_link_check_code(link, &code, &typed, (ch_code_waiter){.context = self, .answer = on_checked});
    return CH_OK;
}

void ch_attempt_verify(ch_attempt *self)
{
    ch_attempt_count(self, send_code);
}

void ch_codes_verify(ch_codes *codes, const ch_person *person, ch_secret *typed, const ch_codes_waiter *waiter)
{
    ch_error err = CH_ERROR_INIT;
    ch_link_code code;
    ch_attempt *self = ch_attempt_begin(codes, person, typed, waiter);
    if (self == NULL)
        return;
    if (ch_codes_ask(codes, self->name, &code, &err) == CH_OK)
        ch_attempt_verify(self);
    else
        ch_attempt_end(self, &err);
}

/* ---- the room ---- */

ch_codes *ch_codes_new(const ch_codes_context *context)
{
    ch_codes *codes = ch_alloc(sizeof *codes);
    codes->context = *context;
    return codes;
}

void ch_codes_free(ch_codes *codes)
{
    if (codes == NULL)
        return;
    for (size_t i = 0; i < CH_ATTEMPTS_MAX; i++) {
        ch_loop_cancel_timer(codes->context.loop, &codes->attempts[i].answering);
        ch_secret_wipe(&codes->attempts[i].secret);
        free(codes->attempts[i].token);
    }
    free(codes);
}

void ch_codes_forget(ch_codes *codes, const void *context)
{
    for (size_t i = 0; codes != NULL && i < CH_ATTEMPTS_MAX; i++) {
        if (codes->attempts[i].waiter.context == context)
            codes->attempts[i].waiter = (ch_codes_waiter){0};
    }
}
