#include "pkcs11/ckr.h"
#include "pkcs11/token.h"

#include <string.h>

/* PKCS#11 pads its texts with spaces. `out` has room for one byte more. */
static void copy_padded(char *out, const CK_UTF8CHAR *padded, size_t size)
{
    while (size > 0 && (padded[size - 1] == ' ' || padded[size - 1] == '\0'))
        size--;
    memcpy(out, padded, size);
    out[size] = '\0';
}

ch_status ch_token_info_read(CK_FUNCTION_LIST *functions, CK_SLOT_ID slot, CK_TOKEN_INFO *raw, ch_token_info *out,
                             ch_error *err)
{
    CK_RV rv = functions->C_GetTokenInfo(slot, raw);
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
