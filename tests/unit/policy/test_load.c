/* Loading: each mistake with its line and its message, and policies of several files. */
#include "policy/load.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"
#include "tests/unit/policy/policy_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static ch_error err;

/* ---- mistakes ---- */

static const struct {
    const char *from;
    const char *to;
    unsigned line;
    const char *message;
} mistakes[] = {
#define MISTAKE(from, to, line, message) {from, to, line, message},
#include "tests/unit/policy/mistakes.def"
#undef MISTAKE
};

static void expect_failure(const char *text, const char *message)
{
    ch_policy policy;
    ch_autobuffer expected = CH_BUFFER_INIT;
    ch_buffer_add_format(&expected, "%s/%s", ch_test_folder(), message);
    ck_assert_msg(rig_load(text, &policy, &err) == CH_CONFIG, "accepted; expected %s", message);
    ck_assert_str_eq(err.message, ch_buffer_text(&expected));
    ch_policy_free(&policy);
}

START_TEST(test_a_mistake_is_refused_with_its_line)
{
    ch_autobuffer expected = CH_BUFFER_INIT;
    ch_autofree char *text = rig_change(mistakes[_i].from, mistakes[_i].to);
    ch_buffer_add_format(&expected, "policy.yaml:%u: %s", mistakes[_i].line, mistakes[_i].message);
    expect_failure(text, ch_buffer_text(&expected));
}
END_TEST

/* ---- profiles ---- */

/* clang-format off */
static const struct {
    const char *name;
    const char *message; /* a part of it */
} profiles[] = {
    { "v",      "/policy.yaml:26: there is no profile 'v' in /" },
    { "w",      "/w.yaml calls itself 't'; the profile's name must be the file's" },
    { "broken", "/broken.yaml:1: 'title' is missing here" },
};
/* clang-format on */

START_TEST(test_a_profile_that_is_wrong_is_named)
{
    ch_policy policy;
    ch_autobuffer change = CH_BUFFER_INIT;
    ch_buffer_add_format(&change, "profile: %s", profiles[_i].name);
    ch_autofree char *text = rig_change("profile: t", ch_buffer_text(&change));
    ck_assert_int_eq(rig_load(text, &policy, &err), CH_CONFIG);
    ck_assert_msg(strstr(err.message, profiles[_i].message) != NULL, "%s", err.message);
    ch_policy_free(&policy);
}
END_TEST

/* ---- reference prices ---- */

#define PEOPLE "version: 1\npeople: {alice: {uid: 0, roles: [operator]}}\nkeys: {}\n"

/* clang-format off */
static const struct {
    const char *text;
    const char *message; /* NULL: it is accepted */
} small[] = {
    { PEOPLE,                                                                            NULL },
    { "version: 1\nkeys: {}\n",                                                          "policy.yaml:1: 'people' is missing here" },
    { "version: 1\npeople: {}\nkeys: {}\n",                                              "policy.yaml:2: nobody under 'people' has the role operator, so nobody could unlock a token; give it to somebody" },
    { "version: 1\npeople: {alice: {uid: 0, roles: [operator]}}\n",                      "policy.yaml:1: 'keys' is missing here" },
    { PEOPLE "limit:\n- {name: c, price_within: 1%, price_age: 1s}\n",                   "policy.yaml:5: 'price_within' needs reference prices; add 'prices' with 'sources'" },
    { PEOPLE "limit:\n- {name: c, loss: 1 USDT, per: 1h}\n",                             "policy.yaml:5: 'loss' needs reference prices; add 'prices' with 'sources'" },
    { PEOPLE "limit:\n- {name: c, order_value: 1 USDT}\n",                               NULL },
    { PEOPLE "conversions:\n- {from: A, to: B, max_age: 1s, haircut: 1%}\n",             "policy.yaml:5: without a rate it needs reference prices, and there are none; add 'prices'" },
    { PEOPLE "conversions:\n- {from: A, to: B, rate: 1, haircut: 1%}\n",                 NULL },
    { PEOPLE "callers: {c: {uid: 1}}\nallow:\n- {name: a, caller: c, key: any, classes: [withdraw], to: any, limits: [l]}\nlimit:\n- {name: l, amount: 1 BTC}\n", NULL },
    { PEOPLE "callers: {c: {uid: 1}}\nallow:\n- {name: a, caller: c, key: any, classes: [withdraw], to: any, limits: [l]}\nlimit:\n- {name: l, messages: 1, per: 1s}\n", "policy.yaml:6: none of these limits counts what class withdraw does; name one that does, or split the entry and write 'unlimited: true'" },
    { PEOPLE "allow: {}\n",                                                              "policy.yaml:4: allow: this must be a list, not a map" },
    { PEOPLE "allow: [x]\n",                                                             "policy.yaml:4: this must be a map, not a single value" },
};
/* clang-format on */

