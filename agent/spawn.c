/* Between fork and exec only async-signal-safe calls are made, though core has one thread: it keeps the door open. */
#include "agent/spawn.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void ch_process_init(ch_process *process, const char *role)
{
    *process = (ch_process){.role = role, .channel = {.fd = -1}};
}

bool ch_process_is_up(const ch_process *process)
{
    return process->pid != 0;
}

static void run_child(int channel_fd, const char *program, pid_t parent)
{
    const char *name = strrchr(program, '/') + 1;
    char *const arguments[] = {(char *)name, NULL};
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent)
        _exit(1); /* core died before the line above */
    /* dup2 onto itself would keep close-on-exec. */
    int moved = channel_fd == CH_CHILD_FD ? dup(channel_fd) : channel_fd;
    if (moved < 0 || dup2(moved, CH_CHILD_FD) < 0)
        _exit(1);
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0)
        _exit(1);
    (void)close_range(CH_CHILD_FD + 1, ~0U, 0);
    (void)execv(program, arguments);
    _exit(1);
}

/* Beside the running program, as in a build folder, or as installed: bin/ and libexec/ have the same parent. */
static ch_status find_program(const char *role, char *path, size_t capacity, ch_error *err)
{
    ssize_t length = readlink("/proc/self/exe", path, capacity - 1);
    if (length <= 0)
        return ch_fail_errno(err, "finding out which program runs");
    path[length] = '\0';
    char *name = strrchr(path, '/') + 1;
    (void)snprintf(name, capacity - (size_t)(name - path), "chancery-%s", role);
    if (access(path, X_OK) == 0)
        return CH_OK;
    (void)snprintf(name, capacity - (size_t)(name - path), "../libexec/chancery/chancery-%s", role);
    return access(path, X_OK) == 0 ? CH_OK : ch_fail_errno(err, "looking for the program %s", path);
}

static void wait_before_restart(ch_process *process, uint64_t now_ms)
{
    bool was_quick = now_ms - process->started_ms < CH_QUICK_DEATH_MS;
    process->quick_deaths = was_quick ? process->quick_deaths + 1 : 1;
    uint64_t wait_ms = CH_RESTART_MIN_MS;
    for (unsigned i = 1; i < process->quick_deaths && wait_ms < CH_RESTART_MAX_MS; i++)
        wait_ms *= 2;
    process->restart_at_ms = now_ms + (wait_ms < CH_RESTART_MAX_MS ? wait_ms : CH_RESTART_MAX_MS);
}

ch_status ch_process_start(ch_process *process, uint64_t now_ms, ch_error *err)
{
    int ends[2];
    char program[PATH_MAX];
    process->started_ms = now_ms;
    ch_status found = find_program(process->role, program, sizeof program, err);
    if (found != CH_OK) {
        wait_before_restart(process, now_ms);
        return found;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        wait_before_restart(process, now_ms);
        return ch_fail_errno(err, "making a channel for the %s process", process->role);
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        run_child(ends[1], program, parent);
    (void)close(ends[1]);
    if (pid < 0) {
        ch_status st = ch_fail_errno(err, "starting the %s process", process->role);
        (void)close(ends[0]);
        wait_before_restart(process, now_ms);
        return st;
    }
    process->pid = pid;
    ch_channel_open(&process->channel, ends[0]);
    return CH_OK;
}

void ch_process_end(ch_process *process, uint64_t now_ms)
{
    ch_channel_close(&process->channel);
    if (process->pid == 0)
        return;
    (void)kill(process->pid, SIGKILL);
    /* Not waited for: a module stuck in a driver may die late, and core must not. ch_process_reap gets it. */
    (void)waitpid(process->pid, NULL, WNOHANG);
    process->pid = 0;
    wait_before_restart(process, now_ms);
}

void ch_process_schedule(uint64_t slice_ns)
{
    /* The C library has no wrapper. A refusal costs speed only. */
    struct sched_attr wish = {.size = sizeof wish, .sched_policy = SCHED_BATCH, .sched_runtime = slice_ns};
    (void)syscall(SYS_sched_setattr, 0, &wish, 0);
}

pid_t ch_process_reap(int *wait_status)
{
    pid_t pid = waitpid(-1, wait_status, WNOHANG);
    return pid > 0 ? pid : 0;
}
