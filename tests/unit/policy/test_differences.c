/* How two policies differ: a table of changes to one policy, and what is said of them. */
#include "policy/differences.h"

#include "tests/support/suite.h"
#include "tests/unit/policy/decide_rig.h"

#include <stdlib.h>
#include <string.h>

static const char base[] =
    "allow:\n"
    "  - {name: a, caller: [maker, dca], key: k, classes: [trade], markets: [spot], symbols: [BTCUSDT, ETHUSDT], "
    "sides: "
    "[buy], limits: [v, c]}\n"
    "  - {name: b, caller: board, key: any, classes: [read], hours: \"Mon-Fri 09:00-17:00\"}\n"
    "deny:\n  - {name: d, caller: maker, types: [market]}\n"
    "limit:\n"
    "  - {name: v, value: 1000 USDT, per: 24h, by: caller, release: 10 %}\n"
    "  - {name: c, price_within: 2 %, price_age: 5s}\n"
    "  - {name: m, caller: board, messages: 10, per: 1m}\n"
    "require:\n  - {name: q, classes: [withdraw], above: 1 BTC, approvals: 2, of: [alice, bob], within: 1h}\n";

/* clang-format off */
static const struct {
    const char *name;
    const char *from; /* the first of it in the policy is replaced */
    const char *to;
    const char *said; /* "wider maker,dca: ..."; several with '|' between them; "": nothing */
} cases[] = {
    { "nothing", "", "", "" },
    { "order in a list", "[BTCUSDT, ETHUSDT]", "[ETHUSDT, BTCUSDT]", "" },
    { "spelling", "symbols: [BTCUSDT, ETHUSDT]", "symbols: [btcusdt, ethusdt]", "" },
    { "order of entries", "  - {name: v, value: 1000 USDT, per: 24h, by: caller, release: 10 %}\n  - {name: c, price_within: 2 %, price_age: 5s}\n", "  - {name: c, price_within: 2 %, price_age: 5s}\n  - {name: v, value: 1000 USDT, per: 24h, by: caller, release: 10 %}\n", "" },
    { "the same amount", "value: 1000 USDT", "value: 1000.0 USDT", "" },
    { "the same period", "per: 24h", "per: 1d", "" },
    { "a new name", "name: d,", "name: other,", "" },
    { "a new allow that another covers", "deny:", "  - {name: e, caller: maker, key: k, classes: [trade], markets: [spot], symbols: [BTCUSDT], sides: [buy], limits: [v, c]}\ndeny:", "" },
    { "one more symbol", "ETHUSDT]", "ETHUSDT, XRPUSDT]", "wider dca,maker: allow 'a' now takes symbols: XRPUSDT" },
    { "one symbol less", "[BTCUSDT, ETHUSDT]", "[BTCUSDT]", "narrower dca,maker: allow 'a' no longer takes symbols: ETHUSDT" },
    { "any symbol", "symbols: [BTCUSDT, ETHUSDT], ", "", "wider dca,maker: allow 'a' now takes symbols: any" },
    { "any side", "sides: [buy], ", "", "wider dca,maker: allow 'a' now takes sides: any" },
    { "one caller less", "[maker, dca]", "[maker]", "narrower maker,dca: allow 'a' no longer takes callers: dca" },
    { "one limit less", "limits: [v, c]", "limits: [v]", "wider dca,maker: allow 'a' no longer takes limits: c|narrower : limit 'c' applies to all that it matches now" },
    { "unlimited", "limits: [v, c]", "unlimited: true", "wider dca,maker: allow 'a' no longer takes limits: c, v|wider dca,maker: allow 'a' is unlimited now|narrower : limit 'v' applies to all that it matches now|narrower : limit 'c' applies to all that it matches now" },
    { "a new allow", "deny:", "  - {name: e, caller: board, key: k, classes: [cancel]}\ndeny:", "wider board: allow 'e' is new" },
    { "no hours", ", hours: \"Mon-Fri 09:00-17:00\"", "", "wider board: allow 'b' has other hours now" },
    { "other hours", "Mon-Fri 09:00", "Mon-Fri 10:00", "changed board: allow 'b' has other hours now" },
    { "a deny of more", "types: [market]", "types: [market, stop]", "narrower maker: deny 'd' now takes types: stop" },
    { "a deny of fewer callers", "caller: maker, types", "caller: [maker, board], types", "narrower board,maker: deny 'd' now takes callers: board" },
    { "no deny", "deny:\n  - {name: d, caller: maker, types: [market]}\n", "", "wider maker: deny 'd' is gone" },
    { "a larger limit", "1000 USDT", "2000 USDT", "wider dca,maker: limit 'v': the value limit is 2000 USDT per 1d now; it was 1000 USDT per 1d" },
    { "a smaller limit", "1000 USDT", "500 USDT", "narrower dca,maker: limit 'v': the value limit is 500 USDT per 1d now; it was 1000 USDT per 1d" },
    { "a longer window", "per: 24h", "per: 48h", "narrower dca,maker: limit 'v': the value limit is 1000 USDT per 2d now; it was 1000 USDT per 1d" },
    { "a larger limit in a longer window", "1000 USDT, per: 24h", "1500 USDT, per: 48h", "changed dca,maker: limit 'v': the value limit is 1500 USDT per 2d now; it was 1000 USDT per 1d" },
    { "a calendar window", "per: 24h", "per: calendar-day", "changed dca,maker: limit 'v': the value limit is 1000 USDT per calendar-day now; it was 1000 USDT per 1d" },
    { "by more", "by: caller", "by: [caller, symbol]", "wider dca,maker: limit 'v' counts by more, so that each has room of its own now" },
    { "by something else", "by: caller", "by: account", "changed dca,maker: limit 'v' counts by something else now" },
    { "more is given back", "release: 10 %", "release: 20 %", "wider dca,maker: limit 'v': release is 20 % now; it was 10 %" },
    { "an older price", "price_age: 5s", "price_age: 9s", "wider dca,maker: limit 'c': price_age is 9s now; it was 5s" },
    { "a wider collar", "price_within: 2 %", "price_within: 3 %", "wider dca,maker: limit 'c': the price collar is 3 % now; it was 2 %" },
    { "no message limit", "  - {name: m, caller: board, messages: 10, per: 1m}\n", "", "wider board: limit 'm' is gone" },
    { "fewer approvals", "approvals: 2", "approvals: 1", "wider : require 'q': approvals is 1 now; it was 2" },
    { "above less", "above: 1 BTC", "above: 0.5 BTC", "narrower : require 'q': above is 0.5 now; it was 1" },
    { "no requirement", "require:\n  - {name: q, classes: [withdraw], above: 1 BTC, approvals: 2, of: [alice, bob], within: 1h}\n", "", "wider : require 'q' is gone" },
    { "another user", "maker: {uid: 1000}", "maker: {uid: 1010}", "changed maker: caller 'maker' is another user or group now" },
    { "a socket", "maker: {uid: 1000}", "maker: {uid: 1000, socket: m}", "changed maker: caller 'maker': socket is m now; it was none" },
    { "another address", "address: bc1qcold", "address: bc1qother", "changed : address 'cold': address is bc1qother now; it was bc1qcold" },
    { "a smaller error", "reference_error: \"0.5 %\", fees", "reference_error: \"0.1 %\", fees", "wider : account 'desk': reference_error is 0.1 % now; it was 0.5 %" },
    { "a key of another account", "k: {account: desk", "k: {account: slip", "changed : key 'k': account is slip now; it was desk, and what limits have counted by account stays there" },
    { "fewer sources", "at_least: 1", "at_least: 2", "narrower : policy: at_least of prices is 2 now; it was 1" },
    { "a new name of a limit", "name: m, caller: board, messages", "name: m2, caller: board, messages", "changed board: limit 'm2' was 'm', and counts from nothing under its new name" },
    { "odd seconds", "messages: 10, per: 1m", "messages: 10, per: 7s", "wider board: limit 'm': the message limit is 10 per 7s now; it was 10 per 1m" },
    { "another rate", "rate: \"1\"", "rate: \"2\"", "narrower : the conversion from USDC to USDT is by a rate of 2, haircut 1 % now; it was by a rate of 1, haircut 1 %" },
    { "an end of an unlock", "deny:", "tokens: {main: {unlock: {for: 8h, idle: 1h}}}\ndeny:", "narrower : token 'main': 'for' of an unlock is 8h now; it was no end|narrower : token 'main': 'idle' of an unlock is 1h now; it was no end" },
    { "a token without a rule is one of the default", "deny:", "tokens: {main: {}}\ndeny:", "" },
    { "an unattended unlock", "deny:", "tokens: {main: {unlock: {unattended: true, survives_suspend: true}}}\ndeny:", "wider : token 'main': an unlock may now be unattended|wider : token 'main': an unlock may now survive a suspend" },
    { "an end of a key's unlock", "k: {account: desk", "k: {unlock: {for: 1h}, account: desk", "narrower : key 'k': 'for' of an unlock is 1h now; it was no end" },
    { "an unlock that a freeze ends", "k: {account: desk", "k: {unlock: {survives_freeze: false}, account: desk", "narrower : key 'k': an unlock may no longer survive a freeze" },
    { "what flattens a key", "k: {account: desk", "k: {flatten: [{method: DELETE, path: /order, params: {symbol: BTCUSDT}}, {method: POST, path: /linear, params: {symbol: BTCUSDT, side: SELL, reduce: true}}], account: desk", "wider : key 'k': flatten also has signed now: DELETE /order symbol='BTCUSDT'|wider : key 'k': flatten also has signed now: POST /linear symbol='BTCUSDT' side='SELL' reduce=true" },
    { "a key that expires", "k: {account: desk", "k: {account: desk, expires: 2027-01-31", "narrower : key 'k' expires earlier now" },
    { "another day to rotate a key by", "k: {account: desk", "k: {account: desk, rotate_by: 2027-01-31", "changed : key 'k' is to be rotated by another day now" },
    { "codes", "alice: {uid: 1, roles: [operator, approver]}", "alice: {uid: 1, roles: [operator, approver, admin], totp: \"pkcs11:object=alice-totp\"}", "wider : person 'alice' has the roles operator, approver, admin now|changed : the seed of the codes of 'alice' is another one now, or gone|narrower : an unlock of a token needs PIN and code now" },
};
/* clang-format on */

