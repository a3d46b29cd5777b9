/* What operators ask of trading. The test's user is operator and admin of the scene's policy. */
#include "tests/support/suite.h"
#include "tests/unit/agent/core/visit.h"

#include <string.h>

static ch_error err;
static scene it;
static visit person;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

/* ---- trading states ---- */

static void halt(ch_state_of of, const char *name, ch_trading state)
{
    const ch_state_row row = {.of = of, .name = ch_slice_of(name), .state = state, .why = CH_LITERAL("again")};
    ch_ledger_freeze(it.ledger, &row, scene_now_ns());
}

static void revoke(const char *key, const char *key_id, const char *reason)
{
    const ch_key_revoke_frame frame = {.version = CH_FRAMES_VERSION,
                                       .key = ch_slice_of(key),
                                       .key_id = ch_slice_of(key_id),
                                       .reason = ch_slice_of(reason)};
    MUST(ch_key_revoke_frame_put(visit_come(&person), 0, &frame, &err));
}

START_TEST(test_a_key_is_revoked_when_it_is_on_the_disk)
{
    ch_state_row why;
    visit_begin(&person, &it);
    const ch_key *key = ch_policy_find_key(&it.policy, CH_LITERAL("bot"));
    revoke("bot", "", "");
    visit_check_done(&person, CH_BAD_INPUT, "reason");
    revoke("none", "", "stolen");
    visit_check_done(&person, CH_NOT_FOUND, "no key 'none'");
    revoke("bot", "another", "stolen");
    visit_check_done(&person, CH_NOT_FOUND, "no version");
    ck_assert(!ch_states_is_revoked(ch_ledger_states(it.ledger), key, &why));
    revoke("bot", SCENE_KEY_ID, "stolen");
    visit_check_done(&person, CH_OK, "");
    ck_assert(ch_states_is_revoked(ch_ledger_states(it.ledger), key, &why));
    ck_assert_ptr_nonnull(memmem(why.why.data, why.why.size, "stolen", 6));
    ck_assert(!ch_ledger_is_writing(it.ledger));
}
END_TEST

START_TEST(test_states_are_listed)
{
    ch_trading_are_frame page;
    ch_trading_row_record row;
    visit_begin(&person, &it);
    halt(CH_STATE_OF_KEY, "bot", CH_TRADING_REDUCING);
    MUST(ch_trading_list_frame_put(visit_come(&person), 0, &(ch_trading_list_frame){.version = CH_FRAMES_VERSION},
                                   &err));
    ch_frame frame = visit_hear(&person, CH_FRAME_TRADING_ARE);
    MUST(ch_trading_are_frame_get(&frame, &page, &err));
    ck_assert(page.is_last && page.rows.count == 1 && ch_trading_row_record_next(&page.rows, &row));
    ck_assert(row.of == CH_STATE_OF_KEY && ch_slice_is(row.name, "bot") && row.state == CH_TRADING_REDUCING);
}
END_TEST

/* ---- rights ---- */

static void confirm(const char *source, const char *pair, const char *price)
{
    const ch_price_confirm_frame frame = {.version = CH_FRAMES_VERSION,
                                          .source = ch_slice_of(source),
                                          .pair = ch_slice_of(pair),
                                          .price = ch_slice_of(price)};
    MUST(ch_price_confirm_frame_put(visit_come(&person), 0, &frame, &err));
}

START_TEST(test_an_auditor_only_looks)
{
    visit_begin(&person, &it);
    it.policy.people[0].roles = CH_ROLE_AUDITOR;
    confirm("one", "BTC/EUR", "30000");
    visit_check_done(&person, CH_REFUSED, "is not an operator");
    MUST(ch_trading_list_frame_put(visit_come(&person), 0, &(ch_trading_list_frame){.version = CH_FRAMES_VERSION},
                                   &err));
    visit_hear(&person, CH_FRAME_TRADING_ARE);
}
END_TEST

