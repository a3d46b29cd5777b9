#include "agent/core/listen.h"

#include "base/memory.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static ch_error err;

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ck_assert_uint_lt(strlen(path), sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    return address;
}

/* A socket of somebody who knows nothing of locks. `backlog` -1: bound, and then dead. */
static int occupy(const char *path, int type, int backlog)
{
    struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, type, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    if (backlog < 0)
        close(fd);
    else
        ck_assert_int_eq(listen(fd, backlog), 0);
    return fd;
}

static int visit(const char *path, int type)
{
    struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
    int result = connect(fd, (struct sockaddr *)&address, sizeof address);
    close(fd);
    return result;
}

static unsigned mode_of(const char *path)
{
    struct stat facts;
    ck_assert_int_eq(lstat(path, &facts), 0);
    return facts.st_mode & 07777;
}

static const mode_t masks[] = {0, 022, 077, 0777};

START_TEST(test_socket_and_folder_have_their_modes_at_once)
{
    int fd = -1;
    ch_listener *listener = NULL;
    ch_autofree char *folder = ch_test_path("run");
    ch_autofree char *path = ch_test_path("run/a.sock");
    ch_autofree char *lock = ch_test_path("run/a.sock.lock");
    umask(masks[_i]);
    ck_assert_msg(ch_listen(path, SOCK_STREAM, &listener, &fd, &err) == CH_OK, "%s", err.message);
    ck_assert_uint_eq(umask(0), masks[_i]);
    ck_assert_uint_eq(mode_of(folder), 0755);
    ck_assert_uint_eq(mode_of(path), 0666);
    ck_assert_uint_eq(mode_of(lock), 0600 & ~masks[_i]);
    ck_assert_int_eq(visit(path, SOCK_STREAM), 0);
    ch_listener_close(listener);
    close(fd);
    ck_assert_int_eq(access(path, F_OK), -1);
    ck_assert_int_eq(access(lock, F_OK), -1);
}
END_TEST

static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};

START_TEST(test_a_dead_socket_is_replaced)
{
    int fd = -1;
    ch_listener *listener = NULL;
    ch_autofree char *path = ch_test_path("a.sock");
    occupy(path, types[_i], -1);
    ck_assert_msg(ch_listen(path, SOCK_STREAM, &listener, &fd, &err) == CH_OK, "%s", err.message);
    ck_assert_int_eq(visit(path, SOCK_STREAM), 0);
    ch_listener_close(listener);
    close(fd);
}
END_TEST

static void assert_is_taken(const char *path)
{
    int fd = -1;
    ch_listener *listener = NULL;
    ck_assert_int_eq(ch_listen(path, SOCK_STREAM, &listener, &fd, &err), CH_CONFLICT);
    ck_assert_int_eq(fd, -1);
    ck_assert_ptr_null(listener);
    ck_assert_ptr_nonnull(strstr(err.message, "another agent listens on "));
    ck_assert_ptr_nonnull(strstr(err.message, path));
}

START_TEST(test_a_socket_that_is_alive_is_left_alone)
{
    ch_autofree char *path = ch_test_path("a.sock");
    int fd = occupy(path, types[_i], 4);
    assert_is_taken(path);
    ck_assert_int_eq(visit(path, types[_i]), 0);
    close(fd);
}
END_TEST

/* Nobody accepts, and the queue is full: connecting would have to wait. */
START_TEST(test_a_socket_that_is_busy_is_alive)
{
    ch_autofree char *path = ch_test_path("a.sock");
    struct sockaddr_un address = address_of(path);
    int fd = occupy(path, SOCK_STREAM, 0);
    int waiting = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(waiting, (struct sockaddr *)&address, sizeof address), 0);
    assert_is_taken(path);
    close(waiting);
    close(fd);
}
END_TEST

START_TEST(test_a_path_has_one_agent_at_a_time)
{
    int fd = -1;
    ch_listener *listener = NULL;
    ch_autofree char *path = ch_test_path("a.sock");
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ch_listen(path, SOCK_STREAM, &listener, &fd, &err), CH_OK);
        assert_is_taken(path);
        ck_assert_int_eq(visit(path, SOCK_STREAM), 0);
        ch_listener_close(listener);
        close(fd);
    }
}
END_TEST

