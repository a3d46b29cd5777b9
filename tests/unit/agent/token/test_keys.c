#include "agent/token/keys.h"

#include "tests/support/softhsm.h"
#include "tests/support/suite.h"
#include "wire/frames.h"

#include <string.h>

static ch_error err;
static ch_signer_keys keys;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static void add_at(uint16_t index, const char *uri, const char *mechanism)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_records objects = {0};
    const ch_key_object_record object = {.index = index, .uri = ch_slice_of(uri), .mechanism = ch_slice_of(mechanism)};
    ch_key_object_record_put(&objects, &records, &object);
    ch_signer_keys_add(&keys, objects);
}

static void add(const char *uri, const char *mechanism)
{
    add_at((uint16_t)keys.end, uri, mechanism);
}

static void find_all(ch_token *token, ch_session *session)
{
    size_t indices[64];
    ch_signer_search search = {.token = token, .session = session};
    ck_assert_uint_le(keys.end, CH_ROWS(indices));
    for (size_t i = 0; i < keys.end; i++)
        indices[i] = i;
    ch_signer_keys_find(&keys, indices, keys.end, &search);
}

START_TEST(test_a_job_for_a_key_that_was_not_named_fails)
{
    ch_signer_key *key = NULL;
    ck_assert_int_eq(ch_signer_keys_get(&keys, 0, &key, &err), CH_INTERNAL);
    add("pkcs11:object=a", "hmac-sha256");
    ck_assert_int_eq(ch_signer_keys_get(&keys, 1, &key, &err), CH_INTERNAL);
    ck_assert_str_eq(err.message, "core sent a job for a key that it did not name");
    MUST(ch_signer_keys_get(&keys, 0, &key, &err));
    ck_assert_ptr_eq(key, &keys.keys[0]);
}
END_TEST

START_TEST(test_keys_that_are_added_later_leave_the_others_their_indices)
{
    add("pkcs11:object=a", "hmac-sha256");
    keys.keys[0].cost_ns = 7;
    add("pkcs11:object=b", "ed25519");
    ck_assert_uint_eq(keys.count, 2);
    ck_assert_str_eq(keys.keys[0].uri, "pkcs11:object=a");
    ck_assert_uint_eq(keys.keys[0].cost_ns, 7);
    ck_assert_str_eq(keys.keys[1].uri, "pkcs11:object=b");
}
END_TEST

START_TEST(test_indices_may_have_holes_and_are_never_another_keys)
{
    ch_signer_key *key = NULL;
    add_at(5, "pkcs11:object=f", "ed25519");
    add_at(5, "pkcs11:object=other", "ed25519");
    ck_assert_uint_eq(keys.count, 1);
    ck_assert_int_eq(ch_signer_keys_get(&keys, 4, &key, &err), CH_INTERNAL);
    MUST(ch_signer_keys_get(&keys, 5, &key, &err));
    ck_assert_str_eq(key->uri, "pkcs11:object=f");
}
END_TEST

/* ---- keys on a token ---- */

static void generate(ch_session *session, const char *label, const char *mechanism)
{
    MUST(ch_key_generate(session, label, ch_mechanism_find(ch_slice_of(mechanism)), 0, &err));
}

