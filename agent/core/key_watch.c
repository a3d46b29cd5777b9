#include "agent/core/key_watch.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "policy/key_dates.h"

#include <stdlib.h>

#define LOOK_EVERY_MS 60000

struct ch_key_watch {
    ch_loop *loop;
    const ch_policy *policy;
    ch_timer look;
    uint8_t *said; /* by key and version: the ch_key_due that was said of it */
};

static void look_at(const ch_key *key, uint8_t *said, uint64_t now_ns)
{
    ch_key_due due = ch_key_due_at(key, now_ns);
    ch_autobuffer text = CH_BUFFER_INIT;
    if (due == *said)
        return;
    *said = (uint8_t)due;
    ch_key_due_say(key, now_ns, &text);
    if (text.size > 0)
        ch_log("%s", ch_buffer_text(&text));
}

void ch_key_watch_look(ch_key_watch *watch)
{
    ch_moment now;
    if (!ch_moment_now(&now))
        return;
    for (size_t i = 0; i < watch->policy->key_count; i++) {
        const ch_key *version;
        for (size_t v = 0; (version = ch_key_version(&watch->policy->keys[i], v)) != NULL; v++)
            look_at(version, &watch->said[i * CH_VERSIONS_MAX + v], now.wall_ns);
    }
}

static void on_look(void *context)
{
    ch_key_watch *watch = context;
    ch_loop_set_timer(watch->loop, &watch->look, ch_clock_ms() + LOOK_EVERY_MS);
    ch_key_watch_look(watch);
}

ch_key_watch *ch_key_watch_new(ch_loop *loop, const ch_policy *policy)
{
    ch_key_watch *watch = ch_alloc(sizeof *watch);
    *watch = (ch_key_watch){
        .loop = loop, .policy = policy, .look = {.on_due = on_look, .context = watch}
    };
    return watch;
}

void ch_key_watch_free(ch_key_watch *watch)
{
    if (watch == NULL)
        return;
    ch_loop_cancel_timer(watch->loop, &watch->look);
    free(watch->said);
    free(watch);
}

void ch_key_watch_follow(ch_key_watch *watch)
{
    free(watch->said);
    watch->said = ch_alloc(watch->policy->key_count * CH_VERSIONS_MAX + 1);
    on_look(watch);
}
