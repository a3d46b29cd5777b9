/* What the files of `chancery setup` share: the answers, and what has been made of them so far.
 *
 * setup.c walks through the steps. setup_questions.c, setup_bot.c and setup_accepts.c ask, by means of setup_ask.c;
 * nothing is made before all are answered. setup_policy.c and setup_config.c make the text of the two files, which
 * setup_files.c keeps in a folder of their own until all else is done; setup_relay.c asks about the relay, and makes
 * its file and token. setup_make.c makes token and key, setup_codes.c has the seed of codes enrolled by an agent that
 * setup_agent.c runs for as long as that takes, and setup_next.c says what comes next. Single-threaded. */
#ifndef CH_CLI_SETUP_IMPL_H
#define CH_CLI_SETUP_IMPL_H

#include "base/buffer.h"
#include "base/secret.h"
#include "cli/setup.h"
#include "conf/yaml.h"
#include "exchange/profile.h"

#include <sys/types.h>

#define CH_SETUP_UNIT_TRACE "/var/lib/chancery-trace/state"
#define CH_SETUP_BOT "bot"            /* the bot's name in the policy */
#define CH_SETUP_RELAY_SOCKET "relay" /* the name of the relay's socket, as the policy has it */
#define CH_SETUP_RELAY_TOKEN "bot.token"

/* What the bot may do. Each lets it do what the one before does as well. */
typedef enum ch_setup_rights { CH_SETUP_READ, CH_SETUP_CANCEL, CH_SETUP_TRADE } ch_setup_rights;

typedef struct ch_setup_trade {
    char *symbols; /* "BTCUSDT, ETHUSDT" */
    char *asset;   /* that all of them are quoted in */
    char *order_value;
    char *day_value;
    char *day_loss; /* NULL: nobody reports prices, so it is for limit buys only, which lose no more than they pay */
    char *feed;     /* the user who reports prices; NULL: nobody */
    bool counts_once;
} ch_setup_trade;

typedef struct ch_setup {
    const ch_arguments *arguments;
    ch_setup_runner *run;
    ch_yaml_document *given; /* --answers; NULL: a person is asked */
    char *folder;            /* absolute */
    char *me;                /* who runs this: a name, or a number if there is none */

    /* the answers */
    char *module;
    char *token; /* its label */
    bool is_new_token;
    ch_secret so_pin;
    ch_secret pin;
    char *exchange;
    ch_profile *profile;
    char *environment;
    char *scheme_name;
    const ch_scheme *scheme;
    bool is_generated;
    char *key;        /* its name in the policy, and its label */
    char *key_id;     /* "": to be filled in */
    char *passphrase; /* NULL: the exchange takes none */
    ch_secret secret; /* to be imported */
    char *bot;
    char *relay_port; /* NULL without a relay */
    ch_setup_rights rights;
    ch_setup_trade trade;
    unsigned accepts;    /* confusions: see ch_profile_acceptance */
    char *first_request; /* "GET /path", which the policy lets pass; NULL if there is no such request */
    char *person;        /* who operates: a user */
    bool has_codes;
    bool has_relay; /* the bot asks through it, and the key takes nothing else */

    /* what was made */
    bool is_own_folder;
    char *stage; /* the folder of the files until they are put in their places */
    bool is_token_made;
    bool is_key_made;
    bool is_state_made; /* an absolute one, outside of the stage */
    bool is_enrolled;
    pid_t agent;
    char *sockets; /* the folder of that agent's sockets */
} ch_setup;

/* ---- setup_ask.c ---- */

/* A list from which people choose. */
typedef struct ch_setup_names {
    const char **text;
    size_t count;
} ch_setup_names;
/* Adds a copy of `name` unless the list has it. Fits as the callback of listings. */
void ch_setup_names_add(void *names, const char *name);
bool ch_setup_names_have(const ch_setup_names *names, const char *name);
void ch_setup_names_free(ch_setup_names *names);
#define ch_autonames __attribute__((cleanup(ch_setup_names_free))) ch_setup_names

typedef struct ch_setup_question {
    const char *name;     /* in --answers */
    const char *prompt;   /* for a person */
    const char *fallback; /* what an empty answer stands for; NULL: there must be one */
    const char *const *choices;
    size_t choice_count;
    bool is_open;   /* other answers than the choices are taken, too */
    bool is_silent; /* without echo */
    /* Fails if an answer is wrong, and says why; the question is then put again. NULL if every answer is good. */
    ch_status (*check)(ch_setup *setup, const char *answer, ch_error *err);
} ch_setup_question;

/* Asks, or looks into --answers, and replaces `*out`, which the setup owns. A choice may be answered by its number, and
 * comes as its text. */
CH_CHECKED ch_status ch_setup_ask(ch_setup *setup, const ch_setup_question *question, char **out, ch_error *err);
CH_CHECKED ch_status ch_setup_ask_yes(ch_setup *setup, const char *name, const char *prompt, bool fallback, bool *out,
                                      ch_error *err);
/* Fails unless the answer names a user of this machine: a check for questions. */
CH_CHECKED ch_status ch_setup_check_user(ch_setup *setup, const char *answer, ch_error *err);
/* Says something to the person who is asked; to nobody with --answers. */
void ch_setup_say(const ch_setup *setup, const char *format, ...) CH_PRINTF(2, 3);

/* ---- setup_questions.c, setup_bot.c, setup_accepts.c ---- */

