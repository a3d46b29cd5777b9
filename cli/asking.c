/* Assuan: the server greets with OK; to each command it answers lines of data (D), status (S) and comments (#), and
 * then OK or ERR. Data are percent-encoded. What pinentry says is read into locked memory, all of it: any line may hold
 * the secret. The numbers of errors are libgpg-error's. */
#include "cli/asking.h"

#include "base/buffer.h"
#include "base/encode.h"
#include "base/slice.h"
#include "cli/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX 4096
#define ERROR_TIMEOUT 62
#define ERROR_CANCELED 99
#define ERROR_MASK 0xffff

typedef struct dialog {
    ch_program program;
    ch_secret answer;      /* a line */
    const ch_secret *data; /* what D lines hold, put together */
    size_t size_bytes;
    const char *name;
} dialog;

static void close_dialog(dialog *self)
{
    ch_program_close(&self->program);
    ch_secret_wipe(&self->answer);
}
#define auto_dialog __attribute__((cleanup(close_dialog))) dialog

/* ---- what pinentry answers ---- */

/* Reads the byte at `at`, which is escaped if it is '%'. Returns false if the escape is malformed. */
static bool decode(ch_slice coded, size_t *at, uint8_t *byte)
{
    *byte = coded.data[(*at)++];
    if (*byte != '%')
        return true;
    int high = *at < coded.size ? ch_hex_digit(coded.data[*at]) : -1;
    int low = *at + 1 < coded.size ? ch_hex_digit(coded.data[*at + 1]) : -1;
    *byte = (uint8_t)((unsigned)high << 4 | (unsigned)low);
    *at += 2;
    return high >= 0 && low >= 0;
}

/* Does not decode into a ch_buffer, whose memory nobody locks or wipes. */
static ch_status take_data(dialog *self, ch_slice coded, ch_error *err)
{
    uint8_t byte;
    for (size_t i = 0; i < coded.size;) {
        if (!decode(coded, &i, &byte))
            return ch_fail(err, CH_IO, "%s sent data that are not percent-encoded as Assuan demands",
                           self->program.path);
        if (self->size_bytes == self->data->size)
            return ch_fail(err, CH_TOO_LARGE, "%s is longer than %zu bytes", self->name, self->data->size);
        self->data->data[self->size_bytes++] = byte;
    }
    return CH_OK;
}

static ch_status fail_by(const dialog *self, ch_slice line, ch_error *err)
{
    char number[16] = "";
    ch_slice rest = ch_slice_after(line, strlen("ERR "));
    size_t digits = ch_slice_count_digits(rest);
    snprintf(number, sizeof number, "%.*s", (int)(digits < 10 ? digits : 10), (const char *)rest.data);
    unsigned long code = strtoul(number, NULL, 10) & ERROR_MASK;
    if (code == ERROR_CANCELED)
        return ch_fail(err, CH_REFUSED, "the question for %s was cancelled; nothing was done", self->name);
    if (code == ERROR_TIMEOUT)
        return ch_fail(err, CH_REFUSED, "nobody answered the question for %s in time; nothing was done", self->name);
    return ch_fail(err, CH_IO, "%s cannot ask for %s (error %lu of libgpg-error); is there a display or a terminal?",
                   self->program.path, self->name, code);
}

/* Reads up to OK. */
static ch_status hear(dialog *self, ch_error *err)
{
    for (;;) {
        size_t size = 0;
        bool is_end = false;
        CH_TRY(ch_program_read_line(&self->program, &self->answer, &size, &is_end, err));
        const ch_slice line = {self->answer.data, size};
        if (is_end)
            return ch_fail(err, CH_IO, "%s ended without an answer", self->program.path);
        if (ch_slice_is(line, "OK") || ch_slice_begins(line, CH_LITERAL("OK ")))
            return CH_OK;
        if (ch_slice_begins(line, CH_LITERAL("ERR ")))
            return fail_by(self, line, err);
        if (ch_slice_begins(line, CH_LITERAL("D ")))
            CH_TRY(take_data(self, ch_slice_after(line, 2), err));
        else if (!ch_slice_begins(line, CH_LITERAL("S ")) && !ch_slice_begins(line, CH_LITERAL("#")))
            return ch_fail(err, CH_IO, "%s does not speak pinentry's protocol", self->program.path);
    }
}

