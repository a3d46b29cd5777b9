/* The property test's rig, for the targets that judge and build requests. */
#ifndef CH_TESTS_FUZZ_RIG_H
#define CH_TESTS_FUZZ_RIG_H

#include "tests/property/property.h"

/* Called by libFuzzer before the first input. */
int LLVMFuzzerInitialize(int *count, char ***arguments);

/* Everything but profile and scheme. Lives as long as the process. */
void fuzz_rig_init(rig *out);

#endif
