/* The operators' ends. */
#include "tests/fuzz/play.h"

#include "agent/core/approval.h"
#include "base/buffer.h"
#include "tests/fuzz/core.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/play_impl.h"
#include "wire/frames.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct operator_end {
    int fd; /* -1: not connected */
    bool has_asked;
    unsigned answers;
} operator_end;

static operator_end operators[FUZZ_OPERATORS_MAX];
static uint8_t shown[CH_APPROVAL_DIGEST_SIZE]; /* the digest of the request that core has shown last */

static void see_frame(operator_end *at, const ch_frame *frame)
{
    ch_frame copy = *frame;
    ch_approval_is_frame approval;
    ch_error err = CH_ERROR_INIT;
    FUZZ_CHECK(at->answers == 0);
    at->answers += frame->type == CH_FRAME_OPERATOR_DONE;
    if (frame->type != CH_FRAME_APPROVAL_IS)
        return;
    FUZZ_CHECK(ch_approval_is_frame_get(&copy, &approval, &err) == CH_OK && approval.digest.size == sizeof shown);
    memcpy(shown, approval.digest.data, sizeof shown);
}

/* An operator is answered once; it may hear of progress before. */
void fuzz_operators_read(void)
{
    ch_packet packet;
    ch_frame frame;
    for (size_t i = 0; i < FUZZ_OPERATORS_MAX; i++) {
        operator_end *at = &operators[i];
        while (fuzz_receive(at->fd, CH_CORE_TO_OPERATOR, &packet)) {
            while (ch_frame_next(&packet.bytes, &frame))
                see_frame(at, &frame);
        }
    }
}

void fuzz_operators_check(void)
{
    char byte;
    for (size_t i = 0; i < FUZZ_OPERATORS_MAX; i++) {
        const operator_end *at = &operators[i];
        if (at->fd >= 0 && at->has_asked && at->answers == 0)
            FUZZ_CHECK(recv(at->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0 || errno == ECONNRESET);
    }
}

void fuzz_operators_begin(void)
{
    for (size_t i = 0; i < FUZZ_OPERATORS_MAX; i++)
        operators[i] = (operator_end){.fd = -1};
    memset(shown, 0, sizeof shown);
}

void fuzz_operator_leave(size_t session)
{
    operator_end *at = &operators[session % FUZZ_OPERATORS_MAX];
    if (at->fd >= 0)
        close(at->fd);
    *at = (operator_end){.fd = -1};
}

void fuzz_operator_connect(size_t session)
{
    fuzz_operator_leave(session);
    operators[session % FUZZ_OPERATORS_MAX].fd = fuzz_core_connect_operator();
}

#define VERSION_AT 16 /* every frame of operators begins with its version */

/* Seeds outlive versions: a frame of an older one is sent as of this one. Newer ones stay what they are. */
static void renew_version(ch_buffer *packet)
{
    uint32_t version;
    if (packet->size < VERSION_AT + sizeof version)
        return;
    memcpy(&version, packet->data + VERSION_AT, sizeof version);
    if (version < CH_FRAMES_VERSION)
        version = CH_FRAMES_VERSION;
    memcpy(packet->data + VERSION_AT, &version, sizeof version);
}

/* Seeds need not know digests. */
static void set_digest(ch_buffer *packet)
{
    static const uint8_t zeros[sizeof shown];
    ch_frame frame;
    ch_error err = CH_ERROR_INIT;
    ch_approval_give_frame give;
    ch_approval_deny_frame deny;
    ch_slice bytes = ch_buffer_slice(packet);
    ch_slice digest = CH_LITERAL("");
    if (!ch_frame_next(&bytes, &frame))
        return;
    if (frame.type == CH_FRAME_APPROVAL_GIVE && ch_approval_give_frame_get(&frame, &give, &err) == CH_OK)
        digest = give.digest;
    else if (frame.type == CH_FRAME_APPROVAL_DENY && ch_approval_deny_frame_get(&frame, &deny, &err) == CH_OK)
        digest = deny.digest;
    if (digest.size == sizeof shown && memcmp(digest.data, zeros, sizeof zeros) == 0)
        memcpy(packet->data + (digest.data - packet->data), shown, sizeof shown);
}

bool fuzz_operator_send(size_t session, ch_slice packet, int fd, bool is_doubled)
{
    int fds[2] = {fd, fd};
    ch_autobuffer sent = CH_BUFFER_INIT;
    ch_buffer_add_slice(&sent, packet);
    renew_version(&sent);
    set_digest(&sent);
    size_t size = fd < 0 ? 0 : is_doubled ? sizeof fds : sizeof fds[0];
    union {
        char space[CMSG_SPACE(sizeof fds)];
        struct cmsghdr align;
    } control = {
        .align = {.cmsg_len = CMSG_LEN(size), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}
    };
    memcpy(CMSG_DATA(&control.align), fds, size);
    struct iovec bytes = {.iov_base = sent.data, .iov_len = sent.size};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
    if (size > 0) {
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(size);
    }
    operator_end *at = &operators[session % FUZZ_OPERATORS_MAX];
    bool is_sent = sendmsg(at->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
    at->has_asked = at->has_asked || is_sent;
    return is_sent;
}

int fuzz_pipe_with(ch_slice bytes)
{
    int ends[2];
    FUZZ_CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    size_t size = bytes.size < 4096 ? bytes.size : 4096;
    FUZZ_CHECK(size == 0 || write(ends[1], bytes.data, size) == (ssize_t)size);
    close(ends[1]);
    return ends[0];
}

void fuzz_operator_unlock(void)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_unlock_frame unlock = {.version = CH_FRAMES_VERSION, .token = CH_LITERAL("main")};
    FUZZ_CHECK(ch_unlock_frame_put(&packet, 0, &unlock, &err) == CH_OK);
    int pin = fuzz_pipe_with(CH_LITERAL("1234"));
    fuzz_operator_connect(0);
    (void)fuzz_operator_send(0, ch_buffer_slice(&packet), pin, false);
    close(pin);
}

void fuzz_operator_lock(void)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_lock_frame lock = {.version = CH_FRAMES_VERSION};
    FUZZ_CHECK(ch_lock_frame_put(&packet, 0, &lock, &err) == CH_OK);
    fuzz_operator_connect(0);
    (void)fuzz_operator_send(0, ch_buffer_slice(&packet), -1, false);
}
