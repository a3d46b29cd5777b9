/* Random policies and requests: one more allow refuses nothing that was allowed, one more deny, limit or requirement
 * allows nothing that was refused, and the order of a file's entries changes nothing. The levels are the same on both
 * sides, and partly used up. CHANCERY_ROUNDS sets how many policies there are. */
#include "tests/support/suite.h"
#include "tests/unit/policy/decide_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const char *const allows[] = {
    "caller: any, key: any, classes: [trade], markets: [spot], limits: [n-size]",
    "caller: maker, key: any, classes: [trade], markets: [spot, linear], limits: [n-size, n-day]",
    "caller: maker, key: [k, s], classes: [trade], markets: any, types: [market, limit, stop-limit], limits: [n-collar, n-day]",
    "caller: any, key: k, classes: [trade], markets: any, unlimited: true, symbols: [ETHUSDT]",
    "caller: maker, key: any, classes: [trade], markets: [spot], sides: [buy], limits: [n-hour]",
    "caller: maker, key: any, classes: [trade], markets: [spot], sides: [sell], limits: [n-volume]",
    "caller: [maker, dca], key: any, classes: [trade, cancel], markets: [spot], symbols: [BTCUSDT], limits: [n-hour, n-orders]",
    "caller: maker, key: any, classes: [trade], markets: any, items: [order, borrow], limits: [n-size]",
    "caller: any, key: any, classes: [read, cancel, account, session]",
    "caller: any, key: any, classes: [withdraw], to: [cold], limits: [n-amount]",
    "caller: dca, key: any, classes: [withdraw, transfer], to: any, unlimited: true",
    "caller: any, key: any, classes: [trade], markets: any, unlimited: true",
};
static const char *const denies[] = {
    "symbols: [ETHUSDT]", "sides: [sell]", "markets: [linear]", "classes: [account]", "types: [market]",
    "time_in_force: [GTC]", "to: [cold]", "caller: dca", "items: [borrow]", "assets: [XRP]", "settings: [leverage]",
};
static const char *const limits[] = { /* those that allows name, and others */
    "order_value: \"4000 USDT\"", "value: \"9000 USDT\", per: 24h", "value: \"5000 USDT\", per: 1h, by: [caller, symbol]",
    "price_within: \"2 %\", price_age: 5s", "volume: \"0.4 BTC\", per: calendar-day, symbols: [BTCUSDT]", "orders: 3, per: 1m",
    "amount: \"2 BTC\", per: 24h", "order_value: \"3000 USDT\", symbols: [BTCUSDT]", "order_volume: \"0.2 BTC\", symbols: [\"BTC*\"]",
    "messages: 4, per: 1m, reserve_cancels: 1", "value: \"8000 USDT\", per: ever", "key: [k, s], loss: \"60 USDT\", per: 24h",
    "price_within: \"10 %\", price_age: 60s", "same_order: {at_most: 1, within: 1m}", "leverage: \"3\"", "validity: 2s",
};
static const char *const limit_names[] = { "n-size", "n-day", "n-hour", "n-collar", "n-volume", "n-orders", "n-amount" };
static const char *const requirements[] = {
    "classes: [withdraw], approvals: 1, of: [alice], within: 1h", "above: \"3500 USDT\", classes: [trade], code: true",
    "above: \"0.5 BTC\", classes: [withdraw], delay: 1h",
};
static const char *const symbols[] = { "BTCUSDT", "BTCUSDT", "ETHUSDT", "XRPUSDT" };
static const char *const quantities[] = { "0.01", "0.01", "0.02", "0.05", "0.1", "0.15", "2" };
static const char *const prices[] = { "30000", "30100", "29500", "30700" };
static const char *const low_prices[] = { "2000", "2010", "1900", "1" };
static const char *const plain[] = {
    "GET /x", "DELETE /order symbol=BTCUSDT", "DELETE /order", "POST /timeout timeout=0", "POST /logon", "POST /unread",
    "POST /set name=leverage value=4", "POST /set name=mode value=x", "POST /withdraw coin=BTC net=BTC addr=bc1qcold amount=0.7",
    "POST /withdraw coin=XRP net=XRP addr=rTagged memo=7 amount=5", "POST /withdraw coin=BTC net=BTC addr=other amount=0.1",
    "POST /transfer coin=USDT from=spot to=funding amount=5",
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define PICK(table) ((table)[draw(COUNT(table))])

static uint64_t state = 1;

/* xorshift64* (Vigna): the same on each machine. */
static size_t draw(size_t below)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (size_t)((state * UINT64_C(2685821657736338717)) >> 33) % below;
}

