/* unlock and lock: one frame to core over the operator socket, and its answer. PIN and code go through a pipe whose
 * read end is passed with the frame, so that they are never in a message. It asks first what an unlock takes. */
#include "base/buffer.h"
#include "base/clock.h"
#include "cli/code_input.h"
#include "cli/commands.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/secret_input.h"
#include "cli/dialog.h"
#include "wire/channel.h"

#include <stdio.h>
#include <unistd.h>

#define UNLOCK_WAIT_MS 60000 /* unlock --wait */
#define RETRY_AFTER_US 300000
#define QUIET_MS 2000 /* progress is told then, to who is not at a terminal */

static const char *token_argument(const ch_arguments *arguments)
{
    return arguments->positional_count == 0 ? "" : arguments->positional[0];
}

/* Looking for keys takes long if the token is slow or holds thousands. */
typedef struct progress {
    uint64_t began_ms;
    bool is_shown;
} progress;

static ch_status show_progress(void *context, ch_frame *frame, ch_error *err)
{
    progress *self = context;
    ch_unlock_progress_frame part;
    CH_TRY(ch_unlock_progress_frame_get(frame, &part, err));
    bool is_terminal = isatty(STDERR_FILENO);
    if (part.total == 0 || (!is_terminal && (self->is_shown || ch_clock_ms() - self->began_ms < QUIET_MS)))
        return CH_OK;
    self->is_shown = true;
    fprintf(stderr, "%sLooking for the keys on the token: %u%%%s", is_terminal ? "\r" : "",
            (unsigned)(100ULL * part.done / part.total), is_terminal ? "" : "\n");
    return CH_OK;
}

static void end_progress(const progress *self)
{
    if (self->is_shown && isatty(STDERR_FILENO))
        fputs("\n", stderr);
}

/* `context` is the secrets. */
static ch_status unlock(const ch_arguments *arguments, void *context, ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    ch_unlock_frame request = {.version = CH_FRAMES_VERSION,
                               .token = ch_slice_of(token_argument(arguments)),
                               .is_last_try = arguments->option[CH_OPT_LAST_TRY] != NULL};
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_channel_attach_secret(&channel, context, err));
    CH_TRY(ch_unlock_frame_put(ch_channel_out(&channel), 0, &request, err));
    progress shown = {.began_ms = ch_clock_ms()};
    const ch_dialog_part part = {
        CH_FRAME_UNLOCK_PROGRESS, &shown, show_progress,
        "The token takes its time. A login that has begun goes on if you leave; 'chancery status' shows how it ends."};
    ch_status st = ch_dialog_ask(&channel, &part, err);
    end_progress(&shown);
    return st;
}

static ch_status lock(ch_channel *channel, const char *token, ch_error *err)
{
    ch_lock_frame request = {.version = CH_FRAMES_VERSION, .token = ch_slice_of(token)};
    CH_TRY(ch_lock_frame_put(ch_channel_out(channel), 0, &request, err));
    return ch_dialog_ask(channel, NULL, err);
}

static void report(const char *token, const char *what)
{
    fputs(what, stdout);
    if (*token != '\0')
        fputs(": ", stdout);
    ch_output_text(token);
    puts(*token == '\0' ? "." : "");
}

/* `token` is null in JSON if none was named. */
static json_t *token_json(const char *token)
{
    return json_pack("{s:o}", "token", *token == '\0' ? json_null() : ch_jansson_text(token));
}

/* With --wait, an agent that does not run, or a token that is not there yet, may come. Nothing else is tried again, a
 * PIN least of all. */
static ch_status ask_patiently(const ch_arguments *arguments,
                               ch_status (*ask)(const ch_arguments *arguments, void *context, ch_error *err),
                               void *context, ch_error *err)
{
    uint64_t end_ms = ch_clock_ms() + (arguments->option[CH_OPT_WAIT] != NULL ? UNLOCK_WAIT_MS : 0);
    ch_status st = ask(arguments, context, err);
    while (st == CH_UNAVAILABLE && ch_clock_ms() < end_ms) {
        usleep(RETRY_AFTER_US);
        st = ask(arguments, context, err);
    }
    return st;
}

/* ---- what an unlock takes ---- */

static ch_status take_needs(void *context, ch_frame *frame, ch_error *err)
{
    return ch_needs_are_frame_get(frame, context, err);
}

/* `context` is the answer. */
static ch_status ask_needs(const ch_arguments *arguments, void *context, ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    const ch_unlock_needs_frame ask = {.version = CH_FRAMES_VERSION, .token = ch_slice_of(token_argument(arguments))};
    const ch_dialog_part part = {CH_FRAME_NEEDS_ARE, context, take_needs, NULL};
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_unlock_needs_frame_put(ch_channel_out(&channel), 0, &ask, err));
    return ch_dialog_ask(&channel, &part, err);
}

/* Asks before anything is typed, so that an agent that does not run costs nobody the typing. */
static ch_status find_needs(const ch_arguments *arguments, bool *has_code, ch_error *err)
{
    ch_needs_are_frame needs = {0};
    CH_TRY(ask_patiently(arguments, ask_needs, &needs, err));
    *has_code = needs.has_code;
    if (arguments->option[CH_OPT_CODE_FD] != NULL && !needs.has_code)
        return ch_fail(err, CH_BAD_INPUT,
                       "the agent's policy lets this token be unlocked without a code; leave --code-fd out");
    return CH_OK;
}

