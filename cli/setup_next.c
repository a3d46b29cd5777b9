/* What comes next is commands that work as they stand, so the request is one that the written policy was asked about,
 * and the bot's library one that knows the exchange. */
#include "cli/bots.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/relay_place.h"
#include "cli/setup_impl.h"
#include "cli/shell_word.h"

#include <stdio.h>

#define UNIT_RELAY_FOLDER "/etc/chancery-relay"
#define BOT_FOLDER "/etc/chancery-bot" /* root's, so that root need not write to a folder of the bot's */

/* ---- the commands ---- */

typedef struct next {
    json_t *commands;
    ch_buffer text; /* the same for people, with a word before each */
} next;

static void add(next *to, const char *why, ch_buffer *command)
{
    json_array_append_new(to->commands, ch_jansson_text(ch_buffer_text(command)));
    ch_buffer_add_format(&to->text, "  %s\n      %s\n", why, ch_buffer_text(command));
    ch_buffer_clear(command);
}

static void add_start(const ch_setup *setup, next *to)
{
    ch_autobuffer command = CH_BUFFER_INIT;
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_setup_add_path(&path, setup->folder, "agent.yaml");
    ch_buffer_add_text(&command, "chancery policy exposure --all --config ");
    ch_shell_word_add(&command, ch_buffer_text(&path));
    add(to, "Look at the worst that a bot could do:", &command);
    if (!ch_setup_is_in_one_folder(setup)) {
        ch_buffer_add_text(&command, "systemctl enable --now chancery-agent");
        add(to, "Start the agent, as root:", &command);
        return;
    }
    ch_buffer_add_text(&command, "chancery-agent --config ");
    ch_shell_word_add(&command, ch_buffer_text(&path));
    add(to, "Start the agent, in a terminal of its own:", &command);
    path.size = 0;
    ch_setup_add_path(&path, setup->folder, "run");
    ch_buffer_add_text(&command, "export CHANCERY_SOCK=");
    ch_shell_word_add(&command, ch_buffer_text(&path));
    ch_buffer_add_text(&command, "/agent.sock CHANCERY_OPERATOR_SOCK=");
    ch_shell_word_add(&command, ch_buffer_text(&path));
    ch_buffer_add_text(&command, "/people/operator.sock");
    if (setup->has_relay) {
        path.size = 0;
        ch_setup_add_path(&path, setup->folder, "relay.yaml");
        ch_buffer_add_text(&command, " CHANCERY_RELAY=");
        ch_shell_word_add(&command, ch_buffer_text(&path));
    }
    add(to, setup->has_relay ? "Say where all is, in this one:" : "Say where it is, in this one:", &command);
}

static void add_enrolment(const ch_setup *setup, next *to)
{
    ch_autobuffer command = CH_BUFFER_INIT;
    if (!setup->has_codes || ch_setup_may_enroll(setup))
        return;
    ch_buffer_add_format(&command, "chancery totp enroll %s --module ", ch_setup_person_name(setup));
    ch_shell_word_add(&command, setup->module);
    ch_buffer_add_text(&command, " --token ");
    ch_shell_word_add(&command, setup->token);
    add(to, "As the user who operates, enrol for one-time codes:", &command);
}

/* ---- the relay and the bot ---- */

static void add_relay(const ch_setup *setup, next *to)
{
    ch_autobuffer command = CH_BUFFER_INIT;
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_setup_add_path(&path, setup->folder, "relay.yaml");
    if (ch_setup_is_in_one_folder(setup)) {
        ch_buffer_add_text(&command, "chancery-relay --config ");
        ch_shell_word_add(&command, ch_buffer_text(&path));
        add(to, "Start the relay, in a terminal of its own:", &command);
        return;
    }
    ch_buffer_add_format(&command,
                         "install -d -m 755 " UNIT_RELAY_FOLDER " && install -m 644 %s " CH_PATH_RELAY
                         " && install -m 600 -o %s %s/" CH_SETUP_RELAY_TOKEN " " UNIT_RELAY_FOLDER
                         "/ && systemctl enable --now chancery-relay",
                         ch_buffer_text(&path), ch_setup_relay_user(setup), setup->folder);
    add(to, "Give the relay its files, and start it, as root:", &command);
}

static bool knows(const ch_setup *setup, const char *framework)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_error ignored = CH_ERROR_INIT;
    const ch_bot_settings settings = {.profile = setup->profile,
                                      .environment = setup->environment,
                                      .key = setup->key,
                                      .url = "http://127.0.0.1",
                                      .token_path = "/" CH_SETUP_RELAY_TOKEN};
    return ch_bot_write(ch_bot_framework_find(framework), &settings, &text, &ignored) == CH_OK;
}

