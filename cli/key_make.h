/* A key that is imported or generated, as --profile and --scheme or --mechanism say, under --label; for the commands
 * that do so. Single-threaded. */
#ifndef CH_CLI_KEY_MAKE_H
#define CH_CLI_KEY_MAKE_H

#include "base/buffer.h"
#include "cli/key_end.h"
#include "cli/options.h"
#include "exchange/profile.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/token.h"

#include <jansson.h>

typedef struct ch_made_key {
    const char *label;
    const ch_mechanism *mechanism;
    char *uri;
    ch_key_end end;
    bool is_generated;
    ch_buffer public_pem; /* empty: it has no public half, or the exchange has it already */
} ch_made_key;

#define CH_MADE_KEY_INIT                                                                                               \
    {                                                                                                                  \
        .public_pem = CH_BUFFER_INIT                                                                                   \
    }
void ch_made_key_free(ch_made_key *made);
#define ch_automade __attribute__((cleanup(ch_made_key_free))) ch_made_key

/* Asks for what it needs, makes the key, and says on standard error what it took. The key is for `scheme`, or for what
 * the options name if that is NULL. */
CH_CHECKED ch_status ch_key_make(const ch_arguments *arguments, const ch_scheme *scheme, bool is_generated,
                                 ch_made_key *made, ch_error *err);
/* Fails as an import with these options would if the secret is wrong, so that people can be asked for it again. */
CH_CHECKED ch_status ch_key_make_check(const ch_arguments *arguments, const ch_secret *text, ch_error *err);
/* Has OpenSSL make the MAC of `payload` with that secret, and appends it as the exchange writes it. Appends nothing for
 * a key pair. */
CH_CHECKED ch_status ch_key_make_sign(const ch_arguments *arguments, const ch_secret *text, ch_slice payload,
                                      ch_buffer *out, ch_error *err);
/* What was made, for programs, and on standard error for people. */
json_t *ch_made_key_json(ch_made_key *made);
void ch_made_key_tell(const ch_made_key *made);

/* Appends the public key in PEM, or as one line of base64 (SubjectPublicKeyInfo, the form that exchanges' pages ask
 * for).
 */
CH_CHECKED ch_status ch_key_add_public(ch_session *session, const char *uri, bool is_pem, ch_buffer *out,
                                       ch_error *err);

#endif
