/* key rotate, retire and revoke: one of the exchange's keys takes the place of another under one name. The agent
 * goes by the policy, which people write; so these commands make and destroy objects, and print the rest. */
#include "base/buffer.h"
#include "base/encode.h"
#include "base/memory.h"
#include "base/utc.h"
#include "cli/commands.h"
#include "cli/dialog.h"
#include "cli/jansson.h"
#include "cli/key_access.h"
#include "cli/key_make.h"
#include "cli/output.h"
#include "cli/policy_file.h"
#include "cli/secret_input.h"
#include "exchange/profile.h"
#include "pkcs11/key.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/token.h"
#include "policy/policy.h"
#include "wire/channel.h"

#include <stdio.h>
#include <time.h>

#define ID_IS_MISSING "THE-NEW-KEY-ID"

/* ---- rotate: what to write ---- */

/* A text of JSON is one of YAML, too. */
static void add_text(ch_buffer *out, const char *name, const char *text)
{
    ch_buffer_add_format(out, ", %s: ", name);
    ch_encode_json(out, ch_slice_of(text));
}

static void add_moment(ch_buffer *out, const char *name, uint64_t moment_ns)
{
    char text[CH_UTC_TEXT_SIZE];
    ch_utc_text(moment_ns / 1000000000, text);
    if (moment_ns != 0)
        add_text(out, name, text);
}

/* All that a version can have of its own, also if it is as the key's: what is left out would be the key's, which may
 * be another. */
static void add_version(ch_buffer *out, const ch_key *version, const char *object, const char *key_id, bool has_token)
{
    ch_buffer_add_text(out, "        - { object: ");
    ch_encode_json(out, ch_slice_of(object));
    add_text(out, "key_id", key_id);
    if (version->passphrase[0] != '\0')
        add_text(out, "passphrase", "...");
    if (has_token)
        add_text(out, "token", version->token_name);
    add_moment(out, "from", version->from_ns);
    add_moment(out, "expires", version->expires_ns);
    ch_buffer_add_text(out, " }\n");
}

/* The key's lines of policy.yaml, with the new version. Pass phrases are not shown, not even the old ones. The new
 * version is not to begin before the last one, nor to end with it. */
static void add_lines(ch_buffer *out, const ch_key *key, const ch_made_key *made, const char *key_id)
{
    const ch_key *version;
    bool has_tokens = key->version_count > 0;
    ch_key next = *ch_key_version(key, key->version_count);
    next.expires_ns = 0;
    ch_buffer_add_format(out, "    %s:\n      versions:\n", key->name);
    for (size_t i = 0; (version = ch_key_version(key, i)) != NULL; i++)
        add_version(out, version, version->object_uri, version->key_id, has_tokens);
    add_version(out, &next, made->uri, key_id, has_tokens);
}

static json_t *steps(const ch_key *key, const ch_made_key *made, bool has_id)
{
    const char *title = ch_profile_title(key->profile);
    const ch_key *last = ch_key_version(key, key->version_count);
    json_t *all = json_array();
    if (made->is_generated)
        json_array_append_new(all,
                              json_sprintf("At %s, register the public key below as a new API key, with the rights "
                                           "and addresses of %s, and no more.",
                                           title, last->key_id));
    else
        json_array_append_new(all,
                              json_sprintf("At %s, see that the new API key has the rights and addresses of %s, and "
                                           "no more.",
                                           title, last->key_id));
    json_array_append_new(all, json_sprintf("In the policy, in the place of what key '%s' has of 'object', 'key_id', "
                                            "'passphrase', 'expires' and 'versions', write the versions below%s.",
                                            key->name, has_id ? "" : ", with the key id that the exchange shows"));
    json_array_append_new(all,
                          json_string("Run 'chancery policy check' and 'chancery reload'. From then on the new one "
                                      "signs, as soon as the token has it; what names the old one goes on."));
    json_array_append_new(all,
                          json_sprintf("When nothing signs with %s any more ('chancery decisions' says which signs), "
                                       "delete it at %s, take its line out of the policy, and reload.",
                                       last->key_id, title));
    json_array_append_new(all, json_sprintf("Then destroy its object: chancery key retire '%s'", last->object_uri));
    return all;
}