START_TEST(test_a_small_policy)
{
    ch_policy policy;
    if (small[_i].message != NULL) {
        expect_failure(small[_i].text, small[_i].message);
        return;
    }
    ck_assert_msg(rig_load(small[_i].text, &policy, &err) == CH_OK, "%s", err.message);
    ch_policy_free(&policy);
}
END_TEST

/* ---- folders ---- */

static void put(const char *name, const char *text)
{
    ch_autofree char *folder = ch_test_path("d");
    ch_autobuffer path = CH_BUFFER_INIT;
    mkdir(folder, 0700);
    ch_buffer_add_format(&path, "d/%s", name);
    free(ch_test_file(ch_buffer_text(&path), text, strlen(text)));
}

#define SECOND "version: 1\n"

/* clang-format off */
static const struct {
    const char *second; /* beside the sound policy, in b.yaml */
    const char *message;
} seconds[] = {
    { "deny: []\n",                                       "d/b.yaml:1: 'version' is missing here" },
    { SECOND "callers: {dca: {uid: 1}}\n",                "d/b.yaml:2: 'dca' is there already, at %s/d/a.yaml:4" },
    { SECOND "people: {bob: {uid: 1, roles: [admin]}}\n", "d/b.yaml:2: 'bob' is there already, at %s/d/a.yaml:9" },
    { SECOND "accounts: {desk: {}}\n",                    "d/b.yaml:2: 'desk' is there already, at %s/d/a.yaml:12" },
    { SECOND "prices: {sources: [c]}\n",                  "d/b.yaml:2: 'prices' is there already, at %s/d/a.yaml:15; only one file can have it" },
    { SECOND "decisions: {}\n",                           "d/b.yaml:2: 'decisions' is there already, at %s/d/a.yaml:31; only one file can have it" },
    { SECOND "listings: {u: [A]}\n",                      "d/b.yaml:2: 'u' is there already, at %s/d/a.yaml:21; join the two" },
    { SECOND "addresses: {cold: {from: a, to: b}}\n",     "d/b.yaml:2: 'cold' is there already, at %s/d/a.yaml:23" },
    { SECOND "deny:\n- {name: two}\n",                    "d/a.yaml:50: name: 'two' is there already, at %s/d/b.yaml:3" },
};
/* clang-format on */

START_TEST(test_names_are_unique_in_all_files)
{
    ch_policy policy;
    ch_autobuffer expected = CH_BUFFER_INIT;
    const char *mark = strstr(seconds[_i].message, "%s");
    size_t size = mark == NULL ? strlen(seconds[_i].message) : (size_t)(mark - seconds[_i].message);
    ch_buffer_add_format(&expected, "%s/%.*s", ch_test_folder(), (int)size, seconds[_i].message);
    if (mark != NULL)
        ch_buffer_add_format(&expected, "%s%s", ch_test_folder(), mark + 2);
    put("a.yaml", rig_policy);
    put("b.yaml", seconds[_i].second);
    ck_assert_int_eq(rig_load_file("d", &policy, &err), CH_CONFIG);
    ck_assert_str_eq(err.message, ch_buffer_text(&expected));
    ch_policy_free(&policy);
}
END_TEST

START_TEST(test_files_of_a_folder_are_one_policy)
{
    ch_policy policy;
    put("z.yaml",
        "version: 1\ncallers: {more: {uid: 9}}\nallow:\n- {name: more-looks, caller: more, key: b-key, classes: "
        "[read], limits: [size-too, rate-too]}\nlimit:\n- {name: rate-too, messages: 1, per: 1s}\n");
    put("a.yaml", rig_policy);
    put("README", "not a policy");
    put(".hidden.yaml", "nor this");
    put("b.yaml", "version: 1\nlimit:\n- {name: size-too, messages: 2, per: 1s}\n");
    ck_assert_msg(rig_load_file("d", &policy, &err) == CH_OK, "%s", err.message);
    ck_assert_uint_eq(policy.caller_count, 5);
    ck_assert_uint_eq(policy.entry_count, 19);
    const ch_entry_rule *entry = rig_entry(&policy, "more-looks");
    ck_assert_uint_eq(entry->limit_count, 2);
    ck_assert_str_eq(policy.entries[entry->limits[0]].name, "size-too");
    ck_assert_str_eq(policy.entries[entry->limits[1]].name, "rate-too");
    ck_assert(ch_caller_set_has(&entry->selector.callers, 4));
    ck_assert_msg(strstr(entry->path, "/d/z.yaml") != NULL && entry->line == 4, "%s:%u", entry->path, entry->line);
    ch_policy_free(&policy);
}
END_TEST

