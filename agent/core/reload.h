/* Reading the rules anew while the agent runs. A thread reads and checks the files, so that the loop never waits for
 * them; core then takes the new rules whole, or keeps the old ones. Core's thread only. */
#ifndef CH_AGENT_CORE_RELOAD_H
#define CH_AGENT_CORE_RELOAD_H

#include "agent/core/rules.h"
#include "base/loop.h"

typedef struct ch_reload ch_reload;

/* Who waits for the outcome; `answer` is called once, unless ch_reload_forget comes first. */
typedef struct ch_reload_waiter {
    void *context;
    void (*answer)(void *context, const ch_error *outcome);
} ch_reload_waiter;

/* Everything is read from `config_path`, which must outlive the room. CH_IO: the system has no descriptor left. */
CH_CHECKED ch_status ch_reload_new(ch_loop *loop, const char *config_path, ch_reload **out, ch_error *err);
/* A thread that is still reading is left to itself: the process is about to end. NULL is fine. */
void ch_reload_free(ch_reload *reload);

/* Starts to read. If that is under way, it is done once more afterwards, since a file may have changed after it was
 * read. `waiter` may be NULL. CH_BUSY: too many wait. */
CH_CHECKED ch_status ch_reload_begin(ch_reload *reload, const ch_reload_waiter *waiter, ch_error *err);
/* The waiter with this context has left. */
void ch_reload_forget(ch_reload *reload, const void *context);

/* True if something was read, or could not be. Then call ch_reload_take, and ch_reload_end with what came of it. */
bool ch_reload_is_done(const ch_reload *reload);
/* What was read, for the caller to free; or why not. */
CH_CHECKED ch_status ch_reload_take(ch_reload *reload, ch_rules *out, ch_error *err);
/* Answers those who wait. */
void ch_reload_end(ch_reload *reload, const ch_error *outcome);
/* Why the last reload failed, or takes so long; "" if there is nothing to say. */
const char *ch_reload_trouble(const ch_reload *reload);

#endif
