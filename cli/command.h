/* A command of `chancery`: one row of the table in main.c, the options that it takes, and how it is run.
 *
 * A row is all there is to a command: the parser, the help and the man page's synopsis follow it. A command's function
 * gets its arguments parsed and counted; it prints its result on standard output and leaves errors to main. */
#ifndef CH_CLI_COMMAND_H
#define CH_CLI_COMMAND_H

#include "base/error.h"

#include <stddef.h>

typedef enum ch_option {
    CH_OPT_MODULE,
    CH_OPT_TOKEN,
    CH_OPT_LABEL,
    CH_OPT_OBJECT,
    CH_OPT_PROFILE,
    CH_OPT_SCHEME,
    CH_OPT_PROFILES,
    CH_OPT_MECHANISM,
    CH_OPT_ENCODING,
    CH_OPT_PEM,
    CH_OPT_BITS,
    CH_OPT_FORMAT,
    CH_OPT_ERASE,
    CH_OPT_YES,
    CH_OPT_ALL,
    CH_OPT_CURL,
    CH_OPT_HOST,
    CH_OPT_SOCKET,
    CH_OPT_OPERATOR_SOCKET,
    CH_OPT_PIN_FD,
    CH_OPT_SO_PIN_FD,
    CH_OPT_SECRET_FD,
    CH_OPT_JSON,
    CH_OPT_HELP,
    CH_OPT_COUNT
} ch_option;

#define CH_OPTION_BIT(option) (1U << (option))

/* What was given on the command line; views into argv. */
typedef struct ch_arguments {
    const char *option[CH_OPT_COUNT]; /* NULL when not given; "" for one that takes no value */
    const char **positional;
    size_t positional_count;
} ch_arguments;

typedef struct ch_command {
    const char *family; /* NULL when the command stands alone */
    const char *name;
    const char *synopsis; /* the positional arguments, as in the usage line; NULL: none */
    size_t positional_min;
    size_t positional_max;
    unsigned options; /* CH_OPTION_BIT(...) of each; --help is always there */
    const char *summary;
    const char *details;
    const char *examples;
    ch_status (*run)(const ch_arguments *arguments, ch_error *err);
} ch_command;

/* The rows of main.c in order; NULL past their end. */
const ch_command *ch_command_at(size_t index);

/* cli/token.c */
ch_status ch_run_token_init(const ch_arguments *arguments, ch_error *err);
ch_status ch_run_token_list(const ch_arguments *arguments, ch_error *err);
/* cli/key.c */
ch_status ch_run_key_import(const ch_arguments *arguments, ch_error *err);
ch_status ch_run_key_generate(const ch_arguments *arguments, ch_error *err);
ch_status ch_run_key_list(const ch_arguments *arguments, ch_error *err);
ch_status ch_run_key_public(const ch_arguments *arguments, ch_error *err);
ch_status ch_run_key_delete(const ch_arguments *arguments, ch_error *err);
/* cli/profile.c */
ch_status ch_run_profile_check(const ch_arguments *arguments, ch_error *err);
ch_status ch_run_profile_list(const ch_arguments *arguments, ch_error *err);
ch_status ch_run_profile_show(const ch_arguments *arguments, ch_error *err);
/* cli/operator.c */
ch_status ch_run_unlock(const ch_arguments *arguments, ch_error *err);
ch_status ch_run_lock(const ch_arguments *arguments, ch_error *err);
/* cli/agent.c */
ch_status ch_run_status(const ch_arguments *arguments, ch_error *err);
ch_status ch_run_keys(const ch_arguments *arguments, ch_error *err);
ch_status ch_run_sign(const ch_arguments *arguments, ch_error *err);

#endif
