/* The token link's keys: named to the process, looked for by it, and what it said of each. */
#include "agent/core/token_link_impl.h"

#include "agent/core/tolerance.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "pkcs11/key_rule.h"
#include "wire/channel.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_A_PAGE 32 /* at most, that are looked for while jobs wait */
#define KEYS_A_LOOK 8  /* at most, of those that cannot sign */
#define PAGE_MS 100    /* that a page should take; a slow token has fewer keys in it */
#define STUCK_MS 2000  /* a search that lasts longer may hang, so no key is called ready */
#define LOOK_EVERY_MS 5000

/* ---- the keys that the policy names ---- */

void ch_token_link_begin_keys(ch_token_link *link)
{
    for (size_t i = 0; i < link->key_count; i++)
        link->keys[i].is_used = false;
}

static bool is_same(const ch_known_key *known, const ch_link_key *key)
{
    return strcmp(known->name, key->name) == 0 && strcmp(known->uri, key->uri) == 0 &&
           strcmp(known->mechanism, key->mechanism) == 0 && known->tolerated == key->tolerated;
}

static size_t chain_of(const char *name)
{
    return ch_slice_hash(ch_slice_of(name)) % CH_LINK_CHAINS;
}

uint32_t ch_link_chain(const ch_token_link *link, const char *name)
{
    return link->chains[chain_of(name)];
}

/* Its index plus one, or 0. */
static uint32_t find_key(const ch_token_link *link, const ch_link_key *key)
{
    uint32_t at = link->chains[chain_of(key->name)];
    while (at != 0 && !is_same(&link->keys[at - 1], key))
        at = link->keys[at - 1].same_chain;
    return at;
}

static size_t append_key(ch_token_link *link, const ch_link_key *key)
{
    uint32_t *chain = &link->chains[chain_of(key->name)];
    assert(ch_token_link_has_room(link, 1));
    link->keys = ch_array_grow(link->keys, link->key_count, sizeof *link->keys);
    link->keys[link->key_count] = (ch_known_key){.same_chain = *chain,
                                                 .name = ch_strdup(key->name),
                                                 .uri = ch_strdup(key->uri),
                                                 .mechanism = ch_strdup(key->mechanism),
                                                 .tolerated = key->tolerated};
    *chain = (uint32_t)++link->key_count;
    ch_token_jobs_set_keys(link->jobs, link->key_count);
    return link->key_count - 1;
}

size_t ch_token_link_add_key(ch_token_link *link, const ch_link_key *key)
{
    uint32_t at = find_key(link, key);
    size_t index = at != 0 ? at - 1 : append_key(link, key);
    link->keys[index].is_used = true;
    ch_link_set_key_ends(link, index, &key->ends, at == 0);
    return index;
}

bool ch_token_link_has_room(const ch_token_link *link, size_t count)
{
    return count <= UINT16_MAX - link->key_count;
}

bool ch_token_link_knows(const ch_token_link *link, const ch_link_key *key)
{
    return find_key(link, key) != 0;
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

size_t ch_link_used_keys(const ch_token_link *link)
{
    size_t count = 0;
    for (size_t i = 0; i < link->key_count; i++)
        count += link->keys[i].is_used;
    return count;
}

static void name_key(ch_token_link *link, size_t index, ch_records *page, ch_buffer *records)
{
    ch_known_key *key = &link->keys[index];
    const ch_key_object_record record = {.index = (uint16_t)index,
                                         .uri = ch_slice_of(key->uri),
                                         .mechanism = ch_slice_of(key->mechanism),
                                         .tolerated = key->tolerated};
    ch_key_object_record_put(page, records, &record);
    key->is_named = true;
}

static ch_status name_page(ch_token_link *link, size_t *next, ch_error *err)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_token_keys_frame frame = {0};
    for (; *next < link->key_count && records.size < CH_LINK_PACKET_FILL; (*next)++) {
        if (link->keys[*next].is_used)
            name_key(link, *next, &frame.keys, &records);
    }
    if (frame.keys.count == 0)
        return CH_OK;
    return ch_token_keys_frame_put(ch_channel_out(&link->child.channel), 0, &frame, err);
}

