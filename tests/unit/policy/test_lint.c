/* What a policy is warned of: a table of entries and the warning that they get, and of sound ones that get none. */
#include "policy/lint.h"

#include "tests/support/suite.h"
#include "tests/unit/policy/decide_rig.h"

#include <string.h>

#define TRADE "caller: maker, key: k, classes: [trade], markets: [spot], symbols: [BTCUSDT]"
#define SOUND "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, value: 1000 USDT, per: 24h, by: caller}"

/* clang-format off */
static const struct {
    const char *name;
    const char *entries;
    const char *code;
    const char *of; /* the name that is warned of */
    bool is_not;    /* it is not */
} cases[] = {
    { "unlimited", "allow: [{name: a, " TRADE ", unlimited: true}]", "unlimited", "a", false },
    { "limited", SOUND "]", "unlimited", "a", true },
    { "limits of a part", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, sides: [buy], value: 1000 USDT, per: 24h}]", "unbounded", "a", false },
    { "limits at times", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, hours: Mon 09:00-10:00, value: 1000 USDT, per: 24h}]", "unbounded", "a", false },
    { "limits of each order", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, order_value: 1000 USDT}]", "unbounded", "a", false },
    { "orders of any size", "allow: [{name: a, " TRADE ", limits: [v]}]\nlimit: [{name: v, orders: 10, per: 24h}]", "unbounded", "a", false },
    { "orders and their size", "allow: [{name: a, " TRADE ", limits: [v, w]}]\nlimit: [{name: v, orders: 10, per: 24h}, {name: w, order_value: 9 USDT}]", "unbounded", "a", true },
    { "each withdrawal", "allow: [{name: a, caller: maker, key: k, classes: [withdraw], to: [cold], limits: [v]}]\nlimit: [{name: v, amount: 1 BTC}]", "unbounded", "a", false },
    { "withdrawals in a window", "allow: [{name: a, caller: maker, key: k, classes: [withdraw], to: [cold], limits: [v]}]\nlimit: [{name: v, amount: 1 BTC, per: 24h}]", "unbounded", "a", true },
    { "limits of all of it", SOUND "]", "unbounded", "a", true },
    { "no limits are another warning", "allow: [{name: a, " TRADE ", unlimited: true}]", "unbounded", "a", true },
    { "withdraw to any", "allow: [{name: a, caller: maker, key: k, classes: [withdraw], to: any, unlimited: true}]", "withdraw-anywhere", "a", false },
    { "withdraw to one", "allow: [{name: a, caller: maker, key: k, classes: [withdraw], to: [cold], unlimited: true}]", "withdraw-anywhere", "a", true },
    { "sockets", "allow: [{name: a, caller: maker, key: k, classes: [session]}]", "session", "a", false },
    { "API keys", "allow: [{name: a, caller: maker, key: k, classes: [keys]}]", "keys", "a", false },
    { "any caller", "allow: [{name: a, caller: any, key: k, classes: [read]}]", "any-caller", "a", false },
    { "expired", "allow: [{name: a, caller: maker, key: k, classes: [read], expires: 2020-01-01}]", "expired", "a", false },
    { "not expired", "allow: [{name: a, caller: maker, key: k, classes: [read], expires: 2120-01-01}]", "expired", "a", true },
    { "all denied", "allow: [{name: a, " TRADE ", unlimited: true}]\ndeny: [{name: d, classes: [trade]}]", "denied", "a", false },
    { "a part denied", "allow: [{name: a, " TRADE ", unlimited: true}]\ndeny: [{name: d, sides: [sell]}]", "denied", "a", true },
    { "a deny that denies all is of use", "allow: [{name: a, " TRADE ", unlimited: true}]\ndeny: [{name: d, classes: [trade]}]", "never-matches", "d", true },
    { "a deny of nothing", SOUND "]\ndeny: [{name: d, classes: [withdraw]}]", "never-matches", "d", false },
    { "a deny of another symbol", SOUND "]\ndeny: [{name: d, symbols: [ETHUSDT]}]", "never-matches", "d", false },
    { "a deny of another market", SOUND "]\ndeny: [{name: d, markets: [linear]}]", "never-matches", "d", false },
    { "a deny of something", SOUND "]\ndeny: [{name: d, sides: [sell]}]", "never-matches", "d", true },
    { "a limit of nothing", SOUND ", {name: w, caller: dca, value: 9 USDT, per: 1h}]", "never-matches", "w", false },
    { "a requirement of nothing", SOUND "]\nrequire: [{name: q, classes: [withdraw], approvals: 1, of: [alice, bob], within: 1h}]", "never-matches", "q", false },
    { "a requirement", SOUND "]\nrequire: [{name: q, classes: [trade], approvals: 1, of: [alice, bob], within: 1h}]", "user-approves", "q", false },
    { "a requirement of a code that nobody has", SOUND "]\nrequire: [{name: q, classes: [trade], code: true}]", "refuses", "q", false },
    { "a requirement of a delay", SOUND "]\nrequire: [{name: q, classes: [trade], delay: 1h}]", "refuses", "q", true },
    { "a smaller limit of the same", SOUND ", {name: w, value: 900 USDT, per: 24h, by: caller}]", "ineffective", "v", false },
    { "a smaller limit is of use", SOUND ", {name: w, value: 900 USDT, per: 24h, by: caller}]", "ineffective", "w", true },
    { "the same limit twice", SOUND ", {name: w, value: 1000 USDT, per: 24h, by: caller}]", "ineffective", "w", false },
    { "a smaller one of another period", SOUND ", {name: w, value: 900 USDT, per: 1h, by: caller}]", "ineffective", "v", true },
    { "a smaller one of a part", SOUND ", {name: w, sides: [buy], value: 900 USDT, per: 24h, by: caller}]", "ineffective", "v", true },
    { "a smaller one that counts apart", SOUND ", {name: w, value: 900 USDT, per: 24h, by: [caller, symbol]}]", "ineffective", "v", true },
    { "a smaller one that gives back", SOUND ", {name: w, value: 900 USDT, per: 24h, by: caller, release: 10 %}]", "ineffective", "v", true },
    { "a smaller one of another asset", SOUND ", {name: w, value: 900 USDC, per: 24h, by: caller}]", "ineffective", "v", true },
    { "open value", SOUND ", {name: w, open_value: 900 USDT}]", "open-value", "w", false },
    { "raw", SOUND "]", "raw", "r", false },
    { "not raw", SOUND "]", "raw", "k", true },
    { "no messages limit", SOUND "]", "unpaced", "maker", false },
    { "a messages limit", SOUND ", {name: m, caller: maker, messages: 9, per: 1s}]", "unpaced", "maker", true },
    { "a messages limit of all", SOUND ", {name: m, messages: 9, per: 1s}]", "unpaced", "maker", true },
    { "a messages limit of another", SOUND ", {name: m, caller: dca, messages: 9, per: 1s}]", "unpaced", "maker", false },
    { "a messages limit of a part", SOUND ", {name: m, sides: [buy], messages: 9, per: 1s}]", "unpaced", "maker", false },
    { "reads without one", "allow: [{name: a, caller: maker, key: k, classes: [read]}]", "unpaced", "maker", false },
    { "a feed has no pace", SOUND "]", "unpaced", "feed", true },
    { "who may nothing has no pace", SOUND "]", "unpaced", "dca", true },
    { "no allow", SOUND "]", "no-allow", "dca", false },
    { "a feed has no allow", SOUND "]", "no-allow", "feed", true },
    { "no max_move", SOUND "]", "no-max-move", "", false },
    { "unattended", SOUND "]\ntokens: {main: {unlock: {unattended: true}}}", "unattended", "main", false },
    { "attended", SOUND "]\ntokens: {main: {unlock: {for: 1h}}}", "unattended", "main", true },
    { "one source", SOUND "]", "one-source", "", false },
    { "no codes", SOUND "]", "no-codes", "", false },
    { "no reference error", "allow: [{name: a, caller: maker, key: x, classes: [trade], markets: [spot], symbols: [BTCUSDT], unlimited: true}]", "no-reference-error", "x", false },
    { "a reference error", SOUND "]", "no-reference-error", "desk", true },
    { "a key that has expired", "  y: {token: main, object: \"pkcs11:object=y\", profile: t, scheme: hmac, key_id: i, expires: 2025-11-24}\n" SOUND "]", "expired", "y", false },
    { "a key that expires tomorrow", "  y: {token: main, object: \"pkcs11:object=y\", profile: t, scheme: hmac, key_id: i, expires: 2025-11-25}\n" SOUND "]", "expired", "y", true },
    { "a key to be rotated", "  y: {token: main, object: \"pkcs11:object=y\", profile: t, scheme: hmac, key_id: i, rotate_by: 2025-11-24}\n" SOUND "]", "rotate-by", "y", false },
    { "a key to be rotated tomorrow", "  y: {token: main, object: \"pkcs11:object=y\", profile: t, scheme: hmac, key_id: i, rotate_by: 2025-11-25}\n" SOUND "]", "rotate-by", "y", true },
    { "a key that a freeze locks, and is to be flattened then", "  y: {token: main, object: \"pkcs11:object=y\", profile: t, scheme: hmac, key_id: i, unlock: {survives_freeze: false}, flatten: [{method: DELETE, path: /order}]}\n" SOUND "]", "frozen-flatten", "y", false },
    { "one whose token is locked", "  y: {token: main, object: \"pkcs11:object=y\", profile: t, scheme: hmac, key_id: i, flatten: [{method: DELETE, path: /order}]}\n" SOUND "]\ntokens: {main: {unlock: {survives_freeze: false}}}", "frozen-flatten", "y", false },
    { "one that is not locked", "  y: {token: main, object: \"pkcs11:object=y\", profile: t, scheme: hmac, key_id: i, flatten: [{method: DELETE, path: /order}]}\n" SOUND "]", "frozen-flatten", "y", true },
    { "one that is not flattened", "  y: {token: main, object: \"pkcs11:object=y\", profile: t, scheme: hmac, key_id: i, unlock: {survives_freeze: false}}\n" SOUND "]", "frozen-flatten", "y", true },
    { "confusion that refuses", "allow: [{name: a, caller: maker, key: k, classes: [trade], markets: [spot], symbols: [BTCUSDT], unlimited: true}]", "confusion", "k", false },
};
/* clang-format on */

