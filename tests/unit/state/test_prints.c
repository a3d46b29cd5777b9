#include "state/prints.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <poll.h>
#include <string.h>

static ch_store *store;
static ch_prints *prints;
static ch_writer *writer;
static ch_error err;
static int answers;
static ch_error answer;

static const ch_print_name first = {"main", "pkcs11:object=a", "hmac-sha256"};
static const ch_slice one = CH_LITERAL("11111111111111111111111111111111");
static const ch_slice two = CH_LITERAL("22222222222222222222222222222222");
static const ch_slice none = CH_LITERAL("");

static void open_all(void)
{
    ck_assert_msg(ch_store_open(ch_test_folder(), &store, &err) == CH_OK, "%s", err.message);
    ck_assert_msg(ch_prints_open(store, &prints, &err) == CH_OK, "%s", err.message);
    ck_assert_msg(ch_writer_start(store, &writer, &err) == CH_OK, "%s", err.message);
    ch_prints_start(prints, writer);
}

static void close_all(void)
{
    ch_writer_stop(writer);
    ch_prints_close(prints);
    ch_store_close(store);
}

static void open_again(void)
{
    close_all();
    open_all();
}

static void await_write(void)
{
    struct pollfd wait = {.fd = ch_writer_fd(writer), .events = POLLIN};
    ck_assert_int_eq(poll(&wait, 1, 5000), 1);
    ch_writer_collect(writer);
}

static void on_answer(void *context, const ch_error *outcome)
{
    ck_assert_ptr_eq(context, &answers);
    answers++;
    answer = *outcome;
}

static ch_print_change change_to(ch_slice print)
{
    return (ch_print_change){.name = first, .print = print, .context = &answers, .answer = on_answer};
}

static void check_kept(const ch_print_name *name, ch_slice print)
{
    ch_slice kept = ch_prints_find(prints, name);
    ck_assert_ptr_nonnull(kept.data);
    ck_assert(ch_slice_equal(kept, print));
}

START_TEST(test_what_was_kept_is_known_at_once_and_after_a_restart)
{
    ck_assert_ptr_null(ch_prints_find(prints, &first).data);
    ch_prints_keep(prints, &first, one);
    check_kept(&first, one);
    open_again();
    check_kept(&first, one);
}
END_TEST

/* clang-format off */
static const ch_print_name others[] = {
    { "other", "pkcs11:object=a", "hmac-sha256" },
    { "main",  "pkcs11:object=b", "hmac-sha256" },
    { "main",  "pkcs11:object=a", "hmac-sha512" },
};
/* clang-format on */

START_TEST(test_a_key_has_the_print_of_no_other)
{
    ch_prints_keep(prints, &first, one);
    ck_assert_ptr_null(ch_prints_find(prints, &others[_i]).data);
    ch_prints_keep(prints, &others[_i], two);
    open_again();
    check_kept(&first, one);
    check_kept(&others[_i], two);
}
END_TEST

START_TEST(test_a_change_counts_when_it_is_on_disk)
{
    const ch_print_change change = change_to(two);
    ch_prints_keep(prints, &first, one);
    await_write();
    ck_assert_int_eq(ch_prints_change(prints, &change, &err), CH_OK);
    check_kept(&first, one);
    await_write();
    ck_assert_int_eq(answers, 1);
    ck_assert_int_eq(answer.status, CH_OK);
    check_kept(&first, two);
    open_again();
    check_kept(&first, two);
}
END_TEST

START_TEST(test_to_have_none_is_kept_too)
{
    const ch_print_change change = change_to(none);
    ch_prints_keep(prints, &first, one);
    await_write();
    ck_assert_int_eq(ch_prints_change(prints, &change, &err), CH_OK);
    await_write();
    open_again();
    check_kept(&first, none);
}
END_TEST

START_TEST(test_a_second_change_waits_for_the_first)
{
    const ch_print_change change = change_to(two);
    ch_prints_keep(prints, &first, one);
    ck_assert_int_eq(ch_prints_change(prints, &change, &err), CH_BUSY);
    await_write();
    ck_assert_int_eq(answers, 0);
    check_kept(&first, one);
}
END_TEST

START_TEST(test_who_has_left_is_not_called)
{
    const ch_print_change change = change_to(two);
    ch_prints_forget(NULL, &answers);
    ch_prints_keep(prints, &first, one);
    await_write();
    ck_assert_int_eq(ch_prints_change(prints, &change, &err), CH_OK);
    ch_prints_forget(prints, &answers);
    await_write();
    ck_assert_int_eq(answers, 0);
    check_kept(&first, two);
}
END_TEST

CH_TESTS_WITH("prints", open_all, close_all, CH_TEST(test_what_was_kept_is_known_at_once_and_after_a_restart),
              CH_TEST_ROWS(test_a_key_has_the_print_of_no_other, others),
              CH_TEST(test_a_change_counts_when_it_is_on_disk), CH_TEST(test_to_have_none_is_kept_too),
              CH_TEST(test_a_second_change_waits_for_the_first), CH_TEST(test_who_has_left_is_not_called))
