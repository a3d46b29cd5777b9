/* One token of one PKCS#11 module: opened, logged in, asked to sign.
 *
 * Who owns the module. It is loaded and initialised here, with our locks (pkcs11/locks.h); an application that has done
 * so before stays its owner in nothing but the kind of locks. libp11 then loads the same object (PKCS11_CTX_load),
 * takes CKR_CRYPTOKI_ALREADY_INITIALIZED for success, and finds slots and tokens; all else (sessions, login, objects,
 * signing) goes through the function list. p11-kit's client gives each of the two an instance of its own, so each is
 * initialised by whoever has it. ch_token_close finalises last of all. One ch_token a process at a time.
 *
 * Why login is ours: libp11 0.4.12 keeps a plain copy of the PIN in its slot for a later re-login; C_Login does not.
 *
 * Threads: ch_key_sign may be called from many threads, each with its own ch_session. All else from one thread, and no
 * login or logout while others sign. The module is told that there are threads, and guards its own state, or refuses to
 * be initialised with CKR_CANT_LOCK; we take no lock around C_Sign.
 *
 * Texts that come from a token (labels, serial numbers) are made printable, '?' for what is not. */
#ifndef CH_PKCS11_TOKEN_H
#define CH_PKCS11_TOKEN_H

#include "base/secret.h"
#include "pkcs11/mechanism.h"

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

/* Opens `module` (a path, or a p11-kit name such as "softhsm2") and the one token that the RFC 7512 `uri` names.
 * CH_NOT_FOUND names the tokens that are there; CH_CONFLICT when the URI fits more than one. Close with
 * ch_token_close. A pin-value or pin-source in the URI is refused. */
CH_CHECKED ch_status ch_token_open(const char *module, const char *uri, ch_token **out, ch_error *err);
void ch_token_close(ch_token *token);
#define ch_autotoken __attribute__((cleanup(ch_token_close_))) ch_token *
void ch_token_close_(ch_token **token);

/* Lists the tokens of `module` (also empty slots that can be initialised). The caller frees `*out` with free(). */
CH_CHECKED ch_status ch_token_list(const char *module, ch_token_info **out, size_t *count, ch_error *err);

/* Makes a token in the first free slot, or erases and makes anew the one labelled so when `is_erase_allowed`.
 * Afterwards the user PIN is set. CH_CONFLICT when a token of that label exists and may not be erased. */
CH_CHECKED ch_status ch_token_init(const char *module, const char *label, const ch_secret *so_pin,
                                   const ch_secret *user_pin, bool is_erase_allowed, ch_error *err);

CH_CHECKED ch_status ch_token_info_get(ch_token *token, ch_token_info *out, ch_error *err);

/* Logs in as the user. CH_WRONG_PIN (with CKR_PIN_INCORRECT) counts as a failure on the token: the caller does not
 * try the same PIN again. Already logged in is CH_OK. */
CH_CHECKED ch_status ch_token_login(ch_token *token, const ch_secret *pin, ch_error *err);
CH_CHECKED ch_status ch_token_logout(ch_token *token, ch_error *err);

/* CH_OK if the token is there and answers; cheap enough to be asked every few seconds. */
CH_CHECKED ch_status ch_token_ping(ch_token *token, ch_error *err);

/* CH_OK if the token offers `mechanism` for signing; else CH_TOKEN naming token and mechanism. */
CH_CHECKED ch_status ch_token_offers(ch_token *token, const ch_mechanism *mechanism, ch_error *err);

/* A session of one's own, for one thread. The handle dies with ch_session_close or the token. */
typedef struct ch_session {
    ch_token *token;
    CK_SESSION_HANDLE handle;
} ch_session;

CH_CHECKED ch_status ch_session_open(ch_token *token, bool is_writable, ch_session *out, ch_error *err);
void ch_session_close(ch_session *session);

/* For other rooms of pkcs11/ only. */
CK_FUNCTION_LIST *ch_token_functions(ch_token *token);
CK_SLOT_ID ch_token_slot(ch_token *token);
const char *ch_token_label(const ch_token *token);

#endif
