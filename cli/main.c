/* chancery: the one command-line tool for all roles. This file is its table of commands and the way in and out: before
 * a command runs, the process is made unreadable to others; after it, an error becomes a line and an exit status. */
#include "cli/command.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/output.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define ON_MODULE CH_OPTION_BIT(CH_OPT_MODULE)
#define ON_TOKEN (ON_MODULE | CH_OPTION_BIT(CH_OPT_TOKEN) | CH_OPTION_BIT(CH_OPT_PIN_FD))
#define FOR_EXCHANGE                                                                                                   \
    (CH_OPTION_BIT(CH_OPT_PROFILE) | CH_OPTION_BIT(CH_OPT_SCHEME) | CH_OPTION_BIT(CH_OPT_PROFILES) |                   \
     CH_OPTION_BIT(CH_OPT_MECHANISM))
#define JSON CH_OPTION_BIT(CH_OPT_JSON)

#define PARAMETERS_MAX 64

static const ch_command token_init = {
    .family = "token",
    .name = "init",
    .options = ON_MODULE | CH_OPTION_BIT(CH_OPT_LABEL) | CH_OPTION_BIT(CH_OPT_ERASE) | CH_OPTION_BIT(CH_OPT_PIN_FD) |
               CH_OPTION_BIT(CH_OPT_SO_PIN_FD),
    .summary = "make a token and set its PINs",
    .details = "Makes a token in the first free slot and sets both PINs. From standard input\n"
               "they come one a line: the SO PIN, then the user PIN. Write the SO PIN down and\n"
               "lock it away: it erases the token and sets a new user PIN.",
    .examples = "  chancery token init --module softhsm2 --label demo\n"
                "  chancery token init --module softhsm2 --label demo --so-pin-fd 3 --pin-fd 4 3<so.pin 4<user.pin\n",
    .run = ch_run_token_init,
};

static const ch_command token_list = {
    .family = "token",
    .name = "list",
    .options = ON_MODULE | JSON,
    .summary = "list a module's tokens",
    .details = "Lists the tokens of a PKCS#11 module, the slots that could hold one, and\n"
               "whether a PIN is set or locked.",
    .examples = "  chancery token list --module softhsm2\n"
                "  chancery token list --module /usr/lib/softhsm/libsofthsm2.so --json\n",
    .run = ch_run_token_list,
};

static const ch_command key_import = {
    .family = "key",
    .name = "import",
    .options = ON_TOKEN | FOR_EXCHANGE | CH_OPTION_BIT(CH_OPT_LABEL) | CH_OPTION_BIT(CH_OPT_ENCODING) |
               CH_OPTION_BIT(CH_OPT_PEM) | CH_OPTION_BIT(CH_OPT_SECRET_FD) | JSON,
    .summary = "put an API secret or private key on a token",
    .details = "Imports an API secret (HMAC), or with --pem a private key. It can't be read\n"
               "back from the token. From standard input come first the user PIN, on a line,\n"
               "then the secret: one line, or the rest for PEM. Where the key was generated on\n"
               "the token instead, no copy exists: see 'chancery key generate'.",
    .examples = "  chancery key import --profile kraken --label kraken-main\n"
                "  chancery key import --mechanism hmac-sha512 --encoding base64 --label k --pin-fd 3 3<pin < secret\n"
                "  chancery key import --mechanism ed25519 --pem --label k --secret-fd 3 3<key.pem\n",
    .run = ch_run_key_import,
};

static const ch_command key_generate = {
    .family = "key",
    .name = "generate",
    .options = ON_TOKEN | FOR_EXCHANGE | CH_OPTION_BIT(CH_OPT_LABEL) | CH_OPTION_BIT(CH_OPT_BITS) | JSON,
    .summary = "make a key on a token",
    .details = "Makes a key on the token, which it never leaves, and prints its public key in\n"
               "PEM (SubjectPublicKeyInfo), the form that exchanges' API pages ask for.",
    .examples = "  chancery key generate --profile binance --scheme ed25519 --label binance-main\n"
                "  chancery key generate --mechanism rsa-sha256 --bits 4096 --label k > public.pem\n",
    .run = ch_run_key_generate,
};

static const ch_command key_list = {
    .family = "key",
    .name = "list",
    .options = ON_TOKEN | JSON,
    .summary = "list a token's keys",
    .details = "Lists the secret and private keys of a token, and whether each is protected as\n"
               "Chancery wants it.",
    .examples = "  chancery key list --module softhsm2 --token pkcs11:token=demo\n"
                "  chancery key list --pin-fd 3 --json 3<pin\n",
    .run = ch_run_key_list,
};

static const ch_command key_public = {
    .family = "key",
    .name = "public",
    .options = ON_TOKEN | CH_OPTION_BIT(CH_OPT_OBJECT) | CH_OPTION_BIT(CH_OPT_FORMAT) | JSON,
    .summary = "print a public key",
    .details = "Prints the public key that belongs to a private key: PEM, or the same\n"
               "SubjectPublicKeyInfo as one line of base64.",
    .examples = "  chancery key public --object pkcs11:object=binance-main\n"
                "  chancery key public --object binance-main --format base64\n",
    .run = ch_run_key_public,
};

