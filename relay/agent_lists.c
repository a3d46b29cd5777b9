/* Lists of askings: of those whose end is still to be told, and of those that are held back. Each asking is in one of
 * them at most. */
#include "relay/agent_impl.h"

#include <string.h>

static void insert(ch_asking_list *list, ch_asking **at, ch_asking *asking)
{
    asking->list = list;
    asking->next = *at;
    *at = asking;
    if (asking->next == NULL)
        list->after = &asking->next;
}

void ch_asking_append(ch_asking_list *list, ch_asking *asking)
{
    insert(list, list->after, asking);
}

void ch_asking_unlink(ch_asking *asking)
{
    ch_asking_list *list = asking->list;
    if (list == NULL)
        return;
    ch_asking **at = &list->first;
    while (*at != asking)
        at = &(*at)->next;
    *at = asking->next;
    if (list->after == &asking->next)
        list->after = at;
    asking->list = NULL;
}

ch_asking *ch_asking_pop(ch_asking_list *list)
{
    ch_asking *asking = list->first;
    if (asking != NULL)
        ch_asking_unlink(asking);
    return asking;
}

/* The first of each caller are of one round, the second ones of the next, and so on. */
void ch_agent_hold(ch_agent *agent, ch_asking *asking)
{
    ch_asking **at = &agent->held.first;
    asking->begins_at = CH_HELD;
    asking->round = agent->round;
    ch_buffer_add_slice(&asking->bytes, ch_buffer_slice(&agent->question));
    for (const ch_asking *other = *at; other != NULL; other = other->next) {
        if (strcmp(other->caller, asking->caller) == 0)
            asking->round = other->round + 1;
    }
    while (*at != NULL && (*at)->round <= asking->round)
        at = &(*at)->next;
    insert(&agent->held, at, asking);
}
