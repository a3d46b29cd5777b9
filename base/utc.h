/* Moments in UTC as people write them: 2027-01-31T09:30:00Z. Thread-safe. */
#ifndef CH_BASE_UTC_H
#define CH_BASE_UTC_H

#include <stdbool.h>
#include <stdint.h>

#define CH_UTC_TEXT_SIZE 32

/* Writes the moment, given in seconds since 1970, with a 'Z' at its end. */
void ch_utc_text(uint64_t seconds, char text[static CH_UTC_TEXT_SIZE]);

/* Reads 2027-01-31, which means the beginning of that day, or 2027-01-31T09:30:00Z. Returns false for any other text,
 * and for a day that no calendar has. */
bool ch_utc_read(const char *text, uint64_t *seconds);

#endif
