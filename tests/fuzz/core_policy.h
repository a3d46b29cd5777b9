/* The policy of the core on the stage: keys of the profiles oddball and plain, and limits and requirements of every
 * kind. The user who runs the fuzzer is each bot, and each person but the approver. */
#ifndef CH_TESTS_FUZZ_CORE_POLICY_H
#define CH_TESTS_FUZZ_CORE_POLICY_H

#include <stddef.h>

#define FUZZ_APPROVER "you" /* whose user has the number after ours */
#define FUZZ_RELAY "relay"  /* and its socket */

/* Writes the policy, and returns its size. */
size_t fuzz_core_print_policy(char *out, size_t size);

#endif
