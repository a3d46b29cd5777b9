/* When unlocks end, at the link: by time, by what policy says later, with the token; and what does not prolong one. */
#include "agent/core/token_link.h"

#include "tests/support/suite.h"
#include "tests/unit/agent/core/play.h"

#include <string.h>
#include <unistd.h>

#define S 1000000000ULL

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static ch_error err;
static ch_loop *loop;
static play_token token;
static ch_error failure; /* of the job that failed last */

static void on_turn(void *context, ch_ticket *ticket)
{
    (void)context;
    const ch_slice payload = CH_LITERAL("payload");
    MUST(ch_token_link_sign(token.link, ticket, &payload, 1, &err));
}

static void on_signed(void *context, ch_ticket *ticket, const ch_slice *signatures, size_t count)
{
    (void)context;
    (void)ticket;
    (void)signatures;
    (void)count;
}

static void on_failed(void *context, ch_ticket *ticket, const ch_error *why)
{
    (void)context;
    (void)ticket;
    failure = *why;
}

static const ch_link_owner owner = {.on_turn = on_turn, .on_signed = on_signed, .on_failed = on_failed};

static void say(ch_unlock_ends ends)
{
    const ch_unlock_rule rule = {.ends = ends, .factors = CH_FACTOR_PIN};
    ch_token_link_set_unlock(token.link, &rule);
}

/* What a reload says of key 'a', whose index is 0. */
static void say_of_key(ch_unlock_ends ends)
{
    token.two[0].ends = ends;
    ck_assert_uint_eq(ch_token_link_add_key(token.link, &token.two[0]), 0);
}

static void begin(const ch_unlock_rule *rule)
{
    loop = stage_set_up();
    play_configure(&token);
    play_begin(&token, loop, &owner);
    ch_token_link_set_unlock(token.link, rule);
    play_unlock(&token);
}

static const ch_unlock_rule plain = {.factors = CH_FACTOR_PIN};

static uint64_t end_ns(void)
{
    return ch_token_link_unlock_end(token.link).end_ns;
}

/* ---- the token ---- */

START_TEST(test_an_unlock_without_ends_lasts)
{
    begin(&plain);
    ck_assert_uint_eq(end_ns(), CH_UNLOCK_NEVER);
    ch_token_link_look_at_end(token.link);
    play_check_state(&token, "unlocked", "");
    MUST(ch_token_link_check_key(token.link, 0, &err));
}
END_TEST

START_TEST(test_a_shorter_time_locks_at_once_and_forgets_the_pin)
{
    begin(&plain);
    say((ch_unlock_ends){.for_ns = 1});
    ck_assert(!ch_token_link_may_sign(token.link));
    ch_token_link_look_at_end(token.link);
    stage_hear(&token.actor, CH_FRAME_LOGOUT);
    play_check_state(&token, "locked", "its unlock ended after 1ns, as 'for' in the policy says");
    play_locked(&token);
    ck_assert(stage_is_silent(&token.actor)); /* no PIN comes */
    play_check_state(&token, "locked", "its unlock ended after 1ns, as 'for' in the policy says");
    ck_assert_int_eq(ch_token_link_check_key(token.link, 0, &err), CH_LOCKED);
    ck_assert_str_eq(err.rule, "unlock-for");
    ck_assert_msg(strstr(err.message, "; an operator unlocks it with: chancery unlock main") != NULL, "%s",
                  err.message);
}
END_TEST

START_TEST(test_jobs_that_wait_fail_with_the_rule)
{
    ch_ticket ticket = {.key = 0};
    begin(&plain);
    MUST(ch_token_link_queue(token.link, &ticket, &err));
    say((ch_unlock_ends){.idle_ns = 1});
    ch_token_link_look_at_end(token.link);
    ck_assert_int_eq(failure.status, CH_LOCKED);
    ck_assert_str_eq(failure.rule, "unlock-idle");
    ck_assert_int_eq(ticket.place, CH_TICKET_OUT);
}
END_TEST

