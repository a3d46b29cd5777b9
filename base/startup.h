/* The command line of a program that serves: --config FILE, --check, --debug, --version and --help. Single-threaded. */
#ifndef CH_BASE_STARTUP_H
#define CH_BASE_STARTUP_H

#include <stdbool.h>

typedef struct ch_startup {
    const char *config_path;
    bool is_check; /* the files are only to be read */
} ch_startup;

/* Reads the command line, and turns debug messages on if it says so. Returns true if the program is to go on. Else it
 * has printed the version, or `usage`, and `*exit_status` says how to end. */
bool ch_startup_read(int argc, char **argv, const char *program, const char *usage, ch_startup *out, int *exit_status);

#endif
