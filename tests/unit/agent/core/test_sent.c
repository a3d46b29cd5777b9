/* What was signed for relays: never twice, and told once. */
#include "agent/core/sent.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

#define MINUTE 60000U

static ch_sent *sent;
static char first[CH_SENT_ID_TEXT + 1];
static ch_error err;

static void set_up(void)
{
    sent = ch_sent_new();
    first[0] = '\0';
    err = (ch_error)CH_ERROR_INIT;
}

static void tear_down(void)
{
    ch_sent_free(sent);
}

/* Enters request `what` (0: one that may come again) of `caller` under the id `id`. */
static ch_status enter_as(uid_t caller, unsigned what, unsigned id, bool is_urgent, uint64_t now_ms,
                          ch_sent_entry **out)
{
    uint8_t digest[CH_SENT_DIGEST_SIZE] = {0};
    uint8_t bytes[CH_SENT_ID_SIZE] = {0};
    memcpy(digest, &what, sizeof what);
    memcpy(bytes, &id, sizeof id);
    const ch_sent_name name = {
        .caller = caller, .digest = what == 0 ? NULL : digest, .id = bytes, .is_urgent = is_urgent};
    err = (ch_error)CH_ERROR_INIT;
    return ch_sent_enter(sent, &name, now_ms, out, first, &err);
}

static ch_status enter(unsigned what, unsigned id, uint64_t now_ms, ch_sent_entry **out)
{
    return enter_as(1000, what, id, false, now_ms, out);
}

static void keep(ch_sent_entry *entry, uint64_t until_ms)
{
    const ch_sent_facts facts = {.relay = CH_LITERAL("relay"),
                                 .callers = CH_LITERAL("maker"),
                                 .key = CH_LITERAL("k"),
                                 .method = CH_LITERAL("POST"),
                                 .path = CH_LITERAL("/order"),
                                 .uid = 1000,
                                 .row = 7,
                                 .has_effects = true};
    ch_sent_keep(entry, &facts, until_ms);
}

static ch_sent_entry *find(unsigned id, const char *relay, uint64_t now_ms)
{
    uint8_t bytes[CH_SENT_ID_SIZE] = {0};
    memcpy(bytes, &id, sizeof id);
    return ch_sent_find(sent, bytes, ch_slice_of(relay), now_ms);
}

START_TEST(test_the_same_request_is_refused_with_the_first_id)
{
    ch_sent_entry *entry;
    ck_assert_int_eq(enter(1, 0xab, MINUTE, &entry), CH_OK);
    ch_sent_entry *other;
    ck_assert_int_eq(enter(1, 2, MINUTE, &other), CH_ALREADY_SENT);
    ck_assert_str_eq(err.rule, "already-sent");
    ck_assert_str_eq(first, "ab000000000000000000000000000000");
    keep(entry, 10 * MINUTE);
    ck_assert_int_eq(enter(1, 2, 10 * MINUTE - 1, &other), CH_ALREADY_SENT);
    ck_assert_int_eq(enter(1, 2, 10 * MINUTE, &other), CH_OK);
}
END_TEST

START_TEST(test_what_was_not_signed_may_come_again)
{
    ch_sent_entry *entry;
    ck_assert_int_eq(enter(1, 1, 1, &entry), CH_OK);
    ch_sent_leave(sent, entry);
    ck_assert_int_eq(enter(1, 1, 1, &entry), CH_OK);
}
END_TEST

START_TEST(test_an_id_is_drawn_once)
{
    ch_sent_entry *entry;
    ck_assert_int_eq(enter(1, 1, 1, &entry), CH_OK);
    keep(entry, MINUTE);
    ck_assert_int_eq(enter(2, 1, 2, &entry), CH_CONFLICT);
    ck_assert_str_eq(err.rule, "relay-id");
    ck_assert_int_eq(enter(0, 1, 2, &entry), CH_CONFLICT);
}
END_TEST

START_TEST(test_reads_may_be_the_same)
{
    ch_sent_entry *entry;
    ck_assert_int_eq(enter(0, 1, 1, &entry), CH_OK);
    keep(entry, MINUTE);
    ck_assert_int_eq(enter(0, 2, 2, &entry), CH_OK);
}
END_TEST

