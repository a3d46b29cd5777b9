/* The token link's jobs: taken from the queue, sent to the process, answered. */
#include "agent/core/token_link_impl.h"

#include "base/clock.h"
#include "wire/channel.h"

#include <assert.h>

#define PACKET_WORK_NS 400000 /* most expected work in a packet of several jobs */
#define VAGUE_FAILURES 3      /* without a signature, from which on each has the process started anew */

#define OVERDUE_MS 1000

#define PROBE_EVERY_MS 3000
#define PROBE_TIMEOUT_MS 10000

/* ---- jobs that fail ---- */

void ch_link_fail_jobs(ch_token_link *link, ch_ticket_place place, const ch_error *why)
{
    ch_ticket *ticket;
    while ((ticket = ch_token_jobs_any(link->jobs, place)) != NULL) {
        link->counts.failures += place == CH_TICKET_SENT;
        ch_token_jobs_leave(link->jobs, ticket);
        link->owner.on_failed(link->owner.context, ticket, why);
    }
}

static ch_status find_job(ch_token_link *link, uint64_t id, ch_ticket **out, ch_error *err)
{
    *out = ch_token_jobs_find(link->jobs, id);
    return *out != NULL ? CH_OK : ch_fail(err, CH_INTERNAL, "it answered a job that it was not given");
}

/* The process has said what became of a job, and so of the PIN that went with it. */
static void note_pin_back(ch_token_link *link, ch_ticket *ticket)
{
    if (ticket->has_pin && link->pins_out > 0)
        link->pins_out--;
    ticket->has_pin = false;
}

ch_status ch_link_take_signature(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_token_link *link = self;
    ch_ticket *ticket = NULL;
    ch_signature_frame answer;
    ch_slice signatures[CH_PAYLOADS_A_JOB];
    CH_TRY(ch_signature_frame_get(frame, &answer, err));
    CH_TRY(find_job(link, frame->id, &ticket, err));
    size_t count = answer.signatures.count;
    if (count != ticket->payload_count)
        return ch_fail(err, CH_INTERNAL, "it sent %zu signatures for %zu payloads", count, ticket->payload_count);
    ch_text_record record;
    for (size_t i = 0; ch_text_record_next(&answer.signatures, &record); i++) {
        if (record.bytes.size == 0 || record.bytes.size > CH_SIGNATURE_SIZE_MAX)
            return ch_fail(err, CH_INTERNAL, "it sent a signature of %zu bytes", record.bytes.size);
        signatures[i] = record.bytes;
    }
    link->vague_failures = 0;
    note_pin_back(link, ticket);
    if (!link->is_gone)
        ch_link_trust_key(link, ticket->key);
    ch_token_jobs_set_cost(link->jobs, ticket->key, answer.cost_ns);
    ch_token_jobs_note_answer(link->jobs, ticket, ch_clock_ns());
    ch_token_jobs_leave(link->jobs, ticket);
    if (link->keys[ticket->key].is_exchanged) {
        link->counts.failures++;
        link->owner.on_failed(link->owner.context, ticket, &link->keys[ticket->key].problem);
        return CH_OK;
    }
    link->counts.signatures += count;
    ch_link_note_use(link, ticket->key);
    link->owner.on_signed(link->owner.context, ticket, signatures, count);
    return CH_OK;
}

/* The process is started anew; its other answers are still taken first. */
static void give_up(ch_token_link *link, const ch_error *why)
{
    link->detail = *why;
    link->is_gone = true;
}

/* Another program has logged out, or reset the card. Without the PIN only an operator can log in again. */
static void lose_login(ch_token_link *link, ch_error *why)
{
    bool has_pin = link->pin.data != NULL;
    if (!ch_link_is_open(link))
        return; /* it is being locked */
    ch_error_set(why, has_pin ? CH_UNAVAILABLE : CH_LOCKED, "CKR_USER_NOT_LOGGED_IN",
                 "token '%s' has lost its login: another program logged out or reset it; %s", link->config.name,
                 has_pin ? "it is being logged in again" : "unlock it again");
    give_up(link, why);
}

