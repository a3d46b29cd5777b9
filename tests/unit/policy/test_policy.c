/* Loading: what is there afterwards, and each mistake with its line. */
#include "policy/load.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char profile[] = "name: t\n"
                              "title: T\n"
                              "origins: {main: https://a.example}\n"
                              "schemes:\n"
                              "  hmac: {mechanism: hmac-sha256, secret: text, signature: hex}\n"
                              "  ed25519: {mechanism: ed25519, secret: text, signature: base64}\n"
                              "recipe: r\n"
                              "recipes:\n"
                              "  r:\n"
                              "    covers: [method, path]\n"
                              "    lists: {all: {}}\n"
                              "    message: \"{method}{path}{all|form}\"\n"
                              "    url: \"{origin}{path}?s={signature}\"\n"
                              "  open:\n"
                              "    covers: [params]\n"
                              "    lists: {all: {}}\n"
                              "    message: \"{all|form}\"\n"
                              "    url: \"{origin}{path}?s={signature}\"\n"
                              "environments:\n"
                              "  demo: {origins: {main: https://d.example}}\n"
                              "  alias: {origins: {main: https://l.example}, keys: live}\n"
                              "endpoints:\n"
                              "  - {call: \"GET /x\", class: read}\n"
                              "  - {call: \"POST /x\", class: trade, only_for: broker}\n"
                              "  - {call: \"POST /w\", class: withdraw, recipe: open}\n"
                              "  - {call: \"GET /o\", class: read, recipe: open}\n"
                              "acceptable_confusions:\n"
                              "  a: {calls: [POST /w], lets: withdraw}\n";

static const char sound[] =
    "keys:\n"
    "  b-key:\n"
    "    token: main\n"
    "    object: \"pkcs11:object=b\"\n"
    "    profile: t\n"
    "    scheme: hmac\n"
    "    key_id: id\n"
    "    allow:\n"
    "      - {uid: 1000, classes: [read, trade]}\n"
    "      - {gid: 0, uid: 4294967294, classes: [cancel]}\n"
    "  a-key: {token: other, object: \"pkcs11:object=a\", profile: t, environment: demo, scheme: ed25519, "
    "key_id: q, raw: true, kinds: [broker], accepts: [a], tolerate: [CKA_DERIVE, CKA_DECRYPT], allow: []}\n"
    "operators:\n"
    "  - {gid: 7}\n"
    "limits:\n"
    "  - {uid: 1000, messages_per_second: 1, burst: 1000000}\n"
    "  - {gid: 0, messages_per_second: 1000000}\n";

static ch_error err;

static ch_status load(const char *text, ch_policy *out)
{
    static const char broken[] = "name: broken\ntitel: T\n";
    static const char *const tokens[] = {"main", "other"};
    free(ch_test_file("t.yaml", profile, strlen(profile)));
    free(ch_test_file("u.yaml", profile, strlen(profile)));
    free(ch_test_file("broken.yaml", broken, strlen(broken)));
    ch_autofree char *path = ch_test_file("policy.yaml", text, strlen(text));
    const ch_policy_source source = {path, ch_test_folder(), tokens, 2};
    return ch_policy_load(&source, out, &err);
}

START_TEST(test_each_field_is_read)
{
    ch_policy policy;
    ck_assert_msg(load(sound, &policy) == CH_OK, "%s", err.message);
    ck_assert_uint_eq(policy.key_count, 2);
    ck_assert_uint_eq(policy.profile_count, 1);
    const ch_key *a = ch_policy_find_key(&policy, CH_LITERAL("a-key"));
    const ch_key *b = ch_policy_find_key(&policy, CH_LITERAL("b-key"));
    ck_assert(a == &policy.keys[0] && b == &policy.keys[1]);
    ck_assert_uint_eq(a->token, 1);
    ck_assert_uint_eq(b->token, 0);
    ck_assert_str_eq(a->key_id, "q");
    ck_assert_str_eq(b->passphrase, "");
    ck_assert(a->may_sign_raw && !b->may_sign_raw);
    ck_assert_str_eq(ch_environment_name(a->traits.environment), "demo");
    ck_assert_str_eq(ch_environment_name(b->traits.environment), "live");
    ck_assert_ptr_eq(a->profile, b->profile);
    ck_assert_str_eq(ch_scheme_name(a->scheme), "ed25519");
    ck_assert_uint_eq(a->traits.kinds, ch_profile_kind(a->profile, "broker"));
    ck_assert_uint_eq(b->traits.kinds, 0);
    ck_assert_uint_eq(a->traits.accepts, ch_profile_acceptance(a->profile, "a"));
    ck_assert_uint_eq(b->traits.accepts, 0);
    ck_assert_uint_eq(a->grant_count, 0);
    ck_assert_uint_eq(a->tolerated, ch_lapse_of_type(CKA_DERIVE) | ch_lapse_of_type(CKA_DECRYPT));
    ck_assert_uint_eq(b->tolerated, 0);
    ch_policy_free(&policy);
}
END_TEST

