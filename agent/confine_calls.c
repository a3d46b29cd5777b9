/* The front's list is what libmicrohttpd, jansson and our loop were seen to make, plus what the C library makes on its
 * way out. A call missing there shows as the front being killed by SIGSYS, with a log line of core.
 *
 * The kernel looks at 32 bits of an ioctl's or fcntl's number, so a rule that forbids one must not look at more. */
#include "agent/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <asm/sockios.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

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
    SCMP_SYS(futex),
    SCMP_SYS(getpid),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockname),
    SCMP_SYS(getsockopt),
    SCMP_SYS(gettid),
    SCMP_SYS(gettimeofday),
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
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(sendfile),
    SCMP_SYS(epoll_create),
    SCMP_SYS(getuid),
};

/* libmicrohttpd sets TCP options after each answer. On a Unix socket they fail anyway, and this answer makes it stop
 * trying, which saves two system calls a request. */
static const int front_vain_calls[] = {SCMP_SYS(setsockopt)};

/* What neither core nor a driver needs: tracing and controlling other processes, mounting, namespaces, kernel code,
 * the clock, keys of the kernel, ways round other checks. */
static const int forbidden_calls[] = {
    SCMP_SYS(acct),
    SCMP_SYS(add_key),
    SCMP_SYS(adjtimex),
    SCMP_SYS(bpf),
    SCMP_SYS(chroot),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(clock_settime),
    SCMP_SYS(delete_module),
    SCMP_SYS(fanotify_init),
    SCMP_SYS(finit_module),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fsopen),
    SCMP_SYS(fspick),
    SCMP_SYS(init_module),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(ioperm),
    SCMP_SYS(iopl),
    SCMP_SYS(kcmp),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(kexec_load),
    SCMP_SYS(keyctl),
    SCMP_SYS(lookup_dcookie),
    SCMP_SYS(migrate_pages),
    SCMP_SYS(modify_ldt),
    SCMP_SYS(mount),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(move_mount),
    SCMP_SYS(move_pages),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(open_tree),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(personality),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(pivot_root),
    SCMP_SYS(process_madvise),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(ptrace),
    SCMP_SYS(quotactl),
    SCMP_SYS(reboot),
    SCMP_SYS(request_key),
    SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(rt_tgsigqueueinfo),
    SCMP_SYS(setdomainname),
    SCMP_SYS(sethostname),
    SCMP_SYS(setns),
    SCMP_SYS(settimeofday),
    SCMP_SYS(swapoff),
    SCMP_SYS(swapon),
    SCMP_SYS(syslog),
    SCMP_SYS(tkill),
    SCMP_SYS(umount2),
    SCMP_SYS(unshare),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(vhangup),
};

/* A module starts its helpers when it is loaded, which is before the list is. */
static const int forbidden_programs[] = {SCMP_SYS(execve), SCMP_SYS(execveat)};

/* Its flags lie in memory, where no filter can look; the C library then calls clone. */
static const int missing_calls[] = {SCMP_SYS(clone3)};

#define NUMBER_IS(argument, number) SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)(number))
#define NUMBER_IS_NOT(argument, number) SCMP_CMP(argument, SCMP_CMP_NE, (uint32_t)(number), 0)
#define NEW_NAMESPACES                                                                                                 \
    (uint32_t)(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |            \
               CLONE_NEWNET)

typedef struct argument_rule {
    int call;
    struct scmp_arg_cmp test;
} argument_rule;

typedef struct filter {
    scmp_filter_ctx context;
    int result; /* of the first call that failed; 0 */
} filter;

static void add_calls(filter *to, uint32_t action, const int *calls, size_t count)
{
    for (size_t i = 0; to->result == 0 && i < count; i++)
        to->result = seccomp_rule_add(to->context, action, calls[i], 0);
}

static void add_rules(filter *to, uint32_t action, const argument_rule *rules, size_t count)
{
    for (size_t i = 0; to->result == 0 && i < count; i++)
        to->result = seccomp_rule_add_array(to->context, action, rules[i].call, 1, &rules[i].test);
}