START_TEST(test_each_key_is_found_or_says_what_is_wrong_with_it)
{
    static const struct {
        const char *uri;
        const char *mechanism;
        ch_status status;
        const char *says;
    } named[] = {
        {"pkcs11:object=good",    "ed25519",     CH_OK,        ""                     },
        {"pkcs11:object=missing", "ed25519",     CH_NOT_FOUND, "missing"              },
        {"pkcs11:object=good",    "hmac-sha256", CH_NOT_FOUND, "good"                 },
        {"pkcs11:object=good",    "none-such",   CH_CONFIG,    "unknown to this build"},
        {"pkcs11:object=hmac",    "hmac-sha256", CH_OK,        ""                     },
    };
    ch_session session;
    ch_signer_key *key = NULL;
    ch_token *token = softhsm_open(&session);
    generate(&session, "good", "ed25519");
    generate(&session, "hmac", "hmac-sha256");
    for (size_t i = 0; i < CH_ROWS(named); i++)
        add(named[i].uri, named[i].mechanism);
    find_all(token, &session);
    for (size_t i = 0; i < CH_ROWS(named); i++) {
        err = (ch_error)CH_ERROR_INIT;
        ck_assert_msg(ch_signer_keys_get(&keys, i, &key, &err) == named[i].status, "%zu: %s", i, err.message);
        ck_assert_msg(strstr(err.message, named[i].says) != NULL, "%zu: %s", i, err.message);
    }
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

START_TEST(test_one_key_is_looked_for_and_the_others_stay)
{
    ch_session session;
    ch_signer_key *key = NULL;
    ch_token *token = softhsm_open(&session);
    generate(&session, "a", "ed25519");
    add("pkcs11:object=a", "ed25519");
    find_all(token, &session);
    MUST(ch_key_delete(&session, "pkcs11:object=a", &err));
    add("pkcs11:object=b", "ed25519");
    const ch_signer_search search = {token, &session, NULL, NULL};
    ch_signer_keys_find(&keys, &(size_t){1}, 1, &search);
    MUST(ch_signer_keys_get(&keys, 0, &key, &err));
    ck_assert_int_eq(ch_signer_keys_get(&keys, 1, &key, &err), CH_NOT_FOUND);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

START_TEST(test_keys_are_judged_anew_at_each_login)
{
    ch_session session;
    ch_signer_key *key = NULL;
    ch_token *token = softhsm_open(&session);
    add("pkcs11:object=later", "ed25519");
    find_all(token, &session);
    ck_assert_int_eq(ch_signer_keys_get(&keys, 0, &key, &err), CH_NOT_FOUND);
    generate(&session, "later", "ed25519");
    ck_assert_int_eq(ch_signer_keys_get(&keys, 0, &key, &err), CH_NOT_FOUND);
    find_all(token, &session);
    MUST(ch_signer_keys_get(&keys, 0, &key, &err));
    MUST(ch_key_delete(&session, "pkcs11:object=later", &err));
    find_all(token, &session);
    ck_assert_int_eq(ch_signer_keys_get(&keys, 0, &key, &err), CH_NOT_FOUND);
    ch_session_close(&session);
    ch_token_close(token);
}
END_TEST

/* ---- costs ---- */

START_TEST(test_a_job_that_was_interrupted_says_nothing_of_the_next)
{
    ch_signer_key key = {.cost_ns = 0};
    ck_assert_uint_eq(ch_signer_key_note_cost(&key, 8000), 8000);
    ck_assert_uint_eq(ch_signer_key_note_cost(&key, 5000000), 8000 + 1000 + 1000);
    ck_assert_uint_eq(ch_signer_key_note_cost(&key, 7000), 7000);
    ck_assert_uint_eq(key.cost_ns, 7000);
}
END_TEST

START_TEST(test_the_cost_follows_when_every_job_gets_slower)
{
    ch_signer_key key = {.cost_ns = 0};
    uint32_t before = ch_signer_key_note_cost(&key, 8000);
    for (size_t jobs = 0; key.cost_ns < 1000000; jobs++) {
        ck_assert_uint_lt(jobs, 50);
        ck_assert_uint_gt(ch_signer_key_note_cost(&key, 1000000), before);
        before = key.cost_ns;
    }
    ck_assert_uint_eq(key.cost_ns, 1000000);
}
END_TEST

CH_TESTS_WITH("keys", softhsm_set_up, softhsm_tear_down, CH_TEST(test_a_job_for_a_key_that_was_not_named_fails),
              CH_TEST(test_keys_that_are_added_later_leave_the_others_their_indices),
              CH_TEST(test_one_key_is_looked_for_and_the_others_stay),
              CH_TEST(test_indices_may_have_holes_and_are_never_another_keys),
              CH_TEST(test_each_key_is_found_or_says_what_is_wrong_with_it),
              CH_TEST(test_keys_are_judged_anew_at_each_login),
              CH_TEST(test_a_job_that_was_interrupted_says_nothing_of_the_next),
              CH_TEST(test_the_cost_follows_when_every_job_gets_slower))
