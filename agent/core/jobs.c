#include "agent/core/jobs.h"

#include "base/memory.h"
#include "base/buffer.h"
#include "base/slots.h"
#include "wire/frame.h"

#include <assert.h>
#include <openssl/sha.h>
#include <stdlib.h>

struct ch_jobs {
    ch_slots *slots;
    ch_scratch *scratch;
    size_t count;
    ch_job *jobs[]; /* NULL: was never taken */
};

ch_jobs *ch_jobs_new(size_t held_max, ch_scratch *scratch)
{
    size_t count = held_max + 1;
    ch_jobs *jobs = ch_alloc(sizeof *jobs + count * sizeof jobs->jobs[0]);
    jobs->slots = ch_slots_new(count);
    jobs->scratch = scratch;
    jobs->count = count;
    return jobs;
}

void ch_jobs_free(ch_jobs *jobs)
{
    if (jobs == NULL)
        return;
    for (size_t i = 0; i < jobs->count; i++) {
        ch_job *job = jobs->jobs[i];
        if (job == NULL)
            continue;
        ch_buffer_free(&job->bytes);
        ch_buffer_free(&job->decoded);
        ch_buffer_free(&job->signature);
        free(job->params);
        ch_draft_free(job->draft);
        free(job);
    }
    ch_slots_free(jobs->slots);
    free(jobs);
}

/* What holds while a job is taken. */
static void job_check(const ch_jobs *jobs, const ch_job *job)
{
    (void)jobs; /* unused without assertions */
    (void)job;
    assert(job == jobs->jobs[ch_slot_index(job->id)]);
    assert(ch_slots_id(jobs->slots, ch_slot_index(job->id)) == job->id);
    assert(job->ticket.owner == job);
}

/* What holds when it has given back all that it took. */
static void check_out(const ch_job *job)
{
    (void)job;
    assert(job->ticket.place == CH_TICKET_OUT && job->claim.place == CH_CLAIM_OUT);
    assert(job->reservation == NULL && !job->is_recording && job->sent == NULL);
}

static ch_job *place_of(ch_jobs *jobs, size_t index)
{
    ch_job *job = jobs->jobs[index];
    if (job != NULL)
        return job;
    job = jobs->jobs[index] = ch_alloc(sizeof *job);
    job->draft = ch_draft_new(jobs->scratch);
    return job;
}

ch_job *ch_jobs_take(ch_jobs *jobs)
{
    uint64_t id = ch_slots_take(jobs->slots);
    assert(id != 0);
    ch_job *job = place_of(jobs, ch_slot_index(id));
    job->id = id;
    job->is_old = false;
    job->is_counted = false;
    job->is_again = false;
    job->returned_ms = 0;
    job->approval = 0;
    job->asked = (ch_request){0};
    job->asker = (ch_asker){0};
    job->person.context = NULL;
    job->person.has_left = false;
    ch_buffer_clear(&job->bytes);
    ch_job_begin_again(job);
    job_check(jobs, job);
    return job;
}

typedef struct kept {
    ch_slice from;
    ch_slice *to;
} kept;

/* What is the same in the very same request: all but the relay's id, which is the first. A bot that asks again after
 * the relay has forgotten what it sent gives the request another time; by its Idempotency-Key it is the same all the
 * same. */
static void digest_asked(const ch_sign_frame *sign, const kept *fields, size_t count, uint8_t *digest)
{
    ch_autobuffer asked = CH_BUFFER_INIT;
    bool is_by_key = sign->repeat_key.size > 0;
    ch_put_u8(&asked, is_by_key ? UINT8_MAX : sign->form);
    if (is_by_key) {
        ch_put_bytes(&asked, sign->relay_for);
        ch_put_bytes(&asked, sign->key);
        ch_put_bytes(&asked, sign->repeat_key);
    } else {
        ch_put_u16(&asked, (uint16_t)sign->values.count);
        for (size_t i = 1; i < count; i++)
            ch_put_bytes(&asked, fields[i].from);
    }
    SHA256(asked.data, asked.size, digest);
}

void ch_job_keep_asked(ch_job *job, const ch_sign_frame *sign)
{
    /* clang-format off */
    const kept fields[] = {
        { sign->relay_id,       &job->relay_id }, /* the first: no part of the digest */
        { sign->key,            &job->key_name },
        { sign->method,         &job->asked.method },
        { sign->host,           &job->asked.host },
        { sign->path,           &job->asked.path },
        { sign->text,           &job->text },
        { sign->values.records, &job->values.records },
        { sign->repeat_key,     &job->repeat_key },
        { sign->key_id,         &job->key_id },
        { sign->relay_for,      &job->relay_for },
        { sign->url,            &job->url },
        { sign->origin,         &job->origin },
        { sign->headers.records, &job->headers.records },
        { sign->body,           &job->body },
    };
    /* clang-format on */
    size_t total = 0;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        total += fields[i].from.size;
    uint8_t *at = ch_buffer_reserve(&job->bytes, total); /* once: what points into it must not move */
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        *fields[i].to = (ch_slice){at, fields[i].from.size};
        at += fields[i].from.size;
        ch_buffer_add_slice(&job->bytes, fields[i].from);
    }
    if (sign->relay_id.size > 0)
        digest_asked(sign, fields, sizeof fields / sizeof *fields, job->digest);
    job->values.count = sign->values.count;
    job->headers.count = sign->headers.count;
    job->request = job->asked;
    job->connection = sign->connection;
    job->form = (ch_form)sign->form;
    job->is_check = sign->is_check;
}

/* The rest is set by the step that finds it, before anyone reads it. */
void ch_job_begin_again(ch_job *job)
{
    check_out(job);
    job->step = 0;
    job->is_held = false;
    job->is_answered = false;
    job->request = job->asked;
    job->repeat = (ch_repeat){.owner = job};
    job->key = NULL;
    job->relay = NULL;
    job->first_id[0] = '\0';
    job->validity_ns = 0;
    job->link = NULL;
    job->endpoint = NULL;
    job->text_time_ns = 0;
    job->until_ns = 0;
    job->own_ns = 0;
    job->window_ms = 0;
    job->is_window_added = false;
    job->needs_people = false;
    job->judged_ns = 0;
    job->reservation = NULL;
    job->row = 0;
    job->is_recorded = false;
    job->is_handed_over = false;
    job->signatures = NULL;
    job->ticket = (ch_ticket){.owner = job};
    job->claim = (ch_nonce_claim){.owner = job};
    ch_buffer_clear(&job->decoded);
    ch_buffer_clear(&job->signature);
}

ch_job *ch_jobs_next(ch_jobs *jobs, const ch_job *job)
{
    for (size_t i = job == NULL ? 0 : ch_slot_index(job->id) + 1; i < jobs->count; i++) {
        if (ch_slots_id(jobs->slots, i) != 0)
            return jobs->jobs[i];
    }
    return NULL;
}

void ch_jobs_release(ch_jobs *jobs, ch_job *job)
{
    job_check(jobs, job);
    check_out(job);
    ch_slots_release(jobs->slots, job->id);
}

size_t ch_jobs_count(const ch_jobs *jobs)
{
    return ch_slots_count(jobs->slots);
}

void ch_job_reserve_params(ch_job *job, size_t count)
{
    if (count <= job->param_capacity)
        return;
    job->params = ch_realloc_array(job->params, count, sizeof *job->params);
    job->param_capacity = count;
}
