#include "agent/core/refusals.h"

#include "base/memory.h"

#include <stdlib.h>

#define TOGETHER_NS 1000000000ULL

typedef struct kind {
    uint64_t hash;
    uint64_t since_ns; /* when the first of them came */
    uint32_t more;     /* after the first */
    ch_buffer record;  /* of the first, not closed */
} kind;

struct ch_refusals {
    ch_ledger *ledger;
    kind kinds[CH_REFUSALS_MAX];
    size_t count;
    uint32_t others;
    uint64_t others_since_ns;
};

ch_refusals *ch_refusals_new(ch_ledger *ledger)
{
    ch_refusals *refusals = ch_alloc(sizeof *refusals);
    refusals->ledger = ledger;
    return refusals;
}

void ch_refusals_free(ch_refusals *refusals)
{
    if (refusals == NULL)
        return;
    for (size_t i = 0; i < CH_REFUSALS_MAX; i++)
        ch_buffer_free(&refusals->kinds[i].record);
    free(refusals);
}

static void write_kind(ch_refusals *refusals, kind *at, uint32_t times, uint64_t now_ns)
{
    size_t size = at->record.size;
    ch_record_times(times, &at->record);
    ch_ledger_note_refusal(refusals->ledger, ch_buffer_slice(&at->record), now_ns);
    at->record.size = size; /* open again */
}

/* Equal are those of one user that say the same. */
static uint64_t hash_of(const ch_record_facts *facts, const char *step, const ch_error *why)
{
    uint64_t hash = ch_slice_hash(facts->job->key_name) * 31ULL + ch_slice_hash(ch_slice_of(step));
    hash = hash * 31 + ch_slice_hash(ch_slice_of(why->rule));
    hash = hash * 31 + facts->job->caller.uid;
    return hash << 32 ^ hash ^ ch_slice_hash(ch_slice_of(why->message));
}

void ch_refusals_note(ch_refusals *refusals, const ch_record_facts *facts, const char *step, const ch_error *why)
{
    uint64_t hash = hash_of(facts, step, why);
    for (size_t i = 0; i < refusals->count; i++) {
        if (refusals->kinds[i].hash != hash)
            continue;
        refusals->kinds[i].more++;
        return;
    }
    if (refusals->count == CH_REFUSALS_MAX) {
        if (refusals->others++ == 0)
            refusals->others_since_ns = facts->now_ns;
        return;
    }
    kind *at = &refusals->kinds[refusals->count++];
    at->hash = hash;
    at->since_ns = facts->now_ns;
    at->more = 0;
    ch_record_refusal(facts, step, why, &at->record);
    write_kind(refusals, at, 1, facts->now_ns);
}

static void write_others(ch_refusals *refusals, uint64_t now_ns)
{
    ch_autobuffer record = CH_BUFFER_INIT;
    if (refusals->others == 0 || now_ns - refusals->others_since_ns < TOGETHER_NS)
        return;
    ch_record_time(&record, "{", "time", refusals->others_since_ns);
    ch_record_text(&record, ",", "outcome", CH_LITERAL("refused, by many rules"));
    ch_record_times(refusals->others, &record);
    ch_ledger_note_refusal(refusals->ledger, ch_buffer_slice(&record), now_ns);
    refusals->others = 0;
}

void ch_refusals_turn(ch_refusals *refusals, uint64_t now_ns)
{
    for (size_t i = refusals->count; i-- > 0;) {
        kind *at = &refusals->kinds[i];
        if (now_ns - at->since_ns < TOGETHER_NS)
            continue;
        if (at->more > 0)
            write_kind(refusals, at, at->more, now_ns);
        const kind spare = *at;
        *at = refusals->kinds[--refusals->count];
        refusals->kinds[refusals->count] = spare; /* keeps its memory */
    }
    write_others(refusals, now_ns);
}
