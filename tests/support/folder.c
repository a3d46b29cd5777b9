#include "tests/support/folder.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/chancery-test-XXXXXX";
static pid_t owner; /* 0: there is no folder yet */

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

/* A process that the test forked must not remove the folder. */
static void remove_folder(void)
{
    if (getpid() == owner)
        nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

const char *ch_test_folder(void)
{
    if (owner == 0) {
        ck_assert_ptr_nonnull(mkdtemp(folder));
        owner = getpid();
        ck_assert_int_eq(atexit(remove_folder), 0);
    }
    return folder;
}

char *ch_test_path(const char *name)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "%s/%s", ch_test_folder(), name);
    return ch_strdup(ch_buffer_text(&path));
}

char *ch_test_file(const char *name, const void *bytes, size_t size_bytes)
{
    char *path = ch_test_path(name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size_bytes, file), size_bytes);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}
