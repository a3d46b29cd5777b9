#include "cli/secret_input.h"

#include "tests/support/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static ch_error err;

static const ch_input_question pin = {.descriptor = CH_OPT_PIN_FD, .name = "the user PIN", .prompt = ""};
static const ch_input_question so_pin = {.descriptor = CH_OPT_SO_PIN_FD, .name = "the SO PIN", .prompt = ""};
static const ch_input_question secret = {
    .descriptor = CH_OPT_SECRET_FD, .name = "the API secret", .prompt = "", .rest_max_bytes = 4095};
static const ch_input_question payload = {.descriptor = CH_OPT_PAYLOAD_FD,
                                          .name = "the payload",
                                          .not_typed = "name its file with --payload",
                                          .rest_max_bytes = 16000};

/* A pipe that holds `bytes` and is at its end after them. */
static int pipe_with(const void *bytes, size_t size)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], bytes, size), (ssize_t)size);
    close(ends[1]);
    return ends[0];
}

static int pipe_with_text(const char *text)
{
    return pipe_with(text, strlen(text));
}

/* From here on, this process has no terminal to ask on. */
static void leave_terminal(void)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY);
    if (fd >= 0)
        ck_assert_int_eq(ioctl(fd, TIOCNOTTY), 0);
}

/* Reads from `fd`, as with --pin-fd and the like. */
static ch_status read_from(int fd, const ch_input_question *question, ch_secret *out)
{
    char number[12];
    snprintf(number, sizeof number, "%d", fd);
    ch_arguments arguments = {0};
    arguments.option[question->descriptor] = number;
    return ch_input_secret(&arguments, question, NULL, out, &err);
}

static void assert_is(const ch_secret *got, const char *text)
{
    ck_assert_uint_eq(got->size, strlen(text));
    ck_assert_mem_eq(got->data, text, got->size);
}

/* clang-format off */
static const struct {
    const char *what;
    const char *input;
    const ch_input_question *question;
    const char *secret; /* NULL: refused */
    ch_status status;
} cases[] = {
    /* what                         input                            question secret       status */
    { "a line",                     "1234\n",                        &pin,    "1234",      CH_OK },
    { "a line without an end",      "1234",                          &pin,    "1234",      CH_OK },
    { "a line with CR",             "1234\r\n",                      &pin,    "1234",      CH_OK },
    { "spaces stay",                " 12 34 \n",                     &pin,    " 12 34 ",   CH_OK },
    { "empty lines after it",       "1234\n\r\n\n",                 &pin,    "1234",      CH_OK },
    { "a secret as it is",          " a \r\n\nb\n",                 &secret, " a \r\n\nb\n", CH_OK },
    { "nothing",                    "",                              &pin,    NULL,        CH_BAD_INPUT },
    { "an empty line",              "\n1234\n",                      &pin,    NULL,        CH_BAD_INPUT },
    { "a line of CR",               "\r\n1234\n",                    &pin,    NULL,        CH_BAD_INPUT },
    { "a line end within",          "12\n1234\n",                    &pin,    NULL,        CH_BAD_INPUT },
    { "a line end within, late",    "12\n\n1234",                    &pin,    NULL,        CH_BAD_INPUT },
    { "CR within",                  "12\r1234\n",                    &pin,    NULL,        CH_BAD_INPUT },
    { "CR CR LF",                   "1234\r\r\n",                    &pin,    NULL,        CH_BAD_INPUT },
    { "a byte order mark",          "\xef\xbb\xbf" "1234\n",         &pin,    NULL,        CH_BAD_INPUT },
    { "UTF-16, little-endian",      "\xff\xfe" "1234\n",             &pin,    NULL,        CH_BAD_INPUT },
    { "UTF-16, big-endian",         "\xfe\xff" "1234\n",             &pin,    NULL,        CH_BAD_INPUT },
    { "a PEM instead of a PIN",     "-----BEGIN X-----\na\n",        &pin,    NULL,        CH_BAD_INPUT },
    { "no secret",                  "",                              &secret, NULL,        CH_BAD_INPUT },
};
/* clang-format on */