ch_status ch_link_name_keys(ch_token_link *link, ch_error *err)
{
    for (size_t i = 0; i < link->key_count; i++)
        link->keys[i].is_named = false;
    for (size_t next = 0; next < link->key_count;)
        CH_TRY(name_page(link, &next, err));
    return CH_OK;
}

/* ---- looked for ---- */

static void set_must_find(ch_token_link *link, ch_known_key *key, bool must_find)
{
    link->to_find += must_find - key->must_find;
    key->must_find = must_find;
}

void ch_link_find_key(ch_token_link *link, size_t key)
{
    if (key < link->next)
        link->next = key;
    set_must_find(link, &link->keys[key], link->keys[key].is_used);
}

/* One that was missing may have been made, or an error have passed. They take turns. */
void ch_link_look_again(ch_token_link *link, uint64_t now_ms)
{
    size_t chosen = 0;
    if (link->state != CH_LINK_SERVING || link->to_find > 0 || now_ms - link->looked_ms < LOOK_EVERY_MS)
        return;
    link->looked_ms = now_ms;
    size_t most = link->page_keys < KEYS_A_LOOK ? link->page_keys : KEYS_A_LOOK;
    for (size_t i = 0; i < link->key_count && chosen < most; i++) {
        size_t key = link->look_next++ % link->key_count;
        if (!link->keys[key].is_used || ch_link_is_usable(link, key))
            continue;
        ch_link_find_key(link, key);
        chosen++;
    }
}

void ch_token_link_find_keys(ch_token_link *link)
{
    link->next = 0;
    ch_link_trust_all(link);
    for (size_t i = 0; i < link->key_count; i++)
        set_must_find(link, &link->keys[i], link->keys[i].is_used);
}

void ch_link_expect_all(ch_token_link *link)
{
    for (size_t i = 0; i < link->key_count; i++) {
        ch_known_key *key = &link->keys[i];
        key->is_told = false;
        set_must_find(link, key, key->is_used && !key->is_named);
    }
}

void ch_link_note_search(ch_token_link *link, size_t keys, uint64_t took_ms)
{
    uint64_t fit = took_ms == 0 ? KEYS_A_PAGE : PAGE_MS * keys / took_ms;
    link->page_keys = fit < 1 ? 1 : fit > KEYS_A_PAGE ? KEYS_A_PAGE : (size_t)fit;
}

/* One page at a time: the process's workers may take packets in any order. */
static ch_status find_page(ch_token_link *link, ch_error *err)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_find_keys_frame frame = {0};
    for (; link->to_find > 0 && frame.keys.count < link->page_keys && records.size < CH_LINK_PACKET_FILL;
         link->next++) {
        ch_known_key *key = &link->keys[link->next];
        if (!key->must_find)
            continue;
        set_must_find(link, key, false);
        key->is_told = false;
        name_key(link, link->next, &frame.keys, &records);
    }
    CH_TRY(ch_find_keys_frame_put(ch_channel_out(&link->child.channel), 0, &frame, err));
    link->asked_keys = frame.keys.count;
    ch_link_set_state(link, CH_LINK_FINDING);
    ch_child_flush(&link->child);
    return CH_OK;
}

void ch_link_find_some(ch_token_link *link)
{
    ch_error err = CH_ERROR_INIT;
    if (link->state == CH_LINK_SERVING && link->to_find > 0 && find_page(link, &err) != CH_OK)
        ch_child_end(&link->child, err.message);
}

bool ch_token_link_is_finding(const ch_token_link *link)
{
    return link->state == CH_LINK_FINDING || (link->state == CH_LINK_SERVING && link->to_find > 0);
}

/* A process that comes further has time for more, however many keys there are. */
ch_status ch_link_take_find_progress(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_token_link *link = self;
    ch_find_progress_frame progress;
    CH_TRY(ch_find_progress_frame_get(frame, &progress, err));
    if (progress.done <= link->found || progress.done > progress.total)
        return ch_fail(err, CH_INTERNAL, "it came to key %u of %u, after key %u", progress.done, progress.total,
                       link->found);
    link->found = progress.done;
    link->since_ms = ch_clock_ms();
    if (link->waiter.tell != NULL)
        link->waiter.tell(link->waiter.context, progress.done, progress.total);
    return CH_OK;
}

