/* To know before a change: all secrets of a command may come from one pipe, so no read may take a byte more than the
 * secret that it is for. */
#include "cli/secret_input.h"

#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define PEM_MAX_BYTES 16000

/* ---- a line becomes a secret ---- */

/* Copies the `size_bytes` of a line to `out`, without the CR that it may end with. */
static ch_status keep_line(const ch_secret *line, size_t size_bytes, const char *name, ch_secret *out, ch_error *err)
{
    if (size_bytes > 0 && line->data[size_bytes - 1] == '\r')
        size_bytes--;
    if (size_bytes == 0)
        return ch_fail(err, CH_BAD_INPUT, "%s is empty", name);
    CH_TRY(ch_secret_alloc(out, size_bytes, err));
    memcpy(out->data, line->data, size_bytes);
    return CH_OK;
}

static ch_status ask_once(const char *prompt, const char *name, ch_secret *out, ch_error *err)
{
    ch_autosecret line = CH_SECRET_INIT;
    size_t size_bytes = 0;
    CH_TRY(ch_secret_alloc(&line, LINE_MAX_BYTES, err));
    CH_TRY(ch_terminal_ask_secret(prompt, name, &line, &size_bytes, err));
    return keep_line(&line, size_bytes, name, out, err);
}

static ch_status ask_on_terminal(const ch_input_question *question, ch_secret *out, ch_error *err)
{
    ch_autosecret again = CH_SECRET_INIT;
    CH_TRY(ask_once(question->prompt, question->name, out, err));
    if (!question->is_asked_twice)
        return CH_OK;
    CH_TRY(ask_once("Once more, the same: ", question->name, &again, err));
    if (again.size != out->size || CRYPTO_memcmp(again.data, out->data, out->size) != 0)
        return ch_fail(err, CH_BAD_INPUT, "the two entries of %s differ; nothing was changed", question->name);
    return CH_OK;
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
            return ch_fail(err, CH_BAD_INPUT, "%s is missing: the input ended before it", name);
        if (got == 0 || line.data[filled] == '\n')
            return keep_line(&line, filled, name, out, err);
        if (++filled == line.size)
            return ch_fail(err, CH_TOO_LARGE, "%s is longer than %d bytes", name, LINE_MAX_BYTES - 1);
    }
}

/* ---- descriptors ---- */

static bool has_pem_begin(const ch_secret *secret)
{
    static const char begin[] = "-----BEGIN ";
    return memmem(secret->data, secret->size, begin, sizeof begin - 1) != NULL;
}

static ch_status read_pem(int fd, const char *name, ch_secret *out, ch_error *err)
{
    if (ch_secret_read(out, fd, PEM_MAX_BYTES, err) != CH_OK)
        return ch_error_wrap(err, "%s", name);
    if (!has_pem_begin(out))
        return ch_fail(err, CH_BAD_INPUT, "%s is not PEM: it has no line -----BEGIN ...-----", name);
    return CH_OK;
}

static ch_status read_descriptor(int fd, const ch_input_question *question, ch_secret *out, ch_error *err)
{
    if (question->is_pem)
        return read_pem(fd, question->name, out, err);
    CH_TRY(read_line(fd, question->name, out, err));
    if (has_pem_begin(out))
        return ch_fail(err, CH_BAD_INPUT,
                       "there is a PEM file in the place of %s. Import a private key with --pem; pass it with "
                       "--secret-fd 3 3<FILE and the PIN separately, or with the PIN as the line before it",
                       question->name);
    return CH_OK;
}

static ch_status read_named_descriptor(const ch_arguments *arguments, const ch_input_question *question, ch_secret *out,
                                       ch_error *err)
{
    const char *option = ch_option_at(question->descriptor)->name;
    unsigned fd = 0;
    CH_TRY(ch_option_number(arguments, question->descriptor, 65535, &fd, err));
    if (fcntl((int)fd, F_GETFD) < 0)
        return ch_fail(err, CH_BAD_INPUT,
                       "the descriptor of --%s is not open; give the number of an open one, as in --%s 3 3<FILE",
                       option, option);
    return read_descriptor((int)fd, question, out, err);
}

/* "--pin-fd 0" takes standard input for that secret; the others then come from the terminal. */
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

/* ---- the order of the three ---- */

static ch_status read_secret(const ch_arguments *arguments, const ch_input_question *question, ch_secret *out,
                             ch_error *err)
{
    if (arguments->option[question->descriptor] != NULL)
        return read_named_descriptor(arguments, question, out, err);
    if (is_stdin_piped() && !is_stdin_claimed(arguments))
        return read_descriptor(STDIN_FILENO, question, out, err);
    if (question->is_pem)
        return ch_fail(err, CH_BAD_INPUT, "a PEM file can't be typed; pass it with --secret-fd 3 3<FILE");
    if (ask_on_terminal(question, out, err) != CH_OK)
        return ch_error_wrap(err, "no %s (pipe it in, or give --%s N)", question->name + strlen("the "),
                             ch_option_at(question->descriptor)->name);
    return CH_OK;
}

ch_status ch_input_secret(const ch_arguments *arguments, const ch_input_question *question, ch_secret *out,
                          ch_error *err)
{
    ch_status st = read_secret(arguments, question, out, err);
    if (st != CH_OK)
        ch_secret_wipe(out);
    return st;
}

ch_status ch_input_confirm(const char *question, ch_error *err)
{
    char answer[16];
    if (ch_terminal_ask(question, answer, sizeof answer, err) != CH_OK)
        return ch_fail(err, CH_BAD_INPUT, "there is no terminal to ask for confirmation; confirm with --yes");
    if (strcmp(answer, "yes\n") == 0 || strcmp(answer, "y\n") == 0)
        return CH_OK;
    return ch_fail(err, CH_REFUSED, "not confirmed; nothing was changed");
}
