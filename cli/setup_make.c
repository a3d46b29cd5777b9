/* Token and key are made by the commands that anybody may type; what is typed is printed before. Their secrets, asked
 * for already, go through pipes, as if they came by --pin-fd and the like. */
#include "base/slice.h"
#include "cli/interrupt.h"
#include "cli/key_make.h"
#include "cli/output.h"
#include "cli/setup_impl.h"
#include "cli/shell_word.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- running a command ---- */

static void print_command(const ch_setup_command *command)
{
    ch_autobuffer line = CH_BUFFER_INIT;
    ch_buffer_add_format(&line, "\n$ chancery %s %s", command->family, command->name);
    for (size_t i = 0; i < command->arguments.positional_count; i++) {
        ch_buffer_add_byte(&line, ' ');
        ch_shell_word_add(&line, command->arguments.positional[i]);
    }
    for (ch_option option = 0; option < CH_OPT_COUNT; option++) {
        const char *value = command->arguments.option[option];
        if (value == NULL)
            continue;
        ch_buffer_add_format(&line, " --%s", ch_option_at(option)->name);
        if (*value != '\0') {
            ch_buffer_add_byte(&line, ' ');
            ch_shell_word_add(&line, value);
        }
    }
    ch_buffer_add_byte(&line, '\n');
    ch_output_lines(stderr, "", ch_buffer_text(&line));
}

#define PIPE_COUNT 4

/* The read ends of the pipes, and their numbers as options have them. */
typedef struct pipes {
    int fd[PIPE_COUNT];
    char number[PIPE_COUNT][12];
} pipes;

static void close_pipes(pipes *all)
{
    for (size_t i = 0; i < PIPE_COUNT; i++) {
        if (all->fd[i] >= 0)
            close(all->fd[i]);
    }
}
#define auto_pipes __attribute__((cleanup(close_pipes))) pipes

static ch_status pass_secrets(const ch_setup_command *command, pipes *to, ch_arguments *out, ch_error *err)
{
    const struct {
        const ch_secret *secret;
        ch_option option;
    } rows[PIPE_COUNT] = {
        {command->so_pin,  CH_OPT_SO_PIN_FD },
        {command->pin,     CH_OPT_PIN_FD    },
        {command->secret,  CH_OPT_SECRET_FD },
        {command->payload, CH_OPT_PAYLOAD_FD},
    };
    for (size_t i = 0; i < PIPE_COUNT; i++) {
        if (rows[i].secret == NULL)
            continue;
        CH_TRY(ch_secret_to_pipe(rows[i].secret, &to->fd[i], err));
        snprintf(to->number[i], sizeof to->number[i], "%d", to->fd[i]);
        out->option[rows[i].option] = to->number[i];
    }
    return CH_OK;
}

/* What commands print goes to standard error: standard output is for what comes next. */
static ch_status run_aside(const ch_setup *setup, const ch_setup_command *command, const ch_arguments *arguments,
                           ch_error *err)
{
    fflush(stdout);
    int out = dup(STDOUT_FILENO);
    if (out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
        if (out >= 0)
            close(out);
        return ch_fail_errno(err, "setting standard output aside");
    }
    ch_status st = setup->run(command->family, command->name, arguments, err);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    close(out);
    return st;
}

ch_status ch_setup_run(const ch_setup *setup, const ch_setup_command *command, ch_error *err)
{
    ch_arguments arguments = command->arguments;
    auto_pipes to = {
        .fd = {-1, -1, -1, -1}
    };
    print_command(command);
    CH_TRY(pass_secrets(command, &to, &arguments, err));
    return run_aside(setup, command, &arguments, err);
}

/* Returns a command on the token, which it finds by its label. */
static ch_setup_command on_token(const ch_setup *setup, const char *family, const char *name)
{
    ch_setup_command command = {.family = family, .name = name, .pin = &setup->pin};
    command.arguments.option[CH_OPT_MODULE] = setup->module;
    command.arguments.option[CH_OPT_INIT_ARGS] = setup->arguments->option[CH_OPT_INIT_ARGS];
    command.arguments.option[CH_OPT_TOKEN] = setup->token;
    return command;
}

static ch_status check_not_interrupted(ch_error *err)
{
    return ch_interrupt_came() ? ch_fail(err, CH_REFUSED, "interrupted") : CH_OK;
}

/* ---- the checks ---- */

