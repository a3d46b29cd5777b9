/* Three lists of tickets: urgent, normal, sent. The sent ones stand in the order in which they were sent. */
#include "agent/core/token_jobs.h"

#include "base/memory.h"
#include "base/slots.h"

#include <assert.h>
#include <stdlib.h>

#define AHEAD_WORK_NS 3000000 /* expected work queued ahead at each worker, and so the longest a cancel waits */

typedef struct ticket_list {
    ch_ticket *first;
    ch_ticket *last;
    size_t count;
} ticket_list;

struct ch_token_jobs {
    size_t worker_count;
    ticket_list urgent;
    ticket_list normal;
    ticket_list sent;
    uint64_t work_ns;
    ch_slots *ids;
    ch_ticket *by_id[CH_TOKEN_JOBS_MAX]; /* by the id's index */
    size_t key_count;
    uint32_t costs_ns[]; /* by key; 0: no job was done yet */
};

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

ch_token_jobs *ch_token_jobs_new(size_t worker_count, size_t key_count)
{
    ch_token_jobs *jobs = ch_alloc(sizeof *jobs + key_count * sizeof jobs->costs_ns[0]);
    jobs->worker_count = worker_count;
    jobs->key_count = key_count;
    jobs->ids = ch_slots_new(CH_TOKEN_JOBS_MAX);
    return jobs;
}

void ch_token_jobs_free(ch_token_jobs *jobs)
{
    if (jobs == NULL)
        return;
    ch_slots_free(jobs->ids);
    free(jobs);
}

/* ---- waiting ---- */

size_t ch_token_jobs_waiting(const ch_token_jobs *jobs)
{
    return jobs->urgent.count + jobs->normal.count;
}

bool ch_token_jobs_is_full(const ch_token_jobs *jobs)
{
    return ch_token_jobs_waiting(jobs) + jobs->sent.count >= CH_TOKEN_JOBS_MAX;
}

static ticket_list *queue_of(ch_token_jobs *jobs, const ch_ticket *ticket)
{
    return ticket->is_urgent ? &jobs->urgent : &jobs->normal;
}

void ch_token_jobs_add(ch_token_jobs *jobs, ch_ticket *ticket)
{
    assert(ticket->place == CH_TICKET_OUT && ticket->key < jobs->key_count && !ch_token_jobs_is_full(jobs));
    append(queue_of(jobs, ticket), ticket);
    ticket->place = CH_TICKET_WAITING;
}

void ch_token_jobs_leave(ch_token_jobs *jobs, ch_ticket *ticket)
{
    if (ticket->place == CH_TICKET_WAITING) {
        unlink_ticket(queue_of(jobs, ticket), ticket);
    } else if (ticket->place == CH_TICKET_SENT) {
        unlink_ticket(&jobs->sent, ticket);
        ch_slots_release(jobs->ids, ticket->id);
        jobs->work_ns -= ticket->cost_ns;
    }
    ticket->place = CH_TICKET_OUT;
}

/* ---- at the token ---- */

bool ch_token_jobs_has_room(const ch_token_jobs *jobs)
{
    return jobs->sent.count < jobs->worker_count || jobs->work_ns < jobs->worker_count * (uint64_t)AHEAD_WORK_NS;
}

ch_ticket *ch_token_jobs_call(ch_token_jobs *jobs)
{
    ticket_list *queue = jobs->urgent.count > 0 ? &jobs->urgent : &jobs->normal;
    ch_ticket *ticket = queue->first;
    if (ticket == NULL)
        return NULL;
    unlink_ticket(queue, ticket);
    ticket->place = CH_TICKET_CALLED;
    return ticket;
}

void ch_token_jobs_send(ch_token_jobs *jobs, ch_ticket *ticket, uint64_t now_ms)
{
    assert(ticket->place == CH_TICKET_CALLED);
    ticket->id = ch_slots_take(jobs->ids);
    assert(ticket->id != 0); /* as many ids as jobs */
    jobs->by_id[ch_slot_index(ticket->id)] = ticket;
    /* Nothing is known of a key's first job: it may be a slow token's. */
    uint32_t known_ns = jobs->costs_ns[ticket->key];
    ticket->cost_ns = known_ns == 0 ? AHEAD_WORK_NS : known_ns;
    ticket->sent_ms = now_ms;
    ticket->place = CH_TICKET_SENT;
    append(&jobs->sent, ticket);
    jobs->work_ns += ticket->cost_ns;
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

size_t ch_token_jobs_sent(const ch_token_jobs *jobs)
{
    return jobs->sent.count;
}

uint64_t ch_token_jobs_work_ns(const ch_token_jobs *jobs)
{
    return jobs->work_ns;
}

uint64_t ch_token_jobs_oldest_ms(const ch_token_jobs *jobs)
{
    return jobs->sent.first == NULL ? 0 : jobs->sent.first->sent_ms;
}

ch_ticket *ch_token_jobs_any(const ch_token_jobs *jobs, ch_ticket_place place)
{
    if (place == CH_TICKET_SENT)
        return jobs->sent.first;
    return jobs->urgent.first != NULL ? jobs->urgent.first : jobs->normal.first;
}
