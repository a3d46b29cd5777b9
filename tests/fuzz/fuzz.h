/* What the fuzz targets share. A target is one file, fuzz_ and the name of a door, that hands libFuzzer's bytes to one
 * door of the program, and holds what comes out to what the door's header promises; scripts/fuzz builds and runs them.
 *
 * A promise that does not hold ends the process, and libFuzzer keeps the input. All run in the repository's root. */
#ifndef CH_TESTS_FUZZ_H
#define CH_TESTS_FUZZ_H

#include "base/error.h"
#include "base/slice.h"

/* Ends the process with the line and the text of `condition` unless it holds. */
#define FUZZ_CHECK(condition) fuzz_check((condition), __FILE__, __LINE__, #condition)
void fuzz_check(bool holds, const char *file, int line, const char *condition);

/* What base/error.h promises: an error says something, and only in UTF-8 without control characters. */
void fuzz_check_error(ch_status status, const ch_error *err);

/* Called by libFuzzer; always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes a byte off the front of `input`; 0 if there is none. */
uint8_t fuzz_take_byte(ch_slice *input);

/* The input as a C string, cut at its first NUL; the caller frees it. */
char *fuzz_text(const uint8_t *data, size_t size);

/* A file that holds `bytes`, from its start; the same each time, and never closed. */
int fuzz_descriptor(ch_slice bytes);

#endif
