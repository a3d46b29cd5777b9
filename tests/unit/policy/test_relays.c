/* What policy says of relays: how what they bring is judged, what one that was taken over can do, what is dangerous,
 * and what a change of it is. With the profiles as shipped where exchanges matter; run from the repository's root. */
#include "policy/judging.h"

#include "policy/differences.h"
#include "policy/exposure.h"
#include "policy/lint.h"
#include "tests/support/suite.h"
#include "tests/unit/policy/decide_rig.h"

#include <stdio.h>
#include <string.h>

static decide_rig rig;

/* ---- judging ---- */

/* `%s`: the profile, more of the key, and the entries. */
#define POLICY                                                                                                         \
    "version: 1\n"                                                                                                     \
    "callers: {maker: {uid: 1000}, relay: {uid: 1001, socket: relay, role: relay, for: [maker]}}\n"                    \
    "people: {alice: {uid: 1, roles: [operator]}}\n"                                                                   \
    "accounts: {own: {prices: none}}\n"                                                                                \
    "keys:\n"                                                                                                          \
    "  k: {account: own, token: main, object: \"pkcs11:object=k\", profile: %s, scheme: hmac, key_id: id%s}\n"         \
    "%s\n"

#define READS "allow: [{name: a, caller: maker, key: k, classes: [read]}]"
#define BINANCE_ORDERS                                                                                                 \
    "allow: [{name: a, caller: maker, key: k, classes: [trade], markets: [spot], symbols: [BTCUSDT], limits: [v]}]\n"  \
    "limit: [{name: v, value: 1000 USDT, per: 24h}]"

/* clang-format off */
static const struct {
    const char *profile;
    const char *more;
    const char *entries;
    const char *request;
    const char *direct;  /* the rule that refuses it without a relay; "": none */
    const char *relayed; /* through one */
} judged[] = {
    { "binance", "",                READS,          "GET /api/v3/account", "confusion", "" },
    { "binance", "",                READS,          "GET /api/v3/openOrders symbol=BTCUSDT", "confusion", "" },
    { "binance", "",                READS,          "DELETE /api/v3/openOrders symbol=BTCUSDT", "class", "class" },
    { "binance", "",                BINANCE_ORDERS, "POST /api/v3/order symbol=BTCUSDT side=BUY type=LIMIT timeInForce=GTC quantity=1 price=100", "confusion", "" },
    { "binance", "",                BINANCE_ORDERS, "POST /api/v3/order symbol=BTCUSDT side=BUY type=LIMIT timeInForce=GTC quantity=10 price=100", "confusion", "" },
    { "binance", "",                BINANCE_ORDERS, "POST /api/v3/order symbol=BTCUSDT side=BUY type=LIMIT timeInForce=GTC quantity=10.01 price=100", "confusion", "v" },
    { "binance", "",                BINANCE_ORDERS, "POST /api/v3/order symbol=BTCUSDT side=SELL type=LIMIT timeInForce=GTC quantity=1 price=100", "confusion", "v" },
    { "binance", "",                BINANCE_ORDERS, "POST /fapi/v1/order symbol=BTCUSDT side=BUY type=LIMIT timeInForce=GTC quantity=1 price=100", "confusion", "allow" },
    { "binance", ", relay: only",   BINANCE_ORDERS, "POST /api/v3/order symbol=BTCUSDT side=BUY type=LIMIT timeInForce=GTC quantity=1 price=100", "relay", "" },
    { "binance", ", relay: only",   READS,          "GET /api/v3/account", "relay", "" },
    { "binance", ", expires: 2020-01-01", READS,    "GET /api/v3/account", "expires", "expires" },
};
/* clang-format on */

static ch_status judge(const char *request, bool is_relayed)
{
    static ch_judging judging;
    ch_judging_init(&judging);
    decide_read(&rig, request);
    rig.err = (ch_error)CH_ERROR_INIT;
    const ch_asked asked = {.policy = &rig.policy,
                            .key = rig.question.key,
                            .callers = &rig.callers,
                            .endpoint = rig.readings[0].endpoint,
                            .request = &rig.request,
                            .now_ns = DECIDE_NOW_NS,
                            .is_relayed = is_relayed};
    ch_status st = ch_judging_read(&judging, &asked, &rig.err);
    if (st == CH_OK)
        st = ch_policy_judge(&judging.question, &judging.judgement, &rig.err);
    if (st == CH_OK)
        st = ch_judgement_take(&judging.judgement, &judging.question, rig.levels, true, rig.taken, &rig.err);
    ch_judging_free(&judging);
    return st;
}