START_TEST(test_a_descriptor_holds_a_line_or_what_is_asked_for_last)
{
    ch_autosecret got = CH_SECRET_INIT;
    ch_status st = read_from(pipe_with_text(cases[_i].input), cases[_i].question, &got);
    ck_assert_msg(st == cases[_i].status, "%s: %d %s", cases[_i].what, st, err.message);
    if (cases[_i].secret != NULL)
        assert_is(&got, cases[_i].secret);
    else
        ck_assert_msg(got.data == NULL && strstr(err.message, "1234") == NULL, "%s: %s", cases[_i].what, err.message);
}
END_TEST

START_TEST(test_nul_bytes_are_not_a_pin)
{
    static const uint8_t utf16[] = {'1', 0, '2', 0, '\n', 0};
    ch_autosecret got = CH_SECRET_INIT;
    ck_assert_int_eq(read_from(pipe_with(utf16, sizeof utf16), &pin, &got), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "UTF-16"));
}
END_TEST

START_TEST(test_secrets_of_one_pipe_come_in_order)
{
    ch_autosecret first = CH_SECRET_INIT;
    ch_autosecret second = CH_SECRET_INIT;
    ch_autosecret rest = CH_SECRET_INIT;
    ch_arguments arguments = {0};
    ck_assert_int_ge(dup2(pipe_with_text("one\ntwo\nthree\nfour\n"), STDIN_FILENO), 0);
    ck_assert_int_eq(ch_input_secret(&arguments, &so_pin, &pin, &first, &err), CH_OK);
    ck_assert_int_eq(ch_input_secret(&arguments, &pin, &secret, &second, &err), CH_OK);
    ck_assert_int_eq(ch_input_secret(&arguments, &secret, NULL, &rest, &err), CH_OK);
    assert_is(&first, "one");
    assert_is(&second, "two");
    assert_is(&rest, "three\nfour\n");
}
END_TEST

START_TEST(test_a_line_after_the_last_pin_is_refused)
{
    ch_autosecret first = CH_SECRET_INIT;
    ch_autosecret second = CH_SECRET_INIT;
    ch_arguments arguments = {0};
    ck_assert_int_ge(dup2(pipe_with_text("one\ntwo\nthree\n"), STDIN_FILENO), 0);
    ck_assert_int_eq(ch_input_secret(&arguments, &so_pin, &pin, &first, &err), CH_OK);
    ck_assert_int_eq(ch_input_secret(&arguments, &pin, NULL, &second, &err), CH_BAD_INPUT);
    ck_assert_ptr_null(second.data);
    ck_assert_ptr_nonnull(strstr(err.message, "something follows"));
}
END_TEST

START_TEST(test_a_pipe_that_stays_open_is_not_waited_for)
{
    int ends[2];
    ch_autosecret got = CH_SECRET_INIT;
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], "1234\n", 5), 5);
    ck_assert_int_eq(read_from(ends[0], &pin, &got), CH_OK);
    assert_is(&got, "1234");
}
END_TEST

START_TEST(test_what_cannot_be_typed_says_what_to_do)
{
    ch_arguments arguments = {.option[CH_OPT_PIN_FD] = "0"};
    ch_autosecret got = CH_SECRET_INIT;
    ck_assert_int_eq(ch_input_secret(&arguments, &payload, NULL, &got, &err), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "the payload can't be typed; name its file with --payload"));
}
END_TEST

START_TEST(test_bytes_that_are_not_utf_8_are_taken)
{
    static const uint8_t bytes[] = {0xff, 0x80, '\t', 1};
    ch_autosecret got = CH_SECRET_INIT;
    ck_assert_int_eq(read_from(pipe_with(bytes, sizeof bytes), &pin, &got), CH_OK);
    ck_assert_uint_eq(got.size, sizeof bytes);
    ck_assert_mem_eq(got.data, bytes, sizeof bytes);
}
END_TEST

