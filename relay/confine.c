/* The list is what our loop, libcurl, OpenSSL, the C library's resolver and its threads were seen to make, and what
 * their newer versions may. No program can be started, no file be written, nobody be signalled or traced, nothing be
 * listened on that is not open yet.
 *
 * Not shared with agent/confine_calls.c: the front's list kills, and has no sockets, no threads and no files. */
#include "relay/confine.h"

#include "base/log.h"
#include "base/nodump.h"

#include <fcntl.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

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

static const int calls[] = {
    /* the loop, and sockets that are open */
    SCMP_SYS(accept4),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(close),
    SCMP_SYS(shutdown),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(fcntl),
    SCMP_SYS(dup),
    SCMP_SYS(eventfd2),
    SCMP_SYS(pipe2),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    /* sockets to the agent, exchanges and DNS */
    SCMP_SYS(connect),
    SCMP_SYS(socketpair),
    /* files that are read: certificates, the resolver's */
    SCMP_SYS(newfstatat),
    SCMP_SYS(fstat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(statx),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(lseek),
    SCMP_SYS(getdents64),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),
    SCMP_SYS(statfs),
    SCMP_SYS(fstatfs),
    SCMP_SYS(fadvise64),
    /* the path of a Unix socket that is ours is removed at the end */
    SCMP_SYS(unlinkat),
    SCMP_SYS(unlink),
    /* memory and threads */
    SCMP_SYS(brk),
    SCMP_SYS(mmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    SCMP_SYS(madvise),
    SCMP_SYS(mlock),
    SCMP_SYS(munlock),
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(membarrier),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(arch_prctl),
    SCMP_SYS(prctl),
    /* time, chance, and who we are */
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(getrlimit),
    SCMP_SYS(getrusage),
    SCMP_SYS(times),
    /* signals to ourselves */
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
};

typedef struct rule {
    int call;
    struct scmp_arg_cmp test;
} rule;

#define HAS_NONE_OF(argument, bits) SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, (uint32_t)(bits), 0)
#define IS(argument, value) SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)(value))
#define TO_WRITE (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

static int add_rules(scmp_filter_ctx filter)
{
    /* clang-format off */
    const rule rules[] = {
        /* call                 what its argument must be */
        { SCMP_SYS(open),       HAS_NONE_OF(1, TO_WRITE) },
        { SCMP_SYS(openat),     HAS_NONE_OF(2, TO_WRITE) },
        { SCMP_SYS(socket),     IS(0, AF_UNIX) },
        { SCMP_SYS(socket),     IS(0, AF_INET) },
        { SCMP_SYS(socket),     IS(0, AF_INET6) },
        { SCMP_SYS(socket),     IS(0, AF_NETLINK) }, /* which addresses there are */
        { SCMP_SYS(bind),       IS(2, sizeof(struct sockaddr_nl)) }, /* such a socket, told by the size of its address */
        { SCMP_SYS(clone),      SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD) },
        { SCMP_SYS(prlimit64),  IS(0, 0) },
        { SCMP_SYS(tgkill),     IS(0, getpid()) },
        { SCMP_SYS(ioctl),      IS(1, FIONBIO) },
        { SCMP_SYS(ioctl),      IS(1, FIONREAD) },
    };
    /* clang-format on */
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof calls / sizeof *calls; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    for (size_t i = 0; result == 0 && i < sizeof rules / sizeof *rules; i++)
        result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rules[i].call, 1, &rules[i].test);
    /* Its flags lie in memory, where no filter can look; the C library then calls clone. */
    return result == 0 ? seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) : result;
}

static void confine_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int result = filter == NULL ? -ENOMEM : add_rules(filter);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    if (result != 0)
        ch_log("this process may make any system call, because a filter could not be loaded: %s", strerror(-result));
}

static bool has_capabilities(struct __user_cap_header_struct *header)
{
    struct __user_cap_data_struct has[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return syscall(SYS_capget, header, has) != 0 || has[0].permitted != 0 || has[1].permitted != 0;
}

/* Root without capabilities still owns root's files; the unit has a user of its own. */
static void drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (!has_capabilities(&header))
        return;
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0); /* only with CAP_SETPCAP, and then there are some to drop */
    if (syscall(SYS_capset, &header, none) != 0)
        ch_log("capabilities could not be dropped: %s", strerror(errno));
}

ch_status ch_relay_confine(ch_error *err)
{
    CH_TRY(ch_forbid_dumps(err));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return ch_fail_errno(err, "giving up new privileges");
    drop_capabilities();
    if (IS_SANITIZED)
        ch_log("this process may make any system call, because it was built with sanitizers");
    else
        confine_calls();
    return CH_OK;
}