/* A PIN that was refused is never sent again: the token counts. */
static void lose_pin(ch_token_link *link, ch_error *why)
{
    ch_error refusal = *why;
    if (link->pin.data != NULL && link->config.tries != NULL)
        ch_tries_add(link->config.tries);
    ch_secret_wipe(&link->pin);
    ch_error_set(why, CH_LOCKED, refusal.rule,
                 "token '%s' refused the PIN for a signature, so the agent has forgotten it (%s); find out why, then "
                 "unlock it again",
                 link->config.name, refusal.message);
    give_up(link, why);
}

static ch_status judge_fault(ch_token_link *link, uint8_t cause, ch_error *why, ch_error *err)
{
    if (cause >= CH_FAULT_COUNT)
        return ch_fail(err, CH_INTERNAL, "it told a cause that there is not: %u", cause);
    bool is_broken = cause == CH_FAULT_MODULE && ++link->vague_failures >= VAGUE_FAILURES;
    if (cause == CH_FAULT_LOGIN)
        lose_login(link, why);
    if (cause == CH_FAULT_PIN)
        lose_pin(link, why);
    if (cause == CH_FAULT_DEVICE || is_broken) {
        ch_link_note_removal(link, why);
        why->status = CH_UNAVAILABLE; /* whatever it was: it is not this request that fails */
        give_up(link, why);
    }
    return CH_OK;
}

static void take_returned(ch_token_link *link, ch_ticket *ticket)
{
    ch_token_jobs_note_surprise(link->jobs);
    ticket->is_unsigned = true;
    ch_token_jobs_leave(link->jobs, ticket);
    link->owner.on_returned(link->owner.context, ticket);
}

ch_status ch_link_take_job_failed(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_token_link *link = self;
    ch_ticket *ticket = NULL;
    ch_job_failed_frame failed;
    CH_TRY(ch_job_failed_frame_get(frame, &failed, err));
    CH_TRY(find_job(link, frame->id, &ticket, err));
    ch_token_jobs_note_answer(link->jobs, ticket, ch_clock_ns());
    note_pin_back(link, ticket);
    if (failed.cause == CH_FAULT_NONE) {
        take_returned(link, ticket);
        return CH_OK;
    }
    if (failed.why.status == CH_OK)
        return ch_fail(err, CH_INTERNAL, "it failed a job without a reason");
    if (failed.why.status == CH_WRONG_PIN)
        failed.why.status = CH_UNAVAILABLE; /* no bot has sent a PIN */
    ticket->is_unsigned =
        failed.cause != CH_FAULT_MODULE && failed.cause != CH_FAULT_DEVICE && failed.cause != CH_FAULT_SIGNATURE;
    CH_TRY(judge_fault(link, failed.cause, &failed.why, err));
    if (failed.cause == CH_FAULT_KEY)
        ch_link_find_key(link, ticket->key);
    if (failed.cause == CH_FAULT_SIGNATURE) {
        ch_link_distrust_key(link, ticket->key, &failed.why);
        give_up(link, &failed.why);
    }
    link->counts.failures++;
    ch_token_jobs_leave(link->jobs, ticket);
    ch_error_wrap(&failed.why, "signing with key '%s'", link->keys[ticket->key].name);
    link->owner.on_failed(link->owner.context, ticket, &failed.why);
    return CH_OK;
}

/* ---- while there are no jobs ---- */

static ch_status send_probe(ch_token_link *link, ch_error *err)
{
    link->is_probing = true;
    CH_TRY(ch_probe_frame_put(ch_channel_out(&link->child.channel), 0, &(ch_probe_frame){}, err));
    ch_child_flush(&link->child);
    return CH_OK;
}

void ch_link_probe(ch_token_link *link, uint64_t now_ms)
{
    ch_error err = CH_ERROR_INIT;
    bool may_ask = link->state == CH_LINK_SERVING || link->state == CH_LINK_LOCKED;
    if (!may_ask || ch_token_jobs_sent(link->jobs) > 0) {
        link->quiet_ms = now_ms;
        return;
    }
    if (link->is_probing && now_ms - link->quiet_ms > PROBE_TIMEOUT_MS)
        ch_child_end(&link->child, "it did not answer in time");
    if (link->is_probing || now_ms - link->quiet_ms < PROBE_EVERY_MS)
        return;
    link->quiet_ms = now_ms;
    if (send_probe(link, &err) != CH_OK)
        ch_child_end(&link->child, err.message);
}