START_TEST(test_only_an_admin_accepts_a_state)
{
    const ch_state_accept_frame accept = {.version = CH_FRAMES_VERSION, .reason = CH_LITERAL("it was restored")};
    visit_begin(&person, &it);
    MUST(ch_state_accept_frame_put(visit_come(&person), 0, &accept, &err));
    visit_check_done(&person, CH_CONFLICT, "nothing to accept");
    it.policy.people[0].roles = CH_ROLE_OPERATOR;
    MUST(ch_state_accept_frame_put(visit_come(&person), 0, &accept, &err));
    visit_check_done(&person, CH_REFUSED, "is not an admin");
}
END_TEST

/* ---- prices ---- */

static void put_price(const char *price, uint64_t ago_ns)
{
    ch_quote_outcome outcome;
    ch_quote quote = {.source = CH_LITERAL("one"), .pair = CH_LITERAL("BTC/EUR"), .quoted_ns = scene_now_ns() - ago_ns};
    ck_assert(ch_decimal_read(ch_slice_of(price), &quote.price));
    MUST(ch_ledger_put_price(it.ledger, &quote, scene_now_ns(), &outcome, &err));
}

START_TEST(test_a_held_price_is_confirmed)
{
    ch_price_row row;
    visit_begin(&person, &it);
    put_price("30000", 1000000000);
    confirm("one", "BTC/EUR", "30000");
    visit_check_done(&person, CH_CONFLICT, "");
    put_price("60000", 0);
    confirm("one", "ETH/EUR", "60000");
    visit_check_done(&person, CH_NOT_FOUND, "");
    confirm("one", "BTC/EUR", "6e4");
    visit_check_done(&person, CH_BAD_INPUT, "no number");
    confirm("one", "BTC/EUR", "59999");
    visit_check_done(&person, CH_CONFLICT, "60000");
    confirm("one", "BTC/EUR", "60000");
    visit_check_done(&person, CH_OK, "");
    ck_assert(ch_prices_next(ch_ledger_prices(it.ledger), CH_LITERAL(""), CH_LITERAL(""), &row));
    ck_assert(!row.is_held);
}
END_TEST

/* ---- decisions ---- */

static ch_decisions_are_frame list_decisions(uint64_t after, uint32_t limit)
{
    ch_decisions_are_frame page;
    const ch_decision_list_frame list = {.version = CH_FRAMES_VERSION, .after = after, .limit = limit};
    MUST(ch_decision_list_frame_put(visit_come(&person), 0, &list, &err));
    ch_frame frame = visit_hear(&person, CH_FRAME_DECISIONS_ARE);
    MUST(ch_decisions_are_frame_get(&frame, &page, &err));
    return page;
}

START_TEST(test_decisions_are_listed_in_pages)
{
    ch_decision_record row;
    visit_begin(&person, &it);
    for (size_t i = 0; i < 3; i++) {
        halt(CH_STATE_OF_CALLER, "me", CH_TRADING_HALTED);
        while (ch_ledger_is_writing(it.ledger)) {
            scene_end_turn(&it);
            ch_writer_collect(it.writer);
        }
    }
    ch_decisions_are_frame page = list_decisions(0, 2);
    ck_assert(!page.is_last && page.rows.count == 2);
    ck_assert(ch_decision_record_next(&page.rows, &row) && ch_decision_record_next(&page.rows, &row));
    ck_assert_int_eq(row.kind, CH_JOURNAL_EVENT);
    ck_assert(memmem(row.record.data, row.record.size, "again", 5) != NULL);
    uint64_t last = row.id;
    ch_channel_close(&person.channel);
    page = list_decisions(last, 2);
    ck_assert(page.is_last && page.rows.count == 1);
}
END_TEST

CH_TESTS("operators_trading", CH_TEST(test_states_are_listed), CH_TEST(test_an_auditor_only_looks),
         CH_TEST(test_a_key_is_revoked_when_it_is_on_the_disk), CH_TEST(test_only_an_admin_accepts_a_state),
         CH_TEST(test_a_held_price_is_confirmed), CH_TEST(test_decisions_are_listed_in_pages))
