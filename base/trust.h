/* Files that nobody but root and this process's user can change.
 *
 * What is trusted is the way to a file as much as the file: every folder on it, every symbolic link, and the way that
 * each link leads. All of it must belong to root or to the effective user, and neither group nor others may write to
 * it. (If an access control list lets somebody else write, that shows as a right of the group.) One exception: a sticky
 * folder of root's, such as /tmp, may be on the way, because nobody can replace there what belongs to another.
 *
 * Names are opened one by one, and what is checked is what was opened, so nothing can be put in its place in between.
 * As nobody else can change the way later either, its path may be passed to code that opens files by name: dlopen,
 * bind, SQLite.
 *
 * What is not trusted is CH_CONFIG, and the message names it, says what is wrong with it, and how to mend it. Functions
 * that make something change the process's umask for a moment: call those from a single thread. */
#ifndef CH_BASE_TRUST_H
#define CH_BASE_TRUST_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/* What was opened. The caller closes it with ch_trusted_close, or declares it ch_autotrusted. */
typedef struct ch_trusted {
    int fd;     /* a file's is for reading; a folder's for openat and its like only (O_PATH) */
    char *path; /* absolute, and without links */
} ch_trusted;

#define CH_TRUSTED_CLOSED                                                                                              \
    {                                                                                                                  \
        -1, NULL                                                                                                       \
    }
#define ch_autotrusted __attribute__((cleanup(ch_trusted_close))) ch_trusted

void ch_trusted_close(ch_trusted *trusted);

/* Opens the plain file `path` for reading. CH_CONFIG also if it cannot be opened. */
CH_CHECKED ch_status ch_trust_file(const char *path, ch_trusted *out, ch_error *err);

typedef enum ch_folder_kind {
    CH_FOLDER_OWN,    /* nobody else can make files in it */
    CH_FOLDER_SHARED, /* it may be a sticky one of root's */
} ch_folder_kind;

/* Opens the folder `path`. CH_CONFIG also if it cannot be opened. */
CH_CHECKED ch_status ch_trust_folder(const char *path, ch_folder_kind kind, ch_trusted *out, ch_error *err);

/* Makes the folder `path` with exactly `mode`, if there is nothing of that name; the folder above it must be there and
 * trusted. Whether what is there then is a folder, and trusted, ch_trust_folder says. */
CH_CHECKED ch_status ch_trust_make_folder(const char *path, mode_t mode, ch_error *err);

/* Opens the plain file `name` in `folder` for reading and writing. If it is not there it is made, with mode 0600, if
 * `is_made` says so; else `*fd` is -1. A symbolic link is refused, wherever it leads, and so is a file that has a
 * second name (hard link): somebody could write to another file by way of this one. */
CH_CHECKED ch_status ch_trust_entry(const ch_trusted *folder, const char *name, bool is_made, int *fd, ch_error *err);

#endif
