/* The events say what happened to which name, so the file itself is looked at only at the start, and after events were
 * lost. The folder is opened by way of the one above it, which is trusted, and not through a link: the folder's owner
 * is not trusted to choose what is watched, and need not be. */
#include "agent/core/freeze_file.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENTS_BYTES 4096
#define APPEARS (IN_CREATE | IN_MOVED_TO)
#define GOES (IN_DELETE | IN_MOVED_FROM)
#define LOST (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)

struct ch_freeze_file {
    ch_loop *loop;
    ch_source source;
    ch_freeze_file_owner owner;
    char *path;
    char *name;  /* in its folder */
    char *whole; /* the absolute path; a descriptor of the folder would hide that the folder goes */
    bool is_there;
};

typedef struct folder {
    int fd;     /* for fstatat and its like only (O_PATH) */
    char *path; /* absolute */
} folder;

static void folder_close(folder *self)
{
    if (self->fd >= 0)
        close(self->fd);
    free(self->path);
}

static bool is_entry(const char *name)
{
    return *name != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static ch_status check_folder(const folder *self, ch_error *err)
{
    struct stat facts;
    if (fstat(self->fd, &facts) != 0)
        return ch_fail_errno(err, "looking at %s", self->path);
    if ((facts.st_mode & S_IWOTH) != 0)
        return ch_fail(
            err, CH_CONFIG,
            "'freeze_file': everybody can make files in %s, so everybody could halt all trading; chmod o-w it",
            self->path);
    return CH_OK;
}

/* Opens the folder of `path`, and returns the file's name in it in `*name`. */
static ch_status open_folder(const char *path, folder *out, char **name, ch_error *err)
{
    ch_autobuffer whole = CH_BUFFER_INIT;
    ch_autotrusted above = CH_TRUSTED_CLOSED;
    ch_autofree char *folder_path = NULL;
    ch_autofree char *parent = NULL;
    ch_autofree char *own = NULL;
    ch_path_split(path, &folder_path, name);
    ch_path_split(folder_path, &parent, &own);
    if (!is_entry(*name) || !is_entry(own))
        return ch_fail(err, CH_CONFIG, "'freeze_file' is %s; write FOLDER/NAME, in a folder of its own", path);
    if (ch_trust_folder(parent, CH_FOLDER_OWN, &above, err) != CH_OK)
        return ch_error_wrap(err, "'freeze_file'");
    ch_buffer_add_format(&whole, "%s/%s", above.path, own);
    out->path = ch_strdup(ch_buffer_text(&whole));
    out->fd = openat(above.fd, own, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (out->fd < 0)
        return ch_fail(err, CH_CONFIG, "'freeze_file': %s must be a folder that is there before the agent starts: %s",
                       out->path, strerror(errno));
    return check_folder(out, err);
}

ch_status ch_freeze_file_check(const char *path, ch_error *err)
{
    ch_autofree char *name = NULL;
    folder opened = {.fd = -1};
    ch_status st = open_folder(path, &opened, &name, err);
    folder_close(&opened);
    return st;
}

/* ---- events ---- */

static void freeze(ch_freeze_file *self, const char *before, const char *after)
{
    ch_autobuffer why = CH_BUFFER_INIT;
    ch_buffer_add_format(&why, "%s %s %s", before, self->path, after);
    self->owner.freeze(self->owner.context, ch_buffer_text(&why));
}

/* Returns false only if the file is certainly not there; another failure does not say so. */
static bool look(const ch_freeze_file *self)
{
    struct stat facts;
    return lstat(self->whole, &facts) == 0 || errno != ENOENT;
}

static void take_event(ch_freeze_file *self, const struct inotify_event *event)
{
    bool is_of_file = event->len > 0 && strcmp(event->name, self->name) == 0;
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
        self->is_there = look(self);
        freeze(self, "more happened in the folder of freeze_file", "than could be watched");
    } else if ((event->mask & LOST) != 0) {
        self->is_there = false; /* nothing is at the path */
        freeze(self, "the folder of freeze_file", "is gone, and is watched again only after a restart");
    } else if (is_of_file && (event->mask & GOES) != 0) {
        self->is_there = false;
    } else if (is_of_file && (event->mask & APPEARS) != 0) {
        self->is_there = true;
        freeze(self, "freeze_file", "appeared");
    }
}

static void on_ready(void *context)
{
    ch_freeze_file *self = context;
    _Alignas(struct inotify_event) char bytes[EVENTS_BYTES];
    ssize_t size;
    while ((size = read(self->source.fd, bytes, sizeof bytes)) > 0) {
        for (ssize_t at = 0; at < size;) {
            const struct inotify_event *event = (const struct inotify_event *)(bytes + at);
            at += (ssize_t)(sizeof *event + event->len);
            take_event(self, event);
        }
    }
}

/* ---- start and end ---- */

static ch_status watch(ch_freeze_file *self, const folder *opened, ch_error *err)
{
    struct stat facts;
    ch_autobuffer whole = CH_BUFFER_INIT;
    ch_buffer_add_text(&whole, opened->path);
    ch_buffer_add_format(&whole, "/%s", self->name);
    self->whole = ch_strdup(ch_buffer_text(&whole));
    self->source = (ch_source){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .on_ready = on_ready, .context = self};
    uint32_t what = APPEARS | GOES | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW;
    if (self->source.fd < 0 || inotify_add_watch(self->source.fd, opened->path, what) < 0)
        return ch_fail_errno(err, "watching %s for 'freeze_file'; the agent must be able to read the folder",
                             opened->path);
    self->is_there = fstatat(opened->fd, self->name, &facts, AT_SYMLINK_NOFOLLOW) == 0;
    if (!self->is_there && errno != ENOENT)
        return ch_fail_errno(err, "looking for freeze_file %s", self->path);
    return ch_loop_watch(self->loop, &self->source, EPOLLIN, err);
}

ch_status ch_freeze_file_watch(ch_loop *loop, const char *path, const ch_freeze_file_owner *owner, ch_freeze_file **out,
                               ch_error *err)
{
    folder opened = {.fd = -1};
    ch_freeze_file *self = *out = ch_alloc(sizeof *self);
    *self = (ch_freeze_file){.loop = loop, .source = {.fd = -1}, .owner = *owner, .path = ch_strdup(path)};
    ch_status st = open_folder(path, &opened, &self->name, err);
    if (st == CH_OK)
        st = watch(self, &opened, err);
    folder_close(&opened);
    if (st == CH_OK && self->is_there)
        freeze(self, "freeze_file", "was there when the agent started");
    return st;
}

void ch_freeze_file_free(ch_freeze_file *file)
{
    if (file == NULL)
        return;
    ch_loop_forget(file->loop, &file->source);
    if (file->source.fd >= 0)
        close(file->source.fd);
    free(file->path);
    free(file->whole);
    free(file->name);
    free(file);
}

bool ch_freeze_file_is_there(const ch_freeze_file *file)
{
    return file != NULL && file->is_there;
}

const char *ch_freeze_file_path(const ch_freeze_file *file)
{
    return file->path;
}