ch_status ch_link_take_keys_found(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_token_link *link = self;
    ch_keys_found_frame found;
    CH_TRY(ch_keys_found_frame_get(frame, &found, err));
    ch_link_note_search(link, link->asked_keys, ch_clock_ms() - link->open_ms);
    ch_link_set_state(link, CH_LINK_SERVING);
    return CH_OK;
}

/* ---- found ---- */

bool ch_link_is_usable(const ch_token_link *link, size_t key)
{
    return link->keys[key].is_known && link->keys[key].problem.status == CH_OK;
}

bool ch_link_takes_pin(const ch_token_link *link, size_t key)
{
    return (link->keys[key].lapses & ch_lapse_of_type(CKA_ALWAYS_AUTHENTICATE)) != 0;
}

bool ch_token_link_is_ready(const ch_token_link *link, size_t key)
{
    assert(key < link->key_count);
    bool is_stuck = link->state == CH_LINK_FINDING && ch_clock_ms() - link->open_ms > STUCK_MS;
    return ch_link_is_open(link) && !is_stuck && ch_link_is_usable(link, key) && !ch_link_has_key_ended(link, key);
}

ch_lapses ch_token_link_lapses(const ch_token_link *link, size_t key)
{
    return ch_token_link_is_ready(link, key) ? link->keys[key].lapses : 0;
}

void ch_link_forget_states(ch_token_link *link)
{
    for (size_t i = 0; i < link->key_count; i++)
        link->keys[i].is_known = false;
}

/* While a login is under way, the PIN is not kept yet. */
static void require_pin(ch_token_link *link, size_t index)
{
    ch_known_key *key = &link->keys[index];
    bool has_pin = link->pin.data != NULL || (link->trial.data != NULL && link->config.may_relogin);
    if (key->problem.status == CH_OK && ch_link_takes_pin(link, index) && !has_pin)
        ch_error_set(&key->problem, CH_REFUSED, "CKA_ALWAYS_AUTHENTICATE",
                     "token '%s' takes the PIN for each signature with this key, and the agent has not kept it%s",
                     link->config.name,
                     link->config.login == CH_LOGIN_PIN
                         ? ": set 'relogin: true' for the token in agent.yaml, and unlock it again"
                         : ", since it is not given it");
}

static void report(const ch_known_key *key, bool was_unusable)
{
    ch_autobuffer tolerance = CH_BUFFER_INIT;
    if (key->problem.status != CH_OK) {
        ch_log("key '%s': not usable: %s", key->name, key->problem.message);
        return;
    }
    if (was_unusable)
        ch_log("key '%s': usable now", key->name);
    if (key->tolerated == 0)
        return;
    ch_tolerance_find(key->name, key->tolerated, key->lapses, &tolerance);
    ch_log("%s", ch_buffer_text(&tolerance));
}

ch_status ch_link_take_key_state(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_token_link *link = self;
    ch_key_state_frame state;
    CH_TRY(ch_key_state_frame_get(frame, &state, err));
    if (state.key >= link->key_count || !link->keys[state.key].is_named)
        return ch_fail(err, CH_INTERNAL, "it spoke of a key that it was not given");
    ch_known_key *key = &link->keys[state.key];
    if (key->is_told)
        return ch_fail(err, CH_INTERNAL, "it spoke of a key twice");
    if (state.problem.status == CH_OK && (state.lapses & ~key->tolerated) != 0)
        return ch_fail(err, CH_INTERNAL, "it accepted a key with what is not tolerated");
    if (state.print.size != 0 && state.print.size != CH_PRINT_SIZE)
        return ch_fail(err, CH_INTERNAL, "it told a print of %zu bytes", state.print.size);
    const ch_error problem = ch_link_judge_key(link, key, &state);
    bool is_news = !key->is_known || strcmp(key->problem.message, problem.message) != 0 || key->lapses != state.lapses;
    bool was_unusable = key->is_known && key->problem.status != CH_OK;
    key->is_told = true;
    key->is_known = true;
    key->problem = problem;
    key->lapses = state.lapses;
    require_pin(link, state.key);
    if (key->is_used && (is_news || was_unusable))
        report(key, was_unusable);
    return CH_OK;
}
