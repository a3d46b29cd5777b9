/* Three hash tables with chains, whose keys are digests or drawn at random, so that nobody chooses where they go; and
 * for each caller a list by age. */
#include "relay/outcomes.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/memory.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096
#define RECORDS_MAX 8192 /* of all callers; those on their way are bounded elsewhere */
#define BYTES_MAX (32 * 1024 * 1024)
#define SHARE_LEAST 128
#define KEPT_MS (15 * 60 * 1000) /* longer than any exchange takes a request by its own time */

typedef enum chain { BY_ID, BY_PRINT, BY_REPEAT, CHAINS } chain;

typedef struct age_list {
    ch_outcome *oldest;
    ch_outcome *newest;
    size_t count;
    size_t bytes; /* of the answers that are kept */
} age_list;

struct ch_outcomes {
    ch_outcome *buckets[CHAINS][BUCKETS];
    age_list *ages; /* of each caller */
    size_t callers;
    size_t share;
    size_t byte_share;
};

ch_outcomes *ch_outcomes_new(size_t callers)
{
    ch_outcomes *outcomes = ch_alloc(sizeof *outcomes);
    outcomes->callers = callers;
    outcomes->ages = ch_alloc(callers * sizeof *outcomes->ages);
    outcomes->share = RECORDS_MAX / callers < SHARE_LEAST ? SHARE_LEAST : RECORDS_MAX / callers;
    outcomes->byte_share = BYTES_MAX / callers;
    return outcomes;
}

/* ---- chains ---- */

static const uint8_t *key_of(const ch_outcome *outcome, chain which)
{
    return which == BY_ID ? (const uint8_t *)outcome->id : which == BY_PRINT ? outcome->print : outcome->repeat;
}

static size_t bucket_of(const uint8_t *key)
{
    return ch_slice_hash((ch_slice){key, CH_PRINT_SIZE}) % BUCKETS;
}

_Static_assert(CH_DRAWN_SIZE == CH_PRINT_SIZE, "ids and prints are looked up alike");

static void link_in(ch_outcomes *outcomes, ch_outcome *outcome, chain which)
{
    ch_outcome **bucket = &outcomes->buckets[which][bucket_of(key_of(outcome, which))];
    outcome->next_of[which] = *bucket;
    *bucket = outcome;
}

static void link_out(ch_outcomes *outcomes, ch_outcome *outcome, chain which)
{
    ch_outcome **link = &outcomes->buckets[which][bucket_of(key_of(outcome, which))];
    while (*link != NULL && *link != outcome)
        link = &(*link)->next_of[which];
    if (*link != NULL)
        *link = outcome->next_of[which];
}

static ch_outcome *find(const ch_outcomes *outcomes, size_t caller, chain which, const uint8_t *key)
{
    ch_outcome *at = outcomes->buckets[which][bucket_of(key)];
    while (at != NULL && (at->caller != caller || memcmp(key_of(at, which), key, CH_PRINT_SIZE) != 0))
        at = at->next_of[which];
    return at;
}

ch_outcome *ch_outcome_of_id(const ch_outcomes *outcomes, size_t caller, const char *id)
{
    return strlen(id) == CH_DRAWN_SIZE ? find(outcomes, caller, BY_ID, (const uint8_t *)id) : NULL;
}

ch_outcome *ch_outcome_of_print(const ch_outcomes *outcomes, size_t caller, const uint8_t *print)
{
    return find(outcomes, caller, BY_PRINT, print);
}

ch_outcome *ch_outcome_of_repeat(const ch_outcomes *outcomes, size_t caller, const uint8_t *repeat)
{
    return find(outcomes, caller, BY_REPEAT, repeat);
}

/* ---- life ---- */

static size_t bytes_of(const ch_outcome *outcome)
{
    return outcome->lines.size + outcome->body.size;
}

/* The same request is then another. */
static void forget_prints(ch_outcomes *outcomes, ch_outcome *outcome)
{
    if (outcome->has_print)
        link_out(outcomes, outcome, BY_PRINT);
    if (outcome->has_repeat)
        link_out(outcomes, outcome, BY_REPEAT);
    outcome->has_print = outcome->has_repeat = false;
}

static void free_outcome(ch_outcomes *outcomes, ch_outcome *outcome)
{
    age_list *ages = &outcomes->ages[outcome->caller];
    link_out(outcomes, outcome, BY_ID);
    forget_prints(outcomes, outcome);
    *(outcome->older == NULL ? &ages->oldest : &outcome->older->newer) = outcome->newer;
    *(outcome->newer == NULL ? &ages->newest : &outcome->newer->older) = outcome->older;
    ages->count--;
    ages->bytes -= outcome->state == CH_OUTCOME_PENDING ? 0 : bytes_of(outcome);
    ch_buffer_free(&outcome->lines);
    ch_buffer_free(&outcome->body);
    free(outcome);
}

