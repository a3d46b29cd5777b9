/* The first enrolment takes the PIN alone and whoever is the policy's admin, and is part of setting up. So it is done
 * here, by an agent on the staged files, if that admin is who runs this; its state is kept. Otherwise the admin does
 * it, once the agent runs. */
#include "base/paths.h"
#include "base/users.h"
#include "cli/interrupt.h"
#include "cli/setup_impl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The agent has the same person try no more often without an override, since a login goes with each. */
#define TRIES 2
#define PAUSE_S 2 /* and has them wait for a second after the first */

bool ch_setup_may_enroll(const ch_setup *setup)
{
    uid_t uid;
    ch_error ignored = CH_ERROR_INIT;
    return setup->has_codes && ch_user_find(setup->person, &uid, &ignored) == CH_OK && uid == geteuid();
}

/* Sets the options by which commands reach the agent that setup runs. */
static void reach_agent(const ch_setup *setup, ch_buffer *socket, ch_buffer *operator_socket, ch_arguments *out)
{
    ch_setup_add_path(socket, setup->sockets, "agent.sock");
    ch_setup_add_path(operator_socket, setup->sockets, "people/operator.sock");
    out->option[CH_OPT_SOCKET] = ch_buffer_text(socket);
    out->option[CH_OPT_OPERATOR_SOCKET] = ch_buffer_text(operator_socket);
}

static ch_status enroll_once(ch_setup *setup, const ch_arguments *reach, ch_error *err)
{
    const char *positional[] = {ch_setup_person_name(setup)};
    ch_setup_command command = {.family = "totp", .name = "enroll", .arguments = *reach, .pin = &setup->pin};
    command.arguments.positional = positional;
    command.arguments.positional_count = 1;
    command.arguments.option[CH_OPT_MODULE] = setup->module;
    command.arguments.option[CH_OPT_INIT_ARGS] = setup->arguments->option[CH_OPT_INIT_ARGS];
    command.arguments.option[CH_OPT_TOKEN] = setup->token;
    return ch_setup_run(setup, &command, err);
}

/* A code that was mistyped, or of a phone whose clock is wrong, costs a new seed and nothing else. The PIN is right:
 * the key was made with it. */
static bool may_try_again(const ch_error *err)
{
    bool is_wrong_code = strcmp(err->rule, "new-code") == 0 || strcmp(err->rule, "pin-and-code") == 0;
    return !ch_interrupt_came() && (is_wrong_code || err->status == CH_BAD_INPUT);
}

static ch_status enroll(ch_setup *setup, const ch_arguments *reach, ch_error *err)
{
    ch_status st = CH_OK;
    for (int tries = 0; tries < TRIES; tries++) {
        *err = (ch_error)CH_ERROR_INIT;
        st = enroll_once(setup, reach, err);
        if (st == CH_OK || !may_try_again(err))
            break;
        if (tries + 1 < TRIES) {
            fprintf(stderr, "%s; once more, with a new seed: delete the other in the app\n", err->message);
            sleep(PAUSE_S);
        }
    }
    return st;
}

ch_status ch_setup_enroll(ch_setup *setup, ch_error *err)
{
    ch_autobuffer socket = CH_BUFFER_INIT;
    ch_autobuffer operator_socket = CH_BUFFER_INIT;
    ch_arguments reach = {0};
    if (!ch_setup_may_enroll(setup))
        return CH_OK;
    setup->is_state_made = !ch_setup_is_in_one_folder(setup) && access(CH_PATH_STATE "/state.db", F_OK) != 0;
    reach_agent(setup, &socket, &operator_socket, &reach);
    CH_TRY(ch_setup_agent_start(setup, &reach, err));
    ch_status st = enroll(setup, &reach, err);
    ch_setup_agent_stop(setup);
    setup->is_enrolled = st == CH_OK;
    return st;
}

/* Otherwise the seed's label would be taken at the next set-up. If the state stays, so must the seed that it has
 * pinned. */
static void delete_seed(ch_setup *setup)
{
    ch_autobuffer label = CH_BUFFER_INIT;
    if (!setup->is_enrolled || (!ch_setup_is_in_one_folder(setup) && !setup->is_state_made))
        return;
    ch_buffer_add_format(&label, "%s-totp", ch_setup_person_name(setup));
    ch_setup_delete_object(setup, ch_buffer_text(&label));
    setup->is_enrolled = false;
}

/* One within the stage goes with the stage. Of the unit's folder only what is the state's: a token may lie there, too.
 */
void ch_setup_unenroll(ch_setup *setup)
{
    static const char *const files[] = {"lock", "state.db", "state.db-wal", "state.db-shm", "state.db-journal"};
    ch_setup_agent_stop(setup);
    delete_seed(setup);
    if (!setup->is_state_made)
        return;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        ch_autobuffer path = CH_BUFFER_INIT;
        ch_setup_add_path(&path, CH_PATH_STATE, files[i]);
        ch_ignore(remove(ch_buffer_text(&path))); /* it may not have come to that */
    }
    ch_ignore(remove(CH_SETUP_UNIT_TRACE));
    setup->is_state_made = false;
}