CH_CHECKED ch_status ch_setup_ask_module(ch_setup *setup, ch_error *err);
CH_CHECKED ch_status ch_setup_ask_token(ch_setup *setup, ch_error *err);
CH_CHECKED ch_status ch_setup_ask_exchange(ch_setup *setup, ch_error *err);
CH_CHECKED ch_status ch_setup_ask_bot(ch_setup *setup, ch_error *err);
/* Asks whether the key's signatures may open more than the bot is to have, if they do. Finds the first request. */
CH_CHECKED ch_status ch_setup_ask_accepts(ch_setup *setup, ch_error *err);
CH_CHECKED ch_status ch_setup_ask_people(ch_setup *setup, ch_error *err);
/* Sets the options that say what the key is for. */
void ch_setup_set_purpose(const ch_setup *setup, ch_arguments *out);

/* ---- setup_relay.c ---- */

/* Asks whether bots ask through the relay. */
CH_CHECKED ch_status ch_setup_ask_relay(ch_setup *setup, ch_error *err);
/* Returns the user that the relay runs as. */
const char *ch_setup_relay_user(const ch_setup *setup);
void ch_setup_add_relay_config(const ch_setup *setup, ch_buffer *out);
/* Draws the token of the bot's port. */
CH_CHECKED ch_status ch_setup_add_relay_token(ch_buffer *out, ch_error *err);
/* Returns true if the bot can read the token where the relay has it, because both are one user. */
bool ch_setup_bot_has_token(const ch_setup *setup);

/* ---- setup_policy.c, setup_config.c, setup_files.c ---- */

/* Returns the token's name in agent.yaml, or the person's in the policy. */
const char *ch_setup_token_name(const ch_setup *setup);
const char *ch_setup_person_name(const ch_setup *setup);
/* Returns true if the agent has all its files in one folder, false if they are where the installed unit looks. */
bool ch_setup_is_in_one_folder(const ch_setup *setup);
/* Appends the path `name` in `folder`. */
void ch_setup_add_path(ch_buffer *out, const char *folder, const char *name);

void ch_setup_add_policy(const ch_setup *setup, ch_buffer *out);
/* `sockets` is the folder of the sockets, or NULL for those of the unit. */
void ch_setup_add_config(const ch_setup *setup, const char *sockets, ch_buffer *out);
/* Fails if the folder already holds files of an agent, or if an agent would not trust it. Changes nothing. */
CH_CHECKED ch_status ch_setup_check_folder(ch_setup *setup, ch_error *err);
/* Makes the stage, with agent.yaml, policy.yaml, what the relay reads, and trial.yaml, the configuration of the agent
 * that setup runs. */
CH_CHECKED ch_status ch_setup_write(ch_setup *setup, ch_error *err);
/* Puts all that is in the stage in its place; agent.yaml comes last. */
CH_CHECKED ch_status ch_setup_install(ch_setup *setup, ch_error *err);
/* Removes the stage and, if it is empty, the folder that was made for it. */
void ch_setup_remove(ch_setup *setup);

/* ---- setup_make.c ---- */

/* Has policy and configuration checked, by the programs that will read them. */
CH_CHECKED ch_status ch_setup_check(ch_setup *setup, ch_error *err);
CH_CHECKED ch_status ch_setup_make_token(ch_setup *setup, ch_error *err);
void ch_setup_leave_token(ch_setup *setup);
CH_CHECKED ch_status ch_setup_make_key(ch_setup *setup, ch_error *err);
void ch_setup_unmake_key(ch_setup *setup);
CH_CHECKED ch_status ch_setup_prove_key(ch_setup *setup, ch_error *err);
/* Deletes the key or seed of that label from the token. If that fails, it says so, and how to do it later. */
void ch_setup_delete_object(const ch_setup *setup, const char *label);

/* One of the other commands, as if it had been typed: prints it and runs it. Options are set in `arguments`, without
 * those for secrets, which come from `secrets`. */
typedef struct ch_setup_command {
    const char *family;
    const char *name;
    ch_arguments arguments;
    const ch_secret *pin; /* NULL: it takes none */
    const ch_secret *so_pin;
    const ch_secret *secret;
    const ch_secret *payload; /* what was signed: no secret, but it goes the same way */
} ch_setup_command;
CH_CHECKED ch_status ch_setup_run(const ch_setup *setup, const ch_setup_command *command, ch_error *err);

/* ---- setup_agent.c, setup_codes.c ---- */

/* Runs `chancery-agent --check` on the staged files, and `chancery-relay --check` on those of the relay. */
CH_CHECKED ch_status ch_setup_programs_check(ch_setup *setup, ch_error *err);
/* Starts the agent with trial.yaml, and waits until its token process has found the token. */
CH_CHECKED ch_status ch_setup_agent_start(ch_setup *setup, ch_arguments *reach, ch_error *err);
/* Stops the agent if it runs. */
void ch_setup_agent_stop(ch_setup *setup);
/* Returns true if setup can enrol the person for codes itself, because it is run by that person. */
bool ch_setup_may_enroll(const ch_setup *setup);
CH_CHECKED ch_status ch_setup_enroll(ch_setup *setup, ch_error *err);
/* Stops the agent, and removes a state that did not exist before, with the seed that it has pinned. */
void ch_setup_unenroll(ch_setup *setup);

/* ---- setup_next.c ---- */

/* Prints what was made, and the commands that come next. */
CH_CHECKED ch_status ch_setup_tell(const ch_setup *setup, ch_error *err);

#endif
