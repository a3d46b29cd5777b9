#include "tests/unit/policy/decide_rig.h"

#include "base/memory.h"
#include "exchange/check.h"
#include "exchange/match.h"
#include "policy/load.h"
#include "tests/support/folder.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const char profile[] =
    "name: t\ntitle: T\norigins: {main: https://a.example}\n"
    "schemes: {hmac: {mechanism: hmac-sha256, secret: text, signature: hex}}\n"
    "recipe: r\nrecipes:\n  r:\n    covers: [method, path, params]\n    lists: {all: {}}\n"
    "    values: {payload: \"{all|json}\"}\n    message: \"{method} {path} {payload}\"\n"
    "    url: \"{origin}{path}\"\n    body: \"{signature}{payload}\"\n"
    "  open:\n    covers: [params]\n    lists: {all: {}}\n    values: {payload: \"{all|json}\"}\n"
    "    message: \"{payload}\"\n    url: \"{origin}{path}\"\n    body: \"{signature}{payload}\"\n"
    "contracts:\n  - {symbol: \"*_INV\", size: \"100\", of: quote}\n  - {symbol: \"*_LIN\", size: \"0.01\", of: base}\n"
    "  - {symbol: \"*_ODD\", size: \"5\", of: EUR}\n"
    "symbols:\n  - {form: \"{base}{quote}\", market: [spot, margin, option, linear], quotes: [USDT, USDC, BTC, USD]}\n"
    "  - {form: \"{base}{quote}_INV\", market: inverse, quotes: [USD]}\n"
    "  - {form: \"{base}{quote}_LIN\", market: linear, quotes: [USDT]}\n"
    "  - {form: \"{base}{quote}_ODD\", market: linear, quotes: [USDT]}\n"
    "params:\n"
    "  symbol: {type: symbol, role: symbol}\n"
    "  side: {type: enum, values: [BUY, SELL], role: side}\n"
    "  type: {type: enum, values: [limit, maker, market, stop, stopl, trail, twap, odd], role: type, means: {limit: "
    "limit, maker: limit-maker, market: market, stop: stop, stopl: stop-limit, trail: trailing, twap: twap}}\n"
    "  tif: {type: enum, values: [GTC, IOC], role: time_in_force}\n"
    "  qty: {type: decimal, role: quantity}\n"
    "  quoteQty: {type: decimal, role: quote_quantity}\n"
    "  lots: {type: integer, role: quantity, unit: contracts}\n"
    "  price: {type: decimal, role: price}\n"
    "  stop: {type: decimal, role: trigger_price}\n"
    "  peg: {type: text, hides: [price]}\n"
    "  lev: {type: decimal, role: leverage}\n"
    "  reduce: {type: boolean, role: reduce_only}\n"
    "  close: {type: boolean, role: close_position}\n"
    "  clientId: {type: text, role: client_id}\n"
    "  origClientId: {type: text, role: order}\n"
    "  orderId: {type: text, role: order}\n"
    "  origId: {name: clientId, type: text, role: order}\n"
    "  mode: {type: enum, values: [off, lend], leg: loan, detail: true, means: {off: none, lend: {}}}\n"
    "  one: {type: object, optional: [symbol, side, type, tif, qty, quoteQty, price, stop, clientId]}\n"
    "  many: {type: list, items: one}\n"
    "  coin: {type: text, role: asset}\n"
    "  net: {type: text, role: network}\n"
    "  addr: {type: text, role: address}\n"
    "  memo: {type: text, role: tag}\n"
    "  amount: {type: decimal, role: amount}\n"
    "  from: {type: text, role: from}\n"
    "  to: {type: text, role: to}\n"
    "  name: {type: text, role: name}\n"
    "  value: {type: text, role: value}\n"
    "  timeout: {type: integer, neutral: how long, needs: {0: account}}\n"
    "endpoints:\n"
    "  - {call: GET /x, class: read, intent: read}\n"
    "  - {call: POST /order, class: trade, optional: [symbol, side, type, tif, qty, quoteQty, price, stop, peg, lev, "
    "clientId], intent: {order: {market: spot}}}\n"
    "  - {call: POST /linear, class: trade, optional: [symbol, side, type, tif, qty, lots, quoteQty, price, stop, lev, "
    "reduce, close, clientId], intent: {order: {market: linear}}}\n"
    "  - {call: POST /inverse, class: trade, optional: [symbol, side, type, qty, lots, price, reduce, close], intent: "
    "{order: {market: inverse}}}\n"
    "  - {call: POST /option, class: trade, optional: [symbol, side, type, qty, price], intent: {order: {market: "
    "option}}}\n"
    "  - {call: POST /margin, class: trade, optional: [symbol, side, type, qty, price, mode, amount, reduce], intent: "
    "[{order: {market: margin}}, {borrow: {leg: loan, shares: [amount]}}]}\n"
    "  - {call: POST /batch, class: trade, optional: [many], intent: {order: {market: spot}}}\n"
    "  - {call: POST /amend, class: trade, optional: [symbol, side, type, qty, price, origClientId, orderId], intent: "
    "{amend: {market: spot}}}\n"
    "  - {call: POST /replace, class: trade, optional: [symbol, side, type, tif, qty, price, origClientId], intent: "
    "[{order: {market: spot}}, {cancel: {market: spot}}]}\n"
    "  - {call: POST /unread, class: trade}\n"
    "  - {call: DELETE /order, class: cancel, optional: [symbol, origClientId], intent: {cancel: {market: spot}}}\n"
    "  - {call: POST /timeout, class: cancel, optional: [timeout]}\n"
    "  - {call: POST /withdraw, class: withdraw, optional: [coin, net, addr, memo, amount], intent: withdrawal}\n"
    "  - {call: POST /transfer, class: transfer, optional: [coin, from, to, amount], intent: transfer}\n"
    "  - {call: POST /set, class: account, optional: [name, value, symbol], intent: setting}\n"
    "  - {call: POST /keys, class: keys}\n"
    "  - {call: POST /open/spot, class: trade, recipe: open, required: [symbol, side, type, qty, price, clientId], "
    "intent: {order: {market: spot}}}\n"
    "  - {call: POST /open/linear, class: trade, recipe: open, required: [symbol, side, type, qty, price, clientId], "
    "intent: {order: {market: linear}}}\n"
    "  - {call: DELETE /open/order, class: cancel, recipe: open, required: [symbol, origId], intent: {cancel: {market: "
    "spot}}}\n"
    "  - {call: POST /logon, class: session}\n";

