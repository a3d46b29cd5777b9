#include "agent/core/connections.h"

#include "base/memory.h"
#include "base/slots.h"

#include <stdlib.h>

struct ch_connections {
    ch_slots *slots;
    ch_peer peers[CH_CONNECTIONS_MAX];
};

ch_connections *ch_connections_new(void)
{
    ch_connections *connections = ch_alloc(sizeof *connections);
    connections->slots = ch_slots_new(CH_CONNECTIONS_MAX);
    return connections;
}

void ch_connections_free(ch_connections *connections)
{
    if (connections == NULL)
        return;
    ch_slots_free(connections->slots);
    free(connections);
}

ch_status ch_connections_add(ch_connections *connections, const ch_peer *peer, uint64_t *id, ch_error *err)
{
    *id = ch_slots_take(connections->slots);
    if (*id == 0)
        return ch_fail(err, CH_BUSY, "%d connections are open", CH_CONNECTIONS_MAX);
    connections->peers[ch_slot_index(*id)] = *peer;
    return CH_OK;
}

const ch_peer *ch_connections_peer(const ch_connections *connections, uint64_t id)
{
    size_t index;
    return ch_slots_find(connections->slots, id, &index) ? &connections->peers[index] : NULL;
}

void ch_connections_remove(ch_connections *connections, uint64_t id)
{
    size_t index;
    if (ch_slots_find(connections->slots, id, &index))
        ch_slots_release(connections->slots, id);
}

void ch_connections_remove_all(ch_connections *connections)
{
    for (size_t i = 0; i < CH_CONNECTIONS_MAX; i++)
        ch_connections_remove(connections, ch_slots_id(connections->slots, i));
}
