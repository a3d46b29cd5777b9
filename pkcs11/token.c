/* A login belongs to the token and ends with this process's last session on it, so one session is kept for it: the
 * keeper. */
#include "pkcs11/token.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "pkcs11/ckr.h"
#include "pkcs11/module.h"
#include "pkcs11/uri.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ch_token {
    ch_module *module;
    CK_FUNCTION_LIST *functions;
    CK_SLOT_ID slot;
    ch_session keeper;
    char label[33];
    CK_UTF8CHAR serial[16];
};

CK_FUNCTION_LIST *ch_token_functions(ch_token *token)
{
    return token->functions;
}

CK_SLOT_ID ch_token_slot(ch_token *token)
{
    return token->slot;
}

const char *ch_token_label(const ch_token *token)
{
    return token->label;
}

ch_session *ch_token_keeper(ch_token *token)
{
    return &token->keeper;
}

/* ---- opening ---- */

static bool is_match(P11KitUri *uri, CK_TOKEN_INFO *raw, CK_SLOT_ID slot)
{
    CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(uri);
    return p11_kit_uri_match_token_info(uri, raw) == 1 && (wanted == (CK_SLOT_ID)-1 || wanted == slot);
}

static void take_slot(ch_token *token, const CK_TOKEN_INFO *raw, const ch_token_info *info)
{
    token->slot = info->slot_id;
    memcpy(token->serial, raw->serialNumber, sizeof token->serial);
    snprintf(token->label, sizeof token->label, "%s", info->label);
}

/* What was found while the slots were looked through. */
typedef struct search {
    P11KitUri *uri;
    unsigned matches;
    ch_buffer seen;      /* the labels of all tokens, for people */
    ch_error unreadable; /* a token that can't be read is passed over: it may not be the one that is asked for */
} search;

static void look_at(ch_token *token, CK_SLOT_ID slot, search *self)
{
    CK_TOKEN_INFO raw;
    ch_token_info info;
    if (ch_token_info_read(token->functions, slot, &raw, &info, &self->unreadable) != CH_OK || !info.is_initialized)
        return;
    ch_buffer_add_format(&self->seen, "%s'%s'", self->seen.size == 0 ? "" : ", ", info.label);
    if (!is_match(self->uri, &raw, slot))
        return;
    self->matches++;
    take_slot(token, &raw, &info);
}

static ch_status judge(search *found, const char *text, ch_error *err)
{
    const char *seen = found->seen.size == 0 ? "none" : ch_buffer_text(&found->seen);
    if (found->matches > 1)
        return ch_fail(err, CH_CONFLICT, "'%s' fits %u tokens; add serial= to the URI", text, found->matches);
    if (found->matches == 1)
        return CH_OK;
    if (found->unreadable.status == CH_OK)
        return ch_fail(err, CH_NOT_FOUND, "no token fits '%s'; there are: %s", text, seen);
    return ch_fail_rule(err, found->unreadable.status, found->unreadable.rule,
                        "no token that can be read fits '%s'; there are: %s; and %s", text, seen,
                        found->unreadable.message);
}

static ch_status pick_slot(ch_token *token, P11KitUri *uri, const char *text, ch_error *err)
{
    search found = {.uri = uri, .seen = CH_BUFFER_INIT, .unreadable = CH_ERROR_INIT};
    for (size_t i = 0; i < ch_module_slot_count(token->module); i++)
        look_at(token, ch_module_slot(token->module, i), &found);
    ch_status st = judge(&found, text, err);
    ch_buffer_free(&found.seen);
    return st;
}

ch_status ch_token_open_parsed(const ch_module_name *module, P11KitUri *uri, const char *text, ch_token **out,
                               ch_error *err)
{
    ch_autotoken token = ch_alloc(sizeof *token);
    token->keeper = (ch_session){.token = token, .handle = CK_INVALID_HANDLE};
    CH_TRY(ch_module_load(module, &token->module, err));
    token->functions = ch_module_functions(token->module);
    CH_TRY(pick_slot(token, uri, text, err));
    *out = token;
    token = NULL;
    return CH_OK;
}

