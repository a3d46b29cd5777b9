/* Who is enrolled. What is pinned is the print of the seed that made a code which somebody has typed, so that a seed
 * counts only once it is known to be in that person's hands. */
#include "agent/core/codes_impl.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "policy/policy.h"
#include "state/people.h"
#include "state/prints.h"
#include "wire/frame.h"
#include "wire/frames.h"

#include <stdio.h>

#define PAGE_SIZE (CH_PACKET_MAX / 4)

enum { PART_PIN, PART_NEW_CODE, PART_ADMIN_CODE };

/* ---- who ---- */

static size_t count_enrolled(const ch_codes *codes, unsigned roles, const ch_person *but)
{
    const ch_policy *policy = codes->context.policy;
    size_t count = 0;
    for (size_t i = 0; i < policy->person_count; i++) {
        const ch_person *person = &policy->people[i];
        count += person != but && (person->roles & roles) != 0 && ch_codes_is_enrolled(codes, person);
    }
    return count;
}

#define ANY_ROLE (~0U)

static bool is_first(const ch_codes *codes)
{
    return count_enrolled(codes, ANY_ROLE, NULL) == 0;
}

static ch_status find_person(const ch_codes *codes, ch_slice name, const ch_person **out, ch_error *err)
{
    *out = ch_policy_person(codes->context.policy, name);
    if (*out == NULL)
        return ch_fail(err, CH_NOT_FOUND, "there is no '%.*s' among the people of the policy", CH_SLICE_ARGS(name));
    if ((*out)->seed.object_uri == NULL)
        return ch_fail(err, CH_CONFLICT, "the policy gives '%s' no 'totp'; add one there, and reload", (*out)->name);
    return ch_codes_link(codes) != NULL ? CH_OK : ch_fail(err, CH_CONFIG, "agent.yaml has no token for people's seeds");
}

static void name_subject(ch_attempt *self, const ch_person *person)
{
    snprintf(self->about, sizeof self->about, "%s", person->name);
}

/* ---- enrolment ---- */

static void after_pin(ch_attempt *self, const ch_error *outcome)
{
    if (outcome->status == CH_OK && !self->is_answered)
        ch_log("'%s' has enrolled the seed of the codes of '%s'", self->name, self->about);
    if (self->link != NULL)
        ch_attempt_go_on(self, outcome);
    else if (ch_attempt_end_write(self))
        ch_attempt_end(self, outcome);
}

/* A seed counts only if it was written in time. After that, whoever waited has been told that it is not enrolled, and
 * has destroyed it. */
static void on_pinned(void *context, const ch_error *outcome)
{
    ch_attempt *self = context;
    if (outcome->status != CH_OK || self->is_answered)
        ch_person_unpin(ch_codes_kept(self->codes, self->about), (ch_person_waiter){0});
    after_pin(self, outcome);
}

static ch_status pin(ch_attempt *self, uint64_t step, ch_slice print, ch_error *err)
{
    const ch_person *person = NULL;
    CH_TRY(find_person(self->codes, ch_slice_of(self->about), &person, err));
    ch_kept_person *kept = ch_codes_kept(self->codes, person->name);
    const ch_print_name object = ch_codes_object(self->codes, person);
    if (ch_attempt_meets_other(self, kept))
        return ch_fail(err, CH_BUSY, "another code of '%s' is being looked at; try again in a moment", person->name);
    if (self->next == NULL && !is_first(self->codes))
        return ch_fail(err, CH_CONFLICT, "somebody else was enrolled meanwhile; try again, with a code of yours");
    ch_attempt_begin_write(self);
    self->if_slow = "the seed is not enrolled";
    ch_person_pin(kept, &object, print, step, (ch_person_waiter){.context = self, .answer = on_pinned});
    return CH_OK;
}

void ch_attempt_pin(ch_attempt *self, uint64_t step, ch_slice print)
{
    ch_error err = CH_ERROR_INIT;
    if (pin(self, step, print, &err) != CH_OK)
        after_pin(self, &err);
}