START_TEST(test_grants_say_who_and_what)
{
    ch_policy policy;
    ck_assert_msg(load(sound, &policy) == CH_OK, "%s", err.message);
    const ch_key *key = ch_policy_find_key(&policy, CH_LITERAL("b-key"));
    ck_assert_uint_eq(key->grant_count, 2);
    ck_assert_uint_eq(key->grants[0].callers.uid, 1000);
    ck_assert_uint_eq(key->grants[0].callers.gid, CH_ANY_ID);
    ck_assert_uint_eq(key->grants[0].classes, 1U << CH_CLASS_READ | 1U << CH_CLASS_TRADE);
    ck_assert_uint_eq(key->grants[1].callers.uid, 4294967294U);
    ck_assert_uint_eq(key->grants[1].callers.gid, 0);
    ck_assert_uint_eq(key->grants[1].classes, 1U << CH_CLASS_CANCEL);
    ck_assert_uint_eq(policy.operator_count, 1);
    ck_assert_uint_eq(policy.operators[0].uid, CH_ANY_ID);
    ck_assert_uint_eq(policy.operators[0].gid, 7);
    ch_policy_free(&policy);
}
END_TEST

START_TEST(test_limits_say_who_and_how_often)
{
    ch_policy policy;
    ck_assert_msg(load(sound, &policy) == CH_OK, "%s", err.message);
    ck_assert_uint_eq(policy.limit_count, 2);
    ck_assert_uint_eq(policy.limits[0].callers.uid, 1000);
    ck_assert_uint_eq(policy.limits[0].callers.gid, CH_ANY_ID);
    ck_assert_uint_eq(policy.limits[0].messages_per_second, 1);
    ck_assert_uint_eq(policy.limits[0].burst, 1000000);
    ck_assert_uint_eq(policy.limits[1].callers.uid, CH_ANY_ID);
    ck_assert_uint_eq(policy.limits[1].callers.gid, 0);
    ck_assert_uint_eq(policy.limits[1].messages_per_second, 1000000);
    ck_assert_uint_eq(policy.limits[1].burst, 1000000); /* as many as in a second */
    ch_policy_free(&policy);
}
END_TEST

START_TEST(test_a_name_that_is_not_there_finds_nothing)
{
    ch_policy policy;
    ck_assert_msg(load("keys: {}\noperators: [{uid: 1}]\n", &policy) == CH_OK, "%s", err.message);
    ck_assert_ptr_null(ch_policy_find_key(&policy, CH_LITERAL("a")));
    ck_assert_ptr_null(ch_policy_find_key(&policy, CH_LITERAL("")));
    ch_policy_free(&policy);
}
END_TEST

/* More than a few hash alike, and one token has all of them. */
START_TEST(test_each_of_a_thousand_keys_is_found)
{
    ch_policy policy;
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_text(&text, "operators: [{uid: 1}]\nkeys:\n");
    for (unsigned i = 0; i < 1000; i++)
        ch_buffer_add_format(
            &text,
            "  k%u: {token: other, object: \"pkcs11:object=b\", profile: t, scheme: hmac, key_id: \"%u\", "
            "allow: []}\n",
            i, i);
    ck_assert_msg(load(ch_buffer_text(&text), &policy) == CH_OK, "%s", err.message);
    for (unsigned i = 0; i < 1000; i++) {
        char name[8];
        snprintf(name, sizeof name, "k%u", i);
        const ch_key *key = ch_policy_find_key(&policy, ch_slice_of(name));
        ck_assert_ptr_nonnull(key);
        ck_assert_str_eq(key->key_id, name + 1);
    }
    ck_assert_ptr_null(ch_policy_find_key(&policy, CH_LITERAL("k1000")));
    ch_policy_free(&policy);
}
END_TEST

