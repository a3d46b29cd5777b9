/* To know before a change: the signals that end or stop a program are held back while the echo is off and let through
 * only inside ppoll, so that none can fall between looking and waiting, and the terminal is always put back before one
 * takes effect. */
#include "cli/secret_input.h"

#include "cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define PEM_MAX_BYTES 16000

static const int held_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGPIPE, SIGTSTP};
#define HELD_COUNT (sizeof held_signals / sizeof held_signals[0])

static volatile sig_atomic_t caught_signal;

static void note_signal(int number)
{
    caught_signal = number;
}

typedef struct terminal {
    int fd;
    struct termios before;
    bool is_known; /* `before` is */
    sigset_t mask_before;
    struct sigaction action_before[HELD_COUNT];
} terminal;

static ch_status terminal_open(terminal *tty, ch_error *err)
{
    tty->fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    return tty->fd >= 0 ? CH_OK : ch_fail(err, CH_BAD_INPUT, "there is no terminal to ask on");
}

static void terminal_write(const terminal *tty, const char *text)
{
    /* A prompt that can't be shown is no reason to fail. */
    ssize_t ignored = write(tty->fd, text, strlen(text));
    (void)ignored;
}

static void terminal_hold(terminal *tty)
{
    /* In the background: stop until `fg`, and only then look at the settings, which until then are the shell's own. */
    if (tcgetpgrp(tty->fd) != getpgrp())
        (void)kill(getpid(), SIGTTIN);
    tty->is_known = tcgetattr(tty->fd, &tty->before) == 0;
    struct sigaction note = {.sa_handler = note_signal};
    sigset_t held;
    (void)sigemptyset(&held);
    for (size_t i = 0; i < HELD_COUNT; i++)
        (void)sigaddset(&held, held_signals[i]);
    (void)sigprocmask(SIG_BLOCK, &held, &tty->mask_before);
    caught_signal = 0;
    for (size_t i = 0; i < HELD_COUNT; i++) {
        (void)sigaction(held_signals[i], NULL, &tty->action_before[i]);
        if (tty->action_before[i].sa_handler != SIG_IGN)
            (void)sigaction(held_signals[i], &note, NULL);
    }
}

