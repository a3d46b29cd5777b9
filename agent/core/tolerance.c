#include "agent/core/tolerance.h"

#include "agent/core/acceptance.h"
#include "base/log.h"

static void add_meanings(ch_lapses lapses, ch_buffer *out)
{
    const ch_key_rule *rule;
    const char *separator = "";
    for (size_t i = 0; (rule = ch_key_rule_at(i)) != NULL; i++) {
        if ((lapses & 1U << i) == 0)
            continue;
        ch_buffer_add_format(out, "%s%s (%s)", separator, rule->name, rule->danger);
        separator = ", ";
    }
}

void ch_tolerance_promise(const char *name, ch_lapses tolerated, ch_buffer *out)
{
    ch_buffer_add_format(out, "key '%s': policy tolerates ", name);
    add_meanings(tolerated, out);
}

void ch_tolerance_find(const char *name, ch_lapses tolerated, ch_lapses found, ch_buffer *out)
{
    ch_lapses needless = tolerated & ~found;
    ch_buffer_add_format(out, "key '%s': ", name);
    if (found != 0) {
        ch_buffer_add_text(out, "accepted, because policy tolerates it, with ");
        add_meanings(found, out);
    }
    if (needless == 0)
        return;
    ch_buffer_add_format(out, "%spolicy tolerates for nothing, and should not, ", found == 0 ? "" : "; ");
    ch_lapses_add_names(needless, out);
}

void ch_tolerance_say(const ch_policy *policy, void (*say)(const char *line))
{
    for (size_t i = 0; i < policy->key_count; i++) {
        const ch_key *key = &policy->keys[i];
        ch_autobuffer line = CH_BUFFER_INIT;
        if (key->tolerated == 0)
            continue;
        ch_tolerance_promise(key->name, key->tolerated, &line);
        say(ch_buffer_text(&line));
    }
    ch_acceptance_say(policy, say);
}

void ch_tolerance_log(const char *line)
{
    ch_log("%s", line);
}