ch_status ch_token_open(const ch_module_name *module, const char *uri_text, ch_token **out, ch_error *err)
{
    P11KitUri *uri = NULL;
    CH_TRY(ch_uri_parse(uri_text, &uri, err));
    ch_status st = ch_token_open_parsed(module, uri, uri_text, out, err);
    p11_kit_uri_free(uri);
    return st;
}

void ch_token_close(ch_token *token)
{
    if (token == NULL)
        return;
    ch_session_close(&token->keeper);
    ch_module_unload(token->module);
    free(token);
}

void ch_token_close_(ch_token **token)
{
    ch_token_close(*token);
}

/* ---- login ---- */

static bool has_flag(ch_token *token, CK_FLAGS flag)
{
    CK_TOKEN_INFO raw;
    return token->functions->C_GetTokenInfo(token->slot, &raw) == CKR_OK && (raw.flags & flag) != 0;
}

bool ch_token_has_pinpad(ch_token *token)
{
    return has_flag(token, CKF_PROTECTED_AUTHENTICATION_PATH);
}

ch_status ch_token_login(ch_token *token, const ch_secret *pin, ch_error *err)
{
    if (pin == NULL && !ch_token_has_pinpad(token))
        return ch_fail(err, CH_BAD_INPUT, "token '%s' has no pad for its PIN; it must be passed", token->label);
    CH_TRY(ch_session_keep(&token->keeper, err));
    CK_UTF8CHAR *bytes = pin == NULL ? NULL : pin->data;
    CK_ULONG size = pin == NULL ? 0 : pin->size;
    CK_RV rv = token->functions->C_Login(token->keeper.handle, CKU_USER, bytes, size);
    if (rv == CKR_USER_ALREADY_LOGGED_IN) {
        /* A logout that failed, or another program where logins are shared. It says nothing of this PIN. */
        token->functions->C_Logout(token->keeper.handle);
        rv = token->functions->C_Login(token->keeper.handle, CKU_USER, bytes, size);
    }
    if (rv == CKR_OK)
        return CH_OK;
    return ch_ckr_fail(err, rv, "logging in to token '%s'", token->label);
}

ch_status ch_token_check_tries(ch_token *token, ch_error *err)
{
    if (!has_flag(token, CKF_USER_PIN_FINAL_TRY))
        return CH_OK;
    return ch_fail_rule(err, CH_REFUSED, "CKF_USER_PIN_FINAL_TRY",
                        "token '%s' has one try left before it locks its PIN; make sure of the PIN, then: chancery "
                        "unlock --last-try TOKEN",
                        token->label);
}

ch_status ch_token_logout(ch_token *token, ch_error *err)
{
    CH_TRY(ch_session_keep(&token->keeper, err));
    CK_RV rv = token->functions->C_Logout(token->keeper.handle);
    if (rv == CKR_OK || rv == CKR_USER_NOT_LOGGED_IN)
        return CH_OK;
    return ch_ckr_fail(err, rv, "logging out of token '%s'", token->label);
}

static bool is_users(const CK_SESSION_INFO *info)
{
    return info->state == CKS_RO_USER_FUNCTIONS || info->state == CKS_RW_USER_FUNCTIONS;
}

ch_status ch_token_end_kept_login(ch_token *token, ch_error *err)
{
    CK_SESSION_INFO info;
    CK_FUNCTION_LIST *functions = token->functions;
    CH_TRY(ch_session_keep(&token->keeper, err));
    CK_RV rv = functions->C_GetSessionInfo(token->keeper.handle, &info);
    if (rv == CKR_OK && !is_users(&info))
        return CH_OK;
    CK_RV logout = functions->C_Logout(token->keeper.handle);
    rv = functions->C_GetSessionInfo(token->keeper.handle, &info);
    if (rv != CKR_OK)
        return ch_ckr_fail(err, rv, "looking whether token '%s' is locked", token->label);
    if (!is_users(&info))
        return CH_OK;
    ch_ckr_fail(err, logout, "logging out of token '%s'", token->label);
    return err->status = CH_CONFLICT;
}

/* ---- what it can do ---- */

