/* To know before a change: all secrets of a command may come from one pipe, so no read of a PIN may take a byte of what
 * comes next. */
#include "cli/secret_input.h"

#include "base/credential.h"
#include "base/memory.h"
#include "base/printable.h"
#include "base/slice.h"
#include "cli/asking.h"
#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define PEM_BEGIN "-----BEGIN "
#define PINENTRY "/usr/bin/pinentry"
#define ASK_PASSWORD "/usr/bin/systemd-ask-password"

/* ---- a line becomes a PIN ---- */

/* A PIN may hold any character that can be typed, spaces too, but neither line ends nor what editors put before text.
 */
static ch_status check_pin(ch_slice line, const char *name, ch_error *err)
{
    if (line.size == 0)
        return ch_fail(err, CH_BAD_INPUT, "%s is empty", name);
    if (memmem(line.data, line.size, PEM_BEGIN, strlen(PEM_BEGIN)) != NULL)
        return ch_fail(
            err, CH_BAD_INPUT,
            "there is a PEM file in the place of %s. Pass a private key with --secret-fd 3 3<FILE and the PIN "
            "separately, or with the PIN as the line before it",
            name);
    if (ch_slice_begins(line, CH_LITERAL("\xef\xbb\xbf")))
        return ch_fail(err, CH_BAD_INPUT, "%s begins with a byte order mark; save the file as UTF-8 without one", name);
    if (ch_slice_begins(line, CH_LITERAL("\xff\xfe")) || ch_slice_begins(line, CH_LITERAL("\xfe\xff")) ||
        ch_slice_find(line, '\0') != NULL)
        return ch_fail(err, CH_BAD_INPUT, "%s is UTF-16, or has NUL bytes; save the file as plain UTF-8", name);
    if (ch_slice_find(line, '\r') != NULL)
        return ch_fail(err, CH_BAD_INPUT, "%s has a carriage return in it; remove it from the file: tr -d '\\r'", name);
    return CH_OK;
}

/* Copies the `size_bytes` of a line to `out`, without the CR that it may end with. */
static ch_status keep_pin(const ch_secret *line, size_t size_bytes, const char *name, ch_secret *out, ch_error *err)
{
    if (size_bytes > 0 && line->data[size_bytes - 1] == '\r')
        size_bytes--;
    CH_TRY(check_pin((ch_slice){line->data, size_bytes}, name, err));
    CH_TRY(ch_secret_alloc(out, size_bytes, err));
    memcpy(out->data, line->data, size_bytes);
    return CH_OK;
}

/* ---- what is typed ---- */

/* A way to ask a person. */
typedef struct asker {
    ch_option option; /* CH_OPT_PINENTRY, CH_OPT_ASK_PASSWORD; CH_OPT_COUNT: the terminal */
    const char *program;
} asker;

static ch_status ask_line(const asker *by, const char *prompt, const ch_input_question *question, const ch_secret *line,
                          size_t *size_bytes, ch_error *err)
{
    if (by->option == CH_OPT_PINENTRY)
        return ch_pinentry_ask(by->program, prompt, question->name, line, size_bytes, err);
    if (by->option == CH_OPT_ASK_PASSWORD)
        return ch_ask_password_ask(by->program, prompt, question->name, line, size_bytes, err);
    return ch_terminal_ask_secret(prompt, question->name, line, size_bytes, err);
}

/* Returns CH_OK also after a slip of whoever types, such as an empty line, and sets `slip`. */
static ch_status ask_once(const asker *by, const char *prompt, const ch_input_question *question, ch_secret *out,
                          ch_error *slip, ch_error *err)
{
    ch_autosecret line = CH_SECRET_INIT;
    size_t size_bytes = 0;
    CH_TRY(ch_secret_alloc(&line, LINE_MAX_BYTES, err));
    CH_TRY(ask_line(by, prompt, question, &line, &size_bytes, err));
    if (question->rest_max_bytes == 0) {
        ch_ignore(keep_pin(&line, size_bytes, question->name, out, slip));
        return CH_OK;
    }
    if (size_bytes == 0) {
        ch_error_set(slip, CH_BAD_INPUT, "", "%s is empty", question->name);
        return CH_OK;
    }
    CH_TRY(ch_secret_alloc(out, size_bytes, err));
    memcpy(out->data, line.data, size_bytes);
    return CH_OK;
}

static ch_status ask_and_compare(const asker *by, const ch_input_question *question, ch_secret *out, ch_error *slip,
                                 ch_error *err)
{
    ch_autosecret again = CH_SECRET_INIT;
    CH_TRY(ask_once(by, question->prompt, question, out, slip, err));
    if (!question->is_asked_twice || slip->status != CH_OK)
        return CH_OK;
    CH_TRY(ask_once(by, "Once more, the same: ", question, &again, slip, err));
    if (slip->status == CH_OK && (again.size != out->size || CRYPTO_memcmp(again.data, out->data, out->size) != 0))
        ch_error_set(slip, CH_BAD_INPUT, "", "the two entries of %s differ; nothing was changed", question->name);
    return CH_OK;
}

