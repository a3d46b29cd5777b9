#include "tests/unit/policy/limits.h"

#include <check.h>
#include <string.h>

ch_entry_rule limits[LIMITS];
ch_policy limits_policy;
ch_levels *levels;

ch_decimal number(const char *text)
{
    ch_decimal out;
    ck_assert(ch_decimal_read(ch_slice_of(text), &out));
    return out;
}

void assert_number(ch_decimal is, const char *text)
{
    char shown[CH_DECIMAL_TEXT_MAX];
    ch_decimal_text(is, shown);
    ck_assert_str_eq(shown, text);
}

ch_period sliding(uint64_t ns)
{
    return (ch_period){.kind = CH_PERIOD_SLIDING, .ns = ns};
}

static const ch_period day = {.kind = CH_PERIOD_DAY};

static void add(size_t limit, const char *name, const ch_limit *made)
{
    limits[limit] = (ch_entry_rule){.name = (char *)name, .verb = CH_VERB_LIMIT, .limit = *made};
}

void limits_set_up(void)
{
    /* clang-format off */
    add(VALUE, "value", &(ch_limit){
        .control = CH_CONTROL_VALUE, .most = number("1000"), .asset = "USDT", .per = sliding(DAY), .by = CH_BY_CALLER,
        .has_closing = true, .closing = number("50"), .release = number("0.1") });
    add(MESSAGES, "messages", &(ch_limit){
        .control = CH_CONTROL_MESSAGES, .most = number("100"), .per = sliding(60 * SECOND), .by = CH_BY_CALLER,
        .reserve_cancels = 20 });
    add(LOSS, "loss", &(ch_limit){
        .control = CH_CONTROL_LOSS, .most = number("10"), .asset = "USDT", .per = sliding(HOUR),
        .by = CH_BY_CALLER | CH_BY_SYMBOL });
    add(OPEN, "open", &(ch_limit){
        .control = CH_CONTROL_OPEN_VALUE, .most = number("1000"), .asset = "USDT", .by = CH_BY_ACCOUNT });
    add(CALENDAR, "calendar", &(ch_limit){
        .control = CH_CONTROL_AMOUNT, .most = number("2"), .asset = "BTC", .per = day, .by = CH_BY_ACCOUNT,
        .release = number("1") });
    /* clang-format on */
    limits_policy = (ch_policy){.entries = limits, .entry_count = LIMITS};
    levels = ch_levels_new();
    ck_assert(!ch_levels_set_policy(levels, &limits_policy, NOW));
}

void limits_tear_down(void)
{
    ch_levels_free(levels);
}

ch_charge charge_of(size_t limit, const char *amount)
{
    return (ch_charge){.entry = &limits[limit], .scope = SCOPE, .amount = number(amount)};
}

ch_taken take(const ch_charge *charge, uint64_t now_ns)
{
    ch_error err = CH_ERROR_INIT;
    ch_taken taken;
    ck_assert_msg(ch_levels_take(levels, charge, now_ns, &taken, &err) == CH_OK, "%s", err.message);
    return taken;
}

ch_taken take_of(size_t limit, const char *amount, uint64_t now_ns)
{
    ch_charge charge = charge_of(limit, amount);
    return take(&charge, now_ns);
}

void assert_used(size_t limit, uint64_t now_ns, const char *text)
{
    ch_charge charge = charge_of(limit, "0");
    assert_number(ch_levels_used(levels, &charge, now_ns), text);
}

void assert_released(const ch_taken *taken, size_t limit, uint64_t now_ns, const char *text)
{
    assert_number(ch_levels_release(levels, taken, &limits[limit], CH_REPORTER_BOT, now_ns), text);
}