#define LONG_NAME "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* One change to the sound policy, and where and why it is refused. */
/* clang-format off */
static const struct {
    const char *from;
    const char *to;
    unsigned line;
    const char *reason;
} refused[] = {
    /* from                          to                              line  reason */
    { "keys:\n",                     "keys: [a]\nkeyz:\n",           1,    "keys: this must be a map, not a list" },
    { "keys:\n",                     "keyz:\n",                      1,    "'keys' is missing here" },
    { "keys:\n",                     "extra: 1\nkeys:\n",            1,    "there is no field 'extra' here; the fields are keys, operators and limits" },
    { "  b-key:\n",                  "  a-key:\n",                   11,   "'a-key' is here already, in line 2" },
    { "  b-key:\n",                  "  B-key:\n",                   3,    "'B-key' cannot be a key's name" },
    { "  b-key:\n",                  "  -key:\n",                    3,    "'-key' cannot be a key's name" },
    { "  b-key:\n",                  "  .:\n",                       3,    "'.' cannot be a key's name" },
    { "  b-key:\n",                  "  b/key:\n",                   3,    "'b/key' cannot be a key's name" },
    { "  b-key:\n",                  "  \"\":\n",                    3,    "'' cannot be a key's name" },
    { "  b-key:\n",                  "  " LONG_NAME ":\n",           3,    "'" LONG_NAME "' cannot be a key's name" },
    { "    token: main\n",           "",                             3,    "'token' is missing here" },
    { "token: main",                 "token: mane",                  3,    "agent.yaml has no token 'mane'" },
    { "token: main",                 "token: [main]",                3,    "token: this must be a single value, not a list" },
    { "\"pkcs11:object=b\"",         "b",                            4,    "object: not a PKCS#11 URI" },
    { "object=b\"",                  "object=b?pin-value=7\"",       4,    "object: a PKCS#11 URI must not hold a PIN" },
    { "    profile: t\n",            "",                             3,    "'profile' is missing here" },
    { "profile: t\n",                "profile: v\n",                 5,    "there is no profile 'v' in /tmp/" },
    { "profile: t\n",                "profile: ../t\n",              5,    "'../t' is not the name of a profile" },
    { "profile: t\n",                "profile: /t\n",                5,    "'/t' is not the name of a profile" },
    { "profile: t\n",                "profile: u\n",                 5,    "/u.yaml calls itself 't'; the profile's name must be the file's" },
    { "    scheme: hmac\n",          "",                             3,    "'scheme' is missing here" },
    { "scheme: hmac",                "scheme: rsa",                  6,    "profile 't' has no scheme 'rsa'" },
    { "scheme: hmac",                "scheme: hmac\n    environment: test", 7, "profile 't' has no environment 'test'; it has live, demo and alias" },
    { "scheme: hmac",                "scheme: hmac\n    environment: Live", 7, "profile 't' has no environment 'Live'" },
    { "scheme: hmac",                "scheme: hmac\n    environment: [demo]", 7, "environment: this must be a single value, not a list" },
    { "    key_id: id\n",            "",                             3,    "'key_id' is missing here" },
    { "key_id: id",                  "key_id: {a: b}",               7,    "key_id: this must be a single value, not a map" },
    { "key_id: id",                  "key_id: id\n    raw: yes",     8,    "raw: 'yes' must be true or false" },
    { "key_id: id",                  "key_id: id\n    kinds: broker",8,    "kinds: this must be a list, not a single value" },
    { "key_id: id",                  "key_id: id\n    kinds: [vip]", 8,    "profile 't' has no keys of kind 'vip'" },
    { "key_id: id",                  "key_id: id\n    accepts: a",    8,    "accepts: this must be a list, not a single value" },
    { "key_id: id",                  "key_id: id\n    accepts: [b]",  8,    "profile 't' has no acceptable confusion 'b'" },
    { "key_id: id",                  "key_id: id\n    limit: 5",     8,    "there is no field 'limit' here; the fields are token, object, "
                                                                           "profile, environment, scheme, key_id, passphrase, raw, kinds, accepts, tolerate, nonce_floor and allow" },
    { "key_id: id",                  "key_id: id\n    tolerate: [CKA_DERIVE]", 8, "'CKA_DERIVE' cannot be tolerated of a key of this kind; "
                                                                           "what can be: CKA_EXTRACTABLE, CKA_DECRYPT, CKA_UNWRAP, CKA_ENCRYPT, CKA_VERIFY" },
    { "key_id: id",                  "key_id: id\n    tolerate: CKA_DECRYPT", 8, "tolerate: this must be a list, not a single value" },
    { "key_id: id",                  "key_id: id\n    nonce_floor: 5", 8,   "profile 't' has no nonces; delete 'nonce_floor'" },
    { "key_id: q",                   "key_id: q, passphrase: p",     11,   "profile 't' sends no pass phrase with scheme 'ed25519'" },
    { "[read, trade]",               "[]",                           9,    "classes: there must be at least 1 class" },
    { "  - {gid: 7}",                "  []",                         13,   "operators: there must be at least 1 operator" },
    { "    allow:\n",                "    alow:\n",                  3,    "'allow' is missing here" },
    { "allow: []",                   "allow: {}",                    11,   "allow: this must be a list, not a map" },
    { "{uid: 1000, ",                "{",                            9,    "this entry does not say who is meant" },
    { "uid: 1000",                   "uid: root",                    9,    "uid: 'root' is not a whole number from 0 to 4294967294" },
    { "uid: 1000",                   "uid: -1",                      9,    "uid: '-1' is not a whole number" },
    { "uid: 1000",                   "uid: 4294967295",              9,    "uid: '4294967295' is not a whole number" },
    { "uid: 1000",                   "uid: 65534",                   9,    "uid 65534 may be anybody" },
    { "uid: 1000",                   "uid: 1000, gid: 65534",        9,    "gid 65534 may be anybody" },
    { "  - {gid: 7}",                "  - {gid: 65534}",             13,   "gid 65534 may be anybody" },
    { "  - {gid: 7}",                "  - {gid: 7, uid: 65534}",     13,   "uid 65534 may be anybody" },
    { "gid: 0",                      "gid: 4294967295",              10,   "gid: '4294967295' is not a whole number" },
    { ", classes: [read, trade]",    "",                             9,    "'classes' is missing here" },
    { "[read, trade]",               "[reed, trade]",                9,    "unknown class 'reed'"      },
    { "[read, trade]",               "read",                         9,    "classes: this must be a list, not a single value" },
    { "[read, trade]",               "[read], raw: true",            9,    "there is no field 'raw' here; the fields are uid, gid and classes" },
    { "operators:\n",                "operatorz:\n",                 1,    "'operators' is missing here" },
    { "  - {gid: 7}",                "  - {}",                       13,   "this entry does not say who is meant" },
    { "  - {gid: 7}",                "  - 7",                        13,   "this must be a map, not a single value" },
    { "limits:\n",                   "limits: {}\nx:\n",             14,   "limits: this must be a list, not a map" },
    { "  - {gid: 0, messages",       "  - {messages",                16,   "this entry does not say who is meant" },
    { "  - {gid: 0, messages",       "  - {gid: 65534, messages",    16,   "gid 65534 may be anybody" },
    { ", messages_per_second: 1,",   ",",                            15,   "'messages_per_second' is missing here" },
    { "messages_per_second: 1,",     "messages_per_second: 0,",      15,   "'0' is not a whole number from 1 to 1000000" },
    { "messages_per_second: 1,",     "messages_per_second: 0.5,",    15,   "'0.5' is not a whole number from 1 to 1000000" },
    { "messages_per_second: 1,",     "messages_per_second: 1000001,", 15,  "'1000001' is not a whole number from 1 to 1000000" },
    { "burst: 1000000",              "burst: 0",                     15,   "'0' is not a whole number from 1 to 1000000" },
    { "burst: 1000000",              "per: 10",                      15,   "the fields are uid, gid, messages_per_second and burst" },
    { "  - {gid: 7}",                "  - {gid: 7, classes: []}",    13,   "there is no field 'classes' here; the fields are uid and gid" },
};
/* clang-format on */

