/* doctor: how keys do at their exchanges. */
#include "base/names.h"
#include "cli/agent_keys.h"
#include "cli/commands.h"
#include "cli/examination.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "exchange/environments.h"
#include "exchange/load.h"

#include <stdio.h>
#include <string.h>

/* ---- in words ---- */

static void print_clock(const json_t *clock)
{
    json_int_t ahead_ms = json_integer_value(json_object_get(clock, "ahead_ms"));
    if (strcmp(ch_jansson_member(clock, "state"), "unknown") == 0) {
        puts("  clock: the exchange does not tell its time");
        return;
    }
    printf("  clock: %s, %lld ms %s the exchange's, give or take %lld ms\n", ch_jansson_member(clock, "state"),
           (long long)(ahead_ms < 0 ? -ahead_ms : ahead_ms), ahead_ms < 0 ? "behind" : "ahead of",
           (long long)json_integer_value(json_object_get(clock, "uncertain_ms")));
}

static void print_check(const json_t *check)
{
    const char *state = ch_jansson_member(check, "state");
    printf("  key: ");
    if (strcmp(state, "fails") == 0)
        printf("does not work (%s)\n", ch_jansson_member(check, "trouble"));
    else if (strcmp(state, "works") == 0)
        puts("works");
    else
        puts(strcmp(state, "unknown") == 0 ? "not known" : "was not asked for");
}

static void print_right(const json_t *rights, const char *name, const char *yes, const char *no, size_t *count)
{
    const json_t *value = json_object_get(rights, name);
    if (!json_is_boolean(value))
        return;
    printf("%s%s", (*count)++ == 0 ? "" : ", ", json_is_true(value) ? yes : no);
}

static void print_rights(const json_t *rights)
{
    size_t count = 0;
    const char *expires = ch_jansson_member(rights, "expires");
    printf("  rights: ");
    print_right(rights, "trades", "trades", "does not trade", &count);
    print_right(rights, "transfers", "transfers", "does not transfer", &count);
    print_right(rights, "withdraws", "withdraws", "does not withdraw", &count);
    print_right(rights, "is_bound", "bound to addresses", "good from any address", &count);
    print_right(rights, "expires", "", "does not expire", &count);
    if (*expires != '\0')
        printf("%sexpires on %.10s", count++ == 0 ? "" : ", ", expires);
    puts(count == 0 ? "the exchange does not tell" : "");
}

static void print_advice(const json_t *found, const char *before)
{
    const json_t *advice = json_object_get(found, "advice");
    for (size_t i = 0; i < json_array_size(advice); i++) {
        const json_t *one = json_array_get(advice, i);
        printf("%s%s: ", before, ch_jansson_member(one, "level"));
        ch_output_member(one, "", "text");
        puts("");
    }
}

static void print_found(const ch_arguments *arguments, const json_t *found)
{
    ch_autobuffer before = CH_BUFFER_INIT;
    if (arguments->option[CH_OPT_WATCH] != NULL) {
        ch_buffer_add_format(&before, "%s: ", ch_jansson_member(found, "key"));
        print_advice(found, ch_buffer_text(&before));
        return;
    }
    printf("%s (%s, %s): %s\n", ch_jansson_member(found, "key"), ch_jansson_member(found, "profile"),
           ch_jansson_member(found, "environment"), ch_jansson_member(found, "verdict"));
    print_clock(json_object_get(found, "clock"));
    print_check(json_object_get(found, "check"));
    print_rights(json_object_get(found, "rights"));
    print_advice(found, "  ");
}

/* ---- which keys ---- */

static ch_status load_profile(const ch_arguments *arguments, const char *name, ch_profile **out, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    if (!ch_is_name(ch_slice_of(name)))
        return ch_fail(err, CH_BAD_INPUT, "'%s' is not the name of a profile", name);
    ch_buffer_add_format(&path, "%s/%s.yaml", ch_option_profiles(arguments), name);
    return ch_profile_load_any(ch_buffer_text(&path), out, err);
}

/* The keys to look at, as the agent lists them; with --profile nobody is asked. */
static ch_status list_keys(const ch_arguments *arguments, json_t **out, ch_error *err)
{
    const char *name = arguments->positional_count > 0 ? arguments->positional[0] : NULL;
    const char *profile = arguments->option[CH_OPT_PROFILE];
    const char *key_id = arguments->option[CH_OPT_KEY_ID];
    const char *environment = arguments->option[CH_OPT_ENVIRONMENT];
    ch_autojansson keys = NULL;
    if (name != NULL && !ch_is_name(ch_slice_of(name)))
        return ch_fail(err, CH_BAD_INPUT, "'%s' cannot be a key's name", name);
    if (profile != NULL && name == NULL)
        return ch_fail(err, CH_BAD_INPUT, "--profile is of one key; name it");
    if (profile != NULL) {
        *out =
            json_pack("[{s:s, s:s, s:s, s:s}]", "name", name, "profile", profile, "environment",
                      environment == NULL ? CH_ENVIRONMENT_LIVE : environment, "key_id", key_id == NULL ? "" : key_id);
        return *out != NULL ? CH_OK : ch_fail(err, CH_BAD_INPUT, "what was given is not text");
    }
    if (ch_agent_keys(arguments, &keys, err) != CH_OK)
        return ch_error_wrap(err, "asking the agent for the key's profile (--profile says it instead)");
    if (name == NULL) {
        *out = json_incref(keys);
        return CH_OK;
    }
    const json_t *key = ch_agent_keys_find(keys, name);
    if (key == NULL)
        return ch_fail(err, CH_NOT_FOUND, "the agent has no key '%s' that you may use; 'chancery keys' lists them",
                       name);
    *out = json_pack("[O]", key);
    return CH_OK;
}

