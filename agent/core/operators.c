/* A session is one request and its answer: an operator's CLI connects, asks, is answered, and is gone. */
#include "agent/core/core.h"

#include "base/log.h"
#include "policy/decide.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void ch_operators_init(ch_core *core)
{
    for (size_t i = 0; i < CH_OPERATORS_MAX; i++)
        core->operators[i].channel.fd = -1;
}

static void close_session(ch_operator_session *session)
{
    ch_channel_close(&session->channel);
    session->left = 0;
}

/* A link may still hold on to a session whose operator left: forget it there. */
static void abandon_session(ch_core *core, ch_operator_session *session)
{
    for (size_t i = 0; i < core->link_count; i++) {
        if (core->links[i].operator_session == session)
            core->links[i].operator_session = NULL;
    }
    close_session(session);
}

static void send_answer(ch_operator_session *session, const ch_error *answer)
{
    ch_error err = CH_ERROR_INIT;
    ch_buffer *out = ch_channel_out(&session->channel);
    size_t begin = ch_frame_begin(out, CH_FRAME_OPERATOR_DONE, 0);
    ch_frame_error(out, answer);
    ch_status st = ch_frame_end(out, begin, &err);
    if (st == CH_OK)
        st = ch_channel_flush(&session->channel, &err);
    if (st != CH_OK)
        ch_log("answering an operator: %s", err.message);
    close_session(session);
}

void ch_operator_answer(ch_operator_session *session, const ch_error *outcome)
{
    if (session == NULL || session->left == 0)
        return;
    if (session->answer.status == CH_OK)
        session->answer = *outcome;
    if (--session->left == 0)
        send_answer(session, &session->answer);
}

void ch_operators_accept(ch_core *core)
{
    ch_error err = CH_ERROR_INIT;
    ch_peer peer;
    int fd = accept4(core->operator_listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    size_t index = 0;
    while (index < CH_OPERATORS_MAX && core->operators[index].channel.fd >= 0)
        index++;
    ch_status st = ch_peer_identify(fd, &peer, &err);
    if (st != CH_OK || index == CH_OPERATORS_MAX) {
        ch_log("turned an operator away: %s", st != CH_OK ? err.message : "too many at once");
        (void)close(fd);
        return;
    }
    ch_operator_session *session = &core->operators[index];
    *session = (ch_operator_session){.left = 1};
    ch_channel_open(&session->channel, fd);
    if (!ch_policy_is_operator(&core->policy, &peer)) {
        (void)ch_fail_rule(&err, CH_REFUSED, "operator", "user %u is not an operator in the policy",
                           (unsigned)peer.uid);
        ch_log("%s", err.message);
        ch_operator_answer(session, &err);
    } else if (ch_core_watch(core, fd, CH_TAG(CH_TAG_OPERATOR, index), &err) != CH_OK) {
        ch_operator_answer(session, &err);
    }
}

/* A pipe and nothing else: a file or socket could keep core waiting. */
static ch_status read_pin(int fd, ch_secret *pin, ch_error *err)
{
    struct stat facts;
    if (fd < 0 || fstat(fd, &facts) != 0 || !S_ISFIFO(facts.st_mode))
        return ch_fail(err, CH_BAD_INPUT, "an unlock must bring the PIN in a pipe");
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        return ch_fail_errno(err, "preparing the PIN's pipe");
    return ch_secret_read(pin, fd, 256, err);
}

static void unlock(ch_core *core, ch_operator_session *session, ch_slice name, int fd)
{
    ch_error err = CH_ERROR_INIT;
    ch_autosecret pin = CH_SECRET_INIT;
    size_t index = name.size == 0 && core->link_count == 1 ? 0 : ch_config_find_token(&core->config, name);
    ch_status st = index < core->link_count
                       ? read_pin(fd, &pin, &err)
                       : ch_fail(&err, CH_NOT_FOUND, "there is no token '%.*s' in agent.yaml; name one of its tokens",
                                 CH_SLICE_ARGS(name));
    if (st == CH_OK)
        ch_link_unlock(&core->links[index], &pin, session);
    else
        ch_operator_answer(session, &err);
}

static void lock(ch_core *core, ch_operator_session *session, ch_slice name)
{
    ch_error err = CH_ERROR_INIT;
    size_t index = ch_config_find_token(&core->config, name);
    if (name.size == 0) {
        session->left = core->link_count;
        for (size_t i = 0; i < core->link_count; i++)
            ch_link_lock(&core->links[i], session);
    } else if (index < core->link_count) {
        ch_link_lock(&core->links[index], session);
    } else {
        (void)ch_fail(&err, CH_NOT_FOUND, "there is no token '%.*s' in agent.yaml", CH_SLICE_ARGS(name));
        ch_operator_answer(session, &err);
    }
}

static void on_frame(ch_core *core, ch_operator_session *session, ch_frame *frame, int fd)
{
    ch_error err = CH_ERROR_INIT;
    uint32_t version = ch_frame_read_u32(frame);
    ch_slice name = ch_frame_read_bytes(frame);
    if (!ch_frame_done(frame) || version != CH_FRAME_VERSION)
        (void)ch_fail(&err, CH_BAD_INPUT, "this chancery and this agent are of different versions");
    else if (frame->type != CH_FRAME_UNLOCK && frame->type != CH_FRAME_LOCK)
        (void)ch_fail(&err, CH_BAD_INPUT, "frame %u is not an operator's to send", frame->type);
    if (err.status != CH_OK)
        ch_operator_answer(session, &err);
    else if (frame->type == CH_FRAME_UNLOCK)
        unlock(core, session, name, fd);
    else
        lock(core, session, name);
}

void ch_operator_receive(ch_core *core, size_t index)
{
    ch_operator_session *session = &core->operators[index];
    ch_error err = CH_ERROR_INIT;
    ch_slice packet;
    ch_frame frame;
    int fd = -1;
    if (session->channel.fd < 0)
        return;
    ch_status st = ch_channel_receive(&session->channel, &packet, &fd, &err);
    if (st == CH_OK && session->is_asked && packet.size != 0)
        st = ch_fail(&err, CH_BAD_INPUT, "one request a session");
    if (st != CH_OK) {
        abandon_session(core, session);
    } else if (packet.size != 0) {
        session->is_asked = true;
        if (ch_frame_next(&packet, &frame) && packet.size == 0) {
            on_frame(core, session, &frame, fd);
        } else {
            (void)ch_fail(&err, CH_BAD_INPUT, "this is not an operator's frame");
            ch_operator_answer(session, &err);
        }
    }
    if (fd >= 0)
        (void)close(fd);
}
