/* To know before a change: a word that is refused is quoted only if it certainly is not a secret, because people do
 * paste PINs in the wrong place, and errors end up in logs. */
#include "cli/options.h"

#include "base/buffer.h"
#include "base/encode.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/slice.h"
#include "pkcs11/uri.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* clang-format off */
static const ch_option_row rows[CH_OPT_COUNT] = {
    /*                           name               value              variable                  help */
    [CH_OPT_MODULE]          = { "module",          "MODULE",          "CHANCERY_MODULE",        "PKCS#11 module: a path, or its p11-kit name" },
    [CH_OPT_INIT_ARGS]       = { "init-args",       "TEXT",            "CHANCERY_INIT_ARGS",     "C_Initialize's reserved string, if the module needs one" },
    [CH_OPT_TOKEN]           = { "token",           "URI",             "CHANCERY_TOKEN",         "the token: an RFC 7512 URI, or its label" },
    [CH_OPT_LABEL]           = { "label",           "LABEL",           NULL,                     "label of the new token or key" },
    [CH_OPT_OBJECT]          = { "object",          "URI",             NULL,                     "the key: an RFC 7512 URI (\"pkcs11:object=...\"), or its label" },
    [CH_OPT_PROFILE]         = { "profile",         "PROFILE",         NULL,                     "the exchange's profile; it sets mechanism and encoding" },
    [CH_OPT_SCHEME]          = { "scheme",          "SCHEME",          NULL,                     "the profile's signing scheme (import and check: hmac)" },
    [CH_OPT_PROFILES]        = { "profiles",        "DIR",             "CHANCERY_PROFILES",      "folder of the profiles" },
    [CH_OPT_MECHANISM]       = { "mechanism",       "MECHANISM",       NULL,                     "what the key signs with; see 'chancery help mechanisms'" },
    [CH_OPT_ENCODING]        = { "encoding",        "text|hex|base64", NULL,                     "how the secret is written (default: the profile's, or text)" },
    [CH_OPT_AS_IS]           = { "as-is",           NULL,              NULL,                     "take a secret that is short, or looks like a place-holder" },
    [CH_OPT_PEM]             = { "pem",             NULL,              NULL,                     "the secret is a private key (no default scheme)" },
    [CH_OPT_BITS]            = { "bits",            "N",               NULL,                     "size of an RSA key (default 2048)" },
    [CH_OPT_EXPIRES]         = { "expires",         "DATE",            NULL,                     "the last day of the key, as in 2027-01-31, for the token to note" },
    [CH_OPT_FORMAT]          = { "format",          "pem|base64",      NULL,                     "how to print the public key (default pem)" },
    [CH_OPT_ERASE]           = { "erase",           NULL,              NULL,                     "erase a token of that label, with every key on it" },
    [CH_OPT_YES]             = { "yes",             NULL,              NULL,                     "do not ask" },
    [CH_OPT_DRY_RUN]         = { "dry-run",         NULL,              NULL,                     "change nothing; say what would be done" },
    [CH_OPT_ALL]             = { "all",             NULL,              NULL,                     "all of them" },
    [CH_OPT_WAIT]            = { "wait",            NULL,              NULL,                     "wait up to a minute for the agent and the token" },
    [CH_OPT_CURL]            = { "curl",            NULL,              NULL,                     "print a curl command that sends the request" },
    [CH_OPT_INTENTS]         = { "intents",         NULL,              NULL,                     "what can be read of each request" },
    [CH_OPT_HOST]            = { "host",            "HOST",            NULL,                     "the exchange's host, if it has the same call at several" },
    [CH_OPT_POLICY]          = { "policy",          "FILE",            "CHANCERY_POLICY",        "the policy: a file, or a folder of files (default: that of --config)" },
    [CH_OPT_CONFIG]          = { "config",          "FILE",            "CHANCERY_CONFIG",        "agent.yaml, for its policy, profiles and tokens" },
    [CH_OPT_STRICT]          = { "strict",          NULL,              NULL,                     "exit with 3 if there is a warning" },
    [CH_OPT_PRICE]           = { "price",           "PAIR=PRICE,...",  NULL,                     "reference prices, as in BTC/USDT=29880" },
    [CH_OPT_AT]              = { "at",              "TIME",            NULL,                     "the time, as in 2027-01-31T09:30:00Z (default: now)" },
    [CH_OPT_AFTER]           = { "after",           "N",               NULL,                     "only what was decided after decision N" },
    [CH_OPT_LIMIT]           = { "limit",           "N",               NULL,                     "at most N (default: all)" },
    [CH_OPT_KEY_ID]          = { "key-id",          "ID",              NULL,                     "the exchange's name for the key" },
    [CH_OPT_REASON]          = { "reason",          "TEXT",            NULL,                     "why; the agent's log keeps it" },
    [CH_OPT_REDUCING]        = { "reducing",        NULL,              NULL,                     "let orders that reduce positions pass" },
    [CH_OPT_ANSWERS]         = { "answers",         "FILE",            NULL,                     "YAML with an answer for each question; nobody is asked" },
    [CH_OPT_FOR]             = { "for",             "FRAMEWORK",       NULL,                     "what the bot is written with; 'chancery bot list' names them" },
    [CH_OPT_ENVIRONMENT]     = { "environment",     "NAME",            NULL,                     "of the profile, with --profile (default: live)" },
    [CH_OPT_RELAY]           = { "relay",           "URL|FILE",        "CHANCERY_RELAY",         "the relay's address, or its relay.yaml" },
    [CH_OPT_CALLER]          = { "caller",          "NAME",            NULL,                     "whose listener of the relay's, if it has several" },
    [CH_OPT_TOKEN_FILE]      = { "token-file",      "FILE",            NULL,                     "the file of the token that the relay's port wants" },
    [CH_OPT_CA]              = { "ca",              "FILE",            NULL,                     "what the relay's certificate is checked by" },
    [CH_OPT_WATCH]           = { "watch",           NULL,              NULL,                     "print only what is wrong, for timers" },
    [CH_OPT_SOCKET]          = { "socket",          "PATH",            "CHANCERY_SOCK",          "the agent's HTTP socket" },
    [CH_OPT_OPERATOR_SOCKET] = { "operator-socket", "PATH",            "CHANCERY_OPERATOR_SOCK", "the agent's operator socket" },
    [CH_OPT_AGENT_USER]      = { "agent-user",      "USER",            "CHANCERY_AGENT_USER",    "user that the agent runs as (default: chancery)" },
    [CH_OPT_PIN_FD]          = { "pin-fd",          "N",               NULL,                     "read the user PIN from descriptor N" },
    [CH_OPT_PINENTRY]        = { "pinentry",        "[PROGRAM]",       "CHANCERY_PINENTRY",      "ask by pinentry (default: /usr/bin/pinentry)" },
    [CH_OPT_ASK_PASSWORD]    = { "ask-password",    "[PROGRAM]",       "CHANCERY_ASK_PASSWORD",  "ask by systemd-ask-password (default: /usr/bin)" },
    [CH_OPT_CREDENTIAL]      = { "credential",      "NAME",            NULL,                     "read the user PIN from a credential of the service manager" },
    [CH_OPT_NO_PIN]          = { "no-pin",          NULL,              NULL,                     "the token takes no PIN, or has a pad for it" },
    [CH_OPT_LAST_TRY]        = { "last-try",        NULL,              NULL,                     "try the PIN though the token may lock itself" },
    [CH_OPT_CODE_FD]         = { "code-fd",         "N",               NULL,                     "read your one-time code from descriptor N" },
    [CH_OPT_SO_PIN_FD]       = { "so-pin-fd",       "N",               NULL,                     "read the SO PIN from descriptor N" },
    [CH_OPT_SECRET_FD]       = { "secret-fd",       "N",               NULL,                     "read the API secret or PEM from descriptor N" },
    [CH_OPT_SIGNATURE]       = { "signature",       "TEXT",            NULL,                     "the signature that is known, as the exchange writes it" },
    [CH_OPT_PAYLOAD]         = { "payload",         "FILE",            NULL,                     "what was signed, from a file" },
    [CH_OPT_PAYLOAD_FD]      = { "payload-fd",      "N",               NULL,                     "read what was signed from descriptor N" },
    [CH_OPT_JSON]            = { "json",            NULL,              NULL,                     "print JSON" },
    [CH_OPT_HELP]            = { "help",            NULL,              NULL,                     "print this help" },
};

