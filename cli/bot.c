/* bot config and list: how a bot is told to ask the relay. */
#include "base/names.h"
#include "cli/agent_keys.h"
#include "cli/bots.h"
#include "cli/commands.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/relay_place.h"
#include "exchange/environments.h"
#include "exchange/load.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_ELSEWHERE "/path/to/the/token"

/* ---- what the key is ---- */

/* By the agent; with --profile nobody is asked, and the environment is live. */
static ch_status find_key(const ch_arguments *arguments, const char *name, json_t **out, ch_error *err)
{
    const char *profile = arguments->option[CH_OPT_PROFILE];
    const char *environment = arguments->option[CH_OPT_ENVIRONMENT];
    ch_autojansson keys = NULL;
    if (!ch_is_name(ch_slice_of(name)))
        return ch_fail(err, CH_BAD_INPUT, "'%s' cannot be a key's name", name);
    if (profile != NULL) {
        *out = json_pack("{s:s, s:s}", "profile", profile, "environment",
                         environment == NULL ? CH_ENVIRONMENT_LIVE : environment);
        return *out != NULL ? CH_OK : ch_fail(err, CH_BAD_INPUT, "what was given is not text");
    }
    if (ch_agent_keys(arguments, &keys, err) != CH_OK)
        return ch_error_wrap(err, "asking the agent for the key's profile (--profile says it instead)");
    const json_t *key = ch_agent_keys_find(keys, name);
    if (key == NULL)
        return ch_fail(err, CH_NOT_FOUND, "the agent has no key '%s' that you may use; 'chancery keys' lists them",
                       name);
    *out = json_deep_copy(key);
    return CH_OK;
}

static ch_status load_profile(const ch_arguments *arguments, const json_t *key, ch_profile **out, ch_error *err)
{
    const char *name = ch_jansson_member(key, "profile");
    const char *environment = ch_jansson_member(key, "environment");
    ch_autobuffer path = CH_BUFFER_INIT;
    if (!ch_is_name(ch_slice_of(name)))
        return ch_fail(err, CH_BAD_INPUT, "'%s' is not the name of a profile", name);
    ch_buffer_add_format(&path, "%s/%s.yaml", ch_option_profiles(arguments), name);
    CH_TRY(ch_profile_load_any(ch_buffer_text(&path), out, err));
    if (ch_profile_environment(*out, environment) == NULL)
        return ch_fail(err, CH_NOT_FOUND, "profile '%s' has no environment '%s'", name, environment);
    return CH_OK;
}

static ch_status find_framework(const ch_arguments *arguments, const ch_bot_framework **out, ch_error *err)
{
    const char *name = NULL;
    CH_TRY(ch_option_required(arguments, CH_OPT_FOR, &name, err));
    *out = ch_bot_framework_find(name);
    if (*out == NULL)
        return ch_fail(err, CH_NOT_FOUND,
                       "'%s' is not known here; 'chancery bot list' shows what is. With any other, "
                       "use the relay's address as the exchange's base URL, as --for requests does",
                       name);
    return CH_OK;
}

/* ---- config ---- */

static ch_status print_config(const ch_arguments *arguments, const ch_bot_framework *framework,
                              const ch_bot_settings *settings, ch_error *err)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    CH_TRY(ch_bot_write(framework, settings, &text, err));
    if (arguments->option[CH_OPT_JSON] != NULL) {
        ch_autojansson row = json_pack("{s:s, s:s, s:s, s:s}", "framework", framework->name, "profile",
                                       ch_profile_name(settings->profile), "environment", settings->environment, "text",
                                       ch_buffer_text(&text));
        return ch_output_json(row, err);
    }
    fputs(ch_buffer_text(&text), stdout);
    return CH_OK;
}

static ch_status run_config(const ch_arguments *arguments, ch_error *err)
{
    const ch_bot_framework *framework = NULL;
    ch_autorelay_place place = {0};
    ch_autoprofile *profile = NULL;
    ch_autojansson key = NULL;
    CH_TRY(find_framework(arguments, &framework, err));
    CH_TRY(ch_relay_place_find(arguments, &place, err));
    CH_TRY(find_key(arguments, arguments->positional[0], &key, err));
    CH_TRY(load_profile(arguments, key, &profile, err));
    const ch_bot_settings settings = {
        .profile = profile,
        .environment = ch_jansson_member(key, "environment"),
        .key = arguments->positional[0],
        .url = place.base,
        .socket_path = place.socket_path,
        .token_path = place.token_path == NULL ? TOKEN_ELSEWHERE : place.token_path,
        .ca_path = place.ca_path,
    };
    return print_config(arguments, framework, &settings, err);
}

/* ---- list ---- */

static ch_status run_list(const ch_arguments *arguments, ch_error *err)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title       member */
        { "FRAMEWORK",  "name" },
        { "PROFILES",   "profiles" },
        { "WHAT IT IS", "title" },
        {0},
    };
    /* clang-format on */
    ch_autojansson rows = json_array();
    const ch_bot_framework *framework;
    for (size_t i = 0; (framework = ch_bot_framework_at(i)) != NULL; i++) {
        const char *profiles = *framework->profiles == '\0' ? "all" : framework->profiles;
        json_array_append_new(rows,
                              json_pack("{s:s, s:s, s:s}", "name", framework->name, "profiles",
                                        strcmp(profiles, "ccxt") == 0 ? "all" : profiles, "title", framework->title));
    }
    return ch_output_listing(arguments, "frameworks", rows, columns, "There is none.", err);
}

/* clang-format off */
const ch_command ch_commands_of_bot[] = {
    {
        .family = "bot",
        .name = "config",
        .syntax = {.positional = "KEY", .positional_min = 1, .positional_max = 1,
                   .options = CH_OPTION(FOR) | CH_OPTION(RELAY) | CH_OPTION(CALLER) | CH_OPTION(TOKEN_FILE) | CH_OPTION(CA) |
                              CH_OPTION(PROFILE) | CH_OPTION(ENVIRONMENT) | CH_OPTION(PROFILES) | CH_OPTION(SOCKET) |
                              CH_OPTION(AGENT_USER) | CH_OPTION(JSON)},
        .summary = "print the lines by which a bot asks the relay",
        .details = "Prints the few lines that a bot of that framework needs: the relay's address,\n"
                   "and dummy credentials of the shape that the framework insists on. The agent\n"
                   "drops what is signed with them. The bot reads the relay's token from its file,\n"
                   "so nothing that is printed is secret; only freqtrade cannot, and there you put\n"
                   "the token where TOKEN stands.",
        .examples = "  chancery bot config binance-main --for ccxt-python\n"
                    "  chancery bot config k --profile kraken --for curl --relay unix:/run/chancery-relay/bot.sock\n",
        .run = run_config,
    },
    {
        .family = "bot",
        .name = "list",
        .syntax = {.options = CH_OPTION(JSON)},
        .summary = "list the frameworks that bot config knows",
        .details = "Lists what --for takes, and of which exchanges' profiles each knows.",
        .examples = "  chancery bot list\n",
        .run = run_list,
    },
    {0},
};
/* clang-format on */
