#include "tests/unit/agent/core/codes_stage.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

static const ch_link_owner nobody; /* nobody has jobs */
const ch_person codes_stage_persons[] = {
    [ALICE] = {.name = "alice", .roles = CH_ROLE_ADMIN,    .seed = {"pkcs11:object=alice", "hmac-sha1", 6}},
    [BOB] = {.name = "bob",   .roles = CH_ROLE_OPERATOR, .seed = {"pkcs11:object=bob", "hmac-sha1", 6}  },
};
static const ch_policy policy = {.people = (ch_person *)codes_stage_persons,
                                 .person_count = CH_ROWS(codes_stage_persons)};
static const uint8_t print_bytes[CH_PRINT_SIZE] = {7};
static const ch_slice print = {print_bytes, sizeof print_bytes};
static const ch_error success = CH_ERROR_INIT;
static ch_error err;

void codes_stage_begin(codes_stage *it)
{
    play_configure(&it->token);
    ch_loop *loop = stage_set_up();
    play_begin(&it->token, loop, &nobody);
    play_unlock(&it->token);
    ck_assert_msg(ch_store_open(ch_test_folder(), &it->store, &err) == CH_OK, "%s", err.message);
    ck_assert_msg(ch_people_open(it->store, &it->people, &err) == CH_OK, "%s", err.message);
    ck_assert_msg(ch_writer_start(it->store, &it->writer, &err) == CH_OK, "%s", err.message);
    ch_people_start(it->people, it->writer);
    it->links.links[0] = it->token.link;
    it->links.count = 1;
    const ch_codes_context context = {.loop = loop, .policy = &policy, .links = &it->links, .people = it->people};
    it->codes = ch_codes_new(&context);
    codes_stage_pin(it, ALICE);
    ck_assert(ch_codes_is_enrolled(it->codes, &codes_stage_persons[ALICE]));
}

void codes_stage_end(codes_stage *it)
{
    ch_writer_stop(it->writer);
    ch_codes_free(it->codes);
    ch_people_close(it->people);
    ch_store_close(it->store);
}

static void on_answer(void *context, const ch_error *outcome)
{
    codes_heard *who = context;
    who->answers++;
    who->outcome = *outcome;
}

ch_codes_waiter codes_stage_waiter(codes_heard *who)
{
    return (ch_codes_waiter){.context = who, .answer = on_answer};
}

ch_secret codes_stage_type(ch_slice text)
{
    ch_secret typed = CH_SECRET_INIT;
    ck_assert_int_eq(ch_secret_alloc(&typed, text.size, &err), CH_OK);
    memcpy(typed.data, text.data, text.size);
    return typed;
}

void codes_stage_pin(codes_stage *it, int person)
{
    codes_heard kept = {0};
    const ch_person *who = &codes_stage_persons[person];
    const ch_print_name object = {"main", who->seed.object_uri, who->seed.mechanism};
    const ch_person_waiter waiter = {.context = &kept, .answer = on_answer};
    ch_person_pin(ch_people_of(it->people, who->name), &object, print, 100, waiter);
    codes_stage_let_disk_answer(it);
    ck_assert_int_eq(kept.answers, 1);
    ck_assert_int_eq(kept.outcome.status, CH_OK);
}

void codes_stage_let_disk_answer(codes_stage *it)
{
    struct pollfd ready = {.fd = ch_writer_fd(it->writer), .events = POLLIN};
    ck_assert_int_eq(poll(&ready, 1, 20000), 1);
    ch_writer_collect(it->writer);
    stage_settle();
}

void codes_stage_await(const codes_heard *who, int answers)
{
    for (int i = 0; who->answers < answers; i++) {
        ck_assert_int_lt(i, 2000);
        usleep(10000);
        stage_settle();
    }
    ck_assert_int_eq(who->answers, answers);
}

void codes_stage_say(codes_stage *it, const ch_error *outcome, uint64_t step)
{
    int fd = -1;
    const ch_code_done_frame done = {.outcome = *outcome, .step = step, .print = print};
    stage_hear_with(&it->token.actor, CH_FRAME_CODE, &fd);
    close(fd);
    ck_assert_int_eq(ch_code_done_frame_put(ch_channel_out(&it->token.actor.channel), 0, &done, &err), CH_OK);
    stage_send(&it->token.actor);
}

void codes_stage_say_right(codes_stage *it, uint64_t step)
{
    codes_stage_say(it, &success, step);
}
