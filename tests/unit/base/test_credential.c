/* Credentials: a file of one's own in a folder of one's own, and nothing else. */
#include "base/credential.h"

#include "base/memory.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static ch_error err;

static ch_status read_from(mode_t folder_mode, const char *text, mode_t mode, const char *name, ch_secret *out)
{
    ch_autofree char *folder = ch_test_path("credentials");
    mkdir(folder, 0700);
    ch_autofree char *file = ch_test_file("credentials/pin", text, strlen(text));
    ck_assert_int_eq(chmod(file, mode), 0);
    ck_assert_int_eq(chmod(folder, folder_mode), 0);
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    return ch_credential_read(name, 16, out, &err);
}

START_TEST(test_a_credential_is_read_without_its_line_end)
{
    ch_autosecret pin = CH_SECRET_INIT;
    ck_assert_msg(read_from(0500, "1234\n", 0400, "pin", &pin) == CH_OK, "%s", err.message);
    ck_assert_uint_eq(pin.size, 4);
    ck_assert_mem_eq(pin.data, "1234", 4);
}
END_TEST

/* clang-format off */
static const struct {
    mode_t folder_mode;
    const char *text;
    mode_t mode;
    const char *name;
    ch_status status;
    const char *says;
} refused[] = {
    /* folder  text                  mode  name     status          says */
    { 0700,    "",                   0600, "pin",   CH_BAD_INPUT,   "empty" },
    { 0700,    "01234567890123456",  0600, "pin",   CH_TOO_LARGE,   "longer than 16" },
    { 0700,    "1234",               0604, "pin",   CH_CONFIG,      "every user can read" },
    { 0700,    "1234",               0602, "pin",   CH_CONFIG,      "written to" },
    { 0720,    "1234",               0600, "pin",   CH_CONFIG,      "written to" },
    { 0700,    "1234",               0600, "pen",   CH_NOT_FOUND,   "there is no credential 'pen'" },
    { 0700,    "1234",               0600, "",      CH_CONFIG,      "no name" },
    { 0700,    "1234",               0600, "..",    CH_CONFIG,      "no name" },
    { 0700,    "1234",               0600, "a/b",   CH_CONFIG,      "no name" },
};
/* clang-format on */

START_TEST(test_what_is_no_credential_is_refused)
{
    ch_autosecret pin = CH_SECRET_INIT;
    ch_status st = read_from(refused[_i].folder_mode, refused[_i].text, refused[_i].mode, refused[_i].name, &pin);
    ck_assert_int_eq(st, refused[_i].status);
    ck_assert_msg(strstr(err.message, refused[_i].says) != NULL, "%s", err.message);
    ck_assert_ptr_null(pin.data);
}
END_TEST

START_TEST(test_without_a_service_manager_there_is_none)
{
    ch_autosecret pin = CH_SECRET_INIT;
    unsetenv("CREDENTIALS_DIRECTORY");
    ck_assert_int_eq(ch_credential_read("pin", 16, &pin, &err), CH_NOT_FOUND);
    setenv("CREDENTIALS_DIRECTORY", "", 1);
    ck_assert_int_eq(ch_credential_read("pin", 16, &pin, &err), CH_NOT_FOUND);
}
END_TEST

CH_TESTS("credential", CH_TEST(test_a_credential_is_read_without_its_line_end),
         CH_TEST_ROWS(test_what_is_no_credential_is_refused, refused),
         CH_TEST(test_without_a_service_manager_there_is_none))
