/* When a key ends: by its policy it expires, and it should be rotated before. Pure. */
#ifndef CH_POLICY_KEY_DATES_H
#define CH_POLICY_KEY_DATES_H

#include "base/buffer.h"
#include "policy/policy.h"

#define CH_KEY_NOTICE_DAYS 14 /* before one of its dates, and from then on, people are told */

/* What is to be said of a key, the worst of it. */
typedef enum ch_key_due {
    CH_KEY_NOT_DUE,
    CH_KEY_ROTATES_SOON,
    CH_KEY_ROTATES_NOW,
    CH_KEY_EXPIRES_SOON,
    CH_KEY_HAS_EXPIRED,
} ch_key_due;

ch_key_due ch_key_due_at(const ch_key *key, uint64_t now_ns);
/* Appends that, as a sentence; nothing if nothing is due. */
void ch_key_due_say(const ch_key *key, uint64_t now_ns, ch_buffer *out);

/* Returns the version that signs as far as dates say it: the newest that has begun and has not expired; the first if
 * there is none. For requests that no token is asked for. */
const ch_key *ch_key_version_by_date(const ch_key *key, uint64_t now_ns);

/* CH_REFUSED, with the rule `expires`, from the moment at which the key expires. */
CH_CHECKED ch_status ch_key_check_expiry(const ch_key *key, uint64_t now_ns, ch_error *err);

#endif
