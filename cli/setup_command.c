/* The command `chancery setup`, and how it runs the others. */
#include "cli/commands.h"
#include "cli/setup.h"

static ch_status run_other(const char *family, const char *name, const ch_arguments *arguments, ch_error *err)
{
    char *words[] = {(char *)family, (char *)name};
    int used;
    const ch_command *command = ch_command_find(2, words, &used);
    return command != NULL ? command->run(arguments, err)
                           : ch_fail(err, CH_INTERNAL, "there is no command %s %s", family, name);
}

static ch_status run_setup(const ch_arguments *arguments, ch_error *err)
{
    return ch_setup_all(arguments, run_other, err);
}

/* ---- the command ---- */

/* clang-format off */
const ch_command ch_commands_of_setup[] = {
    {
        .name = "setup",
        .syntax = {.positional = "[DIR]", .positional_max = 1,
                   .options = CH_OPTION(ANSWERS) | CH_OPTION(INIT_ARGS) | CH_OPTION(PROFILES) | CH_OPTIONS_PIN |
                              CH_OPTION(SO_PIN_FD) | CH_OPTION(SECRET_FD) | CH_OPTION(AS_IS) | CH_OPTION(JSON)},
        .summary = "set everything up, for the first hour",
        .details = "Asks which module, which token, which exchange, what the bot may do and who\n"
                   "operates. Then makes the token if asked to, imports or generates the key, enrols\n"
                   "whoever operates for one-time codes, writes agent.yaml and policy.yaml (and, for\n"
                   "bots that ask through the relay, relay.yaml and a token) to DIR (root:\n"
                   "/etc/chancery; else: the present folder), checks them, and says what comes next.\n"
                   "It prints each command that it runs, and each can be run alone.\n"
                   "Nothing is overwritten. Run it as the user that the agent will run as. With\n"
                   "--answers, nobody is asked: the file has an answer for each question that has\n"
                   "no default; the manual lists them. Secrets then come from descriptors or\n"
                   "standard input: the SO PIN of a new token, the user PIN, and the API secret.",
        .examples = "  chancery setup\n"
                    "  chancery setup ~/chancery --answers answers.yaml --pin-fd 3 --secret-fd 4 3<pin 4<secret\n",
        .run = run_setup,
    },
    {0},
};
/* clang-format on */