/* The options by which people try to pass a secret. */
static const struct {
    const char *name;
    const char *what;
    const char *instead;
} secret_options[] = {
    /* name          what        instead */
    { "pin",         "a PIN",    "--pin-fd" },
    { "user-pin",    "a PIN",    "--pin-fd" },
    { "password",    "a PIN",    "--pin-fd" },
    { "passphrase",  "a PIN",    "--pin-fd" },
    { "so-pin",      "a PIN",    "--so-pin-fd" },
    { "code",        "a code",   "--code-fd" },
    { "totp",        "a code",   "--code-fd" },
    { "otp",         "a code",   "--code-fd" },
    { "secret",      "a secret", "--secret-fd" },
    { "api-secret",  "a secret", "--secret-fd" },
    { "secret-key",  "a secret", "--secret-fd" },
    { "private-key", "a secret", "--secret-fd" },
};
/* clang-format on */

bool ch_option_may_be_bare(const ch_option_row *row)
{
    return row->value != NULL && row->value[0] == '[';
}

const ch_option_row *ch_option_at(ch_option option)
{
    assert(option < CH_OPT_COUNT);
    return &rows[option];
}

bool ch_syntax_has(const ch_syntax *syntax, ch_option option)
{
    return option == CH_OPT_HELP || (syntax->options >> option & 1) != 0;
}

