#include "tests/unit/policy/policy_rig.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "policy/load.h"
#include "tests/support/folder.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

const char rig_profile[] = "name: t\n"
                           "title: T\n"
                           "origins: {main: https://a.example}\n"
                           "window: {param: window, default: 5000, max: 60000}\n"
                           "schemes:\n"
                           "  hmac: {mechanism: hmac-sha256, secret: text, signature: hex}\n"
                           "  ed25519: {mechanism: ed25519, secret: text, signature: base64}\n"
                           "recipe: r\n"
                           "recipes:\n"
                           "  r:\n"
                           "    covers: [method, path]\n"
                           "    lists: {all: {}}\n"
                           "    message: \"{method}{path}{all|form}{window}\"\n"
                           "    url: \"{origin}{path}?s={signature}&window={window}\"\n"
                           "  open:\n"
                           "    covers: [params]\n"
                           "    lists: {all: {}}\n"
                           "    message: \"{all|form}\"\n"
                           "    url: \"{origin}{path}?s={signature}\"\n"
                           "environments:\n"
                           "  demo: {origins: {main: https://d.example}}\n"
                           "  alias: {origins: {main: https://l.example}, keys: live}\n"
                           "symbols:\n"
                           "  - {form: \"{base}{quote}\", market: [spot, margin], quotes: [USDT, BTC]}\n"
                           "  - {form: \"{base}-PERP\", market: linear, quote: USD}\n"
                           "endpoints:\n"
                           "  - {call: \"GET /x\", class: read}\n"
                           "  - {call: \"POST /order\", class: trade}\n"
                           "  - {call: \"POST /broker\", class: trade, only_for: broker}\n"
                           "  - {call: \"POST /leverage\", class: trade, intent: {setting: {name: leverage}}}\n"
                           "  - {call: \"DELETE /order\", class: cancel}\n"
                           "  - {call: \"POST /transfer\", class: transfer}\n"
                           "  - {call: \"POST /withdraw\", class: withdraw}\n"
                           "  - {call: \"POST /open\", class: withdraw, recipe: open}\n"
                           "  - {call: \"GET /open\", class: read, recipe: open}\n"
                           "acceptable_confusions:\n"
                           "  a: {calls: [POST /open], lets: withdraw}\n";

