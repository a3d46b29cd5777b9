/* To know before a change: a word that is refused is not quoted unless it is certain that it is no secret, because
 * people do paste PINs in the wrong place and errors end in logs. */
#include "cli/options.h"

#include "base/encode.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/slice.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const ch_option_row rows[CH_OPT_COUNT] = {
    [CH_OPT_MODULE] = {"module",          "MODULE",          "PKCS#11 module: a path, or its p11-kit name (or $CHANCERY_MODULE)"},
    [CH_OPT_TOKEN] = {"token",           "URI",             "the token: an RFC 7512 URI, or its label (or $CHANCERY_TOKEN)"    },
    [CH_OPT_LABEL] = {"label",           "LABEL",           "the label of what is made"                                        },
    [CH_OPT_OBJECT] = {"object",          "URI",             "the key: an RFC 7512 URI (\"pkcs11:object=...\"), or its label"   },
    [CH_OPT_PROFILE] = {"profile",         "NAME",            "exchange profile that says mechanism and encoding"                },
    [CH_OPT_SCHEME] = {"scheme",          "NAME",            "the profile's signing scheme (import of an HMAC secret: hmac)"    },
    [CH_OPT_PROFILES] = {"profiles",        "DIR",             "folder of the profiles (or $CHANCERY_PROFILES)"                   },
    [CH_OPT_MECHANISM] = {"mechanism",       "NAME",            "what the key signs with; see 'chancery help mechanisms'"          },
    [CH_OPT_ENCODING] = {"encoding",        "text|hex|base64", "how the secret is written (default: the profile's, or text)"      },
    [CH_OPT_PEM] = {"pem",             NULL,              "the secret is a private key in PEM"                               },
    [CH_OPT_BITS] = {"bits",            "N",               "size of an RSA key (default 2048)"                                },
    [CH_OPT_FORMAT] = {"format",          "pem|base64",      "how to print the public key (default pem)"                        },
    [CH_OPT_ERASE] = {"erase",           NULL,              "erase a token of that label, with every key on it"                },
    [CH_OPT_YES] = {"yes",             NULL,              "do not ask"                                                       },
    [CH_OPT_ALL] = {"all",             NULL,              "every token"                                                      },
    [CH_OPT_CURL] = {"curl",            NULL,              "print a curl command that sends the request"                      },
    [CH_OPT_HOST] = {"host",            "HOST",            "the exchange's host, where a call is at several"                  },
    [CH_OPT_SOCKET] = {"socket",          "PATH",            "the agent's HTTP socket (or $CHANCERY_SOCK)"                      },
    [CH_OPT_OPERATOR_SOCKET] = {"operator-socket", "PATH",            "the agent's operator socket (or $CHANCERY_OPERATOR_SOCK)"         },
    [CH_OPT_PIN_FD] = {"pin-fd",          "N",               "read the user PIN from descriptor N"                              },
    [CH_OPT_SO_PIN_FD] = {"so-pin-fd",       "N",               "read the SO PIN from descriptor N"                                },
    [CH_OPT_SECRET_FD] = {"secret-fd",       "N",               "read the API secret or PEM from descriptor N"                     },
    [CH_OPT_JSON] = {"json",            NULL,              "print JSON"                                                       },
    [CH_OPT_HELP] = {"help",            NULL,              "print this help"                                                  },
};

/* By what people try to hand over a secret. */
static const struct {
    const char *name;
    const char *what;
    const char *instead;
} secret_options[] = {
    {"pin",         "a PIN",    "--pin-fd"   },
    {"user-pin",    "a PIN",    "--pin-fd"   },
    {"password",    "a PIN",    "--pin-fd"   },
    {"passphrase",  "a PIN",    "--pin-fd"   },
    {"so-pin",      "a PIN",    "--so-pin-fd"},
    {"secret",      "a secret", "--secret-fd"},
    {"api-secret",  "a secret", "--secret-fd"},
    {"secret-key",  "a secret", "--secret-fd"},
    {"private-key", "a secret", "--secret-fd"},
};

const ch_option_row *ch_option_at(ch_option option)
{
    return &rows[option];
}

