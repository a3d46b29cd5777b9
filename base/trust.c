/* A walk holds the folder that it has reached, by descriptor, and the names still to come. A link puts its target in
 * front of those names; ".." is one of them, and takes the walk to what really is the folder above. */
#include "base/trust.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/users.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel's */
#define WRITABLE (S_IWGRP | S_IWOTH)
#define PATH_ONLY (O_PATH | O_NOFOLLOW | O_CLOEXEC)
#define NO_SURPRISES (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) /* no link, no waiting for a pipe's other end */

typedef struct walk {
    const char *asked;
    bool is_for_file;
    ch_trusted folder; /* where we are */
    bool is_shared;    /* others can make files there */
    ch_trusted file;   /* the end of the way, if it is a file */
    ch_buffer left;    /* names still to come */
    size_t done;       /* so many bytes of `left` lie behind us */
    unsigned links;
} walk;

void ch_trusted_close(ch_trusted *trusted)
{
    if (trusted->fd >= 0)
        close(trusted->fd);
    free(trusted->path);
    *trusted = (ch_trusted)CH_TRUSTED_CLOSED;
}

static char *join(const char *folder, const char *name)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name);
    return ch_strdup(ch_buffer_text(&path));
}

/* ---- what is refused, and how to mend it ---- */

/* Adds `path` as a shell reads it. */
static void add_quoted(ch_buffer *out, const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-";
    if (path[strspn(path, plain)] == '\0') {
        ch_buffer_add_text(out, path);
        return;
    }
    ch_buffer_add_byte(out, '\'');
    for (; *path != '\0'; path++)
        ch_buffer_add_format(out, *path == '\'' ? "'\\%c'" : "%c", *path);
    ch_buffer_add_byte(out, '\'');
}

/* `command` mends `path`; NULL if no single command does. */
static ch_status refuse(const walk *self, const char *path, const ch_buffer *why, const char *command, ch_error *err)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_format(&text, "%s %.*s", path, CH_SLICE_ARGS(ch_buffer_slice(why)));
    if (command != NULL) {
        ch_buffer_add_format(&text, "; mend it with: %s ", command);
        add_quoted(&text, path);
    }
    if (strcmp(path, self->asked) != 0)
        ch_buffer_add_format(&text, " (on the way to %s)", self->asked);
    return ch_fail(err, CH_CONFIG, "%s", ch_buffer_text(&text));
}

static ch_status refuse_plainly(const walk *self, const char *path, const char *why, ch_error *err)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_text(&text, why);
    return refuse(self, path, &text, NULL, err);
}

static ch_status fail_to_open(const walk *self, const char *path, ch_error *err)
{
    const char *reason = strerror(errno);
    if (strcmp(path, self->asked) == 0)
        return ch_fail(err, CH_CONFIG, "cannot open %s: %s", path, reason);
    return ch_fail(err, CH_CONFIG, "cannot open %s: %s: %s", self->asked, path, reason);
}

/* In a user namespace, the overflow uid may be anybody's, even if it is ours. */
static bool may_be_anybody(uid_t uid)
{
    return uid == ch_overflow_uid() && ch_is_in_user_namespace();
}

static ch_status check_owner(const walk *self, const char *path, const struct stat *facts, ch_error *err)
{
    uid_t own = geteuid();
    ch_autobuffer why = CH_BUFFER_INIT;
    ch_autobuffer command = CH_BUFFER_INIT;
    if (facts->st_uid == 0 || (facts->st_uid == own && !may_be_anybody(own)))
        return CH_OK;
    ch_buffer_add_format(&why, "belongs to user %u, ", (unsigned)facts->st_uid);
    if (may_be_anybody(facts->st_uid)) {
        ch_buffer_add_text(&why, "which in this user namespace may be anybody; have the namespace map its owner");
        return refuse(self, path, &why, NULL, err);
    }
    ch_buffer_add_text(&why, "not to root");
    if (own != 0)
        ch_buffer_add_format(&why, " or user %u", (unsigned)own);
    ch_buffer_add_text(&command, S_ISLNK(facts->st_mode) ? "chown -h " : "chown ");
    ch_buffer_add_format(&command, own == 0 ? "root" : "%u", (unsigned)own);
    return refuse(self, path, &why, ch_buffer_text(&command), err);
}

static ch_status check_mode(const walk *self, const char *path, const struct stat *facts, ch_error *err)
{
    ch_autobuffer why = CH_BUFFER_INIT;
    unsigned mode = facts->st_mode & 07777;
    if ((mode & WRITABLE) == 0)
        return CH_OK;
    const char *who = (mode & S_IWOTH) == 0 ? "its group" : (mode & S_IWGRP) == 0 ? "others" : "its group and others";
    ch_buffer_add_format(&why, "can be written to by %s (mode %04o)", who, mode);
    return refuse(self, path, &why, "chmod go-w", err);
}

static ch_status check_folder(walk *self, const char *path, const struct stat *facts, ch_error *err)
{
    CH_TRY(check_owner(self, path, facts, err));
    self->is_shared = facts->st_uid == 0 && (facts->st_mode & S_ISVTX) != 0 && (facts->st_mode & WRITABLE) != 0;
    return self->is_shared ? CH_OK : check_mode(self, path, facts, err);
}

