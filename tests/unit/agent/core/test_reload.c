/* Reading rules anew: the thread, those who wait, and what must stay. */
#include "agent/core/reload.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/stage.h"

#include <stdlib.h>
#include <string.h>

static ch_error err;
static ch_loop *loop;
static ch_reload *reload;
static char *config_path;
static int calls;
static ch_status last;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static void on_answer(void *context, const ch_error *outcome)
{
    (void)context;
    calls++;
    last = outcome->status;
}

static const ch_reload_waiter waiter = {.context = &calls, .answer = on_answer};

static void write_config(const char *text)
{
    free(ch_test_file("agent.yaml", text, strlen(text)));
}

static void begin(const char *config)
{
    loop = stage_set_up();
    write_config(config);
    config_path = ch_test_path("agent.yaml");
    MUST(ch_reload_new(loop, config_path, &reload, &err));
}

static void read_to_the_end(void)
{
    while (!ch_reload_is_done(reload))
        ch_loop_turn(loop, 0);
}

/* What core does with what was read: here, it only fails. */
static void end(void)
{
    ch_rules rules;
    ch_error outcome = CH_ERROR_INIT;
    ck_assert_int_eq(ch_reload_take(reload, &rules, &outcome), CH_CONFIG);
    ch_rules_free(&rules);
    ch_reload_end(reload, &outcome);
}

START_TEST(test_whoever_waits_is_told_and_the_trouble_is_kept)
{
    begin("tokens: 5\n");
    MUST(ch_reload_begin(reload, &waiter, &err));
    ck_assert_str_eq(ch_reload_trouble(reload), "");
    read_to_the_end();
    ck_assert_int_eq(calls, 0);
    end();
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(last, CH_CONFIG);
    ck_assert_ptr_nonnull(strstr(ch_reload_trouble(reload), "agent.yaml:1"));
    ck_assert(!ch_reload_is_done(reload));
    ch_reload_free(reload);
}
END_TEST

/* A file may have changed after it was read. */
START_TEST(test_who_asks_meanwhile_is_answered_by_another_reading)
{
    begin("tokens: 5\n");
    MUST(ch_reload_begin(reload, &waiter, &err));
    MUST(ch_reload_begin(reload, &waiter, &err));
    read_to_the_end();
    write_config("\n\ntokens: 5\n");
    end();
    ck_assert_int_eq(calls, 1);
    ck_assert_ptr_nonnull(strstr(ch_reload_trouble(reload), "agent.yaml:1"));
    read_to_the_end();
    end();
    ck_assert_int_eq(calls, 2);
    ck_assert_ptr_nonnull(strstr(ch_reload_trouble(reload), "agent.yaml:3"));
    ch_reload_free(reload);
}
END_TEST

START_TEST(test_a_signal_meanwhile_is_not_lost)
{
    begin("tokens: 5\n");
    MUST(ch_reload_begin(reload, NULL, &err));
    MUST(ch_reload_begin(reload, NULL, &err));
    read_to_the_end();
    end();
    read_to_the_end();
    end();
    ck_assert(!ch_reload_is_done(reload));
    ch_reload_free(reload);
}
END_TEST

START_TEST(test_whoever_has_left_is_not_told)
{
    begin("tokens: 5\n");
    MUST(ch_reload_begin(reload, &waiter, &err));
    MUST(ch_reload_begin(reload, &waiter, &err));
    ch_reload_forget(reload, &calls);
    read_to_the_end();
    end();
    read_to_the_end();
    end();
    ck_assert_int_eq(calls, 0);
    ch_reload_free(reload);
}
END_TEST

START_TEST(test_only_so_many_wait)
{
    ch_status st = CH_OK;
    size_t count = 0;
    begin("tokens: 5\n");
    for (; st == CH_OK && count < 100; count++)
        st = ch_reload_begin(reload, &waiter, &err);
    ck_assert_int_eq(st, CH_BUSY);
    ck_assert_uint_lt(count, 100);
    read_to_the_end();
    ch_reload_free(reload);
}
END_TEST

/* ---- what must stay ---- */

static ch_rules rules_of(void)
{
    return (ch_rules){
        .config = {.socket_path = "s", .operator_socket_path = "o", .state_folder = "t", .trace_path = "r"}
    };
}

START_TEST(test_what_needs_a_restart_is_refused_by_name)
{
    const ch_rules now = rules_of();
    ch_rules fresh[] = {rules_of(), rules_of(), rules_of(), rules_of(), rules_of(), rules_of(), rules_of()};
    static const char *const names[] = {"'socket'",      "'operator_socket'", "'state'",      "'fronts'",
                                        "'confinement'", "'trace'",           "'freeze_file'"};
    fresh[0].config.socket_path = "x";
    fresh[1].config.operator_socket_path = "x";
    fresh[2].config.state_folder = "x";
    fresh[3].config.is_front_shared = true;
    fresh[4].config.is_confinement_required = true;
    fresh[5].config.trace_path = "x";
    fresh[6].config.freeze_path = "x";
    MUST(ch_rules_may_follow(&now, &now, &err));
    for (size_t i = 0; i < CH_ROWS(fresh); i++) {
        ck_assert_int_eq(ch_rules_may_follow(&now, &fresh[i], &err), CH_CONFIG);
        ck_assert_msg(strstr(err.message, names[i]) != NULL, "%s", err.message);
    }
}
END_TEST

CH_TESTS("reload", CH_TEST(test_whoever_waits_is_told_and_the_trouble_is_kept),
         CH_TEST(test_who_asks_meanwhile_is_answered_by_another_reading), CH_TEST(test_a_signal_meanwhile_is_not_lost),
         CH_TEST(test_whoever_has_left_is_not_told), CH_TEST(test_only_so_many_wait),
         CH_TEST(test_what_needs_a_restart_is_refused_by_name))
