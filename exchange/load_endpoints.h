/* Reads a profile's `endpoints`. For the loaders only. */
#ifndef CH_EXCHANGE_LOAD_ENDPOINTS_H
#define CH_EXCHANGE_LOAD_ENDPOINTS_H

#include "conf/yaml.h"
#include "exchange/loader.h"

/* Reads the list `endpoints`, when all else of the profile is there. */
CH_CHECKED ch_status ch_endpoints_read(ch_loader *load, const ch_yaml *endpoints, ch_error *err);
/* Returns the method that `call` begins with and a space follows, or NULL. */
const char *ch_call_method(const char *call);
void ch_endpoints_free(ch_profile *profile);

#endif