static void on_checked(void *context, const ch_error *outcome, uint64_t step, ch_slice print)
{
    ch_attempt *self = context;
    ch_error why = *outcome;
    if (why.status == CH_OK) {
        ch_attempt_pin(self, step, print);
        return;
    }
    if (why.status == CH_REFUSED)
        ch_error_set(&why, CH_REFUSED, "new-code",
                     "the new seed of '%s' does not make that code, so it was not enrolled: %s", self->about,
                     outcome->message);
    ch_attempt_end(self, &why);
}

static ch_status check_new_code(ch_attempt *self, ch_error *err)
{
    ch_link_code code;
    ch_autosecret typed = CH_SECRET_INIT;
    ch_token_link *link = ch_codes_link(self->codes);
    CH_TRY(ch_codes_ask_new(self->codes, self->about, &code, err));
    CH_TRY(ch_secret_copy_part(&self->secret, PART_NEW_CODE, &typed, err));
    if (link == NULL || typed.size == 0)
        return ch_fail(err, CH_BAD_INPUT, "the code of the new seed is missing");
    ch_token_link_check_code(link, &code, &typed, (ch_code_waiter){.context = self, .answer = on_checked});
    return CH_OK;
}

/* Nobody can vouch for the first, save whoever knows the PIN. It must be an admin, who can vouch for the others. */
static ch_status begin_first(ch_attempt *self, const ch_person *person, ch_error *err)
{
    ch_token_link *link = ch_codes_link(self->codes);
    if ((person->roles & CH_ROLE_ADMIN) == 0)
        return ch_fail_rule(err, CH_REFUSED, "first-admin",
                            "nobody is enrolled yet, and the first must be an admin, whose codes enrol the others");
    if (ch_token_link_is_unlocked(link))
        return check_new_code(self, err);
    self->token = ch_strdup(ch_token_link_name(link));
    self->stays_locked = true;
    ch_attempt_log_in(self);
    return CH_OK;
}

static ch_status begin_later(ch_attempt *self, ch_error *err)
{
    ch_link_code code;
    ch_autosecret typed = CH_SECRET_INIT;
    CH_TRY(ch_codes_ask(self->codes, self->name, &code, err));
    if (ch_secret_copy_part(&self->secret, PART_ADMIN_CODE, &typed, err) != CH_OK || typed.size == 0)
        return ch_fail_rule(err, CH_REFUSED, CH_RULE_CODE,
                            "somebody is enrolled already, so another enrolment takes a code of the admin as well");
    self->code_part = PART_ADMIN_CODE;
    self->next = check_new_code;
    ch_attempt_verify(self);
    return CH_OK;
}

static ch_status enroll(ch_attempt *self, ch_slice name, ch_error *err)
{
    const ch_person *person = NULL;
    CH_TRY(find_person(self->codes, name, &person, err));
    name_subject(self, person);
    if (ch_codes_is_enrolled(self->codes, person))
        return ch_fail(err, CH_CONFLICT, "'%s' is enrolled already; revoke that seed first: chancery totp revoke %s",
                       person->name, person->name);
    return is_first(self->codes) ? begin_first(self, person, err) : begin_later(self, err);
}

void ch_codes_enroll(ch_codes *codes, const ch_person *admin, ch_slice person, ch_secret *given,
                     const ch_codes_waiter *waiter)
{
    ch_error err = CH_ERROR_INIT;
    ch_attempt *self = ch_attempt_begin(codes, admin, given, waiter);
    if (self != NULL && enroll(self, person, &err) != CH_OK)
        ch_attempt_end(self, &err);
}

/* ---- revocation ---- */

#define IS_NOT_KEPT "the seed is revoked, but that is not kept yet, and would be forgotten if the agent ended now"

/* The revocation is in effect already, on the disk or not. */
static void on_unpinned(void *context, const ch_error *outcome)
{
    ch_attempt *self = context;
    ch_error why = *outcome;
    if (why.status == CH_OK)
        ch_log("'%s' has revoked the seed of the codes of '%s'", self->name, self->about);
    else
        ch_ignore(ch_error_wrap(&why, IS_NOT_KEPT));
    if (ch_attempt_end_write(self))
        ch_attempt_end(self, &why);
}