ch_status ch_options_refuse_secret(const char *word, ch_error *err)
{
    if (strncmp(word, "--", 2) != 0)
        return CH_OK;
    ch_slice name = {(const uint8_t *)word + 2, strcspn(word + 2, "=")};
    for (size_t i = 0; i < sizeof secret_options / sizeof secret_options[0]; i++) {
        if (ch_slice_is(name, secret_options[i].name))
            return ch_fail(err, CH_BAD_INPUT,
                           "there is no option --%s: everyone on this machine can read a command line, and the shell "
                           "keeps it, so %s never goes there (if you gave it, count it as known to others). Leave it "
                           "out to be asked for it, pipe it in, or give a descriptor with %s N",
                           secret_options[i].name, secret_options[i].what, secret_options[i].instead);
    }
    return CH_OK;
}

static ch_option find_option(ch_slice name)
{
    ch_option option = 0;
    while (option < CH_OPT_COUNT && !ch_slice_is(name, rows[option].name))
        option++;
    return option;
}

static ch_status unknown_option(const char *word, ch_error *err)
{
    ch_status st = ch_options_refuse_secret(word, err);
    if (st != CH_OK)
        return st;
    /* "-p1234" may be a PIN; a name behind two dashes is not, and what follows '=' may be. */
    if (word[1] != '-')
        return ch_fail(err, CH_BAD_INPUT, "options are written out, with two dashes");
    return ch_fail(err, CH_BAD_INPUT, "unknown option '%.*s'", (int)strcspn(word, "="), word);
}

/* Takes the option at words[at]; gives how many words it was in `used`. */
static ch_status take_option(const ch_command *command, int left, char *const *words, ch_arguments *arguments,
                             int *used, ch_error *err)
{
    const char *word = words[0];
    *used = 1;
    if (strcmp(word, "-h") == 0) {
        arguments->option[CH_OPT_HELP] = "";
        return CH_OK;
    }
    ch_slice name = {(const uint8_t *)word + 2, strcspn(word + 2, "=")};
    ch_option option = word[1] == '-' ? find_option(name) : CH_OPT_COUNT;
    if (option == CH_OPT_COUNT)
        return unknown_option(word, err);
    if (((command->options | CH_OPTION_BIT(CH_OPT_HELP)) & CH_OPTION_BIT(option)) == 0)
        return ch_fail(err, CH_BAD_INPUT, "this command does not take --%s", rows[option].name);
    if (arguments->option[option] != NULL)
        return ch_fail(err, CH_BAD_INPUT, "--%s is given twice", rows[option].name);
    const char *value = word[2 + name.size] == '=' ? word + 3 + name.size : NULL;
    if (rows[option].value == NULL && value != NULL)
        return ch_fail(err, CH_BAD_INPUT, "--%s takes no value", rows[option].name);
    if (rows[option].value != NULL && value == NULL) {
        if (left < 2)
            return ch_fail(err, CH_BAD_INPUT, "--%s wants a value: %s", rows[option].name, rows[option].value);
        value = words[1];
        *used = 2;
    }
    arguments->option[option] = value == NULL ? "" : value;
    return CH_OK;
}

static ch_status check_count(const ch_command *command, size_t count, ch_error *err)
{
    if (count < command->positional_min)
        return ch_fail(err, CH_BAD_INPUT, "too few arguments: this command wants %s", command->synopsis);
    if (count > command->positional_max && command->positional_max == 0)
        return ch_fail(err, CH_BAD_INPUT,
                       "this command takes options only; a PIN or secret is never an argument, it is asked for");
    if (count > command->positional_max)
        return ch_fail(err, CH_BAD_INPUT,
                       "too many arguments: this command takes %s; a PIN or secret is never one, it is asked for",
                       command->synopsis);
    return CH_OK;
}

ch_status ch_options_parse(const ch_command *command, int count, char *const *words, ch_arguments *arguments,
                           ch_error *err)
{
    bool is_past_options = false;
    *arguments = (ch_arguments){0};
    arguments->positional = ch_realloc_array(NULL, (size_t)count + 1, sizeof *arguments->positional);
    for (int at = 0, used = 1; at < count; at += used) {
        const char *word = words[at];
        used = 1;
        if (!is_past_options && strcmp(word, "--") == 0) {
            is_past_options = true;
        } else if (!is_past_options && word[0] == '-' && word[1] != '\0') {
            ch_status st = take_option(command, count - at, words + at, arguments, &used, err);
            if (st != CH_OK)
                return st;
        } else {
            arguments->positional[arguments->positional_count++] = word;
        }
    }
    return arguments->option[CH_OPT_HELP] != NULL ? CH_OK : check_count(command, arguments->positional_count, err);
}

