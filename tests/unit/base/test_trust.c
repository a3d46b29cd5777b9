/* Each case is made by a shell in a folder of the test's own, which only root and the user of the test can change. */
#include "base/trust.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OTHER "4242" /* a user that is neither root nor runs tests */

static ch_error err;

/* Runs `commands` in the test's folder. False if they need root, and the test does not have it. */
static bool make(const char *commands)
{
    ch_autobuffer line = CH_BUFFER_INIT;
    if (strstr(commands, OTHER) != NULL && geteuid() != 0) {
        printf("skipped: only root can give files away\n");
        return false;
    }
    ch_buffer_add_format(&line, "umask 022 && cd %s && { %s; }", ch_test_folder(), commands);
    ck_assert_int_eq(system(ch_buffer_text(&line)), 0);
    return true;
}

/* Asserts that the message is "FOLDER/`says`", where each @ in `says` stands for "FOLDER/". */
static void assert_says(const char *says)
{
    ch_autobuffer expected = CH_BUFFER_INIT;
    for (; *says != '\0'; says++) {
        if (*says == '@')
            ch_buffer_add_format(&expected, "%s/", ch_test_folder());
        else
            ch_buffer_add_byte(&expected, (uint8_t)*says);
    }
    ck_assert_str_eq(err.message, ch_buffer_text(&expected));
}

static ch_status open_file(const char *name, ch_trusted *out)
{
    ch_autofree char *path = ch_test_path(name);
    return ch_trust_file(path, out, &err);
}

/* ---- files ---- */

/* clang-format off */
static const struct {
    const char *made_by;
    const char *path;
    const char *resolved;
} trusted[] = {
    /* made by                                                  path            resolved */
    { "echo x > f",                                             "f",            "f" },
    { "echo x > f; chmod 600 f",                                "f",            "f" },
    { "mkdir a a/b; echo x > a/b/f",                            "a/b/f",        "a/b/f" },
    { "mkdir a a/b; echo x > a/b/f",                            "a//./b/f",     "a/b/f" },
    { "mkdir a a/b; echo x > a/f",                              "a/b/../f",     "a/f" },
    { "echo x > f; ln -s f g",                                  "g",            "f" },
    { "mkdir a; echo x > f; ln -s ../f a/g",                    "a/g",          "f" },
    { "mkdir a a/b; echo x > a/b/f; ln -s a/b c",               "c/f",          "a/b/f" },
    { "mkdir a a/b; echo x > a/f; ln -s a/b c",                 "c/../f",       "a/f" },
    { "echo x > f; ln -s $PWD/f g; ln -s g h",                  "h",            "f" },
    { "echo x > f; ln f g",                                     "g",            "g" },
};
/* clang-format on */

START_TEST(test_what_only_its_owner_can_change_is_trusted)
{
    char byte = 0;
    ch_autotrusted file = CH_TRUSTED_CLOSED;
    ch_autofree char *resolved = ch_test_path(trusted[_i].resolved);
    ck_assert(make(trusted[_i].made_by));
    ck_assert_msg(open_file(trusted[_i].path, &file) == CH_OK, "%s", err.message);
    ck_assert_str_eq(file.path, resolved);
    ck_assert_int_eq(read(file.fd, &byte, 1), 1);
    ck_assert_int_eq(byte, 'x');
    ck_assert_int_ne(fcntl(file.fd, F_GETFD) & FD_CLOEXEC, 0);
}
END_TEST

#define MODE " can be written to by "
#define MEND "; mend it with: "
#define FOREIGN " belongs to user " OTHER ", not to root"

