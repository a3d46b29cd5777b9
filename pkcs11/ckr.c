#include "pkcs11/ckr.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CKR(code, status, advice)                                                                                      \
    {                                                                                                                  \
        code, #code, status, advice                                                                                    \
    }

/* PKCS#11 2.40, section 5.1. The status says what it means for a caller of ours; advice is for the person. */
static const struct {
    CK_RV rv;
    const char *name;
    ch_status status;
    const char *advice;
} codes[] = {
    CKR(CKR_OK, CH_INTERNAL, ""),
    CKR(CKR_CANCEL, CH_TOKEN, ""),
    CKR(CKR_HOST_MEMORY, CH_TOKEN, "the module is out of memory"),
    CKR(CKR_SLOT_ID_INVALID, CH_UNAVAILABLE, "the slot is gone; is the token plugged in?"),
    CKR(CKR_GENERAL_ERROR, CH_TOKEN, "the module failed without saying why; its own log may"),
    CKR(CKR_FUNCTION_FAILED, CH_TOKEN, ""),
    CKR(CKR_ARGUMENTS_BAD, CH_TOKEN, ""),
    CKR(CKR_NO_EVENT, CH_TOKEN, ""),
    CKR(CKR_NEED_TO_CREATE_THREADS, CH_TOKEN, ""),
    CKR(CKR_CANT_LOCK, CH_TOKEN, "the module can't be used from several threads"),
    CKR(CKR_ATTRIBUTE_READ_ONLY, CH_TOKEN, ""),
    CKR(CKR_ATTRIBUTE_SENSITIVE, CH_TOKEN, ""),
    CKR(CKR_ATTRIBUTE_TYPE_INVALID, CH_TOKEN, ""),
    CKR(CKR_ATTRIBUTE_VALUE_INVALID, CH_TOKEN, "the token does not take a key of this kind or size"),
    CKR(CKR_ACTION_PROHIBITED, CH_TOKEN, "the token does not allow it for this object"),
    CKR(CKR_DATA_INVALID, CH_TOKEN, ""),
    CKR(CKR_DATA_LEN_RANGE, CH_TOKEN, "what is to be signed is too long for the token"),
    CKR(CKR_DEVICE_ERROR, CH_UNAVAILABLE, "the device failed"),
    CKR(CKR_DEVICE_MEMORY, CH_TOKEN, "the token is full; delete keys that are not needed"),
    CKR(CKR_DEVICE_REMOVED, CH_UNAVAILABLE, "the token was taken out; put it back"),
    CKR(CKR_ENCRYPTED_DATA_INVALID, CH_TOKEN, ""),
    CKR(CKR_ENCRYPTED_DATA_LEN_RANGE, CH_TOKEN, ""),
    CKR(CKR_FUNCTION_CANCELED, CH_TOKEN, ""),
    CKR(CKR_FUNCTION_NOT_PARALLEL, CH_TOKEN, ""),
    CKR(CKR_FUNCTION_NOT_SUPPORTED, CH_TOKEN, "the module can't do this"),
    CKR(CKR_KEY_HANDLE_INVALID, CH_UNAVAILABLE, "the key's handle is stale"),
    CKR(CKR_KEY_SIZE_RANGE, CH_TOKEN, "the token does not take a key of this size"),
    CKR(CKR_KEY_TYPE_INCONSISTENT, CH_TOKEN, "the key does not fit the mechanism"),
    CKR(CKR_KEY_NOT_NEEDED, CH_TOKEN, ""),
    CKR(CKR_KEY_CHANGED, CH_TOKEN, ""),
    CKR(CKR_KEY_NEEDED, CH_TOKEN, ""),
    CKR(CKR_KEY_INDIGESTIBLE, CH_TOKEN, ""),
    CKR(CKR_KEY_FUNCTION_NOT_PERMITTED, CH_TOKEN, "the key may not sign"),
    CKR(CKR_KEY_NOT_WRAPPABLE, CH_TOKEN, ""),
    CKR(CKR_KEY_UNEXTRACTABLE, CH_TOKEN, ""),
    CKR(CKR_MECHANISM_INVALID, CH_TOKEN, "the token does not offer this mechanism"),
    CKR(CKR_MECHANISM_PARAM_INVALID, CH_TOKEN, ""),
    CKR(CKR_OBJECT_HANDLE_INVALID, CH_UNAVAILABLE, "the object's handle is stale"),
    CKR(CKR_OPERATION_ACTIVE, CH_UNAVAILABLE, "the session is in the middle of another operation"),
    CKR(CKR_OPERATION_NOT_INITIALIZED, CH_TOKEN, ""),
    CKR(CKR_PIN_INCORRECT, CH_WRONG_PIN, "the PIN is wrong; after a few wrong ones the token locks itself"),
    CKR(CKR_PIN_INVALID, CH_WRONG_PIN, "the PIN holds characters that the token does not take"),
    CKR(CKR_PIN_LEN_RANGE, CH_WRONG_PIN, "the PIN is too short or too long for the token"),
    CKR(CKR_PIN_EXPIRED, CH_WRONG_PIN, "the PIN has expired; set a new one with the token's own tool"),
    CKR(CKR_PIN_LOCKED, CH_WRONG_PIN,
        "the token has locked its PIN; its security officer can free it, and a TPM frees itself in time "
        "(docs/tokens/tpm.md)"),
    CKR(CKR_SESSION_CLOSED, CH_UNAVAILABLE, "the session was closed"),
    CKR(CKR_SESSION_COUNT, CH_BUSY, "the token has no session left; another program holds them"),
    CKR(CKR_SESSION_HANDLE_INVALID, CH_UNAVAILABLE, "the session's handle is stale"),
    CKR(CKR_SESSION_PARALLEL_NOT_SUPPORTED, CH_TOKEN, ""),
    CKR(CKR_SESSION_READ_ONLY, CH_TOKEN, ""),
    CKR(CKR_SESSION_EXISTS, CH_CONFLICT, "another session is open on the token; stop what uses it"),
    CKR(CKR_SESSION_READ_ONLY_EXISTS, CH_CONFLICT, ""),
    CKR(CKR_SESSION_READ_WRITE_SO_EXISTS, CH_CONFLICT, ""),
    CKR(CKR_SIGNATURE_INVALID, CH_TOKEN, ""),
    CKR(CKR_SIGNATURE_LEN_RANGE, CH_TOKEN, ""),
    CKR(CKR_TEMPLATE_INCOMPLETE, CH_TOKEN, ""),
    CKR(CKR_TEMPLATE_INCONSISTENT, CH_TOKEN, "the token does not take a key with these attributes"),
    CKR(CKR_TOKEN_NOT_PRESENT, CH_UNAVAILABLE, "the token is not there; plug it in"),
    CKR(CKR_TOKEN_NOT_RECOGNIZED, CH_UNAVAILABLE, "the module does not know this token"),
    CKR(CKR_TOKEN_WRITE_PROTECTED, CH_TOKEN, "the token is write-protected"),
    CKR(CKR_UNWRAPPING_KEY_HANDLE_INVALID, CH_UNAVAILABLE, ""),
    CKR(CKR_UNWRAPPING_KEY_SIZE_RANGE, CH_TOKEN, ""),
    CKR(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, CH_TOKEN, ""),
    CKR(CKR_USER_ALREADY_LOGGED_IN, CH_CONFLICT, "somebody is logged in already, and cannot be logged out"),
    CKR(CKR_USER_NOT_LOGGED_IN, CH_LOCKED, "the token is locked; log in with its PIN first"),
    CKR(CKR_USER_PIN_NOT_INITIALIZED, CH_LOCKED,
        "the token has no user PIN; set one with the token's own tool, or erase the token, with every key on it, "
        "and make it anew: chancery token init --erase"),
    CKR(CKR_USER_TYPE_INVALID, CH_TOKEN, ""),
    CKR(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CH_CONFLICT, "another user is logged in"),
    CKR(CKR_USER_TOO_MANY_TYPES, CH_CONFLICT, ""),
    CKR(CKR_WRAPPED_KEY_INVALID, CH_TOKEN, ""),
    CKR(CKR_WRAPPED_KEY_LEN_RANGE, CH_TOKEN, ""),
    CKR(CKR_WRAPPING_KEY_HANDLE_INVALID, CH_UNAVAILABLE, ""),
    CKR(CKR_WRAPPING_KEY_SIZE_RANGE, CH_TOKEN, ""),
    CKR(CKR_WRAPPING_KEY_TYPE_INCONSISTENT, CH_TOKEN, ""),
    CKR(CKR_RANDOM_SEED_NOT_SUPPORTED, CH_TOKEN, ""),
    CKR(CKR_RANDOM_NO_RNG, CH_TOKEN, "the token can make no random numbers"),
    CKR(CKR_DOMAIN_PARAMS_INVALID, CH_TOKEN, "the token does not know this curve"),
    CKR(CKR_CURVE_NOT_SUPPORTED, CH_TOKEN, "the token does not offer this curve"),
    CKR(CKR_BUFFER_TOO_SMALL, CH_TOKEN, ""),
    CKR(CKR_SAVED_STATE_INVALID, CH_TOKEN, ""),
    CKR(CKR_INFORMATION_SENSITIVE, CH_TOKEN, ""),
    CKR(CKR_STATE_UNSAVEABLE, CH_TOKEN, ""),
    CKR(CKR_CRYPTOKI_NOT_INITIALIZED, CH_UNAVAILABLE, "the module is not initialised"),
    CKR(CKR_CRYPTOKI_ALREADY_INITIALIZED, CH_CONFLICT, ""),
    CKR(CKR_MUTEX_BAD, CH_TOKEN, ""),
    CKR(CKR_MUTEX_NOT_LOCKED, CH_TOKEN, ""),
    CKR(CKR_NEW_PIN_MODE, CH_TOKEN, "the token requires a new PIN; set one with its own tool"),
    CKR(CKR_NEXT_OTP, CH_TOKEN, ""),
    CKR(CKR_EXCEEDED_MAX_ITERATIONS, CH_TOKEN, ""),
    CKR(CKR_FIPS_SELF_TEST_FAILED, CH_TOKEN, "the module failed its own test and must not be used"),
    CKR(CKR_LIBRARY_LOAD_FAILED, CH_UNAVAILABLE, "the module lacks a library that it needs"),
    CKR(CKR_PIN_TOO_WEAK, CH_BAD_INPUT, "the token finds the PIN too simple; choose another"),
    CKR(CKR_PUBLIC_KEY_INVALID, CH_TOKEN, ""),
    CKR(CKR_FUNCTION_REJECTED, CH_REFUSED, "the token's owner did not confirm"),
};

