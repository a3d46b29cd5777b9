/* Which version of a key signs, while it has several: the newest that can, so that bots move when a new one has come
 * and nothing fails if it cannot sign yet. A request may name one by its key id. Core's thread only. */
#ifndef CH_AGENT_CORE_VERSIONS_H
#define CH_AGENT_CORE_VERSIONS_H

#include "agent/core/links.h"
#include "policy/policy.h"
#include "policy/states.h"

/* What a request asks for. */
typedef struct ch_version_wish {
    ch_slice key_id; /* the version's; empty: any */
    ch_slice text;   /* of what an SDK signs: it may have the key id in it */
    bool is_fixed;   /* the caller has built the request for one version: if nothing says which, for the oldest */
} ch_version_wish;

typedef struct ch_versions {
    const ch_links *links;
    const ch_states *states; /* what was revoked; NULL: nothing */
    uint64_t now_ns;         /* wall clock; 0: nobody knows */
} ch_versions;

/* Returns CH_REFUSED with rule `version`, `expires` or `revoked` if the version may not sign yet, or not any more. Does
 * not look at its token. */
CH_CHECKED ch_status ch_version_check(const ch_versions *in, const ch_key *version, ch_error *err);
/* Returns true if it could sign now. */
bool ch_version_is_usable(const ch_versions *in, const ch_key *version);

/* Finds the version that is to sign or, if none can, the one whose trouble tells most. Returns CH_NOT_FOUND if the key
 * has no version with the key id that is asked for, CH_REFUSED if all have been revoked or have expired, or none has
 * begun. */
CH_CHECKED ch_status ch_versions_choose(const ch_versions *in, const ch_key *key, const ch_version_wish *wish,
                                        const ch_key **out, ch_error *err);

#endif
