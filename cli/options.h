/* The command line: one table of options, allowed before and after positional arguments, and the values that fall back
 * on the environment.
 *
 * No option takes a secret. What looks like one (--pin 1234, --secret=...) is refused with a sentence that says how
 * instead; no error quotes an argument that could be a secret in the wrong place. */
#ifndef CH_CLI_OPTIONS_H
#define CH_CLI_OPTIONS_H

#include "cli/command.h"

typedef struct ch_option_row {
    const char *name;  /* without the dashes */
    const char *value; /* what it takes, for the help; NULL for a switch */
    const char *help;
} ch_option_row;

const ch_option_row *ch_option_at(ch_option option);

/* Parses what follows the command's name. `arguments->positional` is the caller's to free. CH_BAD_INPUT for what the
 * command does not take; with --help, nothing else is asked for. */
CH_CHECKED ch_status ch_options_parse(const ch_command *command, int count, char *const *words, ch_arguments *arguments,
                                      ch_error *err);

/* CH_BAD_INPUT if `word` is an option by which somebody means to give a secret. */
CH_CHECKED ch_status ch_options_refuse_secret(const char *word, ch_error *err);

/* The option's value; CH_BAD_INPUT, naming the option, when it was not given. */
CH_CHECKED ch_status ch_option_required(const ch_arguments *arguments, ch_option option, const char **out,
                                        ch_error *err);

/* --module, else CHANCERY_MODULE. */
CH_CHECKED ch_status ch_option_module(const ch_arguments *arguments, const char **out, ch_error *err);

/* --token, else CHANCERY_TOKEN; a bare label becomes its RFC 7512 URI. The caller frees `*out`. */
CH_CHECKED ch_status ch_option_token(const ch_arguments *arguments, char **out, ch_error *err);

/* --object; a bare label becomes its RFC 7512 URI. The caller frees `*out`. */
CH_CHECKED ch_status ch_option_object(const ch_arguments *arguments, char **out, ch_error *err);

/* --profiles, else CHANCERY_PROFILES, else where they are installed. */
const char *ch_option_profiles(const ch_arguments *arguments);

/* Decimal digits, at most `max`; CH_BAD_INPUT names the option and does not quote what was given. */
CH_CHECKED ch_status ch_option_number(const ch_arguments *arguments, ch_option option, unsigned max, unsigned *out,
                                      ch_error *err);

/* The agent's sockets: the option, else the variable, else the default path. The caller frees the path. */
char *ch_option_agent_socket(const ch_arguments *arguments);
char *ch_option_operator_socket(const ch_arguments *arguments);

#endif