/* ---- policies ---- */

/* Which of each table's entries a policy has. */
typedef struct choice {
    unsigned of[CH_VERB_COUNT];
    bool is_reversed;
} choice;

static const char *text_of(ch_verb verb, size_t index)
{
    switch (verb) {
    case CH_VERB_ALLOW:
        return allows[index];
    case CH_VERB_DENY:
        return denies[index];
    case CH_VERB_LIMIT:
        return limits[index];
    default:
        return requirements[index];
    }
}

static const size_t sizes[CH_VERB_COUNT] = {COUNT(allows), COUNT(denies), COUNT(limits), COUNT(requirements)};

static void write_verb(const choice *from, ch_verb verb, ch_buffer *out)
{
    if (from->of[verb] == 0)
        return;
    ch_buffer_add_format(out, "%s:\n", ch_verb_name(verb));
    for (size_t i = 0; i < sizes[verb]; i++) {
        size_t at = from->is_reversed ? sizes[verb] - 1 - i : i;
        if ((from->of[verb] & 1U << at) == 0)
            continue;
        if (verb == CH_VERB_LIMIT && at < COUNT(limit_names))
            ch_buffer_add_format(out, "  - {name: %s, %s}\n", limit_names[at], text_of(verb, at));
        else
            ch_buffer_add_format(out, "  - {name: %s-%zu, %s}\n", ch_verb_name(verb), at, text_of(verb, at));
    }
}

/* False if such a policy makes no sense, and so does not load. */
static bool load(decide_rig *rig, const choice *from)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_text(&text, decide_head);
    for (ch_verb verb = CH_VERB_ALLOW; verb < CH_VERB_COUNT; verb++)
        write_verb(from, verb, &text);
    if (decide_load(rig, ch_buffer_text(&text), NULL) != CH_OK)
        return false;
    decide_set_price(rig, "BTC/USDT", "30000", 4);
    decide_set_price(rig, "ETH/USDT", "2000", 20);
    return true;
}

static choice draw_choice(void)
{
    choice made = {.of[CH_VERB_LIMIT] = (1U << COUNT(limit_names)) - 1};
    for (size_t i = 0; i < 3; i++)
        made.of[CH_VERB_ALLOW] |= 1U << draw(sizes[CH_VERB_ALLOW]);
    for (size_t i = draw(3); i > 0; i--)
        made.of[CH_VERB_LIMIT] |= 1U << draw(sizes[CH_VERB_LIMIT]);
    if (draw(3) == 0)
        made.of[CH_VERB_DENY] |= 1U << draw(sizes[CH_VERB_DENY]);
    if (draw(4) == 0)
        made.of[CH_VERB_REQUIRE] |= 1U << draw(sizes[CH_VERB_REQUIRE]);
    return made;
}

/* ---- requests ---- */

static void add_order(ch_buffer *out)
{
    static const char *const types[] = {"limit", "limit", "maker", "market", "stopl"};
    const char *type = PICK(types);
    const char *symbol = PICK(symbols);
    bool is_high = symbol[0] == 'B';
    ch_buffer_add_format(out, " symbol=%s side=%s type=%s qty=%s", symbol, draw(2) == 0 ? "BUY" : "SELL", type,
                         PICK(quantities));
    if (strcmp(type, "market") != 0)
        ch_buffer_add_format(out, " price=%s", is_high ? PICK(prices) : PICK(low_prices));
    if (strcmp(type, "stopl") == 0)
        ch_buffer_add_format(out, " stop=%s", is_high ? PICK(prices) : PICK(low_prices));
    if (draw(3) == 0)
        ch_buffer_add_text(out, " tif=IOC");
}

