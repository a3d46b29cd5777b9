/* What an environment is made of, and what endpoint confusion asks of it. For exchange/ only. */
#ifndef CH_EXCHANGE_ENVIRONMENTS_IMPL_H
#define CH_EXCHANGE_ENVIRONMENTS_IMPL_H

#include "exchange/environments.h"
#include "exchange/profile_impl.h"

#define CH_ENVIRONMENT_HEADERS_MAX 4

typedef struct ch_environment_header {
    char *name;
    char *text;
} ch_environment_header;

struct ch_environment {
    const ch_profile *profile;
    char *name;
    char *title;        /* NULL: it has none */
    ch_origin *origins; /* as many as the profile's, in the same order; url is NULL if it is not there */
    ch_environment_header headers[CH_ENVIRONMENT_HEADERS_MAX];
    size_t header_count;
    bool has_keys_of_live; /* it is live, or another way to the same accounts */
    uint64_t *endpoints;   /* set of those that exist here, by their position in the profile */
};

/* The origin of the endpoint in the environment, whether or not the endpoint exists there. */
const ch_origin *ch_environment_origin(const ch_environment *environment, const ch_endpoint *endpoint);

/* True if a key of the environment can be used at the endpoint: there, or, with a key of live's, in any environment
 * where such keys are good. */
bool ch_environment_reaches(const ch_environment *environment, const ch_endpoint *endpoint);
/* True if it can be used so at `other`, at the host that `asked` has in the environment. */
bool ch_environment_reaches_both(const ch_environment *environment, const ch_endpoint *asked, const ch_endpoint *other);
/* True if there is an environment that has `asked` and whose keys can be used at `other`. */
bool ch_endpoints_may_meet(const ch_endpoint *asked, const ch_endpoint *other);
/* True if there is an environment whose keys can be used at `other`, at the host of `asked`. */
bool ch_endpoints_may_share_host(const ch_endpoint *asked, const ch_endpoint *other);

#endif