START_TEST(test_a_line_has_a_longest_length)
{
    char text[4200];
    ch_autosecret longest = CH_SECRET_INIT;
    ch_autosecret too_long = CH_SECRET_INIT;
    memset(text, 'x', sizeof text);
    text[4095] = '\n';
    ck_assert_int_eq(read_from(pipe_with(text, 4096), &pin, &longest), CH_OK);
    ck_assert_uint_eq(longest.size, 4095);
    text[4095] = 'x';
    ck_assert_int_eq(read_from(pipe_with(text, sizeof text), &pin, &too_long), CH_TOO_LARGE);
    ck_assert_ptr_null(too_long.data);
}
END_TEST

START_TEST(test_the_rest_has_a_longest_length)
{
    char text[4096];
    ch_autosecret longest = CH_SECRET_INIT;
    ch_autosecret too_long = CH_SECRET_INIT;
    memset(text, 'x', sizeof text);
    ck_assert_int_eq(read_from(pipe_with(text, 4095), &secret, &longest), CH_OK);
    ck_assert_uint_eq(longest.size, 4095);
    ck_assert_int_eq(read_from(pipe_with(text, 4096), &secret, &too_long), CH_TOO_LARGE);
    ck_assert_ptr_null(too_long.data);
}
END_TEST

static const char *const bad_descriptors[] = {"", "x", "-1", "777", "65536", "3x"};

START_TEST(test_a_descriptor_must_be_open)
{
    ch_arguments arguments = {.option[CH_OPT_PIN_FD] = bad_descriptors[_i]};
    ch_autosecret got = CH_SECRET_INIT;
    ck_assert_int_eq(ch_input_secret(&arguments, &pin, NULL, &got, &err), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "--pin-fd"));
}
END_TEST

START_TEST(test_standard_input_is_read_if_it_is_a_pipe)
{
    ch_arguments arguments = {0};
    ch_autosecret got = CH_SECRET_INIT;
    ck_assert_int_ge(dup2(pipe_with_text("1234\n"), STDIN_FILENO), 0);
    ck_assert_int_eq(ch_input_secret(&arguments, &pin, NULL, &got, &err), CH_OK);
    assert_is(&got, "1234");
}
END_TEST

START_TEST(test_standard_input_belongs_to_the_one_that_claims_it)
{
    ch_arguments arguments = {.option[CH_OPT_PIN_FD] = "0"};
    ch_autosecret from_stdin = CH_SECRET_INIT;
    ch_autosecret other = CH_SECRET_INIT;
    leave_terminal();
    ck_assert_int_ge(dup2(pipe_with_text("1234\n"), STDIN_FILENO), 0);
    ck_assert_int_eq(ch_input_secret(&arguments, &secret, NULL, &other, &err), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "no terminal"));
    ck_assert_int_eq(ch_input_secret(&arguments, &pin, NULL, &from_stdin, &err), CH_OK);
    assert_is(&from_stdin, "1234");
}
END_TEST

START_TEST(test_confirmation_needs_a_terminal)
{
    leave_terminal();
    ck_assert_int_eq(ch_input_confirm("Sure?", &err), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "--yes"));
}
END_TEST

CH_TESTS("secret_input", CH_TEST_ROWS(test_a_descriptor_holds_a_line_or_what_is_asked_for_last, cases),
         CH_TEST(test_nul_bytes_are_not_a_pin), CH_TEST(test_secrets_of_one_pipe_come_in_order),
         CH_TEST(test_a_line_after_the_last_pin_is_refused), CH_TEST(test_a_pipe_that_stays_open_is_not_waited_for),
         CH_TEST(test_what_cannot_be_typed_says_what_to_do), CH_TEST(test_bytes_that_are_not_utf_8_are_taken),
         CH_TEST(test_a_line_has_a_longest_length), CH_TEST(test_the_rest_has_a_longest_length),
         CH_TEST_ROWS(test_a_descriptor_must_be_open, bad_descriptors),
         CH_TEST(test_standard_input_is_read_if_it_is_a_pipe),
         CH_TEST(test_standard_input_belongs_to_the_one_that_claims_it), CH_TEST(test_confirmation_needs_a_terminal))