static void draw_request(ch_buffer *out)
{
    static const char *const calls[] = {"POST /order", "POST /order", "POST /order", "POST /linear", "POST /replace"};
    ch_buffer_clear(out);
    size_t kind = draw(10);
    if (kind == 0) {
        ch_buffer_add_text(out, PICK(plain));
    } else if (kind <= 3) {
        ch_buffer_add_text(out, "POST /batch many=[");
        for (size_t i = 1 + draw(4); i > 0; i--) {
            ch_buffer_add_text(out, " {");
            add_order(out);
            ch_buffer_add_text(out, " }");
        }
        ch_buffer_add_text(out, " ]");
    } else if (kind == 4) {
        ch_buffer_add_text(out, "POST /margin symbol=BTCUSDT side=BUY type=limit qty=0.1 price=30000 mode=lend");
    } else {
        const char *call = PICK(calls);
        size_t start = out->size;
        ch_buffer_add_text(out, call);
        do {
            out->size = start + strlen(call);
            add_order(out);
        } while (strcmp(call, "POST /replace") == 0 && strstr(ch_buffer_text(out), "stop=") != NULL);
    }
}

static void draw_who(decide_rig *one, decide_rig *other)
{
    static const char *const callers[] = {"maker", "maker", "dca", "maker dca", ""};
    static const char *const keys[] = {"k", "k", "s", "n"};
    const char *who = PICK(callers);
    const char *key = PICK(keys);
    uint32_t uses = draw(4) == 0 ? 2 : 1;
    decide_set_who(one, who, key);
    decide_set_who(other, who, key);
    one->question.is_once = other->question.is_once = uses == 1;
    one->question.window_uses = other->question.window_uses = uses;
}

/* ---- what must hold ---- */

static size_t asked;
static size_t allowed;

static bool ask(decide_rig *rig, ch_levels *levels, const char *request)
{
    rig->levels = levels;
    ch_levels_set_policy(levels, &rig->policy, rig->question.now_ns);
    bool is_allowed = decide_ask(rig, request, true) == CH_OK;
    asked++;
    allowed += is_allowed;
    return is_allowed;
}

static void use_up(decide_rig *rig, ch_levels *levels, ch_buffer *request)
{
    rig->levels = levels;
    ch_levels_set_policy(levels, &rig->policy, rig->question.now_ns);
    for (size_t i = draw(5); i > 0; i--) {
        draw_who(rig, rig);
        draw_request(request);
        (void)!decide_ask(rig, ch_buffer_text(request), false);
    }
}

/* False if one of them does not load. */
static bool compare(const choice *less, const choice *more, ch_verb added)
{
    static decide_rig small;
    static decide_rig large;
    ch_autobuffer request = CH_BUFFER_INIT;
    if (!load(&small, less))
        return false;
    if (!load(&large, more)) {
        decide_tear_down(&small);
        return false;
    }
    ch_levels_free(large.levels);
    ch_levels *levels = small.levels;
    use_up(&small, levels, &request);
    for (size_t i = 0; i < 40; i++) {
        draw_who(&small, &large);
        draw_request(&request);
        bool was = ask(&small, levels, ch_buffer_text(&request));
        bool is = ask(&large, levels, ch_buffer_text(&request));
        bool holds = added == CH_VERB_ALLOW ? !was || is : was || !is;
        if (added == CH_VERB_COUNT)
            holds = was == is && (was || strcmp(small.err.rule, large.err.rule) == 0);
        ck_assert_msg(holds,
                      "%s\nbefore: %d [%s] %s\nafter:  %d [%s] %s\nallow %x deny %x limit %x require %x\nallow %x "
                      "deny %x limit %x require %x",
                      ch_buffer_text(&request), was, small.err.rule, small.err.message, is, large.err.rule,
                      large.err.message, less->of[0], less->of[1], less->of[2], less->of[3], more->of[0], more->of[1],
                      more->of[2], more->of[3]);
    }
    large.levels = NULL;
    decide_tear_down(&large);
    decide_tear_down(&small);
    return true;
}

