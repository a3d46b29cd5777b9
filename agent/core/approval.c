#include "agent/core/approval.h"

#include "base/memory.h"
#include "base/utc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NS_A_S UINT64_C(1000000000)

/* clang-format off */
static const char *const state_names[CH_APPROVAL_STATE_COUNT] = {
    [CH_APPROVAL_WAITING]   = "waiting",
    [CH_APPROVAL_READY]     = "ready",
    [CH_APPROVAL_SIGNED]    = "signed",
    [CH_APPROVAL_DENIED]    = "denied",
    [CH_APPROVAL_WITHDRAWN] = "withdrawn",
    [CH_APPROVAL_EXPIRED]   = "expired",
};
/* clang-format on */

const char *ch_approval_state_name(ch_approval_state state)
{
    return state_names[state];
}

/* ---- what an approval owns ---- */

/* Cuts after a whole line. */
static void add_words(ch_buffer *out, ch_slice words)
{
    size_t size = words.size;
    if (size > CH_APPROVAL_WORDS_MAX) {
        size = CH_APPROVAL_WORDS_MAX;
        while (size > 0 && words.data[size - 1] != '\n')
            size--;
    }
    ch_buffer_add_slice(out, (ch_slice){words.data, size});
    if (size < words.size)
        ch_buffer_add_text(out, "(there is more that does not fit here: do not approve what you cannot read)\n");
}

ch_approval *ch_approval_new(uint64_t id, const ch_approval_asked *asked, uint64_t asked_ns)
{
    ch_approval *made = ch_alloc(sizeof *made);
    made->id = id;
    made->uid = asked->uid;
    made->callers = ch_slice_strdup(asked->callers);
    made->key = ch_slice_strdup(asked->key);
    memcpy(made->digest, asked->digest, sizeof made->digest);
    ch_buffer_add_slice(&made->repeat_key, asked->repeat_key);
    ch_buffer_add_slice(&made->request, asked->request);
    add_words(&made->words, asked->words);
    made->given.requester = asked->uid;
    made->given.asked_ns = asked_ns;
    made->ended_by = ch_strdup("");
    made->why = ch_strdup("");
    return made;
}

void ch_approval_clear_needed(ch_approval *approval)
{
    for (size_t i = 0; i < approval->needed_count; i++) {
        ch_text_list *of = &approval->needed[i].requirement.of;
        for (size_t k = 0; k < of->count; k++)
            free(of->items[k]);
        free(of->items);
        free(approval->needed[i].name);
    }
    approval->needed_count = 0;
}

void ch_approval_free(ch_approval *approval)
{
    ch_approval_clear_needed(approval);
    ch_buffer_free(&approval->repeat_key);
    ch_buffer_free(&approval->request);
    ch_buffer_free(&approval->words);
    free(approval->callers);
    free(approval->key);
    free(approval->ended_by);
    free(approval->why);
    free(approval);
}

ch_status ch_approval_need(ch_approval *approval, const char *name, const ch_requirement *requirement, ch_error *err)
{
    if (approval->needed_count == CH_APPROVAL_NEEDED_MAX)
        return ch_fail(err, CH_REFUSED, "more than %d entries of 'require' apply to this request",
                       CH_APPROVAL_NEEDED_MAX);
    ch_needed *needed = &approval->needed[approval->needed_count++];
    needed->name = ch_strdup(name);
    needed->requirement = (ch_requirement){.approvals = requirement->approvals,
                                           .needs_code = requirement->needs_code,
                                           .delay_ns = requirement->delay_ns,
                                           .within_ns = requirement->within_ns};
    ch_text_list *of = &needed->requirement.of;
    of->items = ch_realloc_array(NULL, requirement->of.count + 1, sizeof *of->items);
    for (of->count = 0; of->count < requirement->of.count; of->count++)
        of->items[of->count] = ch_strdup(requirement->of.items[of->count]);
    return CH_OK;
}

bool ch_approval_add_given(ch_approval *approval, const ch_given_by *by)
{
    ch_given *given = &approval->given;
    for (size_t i = 0; i < given->count; i++) {
        if (given->by[i].uid != by->uid)
            continue;
        given->by[i] = *by;
        return true;
    }
    if (given->count == CH_GIVEN_MAX)
        return false;
    given->by[given->count++] = *by;
    return true;
}

void ch_approval_await_given(ch_approval *approval, uid_t uid, uint64_t row)
{
    for (size_t i = 0; i < approval->given.count; i++) {
        if (approval->given.by[i].uid == uid)
            approval->given_rows[i] = row;
    }
}

size_t ch_approval_settle_given(ch_approval *approval, uint64_t row, bool is_recorded)
{
    ch_given *given = &approval->given;
    size_t kept = 0;
    size_t left = 0;
    for (size_t i = 0; i < given->count; i++) {
        bool is_settled = approval->given_rows[i] != 0 && approval->given_rows[i] <= row;
        if (is_settled && !is_recorded)
            continue;
        given->by[kept] = given->by[i];
        approval->given_rows[kept] = is_settled ? 0 : approval->given_rows[i];
        left += approval->given_rows[kept++] != 0;
    }
    given->count = kept;
    return left;
}

