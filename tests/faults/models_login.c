/* PINs and logins. */
#include "tests/faults/control.h"
#include "tests/faults/models.h"
#include "tests/faults/sessions.h"
#include "tests/faults/shared.h"

#include <stdatomic.h>

static atomic_bool has_lost_login;
static atomic_bool is_in;    /* this process, as far as the login is shared */
static atomic_uint user_pin; /* the number of the PIN that was right, for logins of single signatures */

bool models_has_lost_login(void)
{
    return has_lost_login;
}

void models_log_out(CK_SESSION_HANDLE session)
{
    real->C_Logout(session);
    has_lost_login = true;
}

void models_share_login(CK_SESSION_HANDLE session)
{
    CK_BYTE pin[SHARED_PIN_SIZE];
    CK_ULONG size;
    if (!control_model("@shared-login", NULL))
        return;
    bool is_shared = shared_login(pin, &size);
    if (is_shared && !is_in)
        real->C_Login(session, CKU_USER, pin, size);
    else if (!is_shared && is_in)
        real->C_Logout(session);
    is_in = is_shared;
}

/* ---- C_Login ---- */

/* As a card does it: the try is counted before the PIN is looked at. */
static CK_RV try_pin(CK_SESSION_HANDLE session, CK_BYTE *pin, CK_ULONG size)
{
    unsigned long most = control_value("@pinmax", 0);
    unsigned wrong = shared_wrong_pins();
    if (most != 0 && wrong >= most)
        return CKR_PIN_LOCKED;
    if (control_model("@swap", NULL))
        return CKR_PIN_INCORRECT;
    shared_set_wrong_pins(wrong + 1);
    CK_RV rv = real->C_Login(session, CKU_USER, pin, size);
    if (rv != CKR_PIN_INCORRECT)
        shared_set_wrong_pins(rv == CKR_OK ? 0 : wrong);
    return rv == CKR_PIN_INCORRECT && wrong + 1 == most ? CKR_PIN_LOCKED : rv;
}

static CK_RV log_in_user(CK_SESSION_HANDLE session, CK_BYTE *pin, CK_ULONG size)
{
    bool is_shared = control_model("@shared-login", NULL);
    if (is_shared && is_in)
        return CKR_USER_ALREADY_LOGGED_IN;
    CK_RV rv = try_pin(session, pin, size);
    if (rv != CKR_OK)
        return rv;
    has_lost_login = false;
    user_pin = pin == NULL ? 0 : shared_pin_number(pin, size);
    if (is_shared) {
        shared_set_login(pin, size);
        is_in = true;
    }
    return rv;
}

/* For the session's next signature (CKA_ALWAYS_AUTHENTICATE). */
static CK_RV log_in_signature(CK_SESSION_HANDLE session, const CK_BYTE *pin, CK_ULONG size)
{
    if (pin == NULL || shared_pin_number(pin, size) != user_pin)
        return CKR_PIN_INCORRECT;
    session_set_allowed(session, true);
    return CKR_OK;
}

static CK_RV log_in(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG size)
{
    if (user == CKU_USER)
        return log_in_user(session, pin, size);
    if (user == CKU_CONTEXT_SPECIFIC && control_model("@always-auth", NULL))
        return log_in_signature(session, pin, size);
    return real->C_Login(session, user, pin, size);
}

static CK_RV log_out(CK_SESSION_HANDLE session)
{
    CK_RV rv = real->C_Logout(session);
    if (rv == CKR_OK && control_model("@shared-login", NULL)) {
        shared_end_login();
        is_in = false;
    }
    return rv;
}

void models_add_login(void)
{
    device.C_Login = log_in;
    device.C_Logout = log_out;
}
