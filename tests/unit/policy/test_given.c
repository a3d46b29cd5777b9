/* Whose approval counts for what a requirement asks of people, and when a requirement is met. */
#include "policy/decide.h"
#include "policy/given.h"

#include "tests/support/suite.h"
#include "tests/unit/policy/decide_rig.h"

#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define ASKED (100 * HOUR)

enum { BOT = 99, ALICE = 2001, BOB = 2002 };

typedef struct by {
    const char *person;
    uid_t uid;
    uint64_t after_ns; /* the asking */
    bool is_by_code;
} by;

typedef struct row {
    const char *name;
    ch_requirement requirement; /* `of` is alice and bob if it needs approvals, or has a time */
    by by[4];
    uint64_t now_ns; /* after the asking */
    size_t count;    /* that count */
    bool is_met;
} row;

/* clang-format off */
static const row rows[] = {
    /* name                              what is needed                                       what was given                                                        now       counts  met */
    { "nothing was given",               { .approvals = 1, .within_ns = HOUR },               { { 0 } },                                                            SECOND,   0,      false },
    { "one of one",                      { .approvals = 1, .within_ns = HOUR },               { { "alice", ALICE, 5, false } },                                     SECOND,   1,      true },
    { "one of two",                      { .approvals = 2, .within_ns = HOUR },               { { "alice", ALICE, 5, false } },                                     SECOND,   1,      false },
    { "two of two",                      { .approvals = 2, .within_ns = HOUR },               { { "alice", ALICE, 5, false }, { "bob", BOB, 6, false } },           SECOND,   2,      true },
    { "one person twice",                { .approvals = 2, .within_ns = HOUR },               { { "alice", ALICE, 5, false }, { "alice", ALICE, 6, true } },        SECOND,   1,      false },
    { "one user under two names",        { .approvals = 2, .within_ns = HOUR },               { { "alice", ALICE, 5, false }, { "bob", ALICE, 6, false } },         SECOND,   1,      false },
    { "the one who asks",                { .approvals = 1, .within_ns = HOUR },               { { "alice", BOT, 5, false } },                                       SECOND,   0,      false },
    { "somebody else",                   { .approvals = 1, .within_ns = HOUR },               { { "carol", 2003, 5, true } },                                       SECOND,   0,      false },
    { "at the last moment",              { .approvals = 1, .within_ns = HOUR },               { { "alice", ALICE, HOUR, false } },                                  2 * HOUR, 1,      true },
    { "too late",                        { .approvals = 1, .within_ns = HOUR },               { { "alice", ALICE, HOUR + 1, false } },                              2 * HOUR, 0,      false },
    { "before it was asked for",         { .approvals = 1, .within_ns = HOUR },               { { "alice", ALICE, (uint64_t)-1, false } },                          SECOND,   0,      false },
    { "a code of anybody",               { .needs_code = true },                              { { "carol", 2003, 5, true } },                                       SECOND,   1,      true },
    { "a code of the one who asks",      { .needs_code = true },                              { { "carol", BOT, 5, true } },                                        SECOND,   0,      false },
    { "no code",                         { .needs_code = true },                              { { "carol", 2003, 5, false } },                                      SECOND,   1,      false },
    { "a code after an hour",            { .needs_code = true },                              { { "carol", 2003, HOUR + 1, true } },                                2 * HOUR, 0,      false },
    { "two, one by a code",              { .approvals = 2, .within_ns = HOUR, .needs_code = true }, { { "alice", ALICE, 5, false }, { "bob", BOB, 6, true } },      SECOND,   2,      true },
    { "two, the code of somebody else",  { .approvals = 2, .within_ns = HOUR, .needs_code = true }, { { "alice", ALICE, 5, false }, { "bob", BOB, 6, false }, { "carol", 2003, 6, true } }, SECOND, 2, false },
    { "a delay that is not over",        { .delay_ns = 6 * HOUR },                            { { 0 } },                                                            6 * HOUR - 1, 0,  false },
    { "a delay that is over",            { .delay_ns = 6 * HOUR },                            { { 0 } },                                                            6 * HOUR, 0,      true },
    { "a delay, by a clock set back",    { .delay_ns = 6 * HOUR },                            { { 0 } },                                                            (uint64_t)-HOUR, 0, false },
};
/* clang-format on */

static void add(ch_given *given, const by *from)
{
    ch_given_by *to = &given->by[given->count++];
    *to = (ch_given_by){.uid = from->uid, .at_ns = ASKED + from->after_ns, .is_by_code = from->is_by_code};
    snprintf(to->person, sizeof to->person, "%s", from->person);
}

START_TEST(test_what_counts)
{
    static char *people[] = {"alice", "bob"};
    const row *at = &rows[_i];
    ch_requirement requirement = at->requirement;
    ch_given given = {.requester = BOT, .asked_ns = ASKED};
    if (requirement.approvals > 0)
        requirement.of = (ch_text_list){people, 2};
    for (size_t i = 0; i < CH_ROWS(at->by) && at->by[i].person != NULL; i++)
        add(&given, &at->by[i]);
    ck_assert_msg(ch_given_count(&given, &requirement, NULL) == at->count, "%s", at->name);
    ck_assert_msg(ch_given_meets(&given, &requirement, NULL, ASKED + at->now_ns) == at->is_met, "%s", at->name);
}
END_TEST