static void print_steps(const json_t *of)
{
    size_t i;
    json_t *step;
    json_array_foreach(json_object_get(of, "steps"), i, step)
    {
        printf("%zu. ", i + 1);
        ch_output_text(json_string_value(step));
        puts("");
    }
}

static void print_guide(const json_t *of, ch_made_key *made)
{
    print_steps(of);
    printf("\nThe lines of the policy:\n\n%s", ch_jansson_member(of, "policy"));
    if (made->public_pem.size > 0)
        printf("\nThe public key:\n\n%s", ch_buffer_text(&made->public_pem));
}

/* ---- rotate: making it ---- */

/* Appends "KEY-20270131", the label if none is given. */
static void add_label(const char *key, ch_buffer *out)
{
    char now[CH_UTC_TEXT_SIZE];
    ch_utc_text((uint64_t)time(NULL), now);
    ch_buffer_add_format(out, "%s-%.4s%.2s%.2s", key, now, now + 5, now + 8);
}

static bool is_generated(const ch_arguments *arguments, const ch_key *key)
{
    const ch_mechanism *mechanism = ch_mechanism_find(ch_slice_of(ch_scheme_mechanism(key->scheme)));
    return mechanism->key_class == CKO_PRIVATE_KEY && arguments->option[CH_OPT_PEM] == NULL;
}

/* Imports or generates, as the commands of those names do, for the scheme that the policy names. */
static ch_status make(const ch_arguments *arguments, const ch_key *key, const char *label, ch_made_key *made,
                      ch_error *err)
{
    ch_arguments asked = *arguments;
    asked.option[CH_OPT_PROFILE] = ch_profile_name(key->profile);
    asked.option[CH_OPT_LABEL] = label;
    return ch_key_make(&asked, key->scheme, is_generated(arguments, key), made, err);
}

static ch_status check_id(const ch_key *key, const char *key_id, ch_error *err)
{
    if (key_id == NULL || ch_key_version_of(key, ch_slice_of(key_id)) == NULL)
        return CH_OK;
    return ch_fail(err, CH_CONFLICT,
                   "key '%s' has a version with this key id already; the new key has another one at %s", key->name,
                   ch_profile_title(key->profile));
}

static ch_status tell(const ch_arguments *arguments, const ch_key *key, ch_made_key *made, ch_error *err)
{
    const char *key_id = arguments->option[CH_OPT_KEY_ID];
    ch_autobuffer lines = CH_BUFFER_INIT;
    ch_made_key_tell(made);
    add_lines(&lines, key, made, key_id != NULL ? key_id : ID_IS_MISSING);
    ch_autojansson of = ch_made_key_json(made);
    json_object_set_new(of, "key", json_string(key->name));
    json_object_set_new(of, "policy", ch_jansson_text(ch_buffer_text(&lines)));
    json_object_set_new(of, "steps", steps(key, made, key_id != NULL));
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_json(of, err);
    print_guide(of, made);
    return CH_OK;
}

static ch_status run_rotate(const ch_arguments *arguments, ch_error *err)
{
    const ch_key *key = NULL;
    ch_autopolicy policy = {0};
    ch_autobuffer label = CH_BUFFER_INIT;
    ch_automade made = CH_MADE_KEY_INIT;
    CH_TRY(ch_policy_open(arguments, NULL, &policy, err));
    CH_TRY(ch_policy_require_key(&policy, arguments->positional[0], &key, err));
    CH_TRY(check_id(key, arguments->option[CH_OPT_KEY_ID], err));
    if (key->version_count + 1 == CH_VERSIONS_MAX)
        return ch_fail(err, CH_CONFLICT, "key '%s' has %d versions, which is the most; retire one first", key->name,
                       CH_VERSIONS_MAX);
    if (arguments->option[CH_OPT_LABEL] != NULL)
        ch_buffer_add_text(&label, arguments->option[CH_OPT_LABEL]);
    else
        add_label(key->name, &label);
    CH_TRY(make(arguments, key, ch_buffer_text(&label), &made, err));
    return tell(arguments, key, &made, err);
}

