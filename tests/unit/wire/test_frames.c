#include "wire/frames.h"

#include "base/memory.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

static ch_error err;

static void add_job(ch_buffer *packet, uint64_t id, uint16_t key, const char *payload)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_job_frame job = {.key = key};
    ch_text_record_put(&job.payloads, &records, &(ch_text_record){.bytes = ch_slice_of(payload)});
    ck_assert_int_eq(ch_job_frame_put(packet, id, &job, &err), CH_OK);
}

START_TEST(test_frames_of_a_packet_come_back_as_written)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_frame frame;
    ch_job_frame job;
    ch_text_record payload;
    add_job(&packet, 7, 42, "one");
    add_job(&packet, 8, 43, "");
    ch_slice rest = ch_buffer_slice(&packet);
    ck_assert(ch_frame_next(&rest, &frame));
    ck_assert_uint_eq(frame.type, CH_FRAME_JOB);
    ck_assert_uint_eq(frame.id, 7);
    ck_assert_int_eq(ch_job_frame_get(&frame, &job, &err), CH_OK);
    ck_assert_uint_eq(job.key, 42);
    ck_assert(ch_text_record_next(&job.payloads, &payload));
    ck_assert(ch_slice_is(payload.bytes, "one"));
    ck_assert(!ch_text_record_next(&job.payloads, &payload));
    ck_assert(ch_frame_next(&rest, &frame));
    ck_assert_uint_eq(frame.id, 8);
    ck_assert(!ch_frame_next(&rest, &frame) && rest.size == 0);
}
END_TEST

/* Every cut of a good packet is either fewer whole frames or a broken rest; none is read past its end. */
START_TEST(test_a_cut_packet_is_never_read_past_its_end)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    add_job(&packet, 1, 2, "three");
    for (size_t size = 0; size < packet.size; size++) {
        uint8_t *copy = ch_alloc(size);
        memcpy(copy, packet.data, size);
        ch_slice rest = {copy, size};
        ch_frame frame;
        ck_assert(!ch_frame_next(&rest, &frame));
        ck_assert_uint_eq(rest.size, size);
        free(copy);
    }
}
END_TEST

/* A frame whose header is right and whose fields end anywhere. */
START_TEST(test_fields_that_are_cut_are_malformed)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    add_job(&packet, 1, 2, "three");
    for (uint32_t size = 16; size < packet.size; size++) {
        uint8_t *copy = ch_alloc(size);
        memcpy(copy, packet.data, size);
        memcpy(copy, &size, sizeof size);
        ch_slice rest = {copy, size};
        ch_frame frame;
        ch_job_frame job;
        ck_assert(ch_frame_next(&rest, &frame));
        ck_assert_int_eq(ch_job_frame_get(&frame, &job, &err), CH_INTERNAL);
        free(copy);
    }
}
END_TEST

START_TEST(test_bytes_after_the_fields_are_malformed)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_frame frame;
    ch_logout_frame logout;
    size_t begin = ch_frame_begin(&packet, CH_FRAME_LOGOUT, 0);
    ch_put_u8(&packet, 1);
    ck_assert_int_eq(ch_frame_end(&packet, begin, &err), CH_OK);
    ch_slice rest = ch_buffer_slice(&packet);
    ck_assert(ch_frame_next(&rest, &frame));
    ck_assert_int_eq(ch_logout_frame_get(&frame, &logout, &err), CH_INTERNAL);
    ck_assert_str_eq(err.message, "a malformed LOGOUT frame came");
}
END_TEST

START_TEST(test_a_count_that_lies_is_malformed)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_frame frame;
    ch_key_list_frame list;
    size_t begin = ch_frame_begin(&packet, CH_FRAME_KEY_LIST, 0);
    ch_put_u16(&packet, 60000);
    ck_assert_int_eq(ch_frame_end(&packet, begin, &err), CH_OK);
    ch_slice rest = ch_buffer_slice(&packet);
    ck_assert(ch_frame_next(&rest, &frame));
    ck_assert_int_eq(ch_key_list_frame_get(&frame, &list, &err), CH_INTERNAL);
    ck_assert_uint_eq(list.keys.count, 0);
}
END_TEST

START_TEST(test_a_flag_is_0_or_1)
{
    const uint8_t two = 2;
    ch_frame frame = {.at = &two, .end = &two + 1};
    ck_assert(!ch_get_flag(&frame));
    ck_assert(!ch_frame_is_read(&frame));
}
END_TEST

START_TEST(test_header_sizes_that_lie_are_refused)
{
    static const uint32_t sizes[] = {0, 1, 15, 17, UINT32_MAX};
    for (size_t i = 0; i < CH_ROWS(sizes); i++) {
        uint8_t bytes[16] = {0};
        memcpy(bytes, &sizes[i], sizeof sizes[i]);
        ch_slice rest = {bytes, sizeof bytes};
        ch_frame frame;
        ck_assert_msg(!ch_frame_next(&rest, &frame), "size %u was taken", sizes[i]);
    }
}
END_TEST

