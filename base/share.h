/* How a bounded thing is shared: by how much of it its callers may have.
 *
 * Below its share a caller is served as long as anything is left. Above it, a caller is served only while more than the
 * reserve is left, so that the greedy can use what nobody needs and never what somebody else may need next. Many
 * callers can take all of it together, so a caller that has next to nothing gets its first few besides. */
#ifndef CH_BASE_SHARE_H
#define CH_BASE_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#define CH_SHARE_CALLERS 256 /* that can have their first few besides the total */

/* What all callers can have together. */
#define CH_SHARE_MOST(total, first) ((total) + CH_SHARE_CALLERS * (first))

typedef struct ch_share {
    size_t total;   /* how much there is */
    size_t share;   /* of one caller */
    size_t reserve; /* of all together, for callers below their share */
    size_t first;   /* a caller below that is served although the total is used up */
} ch_share;

/* May a caller that has `own` of the `used` take one more? */
static inline bool ch_share_admits(const ch_share *share, size_t used, size_t own)
{
    if (own < share->first)
        return used < CH_SHARE_MOST(share->total, share->first);
    if (own < share->share)
        return used < share->total;
    return used + share->reserve < share->total;
}

#endif
