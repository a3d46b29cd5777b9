/* The text of agent.yaml, with a comment for whoever reads it for the first time. */
#include "base/encode.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/slice.h"
#include "cli/setup_impl.h"

#include <stdlib.h>

static void add_places(const ch_setup *setup, const char *sockets, ch_buffer *out)
{
    if (sockets != NULL)
        ch_buffer_add_format(out, "socket: %s/agent.sock\noperator_socket: %s/people/operator.sock\n\n", sockets,
                             sockets);
    else if (!ch_setup_is_in_one_folder(setup))
        ch_buffer_add_text(out, "socket: /run/chancery/agent.sock\n\n");
    if (!ch_setup_is_in_one_folder(setup))
        ch_buffer_add_text(out, "# As the unit of systemd has them; the state is in " CH_PATH_STATE ".\n"
                                "trace: " CH_SETUP_UNIT_TRACE "\n\n");
    else
        ch_buffer_add_text(out,
                           "# What must survive a crash: what limits have counted, nonces, whose codes are taken.\n"
                           "state: state\n\n");
}

/* So that the agent finds the same store, whoever starts it. */
static void add_environment(ch_buffer *out)
{
    static const char *const names[] = {"SOFTHSM2_CONF", "TPM2_PKCS11_STORE", "YUBIHSM_PKCS11_CONF"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value == NULL || value[0] != '/')
            continue;
        ch_buffer_add_format(out, "%s%s: ", count++ == 0 ? "    environment: { " : ", ", names[i]);
        ch_encode_json(out, ch_slice_of(value));
    }
    ch_buffer_add_text(out, count == 0 ? "" : " }\n");
}

static void add_token(const ch_setup *setup, ch_buffer *out)
{
    const char *init_args = setup->arguments->option[CH_OPT_INIT_ARGS];
    ch_buffer_add_format(out, "tokens:\n  # By this name: chancery unlock %s\n  %s:\n    module: ",
                         ch_setup_token_name(setup), ch_setup_token_name(setup));
    ch_encode_json(out, ch_slice_of(setup->module));
    if (init_args != NULL) {
        ch_buffer_add_text(out, "\n    init_args: ");
        ch_encode_json(out, ch_slice_of(init_args));
    }
    ch_buffer_add_text(out, "\n    uri: \"pkcs11:token=");
    ch_encode_percent(out, ch_slice_of(setup->token), "");
    ch_buffer_add_text(out, "\"\n");
    add_environment(out);
}

void ch_setup_add_config(const ch_setup *setup, const char *sockets, ch_buffer *out)
{
    const char *profiles = ch_option_given_profiles(setup->arguments);
    ch_autofree char *real = profiles == NULL ? NULL : realpath(profiles, NULL);
    ch_buffer_add_text(out,
                       "# The agent's configuration. Written by 'chancery setup'; it is yours to change.\n"
                       "# agent.yaml(5) and docs/operations.md describe the fields. Relative paths start here.\n\n");
    add_places(setup, sockets, out);
    if (real != NULL) {
        ch_buffer_add_text(out, "# What the agent knows of exchanges.\nprofiles: ");
        ch_encode_json(out, ch_slice_of(real));
        ch_buffer_add_text(out, "\n\n");
    }
    ch_buffer_add_text(out, "# Who may have what signed.\npolicy: policy.yaml\n\n");
    add_token(setup, out);
}
