#include "tests/unit/agent/core/stage.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "tests/support/folder.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUSY_LOOKS 200
#define BUSY_LOOK_MS 10

#define PATIENCE_MS 20000
#define TURNS_TO_SETTLE 12

static ch_loop *loop;
static ch_source door; /* where stand-ins hand over their channels */
static ch_error err;

static void on_nothing(void *context)
{
    (void)context;
}

static struct sockaddr_un address_of(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ch_autofree char *path = ch_test_path(name);
    ck_assert_uint_lt(strlen(path), sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    return address;
}

int stage_listen(const char *name, int type)
{
    struct sockaddr_un address = address_of(name);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, 64), 0);
    return fd;
}

int stage_connect(const char *name, int type)
{
    struct sockaddr_un address = address_of(name);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void open_door(void)
{
    ck_assert_int_eq(setenv("CHANCERY_STANDIN", address_of("standin.sock").sun_path, 1), 0);
    door = (ch_source){.fd = stage_listen("standin.sock", SOCK_SEQPACKET), .on_ready = on_nothing};
    ck_assert_int_eq(ch_loop_watch(loop, &door, EPOLLIN, &err), CH_OK);
}

ch_loop *stage_set_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(ch_loop_new(&loop, &err), CH_OK);
    open_door();
    return loop;
}

/* ---- turns ---- */

static void turn_within(uint64_t wait_ms)
{
    ch_timer alarm = {.on_due = on_nothing};
    ch_loop_set_timer(loop, &alarm, ch_clock_ms() + wait_ms);
    ch_loop_turn(loop, 0);
    ch_loop_cancel_timer(loop, &alarm);
}

void stage_settle(void)
{
    for (size_t i = 0; i < TURNS_TO_SETTLE; i++)
        turn_within(0);
}

void stage_await(int fd)
{
    for (int i = 0; i < BUSY_LOOKS && poll(&(struct pollfd){fd, POLLIN, 0}, 1, BUSY_LOOK_MS) == 0; i++)
        stage_settle();
}

/* ---- processes ---- */

static int take_descriptor(struct msghdr *message)
{
    int fd = -1;
    struct cmsghdr *rights = CMSG_FIRSTHDR(message);
    ck_assert_ptr_nonnull(rights);
    ck_assert_int_eq(rights->cmsg_type, SCM_RIGHTS);
    memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    return fd;
}

static void take_over(int fd, stage_actor *actor)
{
    struct ucred who;
    socklen_t size = sizeof who;
    *actor = (stage_actor){.packet = {.fd = -1}};
    struct iovec bytes = {.iov_base = actor->arguments, .iov_len = sizeof actor->arguments - 1};
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size), 0);
    ck_assert_int_gt((int)recvmsg(fd, &message, MSG_CMSG_CLOEXEC), 0);
    actor->pid = who.pid;
    ch_channel_open(&actor->channel, take_descriptor(&message));
    char nothing;
    ck_assert_int_eq((int)recv(fd, &nothing, 1, 0), 0);
    close(fd);
}

void stage_meet(stage_actor *actor)
{
    uint64_t end_ms = ch_clock_ms() + PATIENCE_MS;
    int fd;
    while ((fd = accept4(door.fd, NULL, NULL, SOCK_CLOEXEC)) < 0) {
        ck_assert_msg(ch_clock_ms() < end_ms, "no process was started");
        turn_within(100);
    }
    take_over(fd, actor);
}

void stage_hang_up(stage_actor *actor)
{
    ch_channel_close(&actor->channel);
}

void stage_kill(const stage_actor *actor)
{
    siginfo_t facts;
    ck_assert_int_eq(kill(actor->pid, SIGKILL), 0);
    ck_assert_int_eq(waitid(P_PID, (id_t)actor->pid, &facts, WEXITED | WNOWAIT), 0);
}

void stage_bury(stage_actor *actor)
{
    int wait_status = 0;
    pid_t pid = waitpid(actor->pid, &wait_status, 0); /* fails if core has reaped it already */
    ck_assert(pid < 0 || (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL));
    ck_assert_int_eq(kill(actor->pid, 0), -1);
    ch_channel_close(&actor->channel);
}

/* ---- frames ---- */

void stage_send(stage_actor *actor)
{
    ck_assert_msg(ch_channel_flush(&actor->channel, &err) == CH_OK, "%s", err.message);
    ck_assert_uint_eq(ch_channel_pending(&actor->channel), 0);
    stage_settle();
}

/* Answers core's pings, which come if a test takes its time. */
static void take_pings(stage_actor *actor)
{
    ch_frame frame;
    ch_slice rest = actor->packet.bytes;
    while (ch_frame_next(&rest, &frame) && frame.type == CH_FRAME_PING) {
        actor->packet.bytes = rest;
        ck_assert_int_eq(ch_pong_frame_put(ch_channel_out(&actor->channel), 0, &(ch_pong_frame){}, &err), CH_OK);
        ck_assert_int_eq(ch_channel_flush(&actor->channel, &err), CH_OK);
    }
}

static bool is_packet_here(stage_actor *actor)
{
    bool is_there = true;
    take_pings(actor);
    while (actor->packet.bytes.size == 0 && is_there) {
        ck_assert_int_eq(actor->packet.fd, -1);
        ck_assert_msg(ch_channel_receive(&actor->channel, &actor->packet, &err) == CH_OK, "%s", err.message);
        is_there = actor->packet.bytes.size > 0;
        take_pings(actor);
    }
    return is_there;
}

ch_frame stage_hear_with(stage_actor *actor, ch_frame_type type, int *fd)
{
    ch_frame frame;
    if (!is_packet_here(actor))
        stage_await(actor->channel.fd);
    ck_assert_msg(is_packet_here(actor), "no %s came", ch_frame_name((uint16_t)type));
    ck_assert(ch_frame_next(&actor->packet.bytes, &frame));
    ck_assert_msg(frame.type == type, "wanted %s, got %s", ch_frame_name((uint16_t)type), ch_frame_name(frame.type));
    ck_assert_int_eq(actor->packet.fd >= 0, fd != NULL);
    if (fd != NULL)
        *fd = actor->packet.fd;
    actor->packet.fd = -1;
    return frame;
}

ch_frame stage_hear(stage_actor *actor, ch_frame_type type)
{
    return stage_hear_with(actor, type, NULL);
}

bool stage_is_silent(stage_actor *actor)
{
    return !is_packet_here(actor);
}

/* ---- the log ---- */

static int shown_fd = -1;
static int kept_fd = -1;
static ch_buffer kept;

void stage_record_log(void)
{
    shown_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    kept_fd = memfd_create("log", MFD_CLOEXEC);
    ck_assert_int_eq(dup2(kept_fd, STDERR_FILENO), STDERR_FILENO);
}

const char *stage_logged(void)
{
    struct {
        char bytes[4096];
    } room;
    ssize_t got;
    ck_assert_int_eq(dup2(shown_fd, STDERR_FILENO), STDERR_FILENO);
    close(shown_fd);
    ck_assert_int_eq((int)lseek(kept_fd, 0, SEEK_SET), 0);
    ch_buffer_clear(&kept);
    while ((got = read(kept_fd, room.bytes, sizeof room.bytes)) > 0)
        ch_buffer_add(&kept, room.bytes, (size_t)got);
    close(kept_fd);
    return ch_buffer_text(&kept);
}