const char *ch_ckr_name(CK_RV rv, char *unknown)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i].rv == rv)
            return codes[i].name;
    }
    snprintf(unknown, 32, (rv & CKR_VENDOR_DEFINED) != 0 ? "CKR_VENDOR_0x%08lx" : "CKR_0x%08lx", rv);
    return unknown;
}

bool ch_ckr_is_vague(const char *name)
{
    static const char *const vague[] = {"CKR_GENERAL_ERROR", "CKR_FUNCTION_FAILED",   "CKR_HOST_MEMORY",
                                        "CKR_DEVICE_MEMORY", "CKR_FUNCTION_CANCELED", "CKR_OPERATION_NOT_INITIALIZED"};
    for (size_t i = 0; i < sizeof vague / sizeof *vague; i++) {
        if (strcmp(name, vague[i]) == 0)
            return true;
    }
    return strncmp(name, "CKR_VENDOR_", strlen("CKR_VENDOR_")) == 0 || strncmp(name, "CKR_0x", strlen("CKR_0x")) == 0;
}

bool ch_ckr_is_refusal(CK_RV rv)
{
    return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_TEMPLATE_INCONSISTENT ||
           rv == CKR_TEMPLATE_INCOMPLETE;
}

ch_status ch_ckr_fail(ch_error *err, CK_RV rv, const char *format, ...)
{
    char what[256];
    char unknown[32];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    const char *name = ch_ckr_name(rv, unknown);
    ch_status status = CH_TOKEN;
    const char *advice = "";
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i].rv == rv) {
            status = codes[i].status;
            advice = codes[i].advice;
        }
    }
    return ch_fail_rule(err, status, name, "%s: %s%s%s", what, name, *advice == '\0' ? "" : ": ", advice);
}
