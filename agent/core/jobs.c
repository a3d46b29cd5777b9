#include "agent/core/core.h"

void ch_jobs_init(ch_core *core)
{
    for (uint16_t i = 0; i < CH_JOBS_MAX; i++)
        core->jobs[i].next = i + 1 < CH_JOBS_MAX ? (uint16_t)(i + 1) : CH_NO_JOB;
    core->free_job = 0;
}

ch_job *ch_job_take(ch_core *core)
{
    if (core->free_job == CH_NO_JOB)
        return NULL;
    ch_job *job = &core->jobs[core->free_job];
    core->free_job = job->next;
    job->is_used = true;
    job->sent_ms = 0;
    if (job->draft == NULL)
        job->draft = ch_draft_new(core->scratch);
    return job;
}

void ch_job_release(ch_core *core, ch_job *job)
{
    job->is_used = false;
    job->generation++;
    job->next = core->free_job;
    core->free_job = (uint16_t)(job - core->jobs);
}

uint64_t ch_job_id(const ch_core *core, const ch_job *job)
{
    return (uint64_t)job->generation << 16 | (uint64_t)(job - core->jobs);
}

ch_job *ch_job_find(ch_core *core, uint64_t id)
{
    uint64_t index = id & 0xffff;
    if (index >= CH_JOBS_MAX)
        return NULL;
    ch_job *job = &core->jobs[index];
    return job->is_used && job->generation == id >> 16 ? job : NULL;
}

void ch_queue_push(ch_core *core, ch_queue *queue, ch_job *job)
{
    uint16_t index = (uint16_t)(job - core->jobs);
    job->next = CH_NO_JOB;
    if (queue->count++ == 0)
        queue->first = index;
    else
        core->jobs[queue->last].next = index;
    queue->last = index;
}

ch_job *ch_queue_pop(ch_core *core, ch_queue *queue)
{
    if (queue->count == 0)
        return NULL;
    ch_job *job = &core->jobs[queue->first];
    queue->first = job->next;
    queue->count--;
    return job;
}