START_TEST(test_what_a_relay_brings_is_judged_as_what_it_is)
{
    char policy[2048];
    snprintf(policy, sizeof policy, POLICY, judged[_i].profile, judged[_i].more, judged[_i].entries);
    decide_set_up(&rig, policy, "profiles");
    decide_set_who(&rig, "maker", "k");
    ch_ignore(judge(judged[_i].request, false)); /* the rule says it */
    ck_assert_msg(strcmp(rig.err.rule, judged[_i].direct) == 0, "%s: %s: %s", judged[_i].request, rig.err.rule,
                  rig.err.message);
    ch_ignore(judge(judged[_i].request, true));
    ck_assert_msg(strcmp(rig.err.rule, judged[_i].relayed) == 0, "%s: %s: %s", judged[_i].request, rig.err.rule,
                  rig.err.message);
    decide_tear_down(&rig);
}
END_TEST

/* The exchange decides which call a path is, whoever sends it. */
START_TEST(test_each_signature_is_used_once_and_reads_as_what_is_sent)
{
    static const char *const profiles[] = {"binance", "bybit", "htx", "mexc", "upbit"};
    for (size_t i = 0; i < CH_ROWS(profiles); i++) {
        char policy[2048];
        const ch_endpoint *endpoint;
        ch_error err = CH_ERROR_INIT;
        snprintf(policy, sizeof policy, POLICY, profiles[i], ", assume_uses: 7", READS);
        if (decide_load(&rig, policy, "profiles") != CH_OK)
            continue; /* it has another scheme */
        decide_set_who(&rig, "maker", "k");
        const ch_key *key = rig.question.key;
        for (size_t k = 0; (endpoint = ch_profile_endpoint_at(key->profile, k)) != NULL; k++) {
            const ch_request request = {.method = ch_slice_of(ch_endpoint_method(endpoint)),
                                        .path = ch_slice_of(ch_endpoint_path(endpoint))};
            ck_assert_int_eq(ch_readings_read_as_sent(rig.read, endpoint, key->scheme, &key->traits, &request, &err),
                             CH_OK);
            for (size_t n = 0; n < ch_readings_count(rig.read); n++)
                ck_assert(!ch_readings_at(rig.read, n)->is_cut);
            ck_assert_ptr_eq(ch_readings_at(rig.read, 0)->endpoint, endpoint);
            ck_assert(!ch_readings_at(rig.read, 0)->is_unread);
        }
        decide_tear_down(&rig);
    }
}
END_TEST

/* ---- entries ---- */

START_TEST(test_entries_name_no_relay)
{
    char policy[2048];
    snprintf(policy, sizeof policy, POLICY, "binance", "",
             "allow: [{name: a, caller: relay, key: k, classes: [read]}]");
    ck_assert_int_eq(decide_load(&rig, policy, "profiles"), CH_CONFIG);
    ck_assert_ptr_nonnull(strstr(rig.err.message, "caller 'relay' is a relay, which asks for others"));
    snprintf(policy, sizeof policy, POLICY, "binance", "", "allow: [{name: a, caller: any, key: k, classes: [read]}]");
    decide_set_up(&rig, policy, "profiles");
    decide_set_who(&rig, "relay", "k");
    ck_assert(!ch_policy_may_see(&rig.policy, rig.question.key, &rig.callers));
    decide_tear_down(&rig);
}
END_TEST

