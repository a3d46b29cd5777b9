/* What an exchange's answers say, by the profile's `doctor`: places in an answer, facts about a key, why a request was
 * not taken, and times. Pure. */
#ifndef CH_CLI_DOCTOR_ANSWERS_H
#define CH_CLI_DOCTOR_ANSWERS_H

#include "exchange/doctor.h"

#include <jansson.h>

/* Returns a list of the values at a place, and of what lists that stand there hold; the caller owns it. Returns NULL if
 * the place is not in the answer, and an empty list if an empty one stands there. */
json_t *ch_doctor_values(const json_t *answer, const char *place, const char *key_id);

/* True if all of `members` are what they must be. */
bool ch_doctor_fits(const json_t *answer, const ch_doctor_member *members, size_t count, const char *key_id);

/* Returns the trouble that the first fitting error means, or CH_DOCTOR_TROUBLE_COUNT. */
ch_doctor_trouble ch_doctor_find_trouble(const ch_doctor *doctor, unsigned status, const json_t *answer,
                                         const char *key_id);

/* Returns what all facts of that meaning say together: true if one holds, null if none is told. The caller owns it. */
json_t *ch_doctor_says(const ch_doctor *doctor, ch_doctor_means means, const json_t *answer, const char *key_id);

/* Returns when the key expires, in seconds since 1970: the earliest time that is told, or 0 if it never does by what is
 * told. Sets `*is_told` to false if nothing is. */
uint64_t ch_doctor_end_s(const ch_doctor *doctor, const json_t *answer, const char *key_id, uint64_t now_s,
                         bool *is_told);

/* Reads a time as exchanges write it, in nanoseconds since 1970, and how exact it is. Returns false if it
 * is none. */
bool ch_doctor_read_time(const json_t *value, ch_doctor_unit unit, uint64_t *ns, uint64_t *exact_ns);

#endif
