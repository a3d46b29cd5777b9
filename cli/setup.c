/* Nothing is made before all is answered. From then on a signal is only noted, and each step that was taken is taken
 * back, the last one first, if a later one fails or somebody has interrupted it. */
#include "cli/setup.h"

#include "base/memory.h"
#include "base/paths.h"
#include "cli/interrupt.h"
#include "cli/setup_impl.h"
#include "conf/yaml.h"
#include "exchange/load.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what it begins with ---- */

static void free_texts(ch_setup *setup)
{
    char *texts[] = {setup->folder,         setup->me,          setup->module,          setup->token,
                     setup->exchange,       setup->environment, setup->scheme_name,     setup->key,
                     setup->key_id,         setup->bot,         setup->person,          setup->first_request,
                     setup->trade.symbols,  setup->trade.asset, setup->trade.day_value, setup->trade.order_value,
                     setup->trade.day_loss, setup->trade.feed,  setup->relay_port};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
}

static void setup_free(ch_setup *setup)
{
    ch_secret_wipe(&setup->so_pin);
    ch_secret_wipe(&setup->pin);
    ch_secret_wipe(&setup->secret);
    if (setup->passphrase != NULL)
        explicit_bzero(setup->passphrase, strlen(setup->passphrase));
    free(setup->passphrase);
    free_texts(setup);
    ch_profile_free(setup->profile);
    ch_yaml_free(setup->given);
}
#define auto_setup __attribute__((cleanup(setup_free))) ch_setup

static char *name_of_me(void)
{
    ch_autobuffer number = CH_BUFFER_INIT;
    const struct passwd *entry = getpwuid(geteuid());
    if (entry != NULL)
        return ch_strdup(entry->pw_name);
    ch_buffer_add_format(&number, "%u", (unsigned)geteuid());
    return ch_strdup(ch_buffer_text(&number));
}

/* Returns an absolute path, also of a folder that does not exist yet. */
static ch_status find_folder(const ch_arguments *arguments, char **out, ch_error *err)
{
    const char *name = arguments->positional_count > 0 ? arguments->positional[0]
                       : geteuid() == 0                ? "/etc/chancery"
                                                       : ".";
    char *there = realpath(name, NULL);
    if (there != NULL) {
        *out = there;
        return CH_OK;
    }
    ch_autofree char *copy = ch_strdup(name);
    while (strlen(copy) > 1 && copy[strlen(copy) - 1] == '/')
        copy[strlen(copy) - 1] = '\0';
    ch_autofree char *above = NULL;
    ch_autofree char *last = NULL;
    ch_path_split(copy, &above, &last);
    ch_autofree char *real = realpath(above, NULL);
    if (real == NULL || *last == '\0')
        return ch_fail_errno(err, "the folder %s", name);
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_setup_add_path(&path, strcmp(real, "/") == 0 ? "" : real, last);
    *out = ch_strdup(ch_buffer_text(&path));
    return CH_OK;
}

static ch_status begin(ch_setup *setup, ch_error *err)
{
    const char *answers = setup->arguments->option[CH_OPT_ANSWERS];
    setup->me = name_of_me();
    CH_TRY(find_folder(setup->arguments, &setup->folder, err));
    CH_TRY(ch_setup_check_folder(setup, err));
    if (answers == NULL)
        return CH_OK;
    CH_TRY(ch_yaml_load_any(answers, &setup->given, err));
    return ch_yaml_expect_map(ch_yaml_root(setup->given), err);
}

/* ---- the questions ---- */

static void greet(const ch_setup *setup)
{
    ch_setup_say(setup,
                 "Five questions, and then this makes, in %s, what a first signature\n"
                 "needs. [What stands in brackets] is taken if you press Enter. Nothing is made before all is\n"
                 "answered, so you may leave at any time with Ctrl-C.\n\n",
                 setup->folder);
}

static ch_status confirm(ch_setup *setup, ch_error *err)
{
    bool is_sure = false;
    ch_setup_say(setup,
                 "\nNow this %s the token '%s', %s the key '%s' for %s (%s),\nand writes agent.yaml%s and "
                 "policy.yaml to %s%s.\n",
                 setup->is_new_token ? "makes" : "uses", setup->token, setup->is_generated ? "generates" : "imports",
                 setup->key, setup->exchange, setup->environment, setup->has_relay ? ", relay.yaml" : "", setup->folder,
                 ch_setup_may_enroll(setup) ? "; have the authenticator app at hand" : "");
    CH_TRY(ch_setup_ask_yes(setup, "make", "Go on?", true, &is_sure, err));
    return is_sure ? CH_OK : ch_fail(err, CH_REFUSED, "not confirmed; nothing was made");
}

static ch_status ask_all(ch_setup *setup, ch_error *err)
{
    greet(setup);
    CH_TRY(ch_setup_ask_module(setup, err));
    CH_TRY(ch_setup_ask_token(setup, err));
    CH_TRY(ch_setup_ask_exchange(setup, err));
    CH_TRY(ch_setup_ask_bot(setup, err));
    CH_TRY(ch_setup_ask_people(setup, err));
    CH_TRY(confirm(setup, err));
    return setup->given == NULL ? CH_OK : ch_yaml_check_known(ch_yaml_root(setup->given), err);
}

/* ---- the steps ---- */

/* clang-format off */
static const struct {
    ch_status (*run)(ch_setup *setup, ch_error *err);
    void (*undo)(ch_setup *setup); /* does nothing if the step was not taken */
} steps[] = {
    /* run                  undo */
    { ch_setup_write,       ch_setup_remove },
    { ch_setup_check,       NULL },
    { ch_setup_make_token,  ch_setup_leave_token },
    { ch_setup_make_key,    ch_setup_unmake_key },
    { ch_setup_prove_key,   NULL },
    { ch_setup_enroll,      ch_setup_unenroll },
    { ch_setup_install,     NULL },
};
/* clang-format on */

static void undo(ch_setup *setup, size_t count)
{
    while (count-- > 0) {
        if (steps[count].undo != NULL)
            steps[count].undo(setup);
    }
}

static ch_status make_all(ch_setup *setup, ch_error *err)
{
    ch_interrupt_note();
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        ch_status st = steps[i].run(setup, err);
        if (st == CH_OK)
            continue;
        undo(setup, i + 1);
        return ch_error_wrap(err, "nothing was set up%s", setup->is_token_made ? ", but for the token" : "");
    }
    ch_setup_remove(setup);
    return CH_OK;
}

ch_status ch_setup_all(const ch_arguments *arguments, ch_setup_runner *run, ch_error *err)
{
    auto_setup setup = {.arguments = arguments, .run = run};
    CH_TRY(begin(&setup, err));
    CH_TRY(ask_all(&setup, err));
    CH_TRY(make_all(&setup, err));
    return ch_setup_tell(&setup, err);
}
