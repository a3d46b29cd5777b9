/* The order in which the callers take things is in agent/harden.c; here is how each is taken. */
#include "agent/confine.h"

#include "base/log.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* ---- user ---- */

static const struct passwd *find_user(const char *const *users)
{
    const struct passwd *user = NULL;
    for (; *users != NULL && user == NULL; users++)
        user = getpwnam(*users);
    return user;
}

static void become(const struct passwd *user, bool with_groups, ch_gaps *gaps)
{
    uid_t uid = user->pw_uid;
    gid_t gid = user->pw_gid;
    int groups = with_groups ? initgroups(user->pw_name, gid) : setgroups(0, NULL);
    if (groups != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        ch_gaps_add_errno(gaps, "it stays user %u, because it could not become user %s", (unsigned)geteuid(),
                          user->pw_name);
}

void ch_confine_user(const char *const *users, bool with_groups, ch_gaps *gaps)
{
    if (geteuid() != 0)
        return;
    const struct passwd *user = find_user(users);
    if (user == NULL) {
        ch_gaps_add(gaps, "it stays user 0, because there is no user %s; make one", users[0]);
        return;
    }
    pid_t parent = getppid();
    become(user, with_groups, gaps);
    /* The change of user has cleared it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent)
        _exit(1);
}

/* ---- capabilities ---- */

void ch_confine_capabilities(uint64_t keep, ch_gaps *gaps)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    /* Without CAP_SETPCAP the bounding set stays, and does no harm: no_new_privs holds. */
    for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++) {
        if ((keep >> i & 1) == 0)
            prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    }
    if (syscall(SYS_capget, &header, sets) != 0) {
        ch_gaps_add_errno(gaps, "it keeps its capabilities, because it could not read them");
        return;
    }
    bool has_any = false;
    for (int i = 0; i < 2; i++) {
        has_any = has_any || (sets[i].permitted & ~(uint32_t)(keep >> 32 * i)) != 0 || sets[i].inheritable != 0;
        sets[i].permitted &= (uint32_t)(keep >> 32 * i);
        sets[i].effective = sets[i].permitted;
        sets[i].inheritable = 0;
    }
    /* A service manager that has dropped them may refuse the call. */
    if (has_any && syscall(SYS_capset, &header, sets) != 0)
        ch_gaps_add_errno(gaps, "it keeps its capabilities, because it could not drop them");
}

/* ---- Landlock ---- */

/* What Debian 12's header knows less of than the kernel may: struct landlock_ruleset_attr and the rights of each
 * version of Landlock (landlock(7)). */
typedef struct rights {
    uint64_t files;
    uint64_t network;
    uint64_t scoped;
} rights;

#define FILES_SINCE_1 ((1U << 13) - 1)
#define FILE_REFER (1U << 13)    /* since 2 */
#define FILE_TRUNCATE (1U << 14) /* since 3 */
#define FILE_IOCTL (1U << 15)    /* since 5 */
#define TCP_BIND_CONNECT 3U      /* since 4 */
#define SCOPE_ABSTRACT 1U        /* since 6 */
#define SCOPE_SIGNAL 2U          /* since 6 */

static rights all_rights(long version)
{
    rights all = {.files = FILES_SINCE_1};
    all.files |= version >= 2 ? FILE_REFER : 0;
    all.files |= version >= 3 ? FILE_TRUNCATE : 0;
    all.files |= version >= 5 ? FILE_IOCTL : 0;
    all.network = version >= 4 ? TCP_BIND_CONNECT : 0;
    all.scoped = version >= 6 ? SCOPE_ABSTRACT | SCOPE_SIGNAL : 0;
    return all;
}

/* The Landlock version that the kernel supports. Negative, with errno, if it supports none. */
static long landlock_version(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/* False with errno. An older kernel takes a longer struct whose end is zero. */
static bool give_up(const rights *given)
{
    long ruleset = syscall(SYS_landlock_create_ruleset, given, sizeof *given, 0);
    if (ruleset < 0)
        return false;
    long result = syscall(SYS_landlock_restrict_self, (int)ruleset, 0);
    int number = errno;
    close((int)ruleset);
    errno = number;
    return result == 0;
}

void ch_confine_to_nothing(ch_gaps *gaps)
{
    if (CH_IS_SANITIZED)
        return;
    long version = landlock_version();
    rights all = all_rights(version);
    if (version < 0 || !give_up(&all))
        ch_gaps_add_errno(gaps, "it can open files that its user may open, because Landlock cannot be had");
}

void ch_confine_signals(void)
{
    const rights scope = {.scoped = SCOPE_SIGNAL};
    if (!CH_IS_SANITIZED && landlock_version() >= 6 && !give_up(&scope))
        ch_log("limiting signals by Landlock: %s", strerror(errno));
}

/* ---- memory ---- */

void ch_confine_raise_memory_limit(void)
{
    const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    ch_ignore(setrlimit(RLIMIT_MEMLOCK, &unlimited)); /* if it is not raised, it stays as it was */
}

/* Under any limit but "unlimited", what is allocated later could fail. */
void ch_confine_memory(ch_gaps *gaps)
{
    struct rlimit limit;
    struct sysinfo system;
    bool may_lock = getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY;
    if (CH_IS_SANITIZED || (may_lock && mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0))
        return;
    if (sysinfo(&system) != 0 || system.totalswap > 0)
        ch_gaps_add(gaps, "its memory may be written to a swap device, because it may not lock it; set the limit of "
                          "locked memory to unlimited (LimitMEMLOCK=infinity)");
}
