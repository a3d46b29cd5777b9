/* Each caller has a lane with two queues, urgent and normal; callers take turns, a job at a time. The jobs at the token
 * stand in the order in which they were sent. */
#include "agent/core/token_jobs.h"

#include "agent/core/width.h"
#include "base/memory.h"
#include "base/slots.h"

#include <assert.h>
#include <stdlib.h>

/* Expected work queued ahead at each worker, and so the longest a cancel waits. If the token's process has not a
 * processor to itself, it takes several times as long, so there is less of it while others must wait for it. */
#define AHEAD_WORK_NS 3000000
#define SHARED_AHEAD_WORK_NS 150000

#define LATE_MS 20 /* beyond what all jobs at the token should take */
#define PERHAPS_STUCK_MS 1500
#define STUCK_MS 10000        /* with one job */
#define STUCK_COSTS 4         /* or as many times what it was expected to take, if that is longer */
#define PATIENCE_MAX_MS 60000 /* with a device that takes longer than can be said of a job */
#define NS_A_MS 1000000ULL

static const ch_share places = {CH_TOKEN_JOBS_MAX, CH_TOKEN_CALLER_SHARE, CH_TOKEN_RESERVE, CH_TOKEN_FIRST};

#define KINDS 2 /* by is_urgent: cancels, and all else */

typedef struct ticket_list {
    ch_ticket *first;
    ch_ticket *last;
    size_t count;
} ticket_list;

/* What one caller has here. Lanes are kept, empty ones are used again. */
typedef struct lane {
    uid_t uid;
    size_t held[KINDS]; /* its jobs, wherever they are */
    ticket_list queues[KINDS];
} lane;

struct ch_token_jobs {
    ch_meter *meter; /* NULL: none */
    size_t worker_count;
    lane **lanes;
    size_t lane_count;
    size_t turns[KINDS]; /* the lane that was served last */
    size_t held[KINDS];  /* of all lanes */
    size_t waiting[KINDS];
    ticket_list sent;
    size_t called;
    size_t slow_sent;   /* called ones too, and so is the work */
    uint64_t head_ms;   /* since when the first job that was sent is the first */
    uint64_t answer_ms; /* when the last answer came */
    ch_width width;
    uint64_t work_ns;
    ch_slots *ids;
    ch_ticket *by_id[CH_TOKEN_TICKETS_MAX]; /* by the id's index */
    size_t key_count;
    uint32_t *costs_ns; /* by key; 0: no job was done yet */
};

/* ---- lists ---- */

static void list_check(const ticket_list *list)
{
    (void)list; /* unused without assertions */
    assert((list->first == NULL) == (list->count == 0) && (list->last == NULL) == (list->count == 0));
    assert(list->first == NULL || list->first->previous == NULL);
    assert(list->last == NULL || list->last->next == NULL);
}

static void append(ticket_list *list, ch_ticket *ticket)
{
    ticket->next = NULL;
    ticket->previous = list->last;
    if (list->last == NULL)
        list->first = ticket;
    else
        list->last->next = ticket;
    list->last = ticket;
    list->count++;
}

static void unlink_ticket(ticket_list *list, ch_ticket *ticket)
{
    assert(list->count > 0);
    assert(ticket->previous != NULL || list->first == ticket);
    assert(ticket->next != NULL || list->last == ticket);
    if (ticket->previous == NULL)
        list->first = ticket->next;
    else
        ticket->previous->next = ticket->next;
    if (ticket->next == NULL)
        list->last = ticket->previous;
    else
        ticket->next->previous = ticket->previous;
    ticket->previous = ticket->next = NULL;
    list->count--;
}

/* ---- lanes ---- */

static bool is_empty(const lane *at)
{
    return at->held[false] + at->held[true] == 0;
}

/* The caller's lane, an empty one that may become it, or NULL. */
static lane *find_lane(const ch_token_jobs *jobs, uid_t uid)
{
    lane *empty = NULL;
    for (size_t i = 0; i < jobs->lane_count; i++) {
        if (is_empty(jobs->lanes[i]))
            empty = jobs->lanes[i];
        else if (jobs->lanes[i]->uid == uid)
            return jobs->lanes[i];
    }
    return empty;
}

static lane *take_lane(ch_token_jobs *jobs, uid_t uid)
{
    lane *found = find_lane(jobs, uid);
    if (found == NULL) {
        jobs->lanes = ch_realloc_array(jobs->lanes, jobs->lane_count + 1, sizeof *jobs->lanes);
        found = ch_alloc(sizeof *found);
        jobs->lanes[jobs->lane_count++] = found;
    }
    found->uid = uid;
    return found;
}