/* clang-format off */
static const struct {
    const char *file;
    const char *message;
} folders[] = {
    { "deny.yml", "d/deny.yml: files of a policy end in .yaml; rename or remove it" },
    { "DENY.YAML", "d/DENY.YAML: files of a policy end in .yaml; rename or remove it" },
    { "README",   "d: no file in this folder ends in .yaml" },
};
/* clang-format on */

START_TEST(test_a_folder_without_a_policy_is_refused)
{
    ch_policy policy;
    put(folders[_i].file, "version: 1\n");
    ck_assert_int_eq(rig_load_file("d", &policy, &err), CH_CONFIG);
    ck_assert_str_eq(err.message + strlen(ch_test_folder()) + 1, folders[_i].message);
    ch_policy_free(&policy);
}
END_TEST

START_TEST(test_a_file_that_is_not_there_is_named)
{
    ch_policy policy;
    ck_assert_int_eq(rig_load_file("absent.yaml", &policy, &err), CH_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "/absent.yaml"));
    ch_policy_free(&policy);
}
END_TEST

/* ---- listings in files ---- */

#define LIST "  u: [BTCUSDT, ETHUSDT, ETHBTC]"

START_TEST(test_a_listing_may_be_a_file_of_lines)
{
    ch_policy policy;
    static const char lines[] = "# of today\nethusdt\r\n\nETHBTC  \nETHBTC\nBTCUSDT";
    free(ch_test_file("symbols.txt", lines, strlen(lines)));
    ch_autofree char *text = rig_change(LIST, "  u: symbols.txt");
    ck_assert_msg(rig_load(text, &policy, &err) == CH_OK, "%s", err.message);
    const ch_text_list *symbols = &rig_entry(&policy, "all-eth")->selector.symbols;
    ck_assert_uint_eq(symbols->count, 2);
    ck_assert_str_eq(symbols->items[0], "ETHBTC");
    ck_assert_str_eq(symbols->items[1], "ETHUSDT");
    ch_policy_free(&policy);
}
END_TEST

/* clang-format off */
static const struct {
    const char *lines; /* NULL: there is no file */
    const char *message;
} files[] = {
    { NULL,            "cannot open" },
    { "",              ":21: the listing of 'u' is empty; delete it, or add symbols" },
    { "# nothing\n",   ":21: the listing of 'u' is empty; delete it, or add symbols" },
    { "A B\n",         ":21: 'A B' in the listing of 'u' is no symbol; write one a line, as the exchange does" },
    { "BTC*\n",        ":21: 'BTC*' in the listing of 'u' is no symbol" },
    { "BTC,ETH\n",     ":21: 'BTC,ETH' in the listing of 'u' is no symbol" },
};
/* clang-format on */

START_TEST(test_a_file_that_is_no_listing_is_refused)
{
    ch_policy policy;
    if (files[_i].lines != NULL)
        free(ch_test_file("symbols.txt", files[_i].lines, strlen(files[_i].lines)));
    ch_autofree char *text = rig_change(LIST, "  u: symbols.txt");
    ck_assert_int_eq(rig_load(text, &policy, &err), CH_CONFIG);
    ck_assert_msg(strstr(err.message, files[_i].message) != NULL, "%s", err.message);
    ch_policy_free(&policy);
}
END_TEST

/* ---- the hash ---- */

static void hash(const char *text, const char *lines, uint8_t out[CH_POLICY_HASH_SIZE])
{
    ch_policy policy;
    free(ch_test_file("symbols.txt", lines, strlen(lines)));
    ck_assert_msg(rig_load(text, &policy, &err) == CH_OK, "%s", err.message);
    memcpy(out, policy.hash, sizeof policy.hash);
    ch_policy_free(&policy);
}

