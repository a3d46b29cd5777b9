/* One token of one PKCS#11 module: opened and logged in to (token.c), with its sessions; listing tokens and making them
 * (token_init.c); what a token says of itself (token_info.c). One ch_token a process at a time.
 *
 * Why login is ours: libp11 0.4.12 keeps a plain copy of the PIN in its slot for a later login; C_Login does not.
 *
 * Threads: ch_key_sign may be called from many threads, each with its own ch_session. Call everything else from one
 * thread, and log in or out only while nobody signs. The module is told at C_Initialize that there are threads, and
 * either guards its own state or refuses with CKR_CANT_LOCK; we take no lock around C_Sign.
 *
 * Texts that come from a token (labels, serial numbers) are as they are, and need not be UTF-8: whoever shows them
 * makes them printable, as errors and the log do by themselves. */
#ifndef CH_PKCS11_TOKEN_H
#define CH_PKCS11_TOKEN_H

#include "base/secret.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/module_path.h"

#include <p11-kit/uri.h>

typedef struct ch_token ch_token;

typedef struct ch_token_info {
    char label[33];
    char manufacturer[33];
    char model[17];
    char serial[17];
    unsigned long slot_id;
    bool is_initialized;
    bool needs_login;
    bool is_pin_locked;    /* CKF_USER_PIN_LOCKED */
    bool is_pin_final_try; /* CKF_USER_PIN_FINAL_TRY */
    bool is_pin_count_low; /* CKF_USER_PIN_COUNT_LOW */
    bool has_user_pin;     /* CKF_USER_PIN_INITIALIZED */
} ch_token_info;

/* Opens `module` and the one token that the RFC 7512 `uri` names. CH_NOT_FOUND names the tokens that are there; a slot
 * that fails counts only if no other has the token; CH_CONFLICT if the URI fits more than one; CH_CONFIG for a URI that
 * is malformed or holds a PIN. Close with ch_token_close. */
CH_CHECKED ch_status ch_token_open(const ch_module_name *module, const char *uri, ch_token **out, ch_error *err);
/* Ends the login and every session. NULL is fine. */
void ch_token_close(ch_token *token);
#define ch_autotoken __attribute__((cleanup(ch_token_close_))) ch_token *
void ch_token_close_(ch_token **token);

/* Lists the tokens of `module`, and the empty slots that can be initialised. A slot that can't be read is passed over,
 * unless no other can be. The caller frees `*out` with free(). */
CH_CHECKED ch_status ch_token_list(const ch_module_name *module, ch_token_info **out, size_t *count, ch_error *err);

/* Makes a token in the first free slot, or, if `is_erase_allowed`, erases the one of this label and makes it anew. Then
 * sets the user PIN. CH_CONFLICT if a token of that label exists and may not be erased; CH_BAD_INPUT, before anything
 * is touched, for a label or PIN that the token would not take. */
CH_CHECKED ch_status ch_token_init(const ch_module_name *module, const char *label, const ch_secret *so_pin,
                                   const ch_secret *user_pin, bool is_erase_allowed, ch_error *err);
/* Checks what ch_token_init checks that may not erase, and touches nothing. */
CH_CHECKED ch_status ch_token_check_init(const ch_module_name *module, const char *label, const ch_secret *so_pin,
                                         const ch_secret *user_pin, ch_error *err);

/* Logs in as the user; `pin` is NULL if it is typed at the token itself (a pinpad), and the call then takes as long as
 * the person. CH_WRONG_PIN (with CKR_PIN_INCORRECT) counts as a failure on the token: do not try the same PIN
 * again. While somebody is logged in, it logs out first, since the token would not look at the PIN. */
CH_CHECKED ch_status ch_token_login(ch_token *token, const ch_secret *pin, ch_error *err);
/* The PIN can be typed at the token itself. */
bool ch_token_has_pinpad(ch_token *token);
/* CH_OK also if nobody was logged in. */
CH_CHECKED ch_status ch_token_logout(ch_token *token, ch_error *err);
/* CH_REFUSED if the token says that one more wrong PIN locks it. Many tokens do not say. */
CH_CHECKED ch_status ch_token_check_tries(ch_token *token, ch_error *err);

/* Sees to it that nobody is logged in, in a process that has not logged in itself: some devices keep a login, or share
 * it between programs. CH_CONFLICT: one stays; otherwise a failure says that it cannot be seen. */
CH_CHECKED ch_status ch_token_end_kept_login(ch_token *token, ch_error *err);

/* CH_OK if the token offers `mechanism` for signing, or what stands for it; else CH_TOKEN naming token and mechanism.
 */
CH_CHECKED ch_status ch_token_offers(ch_token *token, const ch_mechanism *mechanism, ch_error *err);
/* True if only what stands for it is offered: for RSA, signing a hash that is made here. */
bool ch_token_needs_hash(ch_token *token, const ch_mechanism *mechanism);

/* A session of one's own, for one thread. The handle is valid until ch_session_close or ch_token_close. */
typedef struct ch_session {
    ch_token *token;
    CK_SESSION_HANDLE handle;
    bool is_writable;
} ch_session;

/* The session that keeps the login. It may be used for other things as well, but by one thread at a time. */
ch_session *ch_token_keeper(ch_token *token);

CH_CHECKED ch_status ch_session_open(ch_token *token, bool is_writable, ch_session *out, ch_error *err);
void ch_session_close(ch_session *session);
/* Opens it anew if the token has closed it; a token may do so with one that is idle. The login is not restored. */
CH_CHECKED ch_status ch_session_keep(ch_session *session, ch_error *err);

/* Asks whether the token is still there and, if `is_logged_in`, so is the login: CH_LOCKED if it is not. Cheap enough
 * to be asked every few seconds; `session` is the calling thread's, and is opened anew if the token has closed it. */
CH_CHECKED ch_status ch_token_probe(ch_token *token, ch_session *session, bool is_logged_in, ch_error *err);

/* ---- for other rooms of pkcs11/ only ---- */

CK_FUNCTION_LIST *ch_token_functions(ch_token *token);
CK_SLOT_ID ch_token_slot(ch_token *token);
/* False if another token is in its place, or none that can be asked. */
bool ch_token_is_same(ch_token *token);
/* Closes the session, if it is open, and opens it again. While another session is open, the login stays, and with it
 * the handles of token objects. */
CK_RV ch_session_renew(ch_session *session);
const char *ch_token_label(const ch_token *token);

/* As ch_token_open; `text` stands for the URI in errors. */
CH_CHECKED ch_status ch_token_open_parsed(const ch_module_name *module, P11KitUri *uri, const char *text,
                                          ch_token **out, ch_error *err);

/* What the token in `slot` says of itself; `raw` is the same as the module returned it. */
CH_CHECKED ch_status ch_token_info_read(CK_FUNCTION_LIST *functions, CK_SLOT_ID slot, CK_TOKEN_INFO *raw,
                                        ch_token_info *out, ch_error *err);

#endif
