/* The token link's keys: named to the process, looked for by it, and what it said of each. */
#include "agent/core/token_link_impl.h"

#include "base/log.h"
#include "base/memory.h"
#include "wire/channel.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- the keys that the policy names ---- */

void ch_token_link_begin_keys(ch_token_link *link)
{
    for (size_t i = 0; i < link->key_count; i++)
        link->keys[i].is_used = false;
    link->old_count = link->key_count;
    link->last_hit = link->old_count;
}

static bool is_same(const ch_known_key *known, const ch_link_key *key)
{
    return strcmp(known->name, key->name) == 0 && strcmp(known->uri, key->uri) == 0 &&
           strcmp(known->mechanism, key->mechanism) == 0;
}

/* A policy names no key twice, so only those of earlier ones are looked at. Returns key_count if it is none of them. */
static size_t find_key(ch_token_link *link, const ch_link_key *key)
{
    for (size_t i = 1; i <= link->old_count; i++) {
        size_t at = (link->last_hit + i) % link->old_count;
        if (is_same(&link->keys[at], key)) {
            link->last_hit = at;
            return at;
        }
    }
    return link->key_count;
}

size_t ch_token_link_add_key(ch_token_link *link, const ch_link_key *key)
{
    size_t at = find_key(link, key);
    if (at == link->key_count) {
        assert(ch_token_link_has_room(link, 1));
        link->keys = ch_realloc_array(link->keys, ++link->key_count, sizeof *link->keys);
        link->keys[at] = (ch_known_key){
            .name = ch_strdup(key->name), .uri = ch_strdup(key->uri), .mechanism = ch_strdup(key->mechanism)};
        ch_token_jobs_set_keys(link->jobs, link->key_count);
    }
    link->keys[at].is_used = true;
    return at;
}

bool ch_token_link_has_room(const ch_token_link *link, size_t count)
{
    return count <= UINT16_MAX - link->key_count;
}

void ch_link_free_keys(ch_token_link *link)
{
    for (size_t i = 0; i < link->key_count; i++) {
        free(link->keys[i].name);
        free(link->keys[i].uri);
        free(link->keys[i].mechanism);
    }
    free(link->keys);
}

/* ---- told to the process ---- */

/* The keys that the process was not told yet, as many as half a packet takes. */
static void next_page(ch_token_link *link, ch_records *page, ch_buffer *records)
{
    for (; link->named < link->key_count && records->size < CH_LINK_PACKET_FILL; link->named++) {
        const ch_known_key *key = &link->keys[link->named];
        const ch_key_object_record record = {.uri = ch_slice_of(key->uri), .mechanism = ch_slice_of(key->mechanism)};
        ch_key_object_record_put(page, records, &record);
    }
}

ch_status ch_link_name_keys(ch_token_link *link, ch_error *err)
{
    link->named = 0;
    link->must_find = false;
    while (link->named < link->key_count) {
        ch_autobuffer records = CH_BUFFER_INIT;
        ch_token_keys_frame frame = {0};
        next_page(link, &frame.keys, &records);
        CH_TRY(ch_token_keys_frame_put(ch_channel_out(&link->child.channel), 0, &frame, err));
    }
    return CH_OK;
}

/* ---- looked for ---- */

/* One page at a time: the process's workers may take packets in any order. */
static ch_status find_page(ch_token_link *link, ch_error *err)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_find_keys_frame frame = {.is_anew = link->must_find};
    link->must_find = false;
    next_page(link, &frame.keys, &records);
    CH_TRY(ch_find_keys_frame_put(ch_channel_out(&link->child.channel), 0, &frame, err));
    ch_link_set_state(link, CH_LINK_FINDING);
    ch_child_flush(&link->child);
    return CH_OK;
}

ch_status ch_link_serve(ch_token_link *link, ch_error *err)
{
    if (link->must_find || link->named < link->key_count)
        return find_page(link, err);
    ch_link_set_state(link, CH_LINK_SERVING);
    return CH_OK;
}

void ch_token_link_find_keys(ch_token_link *link)
{
    ch_error err = CH_ERROR_INIT;
    link->must_find = true;
    if (link->state == CH_LINK_SERVING && ch_link_serve(link, &err) != CH_OK)
        ch_child_end(&link->child, err.message);
}

bool ch_token_link_is_finding(const ch_token_link *link)
{
    return link->state == CH_LINK_FINDING;
}

ch_status ch_link_take_keys_found(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_keys_found_frame found;
    CH_TRY(ch_keys_found_frame_get(frame, &found, err));
    return ch_link_serve(self, err);
}

/* ---- found ---- */

void ch_link_forget_states(ch_token_link *link)
{
    for (size_t i = 0; i < link->key_count; i++)
        link->keys[i].is_known = false;
}

ch_status ch_link_take_key_state(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_token_link *link = self;
    ch_key_state_frame state;
    CH_TRY(ch_key_state_frame_get(frame, &state, err));
    if (state.key >= link->named)
        return ch_fail(err, CH_INTERNAL, "it spoke of a key that it was not given");
    ch_known_key *key = &link->keys[state.key];
    key->is_known = true;
    key->problem = state.problem;
    if (key->is_used && state.problem.status != CH_OK)
        ch_log("key '%s': not usable: %s", key->name, state.problem.message);
    return CH_OK;
}
