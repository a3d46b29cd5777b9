/* intent: what a request would mean, without a token and, by a profile's name, without an agent. */
#include "base/memory.h"
#include "base/names.h"
#include "base/slice.h"
#include "cli/agent_keys.h"
#include "cli/commands.h"
#include "cli/intent_json.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/parameters.h"
#include "exchange/check.h"
#include "exchange/environments.h"
#include "exchange/intent.h"
#include "exchange/load.h"
#include "exchange/match.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- the profile ---- */

/* The profile of the agent's key of that name; empty if the agent has none. */
static ch_status find_key(const ch_arguments *arguments, const char *name, ch_buffer *profile, ch_error *err)
{
    ch_autojansson keys = NULL;
    CH_TRY(ch_agent_keys(arguments, &keys, err));
    ch_buffer_add_text(profile, ch_jansson_member(ch_agent_keys_find(keys, name), "profile"));
    return CH_OK;
}

static void add_path(const ch_arguments *arguments, const char *name, ch_buffer *path)
{
    ch_buffer_clear(path);
    ch_buffer_add_format(path, "%s/%s.yaml", ch_option_profiles(arguments), name);
}

/* A profile goes before a key of the same name: it needs no agent. */
static ch_status load_profile(const ch_arguments *arguments, const char *name, ch_profile **out, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_autobuffer profile = CH_BUFFER_INIT;
    if (!ch_is_name(ch_slice_of(name)))
        return ch_fail(err, CH_BAD_INPUT, "'%s' is neither a profile's name nor a key's", name);
    add_path(arguments, name, &path);
    if (access(ch_buffer_text(&path), F_OK) != 0) {
        if (find_key(arguments, name, &profile, err) != CH_OK)
            return ch_error_wrap(err, "there is no profile '%s', and no agent to ask for a key of that name", name);
        if (!ch_is_name(ch_buffer_slice(&profile)))
            return ch_fail(err, CH_NOT_FOUND, "there is neither a profile '%s' nor a key that you may use", name);
        add_path(arguments, ch_buffer_text(&profile), &path);
    }
    return ch_profile_load_any(ch_buffer_text(&path), out, err);
}

/* ---- the request ---- */

static void print(const ch_intent *intent, const ch_endpoint *endpoint, const ch_scheme *scheme)
{
    ch_autobuffer words = CH_BUFFER_INIT;
    ch_intent_print(intent, &words);
    const char *line = ch_buffer_text(&words);
    for (const char *end = strchr(line, '\n'); end != NULL; line = end + 1, end = strchr(line, '\n')) {
        ch_autofree char *text = ch_slice_strdup((ch_slice){(const uint8_t *)line, (size_t)(end - line)});
        ch_output_text(text);
        puts("");
    }
    bool is_once = ch_intent_is_unique(intent) || ch_endpoint_uses_by_any(endpoint, scheme) == CH_USES_ONCE;
    puts(is_once ? "The signature can be used once." : "The signature can be used again while it is valid.");
}

/* In live, or else in the first environment that has it. */
static ch_status find_endpoint(const ch_profile *profile, const ch_request *request, const ch_endpoint **out,
                               ch_error *err)
{
    const ch_environment *environment;
    ch_status st = ch_environment_match(ch_profile_live(profile), request, out, err);
    for (size_t i = 1; st != CH_OK && (environment = ch_profile_environment_at(profile, i)) != NULL; i++) {
        ch_error ignored = CH_ERROR_INIT;
        st = ch_environment_match(environment, request, out, &ignored);
    }
    return st;
}

static const ch_scheme *first_scheme(const ch_profile *profile, const ch_endpoint *endpoint)
{
    size_t i = 0;
    while (!ch_endpoint_takes_scheme(endpoint, ch_profile_scheme_at(profile, i)))
        i++;
    return ch_profile_scheme_at(profile, i);
}

static ch_status run_intent(const ch_arguments *arguments, ch_error *err)
{
    const char **word = arguments->positional;
    ch_autoprofile *profile = NULL;
    ch_autojansson json = NULL;
    ch_autofree ch_parameters *params = ch_alloc(sizeof *params);
    const ch_endpoint *endpoint = NULL;
    CH_TRY(load_profile(arguments, word[0], &profile, err));
    CH_TRY(ch_parameters_read(word + 3, arguments->positional_count - 3, &json, err));
    CH_TRY(ch_parameters_enter(json, params, err));
    const char *host = arguments->option[CH_OPT_HOST];
    ch_request request = {ch_slice_of(word[1]), ch_slice_of(host == NULL ? "" : host), ch_slice_of(word[2]),
                          params->params, params->count};
    CH_TRY(find_endpoint(profile, &request, &endpoint, err));
    const ch_scheme *scheme = first_scheme(profile, endpoint);
    CH_TRY(ch_endpoint_check(endpoint, scheme, &request, err));
    ch_autointent *intent = ch_intent_new();
    ch_intent_read(intent, endpoint, &request);
    if (arguments->option[CH_OPT_JSON] != NULL) {
        ch_autojansson said = ch_intent_json(intent);
        return ch_output_json(said, err);
    }
    print(intent, endpoint, scheme);
    return CH_OK;
}

/* clang-format off */
const ch_command ch_commands_of_intent[] = {
    {
        .name = "intent",
        .syntax = {.positional = "PROFILE|KEY METHOD PATH [name=value ...]", .positional_min = 3, .positional_max = 3 + CH_PARAMETERS_MAX,
                   .options = CH_OPTION(PROFILES) | CH_OPTION(SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(HOST) | CH_OPTION(JSON)},
        .summary = "say what a request would mean",
        .details = "Prints what a request means by the exchange's profile: orders, cancels,\n"
                   "transfers, withdrawals, with what is known of each and what is not. Nothing is\n"
                   "signed. It takes a profile, or a key of the agent. Parameters are written as for\n"
                   "sign.",
        .examples = "  chancery intent binance POST /api/v3/order symbol=LTCBTC side=SELL type=MARKET \\\n"
                    "      quoteOrderQty=0.5\n"
                    "  chancery intent kraken POST /0/private/CancelAll --json\n",
        .run = run_intent,
    },
    {0},
};
/* clang-format on */
