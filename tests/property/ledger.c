/* Which requests have the same payload, and whether policy treats them alike.
 *
 * A payload is known by 128 bits of hash, what a request says by 64: sums of hashes where order means nothing. */
#include "base/buffer.h"
#include "base/memory.h"
#include "tests/property/property.h"
#include "exchange/confusion.h"
#include "exchange/needs.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS (1U << 16)
#define BLOCK_BYTES (1U << 20)

typedef struct entry {
    struct entry *next;
    uint64_t payload[2];
    uint64_t path;
    uint64_t meaning; /* the parameters: names, values, structure */
    uint64_t sent;    /* the same as they stand in a form */
    const ch_endpoint *endpoint;
    const ch_scheme *scheme;
    unsigned classes;
    unsigned needed; /* of them, those that the request needs by itself */
    unsigned covers;
    const char *request; /* as text */
} entry;

typedef struct block {
    struct block *next;
    size_t used;
    _Alignas(max_align_t) uint8_t bytes[BLOCK_BYTES];
} block;

struct ledger {
    entry *buckets[BUCKETS];
    block *blocks;
};

ledger *ledger_new(void)
{
    return ch_alloc(sizeof(ledger));
}

void ledger_free(ledger *all)
{
    while (all->blocks != NULL) {
        block *next = all->blocks->next;
        free(all->blocks);
        all->blocks = next;
    }
    free(all);
}

static void *take(ledger *all, size_t size)
{
    size = (size + 15) / 16 * 16;
    if (all->blocks == NULL || all->blocks->used + size > BLOCK_BYTES) {
        block *fresh = malloc(sizeof *fresh);
        if (fresh == NULL || size > BLOCK_BYTES)
            abort();
        fresh->next = all->blocks;
        fresh->used = 0;
        all->blocks = fresh;
    }
    void *taken = all->blocks->bytes + all->blocks->used;
    all->blocks->used += size;
    return taken;
}

/* ---- what a request says ---- */

/* 1 and "1" mean the same. Members of an object have no order; items of a list do. Calls
 * itself once a level. */
static uint64_t meaning_of_entry(const ch_param *params, size_t count, size_t at)
{
    const ch_param *param = &params[at];
    uint64_t hash = hash_bytes(param->name, 1);
    if (param->kind != CH_PARAM_LIST && param->kind != CH_PARAM_OBJECT)
        return mix(hash + hash_bytes(param->value, 2));
    uint64_t held = param->kind == CH_PARAM_LIST ? 3 : 4;
    for (size_t i = at + 1; params[i].kind != CH_PARAM_END; i = ch_param_after(params, count, i)) {
        uint64_t one = meaning_of_entry(params, count, i);
        held = param->kind == CH_PARAM_LIST ? mix(held ^ one) : held + one;
    }
    return mix(hash + mix(held));
}

/* A request without the receive window is one with its default. */
static bool says_something(const sample *s, const ch_param *param)
{
    const ch_window *window = &s->endpoint->profile->window;
    bool is_default = window->param != NULL && ch_slice_is(param->name, window->param) &&
                      ch_slice_is(param->value, window->default_text) &&
                      ch_param_list_find(&s->endpoint->params, param->name) == NULL;
    return param->kind != CH_PARAM_PLACEHOLDER && !is_default;
}

uint64_t meaning_of(const sample *s)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s->request.param_count; i = ch_param_after(s->params, s->request.param_count, i)) {
        if (says_something(s, &s->params[i]))
            sum += meaning_of_entry(s->params, s->request.param_count, i);
    }
    return sum;
}

bool same_meaning(const sample *a, const sample *b)
{
    return meaning_of(a) == meaning_of(b);
}

/* A list that a form writes as several pairs, or with commas, counts as what is written. */
static uint64_t sent_of_list(rig *r, const sample *s, size_t at)
{
    const ch_param *list = &s->params[at];
    uint64_t sum = 0;
    ch_buffer_clear(&r->text);
    for (size_t i = at + 1; s->params[i].kind != CH_PARAM_END; i++) {
        if (list->def->spelling == CH_SPELLING_COMMA) {
            ch_buffer_add_text(&r->text, i > at + 1 ? "," : "");
            ch_buffer_add_slice(&r->text, s->params[i].value);
            continue;
        }
        ch_buffer_clear(&r->text);
        ch_buffer_add_slice(&r->text, list->name);
        if (list->def->spelling == CH_SPELLING_BRACKETS)
            ch_buffer_add_text(&r->text, "[]");
        else if (list->def->spelling == CH_SPELLING_INDEX)
            ch_buffer_add_format(&r->text, "[%zu]", i - at - 1);
        sum += mix(hash_bytes(ch_buffer_slice(&r->text), 1) + hash_bytes(s->params[i].value, 2));
    }
    if (list->def->spelling == CH_SPELLING_COMMA)
        sum = mix(hash_bytes(list->name, 1) + hash_bytes(ch_buffer_slice(&r->text), 2));
    ch_buffer_clear(&r->text);
    return sum;
}