ch_status ch_link_take_probed(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_token_link *link = self;
    ch_probed_frame probed;
    CH_TRY(ch_probed_frame_get(frame, &probed, err));
    if (!link->is_probing)
        return ch_fail(err, CH_INTERNAL, "it answered a probe that there was not");
    link->is_probing = false;
    return probed.outcome.status == CH_OK ? CH_OK : judge_fault(link, probed.cause, &probed.outcome, err);
}

/* ---- jobs that wait, and jobs that are sent ---- */

ch_status ch_token_link_check_key(const ch_token_link *link, size_t key, ch_error *err)
{
    assert(key < link->key_count);
    CH_TRY(ch_link_check_key_unlock(link, key, err));
    if (ch_link_is_open(link) && link->keys[key].is_known && !ch_link_is_usable(link, key)) {
        *err = link->keys[key].problem;
        return ch_error_wrap(err, "key '%s'", link->keys[key].name);
    }
    if (ch_link_is_open(link) && !link->keys[key].is_named)
        return ch_fail(err, CH_UNAVAILABLE, "key '%s' is new, and is being looked for; try again",
                       link->keys[key].name);
    /* With a PIN that was kept, the process is being restarted: what waits is signed then. */
    bool is_coming_back = link->state == CH_LINK_FINDING || link->pin.data != NULL;
    if (link->state == CH_LINK_SERVING || (is_coming_back && ch_link_is_back_soon(link)))
        return CH_OK;
    bool is_absent = link->state == CH_LINK_ABSENT || link->state == CH_LINK_STARTING || is_coming_back;
    return is_absent && !link->is_replaced ? ch_link_fail_absent(link, err) : ch_link_fail_locked(link, err);
}

static ch_status fail_full(const ch_token_link *link, const ch_ticket *ticket, ch_error *err)
{
    const char *what = ticket->is_urgent ? "cancels" : "requests";
    if (ch_token_jobs_held(link->jobs, ticket->caller, ticket->is_urgent) < CH_TOKEN_CALLER_SHARE)
        return ch_fail(err, CH_BUSY, "all places for %s at token '%s' are taken; try again in a moment", what,
                       link->config.name);
    return ch_fail(err, CH_BUSY, "too many %s of user %u wait for token '%s'; try again in a moment", what,
                   (unsigned)ticket->caller, link->config.name);
}

ch_status ch_token_link_admit(ch_token_link *link, ch_ticket *ticket, ch_error *err)
{
    if (!ch_token_jobs_admits(link->jobs, ticket->caller, ticket->is_urgent))
        return fail_full(link, ticket, err);
    ch_token_jobs_admit(link->jobs, ticket);
    return CH_OK;
}

ch_status ch_token_link_queue(ch_token_link *link, ch_ticket *ticket, ch_error *err)
{
    if (ticket->place == CH_TICKET_OUT)
        CH_TRY(ch_token_link_admit(link, ticket, err));
    ch_token_jobs_add(link->jobs, ticket);
    return CH_OK;
}

/* With the PIN beside it, so that the process need not keep it. */
static ch_status send_pin_job(ch_token_link *link, uint64_t id, const ch_job_frame *job, ch_error *err)
{
    ch_pin_job_frame pin_job = {.key = job->key, .payloads = job->payloads};
    if (link->pin.data == NULL)
        return ch_link_fail_locked(link, err);
    CH_TRY(ch_channel_attach_secret(&link->child.channel, &link->pin, err));
    ch_status st = ch_pin_job_frame_put(ch_channel_out(&link->child.channel), id, &pin_job, err);
    if (st == CH_OK)
        link->pins_out++;
    else
        ch_channel_detach(&link->child.channel);
    return st;
}

/* Jobs whose decisions were recorded together leave together: each worker gets its part of them in a packet. */
static void begin_packet(ch_token_link *link)
{
    size_t parts = link->config.workers == 1 ? 2 : link->config.workers;
    if (link->packet_jobs == 0)
        link->packet_share = (ch_token_jobs_called(link->jobs) + parts - 1) / parts;
    link->packet_jobs++;
}

static void end_packet(ch_token_link *link, bool is_whole)
{
    if (link->packet_jobs == 0)
        return;
    bool is_up = ch_child_is_up(&link->child);
    bool is_full = is_up && ch_channel_out(&link->child.channel)->size >= CH_LINK_PACKET_FILL;
    if (is_up && !is_whole && !is_full && link->packet_jobs < link->packet_share)
        return;
    link->packet_jobs = 0;
    ch_child_flush(&link->child);
}

