/* From a request to the question: how long it is valid, how often it can be used, and whether the key's policy lets it
 * be so. With the profiles as shipped; run from the repository's root. */
#include "policy/judging.h"

#include "tests/support/suite.h"
#include "tests/unit/policy/decide_rig.h"

#include <stdio.h>
#include <string.h>

#define POLICY                                                                                                         \
    "version: 1\n"                                                                                                     \
    "callers: {maker: {uid: 1000}}\n"                                                                                  \
    "people: {alice: {uid: 1, roles: [operator]}}\n"                                                                   \
    "allow:\n"                                                                                                         \
    "  - {name: a, caller: maker, key: any, classes: [trade, cancel, read], markets: any, unlimited: true}\n"          \
    "keys:\n"                                                                                                          \
    "  k: {token: main, object: \"pkcs11:object=k\", profile: %s, scheme: hmac, key_id: id%s%s}\n"

static void write_policy(char *out, size_t size, const char *profile, const char *window, const char *more)
{
    char field[64] = "";
    if (window[0] != '\0')
        snprintf(field, sizeof field, ", receive_window: %s", window);
    snprintf(out, size, POLICY, profile, field, more);
}

/* ---- what loads ---- */

/* clang-format off */
static const struct {
    const char *profile;
    const char *more;
    const char *window;
    uint32_t window_ms;  /* of the key */
    const char *says;    /* NULL: it loads */
} loads[] = {
    { "binance", "",                "1s",    1000,  NULL },
    { "binance", "",                "60s",   60000, NULL },
    { "bingx",   "",                "250ms", 250,   NULL },
    { "bybit",   "",                "1s",    1000,  NULL },
    { "okx",     ", passphrase: p", "30s",   0,     NULL }, /* so it is anyway */
    { "okx",     ", passphrase: p", "1m",    0,     NULL },
    { "binance", "",                "61s",   0,     "Binance takes whole milliseconds up to 60000 ms" },
    { "okx",     ", passphrase: p", "29s",   0,     "OKX takes requests for 30000 ms, whatever they say, so nothing can keep them to less; delete 'receive_window'" },
    { "kucoin",  ", passphrase: p", "1s",    0,     "KuCoin takes requests for 5000 ms, whatever they say" },
    { "kraken",  "",                "1s",    0,     "requests of profile 'kraken' have no receive window; delete 'receive_window'" },
};
/* clang-format on */

START_TEST(test_a_window_loads_if_something_keeps_it)
{
    char policy[1024];
    decide_rig rig;
    write_policy(policy, sizeof policy, loads[_i].profile, loads[_i].window, loads[_i].more);
    ch_status st = decide_load(&rig, policy, "profiles");
    ck_assert_msg((st == CH_OK) == (loads[_i].says == NULL), "%s %s: %s", loads[_i].profile, loads[_i].window,
                  rig.err.message);
    if (st == CH_OK) {
        ck_assert_uint_eq(rig.policy.keys[0].receive_window_ms, loads[_i].window_ms);
        decide_tear_down(&rig);
    } else {
        ck_assert_msg(strstr(rig.err.message, loads[_i].says) != NULL, "%s", rig.err.message);
    }
}
END_TEST

/* ---- what is asked ---- */

#define ORDER "POST /api/v3/order symbol=BTCUSDT side=BUY type=LIMIT timeInForce=GTC quantity=1 price=1"
#define RISK ", accepts: [risk-level]" /* which every signature opens */
#define LEVERAGE "POST /api/v1/private/position/change_leverage symbol=BTC_USDT leverage=5"
#define CANCEL "POST /api/v1/private/order/cancel_with_external symbol=BTC_USDT externalOid=1"

/* clang-format off */
static const struct {
    const char *profile;
    const char *window; /* empty: none */
    const char *more;
    const char *request;
    uint64_t validity_ms;
    uint32_t uses;
    const char *says; /* NULL: it may be asked */
} asks[] = {
    /* profile   window   more  request                                  valid, ms  uses   says */
    { "binance", "",      "",   ORDER,                                   5000,      5000,  NULL },
    { "binance", "",      "",   ORDER " recvWindow=20000",               20000,     10000, NULL },
    /* The futures take it with the window cut off, which /api refuses. */
    { "binance", "1s",    "",   ORDER " recvWindow=1000",                5000,      5000,  NULL },
    { "binance", "1s",    "",   ORDER " recvWindow=1",                   5000,      5000,  NULL },
    { "binance", "10s",   "",   ORDER,                                   5000,      5000,  NULL },
    { "binance", "1s",    "",   ORDER " recvWindow=1001",                0,         0,     "the receive window of 1001 ms is longer than the 1000 ms" },
    { "binance", "1s",    "",   ORDER,                                   0,         0,     "without 'recvWindow', Binance takes this request for 5000 ms" },
    { "binance", "1s",    "",   "GET /api/v3/account",                   0,         0,     "without 'recvWindow', Binance takes this request for 5000 ms" },
    { "bingx",   "20s",   "",   "GET /openApi/swap/v2/user/balance",     0,         0,     "without 'recvWindow', BingX takes this request for 30000 ms" },
    /* MEXC's calls for contracts have no window. */
    { "mexc",    "",      RISK, LEVERAGE,                                10000,     4000,  NULL },
    { "mexc",    "10s",   RISK, LEVERAGE,                                10000,     4000,  NULL },
    { "mexc",    "1s",    RISK, CANCEL,                                  10000,     4000,  NULL },
    { "mexc",    "1s",    RISK, LEVERAGE,                                0,         0,     "change_leverage takes no receive window that is signed, so it is valid for 10000 ms, and the key's policy lets it be 1000 ms" },
    /* What is signed for this read is what a trade would be signed for. */
    { "mexc",    "1s",    RISK, "GET /api/v1/private/account/assets",    0,         0,     "takes no receive window that is signed" },
};
/* clang-format on */

static ch_status ask(decide_rig *rig, ch_judging *judging, const char *request)
{
    decide_read(rig, request);
    const ch_asked asked = {.policy = &rig->policy,
                            .key = rig->question.key,
                            .callers = &rig->callers,
                            .endpoint = rig->readings[0].endpoint,
                            .request = &rig->request,
                            .now_ns = DECIDE_NOW_NS};
    return ch_judging_read(judging, &asked, &rig->err);
}

START_TEST(test_what_a_signature_opens_keeps_to_the_window)
{
    static ch_judging judging;
    char policy[1024];
    decide_rig rig;
    write_policy(policy, sizeof policy, asks[_i].profile, asks[_i].window, asks[_i].more);
    decide_set_up(&rig, policy, "profiles");
    ch_judging_init(&judging);
    ch_status st = ask(&rig, &judging, asks[_i].request);
    ck_assert_msg((st == CH_OK) == (asks[_i].says == NULL), "%s: %s", asks[_i].request, rig.err.message);
    if (st == CH_OK) {
        ck_assert_uint_eq(judging.question.validity_ns, asks[_i].validity_ms * 1000000);
        ck_assert_uint_eq(judging.question.window_uses, asks[_i].uses);
    } else {
        ck_assert_str_eq(rig.err.rule, "receive_window");
        ck_assert_msg(strstr(rig.err.message, asks[_i].says) != NULL, "%s", rig.err.message);
    }
    ch_judging_free(&judging);
    decide_tear_down(&rig);
}
END_TEST

CH_TESTS("judging", CH_TEST_ROWS(test_a_window_loads_if_something_keeps_it, loads),
         CH_TEST_ROWS(test_what_a_signature_opens_keeps_to_the_window, asks))
