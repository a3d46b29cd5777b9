/* Between fork and exec only async-signal-safe calls are made: core has other threads, and any of them may hold a lock
 * at the fork, which nobody releases in the child. */
#include "agent/spawn.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/trust.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_named_in(const char *variable, char *const *variables)
{
    size_t size = strcspn(variable, "=") + 1;
    while (*variables != NULL && strncmp(*variables, variable, size) != 0)
        variables++;
    return *variables != NULL;
}

static size_t count_of(char *const *variables)
{
    size_t count = 0;
    while (variables[count] != NULL)
        count++;
    return count;
}

/* Our own environment, with `variables` beside it or in its place. The caller frees the list, and nothing in it. */
static char **make_environment(char *const *variables)
{
    char **made = ch_alloc((count_of(environ) + count_of(variables) + 1) * sizeof *made);
    size_t count = 0;
    for (char **own = environ; *own != NULL; own++) {
        if (!is_named_in(*own, variables))
            made[count++] = *own;
    }
    memcpy(&made[count], variables, count_of(variables) * sizeof *made);
    return made;
}

static void run_child(int channel_fd, int output_fd, const char *program, char *const *environment, pid_t parent)
{
    const char *name = strrchr(program, '/') + 1;
    const char *debug = ch_log_is_debug() ? CH_CHILD_DEBUG : NULL;
    char *const arguments[] = {(char *)name, (char *)debug, NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent)
        _exit(1); /* core died before the line above */
    setsid();     /* no terminal */
    /* Out of the way of the numbers that are filled below; and dup2 onto itself would keep close-on-exec. */
    int channel = fcntl(channel_fd, F_DUPFD, CH_CHILD_FD + 1);
    int output = fcntl(output_fd, F_DUPFD, CH_CHILD_FD + 1);
    int null = open("/dev/null", O_RDONLY);
    if (channel < 0 || output < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0)
        _exit(1);
    if (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0 || dup2(channel, CH_CHILD_FD) < 0)
        _exit(1);
    close_range(CH_CHILD_FD + 1, ~0U, 0);
    execve(program, arguments, environment);
    _exit(1);
}

/* A token's process is handed PINs, so nobody else may be able to put another program in its place. */
static ch_status check_program(const char *path, ch_error *err)
{
    ch_autotrusted program = CH_TRUSTED_CLOSED;
    return ch_trust_file(path, &program, err);
}

/* Beside the running program, as in a build folder, or as installed: bin/ and libexec/ have the same parent. */
static ch_status find_program(const char *role, char *path, size_t capacity, ch_error *err)
{
    ssize_t length = readlink("/proc/self/exe", path, capacity - 1);
    if (length <= 0)
        return ch_fail_errno(err, "finding out which program runs");
    path[length] = '\0';
    char *name = strrchr(path, '/') + 1;
    snprintf(name, capacity - (size_t)(name - path), "chancery-%s", role);
    if (access(path, X_OK) == 0)
        return check_program(path, err);
    snprintf(name, capacity - (size_t)(name - path), "../libexec/chancery/chancery-%s", role);
    return access(path, X_OK) == 0 ? check_program(path, err) : ch_fail_errno(err, "looking for the program %s", path);
}

ch_status ch_spawn_check(const char *role, ch_error *err)
{
    char program[PATH_MAX];
    return find_program(role, program, sizeof program, err);
}

/* Only the end that core reads must not wait: what the child writes to may be handed on. */
static ch_status make_channels(const char *role, int ends[2], int output[2], ch_error *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return ch_fail_errno(err, "making a channel for the %s process", role);
    if (pipe2(output, O_CLOEXEC) == 0) {
        fcntl(output[0], F_SETFL, O_NONBLOCK);
        return CH_OK;
    }
    ch_status st = ch_fail_errno(err, "making a pipe for what the %s process writes", role);
    close(ends[0]);
    close(ends[1]);
    return st;
}

ch_status ch_spawn(const char *role, char *const *variables, ch_spawned *out, ch_error *err)
{
    char program[PATH_MAX];
    int ends[2];
    int output[2];
    CH_TRY(find_program(role, program, sizeof program, err));
    CH_TRY(make_channels(role, ends, output, err));
    char *const none[] = {NULL};
    char **environment = make_environment(variables == NULL ? none : variables);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        run_child(ends[1], output[1], program, environment, parent);
    ch_status st = pid > 0 ? CH_OK : ch_fail_errno(err, "starting the %s process", role);
    free(environment);
    close(ends[1]);
    close(output[1]);
    *out = (ch_spawned){.pid = pid, .channel_fd = ends[0], .output_fd = output[0]};
    if (st == CH_OK)
        return CH_OK;
    close(ends[0]);
    close(output[0]);
    return st;
}

int ch_spawn_channel(void)
{
    fcntl(CH_CHILD_FD, F_SETFD, FD_CLOEXEC);
    return CH_CHILD_FD;
}

void ch_spawn_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, WNOHANG); /* if it dies later, ch_spawn_reap gets it */
}

pid_t ch_spawn_reap(int *wait_status)
{
    pid_t pid = waitpid(-1, wait_status, WNOHANG);
    return pid > 0 ? pid : 0;
}

void ch_spawn_schedule(uint64_t slice_ns)
{
    /* The C library has no wrapper. A refusal costs speed only. */
    struct sched_attr wish = {.size = sizeof wish, .sched_policy = SCHED_BATCH, .sched_runtime = slice_ns};
    syscall(SYS_sched_setattr, 0, &wish, 0);
}