START_TEST(test_an_outcome_is_told_once_by_that_relay)
{
    ch_sent_entry *entry;
    ck_assert_ptr_null(find(1, "relay", 1)); /* no relay has come yet */
    ck_assert_int_eq(enter(1, 1, 1, &entry), CH_OK);
    ck_assert_ptr_null(find(1, "relay", 1)); /* it is not signed */
    keep(entry, MINUTE);
    ck_assert_ptr_null(find(1, "other", 2));
    ck_assert_ptr_null(find(2, "relay", 2));
    ck_assert_ptr_null(find(1, "relay", MINUTE)); /* it is over */
    entry = find(1, "relay", 2);
    ck_assert_ptr_nonnull(entry);
    const ch_sent_facts facts = ch_sent_facts_of(entry);
    ck_assert(ch_slice_is(facts.callers, "maker") && ch_slice_is(facts.key, "k") && ch_slice_is(facts.path, "/order"));
    ck_assert_uint_eq(facts.row, 7);
    ch_sent_tell(sent, entry, false);
    ck_assert_ptr_null(find(1, "relay", 3));
    ck_assert_int_eq(enter(1, 2, 3, &entry), CH_ALREADY_SENT);
}
END_TEST

START_TEST(test_what_was_not_sent_may_come_again_under_another_id)
{
    ch_sent_entry *entry;
    ck_assert_int_eq(enter(1, 1, 1, &entry), CH_OK);
    keep(entry, MINUTE);
    ch_sent_tell(sent, find(1, "relay", 2), true);
    ck_assert_int_eq(enter(1, 1, 3, &entry), CH_CONFLICT);
    ck_assert_int_eq(enter(1, 2, 3, &entry), CH_OK);
}
END_TEST

/* Asks until no more fit; the last of them at `now_ms`. */
static unsigned fill(uid_t caller, bool is_urgent, unsigned from, uint64_t now_ms)
{
    ch_sent_entry *entry;
    unsigned count = 0;
    while (enter_as(caller, from + count, from + count, is_urgent, now_ms, &entry) == CH_OK) {
        keep(entry, now_ms + MINUTE);
        count++;
    }
    ck_assert_int_eq(err.status, CH_BUSY);
    return count;
}

START_TEST(test_one_caller_leaves_room_for_others_and_for_cancels)
{
    ch_sent_entry *entry;
    ck_assert_uint_eq(fill(1000, false, 1, 1), CH_SENT_MAX - CH_SENT_RESERVE);
    ck_assert_int_eq(enter_as(1001, 0x7fffffff, 0x7fffffff, false, 1, &entry), CH_OK);
    ck_assert_int_eq(enter_as(1000, 0x7ffffffe, 0x7ffffffe, true, 1, &entry), CH_OK);
    /* When they are over, there is room. */
    ck_assert_int_eq(enter_as(1000, 0x7ffffffd, 0x7ffffffd, false, 2 * MINUTE, &entry), CH_OK);
}
END_TEST

/* clang-format off */
static const struct { const char *text; bool is_id; } ids[] = {
    { "0123456789abcdef0123456789abcdef",  true },
    { "0123456789ABCDEF0123456789abcdef",  false },
    { "0123456789abcdef0123456789abcde",   false },
    { "0123456789abcdef0123456789abcdef0", false },
    { "0123456789abcdef0123456789abcdeg",  false },
    { "",                                  false },
};
/* clang-format on */

START_TEST(test_ids_are_lower_case_hex)
{
    uint8_t id[CH_SENT_ID_SIZE];
    ck_assert(ch_sent_read_id(ch_slice_of(ids[_i].text), id) == ids[_i].is_id);
    ck_assert(!ids[_i].is_id || (id[0] == 0x01 && id[15] == 0xef));
}
END_TEST

CH_TESTS_WITH("sent", set_up, tear_down, CH_TEST(test_the_same_request_is_refused_with_the_first_id),
              CH_TEST(test_what_was_not_signed_may_come_again), CH_TEST(test_an_id_is_drawn_once),
              CH_TEST(test_reads_may_be_the_same), CH_TEST(test_an_outcome_is_told_once_by_that_relay),
              CH_TEST(test_what_was_not_sent_may_come_again_under_another_id),
              CH_TEST(test_one_caller_leaves_room_for_others_and_for_cancels),
              CH_TEST_ROWS(test_ids_are_lower_case_hex, ids))
