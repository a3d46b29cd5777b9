/* The environments of an exchange: `live`, its testnets and demos, its regional sites.
 *
 * All share the profile's recipes and its table of endpoints. An environment says at which hosts the endpoints are
 * there, which of them do not exist there, and what headers go with every request. A key belongs to one environment, by
 * policy; no request chooses. Immutable once the profile is loaded, so thread-safe. */
#ifndef CH_EXCHANGE_ENVIRONMENTS_H
#define CH_EXCHANGE_ENVIRONMENTS_H

#include "base/buffer.h"
#include "exchange/profile.h"

#define CH_ENVIRONMENT_LIVE "live" /* every profile has it; it comes first */

typedef struct ch_environment ch_environment;

/* Returns NULL if the profile has no environment of that name; by position, if `index` is past the end. */
const ch_environment *ch_profile_environment(const ch_profile *profile, const char *name);
const ch_environment *ch_profile_environment_at(const ch_profile *profile, size_t index);
const ch_environment *ch_profile_live(const ch_profile *profile);
/* Appends their names: "live, testnet and demo". */
void ch_profile_add_environments(const ch_profile *profile, ch_buffer *out);

const char *ch_environment_name(const ch_environment *environment);
const char *ch_environment_title(const ch_environment *environment); /* for people */
/* The environment whose keys are good here: `live` if it is only another way to the same accounts, else itself. */
const char *ch_environment_keys(const ch_environment *environment);

/* The URL of the profile's origin at that position, which is called `*name`; "" if the environment does not have it.
 * Returns NULL past the end. */
const char *ch_environment_origin_at(const ch_environment *environment, size_t index, const char **name);
/* The text of the header at that position, which is called `*name`; NULL past the end. */
const char *ch_environment_header_at(const ch_environment *environment, size_t index, const char **name);

/* True if the endpoint exists in the environment. Only then does it have a host there. */
bool ch_environment_has(const ch_environment *environment, const ch_endpoint *endpoint);
ch_slice ch_environment_host(const ch_environment *environment, const ch_endpoint *endpoint);
/* Live, or else the first environment that has the endpoint. */
const ch_environment *ch_endpoint_home(const ch_endpoint *endpoint);
size_t ch_environment_endpoint_count(const ch_environment *environment);

#endif
