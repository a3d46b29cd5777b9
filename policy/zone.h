/* Time zones: how far local time is from UTC, second by second, until the year 2200.
 *
 * A zone is read from the system's database when a policy is loaded; its rules for the years to come are then written
 * out, so that a look-up is a search in a table. Immutable afterwards, so thread-safe. */
#ifndef CH_POLICY_ZONE_H
#define CH_POLICY_ZONE_H

#include "base/error.h"
#include "base/slice.h"

#include <stdint.h>

typedef struct ch_zone ch_zone; /* NULL stands for UTC */

/* Reads the zone of that name ("Europe/Berlin", "UTC"). CH_CONFIG: there is none, or it cannot be read; the message
 * says what to install. `*out` is NULL for UTC. Free with ch_zone_free. */
CH_CHECKED ch_status ch_zone_load(const char *name, ch_zone **out, ch_error *err);
/* The same, of what the database's file holds (RFC 8536). CH_CONFIG says what is wrong with `file`. */
CH_CHECKED ch_status ch_zone_read(ch_slice file, ch_zone **out, ch_error *err);
void ch_zone_free(ch_zone *zone);

/* Seconds to add to UTC at that second since 1970. */
int32_t ch_zone_offset(const ch_zone *zone, int64_t utc_s);

/* A stretch of time with one offset: from `from_s` to before `to_s`, in UTC. */
typedef struct ch_zone_stretch {
    int64_t from_s; /* INT64_MIN: it has no beginning */
    int64_t to_s;   /* INT64_MAX: nor end */
    int32_t offset_s;
} ch_zone_stretch;

/* The stretch that `utc_s` lies in. */
ch_zone_stretch ch_zone_at(const ch_zone *zone, int64_t utc_s);

#endif