/* The first job of the lane whose turn it is; `*turn` is the lane that was served last. Callers who must wait are
 * passed over. */
static ch_ticket *next_in_turn(const ch_token_jobs *jobs, size_t *turn, bool is_urgent, const ch_meter *meter)
{
    for (size_t i = 1; i <= jobs->lane_count; i++) {
        size_t index = (*turn + i) % jobs->lane_count;
        ch_ticket *first = jobs->lanes[index]->queues[is_urgent].first;
        if (first != NULL && !ch_meter_must_wait(meter, jobs->lanes[index]->uid)) {
            *turn = index;
            return first;
        }
    }
    return NULL;
}

static void hold(ch_token_jobs *jobs, lane *at, bool is_urgent)
{
    at->held[is_urgent]++;
    jobs->held[is_urgent]++;
}

static void let_go(ch_token_jobs *jobs, lane *at, bool is_urgent)
{
    assert(at->held[is_urgent] > 0 && jobs->held[is_urgent] > 0);
    at->held[is_urgent]--;
    jobs->held[is_urgent]--;
}

/* ---- what holds between any two calls ---- */

static void lane_check(const lane *at)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        list_check(&at->queues[kind]);
        assert(at->queues[kind].count <= at->held[kind]);
    }
}

/* Jobs that the token has, or is about to get. */
static size_t ahead(const ch_token_jobs *jobs)
{
    return jobs->called + jobs->sent.count;
}

/* `at` is the lane that was changed. */
static void token_jobs_check(const ch_token_jobs *jobs, const lane *at)
{
    lane_check(at);
    list_check(&jobs->sent);
    assert(jobs->held[false] + jobs->held[true] <= CH_TOKEN_TICKETS_MAX);
    /* The rest is admitted. */
    assert(ch_token_jobs_waiting(jobs) + ahead(jobs) <= jobs->held[false] + jobs->held[true]);
    assert(ch_slots_count(jobs->ids) == jobs->sent.count);
    assert(ahead(jobs) > 0 || (jobs->work_ns == 0 && jobs->slow_sent == 0));
}

/* ---- waiting ---- */

size_t ch_token_jobs_waiting(const ch_token_jobs *jobs)
{
    return jobs->waiting[false] + jobs->waiting[true];
}

size_t ch_token_jobs_held(const ch_token_jobs *jobs, uid_t uid, bool is_urgent)
{
    const lane *at = find_lane(jobs, uid);
    return at == NULL ? 0 : at->held[is_urgent];
}

bool ch_token_jobs_admits(const ch_token_jobs *jobs, uid_t uid, bool is_urgent)
{
    return ch_share_admits(&places, jobs->held[is_urgent], ch_token_jobs_held(jobs, uid, is_urgent));
}

void ch_token_jobs_admit(ch_token_jobs *jobs, ch_ticket *ticket)
{
    assert(ticket->place == CH_TICKET_OUT && ticket->key < jobs->key_count);
    assert(ch_token_jobs_admits(jobs, ticket->caller, ticket->is_urgent));
    ticket->lane = take_lane(jobs, ticket->caller);
    hold(jobs, ticket->lane, ticket->is_urgent);
    ticket->place = CH_TICKET_ADMITTED;
    token_jobs_check(jobs, ticket->lane);
}

void ch_token_jobs_add(ch_token_jobs *jobs, ch_ticket *ticket)
{
    if (ticket->place == CH_TICKET_OUT)
        ch_token_jobs_admit(jobs, ticket);
    assert(ticket->place == CH_TICKET_ADMITTED);
    append(&ticket->lane->queues[ticket->is_urgent], ticket);
    jobs->waiting[ticket->is_urgent]++;
    ticket->place = CH_TICKET_WAITING;
    token_jobs_check(jobs, ticket->lane);
}

static void stop_waiting(ch_token_jobs *jobs, ch_ticket *ticket)
{
    unlink_ticket(&ticket->lane->queues[ticket->is_urgent], ticket);
    jobs->waiting[ticket->is_urgent]--;
}

static void expect(ch_token_jobs *jobs, ch_ticket *ticket)
{
    /* Nothing is known of a key's first job: it may be a slow token's. */
    uint32_t known_ns = jobs->costs_ns[ticket->key];
    ticket->cost_ns = known_ns == 0 ? AHEAD_WORK_NS : known_ns;
    ticket->is_slow = known_ns == 0 || known_ns > CH_SLOW_JOB_NS;
    jobs->work_ns += ticket->cost_ns;
    jobs->slow_sent += ticket->is_slow;
}

