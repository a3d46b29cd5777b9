/* A pid can be another process's by the time that it is looked up. Newer kernels give out a descriptor of the process
 * that connected (SO_PEERPIDFD, Linux 6.5): if it has not ended after its control group was read, the pid was its own.
 * On older ones the process that has the pid must have the peer's user, which leaves another process of the same user.
 */
#include "agent/core/units.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif
#define CGROUP_SIZE 4096

static int open_process(int fd)
{
    int pid_fd = -1;
    socklen_t size = sizeof pid_fd;
    return getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pid_fd, &size) == 0 ? pid_fd : -1;
}

/* A descriptor of a process can be read when the process has ended. */
static bool is_running(int pid_fd)
{
    struct pollfd ended = {.fd = pid_fd, .events = POLLIN};
    return poll(&ended, 1, 0) == 0;
}

static size_t read_file(int folder, const char *name, char *out, size_t capacity)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t size = read(fd, out, capacity);
    close(fd);
    return size < 0 ? 0 : (size_t)size;
}

/* The control group of the process that has the pid. Its folder in /proc stays that of this one process: once that has
 * ended, nothing in it can be read. */
static size_t read_cgroup(const ch_peer *peer, char *out, size_t capacity)
{
    char path[32];
    struct stat facts;
    snprintf(path, sizeof path, "/proc/%d", (int)peer->pid);
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return 0;
    bool is_its = fstat(folder, &facts) == 0 && facts.st_uid == peer->uid;
    size_t size = is_its ? read_file(folder, "cgroup", out, capacity) : 0;
    close(folder);
    return size;
}

static bool ends_in(ch_slice name, const char *ending)
{
    size_t size = strlen(ending);
    return name.size > size && memcmp(name.data + name.size - size, ending, size) == 0;
}

static bool is_unit(ch_slice name)
{
    return ends_in(name, ".service") || ends_in(name, ".scope");
}

/* The line of the unified hierarchy is "0::/system.slice/NAME.service". A service may have groups of its own below, so
 * the first unit from the root is it; but below user@UID.service stand the units of that user's own manager, which the
 * user can name as it likes, and which are not the system's. */
static bool find_in_path(ch_slice path, char out[CH_PEER_UNIT_MAX + 1])
{
    while (path.size > 0) {
        const uint8_t *slash = ch_slice_find(path, '/');
        ch_slice name = {path.data, slash == NULL ? path.size : (size_t)(slash - path.data)};
        if (is_unit(name) && name.size <= CH_PEER_UNIT_MAX && ch_slice_is_text(name)) {
            memcpy(out, name.data, name.size);
            out[name.size] = '\0';
            return true;
        }
        path = ch_slice_after(path, slash == NULL ? path.size : name.size + 1);
    }
    return false;
}

bool ch_unit_of_cgroup(ch_slice text, char out[CH_PEER_UNIT_MAX + 1])
{
    out[0] = '\0';
    while (text.size > 0) {
        const uint8_t *end = ch_slice_find(text, '\n');
        ch_slice line = {text.data, end == NULL ? text.size : (size_t)(end - text.data)};
        bool is_unified = ch_slice_begins(line, CH_LITERAL("0::/"));
        bool is_systemds = ch_slice_begins(line, CH_LITERAL("1:name=systemd:/"));
        if (is_unified && find_in_path(ch_slice_after(line, 4), out))
            return true;
        if (is_systemds && find_in_path(ch_slice_after(line, 16), out))
            return true;
        text = ch_slice_after(text, end == NULL ? text.size : line.size + 1);
    }
    return false;
}

void ch_unit_find(int fd, ch_peer *peer)
{
    char text[CGROUP_SIZE];
    int pid_fd = open_process(fd);
    peer->unit[0] = '\0';
    size_t size = read_cgroup(peer, text, sizeof text);
    bool is_sure = pid_fd < 0 || is_running(pid_fd);
    if (pid_fd >= 0)
        close(pid_fd);
    if (is_sure && size < sizeof text)
        ch_unit_of_cgroup((ch_slice){(const uint8_t *)text, size}, peer->unit);
}
