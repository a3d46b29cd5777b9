/* The token link's trust in keys: one that signed wrongly is not used for long. */
#include "agent/core/token_link_impl.h"

#include "base/log.h"

#define WRONG_MAX 2 /* signatures in a row: of a fresh process, the first is checked again */

void ch_link_trust_key(ch_token_link *link, size_t key)
{
    link->keys[key].wrong = 0;
}

void ch_link_trust_all(ch_token_link *link)
{
    for (size_t i = 0; i < link->key_count; i++)
        link->keys[i].wrong = 0;
}

void ch_link_distrust_key(ch_token_link *link, size_t key, const ch_error *why)
{
    ch_known_key *known = &link->keys[key];
    known->wrong++;
    ch_log(
        "key '%s': WRONG SIGNATURE, which was withheld: %s; others that were not checked may have been wrong as well",
        known->name, why->message);
}

ch_error ch_link_judge_key(const ch_known_key *key, const ch_key_state_frame *state)
{
    ch_error problem = state->problem;
    if (problem.status == CH_OK && key->wrong >= WRONG_MAX)
        ch_error_set(
            &problem, CH_UNAVAILABLE, "",
            "the token signed wrongly with it, and again in a fresh process, so it is not used; when the token "
            "has been looked into, 'chancery reload' has it tried again");
    return problem;
}