static void expect_no_more(ch_token_jobs *jobs, const ch_ticket *ticket)
{
    assert(jobs->work_ns >= ticket->cost_ns && jobs->slow_sent >= ticket->is_slow);
    jobs->work_ns -= ticket->cost_ns;
    jobs->slow_sent -= ticket->is_slow;
}

static void take_back(ch_token_jobs *jobs, ch_ticket *ticket)
{
    unlink_ticket(&jobs->sent, ticket);
    ch_slots_release(jobs->ids, ticket->id);
}

void ch_token_jobs_leave(ch_token_jobs *jobs, ch_ticket *ticket)
{
    if (ticket->place == CH_TICKET_OUT)
        return;
    if (ticket->place == CH_TICKET_WAITING)
        stop_waiting(jobs, ticket);
    else if (ticket->place == CH_TICKET_SENT)
        take_back(jobs, ticket);
    else if (ticket->place == CH_TICKET_CALLED)
        jobs->called--;
    if (ticket->place == CH_TICKET_SENT || ticket->place == CH_TICKET_CALLED)
        expect_no_more(jobs, ticket);
    let_go(jobs, ticket->lane, ticket->is_urgent);
    token_jobs_check(jobs, ticket->lane);
    ticket->lane = NULL;
    ticket->place = CH_TICKET_OUT;
}

/* ---- at the token ---- */

uint64_t ch_token_jobs_oldest_ms(const ch_token_jobs *jobs)
{
    const ch_ticket *first = jobs->sent.first;
    if (first == NULL)
        return 0;
    return first->sent_ms > jobs->head_ms ? first->sent_ms : jobs->head_ms;
}

static bool is_late(const ch_token_jobs *jobs, uint64_t now_ms)
{
    uint64_t oldest_ms = ch_token_jobs_oldest_ms(jobs);
    uint64_t since_ms = oldest_ms > jobs->answer_ms ? oldest_ms : jobs->answer_ms;
    return oldest_ms != 0 && now_ms > since_ms + jobs->work_ns / NS_A_MS + LATE_MS;
}

/* A job behind others is not stuck: each answer to one before it is progress. */
bool ch_token_jobs_is_stuck(const ch_token_jobs *jobs, uint64_t now_ms)
{
    uint64_t oldest_ms = ch_token_jobs_oldest_ms(jobs);
    if (oldest_ms == 0)
        return false;
    uint64_t cost_ns = jobs->sent.first->cost_ns;
    uint64_t patience_ms = cost_ns == UINT32_MAX ? PATIENCE_MAX_MS : cost_ns / NS_A_MS * STUCK_COSTS;
    return now_ms > oldest_ms + (patience_ms < STUCK_MS ? STUCK_MS : patience_ms);
}

void ch_token_jobs_note_stuck(ch_token_jobs *jobs)
{
    jobs->costs_ns[jobs->sent.first->key] = UINT32_MAX;
}

void ch_token_jobs_note_answer(ch_token_jobs *jobs, const ch_ticket *ticket, uint64_t now_ns)
{
    bool is_pressed = jobs->slow_sent >= ch_width_now(&jobs->width) && ch_token_jobs_waiting(jobs) > 0;
    assert(ticket->place == CH_TICKET_SENT);
    jobs->answer_ms = now_ns / NS_A_MS;
    if (ticket == jobs->sent.first)
        jobs->head_ms = jobs->answer_ms;
    if (ticket->is_slow)
        ch_width_note(&jobs->width, now_ns, jobs->costs_ns[ticket->key], is_pressed);
}

void ch_token_jobs_note_surprise(ch_token_jobs *jobs)
{
    ch_width_reset(&jobs->width);
}

/* One worker seems to be stuck, or the whole device. The other workers may go on. */
static bool is_perhaps_stuck(const ch_token_jobs *jobs, uint64_t now_ms)
{
    uint64_t oldest_ms = ch_token_jobs_oldest_ms(jobs);
    return oldest_ms != 0 && now_ms > oldest_ms + PERHAPS_STUCK_MS + jobs->sent.first->cost_ns / NS_A_MS * STUCK_COSTS;
}