/* A name that nobody has is the position after the last caller; of as many callers as there can be, no set has it. */
START_TEST(test_a_relay_speaks_for_nobody_who_is_not_there)
{
    ch_autobuffer policy = CH_BUFFER_INIT;
    ch_buffer_add_text(&policy, "version: 1\ncallers:\n");
    for (unsigned i = 1; i < CH_CALLERS_MAX; i++)
        ch_buffer_add_format(&policy, "  bot-%u: {uid: %u}\n", i, 2000 + i);
    ch_buffer_add_text(&policy, "  relay: {uid: 1001, socket: relay, role: relay, for: [bot-1]}\n"
                                "people: {alice: {uid: 1, roles: [operator]}}\n"
                                "accounts: {own: {prices: none}}\n"
                                "keys:\n"
                                "  k: {account: own, token: main, object: \"pkcs11:object=k\", profile: binance, "
                                "scheme: hmac, key_id: id}\n");
    decide_set_up(&rig, ch_buffer_text(&policy), "profiles");
    size_t relay = ch_policy_caller(&rig.policy, CH_LITERAL("relay"));
    size_t nobody = ch_policy_caller(&rig.policy, CH_LITERAL("nobody"));
    ck_assert_uint_eq(nobody, CH_CALLERS_MAX);
    ck_assert(ch_policy_speaks_for(&rig.policy, relay, ch_policy_caller(&rig.policy, CH_LITERAL("bot-1"))));
    ck_assert(!ch_policy_speaks_for(&rig.policy, relay, ch_policy_caller(&rig.policy, CH_LITERAL("bot-2"))));
    ck_assert(!ch_policy_speaks_for(&rig.policy, relay, nobody));
    ck_assert(!ch_policy_speaks_for(&rig.policy, nobody, relay));
    decide_tear_down(&rig);
}
END_TEST

START_TEST(test_what_cannot_be_through_a_relay_does_not_load)
{
    static const char *const rows[][2] = {
        {", relay: only, assume_uses: 3", "what a relay brings counts once; delete 'assume_uses'"         },
        {", relay: only, raw: true",      "no relay brings raw bytes, so 'raw: true' of key 'k' would let"},
    };
    for (size_t i = 0; i < CH_ROWS(rows); i++) {
        char policy[2048];
        snprintf(policy, sizeof policy, POLICY, "binance", rows[i][0], READS);
        ck_assert_int_eq(decide_load(&rig, policy, "profiles"), CH_CONFIG);
        ck_assert_msg(strstr(rig.err.message, rows[i][1]) != NULL, "%s", rig.err.message);
    }
}
END_TEST

/* ---- exposure ---- */

#define TRADES(symbol)                                                                                                 \
    "allow: [{name: a, caller: maker, key: k, classes: [trade], markets: [spot], symbols: [" symbol                    \
    "], limits: [v]}, {name: b, caller: maker, key: k, classes: [read, cancel]}]\n"
#define LOOKS "allow: [{name: b, caller: maker, key: k, classes: [read]}]\n"
#define DAY(more) "limit: [{name: v, value: 1000 USDT, per: 24h" more "}]"
#define STRAY "open: allow 'a': the relay can send its signatures elsewhere, or with other parameters"

/* clang-format off */
static const struct {
    const char *name;
    const char *profile;
    const char *more;
    const char *entries;
    const char *caller; /* "": all */
    const char *most;   /* value in a day */
} exposed[] = {
    { "a bot behind it",                 "kraken",  ", relay: only", TRADES("XBTUSDT") DAY(""),  "maker", "1000 USDT" },
    { "nonces, and a path that is signed", "kraken", ", relay: only", TRADES("XBTUSDT") DAY(""), "relay", "1000 USDT" },
    { "what it reports",                 "kraken",  ", relay: only", TRADES("XBTUSDT") DAY(", relay_release: 30 %"), "relay", "1300 USDT" },
    { "the larger of what both report",  "kraken",  "",              TRADES("XBTUSDT") DAY(", relay_release: 30 %, release: 40 %"), "relay", "1400 USDT" },
    { "what a bot behind it reports",    "kraken",  ", relay: only", TRADES("XBTUSDT") DAY(", relay_release: 30 %"), "maker", "1000 USDT" },
    { "all together",                    "kraken",  ", relay: only", TRADES("XBTUSDT") DAY(", relay_release: 30 %"), "", "1300 USDT" },
    { "used again, by the relay",        "okx",     ", passphrase: p, relay: only", TRADES("BTC-USDT") DAY(""), "relay", "15000000 USDT" },
    { "used once, by a bot behind it",   "okx",     ", passphrase: p, relay: only", TRADES("BTC-USDT") DAY(""), "maker", "1000 USDT" },
    { "elsewhere, by the relay",         "binance", ", relay: only", TRADES("BTCUSDT") DAY(""),  "relay", STRAY },
    { "there, by a bot behind it",       "binance", ", relay: only", TRADES("BTCUSDT") DAY(""),  "maker", "1000 USDT" },
    { "reads that are something else",   "binance", ", relay: only", LOOKS, "relay", "open: allow 'b': the relay can send its signatures elsewhere, or with other parameters" },
    { "reads, by a bot behind it",       "binance", ", relay: only", LOOKS, "maker", "nothing" },
    { "reads that are nothing else",     "kraken",  ", relay: only", LOOKS, "relay", "nothing" },
    { "all together, elsewhere",         "binance", ", relay: only", TRADES("BTCUSDT") DAY(""),  "", STRAY },
};
/* clang-format on */

