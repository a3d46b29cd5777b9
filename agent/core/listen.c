/* The lock file may be removed only by who holds its lock. So whoever has locked a file looks whether it still is the
 * one of that name; if it is not, the holder before has removed it, and another try makes another file. */
#include "agent/core/listen.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024 /* a connect that does not wait fails while the queue is full */
#define LOCK_TRIES 16
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16 */
#endif
#define FOLDER_MODE 0755
#define SOCKET_UMASK 0111 /* a socket is made with mode 0777 less this */

struct ch_listener {
    char *path;
    ch_trusted folder;
    char *name; /* of the socket in it */
    char *lock_name;
    int lock_fd;
    bool is_made; /* the socket is there, and is this one: */
    dev_t device;
    ino_t inode;
};

static ch_status fail_taken(const ch_listener *self, ch_error *err)
{
    return ch_fail(err, CH_CONFLICT,
                   "another agent listens on %s; stop it, or name another path for this agent's socket in agent.yaml",
                   self->path);
}

/* ---- the lock ---- */

static bool is_still_there(const ch_listener *self)
{
    struct stat locked;
    struct stat named;
    return fstat(self->lock_fd, &locked) == 0 &&
           fstatat(self->folder.fd, self->lock_name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
}

static ch_status take_lock(ch_listener *self, ch_error *err)
{
    for (unsigned i = 0; i < LOCK_TRIES; i++) {
        CH_TRY(ch_trust_entry(&self->folder, self->lock_name, true, &self->lock_fd, err));
        bool is_mine = flock(self->lock_fd, LOCK_EX | LOCK_NB) == 0;
        if (is_mine && is_still_there(self))
            return CH_OK;
        close(self->lock_fd);
        self->lock_fd = -1;
        if (!is_mine)
            break;
    }
    return fail_taken(self, err);
}

/* ---- the socket ---- */

static ch_status find_folder(ch_listener *self, ch_error *err)
{
    ch_autofree char *where = NULL;
    ch_autobuffer lock_name = CH_BUFFER_INIT;
    ch_path_split(self->path, &where, &self->name);
    ch_buffer_add_format(&lock_name, "%s.lock", self->name);
    self->lock_name = ch_strdup(ch_buffer_text(&lock_name));
    CH_TRY(ch_trust_make_folder(where, FOLDER_MODE, err));
    return ch_trust_folder(where, CH_FOLDER_SHARED, &self->folder, err);
}

/* True if nobody listens on the socket that is there. */
static ch_status find_dead(const ch_listener *self, const struct sockaddr_un *address, int type, ch_error *err)
{
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ch_fail_errno(err, "making a socket");
    int result = connect(fd, (const struct sockaddr *)address, sizeof *address);
    int reason = errno;
    close(fd);
    errno = reason;
    if (result != 0 && reason == ECONNREFUSED)
        return CH_OK;
    /* A full queue, or a socket of another type: alive. */
    if (result == 0 || reason == EAGAIN || reason == EPROTOTYPE)
        return fail_taken(self, err);
    return ch_fail_errno(err, "finding out whether somebody listens on %s", self->path);
}

static ch_status remove_dead(const ch_listener *self, const struct sockaddr_un *address, int type, ch_error *err)
{
    struct stat facts;
    if (fstatat(self->folder.fd, self->name, &facts, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? CH_OK : ch_fail_errno(err, "looking at %s", self->path);
    if (!S_ISSOCK(facts.st_mode))
        return ch_fail(err, CH_CONFIG, "%s exists and is not a socket; move it away", self->path);
    if (facts.st_uid != 0 && facts.st_uid != geteuid())
        return ch_fail(err, CH_CONFIG, "%s is a socket of user %u; remove it", self->path, (unsigned)facts.st_uid);
    CH_TRY(find_dead(self, address, type, err));
    return unlinkat(self->folder.fd, self->name, 0) == 0 ? CH_OK
                                                         : ch_fail_errno(err, "removing the old socket %s", self->path);
}

/* The socket has its mode from the moment it is there: with a chmod afterwards, somebody could put a link in its place.
 */
static ch_status make_socket(ch_listener *self, const struct sockaddr_un *address, int type, int *fd, ch_error *err)
{
    struct stat facts;
    *fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return ch_fail_errno(err, "making the socket %s", self->path);
    /* Bots have no descriptor to pass. Older kernels let them, and base/close.h is the answer to that. */
    int passed = 0;
    if (type == SOCK_STREAM)
        setsockopt(*fd, SOL_SOCKET, SO_PASSRIGHTS, &passed, sizeof passed);
    mode_t before = umask(SOCKET_UMASK);
    int result = bind(*fd, (const struct sockaddr *)address, sizeof *address);
    int reason = errno;
    umask(before);
    errno = reason;
    if (result != 0)
        return ch_fail_errno(err, "making the socket %s", self->path);
    if (fstatat(self->folder.fd, self->name, &facts, AT_SYMLINK_NOFOLLOW) != 0)
        return ch_fail_errno(err, "looking at %s", self->path);
    self->is_made = true;
    self->device = facts.st_dev;
    self->inode = facts.st_ino;
    return listen(*fd, BACKLOG) == 0 ? CH_OK : ch_fail_errno(err, "listening on %s", self->path);
}

static ch_status set_up(ch_listener *self, int type, int *fd, ch_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(self->path) >= sizeof address.sun_path)
        return ch_fail(err, CH_CONFIG, "the socket path %s is longer than %zu bytes", self->path,
                       sizeof address.sun_path - 1);
    memcpy(address.sun_path, self->path, strlen(self->path));
    CH_TRY(find_folder(self, err));
    CH_TRY(take_lock(self, err));
    CH_TRY(remove_dead(self, &address, type, err));
    return make_socket(self, &address, type, fd, err);
}

ch_status ch_listen(const char *path, int type, ch_listener **out, int *fd, ch_error *err)
{
    ch_listener *self = ch_alloc(sizeof *self);
    self->path = ch_strdup(path);
    self->folder = (ch_trusted)CH_TRUSTED_CLOSED;
    self->lock_fd = -1;
    *fd = -1;
    ch_status st = set_up(self, type, fd, err);
    if (st == CH_OK) {
        *out = self;
        return CH_OK;
    }
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    ch_listener_close(self);
    return st;
}

static void remove_own(const ch_listener *self)
{
    struct stat facts;
    bool is_own = fstatat(self->folder.fd, self->name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
                  facts.st_dev == self->device && facts.st_ino == self->inode;
    if (is_own)
        unlinkat(self->folder.fd, self->name, 0);
}

ch_status ch_listen_make_folder(const char *path, mode_t mode, ch_error *err)
{
    ch_autofree char *folder = NULL;
    ch_autofree char *name = NULL;
    ch_path_split(path, &folder, &name);
    return ch_trust_make_folder(folder, mode, err);
}

void ch_listener_close(ch_listener *self)
{
    if (self == NULL)
        return;
    if (self->is_made)
        remove_own(self);
    if (self->lock_fd >= 0) {
        unlinkat(self->folder.fd, self->lock_name, 0);
        close(self->lock_fd);
    }
    ch_trusted_close(&self->folder);
    free(self->name);
    free(self->lock_name);
    free(self->path);
    free(self);
}
