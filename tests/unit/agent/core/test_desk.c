/* What bots and feeds ask of the desk. The test's user is `me`, who has a limit, and `feed`. */

#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene.h"

#include <string.h>
#include <unistd.h>

static ch_error err;
static scene it;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static ch_frame hear(ch_frame_type type)
{
    stage_send(&it.front_actor);
    scene_end_turn(&it);
    ch_frame frame = stage_hear(&it.front_actor, type);
    ck_assert_uint_eq(frame.id, 7);
    return frame;
}

static ch_buffer *out(void)
{
    return ch_channel_out(&it.front_actor.channel);
}

static ch_failed_frame hear_failure(void)
{
    ch_failed_frame failed;
    ch_frame frame = hear(CH_FRAME_FAILED);
    MUST(ch_failed_frame_get(&frame, &failed, &err));
    return failed;
}

/* ---- limits ---- */

static ch_limits_are_frame ask_limits(const char *key)
{
    ch_limits_are_frame limits;
    const ch_get_limits_frame get = {.connection = it.bot, .key = ch_slice_of(key)};
    MUST(ch_get_limits_frame_put(out(), 7, &get, &err));
    ch_frame frame = hear(CH_FRAME_LIMITS_ARE);
    MUST(ch_limits_are_frame_get(&frame, &limits, &err));
    return limits;
}

static void check_few(ch_limits_are_frame limits, const char *scope, const char *used, const char *left)
{
    ch_limit_level_record level;
    ck_assert_uint_eq(limits.levels.count, 1);
    ck_assert(ch_limit_level_record_next(&limits.levels, &level));
    ck_assert(ch_slice_is(level.limit, "few") && ch_slice_is(level.control, "order-count"));
    ck_assert_msg(ch_slice_is(level.scope, scope), "%.*s", CH_SLICE_ARGS(level.scope));
    ck_assert_msg(ch_slice_is(level.used, used), "%.*s", CH_SLICE_ARGS(level.used));
    ck_assert_msg(ch_slice_is(level.left, left), "%.*s", CH_SLICE_ARGS(level.left));
    ck_assert(ch_slice_is(level.most, "3") && ch_slice_is(level.per, "1h") && level.asset.size == 0);
}

static void take_one(void)
{
    scene_ask ask = scene_order;
    ask.key = "limited";
    scene_ask_for(&it, 1, &ask);
    scene_end_turn(&it);
}

START_TEST(test_a_limit_shows_what_is_used_of_it)
{
    scene_begin_unlocked(&it);
    check_few(ask_limits("limited"), "", "0", "3");
    take_one();
    ch_limits_are_frame limits = ask_limits("limited");
    ck_assert(ch_slice_is(limits.state, "active") && limits.state_why.size == 0);
    check_few(limits, "caller=me", "1", "2");
}
END_TEST

START_TEST(test_who_is_halted_is_told_why)
{
    const ch_state_row row = {
        .of = CH_STATE_OF_KEY, .name = CH_LITERAL("limited"), .state = CH_TRADING_HALTED, .why = CH_LITERAL("a test")};
    scene_begin(&it);
    ch_ledger_set_state(it.ledger, &row, scene_now_ns());
    ch_limits_are_frame limits = ask_limits("limited");
    ck_assert(ch_slice_is(limits.state, "halted") && ch_slice_is(limits.state_why, "a test"));
    ck_assert(ch_slice_is(ask_limits("bot").state, "active"));
}
END_TEST

static const char *const not_seen[] = {"others", "none", ""};

START_TEST(test_limits_of_anothers_key_are_not_told)
{
    const ch_get_limits_frame get = {.connection = it.bot, .key = ch_slice_of(not_seen[_i])};
    scene_begin(&it);
    ch_get_limits_frame asked = get;
    asked.connection = it.bot;
    MUST(ch_get_limits_frame_put(out(), 7, &asked, &err));
    ch_failed_frame failed = hear_failure();
    ck_assert_int_eq(failed.why.status, CH_REFUSED);
    ck_assert_str_eq(failed.why.rule, "grant");
}
END_TEST

/* The type of the answer. */
static unsigned look(uint64_t connection, const char *key)
{
    ch_frame frame;
    const ch_get_limits_frame get = {.connection = connection, .key = ch_slice_of(key)};
    MUST(ch_get_limits_frame_put(out(), 7, &get, &err));
    stage_send(&it.front_actor);
    ch_front_link_flush(it.front);
    stage_await(it.front_actor.channel.fd);
    ck_assert_int_eq(ch_channel_receive(&it.front_actor.channel, &it.front_actor.packet, &err), CH_OK);
    ck_assert(ch_frame_next(&it.front_actor.packet.bytes, &frame));
    it.front_actor.packet = (ch_packet){.fd = -1};
    return frame.type;
}

/* And who looks all the time leaves others their share. */
START_TEST(test_limits_are_not_looked_at_without_end)
{
    uint64_t other;
    scene_begin(&it);
    size_t count = 0;
    while (look(it.bot, "bot") != CH_FRAME_FAILED)
        ck_assert_uint_lt(count++, 1000);
    ck_assert_uint_ge(count, 20);
    const ch_peer peer = {.uid = getuid() + 1, .gid = getgid()};
    MUST(ch_connections_add(it.connections, &peer, false, ch_front_link_intake(it.front), &other, &err));
    ck_assert_uint_eq(look(other, "others"), CH_FRAME_LIMITS_ARE);
    ck_assert_uint_eq(look(it.bot, "bot"), CH_FRAME_FAILED);
}
END_TEST

/* ---- prices ---- */

typedef struct quote {
    const char *pair;
    const char *price;
    int64_t later_s; /* than now */
} quote;

