/* A wait is a place in a small table. A turn looks at the table only if an approval has changed, or if time may have
 * changed one. The timer is set only while somebody waits, so that core is not woken for nothing. */
#include "agent/core/approval_desk.h"

#include "agent/core/approval_answer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/share.h"

#include <inttypes.h>
#include <stdlib.h>

#define LOOK_EVERY_MS 500 /* to find callers who have left, and states that time has changed */
#define DISK_WAIT_MS 3000

typedef struct wait {
    ch_asker asker; /* front NULL: the place is free */
    uint64_t connection;
    uid_t uid;
    uint64_t id;
    ch_approval_state state; /* as it was when the wait began */
    size_t given;
    uint64_t until_ms;
    uint64_t row; /* the journal's row of a withdrawal, which is answered once that is on the disk; 0: no withdrawal */
} wait;

#define PLACES CH_SHARE_MOST(CH_LONG_WAITS_MAX, CH_LONG_WAITS_FIRST)

struct ch_approval_desk {
    ch_approval_desk_context context;
    ch_timer timer;
    wait waits[PLACES];
    size_t count;
    bool is_withdrawing; /* somebody waits for the disk, so each turn looks */
    uint64_t seen_changes;
    uint64_t look_ms; /* the next time at which the places must be looked at */
};

static const ch_share places = {CH_LONG_WAITS_MAX, CH_LONG_WAITS_SHARE, CH_LONG_WAITS_RESERVE, CH_LONG_WAITS_FIRST};

static uint64_t now_of(const ch_approval_desk *desk)
{
    return ch_clockwatch_time_ns(desk->context.clock);
}

static const ch_approval *find(const ch_approval_desk *desk, uint64_t id)
{
    return ch_approvals_find(ch_ledger_approvals(desk->context.ledger), id);
}

/* ---- places ---- */

static size_t count_own(const ch_approval_desk *desk, uid_t uid)
{
    size_t count = 0;
    for (size_t i = 0; i < PLACES; i++)
        count += desk->waits[i].asker.intake != NULL && desk->waits[i].uid == uid;
    return count;
}

static ch_status take_place(ch_approval_desk *desk, const wait *wanted, ch_error *err)
{
    if (!ch_share_admits(&places, desk->count, count_own(desk, wanted->uid)))
        return ch_fail(err, CH_BUSY, "too many wait for a change of requests; ask without wait_s");
    size_t i = 0;
    while (desk->waits[i].asker.intake != NULL)
        i++;
    desk->waits[i] = *wanted;
    desk->count++;
    desk->look_ms = 0;
    ch_connections_serve_begin(desk->context.connections, wanted->asker.intake, wanted->connection);
    return CH_OK;
}

static void leave_place(ch_approval_desk *desk, wait *at)
{
    ch_connections_serve_end(desk->context.connections, at->asker.intake, at->connection);
    at->asker.intake = NULL;
    desk->count--;
}

/* ---- answers ---- */

static void answer(const ch_approval_desk *desk, ch_asker asker, uint64_t id)
{
    ch_error err = CH_ERROR_INIT;
    const ch_approval *approval = find(desk, id);
    ch_status st = approval != NULL
                       ? ch_approval_answer(asker, approval, now_of(desk), (ch_records){0}, &err)
                       : ch_fail(&err, CH_NOT_FOUND, "request %" PRIu64 " ended, and is not kept any more", id);
    if (st != CH_OK)
        ch_asker_failed(asker, "", &err);
}

static bool has_left(const ch_approval_desk *desk, const wait *at)
{
    return ch_asker_out(at->asker) == NULL ||
           !ch_connections_is_there(desk->context.connections, at->asker.intake, at->connection);
}

static bool has_changed(const ch_approval_desk *desk, const wait *at, uint64_t now_ns)
{
    const ch_approval *approval = find(desk, at->id);
    return approval == NULL || ch_approval_state_at(approval, now_ns) != at->state ||
           approval->given.count != at->given;
}

static void answer_late(const wait *at)
{
    ch_error late = CH_ERROR_INIT;
    ch_error_set(&late, CH_UNAVAILABLE, "",
                 "request %" PRIu64
                 " is withdrawn, but the disk of the agent's state does not answer, so that may not be "
                 "kept yet",
                 at->id);
    ch_asker_failed(at->asker, "", &late);
}

/* The front has forgotten the question by now, but core answers every question once. */
static void answer_who_left(const wait *at)
{
    ch_error left = CH_ERROR_INIT;
    ch_error_set(&left, CH_UNAVAILABLE, "", "the caller has left");
    ch_asker_failed(at->asker, "", &left);
}

/* True if the wait is over. */
static bool is_over(const ch_approval_desk *desk, const wait *at, uint64_t now_ms, uint64_t now_ns)
{
    if (has_left(desk, at)) {
        answer_who_left(at);
        return true;
    }
    bool is_due = now_ms >= at->until_ms;
    if (at->row != 0 && !ch_ledger_is_recorded(desk->context.ledger, at->row)) {
        if (is_due)
            answer_late(at);
        return is_due;
    }
    if (at->row == 0 && !is_due && !has_changed(desk, at, now_ns))
        return false;
    answer(desk, at->asker, at->id);
    return true;
}

static void set_timer(ch_approval_desk *desk, uint64_t now_ms)
{
    desk->look_ms = now_ms + LOOK_EVERY_MS;
    for (size_t i = 0; i < PLACES; i++) {
        const wait *at = &desk->waits[i];
        if (at->asker.intake != NULL && at->until_ms < desk->look_ms)
            desk->look_ms = at->until_ms;
    }
    if (desk->count > 0)
        ch_loop_set_timer(desk->context.loop, &desk->timer, desk->look_ms);
}