static size_t caller_of(const char *name)
{
    size_t found = ch_policy_caller(&rig.policy, ch_slice_of(name));
    return found < rig.policy.caller_count ? found : CH_ALL_CALLERS;
}

START_TEST(test_exposure_of_a_relay_and_of_who_is_behind_it)
{
    char policy[2048];
    ch_exposure exposure;
    ch_autobuffer found = CH_BUFFER_INIT;
    snprintf(policy, sizeof policy, POLICY, exposed[_i].profile, exposed[_i].more, exposed[_i].entries);
    decide_set_up(&rig, policy, "profiles");
    ch_exposure_find(&rig.policy, caller_of(exposed[_i].caller), DECIDE_NOW_NS, &exposure);
    const ch_bound *bound = &exposure.orders[CH_EXPOSED_VALUE][CH_HORIZON_DAY];
    if (bound->is_unbounded)
        ch_buffer_add_format(&found, "open: %s", bound->open.items[0]);
    else if (bound->sum_count == 0)
        ch_buffer_add_text(&found, "nothing");
    for (size_t i = 0; !bound->is_unbounded && i < bound->sum_count; i++) {
        ch_decimal_print(bound->sums[i].amount, &found);
        ch_buffer_add_format(&found, " %s", bound->sums[i].asset);
    }
    ck_assert_msg(strcmp(ch_buffer_text(&found), exposed[_i].most) == 0, "%s: %s", exposed[_i].name,
                  ch_buffer_text(&found));
    ch_exposure_free(&exposure);
    decide_tear_down(&rig);
}
END_TEST

/* Nobody brings what `dca` asks for. */
START_TEST(test_whom_no_relay_speaks_for_can_do_nothing_with_a_relays_key)
{
    char policy[2048];
    ch_exposure exposure;
    snprintf(policy, sizeof policy, POLICY, "kraken", ", relay: only",
             "allow: [{name: a, caller: any, key: k, classes: [trade], markets: any, unlimited: true}]");
    decide_set_up(&rig, policy, "profiles");
    ch_exposure_find(&rig.policy, SIZE_MAX, DECIDE_NOW_NS, &exposure); /* CH_NO_CALLER */
    ck_assert_uint_eq(exposure.way_count, 0);
    ch_exposure_free(&exposure);
    decide_tear_down(&rig);
}
END_TEST

/* ---- warnings ---- */

/* clang-format off */
static const struct {
    const char *more;
    const char *entries;
    const char *code;
    const char *of;
    bool is_not;
} warned[] = {
    { "",              READS, "around-relay", "relay", false },
    { ", relay: only", READS, "around-relay", "relay", true },
    { ", relay: only", READS, "no-relay",     "k",     true },
    { ", relay: only", "allow: [{name: a, caller: any, key: k, classes: [read]}]", "no-relay", "k", false },
    { "",              READS, "confusion",    "k",     false },
    { ", relay: only", READS, "confusion",    "k",     true },
    { ", relay: only", READS, "relay-user",   "relay", true },
    { ", relay: only", READS, "no-allow",     "relay", true },
    { ", relay: only", READS, "denied",       "a",     true },
};
/* clang-format on */

typedef struct finding {
    const char *code;
    const char *of;
    size_t count;
} finding;

static void take_warning(void *context, const ch_warning *warning)
{
    finding *to = context;
    to->count += strcmp(warning->code, to->code) == 0 && strcmp(warning->name, to->of) == 0;
}

