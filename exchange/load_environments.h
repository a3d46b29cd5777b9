/* Reads a profile's `origins` and `environments`. For the loaders only. */
#ifndef CH_EXCHANGE_LOAD_ENVIRONMENTS_H
#define CH_EXCHANGE_LOAD_ENVIRONMENTS_H

#include "conf/fields.h"
#include "exchange/loader.h"

/* Field reader into the whole ch_profile: the origins of live. */
CH_CHECKED ch_status ch_origins_read(const ch_value *value, ch_error *err);
/* Returns the index of the profile's origin of that name, or `origin_count`. */
size_t ch_origin_find(const ch_profile *profile, const char *name);

/* Field reader into a whole ch_endpoint: `only_in`, the environments that alone have it. */
CH_CHECKED ch_status ch_endpoint_read_only_in(const ch_value *value, ch_error *err);

/* Makes live, and reads the map `environments`, which is NULL if there are no others, when all else of the profile but
 * the confusions is there. */
CH_CHECKED ch_status ch_environments_read(ch_loader *load, const ch_yaml *environments, ch_error *err);
void ch_environments_free(ch_profile *profile);

#endif
