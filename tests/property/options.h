/* What the property tests are asked for on the command line. */
#ifndef CH_TESTS_PROPERTY_OPTIONS_H
#define CH_TESTS_PROPERTY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct options {
    uint64_t cases;
    uint64_t seed;
    bool prints;
} options;

/* Returns the index of the first profile among the arguments, or 0 if they are wrong. */
int options_read(int argc, char **argv, options *out);

#endif