void ch_arguments_free(ch_arguments *arguments)
{
    ch_autofree_(&arguments->positional);
    *arguments = (ch_arguments){0};
}

/* ---- parsing ---- */

/* The name of the option "--name" or "--name=value". */
static ch_slice name_of(const char *word)
{
    return (ch_slice){(const uint8_t *)word + 2, strcspn(word + 2, "=")};
}

static bool is_long_option(const char *word)
{
    return word[0] == '-' && word[1] == '-';
}

ch_status ch_options_refuse_secret(const char *word, ch_error *err)
{
    if (!is_long_option(word))
        return CH_OK;
    for (size_t i = 0; i < sizeof secret_options / sizeof secret_options[0]; i++) {
        if (ch_slice_is(name_of(word), secret_options[i].name))
            return ch_fail(err, CH_BAD_INPUT,
                           "there is no option --%s: everyone on this machine can read a command line, and the shell "
                           "keeps it, so %s must never be on it (if you typed one, others may know it now). Leave the "
                           "option out to be asked, pipe %s in, or name a descriptor with %s N",
                           secret_options[i].name, secret_options[i].what, secret_options[i].what,
                           secret_options[i].instead);
    }
    return CH_OK;
}

static ch_status unknown_option(const char *word, ch_error *err)
{
    CH_TRY(ch_options_refuse_secret(word, err));
    /* "-p1234" may be a PIN. A name after two dashes is not one, but what follows '=' may be. */
    if (!is_long_option(word))
        return ch_fail(err, CH_BAD_INPUT, "options are written out, with two dashes");
    return ch_fail(err, CH_BAD_INPUT, "unknown option '%.*s'; --help lists those of this command",
                   (int)strcspn(word, "="), word);
}

static ch_status find_option(const ch_syntax *syntax, const char *word, ch_option *out, ch_error *err)
{
    *out = CH_OPT_HELP;
    if (strcmp(word, "-h") == 0)
        return CH_OK;
    ch_option option = is_long_option(word) ? 0 : CH_OPT_COUNT;
    while (option < CH_OPT_COUNT && !ch_slice_is(name_of(word), rows[option].name))
        option++;
    if (option == CH_OPT_COUNT)
        return unknown_option(word, err);
    if (!ch_syntax_has(syntax, option))
        return ch_fail(err, CH_BAD_INPUT, "this command does not take --%s", rows[option].name);
    *out = option;
    return CH_OK;
}