START_TEST(test_each_byte_of_each_file_counts_in_the_hash)
{
    uint8_t hashes[4][CH_POLICY_HASH_SIZE];
    ch_autofree char *text = rig_change(LIST, "  u: symbols.txt");
    ch_autofree char *other = rig_change(LIST, "  u: symbols.txt ");
    hash(text, "ETHBTC\n", hashes[0]);
    hash(text, "ETHBTC\n", hashes[1]);
    hash(text, "ETHBTC\n\n", hashes[2]);
    hash(other, "ETHBTC\n", hashes[3]);
    ck_assert_mem_eq(hashes[0], hashes[1], CH_POLICY_HASH_SIZE);
    ck_assert_mem_ne(hashes[0], hashes[2], CH_POLICY_HASH_SIZE);
    ck_assert_mem_ne(hashes[0], hashes[3], CH_POLICY_HASH_SIZE);
}
END_TEST

/* ---- nonces ---- */

static ch_status load_nonces(const char *keys, ch_policy *out)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_autobuffer other = CH_BUFFER_INIT;
    ch_buffer_add_format(&other, "name: n\nnonce: ms\nnonce_for: {timed: {unit: s, ahead_s: 30, behind_s: 30}}\n%s",
                         rig_profile + strlen("name: t\n"));
    free(ch_test_file("n.yaml", other.data, other.size));
    ch_buffer_add_format(&text, "version: 1\nkeys:\n%speople: {a: {uid: 0, roles: [operator]}}\n", keys);
    return rig_load(ch_buffer_text(&text), out, &err);
}

#define NONCE_KEY(name, id, more)                                                                                      \
    "  " name ": {token: main, object: \"pkcs11:object=b\", profile: n, scheme: hmac, " more "key_id: " id "}\n"

/* clang-format off */
static const struct {
    const char *keys;
    const char *reason; /* NULL: accepted */
} nonces[] = {
    /* keys                                                                             reason */
    { NONCE_KEY("a", "i", "nonce_floor: 4611686018427387903, "),                        NULL },
    { NONCE_KEY("a", "i", "nonce_floor: 4611686018427387904, "),                        "nonce_floor: '4611686018427387904'" },
    { NONCE_KEY("a", "i", "nonce_floor: -1, "),                                         "nonce_floor: '-1'" },
    { NONCE_KEY("a", "i", "kinds: [timed], nonce_floor: 5, "),                          "follow the clock and have no floor" },
    { NONCE_KEY("a", "i", "") NONCE_KEY("b", "i", ""),                                  NULL },
    { NONCE_KEY("a", "i", "kinds: [timed], ") NONCE_KEY("b", "i", "kinds: [timed], "),  NULL },
    { NONCE_KEY("a", "i", "kinds: [timed], ") NONCE_KEY("b", "j", ""),                  NULL },
    { NONCE_KEY("a", "i", "kinds: [timed], ") NONCE_KEY("b", "i", ""),                  ":3: 'a' and 'b' are one key at T" },
    { NONCE_KEY("a", "i", "environment: demo, ") NONCE_KEY("b", "i", "kinds: [timed], "), NULL },
    { NONCE_KEY("a", "i", "environment: alias, ") NONCE_KEY("b", "i", "kinds: [timed], "), ":4: 'b' and 'a' are one key at T" },
    { NONCE_KEY("a", "i", "") NONCE_KEY("b", "i", "kinds: [timed], "),                  ":4: 'b' and 'a' are one key at T" },
};
/* clang-format on */

START_TEST(test_names_for_one_key_count_its_nonces_alike)
{
    ch_policy policy;
    ch_status st = load_nonces(nonces[_i].keys, &policy);
    if (nonces[_i].reason == NULL)
        ck_assert_msg(st == CH_OK, "%s", err.message);
    else
        ck_assert_msg(st == CH_CONFIG && strstr(err.message, nonces[_i].reason) != NULL, "%s", err.message);
    ch_policy_free(&policy);
}
END_TEST

START_TEST(test_a_key_has_the_nonces_of_its_kind)
{
    ch_policy policy;
    ck_assert_int_eq(
        load_nonces(NONCE_KEY("a", "i", "nonce_floor: 7, ") NONCE_KEY("b", "j", "kinds: [timed], "), &policy), CH_OK);
    const ch_key *a = ch_policy_find_key(&policy, CH_LITERAL("a"));
    const ch_key *b = ch_policy_find_key(&policy, CH_LITERAL("b"));
    ck_assert_uint_eq(a->nonce->unit_ns, 1000000);
    ck_assert_uint_eq(a->nonce->ahead_s, 0);
    ck_assert_uint_eq(a->nonce_floor, 7);
    ck_assert_uint_eq(b->nonce->unit_ns, 1000000000);
    ck_assert_uint_eq(b->nonce->behind_s, 30);
    ch_policy_free(&policy);
}
END_TEST

