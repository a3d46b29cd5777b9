#include "agent/core/callers.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define PLACES 64

typedef struct place {
    bool is_taken;
    ch_peer peer;
    ch_caller_set set;
} place;

struct ch_callers {
    place places[PLACES];
};

ch_callers *ch_callers_new(void)
{
    return ch_alloc(sizeof(ch_callers));
}

void ch_callers_free(ch_callers *callers)
{
    free(callers);
}

void ch_callers_forget(ch_callers *callers)
{
    for (size_t i = 0; i < PLACES; i++)
        callers->places[i].is_taken = false;
}

static bool is_same(const ch_peer *a, const ch_peer *b)
{
    return a->uid == b->uid && a->gid == b->gid && a->group_count == b->group_count &&
           strcmp(a->socket, b->socket) == 0 && strcmp(a->unit, b->unit) == 0 &&
           memcmp(a->groups, b->groups, a->group_count * sizeof a->groups[0]) == 0;
}

static place *place_of(ch_callers *callers, const ch_peer *peer)
{
    uint32_t hash = (uint32_t)peer->uid * 2654435761U ^ ch_slice_hash(ch_slice_of(peer->socket)) ^
                    ch_slice_hash(ch_slice_of(peer->unit));
    return &callers->places[(hash ^ hash >> 16) % PLACES];
}

const ch_caller_set *ch_callers_find(ch_callers *callers, const ch_policy *policy, const ch_peer *peer)
{
    place *at = place_of(callers, peer);
    if (at->is_taken && is_same(&at->peer, peer))
        return &at->set;
    *at = (place){.is_taken = true, .peer = *peer};
    if (!ch_policy_identify(policy, peer, &at->set))
        at->set = (ch_caller_set){0};
    return &at->set;
}

void ch_callers_print(const ch_policy *policy, const ch_caller_set *set, ch_buffer *out)
{
    const char *separator = "";
    for (size_t i = 0; i < policy->caller_count; i++) {
        if (!ch_caller_set_has(set, i))
            continue;
        ch_buffer_add_text(out, separator);
        ch_buffer_add_text(out, policy->callers[i].name);
        separator = ", ";
    }
}

bool ch_callers_have_role(const ch_policy *policy, const ch_caller_set *set, ch_caller_role role)
{
    for (size_t i = 0; i < policy->caller_count; i++) {
        if (ch_caller_set_has(set, i) && policy->callers[i].role == role)
            return true;
    }
    return false;
}