START_TEST(test_a_longer_time_prolongs_nothing_until_the_next_unlock)
{
    const ch_unlock_rule rule = {.ends = {.for_ns = 100 * S}, .factors = CH_FACTOR_PIN};
    play_waiter waiter = {0};
    begin(&rule);
    uint64_t first_ns = end_ns();
    say((ch_unlock_ends){.for_ns = 500 * S});
    ck_assert_uint_eq(end_ns(), first_ns);
    say((ch_unlock_ends){0});
    ck_assert_uint_eq(end_ns(), first_ns);
    play_ask_lock(&token, &waiter);
    stage_hear(&token.actor, CH_FRAME_LOGOUT);
    play_locked(&token);
    ck_assert_uint_eq(end_ns(), CH_UNLOCK_NEVER);
    say((ch_unlock_ends){.for_ns = 500 * S});
    play_ask_unlock(&token, &waiter);
    play_hear_login(&token);
    play_login_done(&token, NULL);
    ck_assert_uint_gt(end_ns(), first_ns + 399 * S);
}
END_TEST

START_TEST(test_a_login_with_the_kept_pin_prolongs_nothing)
{
    const ch_unlock_rule rule = {.ends = {.for_ns = 100 * S}, .factors = CH_FACTOR_PIN};
    begin(&rule);
    uint64_t first_ns = end_ns();
    usleep(2000);
    play_restart(&token);
    ck_assert_uint_eq(end_ns(), first_ns); /* while the process is away, too */
    play_hear_login(&token);
    play_login_done(&token, NULL);
    play_check_state(&token, "unlocked", "");
    ck_assert_uint_eq(end_ns(), first_ns);
}
END_TEST

START_TEST(test_the_kept_pin_is_forgotten_though_the_process_is_away)
{
    begin(&plain);
    stage_hang_up(&token.actor);
    stage_settle();
    stage_bury(&token.actor);
    say((ch_unlock_ends){.for_ns = 1});
    ch_token_link_look_at_end(token.link);
    play_meet(&token);
    play_started(&token, NULL);
    ck_assert(stage_is_silent(&token.actor));
    ck_assert_int_eq(ch_token_link_check_key(token.link, 0, &err), CH_LOCKED);
    ck_assert_str_eq(err.rule, "unlock-for");
}
END_TEST

START_TEST(test_a_signature_puts_off_the_idle_end)
{
    const ch_unlock_rule rule = {
        .ends = {.for_ns = 200 * S, .idle_ns = 100 * S},
          .factors = CH_FACTOR_PIN
    };
    ch_ticket ticket = {.key = 0};
    begin(&rule);
    uint64_t first_ns = end_ns();
    ck_assert_int_eq(ch_token_link_unlock_end(token.link).by, CH_UNLOCK_IDLE);
    usleep(2000);
    MUST(ch_token_link_queue(token.link, &ticket, &err));
    ch_token_link_dispatch(token.link);
    play_sign(&token, play_hear_job(&token, 0), "s");
    ck_assert_uint_gt(end_ns(), first_ns);
}
END_TEST

START_TEST(test_an_unattended_unlock_is_called_so_until_the_next)
{
    play_waiter waiter = {0};
    begin(&plain);
    ck_assert(!ch_token_link_unlock_end(token.link).is_unattended);
    play_ask_lock(&token, &waiter);
    stage_hear(&token.actor, CH_FRAME_LOGOUT);
    play_locked(&token);
    play_ask_unattended(&token, &waiter);
    play_hear_login(&token);
    play_login_done(&token, NULL);
    ck_assert(ch_token_link_unlock_end(token.link).is_unattended);
}
END_TEST

/* ---- keys ---- */