/* ---- retire ---- */

/* Compares objects alone, not the tokens that the policy names for them. */
static ch_status check_keys(ch_session *session, const ch_policy *policy, const char *uri, ch_error *err)
{
    for (size_t i = 0; i < policy->key_count; i++) {
        const ch_key *version;
        for (size_t v = 0; (version = ch_key_version(&policy->keys[i], v)) != NULL; v++) {
            bool is_same = false;
            CH_TRY(ch_key_is_same(session, uri, version->object_uri, &is_same, err));
            if (is_same)
                return ch_fail(err, CH_CONFLICT,
                               "the policy names '%s' for key '%s' (%s); take it out, reload the agent, and try again",
                               version->object_uri, version->name, version->key_id);
        }
    }
    return CH_OK;
}

static ch_status check_people(ch_session *session, const ch_policy *policy, const char *uri, ch_error *err)
{
    for (size_t i = 0; i < policy->person_count; i++) {
        const ch_person *person = &policy->people[i];
        bool is_same = false;
        if (person->seed.object_uri != NULL)
            CH_TRY(ch_key_is_same(session, uri, person->seed.object_uri, &is_same, err));
        if (is_same)
            return ch_fail(err, CH_CONFLICT,
                           "'%s' is the seed of the codes of '%s', without which they can unlock nothing; revoke it "
                           "(chancery totp revoke %s), and then: chancery key delete",
                           person->seed.object_uri, person->name, person->name);
    }
    return CH_OK;
}

/* Refuses an object that a key of the policy, or a seed, would be found as. */
static ch_status check_unused(ch_session *session, const ch_policy *policy, const char *uri, ch_error *err)
{
    CH_TRY(check_keys(session, policy, uri, err));
    return check_people(session, policy, uri, err);
}

static ch_status confirm(const ch_arguments *arguments, const char *uri, ch_error *err)
{
    ch_autobuffer question = CH_BUFFER_INIT;
    if (arguments->option[CH_OPT_YES] != NULL)
        return CH_OK;
    ch_buffer_add_format(&question, "Destroy %s? It can't be brought back. [y/N] ", uri);
    return ch_input_confirm(ch_buffer_text(&question), err);
}

static ch_status run_retire(const ch_arguments *arguments, ch_error *err)
{
    ch_autopolicy policy = {0};
    ch_autofree char *uri = NULL;
    ch_autoaccess access = CH_KEY_ACCESS_INIT;
    ch_autoopened opened = {0};
    CH_TRY(ch_policy_open(arguments, NULL, &policy, err));
    CH_TRY(ch_argument_object(arguments->positional[0], &uri, err));
    CH_TRY(ch_key_access_ask(arguments, NULL, &access, err));
    CH_TRY(confirm(arguments, uri, err));
    CH_TRY(ch_key_access_open(&access, true, &opened, err));
    CH_TRY(check_unused(&opened.session, &policy, uri, err));
    CH_TRY(ch_key_delete(&opened.session, uri, err));
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_done("destroyed", json_pack("{s:o}", "object", ch_jansson_text(uri)), err);
    fprintf(stderr, "Destroyed %s. If its API key is still there at the exchange, delete it.\n", uri);
    return CH_OK;
}

/* ---- revoke ---- */

/* `key_id` is NULL if the key has one version. */
static json_t *revoked_json(const char *key, const char *key_id)
{
    return json_pack("{s:o s:o s:[s s s]}", "key", ch_jansson_text(key), "key_id",
                     key_id == NULL ? json_null() : ch_jansson_text(key_id), "steps",
                     "At the exchange, delete the API key now: what was signed before can still be sent.",
                     "Look there for orders and withdrawals that nobody knows, and cancel what is open.",
                     "Bring a new key beside it, 'chancery key rotate', and take the old one out of the policy.");
}

