/* Reads a profile's `left_out`: calls of the exchange that the profile does not list, each with the reason. For the
 * loaders only. */
#ifndef CH_EXCHANGE_LOAD_LEFT_OUT_H
#define CH_EXCHANGE_LOAD_LEFT_OUT_H

#include "conf/yaml.h"
#include "exchange/profile_impl.h"

/* Reads the list, when the endpoints are there: a call that is both left out and an endpoint is an error. */
CH_CHECKED ch_status ch_left_out_read(ch_profile *profile, const ch_yaml *list, ch_error *err);
void ch_left_out_free(ch_profile *profile);

#endif