static void terminal_release(terminal *tty)
{
    if (tty->is_known)
        (void)tcsetattr(tty->fd, TCSAFLUSH, &tty->before);
    for (size_t i = 0; i < HELD_COUNT; i++)
        (void)sigaction(held_signals[i], &tty->action_before[i], NULL);
    /* Sent again, to take its effect as it would have: the program ends, or stops and goes on here afterwards. */
    if (caught_signal != 0)
        (void)kill(getpid(), caught_signal);
    (void)sigprocmask(SIG_SETMASK, &tty->mask_before, NULL);
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

/* Takes `size_bytes` of `from` over, wiping what was there. */
static ch_status settle(ch_secret *from, size_t size_bytes, const char *name, ch_secret *out, ch_error *err)
{
    if (size_bytes > 0 && from->data[size_bytes - 1] == '\r')
        size_bytes--;
    if (size_bytes == 0)
        return ch_fail(err, CH_BAD_INPUT, "%s is empty", name);
    ch_status st = ch_secret_alloc(out, size_bytes, err);
    if (st == CH_OK)
        memcpy(out->data, from->data, size_bytes);
    return st;
}

/* One prompt; `*is_interrupted` when a signal came, which has taken effect on return. */
static ch_status terminal_ask_once(terminal *tty, const char *prompt, const char *name, ch_secret *out,
                                   bool *is_interrupted, ch_error *err)
{
    ch_autosecret line = CH_SECRET_INIT;
    ch_status st = ch_secret_alloc(&line, LINE_MAX_BYTES, err);
    if (st != CH_OK)
        return st;
    terminal_hold(tty);
    struct termios silent = tty->before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    silent.c_lflag |= ICANON | ISIG;
    ssize_t got = -1;
    if (tty->is_known && tcsetattr(tty->fd, TCSAFLUSH, &silent) == 0) {
        terminal_write(tty, prompt);
        if (wait_for_line(tty))
            got = read(tty->fd, line.data, line.size);
        terminal_write(tty, "\n");
    }
    *is_interrupted = caught_signal != 0;
    terminal_release(tty);
    if (*is_interrupted)
        return ch_fail(err, CH_BAD_INPUT, "interrupted while asking for %s", name);
    if (got < 0)
        return ch_fail(err, CH_IO, "the terminal failed while asking for %s", name);
    if (got == 0 || line.data[got - 1] != '\n')
        return ch_fail(err, CH_BAD_INPUT, "%s is %s", name,
                       got == 0 ? "missing: the terminal gave an end of file" : "too long for a terminal; pipe it in");
    return settle(&line, (size_t)got - 1, name, out, err);
}

static ch_status terminal_ask(terminal *tty, const char *prompt, const char *name, ch_secret *out, ch_error *err)
{
    bool is_interrupted = false;
    ch_status st;
    /* After Ctrl-Z and fg the question is put again. */
    do
        st = terminal_ask_once(tty, prompt, name, out, &is_interrupted, err);
    while (is_interrupted);
    return st;
}

static ch_status ask_on_terminal(const ch_secret_request *request, ch_secret *out, ch_error *err)
{
    terminal tty;
    ch_status st = terminal_open(&tty, err);
    if (st == CH_OK)
        st = terminal_ask(&tty, request->prompt, request->name, out, err);
    if (st == CH_OK && request->is_asked_twice) {
        ch_autosecret again = CH_SECRET_INIT;
        st = terminal_ask(&tty, "Once more, the same: ", request->name, &again, err);
        if (st == CH_OK && (again.size != out->size || CRYPTO_memcmp(again.data, out->data, out->size) != 0))
            st = ch_fail(err, CH_BAD_INPUT, "the two entries of %s differ; nothing was changed", request->name);
    }
    if (tty.fd >= 0)
        (void)close(tty.fd);
    if (st != CH_OK)
        ch_secret_wipe(out);
    return st;
}

/* Byte by byte: what follows the line belongs to the next secret and must stay in the pipe. */
static ch_status read_line(int fd, const char *name, ch_secret *out, ch_error *err)
{
    ch_autosecret line = CH_SECRET_INIT;
    ch_status st = ch_secret_alloc(&line, LINE_MAX_BYTES, err);
    if (st != CH_OK)
        return st;
    size_t filled = 0;
    for (;;) {
        ssize_t got = read(fd, line.data + filled, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ch_fail_errno(err, "reading %s", name);
        if (got == 0 && filled == 0)
            return ch_fail(err, CH_BAD_INPUT, "%s is missing: the input ended before it", name);
        if (got == 0 || line.data[filled] == '\n')
            return settle(&line, filled, name, out, err);
        if (++filled == line.size)
            return ch_fail(err, CH_TOO_LARGE, "%s is longer than %d bytes", name, LINE_MAX_BYTES - 1);
    }
}

static bool has_text(const ch_secret *secret, const char *text)
{
    return memmem(secret->data, secret->size, text, strlen(text)) != NULL;
}

static ch_status read_descriptor(int fd, const ch_secret_request *request, ch_secret *out, ch_error *err)
{
    static const char pem_begin[] = "-----BEGIN ";
    ch_status st;
    if (request->is_pem) {
        st = ch_secret_read(out, fd, PEM_MAX_BYTES, err);
        if (st != CH_OK)
            return ch_error_wrap(err, "%s", request->name);
        if (!has_text(out, pem_begin))
            st = ch_fail(err, CH_BAD_INPUT, "%s is not PEM: it has no line -----BEGIN ...-----", request->name);
    } else {
        st = read_line(fd, request->name, out, err);
        if (st == CH_OK && has_text(out, pem_begin))
            st = ch_fail(err, CH_BAD_INPUT,
                         "a PEM file stands where %s should be. A private key is imported with --pem; give it with "
                         "--secret-fd 3 3<FILE and the PIN apart from it, or the PIN as the line before it",
                         request->name);
    }
    if (st != CH_OK)
        ch_secret_wipe(out);
    return st;
}

/* "--pin-fd 0" takes standard input for that one; the others then go to the terminal. */
static bool is_stdin_claimed(const ch_arguments *arguments)
{
    static const ch_option options[] = {CH_OPT_PIN_FD, CH_OPT_SO_PIN_FD, CH_OPT_SECRET_FD};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const char *value = arguments->option[options[i]];
        if (value != NULL && strcmp(value, "0") == 0)
            return true;
    }
    return false;
}

static bool is_stdin_piped(void)
{
    struct stat about;
    return fstat(STDIN_FILENO, &about) == 0 && !S_ISCHR(about.st_mode);
}

ch_status ch_secret_ask(const ch_arguments *arguments, const ch_secret_request *request, ch_secret *out, ch_error *err)
{
    if (arguments->option[request->descriptor_option] != NULL) {
        unsigned fd = 0;
        ch_status st = ch_option_number(arguments, request->descriptor_option, 65535, &fd, err);
        if (st != CH_OK)
            return st;
        if (fcntl((int)fd, F_GETFD) < 0)
            return ch_fail(err, CH_BAD_INPUT,
                           "the descriptor of --%s is not open; it is a descriptor's number, as in --%s 3 3<FILE",
                           ch_option_at(request->descriptor_option)->name,
                           ch_option_at(request->descriptor_option)->name);
        return read_descriptor((int)fd, request, out, err);
    }
    if (is_stdin_piped() && !is_stdin_claimed(arguments))
        return read_descriptor(STDIN_FILENO, request, out, err);
    if (request->is_pem)
        return ch_fail(err, CH_BAD_INPUT, "a PEM file is not typed: give it with --secret-fd 3 3<FILE");
    ch_status st = ask_on_terminal(request, out, err);
    return st == CH_OK ? CH_OK
                       : ch_error_wrap(err, "no %s (pipe it in, or give --%s N)", request->name + strlen("the "),
                                       ch_option_at(request->descriptor_option)->name);
}

ch_status ch_confirm(const char *question, ch_error *err)
{
    char answer[16] = "";
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return ch_fail(err, CH_BAD_INPUT, "there is no terminal to ask on whether you are sure; say so with --yes");
    terminal tty = {.fd = fd};
    terminal_write(&tty, question);
    ssize_t got = read(fd, answer, sizeof answer - 1);
    (void)close(fd);
    if (got > 0 && (strcmp(answer, "yes\n") == 0 || strcmp(answer, "y\n") == 0))
        return CH_OK;
    return ch_fail(err, CH_REFUSED, "not confirmed; nothing was changed");
}