ch_status ch_option_required(const ch_arguments *arguments, ch_option option, const char **out, ch_error *err)
{
    *out = arguments->option[option];
    if (*out == NULL || **out == '\0')
        return ch_fail(err, CH_BAD_INPUT, "--%s %s is needed: %s", rows[option].name, rows[option].value,
                       rows[option].help);
    return CH_OK;
}

static const char *option_or_variable(const ch_arguments *arguments, ch_option option, const char *variable)
{
    const char *value = arguments->option[option];
    if (value == NULL)
        value = getenv(variable);
    return value != NULL && *value == '\0' ? NULL : value;
}

ch_status ch_option_module(const ch_arguments *arguments, const char **out, ch_error *err)
{
    *out = option_or_variable(arguments, CH_OPT_MODULE, "CHANCERY_MODULE");
    if (*out == NULL)
        return ch_fail(err, CH_BAD_INPUT,
                       "which PKCS#11 module? Give --module (a path, or a p11-kit name such as softhsm2) or set "
                       "CHANCERY_MODULE");
    return CH_OK;
}

/* A URI as it is, a label as "pkcs11:ATTRIBUTE=LABEL". A PIN in a URI would stand in the command line. */
static ch_status to_uri(const char *value, const char *attribute, char **out, ch_error *err)
{
    if (strncasecmp(value, "pkcs11:", 7) == 0) {
        if (strcasestr(value, "pin-value") != NULL || strcasestr(value, "pin-source") != NULL)
            return ch_fail(
                err, CH_BAD_INPUT,
                "a PKCS#11 URI here has no pin-value or pin-source: the PIN is asked for, piped in, or given "
                "with --pin-fd N");
        *out = ch_strdup(value);
        return CH_OK;
    }
    ch_autobuffer uri = CH_BUFFER_INIT;
    ch_buffer_add_format(&uri, "pkcs11:%s=", attribute);
    ch_encode_percent(&uri, ch_slice_of(value), "");
    *out = ch_slice_strdup(ch_buffer_slice(&uri));
    return CH_OK;
}

ch_status ch_option_token(const ch_arguments *arguments, char **out, ch_error *err)
{
    const char *value = option_or_variable(arguments, CH_OPT_TOKEN, "CHANCERY_TOKEN");
    if (value == NULL)
        return ch_fail(err, CH_BAD_INPUT,
                       "which token? Give --token (an RFC 7512 URI such as pkcs11:token=demo, or a label) or set "
                       "CHANCERY_TOKEN; 'chancery token list' shows what is there");
    return to_uri(value, "token", out, err);
}

ch_status ch_option_object(const ch_arguments *arguments, char **out, ch_error *err)
{
    const char *value = NULL;
    ch_status st = ch_option_required(arguments, CH_OPT_OBJECT, &value, err);
    return st != CH_OK ? st : to_uri(value, "object", out, err);
}

const char *ch_option_profiles(const ch_arguments *arguments)
{
    const char *folder = arguments->option[CH_OPT_PROFILES];
    if (folder == NULL)
        folder = getenv("CHANCERY_PROFILES");
    return folder == NULL || *folder == '\0' ? CH_PATH_PROFILES : folder;
}

ch_status ch_option_number(const ch_arguments *arguments, ch_option option, unsigned max, unsigned *out, ch_error *err)
{
    const char *text = arguments->option[option];
    unsigned value = 0;
    bool is_good = *text != '\0';
    for (const char *at = text; *at != '\0' && is_good; at++) {
        is_good = *at >= '0' && *at <= '9' && value <= max / 10;
        value = is_good ? value * 10 + (unsigned)(*at - '0') : 0;
    }
    if (!is_good || value > max)
        return ch_fail(err, CH_BAD_INPUT, "--%s wants a number from 0 to %u", rows[option].name, max);
    *out = value;
    return CH_OK;
}

char *ch_option_agent_socket(const ch_arguments *arguments)
{
    const char *given = option_or_variable(arguments, CH_OPT_SOCKET, "CHANCERY_SOCK");
    return given != NULL ? ch_strdup(given) : ch_path_agent_socket();
}

char *ch_option_operator_socket(const ch_arguments *arguments)
{
    const char *given = option_or_variable(arguments, CH_OPT_OPERATOR_SOCKET, "CHANCERY_OPERATOR_SOCK");
    return given != NULL ? ch_strdup(given) : ch_path_operator_socket();
}
