/* libp11's context is kept from open to close, because unloading it finalises the module for all; our sessions and our
 * login live between the two. */
#include "pkcs11/token.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/printable.h"
#include "pkcs11/ckr.h"
#include "pkcs11/locks.h"
#include "pkcs11/module.h"
#include "pkcs11/uri.h"

#include <dlfcn.h>
#include <libp11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ch_token {
    PKCS11_CTX *context;
    PKCS11_SLOT *slots;
    unsigned slot_count;
    bool is_loaded;
    void *object; /* the module */
    CK_FUNCTION_LIST *functions;
    CK_SLOT_ID slot;
    ch_session keeper; /* holds the login */
    char label[33];
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

/* ---- opening ---- */

/* Before libp11 does, for our locks; it then finds the module initialised already, which is fine with it. */
static ch_status initialise(ch_token *token, const char *path, ch_error *err)
{
    CK_C_GetFunctionList get_list = NULL;
    token->object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (token->object == NULL)
        return ch_fail(err, CH_UNAVAILABLE, "the PKCS#11 module %s can't be loaded: %s", path, dlerror());
    *(void **)&get_list = dlsym(token->object, "C_GetFunctionList");
    if (get_list == NULL)
        return ch_fail(err, CH_CONFIG, "%s is no PKCS#11 module: it has no C_GetFunctionList", path);
    CK_RV rv = get_list(&token->functions);
    if (rv != CKR_OK)
        return ch_ckr_fail(err, rv, "asking the module %s for its function list", path);
    CK_C_INITIALIZE_ARGS how = ch_locks_init_args();
    rv = token->functions->C_Initialize(&how);
    return rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED
               ? CH_OK
               : ch_ckr_fail(err, rv, "initialising the module %s; is its own configuration right", path);
}

static ch_status load_module(ch_token *token, const char *module, ch_error *err)
{
    ch_autofree char *path = NULL;
    ch_status st = ch_module_path(module, &path, err);
    if (st == CH_OK)
        st = initialise(token, path, err);
    if (st != CH_OK)
        return st;
    token->context = PKCS11_CTX_new();
    if (token->context == NULL)
        return ch_fail(err, CH_INTERNAL, "libp11 can't be started");
    token->is_loaded = PKCS11_CTX_load(token->context, path) == 0;
    if (!token->is_loaded)
        return ch_fail(err, CH_UNAVAILABLE, "libp11 can't use the PKCS#11 module %s", path);
    return PKCS11_enumerate_slots(token->context, &token->slots, &token->slot_count) == 0
               ? CH_OK
               : ch_fail(err, CH_UNAVAILABLE, "the slots of module %s can't be listed", path);
}

/* PKCS#11 pads its texts with blanks. */
static void copy_padded(char *out, const CK_UTF8CHAR *padded, size_t size)
{
    while (size > 0 && (padded[size - 1] == ' ' || padded[size - 1] == '\0'))
        size--;
    memcpy(out, padded, size);
    out[size] = '\0';
    ch_make_printable(out);
}

static ch_status read_info(ch_token *token, CK_SLOT_ID slot, CK_TOKEN_INFO *raw, ch_token_info *out, ch_error *err)
{
    CK_RV rv = token->functions->C_GetTokenInfo(slot, raw);
    if (rv != CKR_OK)
        return ch_ckr_fail(err, rv, "reading the token in slot %lu", slot);
    *out = (ch_token_info){.slot_id = slot,
                           .is_initialized = (raw->flags & CKF_TOKEN_INITIALIZED) != 0,
                           .needs_login = (raw->flags & CKF_LOGIN_REQUIRED) != 0,
                           .is_pin_locked = (raw->flags & CKF_USER_PIN_LOCKED) != 0,
                           .is_pin_final_try = (raw->flags & CKF_USER_PIN_FINAL_TRY) != 0,
                           .is_pin_count_low = (raw->flags & CKF_USER_PIN_COUNT_LOW) != 0,
                           .has_user_pin = (raw->flags & CKF_USER_PIN_INITIALIZED) != 0};
    copy_padded(out->label, raw->label, sizeof raw->label);
    copy_padded(out->manufacturer, raw->manufacturerID, sizeof raw->manufacturerID);
    copy_padded(out->model, raw->model, sizeof raw->model);
    copy_padded(out->serial, raw->serialNumber, sizeof raw->serialNumber);
    return CH_OK;
}

