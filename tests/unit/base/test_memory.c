#include "base/memory.h"

#include "tests/support/suite.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(test_new_memory_is_zero)
{
    ch_autofree unsigned char *memory = ch_alloc(4096);
    for (size_t i = 0; i < 4096; i++)
        ck_assert_uint_eq(memory[i], 0);
}
END_TEST

START_TEST(test_no_bytes_are_still_memory)
{
    ch_autofree void *none = ch_alloc(0);
    ch_autofree void *of_none = ch_realloc_array(NULL, 0, 8);
    ch_autofree void *of_nothing = ch_realloc_array(NULL, 8, 0);
    ck_assert_ptr_nonnull(none);
    ck_assert_ptr_nonnull(of_none);
    ck_assert_ptr_nonnull(of_nothing);
}
END_TEST

START_TEST(test_an_array_keeps_its_items_when_it_grows)
{
    ch_autofree int *items = ch_realloc_array(NULL, 2, sizeof *items);
    items[0] = 1;
    items[1] = 2;
    items = ch_realloc_array(items, 10000, sizeof *items);
    ck_assert_int_eq(items[0] + items[1], 3);
}
END_TEST

START_TEST(test_an_array_that_grows_one_by_one_moves_seldom)
{
    ch_autofree size_t *items = NULL;
    size_t moves = 0;
    for (size_t count = 0; count < 10000; count++) {
        uintptr_t before = (uintptr_t)items;
        items = ch_array_grow(items, count, sizeof *items);
        items[count] = count;
        moves += (uintptr_t)items != before;
    }
    for (size_t i = 0; i < 10000; i++)
        ck_assert_uint_eq(items[i], i);
    ck_assert_uint_le(moves, 15);
}
END_TEST

START_TEST(test_texts_are_copied)
{
    ch_autofree char *copy = ch_strdup("text");
    ch_autofree char *empty = ch_strdup("");
    ck_assert_str_eq(copy, "text");
    ck_assert_str_eq(empty, "");
}
END_TEST

static void ask_for_too_much(void)
{
    ch_alloc(SIZE_MAX / 2);
}

static void overflow_an_array(void)
{
    ch_realloc_array(NULL, SIZE_MAX / 2, 4);
}

static void (*const greedy[])(void) = {ask_for_too_much, overflow_an_array};

START_TEST(test_memory_that_is_not_there_ends_the_process)
{
    pid_t child = fork();
    if (child == 0) {
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        greedy[_i]();
        _exit(0);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) != 0); /* ASan exits */
}
END_TEST

CH_TESTS("memory", CH_TEST(test_new_memory_is_zero), CH_TEST(test_no_bytes_are_still_memory),
         CH_TEST(test_an_array_keeps_its_items_when_it_grows),
         CH_TEST(test_an_array_that_grows_one_by_one_moves_seldom), CH_TEST(test_texts_are_copied),
         CH_TEST_ROWS(test_memory_that_is_not_there_ends_the_process, greedy))