static uint64_t sent_of(rig *r, const sample *s)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s->request.param_count; i = ch_param_after(s->params, s->request.param_count, i)) {
        const ch_param *param = &s->params[i];
        if (param->kind == CH_PARAM_LIST && param->def != NULL && param->def->spelling != CH_SPELLING_JSON)
            sum += sent_of_list(r, s, i);
        else if (says_something(s, param))
            sum += meaning_of_entry(s->params, s->request.param_count, i);
    }
    return sum;
}

/* ---- keeping ---- */

static const char *pack(ledger *all, rig *r, const sample *s)
{
    sample_show(s, &r->text);
    char *packed = take(all, r->text.size + 1);
    memcpy(packed, ch_buffer_text(&r->text), r->text.size + 1);
    ch_buffer_clear(&r->text);
    return packed;
}

unsigned opened_classes(const rig *r, const sample *s)
{
    const ch_key_traits of_all_kinds = {.environment = r->environment, .kinds = ~0U};
    return ch_endpoint_confused_classes(s->endpoint, r->scheme, &of_all_kinds, &s->request);
}

static entry describe(rig *r, const sample *s, ch_slice payload)
{
    return (entry){
        .payload = {hash_bytes(payload, 11 + r->scheme->index), hash_bytes(payload, 29)},
        .path = hash_bytes(s->request.path, 3),
        .meaning = meaning_of(s),
        .sent = sent_of(r, s),
        .endpoint = s->endpoint,
        .scheme = r->scheme,
        .classes = opened_classes(r, s),
        .needed = 1U << s->endpoint->class_ | ch_needs_of_request(s->endpoint, &s->request),
        .covers = ch_endpoint_covers(s->endpoint, r->scheme)
    };
}

/* ---- judging ---- */

/* Returns what is wrong with two requests of the same payload, or NULL. */
static const char *compare(const entry *a, const entry *b)
{
    if ((b->needed & ~a->classes) != 0 || (a->needed & ~b->classes) != 0)
        return "one signature opens two endpoints, and policy is asked only about the class of one";
    if (a->endpoint == b->endpoint && a->path != b->path && (a->covers & CH_COVERS_PATH) != 0)
        return "two paths of one endpoint have the same payload, though it covers the path";
    if ((a->covers & b->covers & CH_COVERS_PARAMS) == 0)
        return NULL;
    if (a->endpoint == b->endpoint ? a->meaning != b->meaning : a->sent != b->sent)
        return "two requests with different parameters have the same payload, though it covers them";
    return NULL;
}

static bool is_same(const entry *a, const entry *b)
{
    return a->endpoint == b->endpoint && a->path == b->path && a->meaning == b->meaning;
}

const char *ledger_enter(ledger *all, rig *r, const sample *s, ch_slice payload, bool may_keep, ch_buffer *other)
{
    entry one = describe(r, s, payload);
    entry **bucket = &all->buckets[one.payload[0] % BUCKETS];
    if ((one.needed & ~one.classes) != 0)
        return "what the request needs by itself is not among the classes that policy is asked about";
    for (const entry *old = *bucket; old != NULL; old = old->next) {
        if (old->scheme != one.scheme || memcmp(old->payload, one.payload, sizeof one.payload) != 0)
            continue;
        const char *wrong = compare(old, &one);
        if (wrong != NULL) {
            ch_buffer_add_text(other, old->request);
            return wrong;
        }
        may_keep = may_keep && !is_same(old, &one);
    }
    if (may_keep) {
        entry *kept = take(all, sizeof *kept);
        *kept = one;
        kept->request = pack(all, r, s);
        kept->next = *bucket;
        *bucket = kept;
    }
    return NULL;
}