START_TEST(test_what_is_dangerous_about_relays_is_said)
{
    char policy[2048];
    finding found = {.code = warned[_i].code, .of = warned[_i].of};
    const ch_lint_reader reader = {.context = &found, .warn = take_warning};
    snprintf(policy, sizeof policy, POLICY, "binance", warned[_i].more, warned[_i].entries);
    decide_set_up(&rig, policy, "profiles");
    ch_policy_lint(&rig.policy, DECIDE_NOW_NS, &reader);
    ck_assert_msg(found.count == (warned[_i].is_not ? 0 : 1), "%s: %zu", warned[_i].code, found.count);
    decide_tear_down(&rig);
}
END_TEST

START_TEST(test_a_relay_that_is_another_caller_too_is_said)
{
    finding found = {.code = "relay-user", .of = "relay"};
    const ch_lint_reader reader = {.context = &found, .warn = take_warning};
    char policy[2048];
    snprintf(policy, sizeof policy, POLICY, "binance", "", READS);
    char *uid = strstr(policy, "uid: 1001");
    ck_assert_ptr_nonnull(uid);
    memcpy(uid, "uid: 1000", 9);
    decide_set_up(&rig, policy, "profiles");
    ch_policy_lint(&rig.policy, DECIDE_NOW_NS, &reader);
    ck_assert_uint_eq(found.count, 1);
    decide_tear_down(&rig);
}
END_TEST

/* ---- differences ---- */

static void take_difference(void *context, const ch_difference *difference)
{
    ch_buffer *out = context;
    ch_buffer_add_format(out, "%s: %s\n", ch_change_name(difference->direction), difference->text);
}

static void load_other(ch_policy *out, const char *from, const char *to)
{
    char policy[2048];
    char changed[2048];
    snprintf(policy, sizeof policy, POLICY, "kraken", ", relay: only", TRADES("XBTUSDT") DAY(", relay_release: 30 %"));
    char *at = strstr(policy, from);
    ck_assert_ptr_nonnull(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - policy), policy, to, at + strlen(from));
    decide_set_up(&rig, changed, "profiles");
    *out = rig.policy;
    rig.policy = (ch_policy){0};
    decide_tear_down(&rig);
}

/* clang-format off */
static const struct { const char *from; const char *to; const char *said; } changes[] = {
    { "maker: {uid: 1000}", "maker: {uid: 1000}", "" },
    { ", relay: only}", "}", "wider: key 'k' is used without a relay too now\n" },
    { "relay_release: 30 %", "relay_release: 40 %", "wider: limit 'v': relay_release is 40 % now; it was 30 %\n" },
    { "for: [maker]}}", "for: [maker, dca]}, dca: {uid: 5}}", "changed: caller 'dca' is new\nwider: relay 'relay' speaks for 'dca' now\n" },
    { "for: [maker]}}", "for: [dca]}, dca: {uid: 5}}", "changed: caller 'dca' is new\nwider: relay 'relay' speaks for 'dca' now\nnarrower: relay 'relay' speaks for 'maker' no longer\n" },
};
/* clang-format on */

START_TEST(test_changes_of_relays_are_said)
{
    ch_policy before;
    ch_policy now;
    ch_autobuffer said = CH_BUFFER_INIT;
    const ch_difference_reader reader = {.context = &said, .take = take_difference};
    load_other(&before, "maker: {uid: 1000}", "maker: {uid: 1000}");
    load_other(&now, changes[_i].from, changes[_i].to);
    (void)ch_policy_compare(&before, &now, &reader);
    ck_assert_str_eq(ch_buffer_text(&said), changes[_i].said);
    ch_policy_free(&before);
    ch_policy_free(&now);
}
END_TEST

CH_TESTS("relays", CH_TEST_ROWS(test_what_a_relay_brings_is_judged_as_what_it_is, judged),
         CH_TEST(test_each_signature_is_used_once_and_reads_as_what_is_sent), CH_TEST(test_entries_name_no_relay),
         CH_TEST(test_a_relay_speaks_for_nobody_who_is_not_there),
         CH_TEST(test_what_cannot_be_through_a_relay_does_not_load),
         CH_TEST_ROWS(test_exposure_of_a_relay_and_of_who_is_behind_it, exposed),
         CH_TEST(test_whom_no_relay_speaks_for_can_do_nothing_with_a_relays_key),
         CH_TEST_ROWS(test_what_is_dangerous_about_relays_is_said, warned),
         CH_TEST(test_a_relay_that_is_another_caller_too_is_said),
         CH_TEST_ROWS(test_changes_of_relays_are_said, changes))
