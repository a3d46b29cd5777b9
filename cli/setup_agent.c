/* The programs that a set-up runs by the staged files: agent and relay to check them, and the agent to have a seed of
 * codes enrolled.
 *
 * It has a session of its own, so that Ctrl-C reaches the set-up alone, which then takes back what it made and stops
 * the agent. If the set-up is killed, the kernel stops it. */
#include "cli/client.h"
#include "cli/interrupt.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/setup_impl.h"
#include "cli/shell_word.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AGENT "chancery-agent"
#define RELAY "chancery-relay"
#define START_MS 20000
#define STOP_MS 20000
#define PAUSE_MS 50

/* ---- the programs ---- */

/* They are installed beside this one, and lie beside it in a build. */
static ch_status find_program(const char *name, ch_buffer *out, ch_error *err)
{
    char self[4096];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    if (size <= 0)
        return ch_fail_errno(err, "finding the folder of this program");
    self[size] = '\0';
    *strrchr(self, '/') = '\0';
    ch_setup_add_path(out, self, name);
    if (access(ch_buffer_text(out), X_OK) != 0)
        return ch_fail_errno(err, "there is no %s that could be run", ch_buffer_text(out));
    return CH_OK;
}

static void restore_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < SIGSYS; number++)
        signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Returns only if it fails. `log` is for both outputs. */
static void become(const char *path, char *const *words, int log, pid_t parent)
{
    setsid();
    restore_signals();
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
        return;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
        return;
    close_range(STDERR_FILENO + 1, ~0U, 0);
    execv(path, words);
}

static ch_status start(char *const *words, int log, pid_t *pid, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    pid_t parent = getpid();
    CH_TRY(find_program(words[0], &path, err));
    const char *program = ch_buffer_text(&path);
    *pid = fork();
    if (*pid == 0) {
        become(program, words, log, parent);
        _exit(127);
    }
    return *pid > 0 ? CH_OK : ch_fail_errno(err, "starting %s", program);
}

static pid_t wait_for(pid_t pid, int *status, int options)
{
    pid_t ended;
    do
        ended = waitpid(pid, status, options);
    while (ended < 0 && errno == EINTR);
    return ended;
}

/* ---- --check ---- */

static ch_status check(const ch_setup *setup, const char *program, const char *file, ch_error *err)
{
    ch_autobuffer config = CH_BUFFER_INIT;
    ch_autobuffer line = CH_BUFFER_INIT;
    pid_t pid = 0;
    int status = -1;
    ch_setup_add_path(&config, setup->stage, file);
    char *words[] = {(char *)program, "--config", (char *)ch_buffer_text(&config), "--check", NULL};
    ch_buffer_add_format(&line, "\n$ %s --config ", program);
    ch_shell_word_add(&line, words[2]);
    ch_buffer_add_text(&line, " --check\n");
    ch_output_lines(stderr, "", ch_buffer_text(&line));
    CH_TRY(start(words, STDERR_FILENO, &pid, err));
    if (wait_for(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return CH_OK;
    return ch_fail(err, CH_CONFIG, "%s does not take these files; what it says stands above", program);
}

ch_status ch_setup_programs_check(ch_setup *setup, ch_error *err)
{
    CH_TRY(check(setup, AGENT, "trial.yaml", err));
    return setup->has_relay ? check(setup, RELAY, "relay.yaml", err) : CH_OK;
}

/* ---- running ---- */

static void pause_ms(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL); /* a signal that comes ends it, and is looked at by the caller */
}

static ch_status open_log(const ch_setup *setup, ch_buffer *path, int *log, ch_error *err)
{
    ch_setup_add_path(path, setup->stage, "agent.log");
    *log = open(ch_buffer_text(path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return *log >= 0 ? CH_OK : ch_fail_errno(err, "making %s", ch_buffer_text(path));
}

/* The log is removed with the stage, so print what the agent said in it. */
static void print_log(const char *path)
{
    char text[4096];
    FILE *file = fopen(path, "re");
    size_t got;
    if (file == NULL)
        return;
    while ((got = fread(text, 1, sizeof text, file)) > 0)
        fwrite(text, 1, got, stderr);
    fclose(file);
}

static bool has_token(const ch_arguments *reach)
{
    ch_autojansson status = NULL;
    ch_error ignored = CH_ERROR_INIT;
    if (ch_client_ask(reach, "/v1/status", NULL, &status, &ignored) != CH_OK)
        return false;
    const json_t *token = json_array_get(json_object_get(status, "tokens"), 0);
    return strcmp(ch_jansson_member(token, "state"), "locked") == 0;
}

static ch_status wait_until_ready(ch_setup *setup, const ch_arguments *reach, const char *log, ch_error *err)
{
    int status;
    for (int waited_ms = 0; waited_ms < START_MS; waited_ms += PAUSE_MS) {
        if (ch_interrupt_came())
            return ch_fail(err, CH_REFUSED, "interrupted");
        if (wait_for(setup->agent, &status, WNOHANG) == setup->agent) {
            setup->agent = 0;
            break;
        }
        if (has_token(reach))
            return CH_OK;
        pause_ms(PAUSE_MS);
    }
    print_log(log);
    return ch_fail(err, CH_UNAVAILABLE, "the agent did not come up with these files; what it says stands above");
}

ch_status ch_setup_agent_start(ch_setup *setup, ch_arguments *reach, ch_error *err)
{
    ch_autobuffer config = CH_BUFFER_INIT;
    ch_autobuffer path = CH_BUFFER_INIT;
    int log = -1;
    ch_setup_add_path(&config, setup->stage, "trial.yaml");
    char *words[] = {AGENT, "--config", (char *)ch_buffer_text(&config), NULL};
    CH_TRY(open_log(setup, &path, &log, err));
    ch_status st = start(words, log, &setup->agent, err);
    close(log);
    CH_TRY(st);
    return wait_until_ready(setup, reach, ch_buffer_text(&path), err);
}

void ch_setup_agent_stop(ch_setup *setup)
{
    int status;
    if (setup->agent <= 0)
        return;
    kill(setup->agent, SIGTERM);
    for (int waited_ms = 0; waited_ms < STOP_MS; waited_ms += PAUSE_MS) {
        if (wait_for(setup->agent, &status, WNOHANG) != 0) {
            setup->agent = 0;
            return;
        }
        pause_ms(PAUSE_MS);
    }
    kill(setup->agent, SIGKILL);
    wait_for(setup->agent, &status, 0);
    setup->agent = 0;
}
