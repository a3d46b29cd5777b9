/* An exchange's environments, as `chancery profile` shows them. */
#ifndef CH_CLI_PROFILE_ENVIRONMENTS_H
#define CH_CLI_PROFILE_ENVIRONMENTS_H

#include "exchange/profile.h"

#include <jansson.h>

/* A list of all, for the caller to free. */
json_t *ch_environments_of(const ch_profile *profile);
/* The names of the environments that lack the endpoint; NULL if all have it. */
json_t *ch_environments_without(const ch_profile *profile, const ch_endpoint *endpoint);
/* Prints what ch_environments_of returned as the member "environments" of `row`. */
void ch_environments_print(const json_t *row);

#endif