static const ch_command key_delete = {
    .family = "key",
    .name = "delete",
    .options = ON_TOKEN | CH_OPTION_BIT(CH_OPT_OBJECT) | CH_OPTION_BIT(CH_OPT_YES),
    .summary = "delete a key",
    .details = "Deletes a key and its public half from the token. It asks first, on the\n"
               "terminal, unless told --yes.",
    .examples = "  chancery key delete --object pkcs11:object=old-key\n"
                "  chancery key delete --object old-key --yes --pin-fd 3 3<pin\n",
    .run = ch_run_key_delete,
};

static const ch_command profile_check = {
    .family = "profile",
    .name = "check",
    .synopsis = "FILE",
    .positional_min = 1,
    .positional_max = 1,
    .options = JSON,
    .summary = "check an exchange profile, and what its signatures open",
    .details = "Reads a profile as the agent would and says what is wrong with it, with its\n"
               "line. Of a sound one it prints what requests would open besides themselves,\n"
               "because the exchange's signature does not cover what tells them apart.",
    .examples = "  chancery profile check profiles/kraken.yaml\n",
    .run = ch_run_profile_check,
};

static const ch_command profile_list = {
    .family = "profile",
    .name = "list",
    .options = CH_OPTION_BIT(CH_OPT_PROFILES) | JSON,
    .summary = "list the exchange profiles",
    .details = "Lists the profiles of a folder: their schemes, and how many endpoints of which\n"
               "class each has.",
    .examples = "  chancery profile list\n"
                "  chancery profile list --profiles ./profiles --json\n",
    .run = ch_run_profile_list,
};

static const ch_command profile_show = {
    .family = "profile",
    .name = "show",
    .synopsis = "NAME",
    .positional_min = 1,
    .positional_max = 1,
    .options = CH_OPTION_BIT(CH_OPT_PROFILES) | JSON,
    .summary = "show the endpoints of an exchange profile",
    .details = "Prints every endpoint of a profile with its class and what a signature for it\n"
               "may open besides.",
    .examples = "  chancery profile show kraken\n",
    .run = ch_run_profile_show,
};

static const ch_command agent_unlock = {
    .name = "unlock",
    .synopsis = "[TOKEN]",
    .positional_max = 1,
    .options = CH_OPTION_BIT(CH_OPT_OPERATOR_SOCKET) | CH_OPTION_BIT(CH_OPT_PIN_FD),
    .summary = "let the agent sign with a token",
    .details = "Gives the agent the user PIN of TOKEN, a name from agent.yaml; it can be left\n"
               "out when there is only one. You must be an operator in the agent's policy.",
    .examples = "  chancery unlock main\n"
                "  chancery unlock --pin-fd 3 3<pin\n",
    .run = ch_run_unlock,
};

static const ch_command agent_lock = {
    .name = "lock",
    .synopsis = "[TOKEN | --all]",
    .positional_max = 1,
    .options = CH_OPTION_BIT(CH_OPT_OPERATOR_SOCKET) | CH_OPTION_BIT(CH_OPT_ALL),
    .summary = "stop signing with a token",
    .details = "Has the agent log out of TOKEN, or of every token: that is also what happens\n"
               "when neither is given.",
    .examples = "  chancery lock main\n"
                "  chancery lock --all\n",
    .run = ch_run_lock,
};

static const ch_command agent_status = {
    .name = "status",
    .options = CH_OPTION_BIT(CH_OPT_SOCKET) | JSON,
    .summary = "how the agent and its tokens are",
    .details = "Prints how the agent is, which tokens are unlocked, and what it has signed and\n"
               "refused.",
    .examples = "  chancery status\n"
                "  chancery status --json\n",
    .run = ch_run_status,
};

static const ch_command agent_keys = {
    .name = "keys",
    .options = CH_OPTION_BIT(CH_OPT_SOCKET) | JSON,
    .summary = "list the keys that the agent lets you use",
    .details = "Lists the keys of the agent's policy that you have a grant for, and whether\n"
               "each is ready to sign.",
    .examples = "  chancery keys\n"
                "  chancery keys --json\n",
    .run = ch_run_keys,
};

static const ch_command agent_sign = {
    .name = "sign",
    .synopsis = "KEY METHOD PATH [name=value ...]",
    .positional_min = 3,
    .positional_max = 3 + PARAMETERS_MAX,
    .options = CH_OPTION_BIT(CH_OPT_SOCKET) | CH_OPTION_BIT(CH_OPT_CURL) | CH_OPTION_BIT(CH_OPT_HOST) | JSON,
    .summary = "have a request finished and signed",
    .details = "Has the agent build and sign a request and prints it; nothing is sent to the\n"
               "exchange. A parameter is text as name=value, and an integer, true, false, a\n"
               "list, an object or null as name:=value in JSON; null marks where a field that\n"
               "the agent fills in goes. Where the exchange takes a list as the whole body, it\n"
               "is given as :=[...]. The agent's policy applies.",
    .examples = "  chancery sign binance-main GET /api/v3/account omitZeroBalances:=true\n"
                "  chancery sign binance-main POST /api/v3/order symbol=LTCBTC side=BUY type=LIMIT timeInForce=GTC \\\n"
                "      quantity=1 price=0.1 --curl\n",
    .run = ch_run_sign,
};

