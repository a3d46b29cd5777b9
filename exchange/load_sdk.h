/* Reads a profile's `sdk`: what SDKs do otherwise than the exchange's documents. For the loaders only. */
#ifndef CH_EXCHANGE_LOAD_SDK_H
#define CH_EXCHANGE_LOAD_SDK_H

#include "conf/yaml.h"
#include "exchange/profile_impl.h"

/* Reads the map, when the endpoints are there. CH_CONFIG if a rule could never hold, or would leave out what counts. */
CH_CHECKED ch_status ch_sdk_read(ch_profile *profile, const ch_yaml *map, ch_error *err);
void ch_sdk_free(ch_profile *profile);

#endif