void ch_approval_desk_turn(ch_approval_desk *desk)
{
    uint64_t changes = ch_approvals_changes(ch_ledger_approvals(desk->context.ledger));
    uint64_t now_ms = ch_clock_ms();
    if (desk->count == 0 || (changes == desk->seen_changes && now_ms < desk->look_ms && !desk->is_withdrawing))
        return;
    uint64_t now_ns = now_of(desk);
    desk->seen_changes = changes;
    desk->is_withdrawing = false;
    for (size_t i = 0; i < PLACES; i++) {
        wait *at = &desk->waits[i];
        if (at->asker.intake == NULL)
            continue;
        if (is_over(desk, at, now_ms, now_ns))
            leave_place(desk, at);
        else
            desk->is_withdrawing = desk->is_withdrawing || at->row != 0;
    }
    set_timer(desk, now_ms);
}

void ch_approval_desk_recall(ch_approval_desk *desk)
{
    for (size_t i = 0; i < PLACES; i++) {
        wait *at = &desk->waits[i];
        if (at->asker.intake == NULL || at->row != 0)
            continue;
        answer(desk, at->asker, at->id);
        leave_place(desk, at);
    }
}

/* ---- frames ---- */

static ch_status find_own(ch_approval_desk *desk, ch_asker asker, uint64_t connection, uint64_t id, uid_t *uid,
                          const ch_approval **out, ch_error *err)
{
    const ch_approval_desk_context *context = &desk->context;
    const ch_peer *peer = ch_connections_peer(context->connections, asker.intake, connection);
    ch_autobuffer callers = CH_BUFFER_INIT;
    if (peer == NULL)
        return ch_fail(err, CH_INTERNAL, "the front sent a request of no connection");
    *uid = peer->uid;
    ch_callers_print(context->policy, ch_callers_find(context->callers, context->policy, peer), &callers);
    return ch_approvals_find_own(ch_ledger_approvals(context->ledger), id, peer->uid, ch_buffer_slice(&callers), out,
                                 err);
}

static ch_status tell(ch_approval_desk *desk, ch_asker asker, const ch_get_request_frame *get, ch_error *err)
{
    const ch_approval *approval;
    wait wanted = {.asker = asker, .connection = get->connection, .id = get->request};
    uint64_t now_ns = now_of(desk);
    uint64_t wait_s = get->wait_s > CH_LONG_WAIT_S_MAX ? CH_LONG_WAIT_S_MAX : get->wait_s;
    CH_TRY(find_own(desk, asker, get->connection, get->request, &wanted.uid, &approval, err));
    wanted.state = ch_approval_state_at(approval, now_ns);
    wanted.given = approval->given.count;
    wanted.until_ms = ch_clock_ms() + 1000 * wait_s;
    if (wait_s == 0 || !ch_approval_is_open(approval, now_ns))
        return ch_approval_answer(asker, approval, now_ns, (ch_records){0}, err);
    return take_place(desk, &wanted, err);
}

void ch_approval_desk_tell(ch_approval_desk *desk, ch_asker asker, const ch_get_request_frame *get)
{
    ch_error err = CH_ERROR_INIT;
    if (tell(desk, asker, get, &err) != CH_OK)
        ch_asker_failed(asker, "", &err);
}

/* Looks for a place before anything changes: a withdrawal that cannot be answered must not happen. */
static ch_status withdraw(ch_approval_desk *desk, ch_asker asker, const ch_withdraw_frame *frame, ch_error *err)
{
    const ch_approval *approval;
    wait wanted = {.asker = asker, .connection = frame->connection, .id = frame->request};
    CH_TRY(find_own(desk, asker, frame->connection, frame->request, &wanted.uid, &approval, err));
    bool is_withdrawn = approval->end == CH_APPROVAL_WITHDRAWN;
    if (!is_withdrawn)
        CH_TRY(ch_approval_check_open(approval, now_of(desk), err));
    if (!ch_share_admits(&places, desk->count, count_own(desk, wanted.uid)))
        return ch_fail(err, CH_BUSY, "too many wait for a change of requests; try again in a moment");
    const ch_approval_ending ending = {.how = CH_APPROVAL_WITHDRAWN, .person = "", .uid = wanted.uid, .why = ""};
    if (is_withdrawn)
        wanted.row = ch_ledger_end_again(desk->context.ledger, frame->request, now_of(desk));
    else
        CH_TRY(ch_ledger_end_approval(desk->context.ledger, frame->request, &ending, now_of(desk), &wanted.row, err));
    if (wanted.row == 0)
        return ch_approval_answer(asker, approval, now_of(desk), (ch_records){0}, err);
    wanted.until_ms = ch_clock_ms() + DISK_WAIT_MS;
    desk->is_withdrawing = true;
    return take_place(desk, &wanted, err);
}

void ch_approval_desk_withdraw(ch_approval_desk *desk, ch_asker asker, const ch_withdraw_frame *frame)
{
    ch_error err = CH_ERROR_INIT;
    if (withdraw(desk, asker, frame, &err) != CH_OK)
        ch_asker_failed(asker, "", &err);
}

/* ---- the room ---- */

static void on_due(void *context)
{
    (void)context; /* the turn that follows looks at the table */
}

ch_approval_desk *ch_approval_desk_new(const ch_approval_desk_context *context)
{
    ch_approval_desk *desk = ch_alloc(sizeof *desk);
    desk->context = *context;
    desk->timer = (ch_timer){.on_due = on_due, .context = desk};
    return desk;
}

void ch_approval_desk_free(ch_approval_desk *desk)
{
    if (desk != NULL)
        ch_loop_cancel_timer(desk->context.loop, &desk->timer);
    free(desk);
}