typedef struct finding {
    size_t count;
    size_t index;
} finding;

static void take(void *context, const ch_warning *warning)
{
    finding *to = context;
    if (strcmp(warning->code, cases[to->index].code) == 0 && strcmp(warning->name, cases[to->index].of) == 0)
        to->count++;
    ck_assert_uint_gt(strlen(warning->text), 10);
    ck_assert(warning->entry == NULL || warning->entry->line > 0);
}

START_TEST(test_what_is_dangerous_is_said_once)
{
    static decide_rig rig;
    ch_autobuffer text = CH_BUFFER_INIT;
    finding found = {.index = (size_t)_i};
    const ch_lint_reader reader = {.context = &found, .warn = take};
    ch_buffer_add_text(&text, decide_head);
    ch_buffer_add_text(&text,
                       "  x: {token: main, object: \"pkcs11:object=x\", profile: t, scheme: hmac, key_id: id}\n");
    ch_buffer_add_text(&text, cases[_i].entries);
    decide_set_up(&rig, ch_buffer_text(&text), NULL);
    ch_policy_lint(&rig.policy, DECIDE_NOW_NS, &reader);
    ck_assert_msg(found.count == (cases[_i].is_not ? 0 : 1), "%s: %zu", cases[_i].name, found.count);
    decide_tear_down(&rig);
}
END_TEST

CH_TESTS("lint", CH_TEST_ROWS(test_what_is_dangerous_is_said_once, cases))