/* ---- by the policy of now ---- */

static const char entries[] =
    "allow:\n  - {name: a, caller: maker, key: k, classes: [withdraw], to: any, limits: [l]}\n"
    "limit:\n  - {name: l, amount: \"1 BTC\", per: 1d}\n"
    "require:\n  - {name: two, classes: [withdraw], approvals: 2, of: [alice, bob], within: 1h}\n"
    "  - {name: wait, classes: [withdraw], delay: 6h}\n";
#define WITHDRAW "POST /withdraw coin=BTC net=BTC addr=x amount="

static decide_rig rig;
static ch_given given;

static ch_person *person(const char *name)
{
    for (size_t i = 0; i < rig.policy.person_count; i++) {
        if (strcmp(rig.policy.people[i].name, name) == 0)
            return &rig.policy.people[i];
    }
    ck_abort_msg("nobody has the name %s", name);
}

static void begin(uint64_t hours_ago)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_text(&text, decide_head);
    ch_buffer_add_text(&text, entries);
    decide_set_up(&rig, ch_buffer_text(&text), NULL);
    decide_set_who(&rig, "maker", "k");
    rig.question.is_once = true;
    given = (ch_given){.requester = BOT, .asked_ns = DECIDE_NOW_NS - hours_ago * HOUR};
    rig.question.given = &given;
    for (size_t i = 0; i < 2; i++) {
        const char *name = i == 0 ? "alice" : "bob";
        ch_given_by *to = &given.by[given.count++];
        uid_t uid = person(name)->ids.uid;
        *to = (ch_given_by){.uid = uid == CH_ANY_ID ? (uid_t)(ALICE + i) : uid, .at_ns = given.asked_ns};
        snprintf(to->person, sizeof to->person, "%s", name);
    }
}

static void refused_by(const char *amount, const char *rule)
{
    ch_autobuffer request = CH_BUFFER_INIT;
    ch_buffer_add_format(&request, WITHDRAW "%s", amount);
    ck_assert_int_ne(decide_ask(&rig, ch_buffer_text(&request), true), CH_OK);
    ck_assert_str_eq(rig.err.rule, rule);
}

START_TEST(test_each_requirement_is_met_by_itself)
{
    begin(6);
    ck_assert_msg(decide_ask(&rig, WITHDRAW "1", true) == CH_OK, "%s", rig.err.message);
    ck_assert_str_eq(ch_judgement_requirement(&rig.judgement, 0)->name, "two");
    ck_assert_str_eq(ch_judgement_requirement(&rig.judgement, 1)->name, "wait");
    ck_assert_ptr_null(ch_judgement_requirement(&rig.judgement, 2));
    given.count = 1;
    refused_by("1", "two");
    ck_assert(rig.judgement.refusal.needs_people);
    ck_assert_uint_eq(rig.judgement.refusal.delay_ns, 0); /* only what is lacking */
    given.count = 2;
    rig.question.now_ns -= 1;
    refused_by("1", "wait");
    ck_assert_uint_eq(rig.judgement.refusal.approvals, 0);
    decide_tear_down(&rig);
}
END_TEST

START_TEST(test_who_is_no_approver_any_more_does_not_count)
{
    begin(6);
    person("bob")->roles = CH_ROLE_OPERATOR;
    refused_by("1", "two");
    person("bob")->roles = CH_ROLE_APPROVER;
    person("bob")->ids.uid = 77; /* another user has the name now */
    refused_by("1", "two");
    decide_tear_down(&rig);
}
END_TEST

START_TEST(test_approvals_move_no_limit)
{
    begin(6);
    refused_by("1.1", "l");
    given.count = 0;
    refused_by("1.1", "two");
    ck_assert(rig.judgement.refusal.needs_people);
    ck_assert_int_ne(ch_judgement_try(&rig.judgement, &rig.question, rig.levels, &rig.err), CH_OK);
    ck_assert_str_eq(rig.err.rule, "l");
    refused_by("1", "two");
    ck_assert_int_eq(ch_judgement_try(&rig.judgement, &rig.question, rig.levels, &rig.err), CH_OK);
    ck_assert_uint_eq(rig.judgement.charge_count, 1);
    decide_set_who(&rig, "dca", "k");
    refused_by("1", "grant");
    ck_assert(!rig.judgement.refusal.needs_people);
    decide_tear_down(&rig);
}
END_TEST

CH_TESTS("given", CH_TEST_ROWS(test_what_counts, rows), CH_TEST(test_each_requirement_is_met_by_itself),
         CH_TEST(test_who_is_no_approver_any_more_does_not_count), CH_TEST(test_approvals_move_no_limit))
