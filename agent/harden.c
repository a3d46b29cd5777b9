/* The front's list of system calls is what libmicrohttpd, jansson and our loop were seen to make, plus what the C
 * library makes on its way out. A call missing here shows as the front being killed by SIGSYS, with a log line of core.
 */
#include "agent/harden.h"

#include "base/nodump.h"

#include <errno.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

ch_status ch_harden_process(ch_error *err)
{
    CH_TRY(ch_forbid_dumps(err));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return ch_fail_errno(err, "giving up new privileges");
    return CH_OK;
}

static ch_status become_nobody(ch_error *err)
{
    if (geteuid() != 0)
        return CH_OK;
    const struct passwd *user = getpwnam("_chancery-front");
    if (user == NULL)
        user = getpwnam("nobody");
    if (user == NULL)
        return ch_fail(err, CH_CONFIG, "there is no user _chancery-front or nobody to run the front as");
    uid_t uid = user->pw_uid;
    gid_t gid = user->pw_gid;
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return ch_fail_errno(err, "becoming user %u", (unsigned)uid);
    return CH_OK;
}

/* A ruleset that handles every right and allows none. Kernels without Landlock answer ENOSYS or EOPNOTSUPP. */
static ch_status leave_file_system(ch_error *err)
{
    const struct landlock_ruleset_attr all = {.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
    long ruleset = syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
    if (ruleset < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
        return CH_OK;
    if (ruleset < 0)
        return ch_fail_errno(err, "making a Landlock ruleset");
    long result = syscall(SYS_landlock_restrict_self, (int)ruleset, 0);
    ch_status st = result != 0 ? ch_fail_errno(err, "entering the Landlock ruleset") : CH_OK;
    (void)close((int)ruleset);
    return st;
}

static const int front_calls[] = {
    SCMP_SYS(accept4),
    SCMP_SYS(brk),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(close),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(eventfd2),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(fcntl),
    SCMP_SYS(futex),
    SCMP_SYS(getpid),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockname),
    SCMP_SYS(getsockopt),
    SCMP_SYS(gettid),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(ioctl),
    SCMP_SYS(lseek),
    SCMP_SYS(madvise),
    SCMP_SYS(mmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    SCMP_SYS(newfstatat),
    SCMP_SYS(fstat),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(shutdown),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(tgkill),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(sendfile),
    SCMP_SYS(epoll_create),
    SCMP_SYS(getuid),
};

/* libmicrohttpd sets TCP options after each answer. On a Unix socket they fail anyway, and this answer makes it stop
 * trying, which saves two system calls a request. */
static const int front_vain_calls[] = {SCMP_SYS(setsockopt)};

static const int token_forbidden_calls[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(bpf),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(add_key),
    SCMP_SYS(keyctl),
};

typedef struct call_rule {
    uint32_t action;
    const int *calls;
    size_t count;
} call_rule;

static ch_status filter_calls(uint32_t otherwise, const call_rule *rules, size_t rule_count, ch_error *err)
{
    scmp_filter_ctx filter = seccomp_init(otherwise);
    if (filter == NULL)
        return ch_fail(err, CH_INTERNAL, "making a seccomp filter failed");
    int result = 0;
    for (size_t i = 0; i < rule_count; i++) {
        for (size_t k = 0; result == 0 && k < rules[i].count; k++)
            result = seccomp_rule_add(filter, rules[i].action, rules[i].calls[k], 0);
    }
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    return result == 0 ? CH_OK : ch_fail(err, CH_INTERNAL, "loading a seccomp filter: %s", strerror(-result));
}

ch_status ch_harden_front(ch_error *err)
{
    ch_status st = become_nobody(err);
    if (st == CH_OK)
        st = ch_harden_process(err); /* a change of user makes the process dumpable again */
    if (st == CH_OK && !IS_SANITIZED)
        st = leave_file_system(err);
    /* The sanitizers' runtime makes calls of its own, tracing among them. */
    const call_rule rules[] = {
        {SCMP_ACT_ALLOW,              front_calls,      COUNT(front_calls)     },
        {SCMP_ACT_ERRNO(ENOPROTOOPT), front_vain_calls, COUNT(front_vain_calls)},
    };
    if (st == CH_OK && !IS_SANITIZED)
        st = filter_calls(SCMP_ACT_KILL_PROCESS, rules, COUNT(rules), err);
    return st;
}

ch_status ch_harden_token(ch_error *err)
{
    const call_rule rule = {SCMP_ACT_ERRNO(EPERM), token_forbidden_calls, COUNT(token_forbidden_calls)};
    return IS_SANITIZED ? CH_OK : filter_calls(SCMP_ACT_ALLOW, &rule, 1, err);
}