/* fcntl and ioctl can have a signal sent to anyone when a descriptor is ready, and type into a terminal. */
static void add_front(filter *to)
{
    const argument_rule allowed[] = {
        {SCMP_SYS(fcntl),  NUMBER_IS(1, F_GETFL)        },
        {SCMP_SYS(fcntl),  NUMBER_IS(1, F_SETFL)        },
        {SCMP_SYS(fcntl),  NUMBER_IS(1, F_GETFD)        },
        {SCMP_SYS(fcntl),  NUMBER_IS(1, F_SETFD)        },
        {SCMP_SYS(fcntl),  NUMBER_IS(1, F_DUPFD_CLOEXEC)},
        {SCMP_SYS(ioctl),  NUMBER_IS(1, FIONBIO)        },
        {SCMP_SYS(ioctl),  NUMBER_IS(1, FIONREAD)       },
        {SCMP_SYS(tgkill), NUMBER_IS(0, getpid())       },
    };
    add_calls(to, SCMP_ACT_ALLOW, front_calls, COUNT(front_calls));
    add_calls(to, SCMP_ACT_ERRNO(ENOPROTOOPT), front_vain_calls, COUNT(front_vain_calls));
    add_rules(to, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
}

static void add_forbidden(filter *to)
{
    const argument_rule forbidden[] = {
        {SCMP_SYS(fcntl),              NUMBER_IS(1,     F_SETOWN)   },
        {SCMP_SYS(fcntl),              NUMBER_IS(1,     F_SETOWN_EX)},
        {SCMP_SYS(fcntl),              NUMBER_IS(1,     F_SETSIG)   },
        {SCMP_SYS(ioctl),              NUMBER_IS(1,     FIOSETOWN)  },
        {SCMP_SYS(ioctl),              NUMBER_IS(1,     SIOCSPGRP)  },
        {SCMP_SYS(ioctl),              NUMBER_IS(1,     TIOCSTI)    },
        {SCMP_SYS(ioctl),              NUMBER_IS(1,     TIOCLINUX)  },
        {SCMP_SYS(ioctl),              NUMBER_IS(1,     TIOCSCTTY)  },
        {SCMP_SYS(ioctl),              NUMBER_IS(1,     TIOCSETD)   },
        {SCMP_SYS(prlimit64),          NUMBER_IS_NOT(0, 0)          },
        {SCMP_SYS(sched_setattr),      NUMBER_IS_NOT(0, 0)          },
        {SCMP_SYS(sched_setparam),     NUMBER_IS_NOT(0, 0)          },
        {SCMP_SYS(sched_setscheduler), NUMBER_IS_NOT(0, 0)          },
        {SCMP_SYS(setpriority),        NUMBER_IS_NOT(1, 0)          },
        {SCMP_SYS(ioprio_set),         NUMBER_IS_NOT(1, 0)          },
    };
    add_calls(to, SCMP_ACT_ERRNO(EPERM), forbidden_calls, COUNT(forbidden_calls));
    add_calls(to, SCMP_ACT_ERRNO(ENOSYS), missing_calls, COUNT(missing_calls));
    add_rules(to, SCMP_ACT_ERRNO(EPERM), forbidden, COUNT(forbidden));
    for (uint32_t bit = 1; bit != 0 && to->result == 0; bit <<= 1) {
        if ((bit & NEW_NAMESPACES) != 0)
            to->result = seccomp_rule_add(to->context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                          SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
    }
}

static void add_token(filter *to)
{
    const argument_rule forbidden[] = {
        {SCMP_SYS(kill),   NUMBER_IS_NOT(0, getpid())},
        {SCMP_SYS(tgkill), NUMBER_IS_NOT(0, getpid())},
    };
    add_forbidden(to);
    add_calls(to, SCMP_ACT_ERRNO(EPERM), forbidden_programs, COUNT(forbidden_programs));
    add_rules(to, SCMP_ACT_ERRNO(EPERM), forbidden, COUNT(forbidden));
}

/* clang-format off */
static const struct {
    uint32_t otherwise;
    void (*add)(filter *to);
} lists[] = {
    /*                   otherwise                   rules */
    [CH_CALLS_FRONT] = { SCMP_ACT_KILL_PROCESS,      add_front },
    [CH_CALLS_TOKEN] = { SCMP_ACT_ALLOW,             add_token },
    [CH_CALLS_CORE]  = { SCMP_ACT_ALLOW,             add_forbidden },
};
/* clang-format on */

void ch_confine_calls(ch_call_list list, ch_gaps *gaps)
{
    if (CH_IS_SANITIZED) {
        ch_gaps_add(gaps, "it may make any system call, because it was built with sanitizers; use another build");
        return;
    }
    filter made = {.context = seccomp_init(lists[list].otherwise)};
    if (made.context == NULL)
        made.result = -ENOMEM;
    else
        lists[list].add(&made);
    /* The first to be looked for: SoftHSM2 calls it six times a signature, and its argument hides it from the cache. */
    if (made.result == 0)
        made.result = seccomp_syscall_priority(made.context, SCMP_SYS(fcntl), UINT8_MAX);
    if (made.result == 0)
        made.result = seccomp_load(made.context);
    seccomp_release(made.context);
    if (made.result != 0)
        ch_gaps_add(gaps, "it may make any system call, because a filter could not be loaded: %s",
                    strerror(-made.result));
}