const char decide_head[] =
    "version: 1\n"
    "callers: {maker: {uid: 1000}, dca: {uid: 1001}, board: {gid: 2000}, feed: {uid: 1002, role: feed}}\n"
    "people: {alice: {uid: 1, roles: [operator, approver]}, bob: {uid: 2, roles: [approver]}}\n"
    "accounts:\n"
    "  desk: {reference_error: \"0.5 %\", fees: \"0.1 %\"}\n"
    "  slip: {reference_error: \"0.5 %\", market_slippage: \"3 %\"}\n"
    "  blind: {prices: none}\n"
    "prices: {sources: [a, b], at_least: 1}\n"
    "conversions:\n"
    "  - {from: USDC, to: USDT, rate: \"1\", haircut: \"1 %\"}\n"
    "  - {from: BTC, to: USDT, max_age: 10s, haircut: \"2 %\"}\n"
    "addresses:\n"
    "  cold: {asset: BTC, network: BTC, address: bc1qcold}\n"
    "  tagged: {asset: XRP, network: XRP, address: rTagged, tag: \"7\"}\n"
    "  funding: {from: spot, to: funding, asset: USDT}\n"
    "  anything: {from: spot, to: options}\n"
    "keys:\n"
    "  k: {account: desk, token: main, object: \"pkcs11:object=k\", profile: t, scheme: hmac, key_id: id}\n"
    "  s: {account: slip, token: main, object: \"pkcs11:object=s\", profile: t, scheme: hmac, key_id: id}\n"
    "  n: {account: blind, token: main, object: \"pkcs11:object=n\", profile: t, scheme: hmac, key_id: id}\n"
    "  r: {account: desk, token: main, object: \"pkcs11:object=r\", profile: t, scheme: hmac, key_id: id, raw: true}\n";

/* ---- set up ---- */

ch_status decide_load(decide_rig *rig, const char *policy, const char *profiles)
{
    static const char *const tokens[] = {"main"};
    memset(rig, 0, sizeof *rig);
    free(ch_test_file("t.yaml", profile, strlen(profile)));
    ch_autofree char *path = ch_test_file("policy.yaml", policy, strlen(policy));
    const ch_policy_source source = {.path = path,
                                     .profiles_folder = profiles == NULL ? ch_test_folder() : profiles,
                                     .tokens = tokens,
                                     .token_count = 1,
                                     .is_elsewhere = true};
    ch_status st = ch_policy_load(&source, &rig->policy, &rig->err);
    if (st != CH_OK) {
        ch_policy_free(&rig->policy);
        return st;
    }
    rig->read = ch_readings_new();
    rig->prices = ch_prices_new();
    ch_prices_set_rules(rig->prices, &rig->policy.prices);
    rig->states = ch_states_new();
    rig->levels = ch_levels_new();
    ch_levels_set_policy(rig->levels, &rig->policy, DECIDE_NOW_NS);
    rig->question = (ch_question){.policy = &rig->policy,
                                  .callers = &rig->callers,
                                  .readings = rig->readings,
                                  .request = &rig->request,
                                  .is_once = true,
                                  .validity_ns = 1000000000,
                                  .now_ns = DECIDE_NOW_NS,
                                  .prices = rig->prices,
                                  .states = rig->states};
    decide_set_who(rig, "maker", rig->policy.keys[0].name);
    return CH_OK;
}

