/* The rule for the years to come that stands at the end of a time zone's file: "CET-1CEST,M3.5.0,M10.5.0/3" (POSIX.1,
 * Base Definitions, section 8.3, TZ; RFC 8536, section 3.3). zone.c writes it out, year by year. Thread-safe. */
#ifndef CH_POLICY_ZONE_RULE_H
#define CH_POLICY_ZONE_RULE_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* A day of each year, and a time of it. */
typedef struct ch_zone_moment {
    char kind;      /* 'M': a weekday of a month; 'J': a day that leap days do not shift; 'n': any day */
    unsigned month; /* 1 to 12 */
    unsigned week;  /* 1 to 5, which is the last */
    unsigned day;   /* 'M': 0 is Sunday; 'J': from 1; 'n': from 0 */
    int32_t time_s; /* after midnight; may lie on another day */
} ch_zone_moment;

typedef struct ch_zone_rule {
    int32_t standard_s; /* what is added to UTC */
    int32_t summer_s;
    bool has_summer;
    ch_zone_moment begin; /* of the summer, by standard time */
    ch_zone_moment end;   /* by summer time */
} ch_zone_rule;

/* From `from_s` on, in UTC, the zone has that offset. */
typedef struct ch_zone_change {
    int64_t from_s;
    int32_t offset_s;
} ch_zone_change;

/* Returns false if `text` is no such rule. */
bool ch_zone_rule_read(ch_slice text, ch_zone_rule *out);
/* The two changes of a year, the earlier first. The rule must have a summer. */
void ch_zone_rule_changes(const ch_zone_rule *rule, int64_t year, ch_zone_change out[2]);

#endif