/* ---- unlocks ---- */

#define UNLOCKS                                                                                                        \
    "tokens:\n"                                                                                                        \
    "  other: {unlock: {factors: [pin], for: 12h, idle: 1h, unattended: true, survives_suspend: true, "                \
    "survives_removal: true, survives_freeze: false}}\n"                                                               \
    "accounts:\n"

START_TEST(test_what_is_not_said_of_an_unlock_is_the_default)
{
    ch_policy policy;
    ch_autofree char *text = rig_change("accounts:\n", "tokens: {main: {unlock: {for: 8h}}}\naccounts:\n");
    ck_assert_msg(rig_load(text, &policy, &err) == CH_OK, "%s", err.message);
    const ch_unlock_rule *main = ch_policy_unlock_rule(&policy, 0);
    const ch_unlock_rule *other = ch_policy_unlock_rule(&policy, 1);
    ck_assert_uint_eq(main->ends.for_ns, 8 * 3600 * 1000000000ULL);
    ck_assert_uint_eq(main->ends.idle_ns + other->ends.idle_ns + other->ends.for_ns, 0);
    ck_assert_uint_eq(ch_policy_factors(&policy, 0), CH_FACTOR_PIN);
    ck_assert_uint_eq(ch_policy_factors(&policy, 1), CH_FACTOR_PIN);
    ck_assert(!main->is_unattended && !other->is_unattended);
    ck_assert(!main->survives_suspend && !other->survives_suspend);
    ck_assert(!main->survives_removal && !other->survives_removal);
    ck_assert(!main->ends.by_freeze && !other->ends.by_freeze);
    ch_policy_free(&policy);
}
END_TEST

START_TEST(test_an_unlock_has_what_is_said_of_it)
{
    ch_policy policy;
    ch_autofree char *text = rig_change("accounts:\n", UNLOCKS);
    ck_assert_msg(rig_load(text, &policy, &err) == CH_OK, "%s", err.message);
    const ch_unlock_rule *rule = ch_policy_unlock_rule(&policy, 1);
    ck_assert_uint_eq(rule->factors, CH_FACTOR_PIN);
    ck_assert_uint_eq(rule->ends.for_ns, 12 * 3600 * 1000000000ULL);
    ck_assert_uint_eq(rule->ends.idle_ns, 3600 * 1000000000ULL);
    ck_assert(rule->is_unattended && rule->survives_suspend && rule->survives_removal && rule->ends.by_freeze);
    ck_assert_ptr_eq(ch_policy_unlock_rule(&policy, 0), &ch_unlock_default);
    ch_policy_free(&policy);
}
END_TEST

START_TEST(test_a_keys_unlock_may_end_earlier)
{
    ch_policy policy;
    ch_autofree char *text = rig_change("key_id: i", "key_id: i, unlock: {for: 2h, idle: 10m}");
    ck_assert_msg(rig_load(text, &policy, &err) == CH_OK, "%s", err.message);
    const ch_key *key = ch_policy_find_key(&policy, CH_LITERAL("b-key"));
    ck_assert_uint_eq(key->unlock.for_ns, 2 * 3600 * 1000000000ULL);
    ck_assert_uint_eq(key->unlock.idle_ns, 600 * 1000000000ULL);
    ch_policy_free(&policy);
}
END_TEST

/* ---- elsewhere ---- */

START_TEST(test_a_policy_can_be_looked_at_where_its_users_are_not)
{
    ch_policy policy;
    ch_autofree char *text = rig_change("group: root", "user: nobody-of-that-name, group: no-such-group");
    ch_autofree char *path = ch_test_file("policy.yaml", text, strlen(text));
    ck_assert_int_eq(rig_load(text, &policy, &err), CH_CONFIG);
    ch_policy_free(&policy);
    const ch_policy_source source = {.path = path, .profiles_folder = ch_test_folder(), .is_elsewhere = true};
    ck_assert_msg(ch_policy_load(&source, &policy, &err) == CH_OK, "%s", err.message);
    ck_assert_uint_ne(policy.callers[2].ids.uid, CH_ANY_ID);
    ck_assert_uint_ne(policy.callers[2].ids.uid, policy.callers[2].ids.gid);
    ch_policy_free(&policy);
}
END_TEST

