/* Configuration files that stand in memory. files.c has conf/yaml.h's functions that load a file, without the check
 * of who could change it: an input has no owner. */
#ifndef CH_TESTS_FUZZ_FILES_H
#define CH_TESTS_FUZZ_FILES_H

#include "base/slice.h"

#define FUZZ_FILE "/fuzz/input.yaml"

/* Lets FUZZ_FILE be these bytes, which must stay as long as it is loaded. Any other file is what it is on disk. */
void fuzz_set_file(ch_slice bytes);

#endif
