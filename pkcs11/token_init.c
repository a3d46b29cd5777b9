/* Labels and PINs are checked before the token is touched: a token that is erased, or made without a user PIN, helps
 * nobody. */
#include "base/memory.h"
#include "pkcs11/ckr.h"
#include "pkcs11/module.h"
#include "pkcs11/token.h"
#include "pkcs11/vendor.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_MAX 32

/* ---- listing ---- */

/* A slot that can't be read is passed over, so that it does not hide the others; but if it is all there is, that is the
 * outcome. `list` has room for every slot. */
static ch_status read_all(const ch_module *module, ch_token_info *list, size_t *count, ch_error *err)
{
    ch_error unreadable = CH_ERROR_INIT;
    *count = 0;
    for (size_t i = 0; i < ch_module_slot_count(module); i++) {
        CK_TOKEN_INFO raw;
        CK_SLOT_ID slot = ch_module_slot(module, i);
        *count += ch_token_info_read(ch_module_functions(module), slot, &raw, &list[*count], &unreadable) == CH_OK;
    }
    if (*count == 0 && unreadable.status != CH_OK)
        *err = unreadable;
    return *count == 0 ? unreadable.status : CH_OK;
}

static ch_token_info *room_for_all(const ch_module *module)
{
    return ch_alloc((ch_module_slot_count(module) + 1) * sizeof(ch_token_info));
}

ch_status ch_token_list(const ch_module_name *name, ch_token_info **out, size_t *count, ch_error *err)
{
    ch_automodule module = NULL;
    CH_TRY(ch_module_load(name, &module, err));
    ch_autofree ch_token_info *list = room_for_all(module);
    CH_TRY(read_all(module, list, count, err));
    *out = list;
    list = NULL;
    return CH_OK;
}

/* ---- the slot for a new token ---- */

typedef struct choice {
    unsigned same; /* tokens of the label */
    bool has_free; /* an empty slot */
    CK_SLOT_ID slot;
} choice;

static void consider(choice *chosen, const ch_token_info *info, const char *label)
{
    bool is_same = info->is_initialized && strcmp(info->label, label) == 0;
    bool is_first_free = !info->is_initialized && !chosen->has_free;
    if (is_same || (is_first_free && chosen->same == 0))
        chosen->slot = info->slot_id;
    chosen->same += is_same;
    chosen->has_free = chosen->has_free || !info->is_initialized;
}

static ch_status check_choice(const ch_module *module, const choice *chosen, const char *label, bool is_erase_allowed,
                              ch_error *err)
{
    if (chosen->same > 1)
        return ch_fail(err, CH_CONFLICT, "%u tokens are labelled '%s'; erase the right one with the module's own tool",
                       chosen->same, label);
    if (chosen->same == 1 && !is_erase_allowed)
        return ch_fail(err, CH_CONFLICT, "a token '%s' exists; --erase would destroy it and all its keys", label);
    if (chosen->same == 0 && !chosen->has_free)
        return ch_fail(
            err, CH_NOT_FOUND,
            "the module has no free slot for a new token, and no token '%s'; if its tokens are made or set up "
            "elsewhere, use %s ('chancery token list' shows them)",
            label, ch_vendor_token_tool(ch_module_functions(module)));
    return CH_OK;
}

static ch_status choose_slot(const ch_module *module, const char *label, bool is_erase_allowed, CK_SLOT_ID *slot,
                             ch_error *err)
{
    choice chosen = {.same = 0};
    size_t count = 0;
    ch_autofree ch_token_info *list = room_for_all(module);
    CH_TRY(read_all(module, list, &count, err));
    for (size_t i = 0; i < count; i++)
        consider(&chosen, &list[i], label);
    *slot = chosen.slot;
    return check_choice(module, &chosen, label, is_erase_allowed, err);
}

/* ---- making it ---- */

static ch_status check_label(const char *label, ch_error *err)
{
    size_t size = strlen(label);
    if (size == 0 || size > LABEL_MAX || label[size - 1] == ' ' || !ch_slice_is_text(ch_slice_of(label)))
        return ch_fail(err, CH_BAD_INPUT, "a token's label is 1 to %d bytes of text that does not end in a space",
                       LABEL_MAX);
    return CH_OK;
}

static ch_status check_pin_size(const ch_secret *pin, const char *whose, const CK_TOKEN_INFO *limits, ch_error *err)
{
    if (pin->size < limits->ulMinPinLen || (limits->ulMaxPinLen != 0 && pin->size > limits->ulMaxPinLen))
        return ch_fail(err, CH_BAD_INPUT, "the %s PIN must have %lu to %lu characters on this token", whose,
                       limits->ulMinPinLen, limits->ulMaxPinLen);
    return CH_OK;
}

