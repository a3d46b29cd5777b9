/* The kill switch, as operators use it. The test's user is operator and admin of the scene's policy, which has a caller
 * "me" and a key "bot". */
#include "agent/core/operators.h"

#include "tests/support/suite.h"
#include "tests/unit/agent/core/visit.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

static ch_error err;
static scene it;
static visit person;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

typedef struct named {
    uint8_t of;
    const char *name;
} named;

#define EITHER 4
#define NAMES(...)                                                                                                     \
    (const named[])                                                                                                    \
    {                                                                                                                  \
        __VA_ARGS__,                                                                                                   \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }

static void add_names(const named *names, ch_records *targets, ch_buffer *records)
{
    for (; names->name != NULL; names++) {
        const ch_freeze_target_record target = {.of = names->of, .name = ch_slice_of(names->name)};
        ch_freeze_target_record_put(targets, records, &target);
    }
}

static void freeze(const named *names, bool is_reducing, const char *reason)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_freeze_frame frame = {.version = CH_FRAMES_VERSION, .is_reducing = is_reducing, .reason = ch_slice_of(reason)};
    add_names(names, &frame.targets, &records);
    MUST(ch_freeze_frame_put(visit_come(&person), 0, &frame, &err));
}

/* These people have no codes. */
static int no_code(void)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    close(ends[1]);
    return ends[0];
}

static void thaw(const named *names, const char *reason)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_thaw_frame frame = {.version = CH_FRAMES_VERSION, .reason = ch_slice_of(reason)};
    add_names(names, &frame.targets, &records);
    ch_buffer *out = visit_come(&person);
    ch_channel_attach(&person.channel, no_code());
    MUST(ch_thaw_frame_put(out, 0, &frame, &err));
}

/* What is answered first: the states of what was named, and that of all. */
static void check_frozen(ch_trading of_first, ch_trading of_all)
{
    ch_frozen_frame frozen;
    ch_trading_row_record row;
    ch_frame frame = visit_hear(&person, CH_FRAME_FROZEN);
    MUST(ch_frozen_frame_get(&frame, &frozen, &err));
    ck_assert(ch_trading_row_record_next(&frozen.rows, &row));
    ck_assert_int_eq(row.state, of_first);
    while (ch_trading_row_record_next(&frozen.rows, &row)) {
    }
    ck_assert_int_eq(row.of, CH_STATE_OF_ALL);
    ck_assert_int_eq(row.state, of_all);
}

static ch_trading state_of(ch_state_of of, const char *name)
{
    ch_state_row row;
    ch_states_get(ch_ledger_states(it.ledger), of, ch_slice_of(name), scene_now_ns(), &row);
    return row.state;
}

START_TEST(test_an_operator_halts_and_an_admin_lets_go)
{
    ch_state_row row;
    visit_begin(&person, &it);
    freeze(NAMES({CH_STATE_OF_CALLER, "me"}), false, "it went mad");
    check_frozen(CH_TRADING_HALTED, CH_TRADING_ACTIVE);
    visit_check_done(&person, CH_OK, "");
    ck_assert(ch_states_at(ch_ledger_states(it.ledger), 0, &row));
    ck_assert(ch_slice_is(row.name, "me") && row.state == CH_TRADING_HALTED && row.until_ns == 0);
    ck_assert_msg(memmem(row.why.data, row.why.size, "it went mad", 11) != NULL, "%.*s", CH_SLICE_ARGS(row.why));
    ck_assert(!ch_ledger_is_writing(it.ledger)); /* it is kept */
    it.policy.people[0].roles = CH_ROLE_OPERATOR;
    thaw(NAMES({EITHER, "me"}), "mended");
    visit_check_done(&person, CH_REFUSED, "is not an admin");
    it.policy.people[0].roles = CH_ROLE_ADMIN;
    thaw(NAMES({EITHER, "me"}), "mended");
    check_frozen(CH_TRADING_ACTIVE, CH_TRADING_ACTIVE);
    visit_check_done(&person, CH_OK, "");
    ck_assert(!ch_states_at(ch_ledger_states(it.ledger), 0, &row));
}
END_TEST