static void put_prices(const char *source, const quote *quotes, size_t count)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_put_prices_frame put = {.connection = it.bot, .source = ch_slice_of(source)};
    for (size_t i = 0; i < count; i++) {
        ch_quote_record record = {.pair = ch_slice_of(quotes[i].pair),
                                  .price = ch_slice_of(quotes[i].price),
                                  .quoted_ms = scene_now_ns() / 1000000 + (uint64_t)(quotes[i].later_s * 1000)};
        ch_quote_record_put(&put.quotes, &records, &record);
    }
    MUST(ch_put_prices_frame_put(out(), 7, &put, &err));
}

static ch_prices_taken_frame hear_taken(void)
{
    ch_prices_taken_frame taken;
    ch_frame frame = hear(CH_FRAME_PRICES_TAKEN);
    MUST(ch_prices_taken_frame_get(&frame, &taken, &err));
    return taken;
}

static ch_prices_are_frame list_prices(uint16_t limit, ch_slice after)
{
    ch_prices_are_frame prices;
    const ch_list_prices_frame list = {.connection = it.bot, .limit = limit, .after = after};
    MUST(ch_list_prices_frame_put(out(), 7, &list, &err));
    ch_frame frame = hear(CH_FRAME_PRICES_ARE);
    MUST(ch_prices_are_frame_get(&frame, &prices, &err));
    return prices;
}

START_TEST(test_a_feed_reports_prices_which_are_listed_in_pages)
{
    ch_listed_price_record price;
    const quote quotes[] = {
        {"BTC/EUR", "30000",   0},
        {"ETH/EUR", "2000.50", 0}
    };
    scene_begin(&it);
    put_prices("one", quotes, CH_ROWS(quotes));
    ck_assert_uint_eq(hear_taken().taken, 2);
    ch_prices_are_frame page = list_prices(1, CH_LITERAL(""));
    ck_assert(ch_listed_price_record_next(&page.prices, &price));
    ck_assert(ch_slice_is(price.pair, "BTC/EUR") && ch_slice_is(price.source, "one"));
    ck_assert(ch_slice_is(price.price, "30000") && !price.is_held);
    ck_assert_uint_gt(page.next.size, 0);
    char next[64];
    memcpy(next, page.next.data, page.next.size);
    page = list_prices(5, (ch_slice){(const uint8_t *)next, page.next.size});
    ck_assert(ch_listed_price_record_next(&page.prices, &price));
    ck_assert(ch_slice_is(price.pair, "ETH/EUR") && ch_slice_is(price.price, "2000.5"));
    ck_assert_uint_eq(page.next.size, 0);
}
END_TEST

START_TEST(test_a_price_that_jumps_is_held_and_still_is_after_a_restart)
{
    ch_text_record held;
    ch_price_row row;
    const quote before[] = {
        {"BTC/EUR", "30000", -1}
    };
    const quote after[] = {
        {"BTC/EUR", "60000", 0}
    };
    scene_begin(&it);
    put_prices("one", before, 1);
    hear_taken();
    put_prices("one", after, 1);
    ch_prices_taken_frame taken = hear_taken();
    ck_assert_uint_eq(taken.taken, 0);
    ck_assert(ch_text_record_next(&taken.held, &held) && ch_slice_is(held.bytes, "BTC/EUR"));
    scene_restart_ledger(&it);
    ck_assert(ch_prices_next(ch_ledger_prices(it.ledger), CH_LITERAL(""), CH_LITERAL(""), &row));
    ck_assert(row.is_held);
}
END_TEST

/* clang-format off */
static const struct { const char *source; quote quote; ch_status status; } wrong[] = {
    { "two", { "BTC/EUR", "30000", 0 },  CH_BAD_INPUT },
    { "",    { "BTC/EUR", "30000", 0 },  CH_BAD_INPUT },
    { "one", { "BTCEUR",  "30000", 0 },  CH_BAD_INPUT },
    { "one", { "BTC/EUR", "0", 0 },      CH_BAD_INPUT },
    { "one", { "BTC/EUR", "-1", 0 },     CH_BAD_INPUT },
    { "one", { "BTC/EUR", "1e5", 0 },    CH_BAD_INPUT },
    { "one", { "BTC/EUR", "", 0 },       CH_BAD_INPUT },
};
/* clang-format on */

START_TEST(test_a_report_that_is_malformed_is_turned_back)
{
    scene_begin(&it);
    put_prices(wrong[_i].source, &wrong[_i].quote, 1);
    ck_assert_int_eq(hear_failure().why.status, wrong[_i].status);
}
END_TEST

START_TEST(test_who_is_no_feed_reports_no_prices)
{
    const quote quotes[] = {
        {"BTC/EUR", "30000", 0}
    };
    scene_begin(&it);
    for (size_t i = 0; i < it.policy.caller_count; i++)
        it.policy.callers[i].role = CH_CALLER_BOT;
    put_prices("one", quotes, 1);
    ch_failed_frame failed = hear_failure();
    ck_assert_int_eq(failed.why.status, CH_REFUSED);
    ck_assert_str_eq(failed.why.rule, "feed");
}
END_TEST

CH_TESTS("desk", CH_TEST(test_a_limit_shows_what_is_used_of_it), CH_TEST(test_who_is_halted_is_told_why),
         CH_TEST_ROWS(test_limits_of_anothers_key_are_not_told, not_seen),
         CH_TEST(test_limits_are_not_looked_at_without_end),
         CH_TEST(test_a_feed_reports_prices_which_are_listed_in_pages),
         CH_TEST(test_a_price_that_jumps_is_held_and_still_is_after_a_restart),
         CH_TEST_ROWS(test_a_report_that_is_malformed_is_turned_back, wrong),
         CH_TEST(test_who_is_no_feed_reports_no_prices))
