/* A file that halts all trading when it appears, for those who watch from outside: a monitoring system, a script, a
 * person at a console. Whoever may make files in its folder may freeze, and can do nothing else: the file is never
 * read, and nothing is thawed when it goes.
 *
 * The folder is watched (inotify(7)), so the loop never waits for its disk; it must be a local one. What leaves in
 * doubt whether the file has appeared is a freeze too: the folder was removed, or so much happened in it that some was
 * lost. Core's thread only. */
#ifndef CH_AGENT_CORE_FREEZE_FILE_H
#define CH_AGENT_CORE_FREEZE_FILE_H

#include "base/loop.h"
#include "base/error.h"

#include <stdbool.h>

typedef struct ch_freeze_file ch_freeze_file;

/* `freeze` is called each time, with a sentence that says what has happened. */
typedef struct ch_freeze_file_owner {
    void *context;
    void (*freeze)(void *context, const char *why);
} ch_freeze_file_owner;

/* CH_CONFIG unless the file's folder is there, nobody but root and the agent can put another in its place, and not
 * everybody can write to it. The folder itself may be anybody's. */
CH_CHECKED ch_status ch_freeze_file_check(const char *path, ch_error *err);

/* Checks, and watches from here on. If the file is there already, `freeze` is called before this returns. */
CH_CHECKED ch_status ch_freeze_file_watch(ch_loop *loop, const char *path, const ch_freeze_file_owner *owner,
                                          ch_freeze_file **out, ch_error *err);
/* NULL is fine. */
void ch_freeze_file_free(ch_freeze_file *file);

/* Returns true while the file exists. The next start would then freeze again. `file` may be NULL. */
bool ch_freeze_file_is_there(const ch_freeze_file *file);
const char *ch_freeze_file_path(const ch_freeze_file *file);

#endif