START_TEST(test_a_key_ends_before_its_token)
{
    begin(&plain);
    say_of_key((ch_unlock_ends){.for_ns = 1});
    ck_assert_int_eq(ch_token_link_check_key(token.link, 0, &err), CH_LOCKED);
    ck_assert_str_eq(err.rule, "unlock-for");
    ck_assert_str_eq(err.message, "key 'a' is locked: its unlock ended after 1ns, as 'for' in the policy says; its "
                                  "time begins anew when an operator unlocks its token anew: chancery lock main, and "
                                  "then chancery unlock main");
    ck_assert(!ch_token_link_is_ready(token.link, 0) && ch_token_link_is_ready(token.link, 1));
    MUST(ch_token_link_check_key(token.link, 1, &err));
    ch_token_link_look_at_end(token.link);
    play_check_state(&token, "unlocked", "");
}
END_TEST

START_TEST(test_a_key_that_left_and_came_back_has_no_more_time)
{
    begin(&plain);
    say_of_key((ch_unlock_ends){.for_ns = 100 * S});
    uint64_t first_ns = ch_token_link_key_end(token.link, 0).end_ns;
    ch_token_link_begin_keys(token.link);
    say_of_key((ch_unlock_ends){.for_ns = 500 * S});
    ck_assert_uint_eq(ch_token_link_key_end(token.link, 0).end_ns, first_ns);
}
END_TEST

START_TEST(test_another_object_under_the_name_has_no_more_time)
{
    begin(&plain);
    say_of_key((ch_unlock_ends){.for_ns = 100 * S});
    uint64_t first_ns = ch_token_link_key_end(token.link, 0).end_ns;
    ch_link_key other = token.two[0];
    other.uri = "pkcs11:object=other";
    other.ends.for_ns = 500 * S;
    size_t index = ch_token_link_add_key(token.link, &other);
    ck_assert_uint_ne(index, 0);
    ck_assert_uint_eq(ch_token_link_key_end(token.link, index).end_ns, first_ns);
}
END_TEST

START_TEST(test_a_key_that_is_new_counts_from_the_unlock)
{
    const ch_unlock_rule rule = {.ends = {.for_ns = 100 * S}, .factors = CH_FACTOR_PIN};
    begin(&rule);
    const ch_link_key fresh = {"z", "pkcs11:object=z", "hmac-sha256", 0, {.for_ns = 40 * S}};
    size_t index = ch_token_link_add_key(token.link, &fresh);
    ck_assert_uint_eq(ch_token_link_key_end(token.link, index).end_ns, end_ns() - 60 * S);
}
END_TEST

/* ---- a freeze ---- */

START_TEST(test_a_freeze_locks_a_token_that_does_not_survive_it)
{
    begin(&plain);
    ch_token_link_freeze(token.link);
    ch_token_link_look_at_end(token.link);
    play_check_state(&token, "unlocked", "");
    say((ch_unlock_ends){.by_freeze = true});
    ch_token_link_look_at_end(token.link);
    play_check_state(&token, "unlocked", ""); /* by the next freeze */
    ch_token_link_freeze(token.link);
    ck_assert(!ch_token_link_may_sign(token.link));
    ch_token_link_look_at_end(token.link);
    stage_hear(&token.actor, CH_FRAME_LOGOUT);
    play_locked(&token);
    ck_assert_int_eq(ch_token_link_check_key(token.link, 0, &err), CH_LOCKED);
    ck_assert_str_eq(err.rule, "unlock-freeze");
}
END_TEST