static CK_RV ask_for(ch_token *token, CK_MECHANISM_TYPE type)
{
    CK_MECHANISM_INFO info;
    CK_RV rv = token->functions->C_GetMechanismInfo(token->slot, type, &info);
    return rv == CKR_OK && (info.flags & CKF_SIGN) == 0 ? CKR_MECHANISM_INVALID : rv;
}

bool ch_token_needs_hash(ch_token *token, const ch_mechanism *mechanism)
{
    return mechanism->key_type == CKK_RSA && ask_for(token, mechanism->sign) != CKR_OK &&
           ask_for(token, CKM_RSA_PKCS) == CKR_OK;
}

ch_status ch_token_offers(ch_token *token, const ch_mechanism *mechanism, ch_error *err)
{
    CK_RV rv = ask_for(token, mechanism->sign);
    if (rv == CKR_OK || (rv == CKR_MECHANISM_INVALID && ch_token_needs_hash(token, mechanism)))
        return CH_OK;
    if (rv != CKR_MECHANISM_INVALID)
        return ch_ckr_fail(err, rv, "asking token '%s' for %s", token->label, mechanism->name);
    return ch_fail_rule(err, CH_TOKEN, "CKR_MECHANISM_INVALID",
                        "token '%s' does not offer %s; choose another scheme of the exchange, or another token",
                        token->label, mechanism->name);
}

/* ---- sessions ---- */

CK_RV ch_session_renew(ch_session *session)
{
    ch_token *token = session->token;
    CK_FLAGS flags = CKF_SERIAL_SESSION | (session->is_writable ? CKF_RW_SESSION : 0);
    ch_session_close(session);
    return token->functions->C_OpenSession(token->slot, flags, NULL, NULL, &session->handle);
}

ch_status ch_session_open(ch_token *token, bool is_writable, ch_session *out, ch_error *err)
{
    *out = (ch_session){.token = token, .handle = CK_INVALID_HANDLE, .is_writable = is_writable};
    CK_RV rv = ch_session_renew(out);
    return rv == CKR_OK ? CH_OK : ch_ckr_fail(err, rv, "opening a session on token '%s'", token->label);
}

void ch_session_close(ch_session *session)
{
    if (session->handle == CK_INVALID_HANDLE)
        return;
    assert(session->token != NULL);
    session->token->functions->C_CloseSession(session->handle);
    session->handle = CK_INVALID_HANDLE;
}

ch_status ch_session_keep(ch_session *session, ch_error *err)
{
    CK_SESSION_INFO info;
    CK_FUNCTION_LIST *functions = session->token->functions;
    if (session->handle != CK_INVALID_HANDLE && functions->C_GetSessionInfo(session->handle, &info) == CKR_OK)
        return CH_OK;
    return ch_session_open(session->token, session->is_writable, session, err);
}

/* ---- how it is ---- */

/* Is it still this token that is in the slot? */
static ch_status check_place(ch_token *token, ch_error *err)
{
    CK_TOKEN_INFO raw;
    CK_RV rv = token->functions->C_GetTokenInfo(token->slot, &raw);
    if (rv != CKR_OK)
        return ch_ckr_fail(err, rv, "looking for token '%s'", token->label);
    if (memcmp(raw.serialNumber, token->serial, sizeof token->serial) != 0)
        return ch_fail(err, CH_UNAVAILABLE, "another token is in the place of '%s'", token->label);
    return CH_OK;
}

bool ch_token_is_same(ch_token *token)
{
    ch_error ignored = CH_ERROR_INIT;
    return check_place(token, &ignored) == CH_OK;
}

ch_status ch_token_probe(ch_token *token, ch_session *session, bool is_logged_in, ch_error *err)
{
    CK_SESSION_INFO info;
    CH_TRY(check_place(token, err));
    /* With the last session that the token closes, the login ends; only an open one shows it. */
    CH_TRY(ch_session_keep(session, err));
    CK_RV rv = token->functions->C_GetSessionInfo(session->handle, &info);
    if (!is_logged_in || rv != CKR_OK || is_users(&info))
        return CH_OK;
    return ch_ckr_fail(err, CKR_USER_NOT_LOGGED_IN, "looking for the login to token '%s'", token->label);
}
