/* The questions about what is there: module, token, exchange and key, and who operates. */
#include "base/memory.h"
#include "base/names.h"
#include "base/slice.h"
#include "cli/key_make.h"
#include "cli/profile_folder.h"
#include "cli/secret_input.h"
#include "cli/setup_impl.h"
#include "exchange/environments.h"
#include "exchange/load.h"
#include "pkcs11/token.h"

#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEW_TOKEN "new"

/* ---- 1: the module ---- */

static void add_module(void *context, const char *name)
{
    /* p11-kit's own: they hold certificates, or stand for the other modules. */
    if (strncmp(name, "p11-kit", 7) != 0)
        ch_setup_names_add(context, name);
}

/* Where packages of Debian put modules that p11-kit is not configured with. */
static void add_known_modules(ch_setup_names *names)
{
    static const struct {
        const char *name; /* p11-kit's */
        const char *path;
    } known[] = {
        {"softhsm2",     "/usr/lib/softhsm/libsofthsm2.so"                          },
        {"tpm2_pkcs11",  "/usr/lib/x86_64-linux-gnu/libtpm2_pkcs11.so.1"            },
        {"ykcs11",       "/usr/lib/x86_64-linux-gnu/libykcs11.so.2"                 },
        {"yubihsm",      "/usr/lib/x86_64-linux-gnu/pkcs11/yubihsm_pkcs11.so"       },
        {"opencryptoki", "/usr/lib/x86_64-linux-gnu/opencryptoki/libopencryptoki.so"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!ch_setup_names_have(names, known[i].name) && access(known[i].path, R_OK) == 0)
            ch_setup_names_add(names, known[i].path);
    }
}

static ch_module_name module_name(const ch_setup *setup, const char *name)
{
    return (ch_module_name){.name = name, .init_args = setup->arguments->option[CH_OPT_INIT_ARGS]};
}

/* The agent's token process must be able to load it, and it must show its slots. */
static ch_status check_module(ch_setup *setup, const char *answer, ch_error *err)
{
    const ch_module_name module = module_name(setup, answer);
    ch_autofree ch_token_info *tokens = NULL;
    size_t count = 0;
    CH_TRY(ch_module_path_check(answer, err));
    return ch_token_list(&module, &tokens, &count, err);
}

ch_status ch_setup_ask_module(ch_setup *setup, ch_error *err)
{
    ch_autonames names = {NULL, 0};
    ch_module_name preset = {0};
    ch_error ignored = CH_ERROR_INIT;
    ch_module_each_name(add_module, &names);
    add_known_modules(&names);
    const char *fallback = ch_setup_names_have(&names, "softhsm2") ? "softhsm2" : NULL;
    if (ch_option_module(setup->arguments, &preset, &ignored) == CH_OK)
        fallback = preset.name;
    const ch_setup_question question = {.name = "module",
                                        .prompt = "1. Which PKCS#11 module has the token? Number, name or path",
                                        .fallback = fallback,
                                        .choices = names.text,
                                        .choice_count = names.count,
                                        .is_open = true,
                                        .check = check_module};
    return ch_setup_ask(setup, &question, &setup->module, err);
}

/* ---- 2: the token ---- */

static void add_tokens(const ch_token_info *tokens, size_t count, ch_setup_names *names)
{
    bool has_free = false;
    for (size_t i = 0; i < count; i++) {
        has_free = has_free || !tokens[i].is_initialized;
        if (tokens[i].is_initialized && tokens[i].label[0] != '\0')
            ch_setup_names_add(names, tokens[i].label);
    }
    if (has_free)
        ch_setup_names_add(names, NEW_TOKEN);
}

