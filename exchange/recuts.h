/* Recuts: the same signed text with its query ending somewhere else.
 *
 * If an exchange signs query and body as one text with nothing in between (`joins_body`), whoever sends a request
 * chooses where the body begins, within a value or a name too. There is one cut, so it does one of these:
 * - it leaves of one value no more than its beginning, or nothing; the rest is a name without a value;
 * - it splits one name: that parameter is gone, and there are two others, the first of which has no value.
 * All else stays whole. An exchange that ignores names which it does not know takes all of these requests. One that
 * refuses them takes only what leaves names over that it knows.
 *
 * So the same endpoint may read other values (ch_recut_changes), and another endpoint may find a name that was not
 * there (ch_recut_names). Thread-safe. */
#ifndef CH_EXCHANGE_RECUTS_H
#define CH_EXCHANGE_RECUTS_H

#include "base/error.h"
#include "exchange/profile_impl.h"
#include "exchange/request.h"

/* True if `endpoint` may take cut requests, and they are not among what the key's policy `accepts`. */
bool ch_recut_is_possible(const ch_endpoint *endpoint, size_t at, unsigned accepts);

/* True if it may be so for `request`, and change what that means: a request to `endpoint` or to one that its signature
 * opens. */
bool ch_recut_changes(const ch_endpoint *endpoint, size_t at, unsigned accepts, const ch_request *request);

/* The names that cuts of a request would make, as sets of name_index. */
typedef struct ch_recut_made {
    uint64_t whole[CH_NAME_WORDS_MAX]; /* with a value */
    uint64_t blank[CH_NAME_WORDS_MAX]; /* without one, which only a text, a list or an object can do without */
} ch_recut_made;

/* Finds the names that cuts of `request` would make beyond `given`, the names that its payload shows. False if there
 * are none; then `out` is not touched. */
bool ch_recut_names(const ch_profile *profile, const ch_request *request, const uint64_t *given, ch_recut_made *out);

/* For what loads a profile (recuts_find.c), when its confusions have been found. CH_CONFIG: the profile says that a
 * name is refused which a cut could make, or a cut could make what the agent fills in. */
CH_CHECKED ch_status ch_recuts_find(ch_profile *profile, ch_error *err);
void ch_recuts_free(ch_profile *profile);

#endif
