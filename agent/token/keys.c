#include "agent/token/keys.h"

#include "base/memory.h"
#include "wire/frames.h"

static ch_signer_key *make_room(ch_signer_keys *keys, size_t index)
{
    if (index >= keys->end)
        keys->keys = ch_realloc_array(keys->keys, index + 1, sizeof *keys->keys);
    for (; keys->end <= index; keys->end++)
        keys->keys[keys->end] = (ch_signer_key){.uri = NULL};
    return &keys->keys[index];
}

void ch_signer_keys_add(ch_signer_keys *keys, ch_records objects)
{
    ch_key_object_record object;
    while (ch_key_object_record_next(&objects, &object)) {
        ch_signer_key *key = make_room(keys, object.index);
        if (key->uri != NULL)
            continue;
        key->uri = ch_slice_strdup(object.uri);
        key->mechanism = ch_mechanism_find(object.mechanism);
        key->tolerated = object.tolerated;
        keys->count++;
    }
}

static ch_status find_key(ch_signer_key *key, ch_token *token, ch_session *session, ch_error *err)
{
    if (key->mechanism == NULL)
        return ch_fail(err, CH_CONFIG, "the profile's mechanism is unknown to this build");
    CH_TRY(ch_token_offers(token, key->mechanism, err));
    CH_TRY(ch_key_find(session, key->uri, key->mechanism, &key->key, err));
    return ch_key_verify(session, &key->key, key->tolerated, err);
}

void ch_signer_keys_find(ch_signer_keys *keys, size_t index, ch_token *token, ch_session *session)
{
    ch_signer_key *key = &keys->keys[index];
    key->state = (ch_error)CH_ERROR_INIT;
    ch_ignore(find_key(key, token, session, &key->state)); /* the state says it */
}

ch_status ch_signer_keys_get(ch_signer_keys *keys, size_t index, ch_signer_key **out, ch_error *err)
{
    if (index >= keys->end || keys->keys[index].uri == NULL)
        return ch_fail(err, CH_INTERNAL, "core sent a job for a key that it did not name");
    *out = &keys->keys[index];
    if ((*out)->state.status == CH_OK)
        return CH_OK;
    *err = (*out)->state;
    return err->status;
}

/* Keep the minimum, because a preempted job says nothing about the next one. Let it rise slowly, so that it recovers
 * when every job gets slower. */
uint32_t ch_signer_key_note_cost(ch_signer_key *key, uint64_t spent_ns)
{
    uint32_t before_ns = key->cost_ns;
    uint64_t most_ns = before_ns == 0 ? UINT32_MAX : (uint64_t)before_ns + before_ns / 8 + 1000;
    if (most_ns > UINT32_MAX)
        most_ns = UINT32_MAX;
    uint32_t cost_ns = (uint32_t)(spent_ns < most_ns ? spent_ns : most_ns);
    key->cost_ns = cost_ns;
    return cost_ns;
}