START_TEST(test_a_freeze_locks_a_key_that_does_not_survive_it)
{
    begin(&plain);
    say_of_key((ch_unlock_ends){.by_freeze = true});
    ch_token_link_freeze_key(token.link, "b");
    MUST(ch_token_link_check_key(token.link, 0, &err));
    ch_token_link_freeze_key(token.link, "a");
    ck_assert_int_eq(ch_token_link_check_key(token.link, 0, &err), CH_LOCKED);
    ck_assert_str_eq(err.rule, "unlock-freeze");
    ck_assert_msg(strstr(err.message, "key 'a' is locked: trading was frozen, which ends this unlock") != NULL, "%s",
                  err.message);
    MUST(ch_token_link_check_key(token.link, 1, &err));
    ch_link_key other = token.two[0];
    other.uri = "pkcs11:object=other";
    other.ends = (ch_unlock_ends){0};
    size_t index = ch_token_link_add_key(token.link, &other); /* under its name */
    ck_assert_int_eq(ch_token_link_check_key(token.link, index, &err), CH_LOCKED);
    ch_token_link_look_at_end(token.link);
    play_check_state(&token, "unlocked", "");
}
END_TEST

/* ---- the token is taken out ---- */

static const ch_error no_token = {CH_NOT_FOUND, "", "no token fits 'pkcs11:token=main'; there are: none"};
static const ch_error broken = {CH_UNAVAILABLE, "CKR_DEVICE_ERROR", "the device has failed"};
static const ch_error gone = {CH_UNAVAILABLE, "CKR_TOKEN_NOT_PRESENT", "the token is not there; plug it in"};

/* clang-format off */
static const struct {
    const char *name;
    const ch_error *why; /* of a start that fails */
    bool may_leave;
    bool is_again; /* the next process gets the PIN */
} removals[] = {
    /* name                        why         may leave  again */
    { "no token fits",             &no_token,  false,     false },
    { "it says that it is gone",   &gone,      false,     false },
    { "it fails",                  &broken,    false,     true  },
    { "it may leave",              &no_token,  true,      true  },
    { "it may be gone",            &gone,      true,      true  },
};
/* clang-format on */

START_TEST(test_an_unlock_ends_with_the_token)
{
    const ch_unlock_rule rule = {.factors = CH_FACTOR_PIN, .survives_removal = removals[_i].may_leave};
    begin(&rule);
    stage_hang_up(&token.actor);
    stage_settle();
    stage_bury(&token.actor);
    play_meet(&token);
    play_started(&token, removals[_i].why);
    stage_bury(&token.actor);
    play_meet(&token);
    play_started(&token, NULL);
    if (removals[_i].is_again) {
        play_hear_login(&token);
        return;
    }
    ck_assert_msg(stage_is_silent(&token.actor), "%s", removals[_i].name);
    ck_assert_int_eq(ch_token_link_check_key(token.link, 0, &err), CH_LOCKED);
    ck_assert_str_eq(err.rule, "unlock-removal");
    ck_assert_msg(strstr(err.message, "the token was taken out") != NULL, "%s", err.message);
}
END_TEST

CH_TESTS("token_link_unlock", CH_TEST(test_an_unlock_without_ends_lasts),
         CH_TEST(test_a_shorter_time_locks_at_once_and_forgets_the_pin),
         CH_TEST(test_jobs_that_wait_fail_with_the_rule),
         CH_TEST(test_a_longer_time_prolongs_nothing_until_the_next_unlock),
         CH_TEST(test_a_login_with_the_kept_pin_prolongs_nothing),
         CH_TEST(test_the_kept_pin_is_forgotten_though_the_process_is_away),
         CH_TEST(test_a_signature_puts_off_the_idle_end),
         CH_TEST(test_an_unattended_unlock_is_called_so_until_the_next), CH_TEST(test_a_key_ends_before_its_token),
         CH_TEST(test_a_key_that_left_and_came_back_has_no_more_time),
         CH_TEST(test_another_object_under_the_name_has_no_more_time),
         CH_TEST(test_a_key_that_is_new_counts_from_the_unlock),
         CH_TEST(test_a_freeze_locks_a_token_that_does_not_survive_it),
         CH_TEST(test_a_freeze_locks_a_key_that_does_not_survive_it),
         CH_TEST_ROWS(test_an_unlock_ends_with_the_token, removals))
