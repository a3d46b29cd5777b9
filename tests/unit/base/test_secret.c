#include "base/secret.h"
#include "base/slice.h"
#include "tests/support/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static ch_error err;

/* ASan makes mlock do nothing, so under it the kernel has no lock to show. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LOCKED ""
#endif
#endif
#if !defined(LOCKED) && defined(__SANITIZE_ADDRESS__)
#define LOCKED ""
#elif !defined(LOCKED)
#define LOCKED " lo"
#endif

static int pipe_with(const void *bytes, size_t size)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], bytes, size), (ssize_t)size);
    close(ends[1]);
    return ends[0];
}

static const struct {
    const char *name;
    const char *given;
    size_t max_bytes;
    ch_status status;
    const char *read;
} reads[] = {
    {"as it is",              "1234",            8, CH_OK,        "1234"    },
    {"LF dropped",            "1234\n",          8, CH_OK,        "1234"    },
    {"CRLF dropped",          "1234\r\n",        8, CH_OK,        "1234"    },
    {"one line end only",     "12\n\n",          8, CH_OK,        "12\n"    },
    {"spaces kept",           " 1 ",             8, CH_OK,        " 1 "     },
    {"just fits",             "12345678",        8, CH_OK,        "12345678"},
    {"fits without line end", "1234\r\n",        4, CH_OK,        "1234"    },
    {"one byte too many",     "12345",           4, CH_TOO_LARGE, NULL      },
    {"far too many",          "123456789abcdef", 4, CH_TOO_LARGE, NULL      },
    {"nothing",               "",                8, CH_BAD_INPUT, NULL      },
    {"a line end only",       "\r\n",            8, CH_BAD_INPUT, NULL      },
};

START_TEST(test_a_secret_is_read_to_the_end_and_no_further_than_allowed)
{
    ch_autosecret secret = CH_SECRET_INIT;
    int fd = pipe_with(reads[_i].given, strlen(reads[_i].given));
    ck_assert_msg(ch_secret_read(&secret, fd, reads[_i].max_bytes, &err) == reads[_i].status, "%s: %s", reads[_i].name,
                  err.message);
    if (reads[_i].read == NULL)
        ck_assert_ptr_null(secret.data);
    else
        ck_assert(ch_slice_is((ch_slice){secret.data, secret.size}, reads[_i].read));
    close(fd);
}
END_TEST

START_TEST(test_a_pipe_without_an_end_is_an_error_when_not_blocking)
{
    ch_autosecret secret = CH_SECRET_INIT;
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    ck_assert_int_eq(write(ends[1], "1234", 4), 4);
    ck_assert_int_eq(ch_secret_read(&secret, ends[0], 8, &err), CH_IO);
    ck_assert_ptr_null(secret.data);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(test_a_secret_goes_through_a_pipe_whole)
{
    ch_autosecret secret = CH_SECRET_INIT;
    ch_autosecret other = CH_SECRET_INIT;
    int fd = -1;
    ck_assert_int_eq(ch_secret_alloc(&secret, 4096, &err), CH_OK);
    memset(secret.data, 'x', 4096);
    ck_assert_int_eq(ch_secret_to_pipe(&secret, &fd, &err), CH_OK);
    ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_eq(ch_secret_read(&other, fd, 4096, &err), CH_OK);
    ck_assert_uint_eq(other.size, 4096);
    ck_assert_int_eq(memcmp(other.data, secret.data, 4096), 0);
    close(fd);
}
END_TEST

START_TEST(test_a_secret_without_a_byte_is_there_and_goes_through_a_pipe)
{
    ch_autosecret secret = CH_SECRET_INIT;
    char byte;
    int fd = -1;
    ck_assert_int_eq(ch_secret_alloc_empty(&secret, &err), CH_OK);
    ck_assert(secret.data != NULL && secret.size == 0);
    ck_assert_int_eq(ch_secret_to_pipe(&secret, &fd, &err), CH_OK);
    ck_assert_int_eq(read(fd, &byte, 1), 0);
    close(fd);
}
END_TEST

/* clang-format off */
#define WHOLE(text) text, sizeof(text) - 1
static const struct {
    const char *name;
    const char *whole;
    size_t size;
    unsigned part;
    const char *copied; /* NULL: it is missing */
} parts[] = {
    /* name                whole, size                part  copied */
    { "the only one",      WHOLE("1234"),             0,    "1234" },
    { "the first",         WHOLE("1234\000567"),      0,    "1234" },
    { "the second",        WHOLE("1234\000567"),      1,    "567" },
    { "one in the middle", WHOLE("1\0002\0003"),      1,    "2" },
    { "an empty first",    WHOLE("\000567"),          0,    "" },
    { "an empty last",     WHOLE("1234\000"),         1,    "" },
    { "one too many",      WHOLE("1234"),             1,    NULL },
    { "far too many",      WHOLE("1234\000567"),      7,    NULL },
};
/* clang-format on */