static void take(void *context, const ch_difference *difference)
{
    ch_buffer *out = context;
    ch_buffer_add_format(out, "%s%s ", out->size == 0 ? "" : "|", ch_change_name(difference->direction));
    for (size_t i = 0; difference->callers != NULL && i < difference->callers->count; i++) {
        ch_buffer_add_format(out, "%s%s", i == 0 ? "" : ",", difference->callers->items[i]);
    }
    ch_buffer_add_format(out, ": %s", difference->text);
}

static void load(decide_rig *rig, const char *from, const char *to)
{
    ch_autobuffer whole = CH_BUFFER_INIT;
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_text(&whole, decide_head);
    ch_buffer_add_text(&whole, base);
    const char *all = ch_buffer_text(&whole);
    const char *at = strstr(all, from);
    ck_assert_ptr_nonnull(at);
    ch_buffer_add(&text, all, (size_t)(at - all));
    ch_buffer_add_text(&text, to);
    ch_buffer_add_text(&text, at + strlen(from));
    decide_set_up(rig, ch_buffer_text(&text), NULL);
}

START_TEST(test_what_changes_is_said_and_nothing_else)
{
    static decide_rig rigs[2];
    ch_autobuffer said = CH_BUFFER_INIT;
    ch_autobuffer back = CH_BUFFER_INIT;
    load(&rigs[0], "", "");
    load(&rigs[1], cases[_i].from, cases[_i].to);
    const ch_difference_reader reader = {.context = &said, .take = take};
    const ch_difference_reader back_reader = {.context = &back, .take = take};
    size_t count = ch_policy_compare(&rigs[0].policy, &rigs[1].policy, &reader);
    ck_assert_msg(strcmp(ch_buffer_text(&said), cases[_i].said) == 0, "%s: %s", cases[_i].name, ch_buffer_text(&said));
    ck_assert_uint_eq(count == 0, cases[_i].said[0] == '\0');
    /* What is wider one way is narrower the other way. */
    (void)ch_policy_compare(&rigs[1].policy, &rigs[0].policy, &back_reader);
    if (strchr(cases[_i].said, '|') == NULL && strncmp(cases[_i].said, "wider", 5) == 0)
        ck_assert_msg(strncmp(ch_buffer_text(&back), "narrower", 8) == 0, "%s: %s", cases[_i].name,
                      ch_buffer_text(&back));
    decide_tear_down(&rigs[0]);
    decide_tear_down(&rigs[1]);
}
END_TEST

CH_TESTS("differences", CH_TEST_ROWS(test_what_changes_is_said_and_nothing_else, cases))
