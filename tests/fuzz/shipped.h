/* The profiles that are shipped, and those of the tests, for the fuzz targets whose inputs name one in their first
 * line. */
#ifndef CH_TESTS_FUZZ_SHIPPED_H
#define CH_TESTS_FUZZ_SHIPPED_H

#include "exchange/profile.h"

#define SHIPPED_MAX 64

extern ch_profile *shipped[SHIPPED_MAX];
extern size_t shipped_count;

/* Loads all of them, from the working folder; ends the program if one is not sound. */
void shipped_load(void);

/* Returns the profile of that name, or NULL. */
const ch_profile *shipped_find(ch_slice name);
/* Returns the profile's scheme of that name, or NULL. */
const ch_scheme *shipped_find_scheme(const ch_profile *profile, ch_slice name);

/* Takes what stands before the next `end`, and `end`, off `from`. */
ch_slice shipped_take_word(ch_slice *from, char end);

#endif
