/* unlock and lock: one frame to core over the operator socket, and its answer. The PIN goes through a pipe whose read
 * end is passed with the frame, so that it is never in a message. */
#include "base/buffer.h"
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/output.h"
#include "cli/secret_input.h"
#include "wire/channel.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_WAIT_MS 30000
#define UNLOCK_WAIT_MS 60000 /* unlock --wait */
#define RETRY_AFTER_US 300000

#define auto_channel __attribute__((cleanup(ch_channel_close))) ch_channel

static ch_status connect_operator(const ch_arguments *arguments, ch_channel *channel, ch_error *err)
{
    int fd = -1;
    CH_TRY(ch_connect_operator(arguments, &fd, err));
    ch_channel_open(channel, fd);
    return CH_OK;
}

typedef struct operator_answer {
    ch_error outcome;
    size_t count; /* of answers that came */
} operator_answer;

static ch_status take_answer(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    operator_answer *self = context;
    ch_operator_done_frame done;
    CH_TRY(ch_operator_done_frame_get(frame, &done, err));
    self->outcome = done.outcome;
    return self->count++ == 0 ? CH_OK : ch_fail(err, CH_INTERNAL, "two answers came to one request");
}

static unsigned state_of(const void *self)
{
    (void)self;
    return CH_WHILE_WAITING;
}

static ch_status read_answer(ch_packet *packet, ch_error *err)
{
    static const ch_handler handlers[] = {
        {CH_FRAME_OPERATOR_DONE, take_answer}
    };
    static const ch_receiver receiver = {
        .direction = CH_CORE_TO_OPERATOR, .handlers = handlers, .handler_count = 1, .state = state_of};
    operator_answer answer = {.outcome = CH_ERROR_INIT};
    if (ch_packet_take(packet, &receiver, &answer, err) != CH_OK)
        return ch_error_wrap(err, "the agent's answer cannot be read; are chancery-agent and chancery of the same "
                                  "version?");
    if (answer.outcome.status != CH_OK)
        *err = answer.outcome;
    return answer.outcome.status;
}

/* Two tries, because core answers and closes at once if it turns somebody away. If that crosses with our request, the
 * kernel reports a reset first and returns the answer only at the next receive. */
static ch_status wait_for_answer(ch_channel *channel, ch_error *err)
{
    for (int failures = 0;;) {
        struct pollfd wait = {.fd = channel->fd, .events = POLLIN};
        int ready = poll(&wait, 1, ANSWER_WAIT_MS);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0)
            return ch_fail_errno(err, "waiting for the agent");
        if (ready == 0)
            return ch_fail(err, CH_UNAVAILABLE,
                           "the agent did not answer within %d seconds; 'chancery status' shows whether it was done",
                           ANSWER_WAIT_MS / 1000);
        ch_packet packet;
        ch_status st = ch_channel_receive(channel, &packet, err);
        if (st == CH_OK && packet.bytes.size > 0)
            return read_answer(&packet, err);
        if (st != CH_OK && ++failures == 2)
            return ch_error_wrap(err, "the agent hung up without an answer");
    }
}

/* Sends the request that was written to the channel, and waits for the answer. */
static ch_status exchange(ch_channel *channel, ch_error *err)
{
    if (ch_channel_flush(channel, err) == CH_OK)
        return wait_for_answer(channel, err);
    /* Core sends the reason to somebody whom it turns away, and closes before it reads: the reason may be there. */
    ch_error reason = CH_ERROR_INIT;
    if (wait_for_answer(channel, &reason) == CH_REFUSED)
        *err = reason;
    return err->status;
}

static ch_status unlock(ch_channel *channel, const char *token, const ch_secret *pin, ch_error *err)
{
    int pin_fd = -1;
    ch_unlock_frame request = {.version = CH_FRAMES_VERSION, .token = ch_slice_of(token)};
    CH_TRY(ch_secret_to_pipe(pin, &pin_fd, err));
    ch_channel_attach(channel, pin_fd);
    CH_TRY(ch_unlock_frame_put(ch_channel_out(channel), 0, &request, err));
    return exchange(channel, err);
}

