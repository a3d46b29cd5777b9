/* The disk of the state hung while an enrolment was being written. The admin was told that nobody could know of the
 * try, and 'totp enroll' destroyed the seed; but when the disk answered, that seed was enrolled. The same words were
 * said of a revocation, which was in effect. */
#include "agent/core/codes.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/play.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { ALICE, BOB };

static ch_error err;
static play_token token;
static const ch_link_owner nobody; /* no test here has jobs */
static ch_person persons[] = {
    [ALICE] = {.name = "alice", .roles = CH_ROLE_ADMIN,    .seed = {"pkcs11:object=alice", "hmac-sha1", 6}},
    [BOB] = {.name = "bob",   .roles = CH_ROLE_OPERATOR, .seed = {"pkcs11:object=bob", "hmac-sha1", 6}  },
};
static const ch_policy policy = {.people = persons, .person_count = CH_ROWS(persons)};
static const uint8_t print_bytes[CH_PRINT_SIZE] = {7};
static const ch_slice print = {print_bytes, sizeof print_bytes};
static ch_store *store;
static ch_people *people;
static ch_writer *writer;
static ch_links links;
static ch_codes *codes;

typedef struct heard {
    int answers;
    ch_error outcome;
} heard;

static void on_answer(void *context, const ch_error *answer)
{
    heard *who = context;
    who->answers++;
    who->outcome = *answer;
}

/* What was submitted is on the disk, and core hears of it. */
static void let_disk_answer(void)
{
    struct pollfd ready = {.fd = ch_writer_fd(writer), .events = POLLIN};
    ck_assert_int_eq(poll(&ready, 1, 20000), 1);
    ch_writer_collect(writer);
    stage_settle();
}

static void pin(const ch_person *person)
{
    heard kept = {0};
    const ch_print_name object = {"main", person->seed.object_uri, person->seed.mechanism};
    const ch_person_waiter waiter = {.context = &kept, .answer = on_answer};
    ch_person_pin(ch_people_of(people, person->name), &object, print, 100, waiter);
    let_disk_answer();
    ck_assert_int_eq(kept.answers, 1);
}

static void begin(void)
{
    play_configure(&token);
    ch_loop *loop = stage_set_up();
    play_begin(&token, loop, &nobody);
    play_unlock(&token);
    ck_assert_msg(ch_store_open(ch_test_folder(), &store, &err) == CH_OK, "%s", err.message);
    ck_assert_msg(ch_people_open(store, &people, &err) == CH_OK, "%s", err.message);
    ck_assert_msg(ch_writer_start(store, &writer, &err) == CH_OK, "%s", err.message);
    ch_people_start(people, writer);
    links.links[0] = token.link;
    links.count = 1;
    const ch_codes_context context = {.loop = loop, .policy = &policy, .links = &links, .people = people};
    codes = ch_codes_new(&context);
    pin(&persons[ALICE]);
}

static ch_secret type(ch_slice text)
{
    ch_secret typed = CH_SECRET_INIT;
    ck_assert_int_eq(ch_secret_alloc(&typed, text.size, &err), CH_OK);
    memcpy(typed.data, text.data, text.size);
    return typed;
}

static void say_that_it_is_right(uint64_t step)
{
    int fd = -1;
    const ch_code_done_frame done = {.outcome = CH_ERROR_INIT, .step = step, .print = print};
    stage_hear_with(&token.actor, CH_FRAME_CODE, &fd);
    close(fd);
    ck_assert_int_eq(ch_code_done_frame_put(ch_channel_out(&token.actor.channel), 0, &done, &err), CH_OK);
    stage_send(&token.actor);
}

/* The writer's thread may have written it; core has not heard of that. */
static void await_answer(const heard *who)
{
    for (int i = 0; i < 1000 && who->answers == 0; i++) {
        usleep(10000);
        stage_settle();
    }
    ck_assert_int_eq(who->answers, 1);
    ck_assert_int_eq(who->outcome.status, CH_IO);
}

/* As far as its last write. */
static void go_on(void)
{
    let_disk_answer(); /* the try */
    say_that_it_is_right(120);
    let_disk_answer(); /* the step */
}

START_TEST(test_what_was_enrolled_too_late_is_not)
{
    heard alice = {0};
    begin();
    ch_secret typed = type(CH_LITERAL("PIN\000414141\000424242"));
    const ch_codes_waiter waiter = {.context = &alice, .answer = on_answer};
    ch_codes_enroll(codes, &persons[ALICE], ch_slice_of("bob"), &typed, &waiter);
    go_on();
    say_that_it_is_right(120); /* of bob's */
    await_answer(&alice);
    ck_assert_ptr_nonnull(strstr(alice.outcome.message, "the seed is not enrolled"));
    let_disk_answer();
    ck_assert(!ch_codes_is_enrolled(codes, &persons[BOB]));
    let_disk_answer(); /* it is taken back there, too */
    ck_assert(!ch_codes_is_enrolled(codes, &persons[BOB]));
}
END_TEST

START_TEST(test_what_was_revoked_is_and_that_is_said)
{
    heard alice = {0};
    begin();
    pin(&persons[BOB]);
    ch_secret typed = type(CH_LITERAL("424242"));
    const ch_codes_waiter waiter = {.context = &alice, .answer = on_answer};
    ch_codes_revoke(codes, &persons[ALICE], ch_slice_of("bob"), &typed, &waiter);
    go_on();
    await_answer(&alice);
    ck_assert_ptr_nonnull(strstr(alice.outcome.message, "the seed is revoked, but that is not kept yet"));
    ck_assert(!ch_codes_is_enrolled(codes, &persons[BOB]));
    let_disk_answer();
    ck_assert(!ch_codes_is_enrolled(codes, &persons[BOB]));
}
END_TEST

static void tear_down(void)
{
    ch_writer_stop(writer);
    ch_codes_free(codes);
    ch_people_close(people);
    ch_store_close(store);
}

CH_TESTS_WITH("a seed that was destroyed was enrolled later", NULL, tear_down,
              CH_TEST(test_what_was_enrolled_too_late_is_not), CH_TEST(test_what_was_revoked_is_and_that_is_said))