static ch_status check_pin_sizes(const ch_module *module, CK_SLOT_ID slot, const ch_secret *so_pin,
                                 const ch_secret *user_pin, ch_error *err)
{
    CK_TOKEN_INFO limits;
    ch_token_info info;
    CH_TRY(ch_token_info_read(ch_module_functions(module), slot, &limits, &info, err));
    CH_TRY(check_pin_size(so_pin, "security officer's", &limits, err));
    return check_pin_size(user_pin, "user", &limits, err);
}

ch_status ch_token_check_init(const ch_module_name *name, const char *label, const ch_secret *so_pin,
                              const ch_secret *user_pin, ch_error *err)
{
    ch_automodule module = NULL;
    CK_SLOT_ID slot = 0;
    CH_TRY(check_label(label, err));
    CH_TRY(ch_module_load(name, &module, err));
    CH_TRY(choose_slot(module, label, false, &slot, err));
    return check_pin_sizes(module, slot, so_pin, user_pin, err);
}

static void pad_label(CK_UTF8CHAR padded[static LABEL_MAX], const char *label)
{
    memset(padded, ' ', LABEL_MAX);
    memcpy(padded, label, strlen(label));
}

static ch_status make_token(const ch_module_name *name, const char *label, const ch_secret *so_pin,
                            const ch_secret *user_pin, bool is_erase_allowed, ch_error *err)
{
    ch_automodule module = NULL;
    CK_SLOT_ID slot = 0;
    CK_UTF8CHAR padded[LABEL_MAX];
    CH_TRY(ch_module_load(name, &module, err));
    CH_TRY(choose_slot(module, label, is_erase_allowed, &slot, err));
    CH_TRY(check_pin_sizes(module, slot, so_pin, user_pin, err));
    pad_label(padded, label);
    CK_RV rv = ch_module_functions(module)->C_InitToken(slot, so_pin->data, so_pin->size, padded);
    if (rv == CKR_FUNCTION_NOT_SUPPORTED)
        return ch_fail_rule(err, CH_TOKEN, "CKR_FUNCTION_NOT_SUPPORTED",
                            "this module makes and erases no tokens; set up token '%s' and its PIN with %s", label,
                            ch_vendor_token_tool(ch_module_functions(module)));
    return rv == CKR_OK ? CH_OK : ch_ckr_fail(err, rv, "C_InitToken for token '%s'", label);
}

/* The URI is made, not parsed: a label may hold what a URI must not. */
static ch_status open_token(const ch_module_name *name, const char *label, ch_token **out, ch_error *err)
{
    P11KitUri *uri = p11_kit_uri_new();
    pad_label(p11_kit_uri_get_token_info(uri)->label, label);
    ch_status st = ch_token_open_parsed(name, uri, label, out, err);
    p11_kit_uri_free(uri);
    return st;
}

static ch_status init_pin(ch_session *session, const ch_secret *so_pin, const ch_secret *user_pin, ch_error *err)
{
    CK_FUNCTION_LIST *functions = ch_token_functions(session->token);
    const char *label = ch_token_label(session->token);
    CK_RV rv = functions->C_Login(session->handle, CKU_SO, so_pin->data, so_pin->size);
    if (rv != CKR_OK)
        return ch_ckr_fail(err, rv, "logging in as security officer of token '%s'", label);
    rv = functions->C_InitPIN(session->handle, user_pin->data, user_pin->size);
    functions->C_Logout(session->handle);
    return rv == CKR_OK ? CH_OK : ch_ckr_fail(err, rv, "setting the user PIN of token '%s'", label);
}

ch_status ch_token_init(const ch_module_name *name, const char *label, const ch_secret *so_pin,
                        const ch_secret *user_pin, bool is_erase_allowed, ch_error *err)
{
    ch_autotoken token = NULL;
    ch_session session;
    CH_TRY(check_label(label, err));
    CH_TRY(make_token(name, label, so_pin, user_pin, is_erase_allowed, err));
    /* SoftHSM2 moves a token to another slot when it is initialised, so it is looked for again. */
    CH_TRY(open_token(name, label, &token, err));
    CH_TRY(ch_session_open(token, true, &session, err));
    ch_status st = init_pin(&session, so_pin, user_pin, err);
    ch_session_close(&session);
    return st;
}