static ch_status ask_pin(const ch_arguments *arguments, bool has_code, ch_secret *pin, ch_error *err)
{
    const char *token = token_argument(arguments);
    ch_autobuffer prompt = CH_BUFFER_INIT;
    ch_buffer_add_format(&prompt, "User PIN%s%.64s: ", *token == '\0' ? "" : " of token ", token);
    ch_input_question question = {
        .descriptor = CH_OPT_PIN_FD, .name = "the user PIN", .prompt = ch_buffer_text(&prompt)};
    if (arguments->option[CH_OPT_NO_PIN] == NULL)
        return ch_input_secret(arguments, &question, has_code ? &ch_code_question : NULL, pin, err);
    CH_TRY(ch_input_check_no_pin(arguments, err));
    fputs("If the token has a keypad, type the PIN there now.\n", stderr);
    return ch_secret_alloc_empty(pin, err);
}

/* The PIN, and the code after it if one is taken. */
static ch_status ask_secrets(const ch_arguments *arguments, bool has_code, ch_secret *out, ch_error *err)
{
    ch_autosecret pin = CH_SECRET_INIT;
    ch_autosecret code = CH_SECRET_INIT;
    const ch_secret *const both[] = {&pin, &code};
    if (!has_code)
        return ask_pin(arguments, false, out, err);
    CH_TRY(ask_pin(arguments, true, &pin, err));
    CH_TRY(ch_input_code(arguments, &code, err));
    return ch_secrets_join(both, 2, out, err);
}

static ch_status run_unlock(const ch_arguments *arguments, ch_error *err)
{
    const char *token = token_argument(arguments);
    bool has_code = false;
    ch_autosecret secrets = CH_SECRET_INIT;
    if (arguments->option[CH_OPT_LAST_TRY] != NULL && *token == '\0')
        return ch_fail(err, CH_BAD_INPUT, "--last-try needs the token's name: it may lock itself");
    CH_TRY(find_needs(arguments, &has_code, err));
    CH_TRY(ask_secrets(arguments, has_code, &secrets, err));
    CH_TRY(ask_patiently(arguments, unlock, &secrets, err));
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_done("unlocked", token_json(token), err);
    report(token, "Unlocked");
    return CH_OK;
}

/* `err` holds what the agent notes. */
static ch_status print_locked(const char *token, ch_error *err)
{
    json_t *facts = token_json(token);
    json_object_set_new(facts, "note", ch_jansson_text(err->message));
    return ch_output_done("locked", facts, err);
}

static ch_status run_lock(const ch_arguments *arguments, ch_error *err)
{
    const char *token = token_argument(arguments);
    auto_channel channel = CH_CHANNEL_CLOSED;
    if (arguments->option[CH_OPT_ALL] != NULL && *token != '\0')
        return ch_fail(err, CH_BAD_INPUT, "give either a token or --all");
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(lock(&channel, token, err));
    if (arguments->option[CH_OPT_JSON] != NULL)
        return print_locked(token, err);
    report(token, *token == '\0' ? "Locked every token" : "Locked");
    if (err->message[0] != '\0')
        fprintf(stderr, "Note: %s.\n", err->message);
    return CH_OK;
}

static ch_status run_reload(const ch_arguments *arguments, ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    ch_reload_frame request = {.version = CH_FRAMES_VERSION};
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_reload_frame_put(ch_channel_out(&channel), 0, &request, err));
    CH_TRY(ch_dialog_ask(&channel, NULL, err));
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_done("reloaded", NULL, err);
    puts("Reloaded: the agent now uses the current files.");
    return CH_OK;
}

/* ---- the commands ---- */

/* clang-format off */
const ch_command ch_commands_of_operator[] = {
    {
        .name = "unlock",
        .syntax = {.positional = "[TOKEN]", .positional_max = 1,
                   .options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTIONS_PIN |
                              CH_OPTION(CODE_FD) | CH_OPTION(NO_PIN) | CH_OPTION(LAST_TRY) | CH_OPTION(WAIT) |
                              CH_OPTION(JSON)},
        .summary = "let the agent sign with a token",
        .details = "Passes the user PIN of TOKEN, a name from agent.yaml, to the agent, and a\n"
                   "one-time code of yours if the policy wants one. TOKEN can be left out if there\n"
                   "is only one. You must be an operator in the agent's policy.\n"
                   "With --no-pin no PIN is asked for, as `login: none` or `pinpad` in agent.yaml\n"
                   "demands. After some wrong PINs the agent tries no other, since the token would\n"
                   "lock itself; with --last-try it does.",
        .examples = "  chancery unlock main\n"
                    "  chancery unlock --pin-fd 3 3<pin\n"
                    "  chancery unlock --pinentry main\n"
                    "  chancery unlock --pin-fd 3 --code-fd 4 3<pin 4<code\n"
                    "  chancery unlock --no-pin card\n"
                    "  chancery unlock --last-try main\n",
        .run = run_unlock,
    },
    {
        .name = "lock",
        .syntax = {.positional = "[TOKEN | --all]", .positional_max = 1,
                   .options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(ALL) | CH_OPTION(JSON)},
        .summary = "stop signing with a token",
        .details = "Has the agent log out of TOKEN, or of every token: with --all, and also without\n"
                   "either.",
        .examples = "  chancery lock main\n"
                    "  chancery lock --all\n",
        .run = run_lock,
    },
    {
        .name = "reload",
        .syntax = {.options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(JSON)},
        .summary = "have the agent read its files again",
        .details = "Configuration, policy and profiles are checked first. If anything is wrong with\n"
                   "them, the agent says what, and keeps what it read before. Tokens that are\n"
                   "unlocked stay so, and are searched for new keys.",
        .examples = "  chancery reload\n",
        .run = run_reload,
    },
    {0},
};
/* clang-format on */