static ch_status check_file(const walk *self, const char *path, const struct stat *facts, ch_error *err)
{
    if (!S_ISREG(facts->st_mode))
        return refuse_plainly(self, path, "is not a plain file", err);
    CH_TRY(check_owner(self, path, facts, err));
    return check_mode(self, path, facts, err);
}

static ch_status check_only_name(const walk *self, const char *path, const struct stat *facts, ch_error *err)
{
    ch_autobuffer why = CH_BUFFER_INIT;
    if (facts->st_nlink <= 1)
        return CH_OK;
    ch_buffer_add_format(&why, "has %lu names (hard links), so it may be another file as well; put a copy in its place",
                         (unsigned long)facts->st_nlink);
    return refuse(self, path, &why, NULL, err);
}

/* ---- the walk ---- */

static void stop(walk *self)
{
    ch_trusted_close(&self->folder);
    ch_trusted_close(&self->file);
    ch_buffer_free(&self->left);
}

/* Goes to the folder that `fd` is; takes both over. */
static ch_status enter(walk *self, int fd, char *path, ch_error *err)
{
    struct stat facts;
    ch_autotrusted next = {fd, path};
    if (fd < 0 || fstat(fd, &facts) != 0)
        return fail_to_open(self, path, err);
    CH_TRY(check_folder(self, path, &facts, err));
    ch_trusted left = self->folder;
    self->folder = next;
    next = left; // NOLINT(clang-analyzer-deadcode.DeadStores): the cleanup reads it
    return CH_OK;
}

static ch_status go_to_root(walk *self, ch_error *err)
{
    char *path = ch_strdup("/");
    return enter(self, open(path, PATH_ONLY | O_DIRECTORY), path, err);
}

static ch_status go_up(walk *self, ch_error *err)
{
    char *path = ch_strdup(self->folder.path);
    char *slash = strrchr(path, '/');
    slash[slash == path ? 1 : 0] = '\0';
    return enter(self, openat(self->folder.fd, "..", PATH_ONLY | O_DIRECTORY), path, err);
}

/* The names still to come, without a slash before them; "" at the end of the way. */
static const char *names_left(walk *self)
{
    const char *left = ch_buffer_text(&self->left) + self->done;
    size_t slashes = strspn(left, "/");
    self->done += slashes;
    return left + slashes;
}

static ch_status follow(walk *self, int link, const char *path, ch_error *err)
{
    char target[PATH_MAX];
    ch_buffer left = CH_BUFFER_INIT;
    ssize_t size = readlinkat(link, "", target, sizeof target);
    if (size < 0 || ++self->links > LINKS_MAX) {
        errno = size < 0 ? errno : ELOOP;
        return fail_to_open(self, path, err);
    }
    ch_buffer_add(&left, target, (size_t)size);
    ch_buffer_add_format(&left, "/%s", names_left(self));
    ch_buffer_free(&self->left);
    self->left = left;
    self->done = 0;
    return size > 0 && target[0] == '/' ? go_to_root(self, err) : CH_OK;
}

/* Opens what the walk has found to be a file, and checks again, because this descriptor is the one that is read. */
static ch_status open_file(walk *self, const char *name, const char *path, ch_error *err)
{
    struct stat facts;
    ch_autotrusted file = {-1, ch_strdup(path)};
    file.fd = openat(self->folder.fd, name, O_RDONLY | NO_SURPRISES);
    if (file.fd < 0 || fstat(file.fd, &facts) != 0)
        return fail_to_open(self, path, err);
    CH_TRY(check_file(self, path, &facts, err));
    if (self->is_shared)
        CH_TRY(check_only_name(self, path, &facts, err));
    self->file = file;
    file = (ch_trusted)CH_TRUSTED_CLOSED; // NOLINT(clang-analyzer-deadcode.DeadStores): the cleanup reads it
    return CH_OK;
}

static ch_status take_file(walk *self, const char *name, const char *path, const struct stat *facts, ch_error *err)
{
    if (!self->is_for_file || *names_left(self) != '\0')
        return refuse_plainly(self, path, "is not a folder", err);
    CH_TRY(check_file(self, path, facts, err));
    return open_file(self, name, path, err);
}

static ch_status take_name(walk *self, const char *name, ch_error *err)
{
    struct stat facts;
    if (strcmp(name, ".") == 0)
        return CH_OK;
    if (strcmp(name, "..") == 0)
        return go_up(self, err);
    ch_autotrusted next = {-1, join(self->folder.path, name)};
    next.fd = openat(self->folder.fd, name, PATH_ONLY);
    if (next.fd < 0 || fstat(next.fd, &facts) != 0)
        return fail_to_open(self, next.path, err);
    if (S_ISLNK(facts.st_mode)) {
        CH_TRY(check_owner(self, next.path, &facts, err));
        return follow(self, next.fd, next.path, err);
    }
    if (!S_ISDIR(facts.st_mode))
        return take_file(self, name, next.path, &facts, err);
    ch_trusted folder = next;
    next = (ch_trusted)CH_TRUSTED_CLOSED; // NOLINT(clang-analyzer-deadcode.DeadStores): the cleanup reads it
    return enter(self, folder.fd, folder.path, err);
}

