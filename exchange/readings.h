/* Readings: everything that one signature can be. The first is the request at its own endpoint; the others are the
 * endpoints that the signature opens by confusion, each with the intent that the same parameters have there, also those
 * of the request's own class. Not thread-safe; the struct is used again and again. */
#ifndef CH_EXCHANGE_READINGS_H
#define CH_EXCHANGE_READINGS_H

#include "exchange/confusion.h"
#include "exchange/intent.h"

typedef struct ch_readings ch_readings;

#define CH_READINGS_MAX 128 /* of one signature; one that can be more is refused */

/* What the signature can be at one endpoint. */
typedef struct ch_reading_at {
    const ch_endpoint *endpoint;
    ch_class class_;
    unsigned needs; /* classes that its values need there, bit 1 << ch_class */
    const ch_intent *intent;
    bool is_unread; /* the signature leaves open what the intent rests on, or a value that it shows is none there; every
                       fact of the intent is unknown */
    bool is_cut;    /* it is unread because whoever sends the request can cut the signed text; policy may accept that */
} ch_reading_at;

ch_readings *ch_readings_new(void);
void ch_readings_free(ch_readings *readings);

/* Reads `request`, checked as one to `endpoint`, with the signature by `scheme`. Where whoever sends it can cut values
 * short or leave parameters out (exchange/recuts.h), a reading is unread; of `endpoint` itself, there is one more then.
 * What the key's traits exclude or its policy accepts does not count. Of the reads and cancels that it opens, one
 * stands for all, whose facts are unknown; and the first reading's needs have the classes of both, so that it is the
 * class that policy must allow, not that one call. CH_REFUSED, rule `confusion`: there are more than can be judged. */
CH_CHECKED ch_status ch_readings_read(ch_readings *readings, const ch_endpoint *endpoint, const ch_scheme *scheme,
                                      const ch_key_traits *key, const ch_request *request, ch_error *err);
/* The same for a request that is sent as it is: to that path, with these parameters, as a relay sends it. What the
 * signature leaves open does not matter then; what else has that path does. */
CH_CHECKED ch_status ch_readings_read_as_sent(ch_readings *readings, const ch_endpoint *endpoint,
                                              const ch_scheme *scheme, const ch_key_traits *key,
                                              const ch_request *request, ch_error *err);
size_t ch_readings_count(const ch_readings *readings);
/* Returns the reading at that index; the next ones follow it in memory. */
const ch_reading_at *ch_readings_at(const ch_readings *readings, size_t index);
/* How long the signature is good, if the request asks for `own_ns` (0: nobody knows): a cut may leave that out. */
uint64_t ch_readings_validity_ns(const ch_readings *readings, uint64_t own_ns);

/* ---- how often, and for how long (readings_validity.c) ---- */

/* How often a signature can be used within `validity_ns` (0: nobody knows), by the profile's order rate, if the
 * exchange counts from the first use; 0: the profile does not say. */
uint32_t ch_profile_uses_within(const ch_profile *profile, uint64_t validity_ns);
/* How long a request is valid whose window is `window_ms` (0: it has none); 0: the profile does not say. */
uint64_t ch_profile_validity_ns(const ch_profile *profile, uint32_t window_ms);
/* How long a request is valid at most that asks for no longer window than `most_ms` (0: than the exchange takes); 0: a
 * parameter sets it, or nobody knows. */
uint64_t ch_profile_longest_validity_ns(const ch_profile *profile, uint32_t most_ms);
/* True if a parameter says for how long a request to `endpoint` is valid, and the signature covers it. */
bool ch_endpoint_signs_validity(const ch_endpoint *endpoint, const ch_scheme *scheme);
/* How long `request`, which is checked, is valid after its time if `endpoint` takes it: by its window, by the parameter
 * that says so, or as the profile says; 0: nobody knows. */
uint64_t ch_request_validity_ns(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_request *request);

#endif
