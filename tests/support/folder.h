/* A folder for the files of one test. It is made when it is first asked for, and removed when the test's process ends,
 * also if the test fails. */
#ifndef CH_TESTS_SUPPORT_FOLDER_H
#define CH_TESTS_SUPPORT_FOLDER_H

#include <stddef.h>

const char *ch_test_folder(void);

/* The path of the file `name` in the folder; the second writes the file first. Free with free() or ch_autofree. */
char *ch_test_path(const char *name);
char *ch_test_file(const char *name, const void *bytes, size_t size_bytes);

#endif