START_TEST(test_a_part_is_copied_without_what_is_around_it)
{
    ch_autosecret whole = CH_SECRET_INIT;
    ch_autosecret out = CH_SECRET_INIT;
    ck_assert_int_eq(ch_secret_alloc(&whole, parts[_i].size, &err), CH_OK);
    memcpy(whole.data, parts[_i].whole, whole.size);
    ch_status st = ch_secret_copy_part(&whole, parts[_i].part, &out, &err);
    bool is_copied = st == CH_OK && ch_slice_is((ch_slice){out.data, out.size}, parts[_i].copied);
    ck_assert_msg(parts[_i].copied != NULL ? is_copied && out.data != NULL : st == CH_BAD_INPUT && out.data == NULL,
                  "%s", parts[_i].name);
}
END_TEST

START_TEST(test_a_secret_larger_than_the_pipe_is_refused)
{
    ch_autosecret secret = CH_SECRET_INIT;
    int fd = -1;
    ck_assert_int_eq(ch_secret_alloc(&secret, 4097, &err), CH_OK);
    ck_assert_int_eq(ch_secret_to_pipe(&secret, &fd, &err), CH_TOO_LARGE);
    ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(test_sizes_outside_the_bounds_are_refused)
{
    ch_autosecret secret = CH_SECRET_INIT;
    ck_assert_int_eq(ch_secret_alloc(&secret, 0, &err), CH_TOO_LARGE);
    ck_assert_int_eq(ch_secret_alloc(&secret, CH_SECRET_MAX + 1, &err), CH_TOO_LARGE);
    ck_assert_int_eq(ch_secret_alloc(&secret, CH_SECRET_MAX, &err), CH_OK);
}
END_TEST

/* The kernel's own account of the mapping: "lo" locked, "dd" left out of core dumps. */
static bool has_flags(const void *address, const char *first, const char *second)
{
    char line[512];
    bool is_here = false;
    bool found = false;
    FILE *maps = fopen("/proc/self/smaps", "re");
    ck_assert_ptr_nonnull(maps);
    while (!found && fgets(line, sizeof line, maps) != NULL) {
        unsigned long start = 0;
        unsigned long end = 0;
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            is_here = (unsigned long)address >= start && (unsigned long)address < end;
        else if (is_here && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, first) != NULL && strstr(line, second) != NULL;
    }
    fclose(maps);
    return found;
}

START_TEST(test_memory_is_locked_kept_from_dumps_and_gone_after_a_wipe)
{
    ch_secret secret = CH_SECRET_INIT;
    unsigned char resident = 0;
    ck_assert_int_eq(ch_secret_alloc(&secret, 32, &err), CH_OK);
    void *address = secret.data;
    ck_assert(has_flags(address, LOCKED, " dd"));
    ch_secret_wipe(&secret);
    ck_assert_ptr_null(secret.data);
    ck_assert_uint_eq(secret.size, 0);
    ck_assert_int_eq(mincore(address, 1, &resident), -1);
    ck_assert_int_eq(errno, ENOMEM);
    ch_secret_wipe(&secret);
}
END_TEST

/* The kernel refuses, and the caller must hear of it. */
START_TEST(test_memory_that_can_not_be_locked_is_not_used)
{
    ch_secret secret = CH_SECRET_INIT;
    const struct rlimit none = {0, 0};
    ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    if (*LOCKED == '\0' || (geteuid() == 0 && seteuid(65534) != 0))
        return;
    ck_assert_int_eq(ch_secret_alloc(&secret, 32, &err), CH_IO);
    ck_assert_ptr_null(secret.data);
    ck_assert_ptr_nonnull(strstr(err.message, "RLIMIT_MEMLOCK"));
}
END_TEST

CH_TESTS("secret", CH_TEST_ROWS(test_a_secret_is_read_to_the_end_and_no_further_than_allowed, reads),
         CH_TEST(test_a_pipe_without_an_end_is_an_error_when_not_blocking),
         CH_TEST(test_a_secret_goes_through_a_pipe_whole),
         CH_TEST(test_a_secret_without_a_byte_is_there_and_goes_through_a_pipe),
         CH_TEST_ROWS(test_a_part_is_copied_without_what_is_around_it, parts),
         CH_TEST(test_a_secret_larger_than_the_pipe_is_refused), CH_TEST(test_sizes_outside_the_bounds_are_refused),
         CH_TEST(test_memory_is_locked_kept_from_dumps_and_gone_after_a_wipe),
         CH_TEST(test_memory_that_can_not_be_locked_is_not_used))