START_TEST(test_a_freeze_never_widens)
{
    visit_begin(&person, &it);
    freeze(NAMES({EITHER, "bot"}), false, "stop");
    check_frozen(CH_TRADING_HALTED, CH_TRADING_ACTIVE);
    visit_check_done(&person, CH_OK, "");
    freeze(NAMES({EITHER, "bot"}, {CH_STATE_OF_ALL, ""}), true, "wider");
    check_frozen(CH_TRADING_HALTED, CH_TRADING_REDUCING);
    visit_check_done(&person, CH_OK, "");
    thaw(NAMES({CH_STATE_OF_ALL, ""}), "mended");
    check_frozen(CH_TRADING_ACTIVE, CH_TRADING_ACTIVE);
    visit_check_done(&person, CH_OK, "");
    ck_assert_int_eq(state_of(CH_STATE_OF_KEY, "bot"), CH_TRADING_HALTED);
}
END_TEST

/* clang-format off */
static const struct { ch_trading by_limit; bool is_reducing; ch_trading then; } after_limits[] = {
    { CH_TRADING_REDUCING, false, CH_TRADING_HALTED },
    { CH_TRADING_REDUCING, true,  CH_TRADING_REDUCING },
    { CH_TRADING_HALTED,   true,  CH_TRADING_HALTED },
    { CH_TRADING_HALTED,   false, CH_TRADING_HALTED },
};
/* clang-format on */

START_TEST(test_what_a_limit_has_set_stays_until_it_is_thawed)
{
    ch_state_row row = {.of = CH_STATE_OF_CALLER,
                        .name = CH_LITERAL("me"),
                        .state = after_limits[_i].by_limit,
                        .until_ns = scene_now_ns() + 3600000000000U,
                        .why = CH_LITERAL("day")};
    visit_begin(&person, &it);
    ch_ledger_set_state(it.ledger, &row, scene_now_ns());
    freeze(NAMES({EITHER, "me"}), after_limits[_i].is_reducing, "stop");
    check_frozen(after_limits[_i].then, CH_TRADING_ACTIVE);
    visit_check_done(&person, CH_OK, "");
    ck_assert(ch_states_at(ch_ledger_states(it.ledger), 0, &row));
    ck_assert(row.state == after_limits[_i].then && row.until_ns == 0);
}
END_TEST

/* clang-format off */
static const struct { uint8_t of; const char *name; const char *reason; ch_status status; const char *says; } wrong[] = {
    { CH_STATE_OF_CALLER, "nobody", "why",  CH_NOT_FOUND, "no caller 'nobody'" },
    { CH_STATE_OF_KEY,    "me",     "why",  CH_NOT_FOUND, "no key 'me'" },
    { EITHER,             "none",   "why",  CH_NOT_FOUND, "no key or caller 'none'" },
    { CH_STATE_OF_CALLER, "",       "why",  CH_BAD_INPUT, "no such caller or key" },
    { CH_STATE_OF_ALL,    "me",     "why",  CH_BAD_INPUT, "no such caller or key" },
    { EITHER,             "a\tb",   "why",  CH_BAD_INPUT, "no such caller or key" },
    { 9,                  "me",     "why",  CH_BAD_INPUT, "no such caller or key" },
    { CH_STATE_OF_CALLER, "me",     "",     CH_BAD_INPUT, "give a reason" },
    { CH_STATE_OF_CALLER, "me",     "a\nb", CH_BAD_INPUT, "give a reason" },
};
/* clang-format on */

START_TEST(test_what_is_none_changes_nothing)
{
    ch_state_row row;
    visit_begin(&person, &it);
    freeze(
        (const named[]){
            {wrong[_i].of, wrong[_i].name},
            {0           }
    },
        false, wrong[_i].reason);
    visit_check_done(&person, wrong[_i].status, wrong[_i].says);
    ck_assert(!ch_states_at(ch_ledger_states(it.ledger), 0, &row));
}
END_TEST

START_TEST(test_what_is_known_is_frozen_all_the_same)
{
    visit_begin(&person, &it);
    freeze(NAMES({EITHER, "nobody"}, {EITHER, "bot"}, {9, "x"}), false, "stop");
    check_frozen(CH_TRADING_HALTED, CH_TRADING_ACTIVE);
    visit_check_done(&person, CH_NOT_FOUND, "the others are frozen, but");
    ck_assert_int_eq(state_of(CH_STATE_OF_KEY, "bot"), CH_TRADING_HALTED);
    thaw(NAMES({EITHER, "bot"}, {EITHER, "nobody"}), "all or nothing");
    visit_check_done(&person, CH_NOT_FOUND, "'nobody' has no trading state");
    ck_assert_int_eq(state_of(CH_STATE_OF_KEY, "bot"), CH_TRADING_HALTED);
    thaw(NAMES({EITHER, "bot"}, {EITHER, "bot"}), "twice");
    check_frozen(CH_TRADING_ACTIVE, CH_TRADING_ACTIVE);
    visit_check_done(&person, CH_OK, "");
}
END_TEST

