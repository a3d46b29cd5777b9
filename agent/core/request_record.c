/* A request waits here until its row is on the disk; those of one turn together. They go on in the order of their rows,
 * which is that of their nonces. So the sum of what was signed is never larger than the sum of what was recorded, and
 * no crash leaves a signature that no record tells of. */
#include "agent/core/request_impl.h"

#include "base/clock.h"

/* Keeps the list in the order of rows: two that ask for the same approval wait for one row. */
static void insert(ch_requests *requests, ch_job *job)
{
    ch_job *previous = requests->last_recording;
    while (previous != NULL && previous->row > job->row)
        previous = previous->recording_previous;
    ch_job *next = previous == NULL ? requests->first_recording : previous->recording_next;
    job->recording_previous = previous;
    job->recording_next = next;
    *(previous == NULL ? &requests->first_recording : &previous->recording_next) = job;
    *(next == NULL ? &requests->last_recording : &next->recording_previous) = job;
    job->is_recording = true;
}

void ch_request_await_row(ch_requests *requests, ch_job *job, uint64_t row)
{
    job->row = row;
    job->is_held = true;
    job->held_ms = ch_clock_ms();
    insert(requests, job);
}

void ch_request_unrecord(ch_requests *requests, ch_job *job)
{
    ch_job *previous = job->recording_previous;
    ch_job *next = job->recording_next;
    if (!job->is_recording)
        return;
    *(previous == NULL ? &requests->first_recording : &previous->recording_next) = next;
    *(next == NULL ? &requests->last_recording : &next->recording_previous) = previous;
    job->is_recording = false;
}

ch_status ch_request_record(ch_requests *requests, ch_job *job, ch_error *err)
{
    ch_ledger *ledger = requests->context.ledger;
    ch_reservation *reservation = job->reservation;
    if (job->is_recorded)
        return CH_OK;
    CH_TRY(ch_request_check_approval(requests, job, err)); /* the row that follows uses it */
    ch_record_end(&job->payloads, job->now.wall_ns, &reservation->record);
    ch_request_note_own_time(requests, job);
    ch_request_await_row(requests, job, ch_ledger_record(ledger, reservation, job->now.wall_ns));
    return CH_OK;
}

static void fail(ch_requests *requests, ch_job *job, const ch_error *outcome)
{
    ch_error why = CH_ERROR_INIT;
    if (job->reservation != NULL)
        job->reservation->is_lost = true;
    ch_error_set(&why, CH_UNAVAILABLE, "", "this could not be recorded, so nothing is signed: %s", outcome->message);
    ch_request_turn_back(requests, job, &why);
}

/* The token may have been locked, or its process be another, while the disk was waited for. */
static void go_on(ch_requests *requests, ch_job *job)
{
    ch_token_link *link = job->link;
    job->is_recorded = true;
    if (job->needs_people) {
        ch_request_walk_on(requests, job);
        return;
    }
    if (!ch_token_link_may_sign(link)) {
        ch_request_begin_again(requests, job);
        return;
    }
    ch_request_walk_on(requests, job);
    ch_token_link_pass_on(link);
}

static void on_recorded(void *context, uint64_t id, const ch_error *outcome)
{
    ch_requests *requests = context;
    ch_job *job;
    while ((job = requests->first_recording) != NULL && job->row <= id) {
        ch_request_unrecord(requests, job);
        if (outcome->status == CH_OK)
            go_on(requests, job);
        else
            fail(requests, job, outcome);
    }
}

ch_ledger_owner ch_requests_ledger_owner(ch_requests *requests)
{
    return (ch_ledger_owner){.context = requests, .on_recorded = on_recorded};
}
