/* To know before a change: with posix_spawn the program shares no page with this process, which may hold another secret
 * already; a fork would copy those. Signals are read from a descriptor, so none can fall between looking and waiting.
 */
#include "cli/program.h"

#include "base/clock.h"
#include "base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define TERM_MS 500 /* how long it may take to end when it is asked to */
#define LOOK_MS 10

extern char **environ;

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- signals and the terminal ---- */

static ch_status hold(ch_program *program, ch_error *err)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigaddset(&held, SIGQUIT);
    sigaddset(&held, SIGPIPE); /* of a program that has left */
    sigprocmask(SIG_BLOCK, &held, &program->mask_before);
    sigdelset(&held, SIGPIPE);
    program->signals = signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
    if (program->signals < 0) {
        sigprocmask(SIG_SETMASK, &program->mask_before, NULL);
        return ch_fail_errno(err, "making a signal descriptor");
    }
    program->terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (program->terminal >= 0 && tcgetattr(program->terminal, &program->before) != 0)
        close_one(&program->terminal);
    return CH_OK;
}

/* A program that was ended leaves the terminal without echo. SIGTTOU would stop us, if the shell has the terminal. */
static void put_back_terminal(ch_program *program)
{
    sigset_t output;
    sigset_t before;
    if (program->terminal < 0)
        return;
    sigemptyset(&output);
    sigaddset(&output, SIGTTOU);
    sigprocmask(SIG_BLOCK, &output, &before);
    tcsetattr(program->terminal, TCSAFLUSH, &program->before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    close_one(&program->terminal);
}

static void drop_broken_pipe(void)
{
    sigset_t pipe;
    const struct timespec now = {0};
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    while (sigtimedwait(&pipe, NULL, &now) == SIGPIPE) {
    }
}

static void release(ch_program *program)
{
    if (program->signals < 0)
        return;
    close_one(&program->signals);
    put_back_terminal(program);
    drop_broken_pipe();
    if (program->caught != 0)
        kill(getpid(), program->caught);
    sigprocmask(SIG_SETMASK, &program->mask_before, NULL);
}

/* ---- start and end ---- */

/* The program reads from the terminal if `input` is -1. */
static ch_status spawn(ch_program *program, const char *path, char *const *words, int input, int output, ch_error *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    if (input >= 0)
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    else
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, program->terminal >= 0 ? "/dev/tty" : "/dev/null",
                                         O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawnattr_setsigmask(&attributes, &program->mask_before);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    int failure = posix_spawn(&program->pid, path, &actions, &attributes, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (failure == 0)
        return CH_OK;
    program->pid = 0;
    errno = failure;
    return ch_fail_errno(err, "running %s", program->path);
}

static ch_status start_talking(ch_program *program, const char *path, char *const *words, int output, ch_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ch_fail_errno(err, "making a pipe");
    program->in = ends[1];
    ch_status st = spawn(program, path, words, ends[0], output, err);
    close(ends[0]);
    return st;
}

static ch_status start(ch_program *program, const char *path, char *const *words, ch_program_input input, ch_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ch_fail_errno(err, "making a pipe");
    program->out = ends[0];
    ch_status st = input == CH_PROGRAM_PIPE ? start_talking(program, path, words, ends[1], err)
                                            : spawn(program, path, words, -1, ends[1], err);
    close(ends[1]);
    return st;
}

ch_status ch_program_start(const char *path, char *const *words, ch_program_input input, ch_program *out, ch_error *err)
{
    ch_autotrusted file = CH_TRUSTED_CLOSED;
    *out = (ch_program)CH_PROGRAM_NONE;
    out->path = path;
    out->end_ms = ch_clock_ms() + CH_PROGRAM_TIMEOUT_S * 1000;
    if (path[0] != '/')
        return ch_fail(err, CH_BAD_INPUT, "the path of a program that asks for a secret must be absolute");
    if (ch_trust_file(path, &file, err) != CH_OK)
        return ch_error_wrap(err, "the program that is to ask for the secret");
    CH_TRY(hold(out, err));
    return start(out, file.path, words, input, err);
}

static bool has_ended(const ch_program *program, int *status)
{
    return waitpid(program->pid, status, WNOHANG) == program->pid;
}

/* A program that asks on the terminal may have put it into a mode of its own, and gets a moment to put it back. */
static void end(ch_program *program)
{
    int status;
    uint64_t end_ms = ch_clock_ms() + TERM_MS;
    if (program->pid == 0)
        return;
    kill(program->pid, SIGTERM);
    while (!has_ended(program, &status)) {
        if (ch_clock_ms() > end_ms)
            kill(program->pid, SIGKILL);
        poll(NULL, 0, LOOK_MS);
    }
    program->pid = 0;
}

void ch_program_close(ch_program *program)
{
    close_one(&program->in);
    close_one(&program->out);
    end(program);
    release(program);
}

/* ---- talking ---- */

/* Waits until something can be read from `fd`, or until `ms` have passed if that is less than is left. */
static ch_status await(ch_program *program, int fd, int ms, ch_error *err)
{
    struct signalfd_siginfo came;
    uint64_t now_ms = ch_clock_ms();
    uint64_t left_ms = program->end_ms > now_ms ? program->end_ms - now_ms : 0;
    struct pollfd wait[] = {
        {.fd = program->signals, .events = POLLIN},
        {.fd = fd,               .events = POLLIN},
    };
    if (left_ms == 0)
        return ch_fail(err, CH_REFUSED, "%s did not answer within %d s; nothing was done", program->path,
                       CH_PROGRAM_TIMEOUT_S);
    ch_ignore(poll(wait, 2, ms >= 0 && (uint64_t)ms < left_ms ? ms : (int)left_ms) >= 0);
    if (read(program->signals, &came, sizeof came) != (ssize_t)sizeof came)
        return CH_OK;
    program->caught = (int)came.ssi_signo;
    return ch_fail(err, CH_REFUSED, "interrupted; nothing was done");
}

ch_status ch_program_write(ch_program *program, const char *text, ch_error *err)
{
    size_t size = strlen(text);
    if (write(program->in, text, size) == (ssize_t)size)
        return CH_OK;
    return ch_fail(err, CH_IO, "%s has ended, or takes no input", program->path);
}

static ch_status read_byte(ch_program *program, uint8_t *byte, bool *is_end, ch_error *err)
{
    struct pollfd look = {.fd = program->out, .events = POLLIN};
    while (poll(&look, 1, 0) <= 0)
        CH_TRY(await(program, program->out, -1, err));
    ssize_t got = read(program->out, byte, 1);
    if (got < 0)
        return ch_fail_errno(err, "reading what %s says", program->path);
    *is_end = got == 0;
    return CH_OK;
}

ch_status ch_program_read_line(ch_program *program, const ch_secret *line, size_t *size_bytes, bool *is_end,
                               ch_error *err)
{
    for (*size_bytes = 0; *size_bytes < line->size; (*size_bytes)++) {
        CH_TRY(read_byte(program, &line->data[*size_bytes], is_end, err));
        if (*is_end || line->data[*size_bytes] == '\n')
            return CH_OK;
    }
    return ch_fail(err, CH_TOO_LARGE, "%s wrote a line of more than %zu bytes", program->path, line->size - 1);
}

ch_status ch_program_wait(ch_program *program, ch_error *err)
{
    int status = 0;
    close_one(&program->in);
    while (!has_ended(program, &status))
        CH_TRY(await(program, -1, LOOK_MS, err));
    program->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return CH_OK;
    return ch_fail(err, CH_REFUSED, "%s was left, or has failed; nothing was done", program->path);
}