START_TEST(test_who_names_nothing_is_asked)
{
    visit_begin(&person, &it);
    freeze((const named[]){{0}}, false, "why");
    visit_check_done(&person, CH_BAD_INPUT, "freeze all of them");
    thaw((const named[]){{0}}, "why");
    visit_check_done(&person, CH_BAD_INPUT, "what was frozen");
    thaw(NAMES({CH_STATE_OF_ALL, ""}), "why");
    visit_check_done(&person, CH_NOT_FOUND, "not all is frozen");
}
END_TEST

START_TEST(test_others_may_not)
{
    const unsigned roles[] = {CH_ROLE_AUDITOR, CH_ROLE_APPROVER};
    visit_begin(&person, &it);
    for (size_t i = 0; i < 2; i++) {
        it.policy.people[0].roles = roles[i];
        freeze(NAMES({CH_STATE_OF_ALL, ""}), false, "why");
        visit_check_done(&person, CH_REFUSED, "is not an operator");
        thaw(NAMES({CH_STATE_OF_ALL, ""}), "why");
        visit_check_done(&person, CH_REFUSED, "is not an admin");
    }
    ck_assert_int_eq(state_of(CH_STATE_OF_ALL, ""), CH_TRADING_ACTIVE);
}
END_TEST

/* Nothing is written, as by a disk that hangs. */
START_TEST(test_a_disk_that_does_not_answer_is_said)
{
    ch_packet packet;
    ch_frame frame;
    ch_operator_done_frame done;
    visit_begin(&person, &it);
    freeze(NAMES({CH_STATE_OF_ALL, ""}), false, "why");
    visit_ask(&person);
    struct pollfd ready = {.fd = person.channel.fd, .events = POLLIN};
    for (size_t heard = 0; heard < 2;) {
        ck_assert_int_ge(poll(&ready, 1, 20), 0);
        stage_settle();
        if (ready.revents == 0)
            continue;
        MUST(ch_channel_receive(&person.channel, &packet, &err));
        for (; ch_frame_next(&packet.bytes, &frame); heard++) {
            ck_assert_int_eq(frame.type, heard == 0 ? CH_FRAME_FROZEN : CH_FRAME_OPERATOR_DONE);
            ck_assert_int_eq(state_of(CH_STATE_OF_ALL, ""), CH_TRADING_HALTED);
        }
        if (heard == 2) {
            packet.bytes = (ch_slice){0};
            MUST(ch_operator_done_frame_get(&frame, &done, &err));
            ck_assert_int_eq(done.outcome.status, CH_IO);
            ck_assert_ptr_nonnull(strstr(done.outcome.message, "it is in effect, but is not kept yet"));
        }
    }
    ch_operators_free(person.operators);
}
END_TEST

START_TEST(test_who_leaves_meanwhile_is_forgotten)
{
    visit_begin(&person, &it);
    freeze(NAMES({EITHER, "me"}), false, "why");
    visit_ask(&person);
    ch_channel_close(&person.channel);
    stage_settle();
    scene_end_turn(&it);
    const ch_decision_list_frame list = {.version = CH_FRAMES_VERSION};
    MUST(ch_decision_list_frame_put(visit_come(&person), 0, &list, &err));
    visit_ask(&person);
    ch_channel_close(&person.channel);
    stage_settle();
    scene_end_turn(&it);
    ch_operators_free(person.operators);
}
END_TEST

CH_TESTS("operators_freeze", CH_TEST(test_an_operator_halts_and_an_admin_lets_go), CH_TEST(test_a_freeze_never_widens),
         CH_TEST_ROWS(test_what_a_limit_has_set_stays_until_it_is_thawed, after_limits),
         CH_TEST_ROWS(test_what_is_none_changes_nothing, wrong), CH_TEST(test_what_is_known_is_frozen_all_the_same),
         CH_TEST(test_who_names_nothing_is_asked), CH_TEST(test_others_may_not),
         CH_TEST(test_a_disk_that_does_not_answer_is_said), CH_TEST(test_who_leaves_meanwhile_is_forgotten))