static void add_bot(const ch_setup *setup, next *to)
{
    ch_autobuffer command = CH_BUFFER_INIT;
    ch_autobuffer token = CH_BUFFER_INIT;
    bool is_ccxt = knows(setup, "ccxt-js");
    const char *program = is_ccxt ? "bot.mjs" : "bot.py";
    bool has_token = ch_setup_bot_has_token(setup);
    ch_buffer_add_format(&token, BOT_FOLDER "/%s.token", setup->key);
    /* A bot that is another user has a copy of the token, which nobody else can read. */
    if (!has_token) {
        ch_buffer_add_text(&command, "install -D -m 600 -o ");
        ch_shell_word_add(&command, setup->bot);
        ch_buffer_add_byte(&command, ' ');
        ch_shell_word_add(&command, setup->folder);
        ch_buffer_add_text(&command, "/" CH_SETUP_RELAY_TOKEN " ");
        ch_shell_word_add(&command, ch_buffer_text(&token));
        add(to, "Give the bot's user the token of its port, as root:", &command);
    }
    ch_buffer_add_format(&command, "chancery bot config %s --for %s ", setup->key, is_ccxt ? "ccxt-js" : "requests");
    if (!has_token) {
        ch_buffer_add_format(&command, "--relay http://127.0.0.1:%s --token-file ", setup->relay_port);
        ch_shell_word_add(&command, ch_buffer_text(&token));
        ch_buffer_add_byte(&command, ' ');
    }
    ch_buffer_add_format(&command, ">%s", program);
    add(to, "Begin a bot ('chancery bot list': other libraries), and write what it does after these lines:", &command);
    ch_buffer_add_format(&command, "%s %s", is_ccxt ? "node" : "python3", program);
    add(to, "Run it, as the bot's user, where its library is:", &command);
}

static void add_use(const ch_setup *setup, next *to)
{
    ch_autobuffer command = CH_BUFFER_INIT;
    ch_buffer_add_format(&command, "chancery unlock %s", ch_setup_token_name(setup));
    add(to, setup->has_codes ? "Unlock it, with the PIN and a code:" : "Unlock it, with the PIN:", &command);
    if (setup->has_relay) {
        add_relay(setup, to);
        add_bot(setup, to);
    }
    if (setup->first_request == NULL)
        return;
    ch_buffer_add_format(&command, "chancery sign %s %s", setup->key, setup->first_request);
    add(to, "Have a first request signed, as the bot's user (nothing is sent):", &command);
}

static void add_public_key(const ch_setup *setup, next *to)
{
    ch_autobuffer command = CH_BUFFER_INIT;
    if (!setup->is_generated)
        return;
    ch_buffer_add_text(&command, "chancery key public --module ");
    ch_shell_word_add(&command, setup->module);
    ch_buffer_add_text(&command, " --token ");
    ch_shell_word_add(&command, setup->token);
    ch_buffer_add_format(&command, " --object %s", setup->key);
    add(to, "Register the public key at the exchange, without the right to withdraw; this prints it again:", &command);
}

static ch_status tell_json(const ch_setup *setup, const next *to, ch_error *err)
{
    ch_autojansson told = json_pack(
        "{s:o s:o s:o s:o s:o s:b s:o s:O}", "folder", ch_jansson_text(setup->folder), "token",
        ch_jansson_text(ch_setup_token_name(setup)), "key", ch_jansson_text(setup->key), "person",
        ch_jansson_text(ch_setup_person_name(setup)), "key_id", ch_jansson_text(setup->key_id), "enrolled",
        ch_setup_may_enroll(setup), "request",
        setup->first_request == NULL ? json_null() : ch_jansson_text(setup->first_request), "next", to->commands);
    return ch_output_json(told, err);
}

static void tell_people(const ch_setup *setup, next *to)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_format(&text,
                         "\nDone: agent.yaml%s and policy.yaml are in %s, checked, and for you to read. Next:\n\n",
                         setup->has_relay ? ", relay.yaml" : "", setup->folder);
    if (setup->key_id[0] == '\0')
        ch_buffer_add_format(&text, "  Write the exchange's API key into policy.yaml, as key_id of '%s'.\n",
                             setup->key);
    ch_buffer_add_text(&text, ch_buffer_text(&to->text));
    ch_output_lines(stdout, "", ch_buffer_text(&text));
}

ch_status ch_setup_tell(const ch_setup *setup, ch_error *err)
{
    ch_autojansson commands = json_array();
    next to = {.commands = commands, .text = CH_BUFFER_INIT};
    add_public_key(setup, &to);
    add_start(setup, &to);
    add_enrolment(setup, &to);
    add_use(setup, &to);
    ch_status st = CH_OK;
    if (setup->arguments->option[CH_OPT_JSON] != NULL) {
        st = tell_json(setup, &to, err);
    } else {
        tell_people(setup, &to);
    }
    ch_buffer_free(&to.text);
    return st;
}