void decide_set_up(decide_rig *rig, const char *policy, const char *profiles)
{
    ck_assert_msg(decide_load(rig, policy, profiles) == CH_OK, "%s", rig->err.message);
}

void decide_tear_down(decide_rig *rig)
{
    ch_judgement_free(&rig->judgement);
    ch_levels_free(rig->levels);
    ch_states_free(rig->states);
    ch_prices_free(rig->prices);
    ch_readings_free(rig->read);
    ch_policy_free(&rig->policy);
}

void decide_set_price(decide_rig *rig, const char *pair, const char *price, uint64_t age_s)
{
    ch_quote_outcome outcome;
    ch_quote quote = {.source = ch_slice_of(rig->policy.prices.sources[0]),
                      .pair = ch_slice_of(pair),
                      .quoted_ns = rig->question.now_ns - age_s * 1000000000};
    ck_assert(ch_decimal_read(ch_slice_of(price), &quote.price));
    ck_assert_msg(ch_prices_put(rig->prices, &quote, rig->question.now_ns, &outcome, &rig->err) == CH_OK, "%s",
                  rig->err.message);
}

static bool is_among(const char *names, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = names; (at = strstr(at, name)) != NULL; at += size) {
        if ((at == names || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0'))
            return true;
    }
    return false;
}

void decide_set_who(decide_rig *rig, const char *callers, const char *key)
{
    rig->callers = (ch_caller_set){0};
    for (size_t i = 0; i < rig->policy.caller_count; i++) {
        if (is_among(callers, rig->policy.callers[i].name))
            rig->callers.bits[i / 64] |= (uint64_t)1 << (i % 64);
    }
    rig->question.key = ch_policy_find_key(&rig->policy, ch_slice_of(key));
    ck_assert_ptr_nonnull(rig->question.key);
}

/* ---- requests ---- */

/* "name=[", "{", "}", "]", "name=value" */
static ch_param read_param(char *word)
{
    char *value = strchr(word, '=');
    ch_param param = {.kind = CH_PARAM_TEXT};
    if (strcmp(word, "}") == 0 || strcmp(word, "]") == 0)
        return (ch_param){.kind = CH_PARAM_END};
    if (value != NULL) {
        *value++ = '\0';
        param.name = ch_slice_of(word);
    } else {
        value = word;
    }
    if (strcmp(value, "[") == 0)
        param.kind = CH_PARAM_LIST;
    else if (strcmp(value, "{") == 0)
        param.kind = CH_PARAM_OBJECT;
    else
        param.value = ch_slice_of(value);
    return param;
}

static void split(decide_rig *rig, const char *text)
{
    char *rest = NULL;
    size_t size = strlen(text);
    ck_assert_uint_lt(size, sizeof rig->text);
    memcpy(rig->text, text, size + 1);
    rig->request = (ch_request){.params = rig->params};
    rig->request.method = ch_slice_of(strtok_r(rig->text, " ", &rest));
    rig->request.path = ch_slice_of(strtok_r(NULL, " ", &rest));
    for (char *word = strtok_r(NULL, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        rig->params[rig->request.param_count++] = read_param(word);
}

void decide_read(decide_rig *rig, const char *request)
{
    const ch_key *key = rig->question.key;
    const ch_endpoint *endpoint = NULL;
    split(rig, request);
    ch_status st = ch_environment_match(key->traits.environment, &rig->request, &endpoint, &rig->err);
    if (st == CH_OK)
        st = ch_endpoint_check(endpoint, key->scheme, &rig->request, &rig->err);
    if (st == CH_OK)
        st = ch_readings_read(rig->read, endpoint, key->scheme, &key->traits, &rig->request, &rig->err);
    ck_assert_msg(st == CH_OK, "%s: %s", request, rig->err.message);
    rig->question.reading_count = ch_readings_count(rig->read);
    for (size_t i = 0; i < rig->question.reading_count; i++)
        rig->readings[i] = *ch_readings_at(rig->read, i);
}

ch_status decide_judge(decide_rig *rig, bool is_dry)
{
    rig->err = (ch_error)CH_ERROR_INIT;
    ch_status st = ch_policy_judge(&rig->question, &rig->judgement, &rig->err);
    if (st == CH_OK || rig->question.trace != NULL)
        st = ch_judgement_take(&rig->judgement, &rig->question, rig->levels, is_dry, rig->taken, &rig->err);
    ck_assert_int_eq(st, rig->err.status);
    return st;
}

ch_status decide_ask(decide_rig *rig, const char *request, bool is_dry)
{
    decide_read(rig, request);
    return decide_judge(rig, is_dry);
}
