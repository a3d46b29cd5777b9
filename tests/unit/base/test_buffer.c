#include "base/buffer.h"

#include "tests/support/suite.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(test_a_buffer_grows_and_is_terminated_on_demand)
{
    ch_autobuffer buffer = CH_BUFFER_INIT;
    ck_assert_str_eq(ch_buffer_text(&buffer), "");
    for (int i = 0; i < 1000; i++)
        ch_buffer_add_format(&buffer, "%03d,", i);
    ck_assert_uint_eq(buffer.size, 4000);
    ck_assert_uint_eq(strlen(ch_buffer_text(&buffer)), 4000);
    ck_assert_uint_eq(buffer.size, 4000);
    ck_assert_int_eq(memcmp(buffer.data + 3996, "999,", 4), 0);
}
END_TEST

START_TEST(test_clearing_keeps_the_memory)
{
    ch_autobuffer buffer = CH_BUFFER_INIT;
    ch_buffer_add_text(&buffer, "gone");
    const uint8_t *memory = buffer.data;
    ch_buffer_clear(&buffer);
    ck_assert_uint_eq(ch_buffer_slice(&buffer).size, 0);
    ch_buffer_add_byte(&buffer, 'x');
    ck_assert_str_eq(ch_buffer_text(&buffer), "x");
    ck_assert_ptr_eq(buffer.data, memory);
}
END_TEST

START_TEST(test_nothing_can_be_added)
{
    ch_autobuffer buffer = CH_BUFFER_INIT;
    ch_buffer_add(&buffer, NULL, 0);
    ch_buffer_add_slice(&buffer, (ch_slice){NULL, 0});
    ch_buffer_add_text(&buffer, "");
    ch_buffer_add_format(&buffer, "%s", "");
    ck_assert_uint_eq(buffer.size, 0);
    ck_assert_str_eq(ch_buffer_text(&buffer), "");
}
END_TEST

START_TEST(test_what_is_reserved_counts_once_committed)
{
    ch_autobuffer buffer = CH_BUFFER_INIT;
    memcpy(ch_buffer_reserve(&buffer, 5000), "ab", 2);
    ck_assert_uint_eq(buffer.size, 0);
    ch_buffer_commit(&buffer, 2);
    ck_assert_str_eq(ch_buffer_text(&buffer), "ab");
}
END_TEST

START_TEST(test_bytes_are_kept_whatever_they_are)
{
    ch_autobuffer buffer = CH_BUFFER_INIT;
    ch_buffer_add_slice(&buffer, CH_LITERAL("a\0\xff"));
    ck_assert(ch_slice_equal(ch_buffer_slice(&buffer), CH_LITERAL("a\0\xff")));
}
END_TEST

START_TEST(test_a_freed_buffer_is_empty_and_can_be_used_again)
{
    ch_autobuffer buffer = CH_BUFFER_INIT;
    ch_buffer_add_text(&buffer, "gone");
    ch_buffer_free(&buffer);
    ck_assert_ptr_null(buffer.data);
    ck_assert_uint_eq(buffer.capacity, 0);
    ch_buffer_add_text(&buffer, "x");
    ck_assert_str_eq(ch_buffer_text(&buffer), "x");
}
END_TEST

START_TEST(test_a_size_that_overflows_ends_the_process)
{
    pid_t child = fork();
    if (child == 0) {
        ch_buffer buffer = CH_BUFFER_INIT;
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        ch_buffer_add_text(&buffer, "some");
        ch_buffer_reserve(&buffer, SIZE_MAX - 2);
        _exit(0);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
END_TEST

CH_TESTS("buffer", CH_TEST(test_a_buffer_grows_and_is_terminated_on_demand), CH_TEST(test_clearing_keeps_the_memory),
         CH_TEST(test_nothing_can_be_added), CH_TEST(test_what_is_reserved_counts_once_committed),
         CH_TEST(test_bytes_are_kept_whatever_they_are), CH_TEST(test_a_freed_buffer_is_empty_and_can_be_used_again),
         CH_TEST(test_a_size_that_overflows_ends_the_process))
