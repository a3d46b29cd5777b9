/* The token link's unlocks: when they end, and what ends them. An unlock is under way while somebody is logged in, and
 * while a PIN is kept for a process that is being restarted: whoever logs that in again begins nothing anew. */
#include "agent/core/token_link_impl.h"

#include "base/clock.h"
#include "base/log.h"
#include "policy/period.h"
#include "policy/unlock.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- what has ended it ---- */

static void explain(ch_unlock_end end, const ch_unlock_ends *ends, ch_buffer *out)
{
    switch (end) {
    case CH_UNLOCK_FOR:
        ch_buffer_add_text(out, "its unlock ended after ");
        ch_duration_print(ends->for_ns, out);
        ch_buffer_add_text(out, ", as 'for' in the policy says");
        break;
    case CH_UNLOCK_IDLE:
        ch_buffer_add_text(out, "its unlock ended after ");
        ch_duration_print(ends->idle_ns, out);
        ch_buffer_add_text(out, " without a signature, as 'idle' in the policy says");
        break;
    case CH_UNLOCK_SUSPEND:
        ch_buffer_add_text(out, "the machine was suspended, which ends an unlock unless the policy has "
                                "'survives_suspend' for the token");
        break;
    case CH_UNLOCK_REMOVAL:
        ch_buffer_add_text(out, "the token was taken out, which ends an unlock unless the policy has "
                                "'survives_removal' for it");
        break;
    case CH_UNLOCK_FREEZE:
        ch_buffer_add_text(out, "trading was frozen, which ends this unlock, as 'survives_freeze' in the policy says");
        break;
    case CH_UNLOCK_LASTS:
        break;
    }
}

static void set_ended(ch_error *out, ch_unlock_end end, const ch_unlock_ends *ends)
{
    ch_autobuffer why = CH_BUFFER_INIT;
    char rule[sizeof out->rule];
    explain(end, ends, &why);
    snprintf(rule, sizeof rule, "unlock-%s", ch_unlock_end_name(end));
    ch_error_set(out, CH_LOCKED, rule, "%s", ch_buffer_text(&why));
}

static bool is_under_way(const ch_token_link *link)
{
    return ch_link_is_open(link) || link->pin.data != NULL;
}

/* Two clocks read one after the other, in each turn of the loop. A thread that is interrupted in between sees too
 * little sleep, and the rest in the next turn. */
static bool has_slept(const ch_token_link *link, uint64_t now_ns)
{
    return !link->may_sleep && ch_unlock_was_suspended(link->slept_ns, (int64_t)(now_ns - ch_clock_ns()));
}

static ch_unlock_end find_end(const ch_token_link *link)
{
    if (!is_under_way(link))
        return CH_UNLOCK_LASTS;
    uint64_t now_ns = ch_clock_boot_ns();
    ch_unlock_end end = ch_unlock_ended(&link->unlock, now_ns);
    return end == CH_UNLOCK_LASTS && has_slept(link, now_ns) ? CH_UNLOCK_SUSPEND : end;
}

bool ch_link_has_ended(const ch_token_link *link)
{
    return find_end(link) != CH_UNLOCK_LASTS;
}

static ch_unlock_end find_key_end(const ch_token_link *link, size_t key)
{
    const ch_unlock_time *time = &link->keys[key].unlock;
    bool has_end = time->ends.for_ns != 0 || time->ends.idle_ns != 0 || time->is_frozen;
    return has_end && is_under_way(link) ? ch_unlock_ended(time, ch_clock_boot_ns()) : CH_UNLOCK_LASTS;
}

bool ch_link_has_key_ended(const ch_token_link *link, size_t key)
{
    return find_key_end(link, key) != CH_UNLOCK_LASTS;
}

ch_status ch_link_check_key_unlock(const ch_token_link *link, size_t key, ch_error *err)
{
    ch_error why = CH_ERROR_INIT;
    ch_unlock_end end = find_key_end(link, key);
    if (end == CH_UNLOCK_LASTS)
        return CH_OK;
    set_ended(&why, end, &link->keys[key].unlock.ends);
    return ch_fail_rule(err, CH_LOCKED, why.rule,
                        "key '%s' is locked: %s; its time begins anew when an operator unlocks its token anew: "
                        "chancery lock %s, and then chancery unlock %s",
                        link->keys[key].name, why.message, link->config.name, link->config.name);
}

/* ---- its life ---- */

void ch_link_begin_unlock(ch_token_link *link)
{
    uint64_t now_ns = ch_clock_boot_ns();
    link->ended = (ch_error)CH_ERROR_INIT;
    link->may_sleep = link->rule.survives_suspend;
    link->may_leave = link->rule.survives_removal;
    ch_unlock_begin(&link->unlock, &link->rule.ends, now_ns);
    for (size_t i = 0; i < link->key_count; i++)
        ch_unlock_begin(&link->keys[i].unlock, &link->keys[i].ends, now_ns);
    ch_log("token '%s': unlocked%s", link->config.name, link->is_unattended ? ", unattended" : "");
}

