/* What operators ask of trading. The test's user is operator and admin of the scene's policy. */
#include "agent/core/operators.h"

#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

static ch_error err;
static scene it;
static ch_operators *operators;
static ch_channel channel; /* the operator's */

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static void begin(void)
{
    scene_begin(&it);
    const ch_operator_context context = {
        .policy = &it.policy, .links = &it.links, .keeper = &it.timekeeper, .ledger = it.ledger};
    operators = ch_operators_new(it.loop, stage_listen("operator.sock", SOCK_SEQPACKET), &context);
    MUST(ch_operators_start(operators, &err));
}

static ch_buffer *come(void)
{
    ch_channel_open(&channel, stage_connect("operator.sock", SOCK_SEQPACKET));
    stage_settle();
    return ch_channel_out(&channel);
}

/* Until the answer is there, what is decided goes to the disk. */
static ch_frame hear(ch_frame_type type)
{
    ch_packet packet;
    ch_frame frame;
    MUST(ch_channel_flush(&channel, &err));
    stage_settle();
    scene_end_turn(&it);
    struct pollfd ready[] = {
        {.fd = channel.fd,              .events = POLLIN},
        {.fd = ch_writer_fd(it.writer), .events = POLLIN}
    };
    while (ready[0].revents == 0) {
        ck_assert_int_ge(poll(ready, 2, 20), 0); /* what core accepts has its share of the time, and may come later */
        ch_writer_collect(it.writer);
        stage_settle();
        scene_end_turn(&it);
    }
    MUST(ch_channel_receive(&channel, &packet, &err));
    ck_assert(ch_frame_next(&packet.bytes, &frame));
    ck_assert_int_eq(frame.type, type);
    return frame;
}

static void check_done(ch_status status, const char *says)
{
    ch_operator_done_frame done;
    ch_frame frame = hear(CH_FRAME_OPERATOR_DONE);
    MUST(ch_operator_done_frame_get(&frame, &done, &err));
    ck_assert_msg(done.outcome.status == status, "%s", done.outcome.message);
    ck_assert_msg(strstr(done.outcome.message, says) != NULL, "%s", done.outcome.message);
    ch_channel_close(&channel);
}

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
    MUST(ch_key_revoke_frame_put(come(), 0, &frame, &err));
}

START_TEST(test_a_key_is_revoked_when_it_is_on_the_disk)
{
    ch_state_row why;
    begin();
    const ch_key *key = ch_policy_find_key(&it.policy, CH_LITERAL("bot"));
    revoke("bot", "", "");
    check_done(CH_BAD_INPUT, "reason");
    revoke("none", "", "stolen");
    check_done(CH_NOT_FOUND, "no key 'none'");
    revoke("bot", "another", "stolen");
    check_done(CH_NOT_FOUND, "no version");
    ck_assert(!ch_states_is_revoked(ch_ledger_states(it.ledger), key, &why));
    revoke("bot", SCENE_KEY_ID, "stolen");
    check_done(CH_OK, "");
    ck_assert(ch_states_is_revoked(ch_ledger_states(it.ledger), key, &why));
    ck_assert_ptr_nonnull(memmem(why.why.data, why.why.size, "stolen", 6));
    ck_assert(!ch_ledger_is_writing(it.ledger));
}
END_TEST

START_TEST(test_states_are_listed)
{
    ch_trading_are_frame page;
    ch_trading_row_record row;
    begin();
    halt(CH_STATE_OF_KEY, "bot", CH_TRADING_REDUCING);
    MUST(ch_trading_list_frame_put(come(), 0, &(ch_trading_list_frame){.version = CH_FRAMES_VERSION}, &err));
    ch_frame frame = hear(CH_FRAME_TRADING_ARE);
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
    MUST(ch_price_confirm_frame_put(come(), 0, &frame, &err));
}

START_TEST(test_an_auditor_only_looks)
{
    begin();
    it.policy.people[0].roles = CH_ROLE_AUDITOR;
    confirm("one", "BTC/EUR", "30000");
    check_done(CH_REFUSED, "is not an operator");
    MUST(ch_trading_list_frame_put(come(), 0, &(ch_trading_list_frame){.version = CH_FRAMES_VERSION}, &err));
    hear(CH_FRAME_TRADING_ARE);
}
END_TEST

START_TEST(test_only_an_admin_accepts_a_state)
{
    const ch_state_accept_frame accept = {.version = CH_FRAMES_VERSION, .reason = CH_LITERAL("it was restored")};
    begin();
    MUST(ch_state_accept_frame_put(come(), 0, &accept, &err));
    check_done(CH_CONFLICT, "nothing to accept");
    it.policy.people[0].roles = CH_ROLE_OPERATOR;
    MUST(ch_state_accept_frame_put(come(), 0, &accept, &err));
    check_done(CH_REFUSED, "is not an admin");
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
    begin();
    put_price("30000", 1000000000);
    confirm("one", "BTC/EUR", "30000");
    check_done(CH_CONFLICT, "");
    put_price("60000", 0);
    confirm("one", "ETH/EUR", "60000");
    check_done(CH_NOT_FOUND, "");
    confirm("one", "BTC/EUR", "6e4");
    check_done(CH_BAD_INPUT, "no number");
    confirm("one", "BTC/EUR", "59999");
    check_done(CH_CONFLICT, "60000");
    confirm("one", "BTC/EUR", "60000");
    check_done(CH_OK, "");
    ck_assert(ch_prices_next(ch_ledger_prices(it.ledger), CH_LITERAL(""), CH_LITERAL(""), &row));
    ck_assert(!row.is_held);
}
END_TEST

/* ---- decisions ---- */

static ch_decisions_are_frame list_decisions(uint64_t after, uint32_t limit)
{
    ch_decisions_are_frame page;
    const ch_decision_list_frame list = {.version = CH_FRAMES_VERSION, .after = after, .limit = limit};
    MUST(ch_decision_list_frame_put(come(), 0, &list, &err));
    ch_frame frame = hear(CH_FRAME_DECISIONS_ARE);
    MUST(ch_decisions_are_frame_get(&frame, &page, &err));
    return page;
}

START_TEST(test_decisions_are_listed_in_pages)
{
    ch_decision_record row;
    begin();
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
    ch_channel_close(&channel);
    page = list_decisions(last, 2);
    ck_assert(page.is_last && page.rows.count == 1);
}
END_TEST

CH_TESTS("operators_trading", CH_TEST(test_states_are_listed), CH_TEST(test_an_auditor_only_looks),
         CH_TEST(test_a_key_is_revoked_when_it_is_on_the_disk), CH_TEST(test_only_an_admin_accepts_a_state),
         CH_TEST(test_a_held_price_is_confirmed), CH_TEST(test_decisions_are_listed_in_pages))