static ch_status check_label(ch_setup *setup, const char *answer, ch_error *err)
{
    const ch_module_name module = module_name(setup, setup->module);
    ch_autofree ch_token_info *tokens = NULL;
    size_t count = 0;
    if (strlen(answer) >= sizeof tokens->label || strcmp(answer, NEW_TOKEN) == 0)
        return ch_fail(err, CH_BAD_INPUT, "a token's label has at most 32 bytes, and is not '%s'", NEW_TOKEN);
    CH_TRY(ch_token_list(&module, &tokens, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (tokens[i].is_initialized && strcmp(tokens[i].label, answer) == 0)
            return ch_fail(err, CH_CONFLICT, "there is a token '%s' already; choose another label", answer);
    }
    return CH_OK;
}

/* A person types it, and can be asked for it again. */
static bool is_typed(const ch_setup *setup, ch_option descriptor)
{
    const char *const *option = setup->arguments->option;
    bool is_credential = descriptor == CH_OPT_PIN_FD && option[CH_OPT_CREDENTIAL] != NULL;
    return setup->given == NULL && option[descriptor] == NULL && !is_credential;
}

/* What comes after the PINs on a pipe, so that they leave it there. */
static const ch_input_question secret_question = {.descriptor = CH_OPT_SECRET_FD,
                                                  .name = "the API secret",
                                                  .prompt = "   API secret (a private key on one line): ",
                                                  .is_asked_again = true,
                                                  .rest_max_bytes = 4095};
static const ch_input_question pin_question = {
    .descriptor = CH_OPT_PIN_FD, .name = "the user PIN", .prompt = "   User PIN: ", .is_asked_again = true};
static const ch_input_question new_pin_question = {.descriptor = CH_OPT_PIN_FD,
                                                   .name = "the user PIN",
                                                   .prompt = "   User PIN (unlocks for signing): ",
                                                   .is_asked_twice = true,
                                                   .is_asked_again = true};

/* Checks at once whether the token would take them. Leaves both empty if they must be asked for again. */
static ch_status ask_new_pins(ch_setup *setup, ch_error *err)
{
    static const ch_input_question so_question = {
        .descriptor = CH_OPT_SO_PIN_FD,
        .name = "the SO PIN",
        .prompt = "   SO PIN (sets PINs and erases; keep it apart from the user PIN): ",
        .is_asked_twice = true,
        .is_asked_again = true};
    const ch_module_name module = module_name(setup, setup->module);
    ch_error wrong = CH_ERROR_INIT;
    CH_TRY(ch_input_secret(setup->arguments, &so_question, &new_pin_question, &setup->so_pin, err));
    CH_TRY(ch_input_secret(setup->arguments, &new_pin_question, &secret_question, &setup->pin, err));
    if (ch_token_check_init(&module, setup->token, &setup->so_pin, &setup->pin, &wrong) == CH_OK)
        return CH_OK;
    *err = wrong;
    if (wrong.status != CH_BAD_INPUT || !is_typed(setup, CH_OPT_SO_PIN_FD) || !is_typed(setup, CH_OPT_PIN_FD))
        return wrong.status;
    ch_setup_say(setup, "%s.\n", wrong.message);
    ch_secret_wipe(&setup->so_pin);
    ch_secret_wipe(&setup->pin);
    return CH_OK;
}

static ch_status ask_new_token(ch_setup *setup, ch_error *err)
{
    const ch_setup_question question = {
        .name = "label", .prompt = "   Label of the new token", .fallback = "trading", .check = check_label};
    CH_TRY(ch_setup_ask(setup, &question, &setup->token, err));
    while (setup->pin.data == NULL)
        CH_TRY(ask_new_pins(setup, err));
    return CH_OK;
}

ch_status ch_setup_ask_token(ch_setup *setup, ch_error *err)
{
    const ch_module_name module = module_name(setup, setup->module);
    ch_autofree ch_token_info *tokens = NULL;
    size_t count = 0;
    ch_autonames names = {NULL, 0};
    CH_TRY(ch_token_list(&module, &tokens, &count, err));
    add_tokens(tokens, count, &names);
    if (names.count == 0)
        return ch_fail(err, CH_NOT_FOUND,
                       "the module has no token, and no free slot for one; make one with the vendor's own tool first");
    const ch_setup_question question = {.name = "token",
                                        .prompt = "2. Which token? '" NEW_TOKEN "' makes one. Number or label",
                                        .fallback = names.count <= 2 ? names.text[0] : NULL,
                                        .choices = names.text,
                                        .choice_count = names.count};
    CH_TRY(ch_setup_ask(setup, &question, &setup->token, err));
    setup->is_new_token = strcmp(setup->token, NEW_TOKEN) == 0;
    if (setup->is_new_token)
        return ask_new_token(setup, err);
    return ch_input_secret(setup->arguments, &pin_question, &secret_question, &setup->pin, err);
}

/* ---- 3: the exchange, and the key ---- */

static void add_profile(void *context, const ch_profile *profile)
{
    ch_setup_names_add(context, ch_profile_name(profile));
}

static ch_status load_profile(ch_setup *setup, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "%s/%s.yaml", ch_option_profiles(setup->arguments), setup->exchange);
    return ch_profile_load(ch_buffer_text(&path), &setup->profile, err);
}