static bool has_token(const ch_token *token, unsigned index)
{
    return token->slots[index].token != NULL;
}

static CK_SLOT_ID slot_id(const ch_token *token, unsigned index)
{
    return PKCS11_get_slotid_from_slot(&token->slots[index]);
}

static bool is_match(P11KitUri *uri, CK_TOKEN_INFO *raw, CK_SLOT_ID slot)
{
    CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(uri);
    return p11_kit_uri_match_token_info(uri, raw) == 1 && (wanted == (CK_SLOT_ID)-1 || wanted == slot);
}

static ch_status pick_slot(ch_token *token, const char *text, P11KitUri *uri, ch_error *err)
{
    ch_autobuffer seen = CH_BUFFER_INIT;
    unsigned matches = 0;
    for (unsigned i = 0; i < token->slot_count; i++) {
        CK_TOKEN_INFO raw;
        ch_token_info info;
        if (!has_token(token, i))
            continue;
        if (read_info(token, slot_id(token, i), &raw, &info, err) != CH_OK || !info.is_initialized)
            continue;
        ch_buffer_add_format(&seen, "%s'%s'", seen.size == 0 ? "" : ", ", info.label);
        if (!is_match(uri, &raw, info.slot_id))
            continue;
        matches++;
        token->slot = info.slot_id;
        (void)snprintf(token->label, sizeof token->label, "%s", info.label);
    }
    if (matches == 1)
        return CH_OK;
    if (matches > 1)
        return ch_fail(err, CH_CONFLICT, "'%s' fits %u tokens; add serial= to the URI", text, matches);
    return ch_fail(err, CH_NOT_FOUND, "no token fits '%s'; there are: %s", text,
                   seen.size == 0 ? "none" : ch_buffer_text(&seen));
}

ch_status ch_token_open(const char *module, const char *uri_text, ch_token **out, ch_error *err)
{
    P11KitUri *uri = NULL;
    ch_status st = ch_uri_parse(uri_text, &uri, err);
    if (st != CH_OK)
        return st;
    ch_token *token = ch_alloc(sizeof *token);
    st = load_module(token, module, err);
    if (st == CH_OK)
        st = pick_slot(token, uri_text, uri, err);
    p11_kit_uri_free(uri);
    if (st == CH_OK)
        *out = token;
    else
        ch_token_close(token);
    return st;
}

void ch_token_close(ch_token *token)
{
    if (token == NULL)
        return;
    ch_session_close(&token->keeper);
    if (token->slots != NULL)
        PKCS11_release_all_slots(token->context, token->slots, token->slot_count);
    if (token->is_loaded)
        PKCS11_CTX_unload(token->context);
    if (token->functions != NULL)
        (void)token->functions->C_Finalize(NULL); /* libp11 did so where its instance is ours too */
    if (token->object != NULL)
        (void)dlclose(token->object);
    if (token->context != NULL)
        PKCS11_CTX_free(token->context);
    free(token);
}

void ch_token_close_(ch_token **token)
{
    ch_token_close(*token);
}

/* ---- listing and making ---- */

ch_status ch_token_list(const char *module, ch_token_info **out, size_t *count, ch_error *err)
{
    ch_autotoken token = ch_alloc(sizeof *token);
    ch_status st = load_module(token, module, err);
    if (st != CH_OK)
        return st;
    ch_token_info *list = ch_alloc((token->slot_count + 1) * sizeof *list);
    *count = 0;
    for (unsigned i = 0; st == CH_OK && i < token->slot_count; i++) {
        CK_TOKEN_INFO raw;
        if (has_token(token, i))
            st = read_info(token, slot_id(token, i), &raw, &list[(*count)++], err);
    }
    if (st == CH_OK)
        *out = list;
    else
        free(list);
    return st;
}

