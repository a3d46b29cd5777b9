/* agent.yaml: where the sockets, the state, the profiles and the policy are, and which tokens there are.
 *
 * Read once at start; immutable afterwards. Relative paths are taken from the file's own folder. docs/operations.md
 * describes the fields. */
#ifndef CH_AGENT_CORE_CONFIG_H
#define CH_AGENT_CORE_CONFIG_H

#include "agent/core/variables.h"
#include "base/error.h"
#include "policy/load.h"
#include "policy/policy.h"
#include "wire/frames.h"

typedef struct ch_token_config {
    char *name;
    char *module;           /* a path, or a p11-kit name */
    char *init_args;        /* C_Initialize's reserved string; NULL: p11-kit's, if there is one */
    ch_variables variables; /* for its process alone */
    char *uri;
    ch_login login;
    uint32_t pin_tries; /* wrong PINs in a row that lock it; 0: it does not lock itself */
    bool may_relogin;   /* log a restarted token process in again; a PIN is kept in locked memory for that */
    uint32_t workers;
} ch_token_config;

typedef struct ch_config {
    char *socket_path;
    char *operator_socket_path;
    char *state_folder;
    char *profiles_folder;
    char *policy_path;
    char *shadow_path;            /* of a policy that is only recorded; NULL: none */
    char *trace_path;             /* of the file by which an older state is noticed; beside the state's folder */
    char *freeze_path;            /* of a file that halts all trading when it appears; NULL: none */
    bool is_confinement_required; /* what cannot be given up prevents the start */
    bool is_front_shared;         /* one front for all callers, instead of one for each */
    ch_token_config *tokens;
    size_t token_count;
    const char *token_names[CH_TOKENS_MAX];
    char *totp_token_name; /* of the token with the seeds of people's codes; NULL: the only one */
    size_t totp_token;     /* its index; token_count if there are several and none is named */
} ch_config;

/* CH_CONFIG with file, line and reason. Free with ch_config_free, also after a failure. */
CH_CHECKED ch_status ch_config_load(const char *path, ch_config *out, ch_error *err);
void ch_config_free(ch_config *config);

/* CH_CONFIG unless each token's module is there, is a shared library and nobody else can change it. Loads none. */
CH_CHECKED ch_status ch_config_check_modules(const ch_config *config, ch_error *err);

/* Where the policy is that this configuration names, or the shadow policy if `path` is its; views into it. */
ch_policy_source ch_config_policy_source(const ch_config *config, const char *path);

/* The token's index, or token_count when there is none of that name. */
size_t ch_config_find_token(const ch_config *config, ch_slice name);

#endif
