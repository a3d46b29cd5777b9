#include "cli/commands.h"

#include <string.h>

/* In the order of the help. */
static const ch_command *const families[] = {
    ch_commands_of_setup,      ch_commands_of_token,      ch_commands_of_key,        ch_commands_of_key_confirm,
    ch_commands_of_key_rotate, ch_commands_of_key_attest, ch_commands_of_key_backup, ch_commands_of_profile,
    ch_commands_of_intent,     ch_commands_of_policy,     ch_commands_of_explain,    ch_commands_of_exposure,
    ch_commands_of_diff,       ch_commands_of_test,       ch_commands_of_replay,     ch_commands_of_freezing,
    ch_commands_of_flatten,    ch_commands_of_trading,    ch_commands_of_decisions,  ch_commands_of_approvals,
    ch_commands_of_operator,   ch_commands_of_totp,       ch_commands_of_agent,      ch_commands_of_requests,
    ch_commands_of_bot,        ch_commands_of_doctor,     ch_commands_of_nonce,      ch_commands_of_clock,
};

#define FAMILY_COUNT (sizeof families / sizeof families[0])

const ch_command *ch_command_at(size_t index)
{
    for (size_t i = 0; i < FAMILY_COUNT; i++) {
        for (const ch_command *row = families[i]; row->name != NULL; row++) {
            if (index-- == 0)
                return row;
        }
    }
    return NULL;
}

static bool is_named(const ch_command *command, int count, char *const *words)
{
    if (command->family == NULL)
        return count >= 1 && strcmp(words[0], command->name) == 0;
    return count >= 2 && strcmp(words[0], command->family) == 0 && strcmp(words[1], command->name) == 0;
}

const ch_command *ch_command_find(int count, char *const *words, int *name_words)
{
    const ch_command *command;
    for (size_t i = 0; (command = ch_command_at(i)) != NULL; i++) {
        if (is_named(command, count, words)) {
            *name_words = command->family == NULL ? 1 : 2;
            return command;
        }
    }
    return NULL;
}

bool ch_command_is_family(const char *word)
{
    const ch_command *command;
    for (size_t i = 0; (command = ch_command_at(i)) != NULL; i++) {
        if (command->family != NULL && strcmp(command->family, word) == 0)
            return true;
    }
    return false;
}

void ch_command_add_name(const ch_command *command, ch_buffer *out)
{
    if (command->family != NULL)
        ch_buffer_add_format(out, "%s ", command->family);
    ch_buffer_add_text(out, command->name);
}
