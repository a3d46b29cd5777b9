/* unlock and lock: one frame to core over the operator socket, and its answer. The PIN goes in a pipe whose read end is
 * passed beside the frame, so that it never stands in a message. */
#include "base/memory.h"
#include "wire/frame.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/secret_input.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_WAIT_MS 30000

static ch_status connect_operator(const ch_arguments *arguments, ch_channel *channel, ch_error *err)
{
    ch_autofree char *path = ch_option_operator_socket(arguments);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return ch_fail(err, CH_BAD_INPUT, "the socket path '%s' is longer than a socket's name may be", path);
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ch_fail_errno(err, "making a socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        ch_status st = ch_fail(err, CH_UNAVAILABLE,
                               "no agent answers at %s (%s); is chancery-agent running there, and may you "
                               "reach it? --operator-socket or CHANCERY_OPERATOR_SOCK give another path",
                               path, strerror(errno));
        (void)close(fd);
        return st;
    }
    ch_channel_open(channel, fd);
    return CH_OK;
}

static ch_status read_answer(ch_slice packet, ch_error *err)
{
    ch_frame frame;
    ch_error answer = CH_ERROR_INIT;
    if (!ch_frame_next(&packet, &frame) || packet.size != 0 || frame.type != CH_FRAME_OPERATOR_DONE)
        return ch_fail(err, CH_INTERNAL, "the agent's answer can't be read; are agent and chancery of one version?");
    ch_status st = ch_frame_read_error(&frame, &answer);
    if (!ch_frame_done(&frame))
        return ch_fail(err, CH_INTERNAL, "the agent's answer is cut short");
    if (st != CH_OK)
        *err = answer;
    return st;
}

/* Core answers and closes at once when it turns somebody away. If that crosses with our request, the kernel reports a
 * reset first and gives the answer only at the next receive: hence two tries. */
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
                           "the agent did not answer within %d seconds; 'chancery status' tells whether it was done",
                           ANSWER_WAIT_MS / 1000);
        ch_slice packet;
        int fd = -1;
        ch_status st = ch_channel_receive(channel, &packet, &fd, err);
        if (fd >= 0)
            (void)close(fd);
        if (st == CH_OK && packet.size > 0)
            return read_answer(packet, err);
        if (st != CH_OK && ++failures == 2)
            return ch_error_wrap(err, "the agent hung up without an answer");
    }
}

/* Sends the request, with `pin` beside it if there is one, and waits for what came of it. */
static ch_status exchange(ch_channel *channel, ch_frame_type type, const char *token, const ch_secret *pin,
                          ch_error *err)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_buffer *out = pin == NULL ? ch_channel_out(channel) : &packet;
    int pin_fd = -1;
    size_t begin = ch_frame_begin(out, type, 0);
    ch_frame_u32(out, CH_FRAME_VERSION);
    ch_frame_text(out, token);
    ch_status st = ch_frame_end(out, begin, err);
    if (st == CH_OK && pin != NULL)
        st = ch_secret_to_pipe(pin, &pin_fd, err);
    if (st != CH_OK)
        return st;
    st = pin == NULL ? ch_channel_flush(channel, err) : ch_channel_send_fd(channel, &packet, pin_fd, err);
    if (pin_fd >= 0)
        (void)close(pin_fd);
    if (st == CH_OK)
        return wait_for_answer(channel, err);
    /* Whom core turns away gets the reason and a closed socket before asking: the reason may wait to be read. */
    ch_error reason = CH_ERROR_INIT;
    if (wait_for_answer(channel, &reason) == CH_REFUSED)
        *err = reason;
    return err->status;
}

static void report(const char *token, const char *what)
{
    if (*token == '\0') {
        (void)printf("%s.\n", what);
        return;
    }
    (void)printf("%s: ", what);
    ch_output_text(token);
    (void)printf("\n");
}

ch_status ch_run_unlock(const ch_arguments *arguments, ch_error *err)
{
    const char *token = arguments->positional_count == 0 ? "" : arguments->positional[0];
    ch_autobuffer prompt = CH_BUFFER_INIT;
    ch_autosecret pin = CH_SECRET_INIT;
    ch_channel channel;
    ch_buffer_add_format(&prompt, "User PIN%s%.64s: ", *token == '\0' ? "" : " of token ", token);
    ch_secret_request ask_pin = {CH_OPT_PIN_FD, "the user PIN", ch_buffer_text(&prompt), false, false};
    /* Connected before the PIN is typed: an agent that is away should say so first. */
    ch_status st = connect_operator(arguments, &channel, err);
    if (st != CH_OK)
        return st;
    st = ch_secret_ask(arguments, &ask_pin, &pin, err);
    if (st == CH_OK)
        st = exchange(&channel, CH_FRAME_UNLOCK, token, &pin, err);
    ch_channel_close(&channel);
    if (st == CH_OK)
        report(token, "Unlocked");
    return st;
}

ch_status ch_run_lock(const ch_arguments *arguments, ch_error *err)
{
    bool is_all = arguments->option[CH_OPT_ALL] != NULL;
    const char *token = arguments->positional_count == 0 ? "" : arguments->positional[0];
    ch_channel channel;
    if (is_all && *token != '\0')
        return ch_fail(err, CH_BAD_INPUT, "give either a token or --all");
    ch_status st = connect_operator(arguments, &channel, err);
    if (st != CH_OK)
        return st;
    st = exchange(&channel, CH_FRAME_LOCK, token, NULL, err);
    ch_channel_close(&channel);
    if (st == CH_OK)
        report(token, *token == '\0' ? "Locked every token" : "Locked");
    return st;
}
