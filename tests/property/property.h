/* What must hold for every exchange profile, whatever a bot asks: tests/property/profiles.c says it; these are its
 * parts.
 *
 * All that is random comes from one `dice`, so a seed repeats a run. The parts see into profiles
 * (exchange/profile_impl.h), because only code that knows what the profile takes can make a good request. */
#ifndef CH_TESTS_PROPERTY_H
#define CH_TESTS_PROPERTY_H

#include "exchange/environments_impl.h"
#include "exchange/profile_impl.h"
#include "exchange/readings.h"
#include "exchange/recipe.h"
#include "exchange/wire.h"
#include "tests/support/dice.h"

uint64_t hash_bytes(ch_slice bytes, uint64_t seed);

/* ---- a request ---- */

typedef struct sample {
    const ch_endpoint *endpoint;
    ch_request request; /* its params are `params` */
    ch_param params[CH_PARAMS_MAX];
    bool is_full; /* it would have needed more entries than there are */
} sample;

/* What the parts share. Reset from case to case: `pool`, which holds every text of the case. */
typedef struct rig {
    const ch_profile *profile;
    const ch_scheme *scheme;
    const ch_environment *environment;
    ch_scratch *scratch;
    ch_draft *draft;
    ch_readings *readings;
    uint64_t now_ns; /* one clock, nonce, key and random for all: then only the request tells payloads apart */
    dice dice;
    uint8_t *pool;
    size_t pool_used;
    ch_buffer text;    /* being put together; `keep` moves it to the pool */
    ch_buffer payload; /* of the case's request */
    ch_error err;
    bool is_tame; /* values that every style writes */
} rig;

#define POOL_BYTES (8U << 20)
ch_slice keep(rig *r); /* what stands in `text` */
ch_slice keep_slice(rig *r, ch_slice text);

/* Where the rig's environment has the endpoint; where live has it, if it does not exist there. */
ch_slice host_of(const rig *r, const ch_endpoint *endpoint);
/* True if the rig's environment has an origin at that host. */
bool has_host(const rig *r, ch_slice host);

void sample_copy(sample *to, const sample *from);
void sample_add(sample *s, ch_param_kind kind, ch_slice name, ch_slice value);
void sample_remove(sample *s, size_t at); /* with all that it holds */
/* Finds the entries that nothing holds; returns how many. */
size_t sample_tops(const sample *s, size_t starts[CH_PARAMS_MAX]);
bool sample_has(const sample *s, ch_slice name);
void sample_show(const sample *s, ch_buffer *out);
void show_text(ch_slice text, ch_buffer *out); /* quoted, with escapes */

/* Makes a request to `endpoint` as the profile takes it. Returns false if there is none. */
bool make_sample(rig *r, const ch_endpoint *endpoint, sample *out);
bool make_path(rig *r, const ch_endpoint *endpoint, ch_slice *out);
/* Appends a parameter of that definition, with all that it holds. */
void make_param(rig *r, const ch_param_def *def, ch_slice name, sample *out);

typedef enum stage { STAGE_MATCH, STAGE_CHECK, STAGE_BUILD, STAGE_TAKEN } stage;
/* Takes a request through the agent, as far as it gets. Fills in s->endpoint. */
stage try_sample(rig *r, sample *s, ch_payloads *out);
ch_recipe_input input_of(const rig *r, const sample *s);

/* ---- other requests made of one ---- */

typedef struct change {
    const char *name;
    bool (*make)(rig *r, const sample *from, sample *to); /* false: does not apply */
    bool is_refused;                                      /* whatever it was made of */
} change;

/* Requests close to another, each of which might be accepted. */
extern const change neighbours[];
extern const size_t neighbour_count;
/* Requests that must be refused, or signed as what they now are. */
extern const change mutations[];
extern const size_t mutation_count;

/* Endpoints that a signature for `endpoint` is likeliest to open by mistake. */
const ch_endpoint *pick_rival(rig *r, const ch_endpoint *endpoint);

/* ---- what payloads mean ---- */

typedef struct ledger ledger;
ledger *ledger_new(void);
void ledger_free(ledger *all);
/* Looks up all requests with the same payload, and keeps this one if it `may_keep`. NULL, or what is wrong with one of
 * them, which is shown in `other`. */
const char *ledger_enter(ledger *all, rig *r, const sample *s, ch_slice payload, bool may_keep, ch_buffer *other);

/* ---- strings ---- */

typedef enum reading_result { READ_SAME, READ_OTHER, READ_REFUSED } reading_result;
/* Reads `text` as a request to `endpoint` with that path; `out` is what it says, checked. READ_OTHER: it builds
 * another string. */
reading_result read_text(rig *r, const ch_endpoint *endpoint, ch_slice path, ch_slice text, sample *out);
/* Returns NULL if the payload of `s` must be read back, else why it can't be. */
const char *why_unreadable(const rig *r, const sample *s);
ch_slice mutate_string(rig *r, ch_slice text);
/* True if both say the same. */
bool same_meaning(const sample *a, const sample *b);
uint64_t meaning_of(const sample *s);

/* ---- the payload, cut elsewhere ---- */

/* The classes that the signature opens, by a key of all kinds at once. */
unsigned opened_classes(const rig *r, const sample *s);

/* Returns what could be read out of `text`, the payload of `s`, if it is cut at other places, or NULL. */
const char *check_cuts(rig *r, const sample *s, ch_slice text);

/* The same for the end of the query, where query and body are signed as one. Tries a request beside `s` too, whose text
 * ends in a name; if that is wrong, `s` becomes it. */
const char *check_recuts(rig *r, sample *s, sample *spare, ch_slice text);

/* ---- the finished request ---- */

/* Returns what is wrong with it, or NULL. `s` was just built. */
const char *check_finished(rig *r, const sample *s, size_t payload_count, ch_buffer *shown);

/* ---- a request as an SDK sends it ---- */

/* What was just built as it is sent, in the pool. False if it is a message on a socket. */
bool wire_of(rig *r, const sample *s, ch_wire_request *out);
/* Reads it, and checks it; READ_SAME: it is a good request, which is `out`. */
reading_result read_wire(rig *r, const ch_wire_request *wire, sample *out);
/* Returns what is wrong with how the request as it is sent is undone, or NULL. `s` was just built. */
const char *check_undone(rig *r, const sample *s, sample *spare, ch_buffer *shown);

#endif