static ch_status ask(const asker *by, const ch_input_question *question, ch_secret *out, ch_error *err)
{
    for (;;) {
        ch_error slip = CH_ERROR_INIT;
        CH_TRY(ask_and_compare(by, question, out, &slip, err));
        if (slip.status == CH_OK)
            return CH_OK;
        ch_secret_wipe(out);
        if (!question->is_asked_again) {
            *err = slip;
            return slip.status;
        }
        fprintf(stderr, "%s.\n", slip.message);
    }
}

/* ---- descriptors ---- */

static ch_status fail_missing(const char *name, ch_error *err)
{
    return ch_fail(err, CH_BAD_INPUT, "%s is missing: the input ended before it", name);
}

/* Byte by byte: what follows the line belongs to the next secret and must stay in the pipe. */
static ch_status read_line(int fd, const char *name, ch_secret *out, ch_error *err)
{
    ch_autosecret line = CH_SECRET_INIT;
    CH_TRY(ch_secret_alloc(&line, LINE_MAX_BYTES, err));
    size_t filled = 0;
    for (;;) {
        ssize_t got = read(fd, line.data + filled, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ch_fail_errno(err, "reading %s", name);
        if (got == 0 && filled == 0)
            return fail_missing(name, err);
        if (got == 0 || line.data[filled] == '\n')
            return keep_pin(&line, filled, name, out, err);
        if (++filled == line.size)
            return ch_fail(err, CH_TOO_LARGE, "%s is longer than %d bytes", name, LINE_MAX_BYTES - 1);
    }
}

/* Another line would mean that the PIN was cut in two, or that something else was passed. Does not wait for a writer
 * that keeps the pipe open: who types into a pipe has typed the PIN. */
static ch_status expect_end(int fd, const char *name, ch_error *err)
{
    ch_autosecret byte = CH_SECRET_INIT;
    struct pollfd look = {.fd = fd, .events = POLLIN};
    CH_TRY(ch_secret_alloc(&byte, 1, err));
    while (poll(&look, 1, 0) > 0 && (look.revents & POLLIN) != 0 && read(fd, byte.data, 1) == 1) {
        if (byte.data[0] != '\n' && byte.data[0] != '\r')
            return ch_fail(err, CH_BAD_INPUT, "something follows the line of %s; pass one line, and nothing else",
                           name);
    }
    return CH_OK;
}

/* One byte more than allowed is read, so that a full room means too much. */
static ch_status read_rest(int fd, const ch_input_question *question, ch_secret *out, ch_error *err)
{
    ch_autosecret room = CH_SECRET_INIT;
    size_t filled = 0;
    ssize_t got = 1;
    CH_TRY(ch_secret_alloc(&room, question->rest_max_bytes + 1, err));
    while (filled < room.size && got != 0) {
        got = read(fd, room.data + filled, room.size - filled);
        if (got < 0 && errno != EINTR)
            return ch_fail_errno(err, "reading %s", question->name);
        filled += got > 0 ? (size_t)got : 0;
    }
    if (filled == 0)
        return fail_missing(question->name, err);
    if (filled == room.size)
        return ch_fail(err, CH_TOO_LARGE, "%s is longer than %zu bytes", question->name, question->rest_max_bytes);
    CH_TRY(ch_secret_alloc(out, filled, err));
    memcpy(out->data, room.data, filled);
    return CH_OK;
}

/* ---- which of them ---- */

/* "--pin-fd 0" takes standard input for that secret; the others then come from the terminal. */
static bool is_stdin_claimed(const ch_arguments *arguments)
{
    static const ch_option options[] = {CH_OPT_PIN_FD, CH_OPT_CODE_FD, CH_OPT_SO_PIN_FD, CH_OPT_SECRET_FD,
                                        CH_OPT_PAYLOAD_FD};
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

static ch_status find_named(const ch_arguments *arguments, ch_option descriptor, int *out, ch_error *err)
{
    const char *option = ch_option_at(descriptor)->name;
    unsigned fd = 0;
    CH_TRY(ch_option_number(arguments, descriptor, 65535, &fd, err));
    if (fcntl((int)fd, F_GETFD) < 0)
        return ch_fail(err, CH_BAD_INPUT,
                       "--%s names a descriptor that is not open; open it first, as in: --%s 3 3<FILE", option, option);
    *out = (int)fd;
    return CH_OK;
}

static asker find_asker(const ch_arguments *arguments)
{
    if (arguments->option[CH_OPT_PINENTRY] != NULL)
        return (asker){CH_OPT_PINENTRY, ch_option_program(arguments, CH_OPT_PINENTRY, PINENTRY)};
    if (arguments->option[CH_OPT_ASK_PASSWORD] != NULL)
        return (asker){CH_OPT_ASK_PASSWORD, ch_option_program(arguments, CH_OPT_ASK_PASSWORD, ASK_PASSWORD)};
    return (asker){CH_OPT_COUNT, NULL};
}

static bool is_credential(const ch_arguments *arguments, const ch_input_question *question)
{
    return question->descriptor == CH_OPT_PIN_FD && arguments->option[CH_OPT_CREDENTIAL] != NULL;
}

/* Two ways for one PIN: whoever gave both would be surprised by either. A program may ask for what a descriptor or a
 * credential is not for. */
static ch_status check_ways(const ch_arguments *arguments, ch_error *err)
{
    static const ch_option pairs[][2] = {
        {CH_OPT_PIN_FD,   CH_OPT_CREDENTIAL  },
        {CH_OPT_PINENTRY, CH_OPT_ASK_PASSWORD},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (arguments->option[pairs[i][0]] != NULL && arguments->option[pairs[i][1]] != NULL)
            return ch_fail(err, CH_BAD_INPUT, "give either --%s or --%s", ch_option_at(pairs[i][0])->name,
                           ch_option_at(pairs[i][1])->name);
    }
    return CH_OK;
}

ch_status ch_input_check_no_pin(const ch_arguments *arguments, ch_error *err)
{
    static const ch_option ways[] = {CH_OPT_PIN_FD, CH_OPT_CREDENTIAL, CH_OPT_PINENTRY, CH_OPT_ASK_PASSWORD};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (arguments->option[ways[i]] != NULL)
            return ch_fail(err, CH_BAD_INPUT, "give either --%s or --no-pin", ch_option_at(ways[i])->name);
    }
    return CH_OK;
}

/* Sets `*out` to the descriptor that answers `question`, or to -1 if something else does. */
static ch_status find_source(const ch_arguments *arguments, const ch_input_question *question, int *out, ch_error *err)
{
    *out = -1;
    if (arguments->option[question->descriptor] != NULL)
        return find_named(arguments, question->descriptor, out, err);
    bool is_asked = question->rest_max_bytes == 0 && find_asker(arguments).program != NULL;
    if (!is_credential(arguments, question) && !is_asked && is_stdin_piped() && !is_stdin_claimed(arguments))
        *out = STDIN_FILENO;
    return CH_OK;
}

static ch_status read_descriptor(const ch_arguments *arguments, int fd, const ch_input_question *question,
                                 const ch_input_question *next, ch_secret *out, ch_error *err)
{
    int next_fd = -1;
    if (question->rest_max_bytes != 0)
        return read_rest(fd, question, out, err);
    if (next != NULL)
        CH_TRY(find_source(arguments, next, &next_fd, err));
    CH_TRY(read_line(fd, question->name, out, err));
    return next_fd == fd ? CH_OK : expect_end(fd, question->name, err);
}

static ch_status read_credential(const ch_arguments *arguments, const ch_input_question *question, ch_secret *out,
                                 ch_error *err)
{
    ch_autosecret line = CH_SECRET_INIT;
    CH_TRY(ch_credential_read(arguments->option[CH_OPT_CREDENTIAL], LINE_MAX_BYTES - 1, &line, err));
    if (ch_slice_find((ch_slice){line.data, line.size}, '\n') != NULL)
        return ch_fail(err, CH_BAD_INPUT, "the credential of %s has more than one line", question->name);
    return keep_pin(&line, line.size, question->name, out, err);
}

static ch_status ask_somebody(const ch_arguments *arguments, const ch_input_question *question, ch_secret *out,
                              ch_error *err)
{
    const asker by = find_asker(arguments);
    if (question->prompt == NULL)
        return ch_fail(err, CH_BAD_INPUT, "%s can't be typed; %s", question->name, question->not_typed);
    ch_status st = ask(&by, question, out, err);
    if (st == CH_OK || by.program != NULL)
        return st;
    return ch_error_wrap(err, "no %s (pipe it in, or give --%s N)", question->name + strlen("the "),
                         ch_option_at(question->descriptor)->name);
}

static ch_status read_secret(const ch_arguments *arguments, const ch_input_question *question,
                             const ch_input_question *next, ch_secret *out, ch_error *err)
{
    int fd = -1;
    CH_TRY(check_ways(arguments, err));
    CH_TRY(find_source(arguments, question, &fd, err));
    if (fd >= 0)
        return read_descriptor(arguments, fd, question, next, out, err);
    if (is_credential(arguments, question))
        return read_credential(arguments, question, out, err);
    return ask_somebody(arguments, question, out, err);
}

ch_status ch_input_secret(const ch_arguments *arguments, const ch_input_question *question,
                          const ch_input_question *next, ch_secret *out, ch_error *err)
{
    ch_status st = read_secret(arguments, question, next, out, err);
    if (st != CH_OK)
        ch_secret_wipe(out);
    return st;
}

ch_status ch_input_confirm(const char *question, ch_error *err)
{
    char answer[16];
    ch_autofree char *printable = ch_strdup(question);
    ch_make_printable(printable);
    if (ch_terminal_ask(printable, answer, sizeof answer, err) != CH_OK)
        return ch_fail(err, CH_BAD_INPUT, "there is no terminal to ask for confirmation; confirm with --yes");
    if (strcmp(answer, "yes\n") == 0 || strcmp(answer, "y\n") == 0)
        return CH_OK;
    return ch_fail(err, CH_REFUSED, "not confirmed; nothing was changed");
}
