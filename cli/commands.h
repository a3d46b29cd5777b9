/* The commands of `chancery`. A row is all there is to a command: the parser, the help, the completion and the test of
 * the manual follow it.
 *
 * Each family's rows stand in the file of its name, below the functions that they name; commands.c lists the families.
 * A command's function gets its arguments parsed and counted. It prints its result on standard output and leaves errors
 * to main. */
#ifndef CH_CLI_COMMANDS_H
#define CH_CLI_COMMANDS_H

#include "base/buffer.h"
#include "cli/options.h"

typedef struct ch_command {
    const char *family; /* NULL if the command stands alone */
    const char *name;
    ch_syntax syntax;
    const char *summary;  /* without a full stop, for a list */
    const char *details;  /* lines of at most 80 characters, the last without its end */
    const char *examples; /* each indented by two spaces, with its line end */
    ch_status (*run)(const ch_arguments *arguments, ch_error *err);
} ch_command;

/* The families; a row without a name ends each. */
extern const ch_command ch_commands_of_setup[];       /* cli/setup_command.c */
extern const ch_command ch_commands_of_token[];       /* cli/token.c */
extern const ch_command ch_commands_of_key[];         /* cli/key.c */
extern const ch_command ch_commands_of_key_confirm[]; /* cli/key_confirm.c */
extern const ch_command ch_commands_of_key_rotate[];  /* cli/key_rotate.c: rotate, retire, revoke */
extern const ch_command ch_commands_of_key_attest[];  /* cli/key_attest.c */
extern const ch_command ch_commands_of_key_backup[];  /* cli/key_backup.c */
extern const ch_command ch_commands_of_profile[];     /* cli/profile.c */
extern const ch_command ch_commands_of_intent[];      /* cli/intent.c */
extern const ch_command ch_commands_of_policy[];      /* cli/policy.c: check */
extern const ch_command ch_commands_of_explain[];     /* cli/policy_explain.c */
extern const ch_command ch_commands_of_exposure[];    /* cli/policy_exposure.c */
extern const ch_command ch_commands_of_diff[];        /* cli/policy_diff.c */
extern const ch_command ch_commands_of_test[];        /* cli/policy_test.c */
extern const ch_command ch_commands_of_replay[];      /* cli/policy_replay.c */
extern const ch_command ch_commands_of_freezing[];    /* cli/freeze.c: freeze and thaw */
extern const ch_command ch_commands_of_flatten[];     /* cli/flatten.c */
extern const ch_command ch_commands_of_trading[];     /* cli/trading.c: trading, prices, state, limits */
extern const ch_command ch_commands_of_decisions[];   /* cli/decisions_list.c */
extern const ch_command ch_commands_of_approvals[];   /* cli/approvals.c */
extern const ch_command ch_commands_of_operator[];    /* cli/operator.c: unlock and lock */
extern const ch_command ch_commands_of_totp[];        /* cli/totp.c */
extern const ch_command ch_commands_of_bot[];         /* cli/bot.c */
extern const ch_command ch_commands_of_doctor[];      /* cli/doctor.c */
extern const ch_command ch_commands_of_nonce[];       /* cli/nonce.c */
extern const ch_command ch_commands_of_clock[];       /* cli/clock.c */
extern const ch_command ch_commands_of_agent[];       /* cli/agent.c: what the agent offers over HTTP */
extern const ch_command ch_commands_of_requests[];    /* cli/requests.c: likewise, of what waits for people */

/* Returns the rows of all families, in order; NULL past the last one. */
const ch_command *ch_command_at(size_t index);

/* Returns the command whose name `words` begin with, and sets `*name_words` to the number of words in that name. NULL
 * if there is no such command. */
const ch_command *ch_command_find(int count, char *const *words, int *name_words);

/* True if some command's family is called `word`. */
bool ch_command_is_family(const char *word);

/* Appends the command's name, with its family before it. */
void ch_command_add_name(const ch_command *command, ch_buffer *out);

#endif
