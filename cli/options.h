/* The command line: one table of options, allowed before and after positional arguments, and the values that fall back
 * on the environment.
 *
 * No option takes a secret. What looks like one (--pin 1234, --secret=...) is refused with a sentence that says what to
 * do instead, and no error quotes an argument that may be a secret in the wrong place. */
#ifndef CH_CLI_OPTIONS_H
#define CH_CLI_OPTIONS_H

#include "base/error.h"
#include "pkcs11/module_path.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The rows of the table in options.c, in its order. */
typedef enum ch_option {
    CH_OPT_MODULE,
    CH_OPT_INIT_ARGS,
    CH_OPT_TOKEN,
    CH_OPT_LABEL,
    CH_OPT_OBJECT,
    CH_OPT_PROFILE,
    CH_OPT_SCHEME,
    CH_OPT_PROFILES,
    CH_OPT_MECHANISM,
    CH_OPT_ENCODING,
    CH_OPT_AS_IS,
    CH_OPT_PEM,
    CH_OPT_BITS,
    CH_OPT_EXPIRES,
    CH_OPT_FORMAT,
    CH_OPT_ERASE,
    CH_OPT_YES,
    CH_OPT_DRY_RUN,
    CH_OPT_ALL,
    CH_OPT_WAIT,
    CH_OPT_CURL,
    CH_OPT_HOST,
    CH_OPT_INTENTS,
    CH_OPT_POLICY,
    CH_OPT_CONFIG,
    CH_OPT_STRICT,
    CH_OPT_PRICE,
    CH_OPT_AT,
    CH_OPT_AFTER,
    CH_OPT_LIMIT,
    CH_OPT_KEY_ID,
    CH_OPT_REASON,
    CH_OPT_REDUCING,
    CH_OPT_ANSWERS,
    CH_OPT_FOR,
    CH_OPT_ENVIRONMENT,
    CH_OPT_RELAY,
    CH_OPT_CALLER,
    CH_OPT_TOKEN_FILE,
    CH_OPT_CA,
    CH_OPT_WATCH,
    CH_OPT_SOCKET,
    CH_OPT_OPERATOR_SOCKET,
    CH_OPT_AGENT_USER,
    CH_OPT_PIN_FD,
    CH_OPT_PINENTRY,
    CH_OPT_ASK_PASSWORD,
    CH_OPT_CREDENTIAL,
    CH_OPT_NO_PIN,
    CH_OPT_LAST_TRY,
    CH_OPT_CODE_FD,
    CH_OPT_SO_PIN_FD,
    CH_OPT_SECRET_FD,
    CH_OPT_SIGNATURE,
    CH_OPT_PAYLOAD,
    CH_OPT_PAYLOAD_FD,
    CH_OPT_JSON,
    CH_OPT_HELP,
    CH_OPT_COUNT
} ch_option;

typedef struct ch_option_row {
    const char *name;     /* without the dashes */
    const char *value;    /* what it takes, for the help: "N", or the words themselves, "pem|base64"; NULL for a switch;
                             "[PROGRAM]" may be left out, and else follows a '=' */
    const char *variable; /* the environment variable that stands in for it; NULL if there is none */
    const char *help;
} ch_option_row;

const ch_option_row *ch_option_at(ch_option option);
/* Returns true if its value may be left out. */
bool ch_option_may_be_bare(const ch_option_row *row);

/* A set of options: CH_OPTION(LABEL) | CH_OPTION(JSON). */
typedef uint64_t ch_options;
#define CH_OPTION(name) ((ch_options)1 << CH_OPT_##name)
/* Of a command that asks for the user PIN (cli/secret_input.h). */
#define CH_OPTIONS_PIN (CH_OPTION(PIN_FD) | CH_OPTION(PINENTRY) | CH_OPTION(ASK_PASSWORD) | CH_OPTION(CREDENTIAL))

/* What a command takes. Every command takes --help. */
typedef struct ch_syntax {
    const char *positional; /* the positional arguments, as in the usage line; NULL if there are none */
    size_t positional_min;
    size_t positional_max;
    ch_options options;
} ch_syntax;

/* True if a command with this syntax takes `option`. */
bool ch_syntax_has(const ch_syntax *syntax, ch_option option);

/* What was given on the command line; views into argv. */
typedef struct ch_arguments {
    const char *option[CH_OPT_COUNT]; /* NULL if not given; "" for one that takes no value */
    const char **positional;
    size_t positional_count;
} ch_arguments;

void ch_arguments_free(ch_arguments *arguments);
#define ch_autoarguments __attribute__((cleanup(ch_arguments_free))) ch_arguments

/* Parses what follows the command's name into `arguments`, which the caller frees, also after a failure. Returns
 * CH_BAD_INPUT for what the command does not take; with --help, no positional argument is required. */
CH_CHECKED ch_status ch_options_parse(const ch_syntax *syntax, int count, char *const *words, ch_arguments *arguments,
                                      ch_error *err);

/* Returns CH_BAD_INPUT if `word` is an option by which somebody means to pass a secret. */
CH_CHECKED ch_status ch_options_refuse_secret(const char *word, ch_error *err);

/* The option's value; CH_BAD_INPUT, naming the option, if it was not given. */
CH_CHECKED ch_status ch_option_required(const ch_arguments *arguments, ch_option option, const char **out,
                                        ch_error *err);

/* --module and --init-args, else CHANCERY_MODULE and CHANCERY_INIT_ARGS. Views. */
CH_CHECKED ch_status ch_option_module(const ch_arguments *arguments, ch_module_name *out, ch_error *err);

/* --token, else CHANCERY_TOKEN; a bare label becomes its RFC 7512 URI. The caller frees `*out`. */
CH_CHECKED ch_status ch_option_token(const ch_arguments *arguments, char **out, ch_error *err);

/* --object; a bare label becomes its RFC 7512 URI. The caller frees `*out`. */
CH_CHECKED ch_status ch_option_object(const ch_arguments *arguments, char **out, ch_error *err);

/* A key as an argument, as ch_option_object takes it. The caller frees `*out`. */
CH_CHECKED ch_status ch_argument_object(const char *argument, char **out, ch_error *err);

/* --profiles, else CHANCERY_PROFILES, else where they are installed. */
const char *ch_option_profiles(const ch_arguments *arguments);

/* The same, --relay, and --policy and --config, or their variables; NULL if there is neither. */
const char *ch_option_given_profiles(const ch_arguments *arguments);
const char *ch_option_relay(const ch_arguments *arguments);
const char *ch_option_policy(const ch_arguments *arguments);
const char *ch_option_config(const ch_arguments *arguments);

/* The option's value; if it was given without one, its variable's, else `path`. */
const char *ch_option_program(const ch_arguments *arguments, ch_option option, const char *path);

/* Decimal digits, at most `max`; the error names the option and does not quote what was given. */
CH_CHECKED ch_status ch_option_number(const ch_arguments *arguments, ch_option option, unsigned max, unsigned *out,
                                      ch_error *err);

/* The agent's sockets: the option, else the variable, else the default path. The caller frees the path. */
char *ch_option_agent_socket(const ch_arguments *arguments);
char *ch_option_operator_socket(const ch_arguments *arguments);
/* --agent-user or its variable; NULL if there is neither. */
const char *ch_option_agent_user(const ch_arguments *arguments);

#endif