static void change(ch_buffer *out, const char *from, const char *to)
{
    const char *at = strstr(sound, from);
    ck_assert_msg(at != NULL, "'%s' is not in the sound policy", from);
    ch_buffer_add(out, sound, (size_t)(at - sound));
    ch_buffer_add_text(out, to);
    ch_buffer_add_text(out, at + strlen(from));
}

START_TEST(test_a_mistake_is_refused_with_its_line)
{
    ch_policy policy;
    ch_autobuffer text = CH_BUFFER_INIT;
    change(&text, refused[_i].from, refused[_i].to);
    ck_assert_msg(load(ch_buffer_text(&text), &policy) == CH_CONFIG, "accepted: %s", refused[_i].to);
    ch_autobuffer begin = CH_BUFFER_INIT;
    ch_buffer_add_format(&begin, "%s/policy.yaml:%u: ", ch_test_folder(), refused[_i].line);
    ck_assert_msg(strncmp(err.message, ch_buffer_text(&begin), begin.size) == 0, "%s", err.message);
    ck_assert_msg(strstr(err.message + begin.size, refused[_i].reason) != NULL, "%s", err.message);
    ch_policy_free(&policy);
}
END_TEST

START_TEST(test_a_mistake_in_a_profile_names_the_profile)
{
    ch_policy policy;
    ch_autobuffer text = CH_BUFFER_INIT;
    change(&text, "profile: t\n", "profile: broken\n");
    ck_assert_int_eq(load(ch_buffer_text(&text), &policy), CH_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "/broken.yaml:1: 'title' is missing"));
    ch_policy_free(&policy);
}
END_TEST

