/* What the files of lint.h share: what is looked at, and who hears of it. Keys are in lint_keys.c,
 * relays in lint_relays.c. */
#ifndef CH_POLICY_LINT_IMPL_H
#define CH_POLICY_LINT_IMPL_H

#include "policy/exposure.h"
#include "policy/lint.h"

#define CH_LINT_KIND(name) (1U << CH_ITEM_##name)
#define CH_LINT_MONEY (CH_LINT_KIND(ORDER) | CH_LINT_KIND(TRANSFER) | CH_LINT_KIND(WITHDRAWAL) | CH_LINT_KIND(BORROW))

typedef struct ch_lint {
    const ch_policy *policy;
    const ch_exposure *exposure; /* of all callers */
    uint64_t now_ns;
    const ch_lint_reader *reader;
    ch_warning of; /* what is looked at */
} ch_lint;

void CH_PRINTF(3, 4) ch_lint_say(const ch_lint *in, const char *code, const char *format, ...);

void ch_lint_key(const ch_lint *in, const ch_key *key);
void ch_lint_relay_only(const ch_lint *in, const ch_key *key);
/* Of a caller that is a relay. */
void ch_lint_caller(const ch_lint *in, size_t caller);

#endif