/* ---- what it is told ---- */

static ch_status tell(dialog *self, const char *command, const char *value, ch_error *err)
{
    ch_autobuffer line = CH_BUFFER_INIT;
    ch_buffer_add_text(&line, command);
    if (value != NULL)
        ch_encode_percent(&line, ch_slice_of(value), " :/.,'-_");
    ch_buffer_add_byte(&line, '\n');
    CH_TRY(ch_program_write(&self->program, ch_buffer_text(&line), err));
    return hear(self, err);
}

/* Not every pinentry has every option, and none is needed. */
static ch_status offer(dialog *self, const char *option, const char *value, ch_error *err)
{
    ch_error refusal = CH_ERROR_INIT;
    if (value == NULL || tell(self, option, value, &refusal) == CH_OK || refusal.status == CH_IO)
        return CH_OK;
    *err = refusal;
    return err->status;
}

/* A pinentry that asks on a terminal must be told which: its standard input is our pipe. */
static ch_status introduce(dialog *self, ch_error *err)
{
    const char *terminal = ttyname(STDERR_FILENO);
    if (terminal == NULL && self->program.terminal >= 0)
        terminal = "/dev/tty";
    CH_TRY(hear(self, err));
    CH_TRY(offer(self, "OPTION ttyname=", terminal, err));
    CH_TRY(offer(self, "OPTION ttytype=", getenv("TERM"), err));
    return offer(self, "OPTION lc-ctype=", getenv("LC_ALL") != NULL ? getenv("LC_ALL") : getenv("LANG"), err);
}

ch_status ch_pinentry_ask(const char *program, const char *prompt, const char *name, const ch_secret *line,
                          size_t *size_bytes, ch_error *err)
{
    char *const words[] = {(char *)program, NULL};
    auto_dialog self = {.program = CH_PROGRAM_NONE, .answer = CH_SECRET_INIT, .data = line, .name = name};
    CH_TRY(ch_secret_alloc(&self.answer, ANSWER_MAX, err));
    CH_TRY(ch_program_start(program, words, CH_PROGRAM_PIPE, &self.program, err));
    CH_TRY(introduce(&self, err));
    CH_TRY(tell(&self, "SETTITLE ", "Chancery", err));
    CH_TRY(tell(&self, "SETDESC ", prompt, err));
    CH_TRY(tell(&self, "SETPROMPT ", strncmp(name, "the ", 4) == 0 ? name + 4 : name, err));
    CH_TRY(tell(&self, "GETPIN", NULL, err));
    *size_bytes = self.size_bytes;
    ch_ignore(ch_program_write(&self.program, "BYE\n", &(ch_error)CH_ERROR_INIT));
    return CH_OK;
}

/* ---- systemd-ask-password ---- */

ch_status ch_ask_password_ask(const char *program, const char *prompt, const char *name, const ch_secret *line,
                              size_t *size_bytes, ch_error *err)
{
    char timeout[32];
    bool is_end = false;
    char *const words[] = {(char *)program, timeout, (char *)"--id=chancery", (char *)"--", (char *)prompt, NULL};
    ch_autoprogram running = CH_PROGRAM_NONE;
    snprintf(timeout, sizeof timeout, "--timeout=%d", CH_PROGRAM_TIMEOUT_S - 1);
    CH_TRY(ch_program_start(program, words, CH_PROGRAM_TERMINAL, &running, err));
    CH_TRY(ch_program_read_line(&running, line, size_bytes, &is_end, err));
    if (ch_program_wait(&running, err) != CH_OK)
        return ch_error_wrap(err, "no answer to the question for %s", name);
    return CH_OK;
}