START_TEST(test_a_frame_over_the_limit_is_taken_out_again)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_autofree uint8_t *large = ch_alloc(CH_PACKET_MAX);
    add_job(&packet, 1, 2, "small");
    size_t before = packet.size;
    ch_signature_only_frame answer = {
        .signature = {large, CH_PACKET_MAX}
    };
    ck_assert_int_eq(ch_signature_only_frame_put(&packet, 2, &answer, &err), CH_TOO_LARGE);
    ck_assert_uint_eq(packet.size, before);
}
END_TEST

START_TEST(test_an_error_crosses_whole)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_frame frame;
    ch_login_done_frame got;
    ch_login_done_frame sent = {.outcome = CH_ERROR_INIT};
    ch_error_set(&sent.outcome, CH_TOKEN, "CKR_DEVICE_ERROR", "C_Sign on token '%s'", "main");
    ck_assert_int_eq(ch_login_done_frame_put(&packet, 0, &sent, &err), CH_OK);
    ch_slice rest = ch_buffer_slice(&packet);
    ck_assert(ch_frame_next(&rest, &frame));
    ck_assert_int_eq(ch_login_done_frame_get(&frame, &got, &err), CH_OK);
    ck_assert_int_eq(got.outcome.status, CH_TOKEN);
    ck_assert_str_eq(got.outcome.rule, "CKR_DEVICE_ERROR");
    ck_assert_str_eq(got.outcome.message, "C_Sign on token 'main'");
}
END_TEST

/* clang-format off */
static const struct {
    const char *name;
    uint16_t type;
    ch_direction from;
    ch_receiving state;
    bool has_descriptor;
    const char *says; /* NULL: it is admitted */
} admissions[] = {
    /* name                              frame                  direction             state                with fd  says */
    { "a job to a serving process",      CH_FRAME_JOB,          CH_CORE_TO_TOKEN,     CH_WHILE_SERVING,    false,   NULL },
    { "a job to a starting process",     CH_FRAME_JOB,          CH_CORE_TO_TOKEN,     CH_WHILE_STARTING,   false,   "JOB is not accepted while starting" },
    { "a login with its PIN",            CH_FRAME_LOGIN,        CH_CORE_TO_TOKEN,     CH_WHILE_SERVING,    true,    NULL },
    { "a login without its PIN",         CH_FRAME_LOGIN,        CH_CORE_TO_TOKEN,     CH_WHILE_SERVING,    false,   "came without a descriptor" },
    { "a job with a descriptor",         CH_FRAME_JOB,          CH_CORE_TO_TOKEN,     CH_WHILE_SERVING,    true,    "came with a descriptor" },
    { "an unlock by the front",          CH_FRAME_UNLOCK,       CH_FRONT_TO_CORE,     CH_WHILE_SERVING,    true,    "UNLOCK is not its to send" },
    { "a login outcome unasked for",     CH_FRAME_LOGIN_DONE,   CH_TOKEN_TO_CORE,     CH_WHILE_LOCKED,     false,   "LOGIN_DONE is not accepted while locked" },
    { "a signature after a lock",        CH_FRAME_SIGNATURE,    CH_TOKEN_TO_CORE,     CH_WHILE_LOCKED,     false,   NULL },
    { "a signature before a start",      CH_FRAME_SIGNATURE,    CH_TOKEN_TO_CORE,     CH_WHILE_STARTING,   false,   "not accepted" },
    { "a second request",                CH_FRAME_LOCK,         CH_OPERATOR_TO_CORE,  CH_WHILE_WAITING,    false,   "not accepted" },
    { "no such frame",                   77,                    CH_CORE_TO_TOKEN,     CH_WHILE_SERVING,    false,   "frame 77 is unknown" },
    { "a number beyond the table",       60000,                 CH_CORE_TO_TOKEN,     CH_WHILE_SERVING,    false,   "frame 60000 is unknown" },
};
/* clang-format on */

START_TEST(test_a_frame_is_admitted_only_from_its_side_and_in_its_states)
{
    ch_status st = ch_frame_admit(admissions[_i].type, admissions[_i].from, admissions[_i].state,
                                  admissions[_i].has_descriptor, &err);
    ck_assert_msg((st == CH_OK) == (admissions[_i].says == NULL), "%s", admissions[_i].name);
    if (st != CH_OK)
        ck_assert_msg(strstr(err.message, admissions[_i].says) != NULL, "%s: %s", admissions[_i].name, err.message);
}
END_TEST

CH_TESTS("frames", CH_TEST(test_frames_of_a_packet_come_back_as_written),
         CH_TEST(test_a_cut_packet_is_never_read_past_its_end), CH_TEST(test_fields_that_are_cut_are_malformed),
         CH_TEST(test_bytes_after_the_fields_are_malformed), CH_TEST(test_a_count_that_lies_is_malformed),
         CH_TEST(test_a_flag_is_0_or_1), CH_TEST(test_header_sizes_that_lie_are_refused),
         CH_TEST(test_a_frame_over_the_limit_is_taken_out_again), CH_TEST(test_an_error_crosses_whole),
         CH_TEST_ROWS(test_a_frame_is_admitted_only_from_its_side_and_in_its_states, admissions))