static ch_status walk_all(walk *self, ch_error *err)
{
    for (const char *left; *(left = names_left(self)) != '\0';) {
        ch_slice first = {(const uint8_t *)left, strcspn(left, "/")};
        ch_autofree char *name = ch_slice_strdup(first);
        self->done += first.size;
        CH_TRY(take_name(self, name, err));
    }
    return CH_OK;
}

/* Walks the way to `path`. The caller calls `stop`, also after a failure. */
static ch_status walk_to(walk *self, const char *path, bool is_for_file, ch_error *err)
{
    *self = (walk){.asked = path,
                   .is_for_file = is_for_file,
                   .folder = CH_TRUSTED_CLOSED,
                   .file = CH_TRUSTED_CLOSED,
                   .left = CH_BUFFER_INIT};
    if (path[0] != '/') {
        ch_autofree char *here = getcwd(NULL, 0);
        if (here == NULL || here[0] != '/')
            return ch_fail_errno(err, "finding out which folder %s starts at", path);
        ch_buffer_add_format(&self->left, "%s/", here);
    }
    ch_buffer_add_text(&self->left, path);
    CH_TRY(go_to_root(self, err));
    return walk_all(self, err);
}

static void hand_over(ch_trusted *from, ch_trusted *out)
{
    *out = *from;
    *from = (ch_trusted)CH_TRUSTED_CLOSED;
}

/* ---- the doors ---- */

ch_status ch_trust_file(const char *path, ch_trusted *out, ch_error *err)
{
    __attribute__((cleanup(stop))) walk self;
    *out = (ch_trusted)CH_TRUSTED_CLOSED;
    CH_TRY(walk_to(&self, path, true, err));
    if (self.file.fd < 0)
        return refuse_plainly(&self, self.folder.path, "is not a plain file", err);
    hand_over(&self.file, out);
    return CH_OK;
}

ch_status ch_trust_folder(const char *path, ch_folder_kind kind, ch_trusted *out, ch_error *err)
{
    __attribute__((cleanup(stop))) walk self;
    *out = (ch_trusted)CH_TRUSTED_CLOSED;
    CH_TRY(walk_to(&self, path, false, err));
    if (self.is_shared && kind == CH_FOLDER_OWN)
        return refuse_plainly(&self, self.folder.path, "is for everybody's files; make a folder in it and use that",
                              err);
    hand_over(&self.folder, out);
    return CH_OK;
}

ch_status ch_trust_make_folder(const char *path, mode_t mode, ch_error *err)
{
    ch_autotrusted above = CH_TRUSTED_CLOSED;
    ch_autofree char *whole = ch_strdup(path);
    ch_autofree char *parent = NULL;
    ch_autofree char *name = NULL;
    size_t size = strlen(whole);
    while (size > 1 && whole[size - 1] == '/')
        whole[--size] = '\0';
    ch_path_split(whole, &parent, &name);
    if (*name == '\0')
        return CH_OK; /* the root folder */
    CH_TRY(ch_trust_folder(parent, CH_FOLDER_SHARED, &above, err));
    mode_t before = umask(0);
    int result = mkdirat(above.fd, name, mode);
    int reason = errno;
    umask(before);
    errno = reason;
    return result == 0 || reason == EEXIST ? CH_OK : ch_fail_errno(err, "making the folder %s", path);
}

static ch_status check_entry(const walk *self, int fd, ch_error *err)
{
    struct stat facts;
    if (fstat(fd, &facts) != 0)
        return ch_fail_errno(err, "looking at %s", self->asked);
    if (S_ISLNK(facts.st_mode))
        return refuse_plainly(self, self->asked, "is a symbolic link; put the file itself in its place", err);
    CH_TRY(check_file(self, self->asked, &facts, err));
    return check_only_name(self, self->asked, &facts, err);
}

/* Looked at before it is opened, because a file of somebody else's may not open, and that is not what is wrong with it;
 * and checked again, because it is what was opened that counts. */
ch_status ch_trust_entry(const ch_trusted *folder, const char *name, bool is_made, int *fd, ch_error *err)
{
    ch_autotrusted seen = CH_TRUSTED_CLOSED;
    ch_autotrusted file = {-1, join(folder->path, name)};
    const walk self = {.asked = file.path};
    *fd = -1;
    seen.fd = openat(folder->fd, name, PATH_ONLY);
    if (seen.fd < 0 && errno == ENOENT && !is_made)
        return CH_OK;
    if (seen.fd >= 0)
        CH_TRY(check_entry(&self, seen.fd, err));
    file.fd = openat(folder->fd, name, O_RDWR | NO_SURPRISES | (is_made ? O_CREAT : 0), 0600);
    if (file.fd < 0)
        return ch_fail_errno(err, "opening %s", file.path);
    CH_TRY(check_entry(&self, file.fd, err));
    *fd = file.fd;
    file.fd = -1;
    return CH_OK;
}
