/* Which version of a key signs. */
#include "agent/core/versions.h"

#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene.h"

#include <string.h>

#define NOW UINT64_C(1801353600000000000)
#define DAY UINT64_C(86400000000000)

static ch_error err;
static scene it;
static ch_key key;
static ch_key others[2];
static ch_versions in;
static ch_states *states;
static char ids[3][16] = {"first-id", "second-id", "third-id"};

/* A key with three versions, all of which are on the scene's token. */
static void begin(bool is_unlocked)
{
    if (is_unlocked)
        scene_begin_unlocked(&it);
    else
        scene_begin(&it);
    key = *ch_policy_find_key(&it.policy, CH_LITERAL("bot"));
    key.key_id = ids[0];
    key.versions = others;
    key.version_count = 2;
    for (size_t i = 0; i < 2; i++) {
        others[i] = key;
        others[i].key_id = ids[i + 1];
        others[i].of = &key;
        others[i].versions = NULL;
        others[i].version_count = 0;
    }
    states = ch_states_new();
    in = (ch_versions){.links = &it.links, .states = states, .now_ns = NOW};
}

static void end(void)
{
    ch_states_free(states);
}

static void revoke(const ch_key *version)
{
    ch_autobuffer name = CH_BUFFER_INIT;
    ch_states_name_version(version, &name);
    ch_states_set(states, &(ch_state_row){.of = CH_STATE_OF_VERSION,
                                          .name = ch_buffer_slice(&name),
                                          .state = CH_TRADING_HALTED,
                                          .why = CH_LITERAL("stolen")});
}

static const char *choose(const ch_version_wish *wish)
{
    const ch_key *out = NULL;
    err = (ch_error)CH_ERROR_INIT;
    ch_ignore(ch_versions_choose(&in, &key, wish, &out, &err));
    return out == NULL ? "" : out->key_id;
}

static const ch_version_wish any = {.is_fixed = false};
static const ch_version_wish fixed = {.is_fixed = true};

START_TEST(test_the_newest_that_can_signs)
{
    begin(true);
    ck_assert_str_eq(choose(&any), "third-id");
    others[1].from_ns = NOW + 1;
    ck_assert_str_eq(choose(&any), "second-id");
    others[1].from_ns = NOW;
    ck_assert_str_eq(choose(&any), "third-id");
    others[1].expires_ns = NOW;
    ck_assert_str_eq(choose(&any), "second-id");
    revoke(&others[0]);
    ck_assert_str_eq(choose(&any), "first-id");
    ck_assert_int_eq(err.status, CH_OK);
    end();
}
END_TEST

START_TEST(test_of_what_is_fixed_the_oldest_that_can)
{
    begin(true);
    ck_assert_str_eq(choose(&fixed), "first-id");
    revoke(&key);
    ck_assert_str_eq(choose(&fixed), "second-id");
    end();
}
END_TEST

START_TEST(test_a_key_id_names_its_version)
{
    begin(true);
    ck_assert_str_eq(choose(&(ch_version_wish){.key_id = CH_LITERAL("second-id")}), "second-id");
    ck_assert_str_eq(choose(&(ch_version_wish){.text = CH_LITERAL("1+second-id+2"), .is_fixed = true}), "second-id");
    ck_assert_str_eq(choose(&(ch_version_wish){.text = CH_LITERAL("no id"), .is_fixed = true}), "first-id");
    choose(&(ch_version_wish){.key_id = CH_LITERAL("none")});
    ck_assert_int_eq(err.status, CH_NOT_FOUND);
    key.version_count = 0;
    ck_assert_str_eq(choose(&(ch_version_wish){.key_id = CH_LITERAL("first-id")}), "first-id");
    choose(&(ch_version_wish){.key_id = CH_LITERAL("second-id")});
    ck_assert_int_eq(err.status, CH_NOT_FOUND);
    end();
}
END_TEST

START_TEST(test_one_that_is_named_is_not_replaced_by_another)
{
    begin(true);
    const ch_version_wish third = {.key_id = CH_LITERAL("third-id")};
    others[1].from_ns = NOW + DAY;
    choose(&third);
    ck_assert_str_eq(err.rule, "version");
    others[1].from_ns = 0;
    others[1].expires_ns = NOW;
    choose(&third);
    ck_assert_str_eq(err.rule, "expires");
    others[1].expires_ns = 0;
    revoke(&others[1]);
    choose(&third);
    ck_assert_str_eq(err.rule, "revoked");
    ck_assert_ptr_nonnull(strstr(err.message, "stolen"));
    end();
}
END_TEST

START_TEST(test_while_none_can_the_newest_stands_for_all)
{
    begin(false);
    ck_assert_str_eq(choose(&any), "third-id");
    ck_assert(!ch_version_is_usable(&in, &others[1]));
    revoke(&others[1]);
    ck_assert_str_eq(choose(&any), "second-id");
    ck_assert_int_eq(err.status, CH_OK);
    revoke(&others[0]);
    revoke(&key);
    choose(&any);
    ck_assert_str_eq(err.rule, "revoked");
    end();
}
END_TEST

START_TEST(test_without_a_time_only_what_has_no_beginning_signs)
{
    begin(true);
    in.now_ns = 0;
    others[1].from_ns = 1;
    ck_assert_str_eq(choose(&any), "second-id");
    end();
}
END_TEST

CH_TESTS("versions", CH_TEST(test_the_newest_that_can_signs), CH_TEST(test_of_what_is_fixed_the_oldest_that_can),
         CH_TEST(test_a_key_id_names_its_version), CH_TEST(test_one_that_is_named_is_not_replaced_by_another),
         CH_TEST(test_while_none_can_the_newest_stands_for_all),
         CH_TEST(test_without_a_time_only_what_has_no_beginning_signs))
