/* The kernel's answers do not change while a process runs (nobody enters a user namespace here), so it is asked once.
 */
#include "base/users.h"

#include "base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>
#include <unistd.h>

#define OVERFLOW_DEFAULT 65534
#define LARGEST 4294967294UL /* (uid_t)-1 is no user */

static struct {
    uid_t overflow_uid;
    gid_t overflow_gid;
    bool is_in_namespace;
} facts;

/* Reads the start of a small file as text. False, and "", if that fails. */
static bool read_text(const char *path, char *text, size_t capacity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, capacity - 1);
    text[size < 0 ? 0 : size] = '\0';
    if (fd >= 0)
        close(fd);
    return size >= 0;
}

static bool read_id(const char *text, unsigned *out)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    unsigned long number = strtoul(text, &end, 10);
    *out = (unsigned)number;
    return (*end == '\0' || *end == '\n') && number <= LARGEST;
}

static unsigned overflow_id(const char *path)
{
    char text[64];
    unsigned id;
    return read_text(path, text, sizeof text) && read_id(text, &id) ? id : OVERFLOW_DEFAULT;
}

/* The first namespace maps every user to itself, in one line; a new one maps nobody, until somebody says otherwise. */
static bool leaves_users_out(void)
{
    char map[256];
    if (!read_text("/proc/self/uid_map", map, sizeof map))
        return false;
    /* inside, outside, how many */
    unsigned long parts[3];
    char *at = map;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        parts[i] = strtoul(at, &at, 10);
    return parts[0] != 0 || parts[1] != 0 || parts[2] != LARGEST + 1;
}

static void ask_kernel(void)
{
    facts.overflow_uid = overflow_id("/proc/sys/kernel/overflowuid");
    facts.overflow_gid = overflow_id("/proc/sys/kernel/overflowgid");
    facts.is_in_namespace = leaves_users_out();
}

static void know(void)
{
    static once_flag once = ONCE_FLAG_INIT;
    call_once(&once, ask_kernel);
}

uid_t ch_overflow_uid(void)
{
    know();
    return facts.overflow_uid;
}

gid_t ch_overflow_gid(void)
{
    know();
    return facts.overflow_gid;
}

bool ch_is_in_user_namespace(void)
{
    know();
    return facts.is_in_namespace;
}

ch_status ch_user_find(const char *text, uid_t *out, ch_error *err)
{
    unsigned id;
    struct passwd entry;
    struct passwd *found = NULL;
    char strings[4096];
    if (read_id(text, &id)) {
        *out = id;
        return CH_OK;
    }
    if (getpwnam_r(text, &entry, strings, sizeof strings, &found) != 0 || found == NULL)
        return ch_fail(err, CH_NOT_FOUND, "there is no user '%s'", text);
    *out = found->pw_uid;
    return CH_OK;
}

/* A group's entry holds all its members, so it may need any room. */
#define GROUP_BYTES_MAX (1U << 20)

ch_status ch_group_find(const char *text, gid_t *out, ch_error *err)
{
    unsigned id;
    struct group entry;
    struct group *found = NULL;
    ch_autobuffer strings = CH_BUFFER_INIT;
    int failure = ERANGE;
    if (read_id(text, &id)) {
        *out = id;
        return CH_OK;
    }
    for (size_t size = 4096; failure == ERANGE && size <= GROUP_BYTES_MAX; size *= 4)
        failure = getgrnam_r(text, &entry, (char *)ch_buffer_reserve(&strings, size), size, &found);
    if (failure != 0 || found == NULL)
        return ch_fail(err, CH_NOT_FOUND, "there is no group '%s'", text);
    *out = found->gr_gid;
    return CH_OK;
}