static ch_status lock(ch_channel *channel, const char *token, ch_error *err)
{
    ch_lock_frame request = {.version = CH_FRAMES_VERSION, .token = ch_slice_of(token)};
    CH_TRY(ch_lock_frame_put(ch_channel_out(channel), 0, &request, err));
    return exchange(channel, err);
}

static const char *token_argument(const ch_arguments *arguments)
{
    return arguments->positional_count == 0 ? "" : arguments->positional[0];
}

static void report(const char *token, const char *what)
{
    fputs(what, stdout);
    if (*token != '\0')
        fputs(": ", stdout);
    ch_output_text(token);
    puts(*token == '\0' ? "." : "");
}

static ch_status unlock_once(const ch_arguments *arguments, const char *token, const ch_secret *pin, ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    CH_TRY(connect_operator(arguments, &channel, err));
    return unlock(&channel, token, pin, err);
}

/* An agent that does not run, or a token that is not there yet, may come. Nothing else is tried again, a PIN least of
 * all. */
static ch_status unlock_patiently(const ch_arguments *arguments, const char *token, const ch_secret *pin, ch_error *err)
{
    uint64_t end_ms = ch_clock_ms() + UNLOCK_WAIT_MS;
    ch_status st = unlock_once(arguments, token, pin, err);
    while (st == CH_UNAVAILABLE && ch_clock_ms() < end_ms) {
        usleep(RETRY_AFTER_US);
        st = unlock_once(arguments, token, pin, err);
    }
    return st;
}

static ch_status run_unlock(const ch_arguments *arguments, ch_error *err)
{
    const char *token = token_argument(arguments);
    bool is_patient = arguments->option[CH_OPT_WAIT] != NULL;
    ch_autobuffer prompt = CH_BUFFER_INIT;
    ch_autosecret pin = CH_SECRET_INIT;
    ch_buffer_add_format(&prompt, "User PIN%s%.64s: ", *token == '\0' ? "" : " of token ", token);
    ch_input_question question = {
        .descriptor = CH_OPT_PIN_FD, .name = "the user PIN", .prompt = ch_buffer_text(&prompt)};
    auto_channel channel = CH_CHANNEL_CLOSED;
    /* Connected before the PIN is typed, so that an agent that does not run costs nobody the typing. */
    if (!is_patient)
        CH_TRY(connect_operator(arguments, &channel, err));
    CH_TRY(ch_input_secret(arguments, &question, NULL, &pin, err));
    CH_TRY(is_patient ? unlock_patiently(arguments, token, &pin, err) : unlock(&channel, token, &pin, err));
    report(token, "Unlocked");
    return CH_OK;
}

static ch_status run_lock(const ch_arguments *arguments, ch_error *err)
{
    const char *token = token_argument(arguments);
    auto_channel channel = CH_CHANNEL_CLOSED;
    if (arguments->option[CH_OPT_ALL] != NULL && *token != '\0')
        return ch_fail(err, CH_BAD_INPUT, "give either a token or --all");
    CH_TRY(connect_operator(arguments, &channel, err));
    CH_TRY(lock(&channel, token, err));
    report(token, *token == '\0' ? "Locked every token" : "Locked");
    return CH_OK;
}

/* ---- the commands ---- */

/* clang-format off */
const ch_command ch_commands_of_operator[] = {
    {
        .name = "unlock",
        .syntax = {.positional = "[TOKEN]", .positional_max = 1,
                   .options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(PIN_FD) |
                              CH_OPTION(WAIT)},
        .summary = "let the agent sign with a token",
        .details = "Passes the user PIN of TOKEN, a name from agent.yaml, to the agent. TOKEN can be\n"
                   "left out if there is only one. You must be an operator in the agent's policy.",
        .examples = "  chancery unlock main\n"
                    "  chancery unlock --pin-fd 3 3<pin\n",
        .run = run_unlock,
    },
    {
        .name = "lock",
        .syntax = {.positional = "[TOKEN | --all]", .positional_max = 1,
                   .options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(ALL)},
        .summary = "stop signing with a token",
        .details = "Has the agent log out of TOKEN, or of every token: with --all, and also without\n"
                   "either.",
        .examples = "  chancery lock main\n"
                    "  chancery lock --all\n",
        .run = run_lock,
    },
    {0},
};
/* clang-format on */
