/* How the key family reaches a token: which one, its PIN, and a session on it, logged in. Single-threaded. */
#ifndef CH_CLI_KEY_ACCESS_H
#define CH_CLI_KEY_ACCESS_H

#include "base/secret.h"
#include "cli/options.h"
#include "cli/secret_input.h"
#include "pkcs11/token.h"

/* The options that say which token, and how its PIN comes. */
#define CH_OPTIONS_ON_TOKEN                                                                                            \
    (CH_OPTION(MODULE) | CH_OPTION(INIT_ARGS) | CH_OPTION(TOKEN) | CH_OPTIONS_PIN | CH_OPTION(NO_PIN))

/* Which token, and its PIN. */
typedef struct ch_key_access {
    ch_module_name module;
    char *uri;
    ch_secret pin; /* none: --no-pin */
} ch_key_access;

#define CH_KEY_ACCESS_INIT                                                                                             \
    {                                                                                                                  \
        {NULL, NULL}, NULL, CH_SECRET_INIT                                                                             \
    }

void ch_key_access_free(ch_key_access *access);
#define ch_autoaccess __attribute__((cleanup(ch_key_access_free))) ch_key_access

/* Reads --module, --token and, unless --no-pin says that there is none, the user PIN. `next` is what the command asks
 * for after the PIN, NULL if nothing. */
CH_CHECKED ch_status ch_key_access_ask(const ch_arguments *arguments, const ch_input_question *next,
                                       ch_key_access *access, ch_error *err);

/* A token, opened and logged in, with one session. All zero before it is opened. */
typedef struct ch_opened_token {
    ch_token *token;
    ch_session session;
    bool has_session;
} ch_opened_token;

/* Closes the session, then the token. */
void ch_opened_token_close(ch_opened_token *opened);
#define ch_autoopened __attribute__((cleanup(ch_opened_token_close))) ch_opened_token

/* Opens the token and logs in; without a PIN only if the token has a pad for it. The caller closes `out`, also after a
 * failure. */
CH_CHECKED ch_status ch_key_access_open(const ch_key_access *access, bool is_writable, ch_opened_token *out,
                                        ch_error *err);

#endif
