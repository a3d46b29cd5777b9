/* What people do about a request that waits for them. The test's user is "me", an approver of the scene's policy; the
 * request is another user's. */
#include "tests/support/suite.h"
#include "tests/unit/agent/core/visit.h"

#include <string.h>
#include <unistd.h>

#define BOT 4009

static ch_error err;
static scene it;
static visit person;
static uint64_t request; /* that waits */
static uint8_t digest[CH_APPROVAL_DIGEST_SIZE];

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static const ch_approval *found(void)
{
    const ch_approval *approval = ch_approvals_find(ch_ledger_approvals(it.ledger), request);
    ck_assert_ptr_nonnull(approval);
    return approval;
}

static void begin_asked_by(uid_t uid)
{
    const ch_peer bot = {.uid = uid, .gid = uid};
    scene_ask ask = scene_order;
    visit_begin(&person, &it);
    it.policy.callers[0].ids.uid = uid;
    MUST(ch_connections_add(it.connections, &bot, false, ch_front_link_intake(it.front), &ask.connection, &err));
    ask.key = "watched";
    scene_ask_for(&it, 1, &ask);
    scene_end_turn(&it);
    const ch_approval *approval = ch_approvals_at(ch_ledger_approvals(it.ledger), 0);
    ck_assert_ptr_nonnull(approval);
    request = approval->id;
    memcpy(digest, approval->digest, sizeof digest);
}

static void begin(void)
{
    begin_asked_by(BOT);
}

/* ---- frames ---- */

/* These people have no codes. */
static int no_code(void)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    close(ends[1]);
    return ends[0];
}

static void give(uint64_t id, ch_slice of)
{
    const ch_approval_give_frame frame = {.version = CH_FRAMES_VERSION, .approval = id, .digest = of};
    ch_buffer *out = visit_come(&person);
    ch_channel_attach(&person.channel, no_code());
    MUST(ch_approval_give_frame_put(out, 0, &frame, &err));
}

static void approve(void)
{
    give(request, (ch_slice){digest, sizeof digest});
}

static void deny(ch_slice of, const char *reason)
{
    const ch_approval_deny_frame frame = {
        .version = CH_FRAMES_VERSION, .approval = request, .digest = of, .reason = ch_slice_of(reason)};
    MUST(ch_approval_deny_frame_put(visit_come(&person), 0, &frame, &err));
}

static ch_approval_is_frame show(void)
{
    ch_approval_is_frame answer;
    const ch_approval_show_frame ask = {.version = CH_FRAMES_VERSION, .approval = request};
    MUST(ch_approval_show_frame_put(visit_come(&person), 0, &ask, &err));
    ch_frame frame = visit_hear(&person, CH_FRAME_APPROVAL_IS);
    MUST(ch_approval_is_frame_get(&frame, &answer, &err));
    return answer;
}

/* How many the listing has. */
static size_t list(bool is_all, uint64_t after)
{
    size_t count = 0;
    ch_approvals_are_frame answer;
    ch_listed_approval_record row;
    const ch_approval_list_frame ask = {.version = CH_FRAMES_VERSION, .after = after, .is_all = is_all};
    MUST(ch_approval_list_frame_put(visit_come(&person), 0, &ask, &err));
    ch_frame frame = visit_hear(&person, CH_FRAME_APPROVALS_ARE);
    MUST(ch_approvals_are_frame_get(&frame, &answer, &err));
    ck_assert(answer.is_last);
    for (; ch_listed_approval_record_next(&answer.rows, &row); count++) {
        ck_assert_uint_eq(row.id, request);
        ck_assert_uint_eq(row.approvals, 2);
        ck_assert(row.what.size > 0 && ch_slice_is_text(row.what) && row.what.data[0] != ' ');
    }
    visit_check_done(&person, CH_OK, "");
    return count;
}

/* ---- tests ---- */

START_TEST(test_an_approval_is_on_the_disk_when_it_is_answered)
{
    begin();
    approve();
    visit_check_done(&person, CH_OK, "");
    ck_assert(!ch_ledger_is_writing(it.ledger));
    ck_assert_uint_eq(found()->given.count, 1);
    ck_assert_str_eq(found()->given.by[0].person, "me");
    ck_assert_uint_eq(found()->given.by[0].uid, getuid());
    ck_assert(!found()->given.by[0].is_by_code);
}
END_TEST

START_TEST(test_the_same_person_counts_once)
{
    begin();
    approve();
    visit_check_done(&person, CH_OK, "");
    approve();
    visit_check_done(&person, CH_CONFLICT, "you have approved this already");
    ck_assert_uint_eq(found()->given.count, 1);
}
END_TEST