/* Takes the option at words[0], with its value from there or from the next of the `left` words; sets `*used` to the
 * number of words taken. */
static ch_status take_option(const ch_syntax *syntax, int left, char *const *words, ch_arguments *arguments, int *used,
                             ch_error *err)
{
    ch_option option;
    CH_TRY(find_option(syntax, words[0], &option, err));
    if (arguments->option[option] != NULL)
        return ch_fail(err, CH_BAD_INPUT, "--%s is given twice", rows[option].name);
    const char *equals = strchr(words[0], '=');
    *used = 1;
    if (rows[option].value == NULL) {
        arguments->option[option] = "";
        return equals == NULL ? CH_OK : ch_fail(err, CH_BAD_INPUT, "--%s takes no value", rows[option].name);
    }
    if (ch_option_may_be_bare(&rows[option]) && equals == NULL) {
        arguments->option[option] = "";
        return CH_OK;
    }
    if (equals == NULL && left < 2)
        return ch_fail(err, CH_BAD_INPUT, "--%s needs a value: %s", rows[option].name, rows[option].value);
    *used = equals == NULL ? 2 : 1;
    arguments->option[option] = equals == NULL ? words[1] : equals + 1;
    return CH_OK;
}

static ch_status check_count(const ch_syntax *syntax, size_t count, ch_error *err)
{
    if (count < syntax->positional_min)
        return ch_fail(err, CH_BAD_INPUT, "too few arguments; this command needs %s", syntax->positional);
    if (count > syntax->positional_max && syntax->positional_max == 0)
        return ch_fail(err, CH_BAD_INPUT,
                       "this command takes options only; a PIN or secret is never an argument, it is asked for");
    if (count > syntax->positional_max)
        return ch_fail(err, CH_BAD_INPUT,
                       "too many arguments; this command takes %s; a PIN or secret is never one, it is asked for",
                       syntax->positional);
    return CH_OK;
}

ch_status ch_options_parse(const ch_syntax *syntax, int count, char *const *words, ch_arguments *arguments,
                           ch_error *err)
{
    bool is_past_options = false;
    *arguments = (ch_arguments){0};
    arguments->positional = ch_realloc_array(NULL, (size_t)count + 1, sizeof *arguments->positional);
    for (int at = 0, used = 1; at < count; at += used) {
        const char *word = words[at];
        used = 1;
        if (!is_past_options && strcmp(word, "--") == 0)
            is_past_options = true;
        else if (!is_past_options && word[0] == '-' && word[1] != '\0')
            CH_TRY(take_option(syntax, count - at, words + at, arguments, &used, err));
        else
            arguments->positional[arguments->positional_count++] = word;
    }
    return arguments->option[CH_OPT_HELP] != NULL ? CH_OK : check_count(syntax, arguments->positional_count, err);
}

/* ---- values ---- */

ch_status ch_option_required(const ch_arguments *arguments, ch_option option, const char **out, ch_error *err)
{
    *out = arguments->option[option];
    if (*out == NULL || **out == '\0')
        return ch_fail(err, CH_BAD_INPUT, "--%s %s is needed: %s", rows[option].name, rows[option].value,
                       rows[option].help);
    return CH_OK;
}

/* The option's value, else its variable's; NULL if there is neither, or if it is empty. */
static const char *option_or_variable(const ch_arguments *arguments, ch_option option)
{
    const char *value = arguments->option[option];
    if (value == NULL)
        value = getenv(rows[option].variable);
    return value != NULL && *value == '\0' ? NULL : value;
}