ch_status ch_setup_check(ch_setup *setup, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_setup_command command = {.family = "policy", .name = "check"};
    ch_setup_add_path(&path, setup->stage, "trial.yaml");
    command.arguments.option[CH_OPT_CONFIG] = ch_buffer_text(&path);
    CH_TRY(ch_setup_run(setup, &command, err));
    CH_TRY(ch_setup_programs_check(setup, err));
    return check_not_interrupted(err);
}

/* ---- the token ---- */

ch_status ch_setup_make_token(ch_setup *setup, ch_error *err)
{
    ch_setup_command command = on_token(setup, "token", "init");
    if (!setup->is_new_token)
        return CH_OK;
    command.so_pin = &setup->so_pin;
    command.arguments.option[CH_OPT_TOKEN] = NULL;
    command.arguments.option[CH_OPT_LABEL] = setup->token;
    CH_TRY(ch_setup_run(setup, &command, err));
    setup->is_token_made = true;
    return check_not_interrupted(err);
}

/* PKCS#11 has no call that takes a token away. */
void ch_setup_leave_token(ch_setup *setup)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_format(
        &text,
        "The token '%s' is made, and stays, with both PINs and without a key: run the set-up again and "
        "choose it,\nor take it away with its vendor's tool (of SoftHSM2: softhsm2-util "
        "--delete-token --token '%s').\n",
        setup->token, setup->token);
    if (setup->is_token_made)
        ch_output_lines(stderr, "", ch_buffer_text(&text));
}

/* ---- the key ---- */

ch_status ch_setup_make_key(ch_setup *setup, ch_error *err)
{
    ch_setup_command command = on_token(setup, "key", setup->is_generated ? "generate" : "import");
    command.arguments.option[CH_OPT_LABEL] = setup->key;
    ch_setup_set_purpose(setup, &command.arguments);
    if (!setup->is_generated) {
        command.arguments.option[CH_OPT_AS_IS] = setup->arguments->option[CH_OPT_AS_IS];
        command.secret = &setup->secret;
    }
    CH_TRY(ch_setup_run(setup, &command, err));
    setup->is_key_made = true;
    return check_not_interrupted(err);
}

void ch_setup_delete_object(const ch_setup *setup, const char *label)
{
    ch_error err = CH_ERROR_INIT;
    ch_setup_command command = on_token(setup, "key", "delete");
    command.arguments.option[CH_OPT_OBJECT] = label;
    command.arguments.option[CH_OPT_YES] = "";
    if (ch_setup_run(setup, &command, &err) != CH_OK)
        fprintf(stderr, "The key is still on the token (%s); delete it with that command\n", err.message);
}

void ch_setup_unmake_key(ch_setup *setup)
{
    if (setup->is_key_made)
        ch_setup_delete_object(setup, setup->key);
    setup->is_key_made = false;
}

/* What the token signs with an imported secret is what OpenSSL makes of it. The text is no request to any exchange. */
static ch_status compare(const ch_setup *setup, ch_error *err)
{
    static const char text[] = "chancery setup";
    const char *positional[] = {setup->key};
    ch_autosecret payload = CH_SECRET_INIT;
    ch_autobuffer signature = CH_BUFFER_INIT;
    ch_setup_command command = on_token(setup, "key", "check");
    ch_setup_set_purpose(setup, &command.arguments);
    command.arguments.option[CH_OPT_AS_IS] = setup->arguments->option[CH_OPT_AS_IS];
    CH_TRY(ch_key_make_sign(&command.arguments, &setup->secret, CH_LITERAL(text), &signature, err));
    if (signature.size == 0)
        return CH_OK;
    CH_TRY(ch_secret_alloc(&payload, sizeof text - 1, err));
    memcpy(payload.data, text, payload.size);
    command.arguments.option[CH_OPT_AS_IS] = NULL;
    command.arguments.option[CH_OPT_SIGNATURE] = ch_buffer_text(&signature);
    command.arguments.positional = positional;
    command.arguments.positional_count = 1;
    command.payload = &payload;
    return ch_setup_run(setup, &command, err);
}

/* Proves the key by what the token says of it now, not by what the token was asked to make. */
ch_status ch_setup_prove_key(ch_setup *setup, ch_error *err)
{
    ch_setup_command command = on_token(setup, "key", "attest");
    const char *positional[] = {setup->key};
    command.arguments.positional = positional;
    command.arguments.positional_count = 1;
    if (!setup->is_generated)
        CH_TRY(compare(setup, err));
    CH_TRY(ch_setup_run(setup, &command, err));
    return check_not_interrupted(err);
}