static ch_status run_revoke(const ch_arguments *arguments, ch_error *err)
{
    const char *reason = NULL;
    const char *key_id = arguments->option[CH_OPT_KEY_ID];
    auto_channel channel = CH_CHANNEL_CLOSED;
    CH_TRY(ch_option_required(arguments, CH_OPT_REASON, &reason, err));
    ch_key_revoke_frame request = {.version = CH_FRAMES_VERSION,
                                   .key = ch_slice_of(arguments->positional[0]),
                                   .key_id = ch_slice_of(key_id == NULL ? "" : key_id),
                                   .reason = ch_slice_of(reason)};
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_key_revoke_frame_put(ch_channel_out(&channel), 0, &request, err));
    CH_TRY(ch_dialog_ask(&channel, NULL, err));
    ch_autojansson of = revoked_json(arguments->positional[0], key_id);
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_done("revoked", json_incref(of), err);
    puts("Revoked: the agent signs nothing with it any more, also after a restart, whatever the policy says.");
    print_steps(of);
    return CH_OK;
}

/* ---- the commands ---- */

#define OF_POLICY (CH_OPTION(POLICY) | CH_OPTION(CONFIG) | CH_OPTION(PROFILES))

/* clang-format off */
const ch_command ch_commands_of_key_rotate[] = {
    {
        .family = "key",
        .name = "rotate",
        .syntax = {.positional = "KEY", .positional_min = 1, .positional_max = 1,
                   .options = CH_OPTIONS_ON_TOKEN | OF_POLICY | CH_OPTION(KEY_ID) | CH_OPTION(LABEL) |
                              CH_OPTION(ENCODING) | CH_OPTION(AS_IS) | CH_OPTION(PEM) | CH_OPTION(BITS) |
                              CH_OPTION(EXPIRES) | CH_OPTION(SECRET_FD) | CH_OPTION(JSON)},
        .summary = "bring a new version of a key beside the old one",
        .details = "Imports the API secret of a new key at the exchange, or generates a key pair if\n"
                   "KEY, a name from policy.yaml, signs with one (with --pem it imports a private\n"
                   "key), and prints the lines of the policy and what to do at the exchange. Both\n"
                   "versions can sign then, so bots move without a restart. Nothing is destroyed:\n"
                   "that is what 'chancery key retire' is for, in the end.",
        .examples = "  chancery key rotate binance-main --key-id vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv\n"
                    "  chancery key rotate kr --config agent.yaml --pin-fd 3 --secret-fd 4 3<pin 4<secret\n",
        .run = run_rotate,
    },
    {
        .family = "key",
        .name = "retire",
        .syntax = {.positional = "OBJECT", .positional_min = 1, .positional_max = 1,
                   .options = CH_OPTIONS_ON_TOKEN | OF_POLICY | CH_OPTION(YES) | CH_OPTION(JSON)},
        .summary = "destroy the object of a version that is no longer in the policy",
        .details = "Destroys OBJECT, a label or URI, on the token, with its public half, unless a\n"
                   "key or a person of the policy names it. It asks first, on the terminal, unless\n"
                   "--yes is given. Reload the agent before, so that nothing asks for it any more.",
        .examples = "  chancery key retire pkcs11:object=binance-main\n"
                    "  chancery key retire old --config agent.yaml --yes --pin-fd 3 3<pin\n",
        .run = run_retire,
    },
    {
        .family = "key",
        .name = "revoke",
        .syntax = {.positional = "KEY", .positional_min = 1, .positional_max = 1,
                   .options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(KEY_ID) | CH_OPTION(REASON) |
                              CH_OPTION(JSON)},
        .summary = "have the agent sign nothing with a key any more, at once and for good",
        .details = "From this moment the agent refuses the key id, also after a restart, and\n"
                   "withholds what is being signed. Of a key with several versions, --key-id says\n"
                   "which one; the others go on. It cannot be taken back: make another key at the\n"
                   "exchange. You must be an operator or an admin in the agent's policy.",
        .examples = "  chancery key revoke binance-main --reason 'the secret was in a log'\n"
                    "  chancery key revoke binance-main --key-id vmPUZE6mv9SD5VNH --reason 'laptop stolen'\n",
        .run = run_revoke,
    },
    {0},
};
/* clang-format on */