/* What was signed can be fetched again, and so keeps its request. */
void ch_approval_set_end(ch_approval *approval, ch_approval_state how, const char *person, uid_t uid, const char *why,
                         uint64_t at_ns)
{
    free(approval->ended_by);
    free(approval->why);
    approval->end = how;
    approval->ended_ns = at_ns;
    approval->ended_by = ch_strdup(person);
    approval->ended_uid = uid;
    approval->why = ch_strdup(why);
    if (how != CH_APPROVAL_SIGNED && how != CH_APPROVAL_WAITING)
        ch_buffer_free(&approval->request);
}

/* ---- its state ---- */

static uint64_t later(uint64_t ns, uint64_t by_ns)
{
    return ns > UINT64_MAX - by_ns ? UINT64_MAX : ns + by_ns;
}

static bool is_complete(const ch_approval *approval)
{
    for (size_t i = 0; i < approval->needed_count; i++) {
        if (!ch_given_is_complete(&approval->given, &approval->needed[i].requirement, NULL))
            return false;
    }
    return true;
}

static uint64_t last_given(const ch_given *given)
{
    uint64_t last_ns = given->asked_ns;
    for (size_t i = 0; i < given->count; i++)
        last_ns = given->by[i].at_ns > last_ns ? given->by[i].at_ns : last_ns;
    return last_ns;
}

ch_approval_needs ch_approval_sum(const ch_approval *approval)
{
    ch_approval_needs sum = {.within_ns = approval->needed_count == 0 ? CH_GIVEN_WITHIN_NS : UINT64_MAX};
    for (size_t i = 0; i < approval->needed_count; i++) {
        const ch_requirement *requirement = &approval->needed[i].requirement;
        uint64_t within_ns = ch_given_within_ns(requirement);
        sum.approvals = requirement->approvals > sum.approvals ? requirement->approvals : sum.approvals;
        sum.needs_code = sum.needs_code || requirement->needs_code;
        sum.delay_ns = requirement->delay_ns > sum.delay_ns ? requirement->delay_ns : sum.delay_ns;
        sum.within_ns = within_ns < sum.within_ns ? within_ns : sum.within_ns;
    }
    uint64_t asked_ns = approval->given.asked_ns;
    if (is_complete(approval)) {
        uint64_t last_ns = last_given(&approval->given);
        sum.ready_ns = later(asked_ns, sum.delay_ns);
        sum.ready_ns = last_ns > sum.ready_ns ? last_ns : sum.ready_ns;
    }
    sum.expires_ns = later(sum.ready_ns != 0 ? sum.ready_ns : asked_ns, sum.within_ns);
    return sum;
}

ch_approval_state ch_approval_state_at(const ch_approval *approval, uint64_t now_ns)
{
    if (approval->end != CH_APPROVAL_WAITING)
        return approval->end;
    const ch_approval_needs sum = ch_approval_sum(approval);
    if (now_ns >= sum.expires_ns)
        return CH_APPROVAL_EXPIRED;
    return sum.ready_ns != 0 && now_ns >= sum.ready_ns ? CH_APPROVAL_READY : CH_APPROVAL_WAITING;
}

uint64_t ch_approval_end_ns(const ch_approval *approval)
{
    return approval->end != CH_APPROVAL_WAITING ? approval->ended_ns : ch_approval_sum(approval).expires_ns;
}

/* ---- checks ---- */

ch_status ch_approval_check_open(const ch_approval *approval, uint64_t now_ns, ch_error *err)
{
    char at[CH_UTC_TEXT_SIZE];
    uint64_t id = approval->id;
    ch_utc_text(ch_approval_end_ns(approval) / NS_A_S, at);
    switch (ch_approval_state_at(approval, now_ns)) {
    case CH_APPROVAL_SIGNED:
        return ch_fail_rule(err, CH_CONFLICT, "signed",
                            "request %" PRIu64 " was signed at %s, which is done once; ask anew", id, at);
    case CH_APPROVAL_DENIED:
        return ch_fail_rule(err, CH_CONFLICT, "denied", "request %" PRIu64 " was denied by %s at %s: %s", id,
                            approval->ended_by, at, approval->why);
    case CH_APPROVAL_WITHDRAWN:
        return ch_fail_rule(err, CH_CONFLICT, "withdrawn", "request %" PRIu64 " was withdrawn at %s; ask anew", id, at);
    case CH_APPROVAL_EXPIRED:
        return ch_fail_rule(err, CH_CONFLICT, "expired", "request %" PRIu64 " expired at %s; ask anew", id, at);
    default:
        return CH_OK;
    }
}

/* A delay alone needs nobody. */
static bool needs_person(const ch_requirement *requirement, const char *person)
{
    return (requirement->approvals > 0 || requirement->needs_code) && ch_given_is_meant(requirement, person);
}

ch_status ch_approval_check_person(const ch_approval *approval, const char *person, uid_t uid, ch_error *err)
{
    if (uid == approval->uid)
        return ch_fail_rule(err, CH_REFUSED, "own",
                            "user %u has asked for request %" PRIu64 ", and nobody approves their own", (unsigned)uid,
                            approval->id);
    for (size_t i = 0; i < approval->needed_count; i++) {
        if (needs_person(&approval->needed[i].requirement, person))
            return CH_OK;
    }
    return ch_fail_rule(err, CH_REFUSED, "approver", "request %" PRIu64 " does not need the approval of '%s'",
                        approval->id, person);
}