/* ---- nonces ---- */

static ch_status load_nonces(const char *keys, ch_policy *out)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_autobuffer other = CH_BUFFER_INIT;
    ch_buffer_add_format(&other, "name: n\nnonce: ms\nnonce_for: {timed: {unit: s, ahead_s: 30, behind_s: 30}}\n%s",
                         profile + strlen("name: t\n"));
    free(ch_test_file("n.yaml", other.data, other.size));
    ch_buffer_add_format(&text, "keys:\n%soperators: [{uid: 1}]\n", keys);
    return load(ch_buffer_text(&text), out);
}

#define NONCE_KEY(name, id, more)                                                                                      \
    "  " name ": {token: main, object: \"pkcs11:object=b\", profile: n, scheme: hmac, key_id: " id ", " more           \
    "allow: []}\n"

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
    { NONCE_KEY("a", "i", "kinds: [timed], ") NONCE_KEY("b", "i", ""),                  ":2: 'a' and 'b' are one key at T" },
    { NONCE_KEY("a", "i", "environment: demo, ") NONCE_KEY("b", "i", "kinds: [timed], "), NULL },
    { NONCE_KEY("a", "i", "environment: alias, ") NONCE_KEY("b", "i", "kinds: [timed], "), ":3: 'b' and 'a' are one key at T" },
    { NONCE_KEY("a", "i", "") NONCE_KEY("b", "i", "kinds: [timed], "),                  ":3: 'b' and 'a' are one key at T" },
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

START_TEST(test_a_file_that_is_not_there_is_named)
{
    ch_policy policy;
    const ch_policy_source source = {.path = "/nonexistent/policy.yaml"};
    ck_assert_int_eq(ch_policy_load(&source, &policy, &err), CH_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "/nonexistent/policy.yaml"));
    ch_policy_free(&policy);
}
END_TEST

CH_TESTS("policy", CH_TEST(test_each_field_is_read), CH_TEST(test_grants_say_who_and_what),
         CH_TEST(test_limits_say_who_and_how_often), CH_TEST(test_a_name_that_is_not_there_finds_nothing),
         CH_TEST(test_each_of_a_thousand_keys_is_found), CH_TEST_ROWS(test_a_mistake_is_refused_with_its_line, refused),
         CH_TEST_ROWS(test_names_for_one_key_count_its_nonces_alike, nonces),
         CH_TEST(test_a_key_has_the_nonces_of_its_kind), CH_TEST(test_a_mistake_in_a_profile_names_the_profile),
         CH_TEST(test_a_file_that_is_not_there_is_named))