/* ---- size ---- */

#define MANY_KEYS 10000
#define MANY_ENTRIES 1000

static void write_many(ch_buffer *out)
{
    ch_buffer_add_text(out, "version: 1\npeople: {a: {uid: 0, roles: [operator]}}\ncallers:\n");
    for (unsigned i = 0; i < 100; i++)
        ch_buffer_add_format(out, "  c%u: {uid: %u}\n", i, i + 1000);
    ch_buffer_add_text(out, "keys:\n");
    for (unsigned i = 0; i < MANY_KEYS; i++)
        ch_buffer_add_format(
            out, "  k%u: {token: other, object: \"pkcs11:object=b\", profile: t, scheme: hmac, key_id: \"%u\"}\n", i,
            i);
    ch_buffer_add_text(out, "allow:\n");
    for (unsigned i = 0; i < MANY_ENTRIES / 2; i++)
        ch_buffer_add_format(
            out,
            "  - {name: a%u, caller: c%u, key: [k%u, k%u], classes: [trade], markets: [spot], symbols: "
            "[BTCUSDT, ETHUSDT], limits: [l%u]}\n",
            i, i % 100, i, MANY_KEYS - 1 - i, i);
    ch_buffer_add_text(out, "limit:\n");
    for (unsigned i = 0; i < MANY_ENTRIES / 2; i++)
        ch_buffer_add_format(out, "  - {name: l%u, value: \"5000 USDT\", per: 24h, by: [caller, symbol]}\n", i);
}

/* More than a few names hash alike, and one token has all of the keys. A second is the aim; a machine that is busy, and
 * sanitizers, get more. */
START_TEST(test_ten_thousand_keys_and_a_thousand_entries_load_fast)
{
    ch_policy policy;
    struct timespec began;
    struct timespec ended;
    ch_autobuffer text = CH_BUFFER_INIT;
    write_many(&text);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
    ck_assert_msg(rig_load(ch_buffer_text(&text), &policy, &err) == CH_OK, "%s", err.message);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
    double took = (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9;
    printf("loaded in %.2f s\n", took);
    ck_assert_double_lt(took, 10);
    ck_assert_uint_eq(policy.key_count, MANY_KEYS);
    ck_assert_uint_eq(policy.account_count, MANY_KEYS);
    for (unsigned i = 0; i < MANY_KEYS; i++) {
        char name[8];
        snprintf(name, sizeof name, "k%u", i);
        const ch_key *key = ch_policy_find_key(&policy, ch_slice_of(name));
        ck_assert_ptr_nonnull(key);
        ck_assert_str_eq(key->key_id, name + 1);
        ck_assert_str_eq(policy.accounts[key->account].name, name);
    }
    ck_assert_ptr_null(ch_policy_find_key(&policy, CH_LITERAL("k10000")));
    ch_policy_free(&policy);
}
END_TEST

CH_TESTS("load", CH_TEST_ROWS(test_a_mistake_is_refused_with_its_line, mistakes),
         CH_TEST_ROWS(test_a_profile_that_is_wrong_is_named, profiles), CH_TEST_ROWS(test_a_small_policy, small),
         CH_TEST_ROWS(test_names_are_unique_in_all_files, seconds), CH_TEST(test_files_of_a_folder_are_one_policy),
         CH_TEST_ROWS(test_a_folder_without_a_policy_is_refused, folders),
         CH_TEST(test_a_file_that_is_not_there_is_named), CH_TEST(test_a_listing_may_be_a_file_of_lines),
         CH_TEST_ROWS(test_a_file_that_is_no_listing_is_refused, files),
         CH_TEST(test_each_byte_of_each_file_counts_in_the_hash),
         CH_TEST_ROWS(test_names_for_one_key_count_its_nonces_alike, nonces),
         CH_TEST(test_a_key_has_the_nonces_of_its_kind), CH_TEST(test_what_is_not_said_of_an_unlock_is_the_default),
         CH_TEST(test_an_unlock_has_what_is_said_of_it), CH_TEST(test_a_keys_unlock_may_end_earlier),
         CH_TEST(test_a_policy_can_be_looked_at_where_its_users_are_not),
         CH_TEST(test_ten_thousand_keys_and_a_thousand_entries_load_fast))