static size_t rounds(void)
{
    const char *text = getenv("CHANCERY_ROUNDS");
    return text == NULL ? 60 : strtoul(text, NULL, 10);
}

START_TEST(test_one_more_entry_only_does_what_its_verb_says)
{
    size_t loaded = 0;
    state = (uint64_t)_i + 1;
    for (size_t i = 0; i < rounds(); i++) {
        choice less = draw_choice();
        choice more = less;
        more.of[_i] |= 1U << draw(sizes[_i]);
        loaded += compare(&less, &more, (ch_verb)_i);
    }
    ck_assert_uint_gt(allowed * 15, asked);
    ck_assert_uint_gt(loaded * 2, rounds());
}
END_TEST

/* What people may have given: everything that any requirement asks for, a long time ago; or some of it. */
static ch_given draw_given(const decide_rig *rig, bool is_everything)
{
    static const char *const people[] = {"alice", "bob"};
    static const uint64_t hours_ago[] = {0, 1, 10};
    const uint64_t hour = 3600 * UINT64_C(1000000000);
    ch_given given = {.requester = 99};
    given.asked_ns = rig->question.now_ns - hour * (is_everything ? 10 : PICK(hours_ago));
    for (size_t i = 0; i < COUNT(people); i++) {
        ch_given_by by = {.uid = (uid_t)(i + 1), .at_ns = given.asked_ns, .is_by_code = is_everything};
        snprintf(by.person, sizeof by.person, "%s", people[i]);
        if (!is_everything) {
            by.is_by_code = draw(2) == 0;
            by.at_ns += hour * draw(3);
            by.uid = draw(4) == 0 ? 99 : by.uid;
        }
        if (is_everything || draw(2) == 0)
            given.by[given.count++] = by;
    }
    return given;
}

/* `with` has requirements, `without` is the same policy without them. */
static void ask_people(decide_rig *with, decide_rig *without, ch_levels *levels, const char *request)
{
    bool is_everything = draw(2) == 0;
    const ch_given given = draw_given(with, is_everything);
    with->question.given = &given;
    bool is = ask(with, levels, request);
    with->question.given = NULL;
    bool may = ask(without, levels, request);
    ck_assert_msg(is_everything ? is == may : !is || may, "%s\n%d [%s] %s\n%d [%s] %s", request, is, with->err.rule,
                  with->err.message, may, without->err.rule, without->err.message);
}

START_TEST(test_approvals_meet_requirements_and_nothing_else)
{
    static decide_rig with;
    static decide_rig without;
    ch_autobuffer request = CH_BUFFER_INIT;
    state = 4711;
    for (size_t i = 0; i < rounds(); i++) {
        choice less = draw_choice();
        choice more = less;
        less.of[CH_VERB_REQUIRE] = 0;
        more.of[CH_VERB_REQUIRE] = 1 + (unsigned)draw((1U << COUNT(requirements)) - 1);
        if (!load(&without, &less))
            continue;
        if (load(&with, &more)) {
            ch_levels_free(with.levels);
            for (size_t k = 0; k < 40; k++) {
                draw_who(&with, &without);
                draw_request(&request);
                ask_people(&with, &without, without.levels, ch_buffer_text(&request));
            }
            with.levels = NULL;
            decide_tear_down(&with);
        }
        decide_tear_down(&without);
    }
    ck_assert_uint_gt(allowed * 15, asked);
}
END_TEST

START_TEST(test_the_order_of_entries_changes_nothing)
{
    size_t loaded = 0;
    state = 77;
    for (size_t i = 0; i < rounds(); i++) {
        choice one = draw_choice();
        choice other = one;
        other.is_reversed = true;
        loaded += compare(&one, &other, CH_VERB_COUNT);
    }
    ck_assert_uint_gt(loaded * 2, rounds());
}
END_TEST

CH_TESTS("narrowing", CH_TEST_ROWS(test_one_more_entry_only_does_what_its_verb_says, sizes),
         CH_TEST(test_approvals_meet_requirements_and_nothing_else), CH_TEST(test_the_order_of_entries_changes_nothing))
