/* What a crash leaves: the ledger that is read from the disk must count what core counts. */
#ifndef CH_TESTS_FUZZ_KEPT_H
#define CH_TESTS_FUZZ_KEPT_H

#include "agent/core/ledger.h"

/* Reads the store anew, and holds it to `ledger`, of which nothing is on its way: the same is used of each limit, and
 * the trading states are the same. */
void fuzz_check_kept(const ch_ledger *ledger, ch_store *store, const ch_policy *policy, uint64_t now_ns);

/* All that a ledger holds, as lines in their order; those of these kinds. */
void fuzz_ledger_lines(const ch_ledger *ledger, uint64_t now_ns, const char *kinds, ch_buffer *out);
/* Ends the process, and shows both, unless they are the same. */
void fuzz_check_lines(ch_buffer *counted, ch_buffer *found);

#endif