/* People are not asked if there is nothing to choose, but a file may have the answer. */
static bool is_choice(const ch_setup *setup, const ch_setup_names *names)
{
    return names->count > 1 || setup->given != NULL;
}

static ch_status ask_environment(ch_setup *setup, ch_error *err)
{
    ch_autonames names = {NULL, 0};
    const ch_environment *environment;
    for (size_t i = 0; (environment = ch_profile_environment_at(setup->profile, i)) != NULL; i++)
        ch_setup_names_add(&names, ch_environment_name(environment));
    const ch_setup_question question = {.name = "environment",
                                        .prompt = "   Where was the key made?",
                                        .fallback = "live",
                                        .choices = names.text,
                                        .choice_count = names.count};
    if (is_choice(setup, &names))
        return ch_setup_ask(setup, &question, &setup->environment, err);
    setup->environment = ch_strdup("live");
    return CH_OK;
}

static bool is_pair(const ch_scheme *scheme)
{
    const ch_mechanism *mechanism = ch_mechanism_find(ch_slice_of(ch_scheme_mechanism(scheme)));
    return mechanism != NULL && mechanism->key_class == CKO_PRIVATE_KEY;
}

static ch_status ask_scheme(ch_setup *setup, ch_error *err)
{
    ch_autonames names = {NULL, 0};
    const ch_scheme *scheme;
    const char *fallback = NULL;
    for (size_t i = 0; (scheme = ch_profile_scheme_at(setup->profile, i)) != NULL; i++) {
        ch_setup_names_add(&names, ch_scheme_name(scheme));
        /* A pair that is made on the token has no copy anywhere. */
        if (fallback == NULL || (is_pair(scheme) && strcmp(ch_scheme_name(scheme), "rsa") != 0))
            fallback = ch_scheme_name(scheme);
    }
    const ch_setup_question question = {.name = "scheme",
                                        .prompt = "   What kind of key? Best a pair, of which the exchange gets the "
                                                  "public half",
                                        .fallback = fallback,
                                        .choices = names.text,
                                        .choice_count = names.count};
    if (is_choice(setup, &names))
        CH_TRY(ch_setup_ask(setup, &question, &setup->scheme_name, err));
    else
        setup->scheme_name = ch_strdup(fallback);
    setup->scheme = ch_profile_scheme(setup->profile, setup->scheme_name);
    return CH_OK;
}

static ch_status ask_origin(ch_setup *setup, ch_error *err)
{
    static const char *const choices[] = {"generate", "import"};
    ch_autofree char *answer = NULL;
    const ch_setup_question question = {.name = "key_from",
                                        .prompt = "   Generate it on the token, or import one?",
                                        .fallback = choices[0],
                                        .choices = choices,
                                        .choice_count = 2};
    if (!is_pair(setup->scheme))
        return CH_OK;
    CH_TRY(ch_setup_ask(setup, &question, &answer, err));
    setup->is_generated = strcmp(answer, choices[0]) == 0;
    return CH_OK;
}

static ch_status check_key_name(ch_setup *setup, const char *answer, ch_error *err)
{
    (void)setup;
    return ch_is_name(ch_slice_of(answer))
               ? CH_OK
               : ch_fail(err, CH_BAD_INPUT,
                         "a name has 1 to 64 of a-z, 0-9, '.', '_' and '-', and begins with a letter or digit");
}