/* ---- all of them ---- */

static ch_status examine_key(const ch_arguments *arguments, const ch_relay_client *client, const json_t *key,
                             json_t *all, ch_error *err)
{
    ch_autoprofile *profile = NULL;
    json_t *found = NULL;
    CH_TRY(load_profile(arguments, ch_jansson_member(key, "profile"), &profile, err));
    const ch_patient patient = {.key = ch_jansson_member(key, "name"),
                                .key_id = ch_jansson_member(key, "key_id"),
                                .environment = ch_jansson_member(key, "environment"),
                                .profile = profile};
    CH_TRY(ch_examine(client, &patient, &found, err));
    json_array_append_new(all, found);
    if (arguments->option[CH_OPT_JSON] == NULL)
        print_found(arguments, found);
    return CH_OK;
}

/* The error that the exit status says: of the first key that is ill, or, with --strict, has a warning. */
static ch_status judge(const ch_arguments *arguments, const json_t *all, ch_error *err)
{
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *found = json_array_get(all, i);
        const char *key = ch_jansson_member(found, "key");
        const char *verdict = ch_jansson_member(found, "verdict");
        const char *trouble = ch_jansson_member(json_object_get(found, "check"), "trouble");
        if (strcmp(verdict, "ill") == 0 && strcmp(trouble, ch_status_name(CH_LOCKED)) == 0)
            return ch_fail(err, CH_LOCKED, "key '%s' could not be looked at: its token is locked", key);
        if (strcmp(verdict, "ill") == 0)
            return ch_fail(err, CH_REFUSED, "key '%s' is ill", key);
    }
    for (size_t i = 0; i < json_array_size(all) && arguments->option[CH_OPT_STRICT] != NULL; i++) {
        const json_t *found = json_array_get(all, i);
        if (strcmp(ch_jansson_member(found, "verdict"), "well") != 0)
            return ch_fail(err, CH_REFUSED, "key '%s' has a warning", ch_jansson_member(found, "key"));
    }
    return CH_OK;
}

static ch_status run_doctor(const ch_arguments *arguments, ch_error *err)
{
    ch_autorelay_place place = {0};
    ch_autorelay_client *client = NULL;
    ch_autojansson keys = NULL;
    ch_autojansson all = json_array();
    CH_TRY(ch_relay_place_find(arguments, &place, err));
    CH_TRY(ch_relay_client_open(&place, &client, err));
    CH_TRY(list_keys(arguments, &keys, err));
    for (size_t i = 0; i < json_array_size(keys); i++)
        CH_TRY(examine_key(arguments, client, json_array_get(keys, i), all, err));
    if (json_array_size(keys) == 0)
        return ch_fail(err, CH_NOT_FOUND, "the agent has no keys that you may use");
    if (arguments->option[CH_OPT_JSON] != NULL) {
        ch_autojansson listing = json_pack("{s:O}", "keys", all);
        CH_TRY(ch_output_json(listing, err));
    }
    return judge(arguments, all, err);
}

/* clang-format off */
const ch_command ch_commands_of_doctor[] = {
    {
        .name = "doctor",
        .syntax = {.positional = "[KEY]", .positional_max = 1,
                   .options = CH_OPTION(RELAY) | CH_OPTION(CALLER) | CH_OPTION(TOKEN_FILE) | CH_OPTION(CA) | CH_OPTION(PROFILE) |
                              CH_OPTION(ENVIRONMENT) | CH_OPTION(KEY_ID) | CH_OPTION(PROFILES) | CH_OPTION(SOCKET) | CH_OPTION(AGENT_USER) |
                              CH_OPTION(STRICT) | CH_OPTION(WATCH) | CH_OPTION(JSON)},
        .summary = "ask the exchange how a key does",
        .details = "Asks, by way of the relay and as a bot would, for the exchange's time, whether\n"
                   "the key works, and what it may do there: withdraw, from which addresses, for\n"
                   "how long. Says what is wrong and what to change. Nothing is asked that does more\n"
                   "than read. Without KEY, it looks at all keys that the agent lists for you.\n"
                   "\n"
                   "Exit status 0: the keys work, maybe with warnings; 3: one does not, or has\n"
                   "expired, or our clock is wrong (with --strict, also a warning); 6: a token is\n"
                   "locked; 7: relay or agent do not answer.",
        .examples = "  chancery doctor binance-main\n"
                    "  chancery doctor kraken --relay http://127.0.0.1:8801 --token-file ~/relay.token\n"
                    "  chancery doctor --watch --strict\n",
        .run = run_doctor,
    },
    {0},
};
/* clang-format on */
