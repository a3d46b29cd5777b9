#include "tests/fuzz/core_policy.h"

#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <unistd.h>

static const char policy_text[] =
    "version: 1\n"
    "callers: { bot: { uid: %1$u }, feed: { uid: %1$u, role: feed }, other: { uid: %2$u },\n"
    "  " FUZZ_RELAY ": { uid: %1$u, socket: " FUZZ_RELAY ", role: relay, for: [bot] } }\n"
    "people: { me: { uid: %1$u, roles: [operator, admin, auditor, approver], totp: 'pkcs11:object=seed' },\n"
    "  " FUZZ_APPROVER ": { uid: %2$u, roles: [approver] } }\n"
    "tokens: { main: { unlock: { factors: [pin] } } }\n" /* the other takes a code */
    "prices: { sources: [one, two], at_least: 1, max_move: { by: '10 %%', within: 10m } }\n"
    "accounts: { desk: { prices: median, reference_error: '0.5 %%', market_slippage: '3 %%' } }\n"
    "conversions: [ { from: USD, to: EUR, rate: '1', haircut: '1 %%' } ]\n"
    "allow:\n"
    "  - { name: all, caller: bot, key: odd-all, classes: [read, trade, cancel, transfer, withdraw, keys, account,\n"
    "      session], markets: any, to: any, unlimited: true }\n"
    "  - { name: reads, caller: bot, key: odd-read, classes: [read] }\n"
    "  - { name: bots, caller: bot, key: odd-jwt, classes: [read, trade, cancel], markets: any, limits: [few] }\n"
    "  - { name: others, caller: other, key: odd-other, classes: [read, trade], markets: any, unlimited: true }\n"
    "  - { name: cold, caller: bot, key: odd-cold, classes: [read, trade], markets: any, unlimited: true }\n"
    "  - { name: money, caller: bot, key: money, classes: [trade], items: [order], markets: any, types: [market,\n"
    "      limit, stop, stop-limit], limits: [worth, daily, open, lost, collar, same, much, placed] }\n"
    "  - { name: set-times, caller: bot, key: money, classes: [trade], items: [setting], settings: [leverage],\n"
    "      markets: any, limits: [times] }\n"
    "  - { name: out, caller: bot, key: money, classes: [withdraw, transfer], to: [vault, funding],\n"
    "      limits: [at-once, a-day] }\n"
    "  - { name: rest, caller: bot, key: money, classes: [read, cancel] }\n"
    "addresses:\n"
    "  vault: { asset: ODD, network: net, address: v1 }\n"
    "  funding: { from: spot, to: funding, asset: EUR }\n"
    "limit:\n"
    "  - { name: few, orders: 1000, per: 1m, by: caller }\n"
    "  - { name: messages, key: [odd-read, odd-jwt, money], messages: 100, per: 1s, by: caller,\n"
    "      reserve_cancels: 10 }\n"
    "  - { name: worth, value: '1000000 EUR', per: 24h, by: [key, symbol], release: '10 %%',\n"
    "      relay_release: '20 %%' }\n"
    "  - { name: daily, value: '2000000 EUR', per: calendar-day, closing: '1000 EUR', then: reducing, until: window }\n"
    "  - { name: open, open_value: '500000 EUR' }\n"
    "  - { name: lost, loss: '50000 EUR', per: calendar-week, then: halted, until: operator }\n"
    "  - { name: collar, price_within: '5 %%', price_age: 5s }\n"
    "  - { name: same, same_order: { at_most: 3, within: 1m } }\n"
    "  - { name: much, volume: '10000 ODD', per: ever, release: '50 %%' }\n"
    "  - { name: times, leverage: '5' }\n"
    "  - { name: at-once, amount: '10 ODD' }\n"
    "  - { name: a-day, amount: '100 EUR', per: 24h, release: '100 %%' }\n"
    "  - { name: valid, key: money, validity: 5s }\n"
    "  - { name: placed, orders: 5, per: 10s, release: '100 %%', then: reducing, until: window }\n"
    "require:\n"
    "  - { name: slowly, key: money, classes: [withdraw], delay: 1s }\n"
    "  - { name: asked, key: money, classes: [transfer], approvals: 1, of: [" FUZZ_APPROVER "], within: 1m }\n"
    "keys:\n"
    "  odd-all:   { token: main, object: 'pkcs11:object=a', profile: oddball, scheme: hmac, key_id: k, passphrase: p,\n"
    "               raw: true }\n"
    "  odd-read:  { token: main, object: 'pkcs11:object=b', profile: oddball, scheme: hmac, key_id: k, passphrase: p "
    "}\n"
    "  odd-jwt:   { token: main, object: 'pkcs11:object=c', profile: oddball, scheme: jwt, key_id: k }\n"
    "  odd-other: { token: main, object: 'pkcs11:object=d', profile: oddball, scheme: hmac, key_id: k, passphrase: p "
    "}\n"
    "  odd-cold:  { token: cold, object: 'pkcs11:object=e', profile: oddball, scheme: hmac, key_id: k, passphrase: p "
    "}\n"
    "  money:     { token: main, object: 'pkcs11:object=f', profile: plain, scheme: hmac, key_id: m, account: desk,\n"
    "               receive_window: 5s, assume_uses: 1,\n"
    "               flatten: [{ method: DELETE, path: /order, params: { symbol: ODDEUR, id: a } },\n"
    "                         { method: DELETE, path: /order, params: { symbol: ODDEUR, id: b } }] }\n";

size_t fuzz_core_print_policy(char *out, size_t size)
{
    int printed = snprintf(out, size, policy_text, (unsigned)geteuid(), (unsigned)geteuid() + 1);
    FUZZ_CHECK(printed > 0 && (size_t)printed < size);
    return (size_t)printed;
}
