#include "agent/core/jobs.h"

#include "tests/support/suite.h"

#define HELD_MAX 100

static ch_scratch *scratch;
static ch_jobs *jobs;

static void set_up(void)
{
    scratch = ch_scratch_new();
    jobs = ch_jobs_new(HELD_MAX, scratch);
}

static void tear_down(void)
{
    ch_jobs_free(jobs);
    ch_scratch_free(scratch);
}

START_TEST(test_there_is_one_place_more_than_may_be_held)
{
    static ch_job *held[HELD_MAX + 1];
    set_up();
    for (size_t i = 0; i <= HELD_MAX; i++) {
        held[i] = ch_jobs_take(jobs);
        ck_assert_ptr_nonnull(held[i]);
        ck_assert_uint_eq(ch_jobs_count(jobs), i + 1);
    }
    for (size_t i = 1; i <= HELD_MAX; i++)
        ck_assert_ptr_ne(held[i], held[i - 1]);
    ch_jobs_release(jobs, held[HELD_MAX]);
    ck_assert_uint_eq(ch_jobs_count(jobs), HELD_MAX);
    ck_assert_ptr_nonnull(ch_jobs_take(jobs));
    tear_down();
}
END_TEST

START_TEST(test_a_released_job_keeps_its_buffers_for_the_next)
{
    set_up();
    ch_job *job = ch_jobs_take(jobs);
    ch_buffer_add_text(&job->bytes, "asked");
    ch_buffer_add_text(&job->decoded, "decoded");
    ch_buffer_add_text(&job->signature, "signature");
    ch_job_reserve_params(job, 100);
    const void *kept[] = {job->bytes.data, job->decoded.data, job->signature.data, job->params, job->draft};
    ch_jobs_release(jobs, job);
    ck_assert_ptr_eq(ch_jobs_take(jobs), job);
    ck_assert_ptr_eq(job->bytes.data, kept[0]);
    ck_assert_ptr_eq(job->decoded.data, kept[1]);
    ck_assert_ptr_eq(job->signature.data, kept[2]);
    ck_assert_ptr_eq(job->params, kept[3]);
    ck_assert_ptr_eq(job->draft, kept[4]);
    ck_assert_uint_eq(job->param_capacity, 100);
    tear_down();
}
END_TEST

START_TEST(test_a_job_knows_nothing_of_the_one_before)
{
    static const ch_key key;
    static const ch_payloads signatures;
    set_up();
    ch_job *job = ch_jobs_take(jobs);
    uint64_t first = job->id;
    job->step = 5;
    job->is_held = true;
    job->key = &key;
    job->signatures = &signatures;
    job->text_time_ns = 7;
    job->ticket.is_urgent = true;
    job->ticket.key = 3;
    ch_buffer_add_text(&job->bytes, "asked");
    ch_buffer_add_text(&job->decoded, "decoded");
    ch_buffer_add_text(&job->signature, "signature");
    ch_jobs_release(jobs, job);
    ck_assert_ptr_eq(ch_jobs_take(jobs), job);
    ck_assert_uint_ne(job->id, first);
    ck_assert_uint_eq(job->step, 0);
    ck_assert(!job->is_held && !job->ticket.is_urgent);
    ck_assert(job->key == NULL && job->endpoint == NULL && job->signatures == NULL);
    ck_assert_uint_eq(job->text_time_ns, 0);
    ck_assert_uint_eq(job->ticket.key, 0);
    ck_assert_ptr_eq(job->ticket.owner, job);
    ck_assert_uint_eq(job->bytes.size + job->decoded.size + job->signature.size, 0);
    tear_down();
}
END_TEST

START_TEST(test_room_for_params_only_grows)
{
    set_up();
    ch_job *job = ch_jobs_take(jobs);
    ch_job_reserve_params(job, 0);
    ch_job_reserve_params(job, 10);
    ck_assert_uint_eq(job->param_capacity, 10);
    job->params[9] = (ch_param){.kind = CH_PARAM_INTEGER};
    ch_job_reserve_params(job, 3);
    ck_assert_uint_eq(job->param_capacity, 10);
    ch_job_reserve_params(job, 20);
    ck_assert_int_eq(job->params[9].kind, CH_PARAM_INTEGER);
    tear_down();
    ch_jobs_free(NULL);
}
END_TEST

CH_TESTS("jobs", CH_TEST(test_there_is_one_place_more_than_may_be_held),
         CH_TEST(test_a_released_job_keeps_its_buffers_for_the_next),
         CH_TEST(test_a_job_knows_nothing_of_the_one_before), CH_TEST(test_room_for_params_only_grows))