static void call_waits(ch_outcome *outcome)
{
    while (outcome->waits != NULL) {
        ch_outcome_wait *wait = outcome->waits;
        outcome->waits = wait->next;
        wait->of = NULL;
        wait->on_end(wait->context);
    }
}

/* The oldest go: those that are too old, and as many as are too many. */
static void make_room(ch_outcomes *outcomes, size_t caller)
{
    const age_list *ages = &outcomes->ages[caller];
    uint64_t now_ms = ch_clock_ms();
    ch_outcome *at = ages->oldest;
    while (at != NULL) {
        ch_outcome *next = at->newer;
        bool is_over = ages->count >= outcomes->share || ages->bytes > outcomes->byte_share;
        if (at->state != CH_OUTCOME_PENDING && !is_over && now_ms - at->end_ms < KEPT_MS)
            return;
        if (at->state != CH_OUTCOME_PENDING)
            free_outcome(outcomes, at);
        at = next;
    }
}

ch_outcome *ch_outcome_begin(ch_outcomes *outcomes, size_t caller, const uint8_t *repeat)
{
    uint8_t drawn[CH_DRAWN_SIZE / 2];
    ch_autobuffer id = CH_BUFFER_INIT;
    age_list *ages = &outcomes->ages[caller];
    make_room(outcomes, caller);
    ch_outcome *outcome = ch_alloc(sizeof *outcome);
    if (RAND_bytes(drawn, sizeof drawn) != 1)
        abort(); /* two requests of one id could be taken for one */
    ch_encode(&id, CH_ENCODE_HEX, (ch_slice){drawn, sizeof drawn});
    memcpy(outcome->id, id.data, CH_DRAWN_SIZE);
    outcome->caller = caller;
    outcome->older = ages->newest;
    *(ages->newest == NULL ? &ages->oldest : &ages->newest->newer) = outcome;
    ages->newest = outcome;
    ages->count++;
    link_in(outcomes, outcome, BY_ID);
    if (repeat != NULL) {
        memcpy(outcome->repeat, repeat, CH_PRINT_SIZE);
        outcome->has_repeat = true;
        link_in(outcomes, outcome, BY_REPEAT);
    }
    return outcome;
}

void ch_outcome_signed(ch_outcomes *outcomes, ch_outcome *outcome, const uint8_t *print)
{
    assert(!outcome->has_print);
    memcpy(outcome->print, print, CH_PRINT_SIZE);
    outcome->has_print = true;
    link_in(outcomes, outcome, BY_PRINT);
}

void ch_outcome_end(ch_outcomes *outcomes, ch_outcome *outcome, ch_outcome_state state)
{
    assert(outcome->state == CH_OUTCOME_PENDING && state != CH_OUTCOME_PENDING);
    if (state != CH_OUTCOME_ANSWERED || !outcome->is_whole) {
        ch_buffer_free(&outcome->body);
        ch_buffer_free(&outcome->lines);
    }
    if (state == CH_OUTCOME_NOT_SENT)
        forget_prints(outcomes, outcome);
    outcome->state = state;
    outcome->end_ms = ch_clock_ms();
    outcomes->ages[outcome->caller].bytes += bytes_of(outcome);
    call_waits(outcome);
}

void ch_outcome_drop(ch_outcomes *outcomes, ch_outcome *outcome)
{
    ch_outcome_wait *waits = outcome->waits;
    for (ch_outcome_wait *wait = waits; wait != NULL; wait = wait->next)
        wait->of = NULL;
    free_outcome(outcomes, outcome);
    while (waits != NULL) {
        ch_outcome_wait *wait = waits;
        waits = wait->next;
        wait->on_end(wait->context);
    }
}

void ch_outcomes_free(ch_outcomes *outcomes)
{
    if (outcomes == NULL)
        return;
    for (size_t i = 0; i < outcomes->callers; i++) {
        while (outcomes->ages[i].oldest != NULL)
            free_outcome(outcomes, outcomes->ages[i].oldest);
    }
    free(outcomes->ages);
    free(outcomes);
}

/* ---- waiting ---- */

void ch_outcome_await(ch_outcome *outcome, ch_outcome_wait *wait)
{
    ch_outcome_wait **link = &outcome->waits;
    while (*link != NULL)
        link = &(*link)->next;
    wait->of = outcome;
    wait->next = NULL;
    *link = wait;
}

void ch_outcome_stop_waiting(ch_outcome_wait *wait)
{
    if (wait->of == NULL)
        return;
    ch_outcome_wait **link = &wait->of->waits;
    while (*link != wait)
        link = &(*link)->next;
    *link = wait->next;
    wait->of = NULL;
}

void ch_outcome_add_body(ch_outcome *outcome, ch_slice part)
{
    size_t room = CH_OUTCOME_BODY_MAX - outcome->body.size;
    ch_buffer_add(&outcome->body, part.data, part.size < room ? part.size : room);
}
