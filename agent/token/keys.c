#include "agent/token/keys.h"

#include "base/clock.h"
#include "base/memory.h"
#include "wire/frames.h"

#define LONG_NS 20000000       /* a job that takes longer was not just preempted */
#define TIMED 2                /* keys that are searched for in any case */
#define INDEX_WORTH_NS 5000000 /* what is less is not worth an index */
#define CLASSES_MAX 3          /* secret, private and public keys */

static ch_signer_key *make_room(ch_signer_keys *keys, size_t index)
{
    for (; keys->end <= index; keys->end++) {
        keys->keys = ch_array_grow(keys->keys, keys->end, sizeof *keys->keys);
        keys->keys[keys->end] = (ch_signer_key){.uri = NULL};
    }
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

/* ---- finding ---- */

/* A search that is under way. */
typedef struct finder {
    const ch_signer_search *search;
    ch_signer_keys *keys;
    const size_t *indices;
    size_t count;
    size_t done;                 /* of the keys */
    size_t looked_at;            /* objects, for the index */
    size_t objects;              /* that there are to look at */
    const ch_mechanism *offered; /* the last that the token was asked for, and has */
    uint64_t quickest_ns;        /* search for one key */
    ch_key_index *index;
} finder;

static void tell(const finder *self)
{
    if (self->search->tell != NULL)
        self->search->tell(self->search->context, self->done + self->looked_at, self->count + self->objects);
}

static ch_status find_key(finder *self, ch_signer_key *key, ch_error *err)
{
    ch_session *session = self->search->session;
    if (key->mechanism == NULL)
        return ch_fail(err, CH_CONFIG, "the profile's mechanism is unknown to this build");
    if (key->mechanism != self->offered)
        CH_TRY(ch_token_offers(self->search->token, key->mechanism, err));
    self->offered = key->mechanism;
    CH_TRY(ch_key_find_in(session, self->index, key->uri, key->mechanism, &key->key, err));
    CH_TRY(ch_key_verify(session, &key->key, key->tolerated, err));
    CH_TRY(ch_proof_begin(&key->proof, session, self->index, &key->key, err));
    key->print = ch_key_print_of_public(key->proof.public_half);
    return CH_OK;
}

static void find_next(finder *self)
{
    ch_signer_key *key = &self->keys->keys[self->indices[self->done]];
    uint64_t began_ns = ch_clock_ns();
    key->state = (ch_error)CH_ERROR_INIT;
    key->print.size = 0;
    key->is_printed = false;
    ch_ignore(find_key(self, key, &key->state)); /* the state says it */
    uint64_t spent_ns = ch_clock_ns() - began_ns;
    if (self->quickest_ns == 0 || spent_ns < self->quickest_ns)
        self->quickest_ns = spent_ns;
    self->done++;
    tell(self);
}

static void on_object(void *context, size_t done, size_t total)
{
    finder *self = context;
    self->looked_at = done;
    self->objects = total;
    tell(self);
}

static void add_class(CK_OBJECT_CLASS *classes, size_t *count, CK_OBJECT_CLASS object_class)
{
    for (size_t i = 0; i < *count; i++) {
        if (classes[i] == object_class)
            return;
    }
    classes[(*count)++] = object_class;
}

/* What the keys lie among, and their public halves. */
static size_t classes_of(const finder *self, CK_OBJECT_CLASS *classes)
{
    size_t count = 0;
    for (size_t i = self->done; i < self->count; i++) {
        const ch_mechanism *mechanism = self->keys->keys[self->indices[i]].mechanism;
        if (mechanism != NULL)
            add_class(classes, &count, mechanism->key_class);
        if (mechanism != NULL && mechanism->key_class == CKO_PRIVATE_KEY)
            add_class(classes, &count, CKO_PUBLIC_KEY);
    }
    return count;
}

/* Without an index, be it because the token would not have it, the keys are searched for one by one. */
static void make_index(finder *self)
{
    CK_OBJECT_CLASS classes[CLASSES_MAX];
    ch_error ignored = CH_ERROR_INIT;
    const ch_key_index_watcher watcher = {self, on_object};
    uint64_t worth_ns = (self->count - self->done) * self->quickest_ns;
    if (worth_ns < INDEX_WORTH_NS)
        return;
    ch_ignore(ch_key_index_make(self->search->session, classes, classes_of(self, classes), worth_ns, &watcher,
                                &self->index, &ignored));
    self->objects = self->looked_at; /* all that were to be looked at */
}

/* What is quicker, a search for each key or a look at each object, depends on the token and on what lies there. So the
 * first searches are timed. */
void ch_signer_keys_find(ch_signer_keys *keys, const size_t *indices, size_t count, const ch_signer_search *search)
{
    finder self = {.search = search, .keys = keys, .indices = indices, .count = count};
    while (self.done < count && self.done < TIMED)
        find_next(&self);
    if (self.done < count)
        make_index(&self);
    while (self.done < count)
        find_next(&self);
    ch_key_index_free(self.index);
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

bool ch_signer_key_takes_pin(const ch_signer_key *key)
{
    return (key->key.lapses & ch_lapse_of_type(CKA_ALWAYS_AUTHENTICATE)) != 0;
}

/* Keep the minimum, because a preempted job says nothing about the next one. Let it rise slowly, so that it recovers
 * when every job gets slower; and at once to what no preemption explains, since core must not go on as before. */
uint32_t ch_signer_key_note_cost(ch_signer_key *key, uint64_t spent_ns)
{
    uint32_t before_ns = key->cost_ns;
    uint64_t most_ns = before_ns == 0 || spent_ns > LONG_NS ? UINT32_MAX : (uint64_t)before_ns + before_ns / 8 + 1000;
    if (most_ns > UINT32_MAX)
        most_ns = UINT32_MAX;
    uint32_t cost_ns = (uint32_t)(spent_ns < most_ns ? spent_ns : most_ns);
    key->cost_ns = cost_ns;
    return cost_ns;
}

bool ch_signer_key_is_hmac(const ch_signer_key *key)
{
    return key->mechanism != NULL && key->mechanism->key_class == CKO_SECRET_KEY;
}