static ch_status choose_to_init(ch_token *token, const char *label, bool is_erase_allowed, unsigned same, bool has_free,
                                ch_error *err)
{
    if (same > 1)
        return ch_fail(err, CH_CONFLICT, "%u tokens are labelled '%s'; erase the right one with the module's own tool",
                       same, label);
    if (same == 1 && !is_erase_allowed)
        return ch_fail(err, CH_CONFLICT, "a token '%s' exists; --erase would destroy it and all its keys", label);
    if (same == 0 && !has_free)
        return ch_fail(err, CH_NOT_FOUND, "the module has no free slot for a new token");
    (void)snprintf(token->label, sizeof token->label, "%s", label);
    return CH_OK;
}

static ch_status pick_slot_to_init(ch_token *token, const char *label, bool is_erase_allowed, ch_error *err)
{
    unsigned same = 0;
    bool has_free = false;
    for (unsigned i = 0; i < token->slot_count; i++) {
        CK_TOKEN_INFO raw;
        ch_token_info info = {.slot_id = 0};
        if (!has_token(token, i))
            continue;
        ch_status st = read_info(token, slot_id(token, i), &raw, &info, err);
        if (st != CH_OK)
            return st;
        bool is_same = info.is_initialized && strcmp(info.label, label) == 0;
        if (is_same || (!info.is_initialized && !has_free && same == 0))
            token->slot = info.slot_id;
        same += is_same;
        has_free = has_free || !info.is_initialized;
    }
    return choose_to_init(token, label, is_erase_allowed, same, has_free, err);
}

/* Asked before the token is touched: one that is erased, or made with no user PIN, helps nobody. */
static ch_status check_pin_sizes(ch_token *token, const ch_secret *so_pin, const ch_secret *user_pin, ch_error *err)
{
    CK_TOKEN_INFO raw;
    ch_token_info info;
    ch_status st = read_info(token, token->slot, &raw, &info, err);
    if (st != CH_OK)
        return st;
    const ch_secret *const pins[] = {so_pin, user_pin};
    for (size_t i = 0; i < 2; i++) {
        if (pins[i]->size < raw.ulMinPinLen || (raw.ulMaxPinLen != 0 && pins[i]->size > raw.ulMaxPinLen))
            return ch_fail(err, CH_BAD_INPUT, "the %s PIN must have %lu to %lu characters on this token",
                           i == 0 ? "security officer's" : "user", raw.ulMinPinLen, raw.ulMaxPinLen);
    }
    return CH_OK;
}

/* SoftHSM2 moves a token to another slot when it is initialised, so the user PIN is set in a second look. */
static ch_status init_slot(ch_token *token, const char *label, const ch_secret *so_pin, ch_error *err)
{
    CK_UTF8CHAR padded[32];
    memset(padded, ' ', sizeof padded);
    memcpy(padded, label, strlen(label));
    CK_RV rv = token->functions->C_InitToken(token->slot, so_pin->data, so_pin->size, padded);
    return rv == CKR_OK ? CH_OK : ch_ckr_fail(err, rv, "C_InitToken for token '%s'", label);
}

static ch_status set_user_pin(ch_token *token, const ch_secret *so_pin, const ch_secret *user_pin, ch_error *err)
{
    ch_session session;
    ch_status st = ch_session_open(token, true, &session, err);
    if (st != CH_OK)
        return st;
    CK_RV rv = token->functions->C_Login(session.handle, CKU_SO, so_pin->data, so_pin->size);
    if (rv != CKR_OK)
        st = ch_ckr_fail(err, rv, "logging in as security officer of token '%s'", token->label);
    if (st == CH_OK) {
        rv = token->functions->C_InitPIN(session.handle, user_pin->data, user_pin->size);
        if (rv != CKR_OK)
            st = ch_ckr_fail(err, rv, "setting the user PIN of token '%s'", token->label);
        (void)token->functions->C_Logout(session.handle);
    }
    ch_session_close(&session);
    return st;
}