static const ch_command *const commands[] = {
    &token_init,   &token_list,   &key_import,   &key_generate, &key_list,     &key_public, &key_delete, &profile_check,
    &profile_list, &profile_show, &agent_unlock, &agent_lock,   &agent_status, &agent_keys, &agent_sign,
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

const ch_command *ch_command_at(size_t index)
{
    return index < COMMAND_COUNT ? commands[index] : NULL;
}

/* Secrets pass through this process: no core dump, and no other process of this user may read its memory. */
static ch_status harden(ch_error *err)
{
    static const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
        return ch_fail_errno(err, "turning core dumps off");
    return CH_OK;
}

/* A descriptor 0, 1 or 2 that came closed would be given to the next file opened, and be written to. */
static ch_status fill_standard_descriptors(ch_error *err)
{
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = dup(fd);
    if (fd < 0)
        return ch_fail_errno(err, "opening /dev/null");
    (void)close(fd);
    return CH_OK;
}

static bool is_family(const char *word)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (commands[i]->family != NULL && strcmp(commands[i]->family, word) == 0)
            return true;
    }
    return false;
}

/* The command that `words` begin with, and of how many words its name is. */
static const ch_command *find_command(int count, char *const *words, int *name_words)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const ch_command *command = commands[i];
        *name_words = command->family == NULL ? 1 : 2;
        if (count < *name_words || strcmp(words[*name_words - 1], command->name) != 0)
            continue;
        if (command->family == NULL || strcmp(words[0], command->family) == 0)
            return command;
    }
    return NULL;
}

static bool is_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* "chancery help ..." */
static ch_status help(int count, char *const *words, ch_error *err)
{
    int name_words;
    const ch_command *command = find_command(count, words, &name_words);
    if (command != NULL)
        ch_help_command(command);
    else if (count == 0 || is_family(words[0]))
        ch_help_overview(count == 0 ? NULL : words[0]);
    else if (!ch_help_topic(words[0]))
        return ch_fail(err, CH_BAD_INPUT, "there is no help on that; 'chancery help' lists the commands");
    return CH_OK;
}

static ch_status no_such_command(int count, char *const *words, ch_error *err)
{
    for (int i = 0; i < count; i++) {
        ch_status st = ch_options_refuse_secret(words[i], err);
        if (st != CH_OK)
            return st;
    }
    if (count == 0)
        return ch_fail(err, CH_BAD_INPUT, "which command? 'chancery help' lists them");
    if (is_family(words[0]))
        return ch_fail(err, CH_BAD_INPUT, "which command of '%s'? 'chancery %s --help' lists them", words[0], words[0]);
    return ch_fail(err, CH_BAD_INPUT, "there is no such command; 'chancery help' lists them");
}

static ch_status run(int count, char *const *words, ch_error *err)
{
    if (count > 0 && is_help(words[0]))
        return help(count - 1, words + 1, err);
    if (count == 1 && (strcmp(words[0], "--version") == 0 || strcmp(words[0], "-V") == 0)) {
        (void)puts("chancery " CH_VERSION);
        return CH_OK;
    }
    if (count == 2 && is_family(words[0]) && is_help(words[1])) {
        ch_help_overview(words[0]);
        return CH_OK;
    }
    int name_words;
    const ch_command *command = find_command(count, words, &name_words);
    if (command == NULL)
        return no_such_command(count, words, err);
    ch_arguments arguments;
    ch_status st = ch_options_parse(command, count - name_words, words + name_words, &arguments, err);
    if (st == CH_OK && arguments.option[CH_OPT_HELP] != NULL)
        ch_help_command(command);
    else if (st == CH_OK)
        st = command->run(&arguments, err);
    free(arguments.positional);
    return st;
}

/* What a person can do when the sentence itself can't know in which tool it is read. */
static const char *hint_for(ch_status status)
{
    if (status == CH_LOCKED)
        return "an operator unlocks the token with 'chancery unlock'";
    if (status == CH_WRONG_PIN)
        return "'chancery token list' shows how the PIN stands";
    return NULL;
}

static void print_error(const ch_error *err)
{
    const char *hint = hint_for(err->status);
    if (err->rule[0] == '\0')
        (void)fprintf(stderr, "chancery: %s\n", err->message);
    else
        (void)fprintf(stderr, "chancery: %s [%s]\n", err->message, err->rule);
    if (hint != NULL)
        (void)fprintf(stderr, "hint: %s\n", hint);
}

int main(int argc, char **argv)
{
    ch_error err = CH_ERROR_INIT;
    ch_status st = fill_standard_descriptors(&err);
    if (st == CH_OK)
        st = harden(&err);
    if (st == CH_OK)
        st = run(argc - 1, argv + 1, &err);
    if (st == CH_OK)
        st = ch_output_finish(&err);
    if (st != CH_OK)
        print_error(&err);
    return ch_status_exit(st);
}