const char rig_policy[] =
    /*  1 */
    "version: 1\n"
    /*  2 */ "callers:\n"
    /*  3 */ "  maker: {uid: 1000, socket: maker}\n"
    /*  4 */ "  dca: {uid: 1001, gid: 100, unit: dca-bot.service}\n"
    /*  5 */ "  board: {group: root}\n"
    /*  6 */ "  ticker: {uid: 1002, role: feed}\n"
    /*  7 */ "people:\n"
    /*  8 */ "  alice: {user: root, roles: [operator, approver]}\n"
    /*  9 */ "  bob: {gid: 7, roles: [approver]}\n"
    /* 10 */ "  carol: {uid: 1003, roles: [admin, auditor]}\n"
    /* 11 */ "accounts:\n"
    /* 12 */ "  desk: {reference_error: \"0.5 %\", fees: 0.1%, market_slippage: \"3 %\"}\n"
    /* 13 */ "  shelf: {prices: none}\n"
    /* 14 */ "prices:\n"
    /* 15 */ "  sources: [binance, kraken]\n"
    /* 16 */ "  max_move: {by: \"10 %\", within: 10m}\n"
    /* 17 */ "conversions:\n"
    /* 18 */ "  - {from: USDC, to: USDT, rate: \"1.01\", haircut: \"1 %\"}\n"
    /* 19 */ "  - {from: btc, to: USDT, max_age: 10s, haircut: \"0 %\"}\n"
    /* 20 */ "listings:\n"
    /* 21 */ "  u: [BTCUSDT, ETHUSDT, ETHBTC]\n"
    /* 22 */ "addresses:\n"
    /* 23 */ "  cold: {asset: BTC, network: BTC, address: bc1q, tag: \"7\"}\n"
    /* 24 */ "  funding: {from: spot, to: funding}\n"
    /* 25 */ "keys:\n"
    /* 26 */ "  b-key: {token: main, object: \"pkcs11:object=b\", profile: t, scheme: hmac, key_id: i, account: desk, "
    "receive_window: 1s, assume_uses: 1}\n"
    /* 27 */ "  a-key: {token: other, object: \"pkcs11:object=a\", profile: u, environment: demo, scheme: ed25519, "
    "key_id: q, raw: true, kinds: [broker], accepts: [a], tolerate: [CKA_DERIVE, CKA_DECRYPT]}\n"
    /* 28 */ "states:\n"
    /* 29 */ "  reducing: {classes: [read, trade]}\n"
    /* 30 */ "  halted: {keep_stops: true}\n"
    /* 31 */ "decisions: {keep: 7d, power_cut_safe: true}\n"
    /* 32 */ "allow:\n"
    /* 33 */ "  - {name: quotes, caller: maker, key: b-key, classes: [trade], markets: [spot, margin], symbols: "
    "[btcusdt, "
    "ETHUSDT], sides: [BUY], types: [LIMIT, LIMIT_MAKER], time_in_force: [IOC], limits: [size, collar, loss]}\n"
    /* 34 */ "  - {name: looks, caller: any, key: any, classes: [read, cancel], hours: \"Mon-Fri 09:00-17:30\", "
    "expires: "
    "2027-01-31}\n"
    /* 35 */ "  - {name: all-eth, caller: [dca, board], key: [a-key], endpoints: [POST /order], markets: any, symbols: "
    "[\"ETH*\"], unlimited: true}\n"
    /* 36 */ "  - {name: treasury, caller: dca, key: b-key, classes: [withdraw], to: [cold], limits: [out]}\n"
    /* 37 */ "deny:\n"
    /* 38 */ "  - {name: no-leverage, settings: [LEVERAGE]}\n"
    /* 39 */ "  - {name: no-orders, account: desk, endpoints: [\"* /ord*\"], symbols: \"X*\"}\n"
    /* 40 */ "limit:\n"
    /* 41 */ "  - {name: size, order_value: \"5000 usdt\"}\n"
    /* 42 */ "  - {name: collar, price_within: \"2 %\", price_age: 5s}\n"
    /* 43 */ "  - {name: loss, loss: \"2000 USDT\", per: 24h, by: [caller, symbol], then: reducing, until: window, "
    "closing: \"500 USDT\", release: 100%}\n"
    /* 44 */ "  - {name: out, amount: \"2.5 BTC\", per: calendar-week, time_zone: Europe/Berlin}\n"
    /* 45 */ "  - {name: rate, caller: maker, messages: 100, per: 10s, reserve_cancels: 20}\n"
    /* 46 */ "  - {name: again, same_order: {at_most: 3, within: 1m}}\n"
    /* 47 */ "  - {name: lever, leverage: \"5\"}\n"
    /* 48 */ "  - {name: short, validity: 5s}\n"
    /* 49 */ "require:\n"
    /* 50 */ "  - {name: two, classes: [withdraw], approvals: 2, of: [alice, bob], within: 1h, above: \"0.5 BTC\"}\n"
    /* 51 */ "  - {name: slowly, classes: [withdraw], delay: 6h, code: true}\n";

char *rig_change(const char *from, const char *to)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    const char *at = strstr(rig_policy, from);
    ck_assert_msg(at != NULL, "'%s' is not in the sound policy", from);
    ch_buffer_add(&out, rig_policy, (size_t)(at - rig_policy));
    ch_buffer_add_text(&out, to);
    ch_buffer_add_text(&out, at + strlen(from));
    return ch_strdup(ch_buffer_text(&out));
}

ch_status rig_load_file(const char *name, ch_policy *out, ch_error *err)
{
    static const char *const tokens[] = {"main", "other"};
    static const char broken[] = "name: broken\ntitel: T\n";
    ch_autobuffer second = CH_BUFFER_INIT;
    ch_buffer_add_format(&second, "name: u\n%s", rig_profile + strlen("name: t\n"));
    free(ch_test_file("t.yaml", rig_profile, strlen(rig_profile)));
    free(ch_test_file("u.yaml", second.data, second.size));
    free(ch_test_file("w.yaml", rig_profile, strlen(rig_profile)));
    free(ch_test_file("broken.yaml", broken, strlen(broken)));
    ch_autofree char *path = ch_test_path(name);
    const ch_policy_source source = {path, ch_test_folder(), tokens, 2, 0, false};
    return ch_policy_load(&source, out, err);
}

ch_status rig_load(const char *text, ch_policy *out, ch_error *err)
{
    free(ch_test_file("policy.yaml", text, strlen(text)));
    return rig_load_file("policy.yaml", out, err);
}

void rig_load_sound(ch_policy *out)
{
    ch_error err = CH_ERROR_INIT;
    ck_assert_msg(rig_load(rig_policy, out, &err) == CH_OK, "%s", err.message);
}

const ch_entry_rule *rig_entry(const ch_policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->entry_count; i++) {
        if (strcmp(policy->entries[i].name, name) == 0)
            return &policy->entries[i];
    }
    ck_abort_msg("there is no entry '%s'", name);
    return NULL;
}