static ch_status put_job(ch_token_link *link, ch_ticket *ticket, const ch_slice *payloads, size_t count, ch_error *err)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_job_frame job = {.key = (uint16_t)ticket->key};
    for (size_t i = 0; i < count; i++)
        ch_text_record_put(&job.payloads, &records, &(ch_text_record){.bytes = payloads[i]});
    ch_token_jobs_send(link->jobs, ticket, ch_clock_ms());
    ticket->payload_count = count;
    ticket->is_unsigned = false;
    ticket->has_pin = ch_link_takes_pin(link, ticket->key);
    if (ticket->has_pin)
        return send_pin_job(link, ticket->id, &job, err);
    return ch_job_frame_put(ch_channel_out(&link->child.channel), ticket->id, &job, err);
}

bool ch_token_link_may_sign(const ch_token_link *link)
{
    return link->state == CH_LINK_SERVING && !ch_link_has_ended(link);
}

ch_status ch_token_link_sign(ch_token_link *link, ch_ticket *ticket, const ch_slice *payloads, size_t count,
                             ch_error *err)
{
    assert(link->state == CH_LINK_SERVING && count > 0 && count <= CH_PAYLOADS_A_JOB);
    if (link->is_giving)
        return put_job(link, ticket, payloads, count, err);
    begin_packet(link);
    return put_job(link, ticket, payloads, count, err);
}

void ch_token_link_pass_on(ch_token_link *link)
{
    end_packet(link, false);
}

void ch_token_link_leave(ch_token_link *link, ch_ticket *ticket)
{
    ch_token_jobs_leave(link->jobs, ticket);
}

uint64_t ch_token_link_overdue_s(const ch_token_link *link, uint64_t now_ms)
{
    const ch_ticket *oldest = ch_token_jobs_any(link->jobs, CH_TICKET_SENT);
    uint64_t taken_ms = oldest == NULL ? 0 : now_ms - oldest->sent_ms;
    bool is_overdue = taken_ms > OVERDUE_MS && taken_ms > 3 * (uint64_t)oldest->cost_ns / 1000000;
    return is_overdue ? taken_ms / 1000 : 0;
}

size_t ch_token_link_sent(const ch_token_link *link)
{
    return ch_token_jobs_sent(link->jobs);
}

/* Fills a packet with at most `count` jobs. Returns how many it called. */
static size_t give_jobs(ch_token_link *link, size_t count)
{
    uint64_t begun_ns = ch_token_jobs_work_ns(link->jobs);
    const ch_buffer *out = ch_channel_out(&link->child.channel);
    size_t called = 0;
    link->is_giving = true;
    while (called < count && out->size < CH_LINK_PACKET_FILL) {
        uint64_t before_ns = ch_token_jobs_work_ns(link->jobs);
        ch_ticket *ticket = ch_token_jobs_call(link->jobs);
        if (ticket == NULL)
            break;
        called++;
        link->owner.on_turn(link->owner.context, ticket);
        uint64_t work_ns = ch_token_jobs_work_ns(link->jobs);
        if (work_ns - begun_ns + (work_ns - before_ns) > PACKET_WORK_NS)
            break;
    }
    link->is_giving = false;
    return called;
}

/* Jobs share a packet, because each packet costs system calls, but each worker gets its part, and a lone one two, so
 * that it is at work while core builds others. A slow job goes to whichever worker is free. If the socket is full, the
 * process has not even read what it was given, and gets no more. */
void ch_token_link_dispatch(ch_token_link *link)
{
    ch_link_check(link);
    end_packet(link, true);
    if (link->is_gone && ch_child_is_up(&link->child))
        ch_child_end(&link->child, link->detail.message);
    ch_link_end_locked(link);
    size_t parts = link->config.workers == 1 ? 2 : link->config.workers;
    size_t share = (ch_token_jobs_waiting(link->jobs) + parts - 1) / parts;
    while (link->state == CH_LINK_SERVING && ch_token_jobs_waiting(link->jobs) > 0 &&
           ch_token_jobs_has_room(link->jobs, ch_clock_ms()) && ch_channel_pending(&link->child.channel) == 0) {
        if (give_jobs(link, share) == 0)
            break;
        ch_child_flush(&link->child);
    }
    ch_link_find_some(link);
    ch_link_check(link);
}