/* clang-format off */
static const struct {
    const char *made_by;
    const char *path;
    const char *says;
} refused[] = {
    /* made by                                              path    says */
    { "echo x > f; chmod 666 f",                            "f",    "@f" MODE "its group and others (mode 0666)" MEND "chmod go-w @f" },
    { "echo x > f; chmod 660 f",                            "f",    "@f" MODE "its group (mode 0660)" MEND "chmod go-w @f" },
    { "echo x > f; chmod 606 f",                            "f",    "@f" MODE "others (mode 0606)" MEND "chmod go-w @f" },
    { "mkdir a; echo x > a/f; chmod 777 a",                 "a/f",  "@a" MODE "its group and others (mode 0777)" MEND "chmod go-w @a (on the way to @a/f)" },
    { "mkdir a; echo x > a/f; chmod 2775 a",                "a/f",  "@a" MODE "its group (mode 2775)" MEND "chmod go-w @a (on the way to @a/f)" },
    { "mkdir a a/b; echo x > a/b/f; chmod 777 a",           "a/b/f", "@a" MODE "its group and others (mode 0777)" MEND "chmod go-w @a (on the way to @a/b/f)" },
    { "mkdir 'a b'; echo x > 'a b/f'; chmod 777 'a b'",     "a b/f", "@a b" MODE "its group and others (mode 0777)" MEND "chmod go-w '@a b' (on the way to @a b/f)" },
    { "mkdir \"a'b\"; echo x > \"a'b/f\"; chmod 777 a*",    "a'b/f", "@a'b" MODE "its group and others (mode 0777)" MEND "chmod go-w '@a'\\''b' (on the way to @a'b/f)" },
    { "echo x > f; chmod 666 f; ln -s f g",                 "g",    "@f" MODE "its group and others (mode 0666)" MEND "chmod go-w @f (on the way to @g)" },
    { "mkdir a; echo x > a/f; chmod 777 a; ln -s a/f g",    "g",    "@a" MODE "its group and others (mode 0777)" MEND "chmod go-w @a (on the way to @g)" },
    { "mkdir a; echo x > f; ln -s ../f a/g; chmod 777 a",   "a/g",  "@a" MODE "its group and others (mode 0777)" MEND "chmod go-w @a (on the way to @a/g)" },
    { "mkdir a b; echo x > f; ln -s ../f b/h; ln -s ../b/h a/g; chmod 777 b",
                                                            "a/g",  "@b" MODE "its group and others (mode 0777)" MEND "chmod go-w @b (on the way to @a/g)" },
    { "mkdir a; echo x > f; chmod 777 a",                   "a/../f", "@a" MODE "its group and others (mode 0777)" MEND "chmod go-w @a (on the way to @a/../f)" },
    { "echo x > f; chown " OTHER " f",                      "f",    "@f" FOREIGN MEND "chown root @f" },
    { "mkdir a; echo x > a/f; chown " OTHER " a",           "a/f",  "@a" FOREIGN MEND "chown root @a (on the way to @a/f)" },
    { "echo x > f; ln -s f g; chown -h " OTHER " g",        "g",    "@g" FOREIGN MEND "chown -h root @g" },
    { "mkdir a; echo x > a/f; chown " OTHER " a; ln -s a/f g",
                                                            "g",    "@a" FOREIGN MEND "chown root @a (on the way to @g)" },
    { "mkdir a; echo x > a/f; chown " OTHER " a; chmod 1777 a",
                                                            "a/f",  "@a" FOREIGN MEND "chown root @a (on the way to @a/f)" },
    { ":",                                                  "f",    "cannot open @f: No such file or directory" },
    { ":",                                                  "a/f",  "cannot open @a/f: @a: No such file or directory" },
    { "ln -s g f; ln -s f g",                               "f",    "cannot open @f: Too many levels of symbolic links" },
    { "ln -s g f",                                          "f",    "cannot open @f: @g: No such file or directory" },
    { "mkdir f",                                            "f",    "@f is not a plain file" },
    { "mkfifo f",                                           "f",    "@f is not a plain file" },
    { "echo x > f",                                         "f/g",  "@f is not a folder (on the way to @f/g)" },
};
/* clang-format on */

START_TEST(test_what_others_could_change_is_refused)
{
    ch_trusted file = CH_TRUSTED_CLOSED;
    if (!make(refused[_i].made_by))
        return;
    ck_assert_int_eq(open_file(refused[_i].path, &file), CH_CONFIG);
    ck_assert_int_eq(file.fd, -1);
    assert_says(refused[_i].says);
}
END_TEST