ch_status ch_option_module(const ch_arguments *arguments, ch_module_name *out, ch_error *err)
{
    *out = (ch_module_name){.name = option_or_variable(arguments, CH_OPT_MODULE),
                            .init_args = option_or_variable(arguments, CH_OPT_INIT_ARGS)};
    if (out->name == NULL)
        return ch_fail(err, CH_BAD_INPUT,
                       "which PKCS#11 module? Give --module (a path, or a p11-kit name such as softhsm2) or set "
                       "CHANCERY_MODULE");
    if (out->init_args != NULL && ch_module_check_init_args(out->init_args, err) != CH_OK)
        return err->status = CH_BAD_INPUT;
    return CH_OK;
}

/* Has a URI checked, or makes "pkcs11:ATTRIBUTE=LABEL" of a label. `what` it is comes before the reason. */
static ch_status to_uri(const char *what, const char *value, const char *attribute,
                        ch_status (*check)(const char *text, ch_error *err), char **out, ch_error *err)
{
    if (strncasecmp(value, "pkcs11:", 7) == 0) {
        ch_error reason = CH_ERROR_INIT;
        if (check(value, &reason) != CH_OK)
            return ch_fail(err, CH_BAD_INPUT, "%s: %s", what, reason.message);
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
    const char *value = option_or_variable(arguments, CH_OPT_TOKEN);
    if (value == NULL)
        return ch_fail(err, CH_BAD_INPUT,
                       "which token? Give --token (an RFC 7512 URI such as pkcs11:token=demo, or a label) or set "
                       "CHANCERY_TOKEN; 'chancery token list' shows what is there");
    return to_uri("--token", value, "token", ch_uri_check_token, out, err);
}

ch_status ch_option_object(const ch_arguments *arguments, char **out, ch_error *err)
{
    const char *value = NULL;
    CH_TRY(ch_option_required(arguments, CH_OPT_OBJECT, &value, err));
    return to_uri("--object", value, "object", ch_uri_check_object, out, err);
}

ch_status ch_argument_object(const char *argument, char **out, ch_error *err)
{
    if (*argument == '\0')
        return ch_fail(err, CH_BAD_INPUT, "the name of the key is empty; give its label or its RFC 7512 URI");
    return to_uri("the key", argument, "object", ch_uri_check_object, out, err);
}

const char *ch_option_relay(const ch_arguments *arguments)
{
    return option_or_variable(arguments, CH_OPT_RELAY);
}

const char *ch_option_policy(const ch_arguments *arguments)
{
    return option_or_variable(arguments, CH_OPT_POLICY);
}

const char *ch_option_config(const ch_arguments *arguments)
{
    return option_or_variable(arguments, CH_OPT_CONFIG);
}

const char *ch_option_given_profiles(const ch_arguments *arguments)
{
    return option_or_variable(arguments, CH_OPT_PROFILES);
}

const char *ch_option_profiles(const ch_arguments *arguments)
{
    const char *folder = option_or_variable(arguments, CH_OPT_PROFILES);
    return folder != NULL ? folder : ch_path_profiles;
}

const char *ch_option_program(const ch_arguments *arguments, ch_option option, const char *path)
{
    const char *value = arguments->option[option];
    const char *configured = getenv(rows[option].variable);
    if (value != NULL && *value != '\0')
        return value;
    return configured != NULL && *configured != '\0' ? configured : path;
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
        return ch_fail(err, CH_BAD_INPUT, "--%s takes a number from 0 to %u", rows[option].name, max);
    *out = value;
    return CH_OK;
}

char *ch_option_agent_socket(const ch_arguments *arguments)
{
    const char *given = option_or_variable(arguments, CH_OPT_SOCKET);
    return given != NULL ? ch_strdup(given) : ch_path_agent_socket();
}

char *ch_option_operator_socket(const ch_arguments *arguments)
{
    const char *given = option_or_variable(arguments, CH_OPT_OPERATOR_SOCKET);
    return given != NULL ? ch_strdup(given) : ch_path_operator_socket();
}

const char *ch_option_agent_user(const ch_arguments *arguments)
{
    return option_or_variable(arguments, CH_OPT_AGENT_USER);
}
