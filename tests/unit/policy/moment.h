/* Moments as people write them. */
#ifndef CH_TESTS_UNIT_POLICY_MOMENT_H
#define CH_TESTS_UNIT_POLICY_MOMENT_H

#include <stdint.h>

#define NS_PER_S 1000000000ULL

/* "2024-03-31T01:00:00Z" as ns since 1970. */
uint64_t moment_ns(const char *text);

#endif