/* What root owns is trusted whoever asks, and what the asking user owns. */
START_TEST(test_a_user_trusts_root_and_itself)
{
    ch_autotrusted roots = CH_TRUSTED_CLOSED;
    ch_autotrusted own = CH_TRUSTED_CLOSED;
    ch_trusted foreign = CH_TRUSTED_CLOSED;
    if (!make("chmod 755 .; echo x > root; echo x > own; echo x > foreign; chown " OTHER " own; chown 4243 foreign"))
        return;
    ck_assert_int_eq(seteuid(4242), 0);
    ck_assert_msg(open_file("root", &roots) == CH_OK, "%s", err.message);
    ck_assert_msg(open_file("own", &own) == CH_OK, "%s", err.message);
    ck_assert_int_eq(open_file("foreign", &foreign), CH_CONFIG);
    assert_says("@foreign belongs to user 4243, not to root or user 4242" MEND "chown 4242 @foreign");
    ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(test_a_relative_path_starts_at_the_working_folder)
{
    ch_trusted file = CH_TRUSTED_CLOSED;
    ck_assert(make("mkdir a a/b; echo x > a/b/f; chmod 777 a"));
    ck_assert_int_eq(chdir(ch_test_folder()), 0);
    ck_assert_int_eq(chdir("a/b"), 0);
    ck_assert_int_eq(ch_trust_file("f", &file, &err), CH_CONFIG);
    assert_says("@a" MODE "its group and others (mode 0777)" MEND "chmod go-w @a (on the way to f)");
    ck_assert(make("chmod 755 a"));
    ck_assert_int_eq(ch_trust_file("f", &file, &err), CH_OK);
    ch_trusted_close(&file);
}
END_TEST

START_TEST(test_a_sticky_folder_of_root_may_be_on_the_way)
{
    ch_autotrusted file = CH_TRUSTED_CLOSED;
    ch_trusted linked = CH_TRUSTED_CLOSED;
    if (geteuid() != 0 || !make("mkdir a; chmod 1777 a; echo x > a/f; ln a/f a/g"))
        return;
    ck_assert_int_eq(open_file("a/g", &linked), CH_CONFIG);
    assert_says("@a/g has 2 names (hard links), so it may be another file as well; put a copy in its place");
    ck_assert(make("rm a/g"));
    ck_assert_msg(open_file("a/f", &file) == CH_OK, "%s", err.message);
}
END_TEST

/* ---- folders ---- */

START_TEST(test_a_folder_is_opened_for_what_is_in_it)
{
    ch_autotrusted folder = CH_TRUSTED_CLOSED;
    ch_autofree char *path = ch_test_path("a/");
    ch_autofree char *resolved = ch_test_path("a");
    ck_assert(make("mkdir a; echo x > a/f"));
    ck_assert_int_eq(ch_trust_folder(path, CH_FOLDER_OWN, &folder, &err), CH_OK);
    ck_assert_str_eq(folder.path, resolved);
    ck_assert_int_eq(faccessat(folder.fd, "f", F_OK, 0), 0);
    ch_trusted_close(&folder);
    ck_assert_int_eq(ch_trust_folder("/", CH_FOLDER_OWN, &folder, &err), CH_OK);
    ck_assert_str_eq(folder.path, "/");
}
END_TEST

START_TEST(test_a_folder_for_everybody_is_not_ones_own)
{
    ch_autotrusted folder = CH_TRUSTED_CLOSED;
    ch_autofree char *path = ch_test_path("a");
    ck_assert(make("mkdir a; chmod 1777 a"));
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(ch_trust_folder(path, CH_FOLDER_OWN, &folder, &err), CH_CONFIG);
    assert_says("@a is for everybody's files; make a folder in it and use that");
    ck_assert_int_eq(ch_trust_folder(path, CH_FOLDER_SHARED, &folder, &err), CH_OK);
}
END_TEST

START_TEST(test_a_file_is_not_a_folder)
{
    ch_trusted folder = CH_TRUSTED_CLOSED;
    ch_autofree char *path = ch_test_path("f");
    ck_assert(make("echo x > f"));
    ck_assert_int_eq(ch_trust_folder(path, CH_FOLDER_SHARED, &folder, &err), CH_CONFIG);
    assert_says("@f is not a folder");
}
END_TEST

static const mode_t masks[] = {0, 022, 077, 0777};

START_TEST(test_a_folder_is_made_with_its_mode_at_once)
{
    struct stat facts;
    ch_autofree char *path = ch_test_path("a///");
    umask(masks[_i]);
    ck_assert_msg(ch_trust_make_folder(path, 0750, &err) == CH_OK, "%s", err.message);
    ck_assert_int_eq(stat(path, &facts), 0);
    ck_assert_uint_eq(facts.st_mode & 07777, 0750);
    ck_assert_uint_eq(umask(0), masks[_i]);
    ck_assert_int_eq(ch_trust_make_folder(path, 0700, &err), CH_OK); /* it is there, and stays as it is */
}
END_TEST

START_TEST(test_no_folder_is_made_where_others_can_write)
{
    ch_autofree char *path = ch_test_path("a/b");
    ch_autofree char *missing = ch_test_path("c/d");
    ck_assert(make("mkdir a; chmod 777 a"));
    ck_assert_int_eq(ch_trust_make_folder(path, 0755, &err), CH_CONFIG);
    assert_says("@a" MODE "its group and others (mode 0777)" MEND "chmod go-w @a");
    ck_assert_int_eq(access(path, F_OK), -1);
    ck_assert_int_eq(ch_trust_make_folder(missing, 0755, &err), CH_CONFIG);
    assert_says("cannot open @c: No such file or directory");
}
END_TEST

/* ---- entries ---- */

static ch_status open_entry(const char *name, bool is_made, int *fd)
{
    ch_autotrusted folder = CH_TRUSTED_CLOSED;
    ck_assert_int_eq(ch_trust_folder(ch_test_folder(), CH_FOLDER_OWN, &folder, &err), CH_OK);
    return ch_trust_entry(&folder, name, is_made, fd, &err);
}

START_TEST(test_an_entry_is_made_for_its_owner_alone)
{
    int fd = -1;
    struct stat facts;
    umask(0);
    ck_assert_int_eq(open_entry("f", false, &fd), CH_OK);
    ck_assert_int_eq(fd, -1);
    ck_assert_msg(open_entry("f", true, &fd) == CH_OK, "%s", err.message);
    ck_assert_int_eq(fstat(fd, &facts), 0);
    ck_assert_uint_eq(facts.st_mode & 07777, 0600);
    ck_assert_int_eq(write(fd, "x", 1), 1);
    close(fd);
    ck_assert_int_eq(open_entry("f", false, &fd), CH_OK);
    ck_assert_int_ge(fd, 0);
    close(fd);
}
END_TEST

/* clang-format off */
static const struct {
    const char *made_by;
    const char *says;
} entries[] = {
    /* made by                          says */
    { "echo x > g; ln -s g f",          "@f is a symbolic link; put the file itself in its place" },
    { "ln -s g f",                      "@f is a symbolic link; put the file itself in its place" },
    { "echo x > g; ln g f",             "@f has 2 names (hard links), so it may be another file as well; put a copy in its place" },
    { "echo x > f; chmod 666 f",        "@f" MODE "its group and others (mode 0666)" MEND "chmod go-w @f" },
    { "echo x > f; chmod 620 f",        "@f" MODE "its group (mode 0620)" MEND "chmod go-w @f" },
    { "echo x > f; chown " OTHER " f",  "@f" FOREIGN MEND "chown root @f" },
    { "mkfifo f",                       "@f is not a plain file" },
};
/* clang-format on */

START_TEST(test_an_entry_that_may_be_anothers_is_refused)
{
    int fd = -1;
    if (!make(entries[_i].made_by))
        return;
    for (int is_made = 0; is_made < 2; is_made++) {
        ck_assert_int_eq(open_entry("f", is_made != 0, &fd), CH_CONFIG);
        ck_assert_int_eq(fd, -1);
        assert_says(entries[_i].says);
    }
    ck_assert_int_eq(access("g", F_OK), -1);
}
END_TEST

CH_TESTS("trust", CH_TEST_ROWS(test_what_only_its_owner_can_change_is_trusted, trusted),
         CH_TEST_ROWS(test_what_others_could_change_is_refused, refused), CH_TEST(test_a_user_trusts_root_and_itself),
         CH_TEST(test_a_relative_path_starts_at_the_working_folder),
         CH_TEST(test_a_sticky_folder_of_root_may_be_on_the_way), CH_TEST(test_a_folder_is_opened_for_what_is_in_it),
         CH_TEST(test_a_folder_for_everybody_is_not_ones_own), CH_TEST(test_a_file_is_not_a_folder),
         CH_TEST_ROWS(test_a_folder_is_made_with_its_mode_at_once, masks),
         CH_TEST(test_no_folder_is_made_where_others_can_write), CH_TEST(test_an_entry_is_made_for_its_owner_alone),
         CH_TEST_ROWS(test_an_entry_that_may_be_anothers_is_refused, entries))