START_TEST(test_nobody_approves_their_own)
{
    begin_asked_by(getuid());
    approve();
    visit_check_done(&person, CH_REFUSED, "nobody approves their own");
    ck_assert_uint_eq(found()->given.count, 0);
}
END_TEST

START_TEST(test_only_what_was_shown_is_approved)
{
    uint8_t other[sizeof digest];
    begin();
    memcpy(other, digest, sizeof other);
    other[sizeof other - 1] ^= 1;
    const ch_slice wrong[] = {
        {other,  sizeof other     },
        {digest, sizeof digest - 1},
        {NULL,   0                }
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        give(request, wrong[i]);
        visit_check_done(&person, CH_CONFLICT, "this is not the request that was shown");
        deny(wrong[i], "no");
        visit_check_done(&person, CH_CONFLICT, "this is not the request that was shown");
    }
    give(request + 1, (ch_slice){digest, sizeof digest});
    visit_check_done(&person, CH_NOT_FOUND, "there is no request");
    ck_assert_uint_eq(found()->given.count, 0);
    ck_assert_int_eq(ch_approval_state_at(found(), scene_now_ns()), CH_APPROVAL_WAITING);
}
END_TEST

START_TEST(test_who_is_no_approver_any_more_approves_nothing)
{
    begin();
    for (size_t i = 0; i < it.policy.person_count; i++)
        it.policy.people[i].roles &= ~(unsigned)CH_ROLE_APPROVER;
    approve();
    visit_check_done(&person, CH_REFUSED, "is not an approver");
    ck_assert_uint_eq(found()->given.count, 0);
}
END_TEST

START_TEST(test_a_denial_ends_it)
{
    begin();
    deny((ch_slice){digest, sizeof digest}, "");
    visit_check_done(&person, CH_BAD_INPUT, "give a reason");
    deny((ch_slice){digest, sizeof digest}, "nobody ordered that");
    visit_check_done(&person, CH_OK, "");
    ck_assert(!ch_ledger_is_writing(it.ledger));
    ck_assert_int_eq(ch_approval_state_at(found(), scene_now_ns()), CH_APPROVAL_DENIED);
    ck_assert_str_eq(found()->why, "nobody ordered that");
    ck_assert_str_eq(found()->ended_by, "me");
    approve();
    visit_check_done(&person, CH_CONFLICT, "");
    deny((ch_slice){digest, sizeof digest}, "again");
    visit_check_done(&person, CH_CONFLICT, "");
    ck_assert_uint_eq(list(false, 0), 0);
    ck_assert_uint_eq(list(true, 0), 1);
}
END_TEST

START_TEST(test_everything_of_it_is_shown)
{
    ch_needed_approval_record needed;
    ch_given_approval_record given;
    begin();
    ck_assert_uint_eq(list(false, 0), 1);
    ck_assert_uint_eq(list(false, request), 0);
    approve();
    visit_check_done(&person, CH_OK, "");
    ch_approval_is_frame answer = show();
    ck_assert(ch_slice_is(answer.state, "waiting") && ch_slice_is(answer.key, "watched"));
    ck_assert(ch_slice_is(answer.callers, "me") && answer.uid == BOT && !answer.takes_code);
    ck_assert(ch_slice_equal(answer.digest, (ch_slice){digest, sizeof digest}));
    ck_assert(ch_slice_equal(answer.words, ch_buffer_slice(&found()->words)) && answer.words.size > 0);
    ck_assert(ch_needed_approval_record_next(&answer.needed, &needed));
    ck_assert(ch_slice_is(needed.rule, "two") && ch_slice_is(needed.of, "alice,bob,me"));
    ck_assert(needed.approvals == 2 && needed.given == 1 && needed.within_s == 3600 && !needed.is_met);
    ck_assert(ch_given_approval_record_next(&answer.given, &given));
    ck_assert(ch_slice_is(given.person, "me") && given.uid == getuid() && !given.is_by_code);
    ck_assert_int_eq(answer.obstacle.status, CH_CONFLICT); /* it was approved by the same person already */
    visit_check_done(&person, CH_OK, "");
}
END_TEST

CH_TESTS("operators_approvals", CH_TEST(test_an_approval_is_on_the_disk_when_it_is_answered),
         CH_TEST(test_the_same_person_counts_once), CH_TEST(test_nobody_approves_their_own),
         CH_TEST(test_only_what_was_shown_is_approved), CH_TEST(test_who_is_no_approver_any_more_approves_nothing),
         CH_TEST(test_a_denial_ends_it), CH_TEST(test_everything_of_it_is_shown))
