/* Each case is a child of its own that confines itself, tries one thing, and says by its exit status what it got. */
#include "agent/confine.h"

#include "tests/support/suite.h"

#include <asm/sockios.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILLED (-1)

typedef long (*attempt)(void);

static long signal_parent(void)
{
    return kill(getppid(), 0);
}

static long signal_parents_thread(void)
{
    return syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static long signal_any_thread(void)
{
    return syscall(SYS_tkill, getppid(), 0);
}

static long signal_itself(void)
{
    return syscall(SYS_tgkill, getpid(), getpid(), 0);
}

static long signal_by_descriptor(void)
{
    return syscall(SYS_pidfd_send_signal, 0, 0, NULL, 0);
}

static long have_parent_signalled(void)
{
    return fcntl(STDIN_FILENO, F_SETOWN, getppid());
}

static long have_parent_signalled_by_ioctl(void)
{
    int owner = getppid();
    return ioctl(STDIN_FILENO, FIOSETOWN, &owner);
}

static long type_into_terminal(void)
{
    return ioctl(STDIN_FILENO, TIOCSTI, "#");
}

/* The kernel looks at the lower half only. */
static long type_with_a_longer_number(void)
{
    return syscall(SYS_ioctl, STDIN_FILENO, 0xabcd00000000L | TIOCSTI, "#");
}

static long run_program(void)
{
    char *const arguments[] = {"true", NULL};
    return execv("/bin/true", arguments);
}

static long make_namespace(void)
{
    return unshare(CLONE_NEWUSER);
}

static long make_namespace_by_clone(void)
{
    return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0);
}

static long make_namespace_by_clone3(void)
{
    struct clone_args how = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    return syscall(SYS_clone3, &how, sizeof how);
}

static long limit_parent(void)
{
    return syscall(SYS_prlimit64, getppid(), 0, NULL, NULL);
}

static long use_a_ring(void)
{
    return syscall(SYS_io_uring_setup, 1, NULL);
}

static long load_a_kernel(void)
{
    return syscall(SYS_kexec_file_load, -1, -1, 0, NULL, 0);
}

static long advise_another(void)
{
    return syscall(SYS_process_madvise, -1, NULL, 0, 0, 0);
}

static long open_by_handle(void)
{
    return syscall(SYS_open_by_handle_at, -1, NULL, 0);
}

static long open_a_file(void)
{
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static long make_a_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long become_another(void)
{
    return syscall(SYS_setuid, getuid());
}

static long read_flags(void)
{
    return fcntl(STDOUT_FILENO, F_GETFL) < 0 ? -1 : 0;
}

/* clang-format off */
static const struct {
    const char *name;
    attempt try;
    int front; /* errno, 0 or KILLED */
    int token;
    int core;
} cases[] = {
    /* what                             how                              front    token   core */
    { "signal another process",         signal_parent,                   KILLED,  EPERM,  0 },
    { "signal another's thread",        signal_parents_thread,           KILLED,  EPERM,  0 },
    { "signal any thread",              signal_any_thread,               KILLED,  EPERM,  EPERM },
    { "signal by descriptor",           signal_by_descriptor,            KILLED,  EPERM,  EPERM },
    { "signal itself",                  signal_itself,                   0,       0,      0 },
    { "have another signalled",         have_parent_signalled,           KILLED,  EPERM,  EPERM },
    { "have another signalled, ioctl",  have_parent_signalled_by_ioctl,  KILLED,  EPERM,  EPERM },
    { "type into a terminal",           type_into_terminal,              KILLED,  EPERM,  EPERM },
    { "the same, longer number",        type_with_a_longer_number,       KILLED,  EPERM,  EPERM },
    { "run a program",                  run_program,                     KILLED,  EPERM,  0 },
    { "make a namespace",               make_namespace,                  KILLED,  EPERM,  EPERM },
    { "make one by clone",              make_namespace_by_clone,         KILLED,  EPERM,  EPERM },
    { "make one by clone3",             make_namespace_by_clone3,        KILLED,  ENOSYS, ENOSYS },
    { "limit another process",          limit_parent,                    KILLED,  EPERM,  EPERM },
    { "use a ring",                     use_a_ring,                      KILLED,  EPERM,  EPERM },
    { "load a kernel",                  load_a_kernel,                   KILLED,  EPERM,  EPERM },
    { "advise another process",         advise_another,                  KILLED,  EPERM,  EPERM },
    { "open by handle",                 open_by_handle,                  KILLED,  EPERM,  EPERM },
    { "open a file",                    open_a_file,                     KILLED,  0,      0 },
    { "make a socket",                  make_a_socket,                   KILLED,  0,      0 },
    { "change the user",                become_another,                  KILLED,  0,      0 },
    { "read a descriptor's flags",      read_flags,                      0,       0,      0 },
};
/* clang-format on */

static int outcome(ch_call_list list, attempt try)
{
    int status = 0;
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        ch_gaps gaps = {0};
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        ch_confine_calls(list, &gaps);
        if (gaps.list.count > 0)
            _exit(255);
        _exit(try() < 0 ? errno : 0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? KILLED : WEXITSTATUS(status);
}

START_TEST(test_what_a_process_must_not_do_is_refused)
{
    if (CH_IS_SANITIZED)
        return;
    ck_assert_msg(outcome(CH_CALLS_FRONT, cases[_i].try) == cases[_i].front, "front: %s", cases[_i].name);
    ck_assert_msg(outcome(CH_CALLS_TOKEN, cases[_i].try) == cases[_i].token, "token: %s", cases[_i].name);
    ck_assert_msg(outcome(CH_CALLS_CORE, cases[_i].try) == cases[_i].core, "core: %s", cases[_i].name);
}
END_TEST

START_TEST(test_capabilities_are_gone_for_good)
{
    int status = 0;
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct sets[2] = {{0}};
        ch_gaps gaps = {0};
        ch_confine_capabilities(1U << CAP_KILL, &gaps);
        if (gaps.list.count > 0 || syscall(SYS_capget, &header, sets) != 0)
            _exit(1);
        _exit((sets[0].permitted & ~(1U << CAP_KILL)) != 0 || sets[1].permitted != 0 || sets[0].inheritable != 0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

CH_TESTS("confine", CH_TEST_ROWS(test_what_a_process_must_not_do_is_refused, cases),
         CH_TEST(test_capabilities_are_gone_for_good))
