#include "agent/core/doors.h"

#include "base/memory.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/stage.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static ch_error err;
static ch_doors *doors;
static char come_by[64]; /* whom the last connection came by */
static size_t come_count;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static void take(void *context, int fd, const char *socket)
{
    ck_assert_ptr_eq(context, come_by);
    snprintf(come_by, sizeof come_by, "%s", socket);
    come_count++;
    close(fd);
}

static void begin(void)
{
    const ch_door_owner owner = {.context = come_by, .take = take};
    ch_autofree char *path = ch_test_path("agent.sock");
    doors = ch_doors_new(stage_set_up(), path, &owner, INT_MAX);
}

static ch_status follow(ch_caller *callers, size_t count)
{
    const ch_policy policy = {.callers = callers, .caller_count = count};
    return ch_doors_follow(doors, &policy, &err);
}

static bool is_there(const char *name)
{
    struct stat facts;
    ch_autofree char *path = ch_test_path(name);
    return stat(path, &facts) == 0 && S_ISSOCK(facts.st_mode);
}

static void come(const char *name)
{
    size_t before = come_count;
    int bot = stage_connect(name, SOCK_STREAM);
    stage_settle();
    ck_assert_uint_eq(come_count, before + 1);
    close(bot);
}

START_TEST(test_a_connection_comes_by_the_socket_of_its_caller)
{
    ch_caller callers[] = {
        {.name = "a",      .socket = "maker"},
        {.name = "b"     },
        {.name = "c", .socket = "dca"                 }
    };
    begin();
    MUST(follow(callers, CH_ROWS(callers)));
    MUST(ch_doors_accept(doors, &err));
    come("maker.sock");
    ck_assert_str_eq(come_by, "maker");
    come("dca.sock");
    ck_assert_str_eq(come_by, "dca");
    ck_assert(!is_there("b.sock"));
    ch_doors_close(doors);
    ck_assert(!is_there("maker.sock") && !is_there("dca.sock"));
}
END_TEST

START_TEST(test_nobody_is_accepted_before_that_is_said)
{
    ch_caller callers[] = {
        {.name = "a", .socket = "maker"}
    };
    begin();
    MUST(follow(callers, 1));
    stage_connect("maker.sock", SOCK_STREAM);
    stage_settle();
    ck_assert_uint_eq(come_count, 0);
    MUST(ch_doors_accept(doors, &err));
    stage_settle();
    ck_assert_uint_eq(come_count, 1);
    ch_doors_close(doors);
}
END_TEST

START_TEST(test_another_policy_opens_and_closes_doors)
{
    ch_caller before[] = {
        {.name = "a", .socket = "maker"},
        {.name = "b", .socket = "dca"  }
    };
    ch_caller after[] = {
        {.name = "a", .socket = "maker"},
        {.name = "c", .socket = "feed" }
    };
    begin();
    MUST(follow(before, CH_ROWS(before)));
    MUST(ch_doors_accept(doors, &err));
    MUST(follow(after, CH_ROWS(after)));
    ck_assert(is_there("maker.sock") && is_there("feed.sock") && !is_there("dca.sock"));
    come("feed.sock");
    come("maker.sock");
    MUST(follow(NULL, 0));
    ck_assert(!is_there("maker.sock") && !is_there("feed.sock"));
    ch_doors_close(doors);
}
END_TEST

START_TEST(test_callers_may_share_a_socket)
{
    ch_caller callers[] = {
        {.name = "a", .socket = "desk"},
        {.name = "b", .socket = "desk"}
    };
    begin();
    MUST(follow(callers, CH_ROWS(callers)));
    ck_assert(is_there("desk.sock"));
    ch_doors_close(doors);
}
END_TEST

START_TEST(test_what_cannot_be_made_keeps_none_of_the_others_back)
{
    ch_caller callers[] = {
        {.name = "a", .socket = "agent"},
        {.name = "b", .socket = "file" },
        {.name = "c", .socket = "dca"  }
    };
    begin();
    free(ch_test_file("file.sock", "x", 1));
    ck_assert_int_eq(follow(callers, CH_ROWS(callers)), CH_CONFIG);
    ck_assert_msg(strstr(err.message, "is the common one") != NULL, "%s", err.message);
    ck_assert(is_there("dca.sock") && !is_there("agent.sock") && !is_there("file.sock"));
    ch_doors_close(doors);
}
END_TEST

START_TEST(test_there_are_only_so_many)
{
    static char names[CH_DOORS_MAX + 1][16];
    static ch_caller callers[CH_DOORS_MAX + 1];
    begin();
    for (size_t i = 0; i <= CH_DOORS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "n%zu", i);
        callers[i] = (ch_caller){.name = names[i], .socket = names[i]};
    }
    ck_assert_int_eq(follow(callers, CH_DOORS_MAX + 1), CH_CONFIG);
    ck_assert(is_there("n0.sock"));
    ch_doors_close(doors);
}
END_TEST

CH_TESTS("doors", CH_TEST(test_a_connection_comes_by_the_socket_of_its_caller),
         CH_TEST(test_nobody_is_accepted_before_that_is_said), CH_TEST(test_another_policy_opens_and_closes_doors),
         CH_TEST(test_callers_may_share_a_socket), CH_TEST(test_what_cannot_be_made_keeps_none_of_the_others_back),
         CH_TEST(test_there_are_only_so_many))