ch_status ch_token_init(const char *module, const char *label, const ch_secret *so_pin, const ch_secret *user_pin,
                        bool is_erase_allowed, ch_error *err)
{
    size_t size = strlen(label);
    if (size == 0 || size > 32 || label[size - 1] == ' ' || !ch_slice_is_text(ch_slice_of(label)))
        return ch_fail(err, CH_BAD_INPUT, "a token's label is 1 to 32 bytes of text that does not end in a blank");
    {
        ch_autotoken token = ch_alloc(sizeof *token);
        ch_status st = load_module(token, module, err);
        if (st == CH_OK)
            st = pick_slot_to_init(token, label, is_erase_allowed, err);
        if (st == CH_OK)
            st = check_pin_sizes(token, so_pin, user_pin, err);
        if (st == CH_OK)
            st = init_slot(token, label, so_pin, err);
        if (st != CH_OK)
            return st;
    }
    P11KitUri *uri = p11_kit_uri_new();
    CK_TOKEN_INFO *wanted = p11_kit_uri_get_token_info(uri);
    memset(wanted->label, ' ', sizeof wanted->label);
    memcpy(wanted->label, label, size);
    ch_autotoken token = ch_alloc(sizeof *token);
    ch_status st = load_module(token, module, err);
    if (st == CH_OK)
        st = pick_slot(token, label, uri, err);
    p11_kit_uri_free(uri);
    return st == CH_OK ? set_user_pin(token, so_pin, user_pin, err) : st;
}

/* ---- state ---- */

ch_status ch_token_info_get(ch_token *token, ch_token_info *out, ch_error *err)
{
    CK_TOKEN_INFO raw;
    return read_info(token, token->slot, &raw, out, err);
}

ch_status ch_token_ping(ch_token *token, ch_error *err)
{
    ch_token_info ignored;
    return ch_token_info_get(token, &ignored, err);
}

/* A login belongs to the token and ends with this process's last session on it, so one is kept for it. */
static ch_status keep_session(ch_token *token, ch_error *err)
{
    CK_SESSION_INFO info;
    CK_SESSION_HANDLE handle = token->keeper.handle;
    if (handle != CK_INVALID_HANDLE && token->functions->C_GetSessionInfo(handle, &info) == CKR_OK)
        return CH_OK;
    return ch_session_open(token, false, &token->keeper, err);
}

ch_status ch_token_login(ch_token *token, const ch_secret *pin, ch_error *err)
{
    ch_status st = keep_session(token, err);
    if (st != CH_OK)
        return st;
    CK_RV rv = token->functions->C_Login(token->keeper.handle, CKU_USER, pin->data, pin->size);
    if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
        return CH_OK;
    return ch_ckr_fail(err, rv, "logging in to token '%s'", token->label);
}

ch_status ch_token_logout(ch_token *token, ch_error *err)
{
    ch_status st = keep_session(token, err);
    if (st != CH_OK)
        return st;
    CK_RV rv = token->functions->C_Logout(token->keeper.handle);
    if (rv == CKR_OK || rv == CKR_USER_NOT_LOGGED_IN)
        return CH_OK;
    return ch_ckr_fail(err, rv, "logging out of token '%s'", token->label);
}

ch_status ch_token_offers(ch_token *token, const ch_mechanism *mechanism, ch_error *err)
{
    CK_MECHANISM_INFO info;
    CK_RV rv = token->functions->C_GetMechanismInfo(token->slot, mechanism->sign, &info);
    if (rv == CKR_OK && (info.flags & CKF_SIGN) != 0)
        return CH_OK;
    if (rv != CKR_OK && rv != CKR_MECHANISM_INVALID)
        return ch_ckr_fail(err, rv, "asking token '%s' for %s", token->label, mechanism->name);
    return ch_fail_rule(err, CH_TOKEN, "CKR_MECHANISM_INVALID",
                        "token '%s' does not offer %s; choose another scheme of "
                        "the exchange, or another token",
                        token->label, mechanism->name);
}

/* ---- sessions ---- */

ch_status ch_session_open(ch_token *token, bool is_writable, ch_session *out, ch_error *err)
{
    CK_FLAGS flags = CKF_SERIAL_SESSION | (is_writable ? CKF_RW_SESSION : 0);
    *out = (ch_session){.token = token, .handle = CK_INVALID_HANDLE};
    CK_RV rv = token->functions->C_OpenSession(token->slot, flags, NULL, NULL, &out->handle);
    return rv == CKR_OK ? CH_OK : ch_ckr_fail(err, rv, "opening a session on token '%s'", token->label);
}

void ch_session_close(ch_session *session)
{
    if (session->handle != CK_INVALID_HANDLE)
        (void)session->token->functions->C_CloseSession(session->handle);
    session->handle = CK_INVALID_HANDLE;
}