/* Without an admin nobody could be enrolled any more. */
static ch_status may_revoke(const ch_codes *codes, const ch_person *person, ch_error *err)
{
    bool is_last_admin = count_enrolled(codes, CH_ROLE_ADMIN, person) == 0;
    if (!ch_codes_is_enrolled(codes, person))
        return ch_fail(err, CH_CONFLICT, "no seed of '%s' is enrolled", person->name);
    if (is_last_admin && count_enrolled(codes, ANY_ROLE, person) > 0)
        return ch_fail_rule(
            err, CH_REFUSED, "last-admin",
            "'%s' is the last admin who is enrolled, and without one nobody could be enrolled; enrol another "
            "admin first, or revoke the others before",
            person->name);
    return CH_OK;
}

static ch_status unpin(ch_attempt *self, ch_error *err)
{
    const ch_person *person = NULL;
    CH_TRY(find_person(self->codes, ch_slice_of(self->about), &person, err));
    CH_TRY(may_revoke(self->codes, person, err));
    ch_kept_person *kept = ch_codes_kept(self->codes, person->name);
    if (ch_attempt_meets_other(self, kept))
        return ch_fail(err, CH_BUSY, "another code of '%s' is being looked at; try again in a moment", person->name);
    ch_attempt_begin_write(self);
    self->if_slow = IS_NOT_KEPT;
    ch_person_unpin(kept, (ch_person_waiter){.context = self, .answer = on_unpinned});
    return CH_OK;
}

static ch_status revoke(ch_attempt *self, ch_slice name, ch_error *err)
{
    const ch_person *person = NULL;
    ch_link_code code;
    CH_TRY(find_person(self->codes, name, &person, err));
    name_subject(self, person);
    CH_TRY(may_revoke(self->codes, person, err));
    CH_TRY(ch_codes_ask(self->codes, self->name, &code, err));
    self->next = unpin;
    ch_attempt_verify(self);
    return CH_OK;
}

void ch_codes_revoke(ch_codes *codes, const ch_person *admin, ch_slice person, ch_secret *typed,
                     const ch_codes_waiter *waiter)
{
    ch_error err = CH_ERROR_INIT;
    ch_attempt *self = ch_attempt_begin(codes, admin, typed, waiter);
    if (self != NULL && revoke(self, person, &err) != CH_OK)
        ch_attempt_end(self, &err);
}

/* ---- the list ---- */

static void put_row(const ch_codes *codes, const ch_person *person, uint64_t now_ns, ch_records *rows,
                    ch_buffer *records)
{
    char roles[CH_ROLES_TEXT_MAX];
    const ch_print_name object = ch_codes_object(codes, person);
    ch_roles_text(person->roles, roles);
    const ch_listed_seed_record row = {.person = ch_slice_of(person->name),
                                       .roles = ch_slice_of(roles),
                                       .token = ch_slice_of(object.token),
                                       .object = ch_slice_of(object.object),
                                       .mechanism = ch_slice_of(object.mechanism),
                                       .digits = (uint8_t)person->seed.digits,
                                       .is_enrolled = ch_codes_is_enrolled(codes, person),
                                       .wait_s = ch_person_waits_s(ch_codes_kept(codes, person->name), now_ns)};
    ch_listed_seed_record_put(rows, records, &row);
}

ch_status ch_codes_list(const ch_codes *codes, size_t *next, ch_buffer *out, ch_error *err)
{
    ch_moment now = {0};
    const ch_policy *policy = codes->context.policy;
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_seeds_are_frame page = {.is_first = is_first(codes)};
    if (!ch_moment_now(&now))
        now.wall_ns = UINT64_MAX; /* then nobody's wait is known */
    for (; *next < policy->person_count && records.size < PAGE_SIZE; (*next)++) {
        if (policy->people[*next].seed.object_uri != NULL)
            put_row(codes, &policy->people[*next], now.wall_ns, &page.rows, &records);
    }
    page.is_last = *next == policy->person_count;
    return ch_seeds_are_frame_put(out, 0, &page, err);
}
