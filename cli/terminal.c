/* To know before a change: the signals that end or stop a program are held back while the echo is off and let through
 * only inside ppoll. So a signal can not fall between looking and waiting, and the terminal is always put back before
 * one takes effect. */
#include "cli/terminal.h"

#include "cli/interrupt.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const int held_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGPIPE, SIGTSTP};
#define HELD_COUNT (sizeof held_signals / sizeof held_signals[0])

static volatile sig_atomic_t caught_signal;

static void note_signal(int number)
{
    caught_signal = number;
}

/* A terminal, and how it and the signals were before they were held. */
typedef struct terminal {
    int fd;
    bool is_known; /* `before` is */
    struct termios before;
    struct termios silent; /* `before` without echo */
    sigset_t mask_before;
    struct sigaction action_before[HELD_COUNT];
} terminal;

static ch_status terminal_open(terminal *tty, ch_error *err)
{
    tty->fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    return tty->fd >= 0 ? CH_OK : ch_fail(err, CH_BAD_INPUT, "there is no terminal to ask on");
}

static void terminal_close(terminal *tty)
{
    if (tty->fd >= 0)
        close(tty->fd);
}
#define auto_terminal __attribute__((cleanup(terminal_close))) terminal

static void terminal_write(const terminal *tty, const char *text)
{
    /* A prompt that can't be shown is not a reason to fail. */
    ch_ignore(write(tty->fd, text, strlen(text)));
}

static void terminal_hold(terminal *tty)
{
    /* In the background: stop until `fg`, and only then look at the settings, which until then are the shell's own. */
    if (tcgetpgrp(tty->fd) != getpgrp())
        kill(getpid(), SIGTTIN);
    tty->is_known = tcgetattr(tty->fd, &tty->before) == 0;
    tty->silent = tty->before;
    tty->silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    tty->silent.c_lflag |= ICANON | ISIG;
    struct sigaction note = {.sa_handler = note_signal};
    sigset_t held;
    sigemptyset(&held);
    for (size_t i = 0; i < HELD_COUNT; i++)
        sigaddset(&held, held_signals[i]);
    sigprocmask(SIG_BLOCK, &held, &tty->mask_before);
    caught_signal = 0;
    for (size_t i = 0; i < HELD_COUNT; i++) {
        sigaction(held_signals[i], NULL, &tty->action_before[i]);
        if (tty->action_before[i].sa_handler != SIG_IGN)
            sigaction(held_signals[i], &note, NULL);
    }
}

/* Ctrl-Z stops a whole pipeline or script at once, and its shell may have taken the terminal back before us, so that
 * SIGTTOU would stop us with the echo still off. What the shell has set itself by then stays. */
static void put_back(const terminal *tty)
{
    struct termios now;
    sigset_t output;
    sigemptyset(&output);
    sigaddset(&output, SIGTTOU);
    sigprocmask(SIG_BLOCK, &output, NULL);
    if (tty->is_known && tcgetattr(tty->fd, &now) == 0 && now.c_lflag == tty->silent.c_lflag)
        tcsetattr(tty->fd, TCSAFLUSH, &tty->before);
}

static void terminal_release(terminal *tty)
{
    put_back(tty);
    for (size_t i = 0; i < HELD_COUNT; i++)
        sigaction(held_signals[i], &tty->action_before[i], NULL);
    /* Sent again, so that it takes its effect now: the program ends, or stops and later goes on here. */
    if (caught_signal != 0)
        kill(getpid(), caught_signal);
    sigprocmask(SIG_SETMASK, &tty->mask_before, NULL);
}

static bool wait_for_line(const terminal *tty)
{
    struct pollfd wait = {.fd = tty->fd, .events = POLLIN};
    int ready = -1;
    while (caught_signal == 0 && ready < 0) {
        ready = ppoll(&wait, 1, NULL, &tty->mask_before);
        if (ready < 0 && errno != EINTR)
            break;
    }
    return caught_signal == 0 && ready > 0;
}

static bool is_ready(const terminal *tty)
{
    struct pollfd look = {.fd = tty->fd, .events = POLLIN};
    return poll(&look, 1, 0) > 0;
}

static ch_status fail_interrupted(ch_error *err)
{
    return ch_fail(err, CH_REFUSED, "interrupted; nothing was changed");
}

/* Asks and reads, in silence. Returns what read(2) does, or -1 if a signal came or the terminal failed. More is waiting
 * if several lines were pasted; it is thrown away when the settings are put back. */
static ssize_t read_silently(const terminal *tty, const char *prompt, const ch_secret *line, bool *is_more_waiting)
{
    if (!tty->is_known || tcsetattr(tty->fd, TCSAFLUSH, &tty->silent) != 0)
        return -1;
    terminal_write(tty, prompt);
    ssize_t got = wait_for_line(tty) ? read(tty->fd, line->data, line->size) : -1;
    *is_more_waiting = got > 0 && is_ready(tty);
    terminal_write(tty, "\n");
    return got;
}

ch_status ch_terminal_ask_secret(const char *prompt, const char *name, const ch_secret *line, size_t *size_bytes,
                                 ch_error *err)
{
    assert(line->data != NULL);
    auto_terminal tty;
    CH_TRY(terminal_open(&tty, err));
    ssize_t got;
    bool is_interrupted;
    bool is_more_waiting = false;
    do {
        terminal_hold(&tty);
        got = read_silently(&tty, prompt, line, &is_more_waiting);
        is_interrupted = caught_signal != 0;
        terminal_release(&tty);
    } while (is_interrupted && !ch_interrupt_came());
    /* A terminal that hangs up is at its end of file, and its signal may be seen only now. */
    if (is_interrupted || (got <= 0 && ch_interrupt_came()))
        return fail_interrupted(err);
    if (got < 0)
        return ch_fail(err, CH_IO, "the terminal failed while asking for %s", name);
    if (got == 0)
        return ch_fail(err, CH_BAD_INPUT, "%s is missing: the terminal is at its end of file", name);
    /* The kernel drops what does not fit its line, and keeps the line end: a full line may have been cut. */
    if (line->data[got - 1] != '\n' || (size_t)got == line->size)
        return ch_fail(err, CH_BAD_INPUT, "%s is too long for a terminal; pipe it in", name);
    if (is_more_waiting)
        return ch_fail(err, CH_BAD_INPUT, "more than one line was pasted for %s; paste one line, or pipe it in", name);
    *size_bytes = (size_t)got - 1;
    return CH_OK;
}

/* The kernel wakes who reads from a terminal that hangs up before it sends the signal. */
static bool has_hung_up(const terminal *tty)
{
    struct pollfd look = {.fd = tty->fd, .events = POLLIN};
    return poll(&look, 1, 0) > 0 && (look.revents & POLLHUP) != 0;
}

ch_status ch_terminal_ask(const char *question, char *answer, size_t capacity, ch_error *err)
{
    auto_terminal tty;
    CH_TRY(terminal_open(&tty, err));
    terminal_write(&tty, question);
    ssize_t got = read(tty.fd, answer, capacity - 1);
    answer[got > 0 ? got : 0] = '\0';
    if (got <= 0 && has_hung_up(&tty))
        return fail_interrupted(err);
    return CH_OK;
}