static ch_status check_sent(ch_setup *setup, const char *answer, ch_error *err)
{
    (void)setup;
    for (const char *at = answer; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~')
            return ch_fail(err, CH_BAD_INPUT, "it is sent in requests, and takes printable ASCII only");
    }
    return CH_OK;
}

static ch_status ask_names(ch_setup *setup, ch_error *err)
{
    ch_autobuffer usual = CH_BUFFER_INIT;
    ch_buffer_add_format(&usual, "%s-main", setup->exchange);
    const ch_setup_question key = {.name = "key",
                                   .prompt = "   Name of the key, for bots, and its label on the token",
                                   .fallback = ch_buffer_text(&usual),
                                   .check = check_key_name};
    const ch_setup_question key_id = {
        .name = "key_id",
        .prompt = setup->is_generated
                      ? "   The API key that the exchange shows (Enter: later, after it has the public half)"
                      : "   The API key, the public half of what the exchange gave you (Enter: later)",
        .fallback = "",
        .check = check_sent};
    const ch_setup_question phrase = {.name = "passphrase",
                                      .prompt = "   The key's pass phrase at the exchange",
                                      .is_silent = true,
                                      .check = check_sent};
    CH_TRY(ch_setup_ask(setup, &key, &setup->key, err));
    CH_TRY(ch_setup_ask(setup, &key_id, &setup->key_id, err));
    if (ch_scheme_phrase_use(setup->profile, setup->scheme) == CH_PHRASE_UNUSED)
        return CH_OK;
    return ch_setup_ask(setup, &phrase, &setup->passphrase, err);
}

void ch_setup_set_purpose(const ch_setup *setup, ch_arguments *out)
{
    out->option[CH_OPT_PROFILE] = setup->exchange;
    out->option[CH_OPT_SCHEME] = setup->scheme_name;
    out->option[CH_OPT_PROFILES] = setup->arguments->option[CH_OPT_PROFILES];
}

/* Checks the secret at once, while a slip can still be corrected. */
static ch_status ask_secret(ch_setup *setup, ch_error *err)
{
    ch_arguments form = {0};
    ch_error wrong = CH_ERROR_INIT;
    ch_setup_set_purpose(setup, &form);
    form.option[CH_OPT_AS_IS] = setup->arguments->option[CH_OPT_AS_IS];
    CH_TRY(ch_input_secret(setup->arguments, &secret_question, NULL, &setup->secret, err));
    if (ch_key_make_check(&form, &setup->secret, &wrong) == CH_OK)
        return CH_OK;
    *err = wrong;
    if (!is_typed(setup, CH_OPT_SECRET_FD))
        return wrong.status;
    ch_setup_say(setup, "%s.\n", wrong.message);
    ch_secret_wipe(&setup->secret);
    return CH_OK;
}

ch_status ch_setup_ask_exchange(ch_setup *setup, ch_error *err)
{
    ch_autonames names = {NULL, 0};
    CH_TRY(ch_profile_folder_each(ch_option_profiles(setup->arguments), add_profile, &names, err));
    const ch_setup_question question = {.name = "exchange",
                                        .prompt = "3. Which exchange? Number or name",
                                        .choices = names.text,
                                        .choice_count = names.count};
    CH_TRY(ch_setup_ask(setup, &question, &setup->exchange, err));
    CH_TRY(load_profile(setup, err));
    CH_TRY(ask_environment(setup, err));
    CH_TRY(ask_scheme(setup, err));
    CH_TRY(ask_origin(setup, err));
    CH_TRY(ask_names(setup, err));
    while (!setup->is_generated && setup->secret.data == NULL)
        CH_TRY(ask_secret(setup, err));
    return CH_OK;
}

/* ---- 5: people ---- */

ch_status ch_setup_ask_people(ch_setup *setup, ch_error *err)
{
    const ch_setup_question question = {.name = "operator",
                                        .prompt = "5. Who operates, that is, unlocks, freezes and thaws? A user",
                                        .fallback = setup->me,
                                        .check = ch_setup_check_user};
    CH_TRY(ch_setup_ask(setup, &question, &setup->person, err));
    return ch_setup_ask_yes(setup, "codes", "   Shall an unlock take a code of an authenticator app besides the PIN?",
                            true, &setup->has_codes, err);
}