/* The versions of a key are idle together: the next one has not signed yet when its time comes. */
void ch_link_note_use(ch_token_link *link, size_t key)
{
    uint64_t now_ns = ch_clock_boot_ns();
    ch_unlock_use(&link->unlock, now_ns);
    for (uint32_t at = ch_link_chain(link, link->keys[key].name); at != 0; at = link->keys[at - 1].same_chain) {
        ch_known_key *other = &link->keys[at - 1];
        if (other->is_used && strcmp(other->name, link->keys[key].name) == 0)
            ch_unlock_use(&other->unlock, now_ns);
    }
}

/* All that ends with a time is locked as an operator would lock it. */
void ch_token_link_look_at_end(ch_token_link *link)
{
    ch_unlock_end end = find_end(link);
    if (end == CH_UNLOCK_LASTS)
        return;
    set_ended(&link->ended, end, &link->unlock.ends);
    ch_log("token '%s': locked: %s", link->config.name, link->ended.message);
    ch_link_lock_by_itself(link);
}

void ch_token_link_freeze_key(ch_token_link *link, const char *name)
{
    for (uint32_t at = ch_link_chain(link, name); at != 0; at = link->keys[at - 1].same_chain) {
        ch_known_key *key = &link->keys[at - 1];
        if (strcmp(key->name, name) != 0 || !is_under_way(link))
            continue;
        bool was_frozen = key->unlock.is_frozen;
        ch_unlock_freeze(&key->unlock);
        if (key->is_used && key->unlock.is_frozen && !was_frozen)
            ch_log("key '%s': locked, because trading was frozen", name);
    }
}

void ch_token_link_freeze(ch_token_link *link)
{
    ch_unlock_freeze(&link->unlock);
}

static bool says_that_it_is_gone(const ch_error *why)
{
    static const char *const rules[] = {"CKR_TOKEN_NOT_PRESENT", "CKR_DEVICE_REMOVED", "CKR_TOKEN_NOT_RECOGNIZED"};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (strcmp(why->rule, rules[i]) == 0)
            return true;
    }
    return false;
}

/* There is nothing to log out of, and the process is started anew in any case. */
void ch_link_note_removal(ch_token_link *link, const ch_error *why)
{
    bool is_missing = link->state == CH_LINK_STARTING && why->status == CH_NOT_FOUND; /* no token fits, and one did */
    if (!is_under_way(link) || link->may_leave || !(is_missing || says_that_it_is_gone(why)))
        return;
    ch_secret_wipe(&link->pin);
    set_ended(&link->ended, CH_UNLOCK_REMOVAL, &link->unlock.ends);
    ch_log("token '%s': locked: %s", link->config.name, link->ended.message);
}

void ch_token_link_note_not_unattended(ch_token_link *link, const char *why)
{
    ch_error_set(&link->ended, CH_LOCKED, "", "it could not be unlocked unattended: %s", why);
}

/* ---- policy ---- */

void ch_token_link_set_unlock(ch_token_link *link, const ch_unlock_rule *rule)
{
    link->rule = *rule;
    ch_unlock_narrow(&link->unlock, &rule->ends);
    link->may_sleep = link->may_sleep && rule->survives_suspend;
    link->may_leave = link->may_leave && rule->survives_removal;
}

/* A key that is new to the link, under a name that it knows, has no more time than that one has left. */
static void inherit(const ch_token_link *link, ch_known_key *key)
{
    key->unlock = (ch_unlock_time){.since_ns = link->unlock.since_ns, .used_ns = link->unlock.since_ns};
    for (uint32_t at = key->same_chain; at != 0; at = link->keys[at - 1].same_chain) {
        const ch_known_key *other = &link->keys[at - 1];
        if (strcmp(other->name, key->name) != 0)
            continue;
        ch_unlock_narrow(&key->unlock, &other->unlock.ends);
        key->unlock.is_frozen = key->unlock.is_frozen || other->unlock.is_frozen;
        if (other->unlock.used_ns > key->unlock.used_ns)
            key->unlock.used_ns = other->unlock.used_ns;
    }
}

void ch_link_set_key_ends(ch_token_link *link, size_t key, const ch_unlock_ends *ends, bool is_new)
{
    ch_known_key *known = &link->keys[key];
    if (is_new)
        inherit(link, known);
    known->ends = *ends;
    ch_unlock_narrow(&known->unlock, ends);
}

/* ---- what there is to see ---- */

static ch_link_unlock nothing(void)
{
    return (ch_link_unlock){.end_ns = CH_UNLOCK_NEVER, .by = CH_UNLOCK_LASTS};
}

ch_link_unlock ch_token_link_unlock_end(const ch_token_link *link)
{
    ch_link_unlock seen = nothing();
    if (!is_under_way(link))
        return seen;
    seen.is_unattended = link->is_unattended;
    seen.end_ns = ch_unlock_end_ns(&link->unlock, &seen.by);
    return seen;
}

ch_link_unlock ch_token_link_key_end(const ch_token_link *link, size_t key)
{
    ch_link_unlock seen = nothing();
    assert(key < link->key_count);
    if (is_under_way(link))
        seen.end_ns = ch_unlock_end_ns(&link->keys[key].unlock, &seen.by);
    return seen;
}