START_TEST(test_the_lock_of_an_agent_that_was_killed_is_free)
{
    int fd = -1;
    ch_listener *listener = NULL;
    ch_autofree char *path = ch_test_path("a.sock");
    pid_t pid = fork();
    if (pid == 0)
        _exit(ch_listen(path, SOCK_STREAM, &listener, &fd, &err) == CH_OK ? 0 : 1);
    int status = 1;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(access(path, F_OK), 0);
    ck_assert_msg(ch_listen(path, SOCK_STREAM, &listener, &fd, &err) == CH_OK, "%s", err.message);
    ch_listener_close(listener);
    close(fd);
}
END_TEST

START_TEST(test_only_the_own_socket_is_removed)
{
    int fd = -1;
    ch_listener *listener = NULL;
    ch_autofree char *path = ch_test_path("a.sock");
    ck_assert_int_eq(ch_listen(path, SOCK_STREAM, &listener, &fd, &err), CH_OK);
    ck_assert_int_eq(unlink(path), 0);
    int other = occupy(path, SOCK_STREAM, 4);
    ch_listener_close(listener);
    close(fd);
    ck_assert_int_eq(visit(path, SOCK_STREAM), 0);
    close(other);
}
END_TEST

/* clang-format off */
static const struct {
    const char *made_by; /* a shell, in the folder */
    const char *says;
} refused[] = {
    /* made by                                          says */
    { "mkdir run && echo > run/a.sock",                 "/run/a.sock exists and is not a socket; move it away" },
    { "mkdir run && ln -s b run/a.sock",                "/run/a.sock exists and is not a socket; move it away" },
    { "mkdir run && chmod 777 run",                     "/run can be written to by its group and others (mode 0777)" },
    { "mkdir run && chmod 770 run",                     "/run can be written to by its group (mode 0770)" },
    { "chmod 777 .",                                    " can be written to by its group and others (mode 0777)" },
    { "echo > run",                                     "/run is not a folder" },
    { "mkdir run && ln -s b run/a.sock.lock",           "/run/a.sock.lock is a symbolic link" },
    { "mkdir run && echo > b && ln b run/a.sock.lock",  "/run/a.sock.lock has 2 names (hard links)" },
};
/* clang-format on */

START_TEST(test_a_path_that_others_could_change_is_refused)
{
    int fd = -1;
    char command[512];
    ch_listener *listener = NULL;
    ch_autofree char *path = ch_test_path("run/a.sock");
    snprintf(command, sizeof command, "umask 022 && cd %s && { %s; }", ch_test_folder(), refused[_i].made_by);
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_eq(ch_listen(path, SOCK_STREAM, &listener, &fd, &err), CH_CONFIG);
    ck_assert_msg(strstr(err.message, refused[_i].says) != NULL, "%s", err.message);
    ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(test_a_path_has_room_for_its_end)
{
    int fd = -1;
    char path[200];
    ch_listener *listener = NULL;
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    ck_assert_int_eq(ch_listen(path, SOCK_STREAM, &listener, &fd, &err), CH_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "is longer than 107 bytes"));
}
END_TEST

CH_TESTS("listen", CH_TEST_ROWS(test_socket_and_folder_have_their_modes_at_once, masks),
         CH_TEST_ROWS(test_a_dead_socket_is_replaced, types),
         CH_TEST_ROWS(test_a_socket_that_is_alive_is_left_alone, types), CH_TEST(test_a_socket_that_is_busy_is_alive),
         CH_TEST(test_a_path_has_one_agent_at_a_time), CH_TEST(test_the_lock_of_an_agent_that_was_killed_is_free),
         CH_TEST(test_only_the_own_socket_is_removed),
         CH_TEST_ROWS(test_a_path_that_others_could_change_is_refused, refused),
         CH_TEST(test_a_path_has_room_for_its_end))
