/* Reads a profile's `public`: calls that need no signature. For the loaders only. */
#ifndef CH_EXCHANGE_LOAD_PUBLIC_H
#define CH_EXCHANGE_LOAD_PUBLIC_H

#include "conf/yaml.h"
#include "exchange/profile_impl.h"

/* Reads the list, when endpoints and origins are there. CH_CONFIG if a call is an endpoint that does more than read, is
 * given twice, or would have the key's id for whatever fits a pattern. */
CH_CHECKED ch_status ch_public_calls_read(ch_profile *profile, const ch_yaml *list, ch_error *err);
void ch_public_calls_free(ch_profile *profile);

#endif
