/* The script is tables, one `case` in a function each, and a few lines of bash that know no command. What a value or
 * argument is completed to depends on its name in the help: FILE, DIR, PROFILE and so on. */
#include "cli/completion.h"

#include "base/buffer.h"
#include "base/paths.h"
#include "cli/commands.h"
#include "pkcs11/mechanism.h"

#include <stdio.h>
#include <string.h>

static const char begin[] = "# Completion of chancery for bash, made by 'chancery help completion'.\n";

static const char end[] =
    "# A value of kind $1 that begins with $2\n"
    "_chancery_complete() {\n"
    "    case $1 in\n"
    "    FILE | PATH | MODULE) compgen -f -- \"$2\" ;;\n"
    "    DIR) compgen -d -- \"$2\" ;;\n"
    "    MECHANISM) compgen -W \"$(_chancery_mechanisms)\" -- \"$2\" ;;\n"
    "    PROFILE) compgen -W \"$(_chancery_profiles)\" -- \"$2\" ;;\n"
    "    [a-z]*'|'*) compgen -W \"${1//|/ }\" -- \"$2\" ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "_chancery() {\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local family=${COMP_WORDS[1]} command=${COMP_WORDS[1]} kind\n"
    "    [[ -z $(_chancery_commands \"$family\") ]] || command=\"$family ${COMP_WORDS[2]}\"\n"
    "    kind=$(_chancery_value \"$previous\")\n"
    "    COMPREPLY=()\n"
    "    if ((COMP_CWORD == 1)); then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$(_chancery_commands '')\" -- \"$current\")\n"
    "    elif ((COMP_CWORD == 2)) && [[ $command != \"$family\" ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$(_chancery_commands \"$family\")\" -- \"$current\")\n"
    "    elif [[ -z $kind && $current == -* ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$(_chancery_options \"$command\")\" -- \"$current\")\n"
    "    else\n"
    "        kind=${kind:-$(_chancery_argument \"$command\")}\n"
    "        kind=${kind#[} kind=${kind%]}\n"
    "        mapfile -t COMPREPLY < <(_chancery_complete \"$kind\" \"$current\")\n"
    "        [[ $kind != @(FILE|PATH|MODULE|DIR) ]] || compopt -o filenames 2>/dev/null\n"
    "    fi\n"
    "}\n"
    "\n"
    "complete -F _chancery chancery\n";

/* ---- the words ---- */

/* Prints the families and the commands that stand alone, each once, or the commands of `family`. */
static void print_names(const char *family)
{
    const char *last_family = NULL;
    const ch_command *command;
    for (size_t i = 0; (command = ch_command_at(i)) != NULL; i++) {
        bool is_inside = family != NULL && command->family != NULL && strcmp(command->family, family) == 0;
        bool is_new = command->family == NULL || last_family == NULL || strcmp(command->family, last_family) != 0;
        if (is_inside)
            printf("%s ", command->name);
        else if (family == NULL && is_new)
            printf("%s ", command->family == NULL ? command->name : command->family);
        last_family = command->family;
    }
}

static void print_options(const ch_command *command)
{
    for (ch_option option = 0; option < CH_OPT_COUNT; option++) {
        if (ch_syntax_has(&command->syntax, option))
            printf("--%s ", ch_option_at(option)->name);
    }
}

/* ---- the tables ---- */

static void begin_table(const char *comment, const char *function)
{
    printf("\n# %s\n%s() {\n    case $1 in\n", comment, function);
}

static void end_table(void)
{
    printf("    esac\n}\n");
}

static void print_command_names(void)
{
    const ch_command *command;
    const char *last_family = NULL;
    begin_table("The words after $1: a family, help, or nothing", "_chancery_commands");
    printf("    '') echo '");
    print_names(NULL);
    printf("help --help --version' ;;\n    help) echo '");
    print_names(NULL);
    printf("exit-codes mechanisms' ;;\n");
    for (size_t i = 0; (command = ch_command_at(i)) != NULL; i++) {
        if (command->family != NULL && (last_family == NULL || strcmp(command->family, last_family) != 0)) {
            printf("    %s) echo '", command->family);
            print_names(command->family);
            printf("--help' ;;\n");
        }
        last_family = command->family;
    }
    end_table();
}

static void print_command_options(void)
{
    const ch_command *command;
    begin_table("The options of the command $1", "_chancery_options");
    for (size_t i = 0; (command = ch_command_at(i)) != NULL; i++) {
        ch_autobuffer name = CH_BUFFER_INIT;
        ch_command_add_name(command, &name);
        printf("    '%s') echo '", ch_buffer_text(&name));
        print_options(command);
        printf("' ;;\n");
    }
    end_table();
}

static void print_command_arguments(void)
{
    const ch_command *command;
    begin_table("The argument of the command $1", "_chancery_argument");
    for (size_t i = 0; (command = ch_command_at(i)) != NULL; i++) {
        ch_autobuffer name = CH_BUFFER_INIT;
        ch_command_add_name(command, &name);
        if (command->syntax.positional != NULL)
            printf("    '%s') echo '%s' ;;\n", ch_buffer_text(&name), command->syntax.positional);
    }
    end_table();
}

static void print_option_values(void)
{
    begin_table("The value of the option $1", "_chancery_value");
    for (ch_option option = 0; option < CH_OPT_COUNT; option++) {
        const ch_option_row *row = ch_option_at(option);
        if (row->value != NULL && !ch_option_may_be_bare(row)) /* what may be left out is not the next word */
            printf("    --%s) echo '%s' ;;\n", row->name, row->value);
    }
    end_table();
}

/* ---- the values ---- */

static void print_mechanisms(void)
{
    printf("\n_chancery_mechanisms() {\n    echo '");
    for (size_t i = 0; ch_mechanism_at(i) != NULL; i++)
        printf("%s ", ch_mechanism_at(i)->name);
    printf("'\n}\n");
}

static void print_profiles(void)
{
    printf("\n_chancery_profiles() {\n"
           "    local file\n"
           "    for file in \"${CHANCERY_PROFILES:-%s}\"/*.yaml; do\n"
           "        [[ ! -e $file ]] || basename \"$file\" .yaml\n"
           "    done\n"
           "}\n\n",
           ch_path_profiles);
}

void ch_completion_print(void)
{
    fputs(begin, stdout);
    print_command_names();
    print_command_options();
    print_command_arguments();
    print_option_values();
    print_mechanisms();
    print_profiles();
    fputs(end, stdout);
}