bool ch_token_jobs_has_room(const ch_token_jobs *jobs, uint64_t now_ms)
{
    if (is_perhaps_stuck(jobs, now_ms))
        return ahead(jobs) < jobs->worker_count;
    if (jobs->slow_sent >= ch_width_now(&jobs->width) || is_late(jobs, now_ms))
        return false;
    uint64_t ahead_ns = ch_meter_is_shared(jobs->meter) ? SHARED_AHEAD_WORK_NS : AHEAD_WORK_NS;
    return ahead(jobs) < jobs->worker_count || jobs->work_ns < jobs->worker_count * ahead_ns;
}

ch_ticket *ch_token_jobs_call(ch_token_jobs *jobs)
{
    ch_ticket *ticket = NULL;
    if (jobs->waiting[true] > 0)
        ticket = next_in_turn(jobs, &jobs->turns[true], true, jobs->meter);
    if (ticket == NULL && jobs->waiting[false] > 0)
        ticket = next_in_turn(jobs, &jobs->turns[false], false, jobs->meter);
    if (ticket == NULL)
        return NULL;
    stop_waiting(jobs, ticket);
    ticket->place = CH_TICKET_CALLED;
    jobs->called++;
    expect(jobs, ticket);
    token_jobs_check(jobs, ticket->lane);
    return ticket;
}

void ch_token_jobs_send(ch_token_jobs *jobs, ch_ticket *ticket, uint64_t now_ms)
{
    assert(ticket->place == CH_TICKET_CALLED);
    ticket->id = ch_slots_take(jobs->ids);
    assert(ticket->id != 0); /* as many ids as jobs */
    jobs->by_id[ch_slot_index(ticket->id)] = ticket;
    ticket->sent_ms = now_ms;
    ticket->place = CH_TICKET_SENT;
    jobs->called--;
    append(&jobs->sent, ticket);
    ch_meter_spend(jobs->meter, ticket->caller, ticket->cost_ns);
    token_jobs_check(jobs, ticket->lane);
}

ch_ticket *ch_token_jobs_find(const ch_token_jobs *jobs, uint64_t id)
{
    size_t index;
    return ch_slots_find(jobs->ids, id, &index) ? jobs->by_id[index] : NULL;
}

void ch_token_jobs_set_cost(ch_token_jobs *jobs, size_t key, uint32_t cost_ns)
{
    assert(key < jobs->key_count);
    jobs->costs_ns[key] = cost_ns;
}

size_t ch_token_jobs_called(const ch_token_jobs *jobs)
{
    return jobs->called;
}

size_t ch_token_jobs_sent(const ch_token_jobs *jobs)
{
    return jobs->sent.count;
}

uint64_t ch_token_jobs_work_ns(const ch_token_jobs *jobs)
{
    return jobs->work_ns;
}

ch_ticket *ch_token_jobs_any(const ch_token_jobs *jobs, ch_ticket_place place)
{
    size_t turn = 0;
    assert(place == CH_TICKET_WAITING || place == CH_TICKET_SENT);
    if (place == CH_TICKET_SENT)
        return jobs->sent.first;
    ch_ticket *urgent = next_in_turn(jobs, &turn, true, NULL);
    return urgent != NULL ? urgent : next_in_turn(jobs, &turn, false, NULL);
}

/* ---- the room ---- */

ch_token_jobs *ch_token_jobs_new(size_t worker_count)
{
    ch_token_jobs *jobs = ch_alloc(sizeof *jobs);
    jobs->worker_count = worker_count;
    ch_width_init(&jobs->width, (unsigned)worker_count);
    jobs->ids = ch_slots_new(CH_TOKEN_TICKETS_MAX);
    return jobs;
}

void ch_token_jobs_set_keys(ch_token_jobs *jobs, size_t key_count)
{
    assert(key_count >= jobs->key_count);
    for (; jobs->key_count < key_count; jobs->key_count++) {
        jobs->costs_ns = ch_array_grow(jobs->costs_ns, jobs->key_count, sizeof *jobs->costs_ns);
        jobs->costs_ns[jobs->key_count] = 0;
    }
}

void ch_token_jobs_set_meter(ch_token_jobs *jobs, ch_meter *meter)
{
    jobs->meter = meter;
}

void ch_token_jobs_free(ch_token_jobs *jobs)
{
    if (jobs == NULL)
        return;
    for (size_t i = 0; i < jobs->lane_count; i++)
        free(jobs->lanes[i]);
    free(jobs->lanes);
    free(jobs->costs_ns);
    ch_slots_free(jobs->ids);
    free(jobs);
}
