/* A vendor is known by a word in the module's description: it stays the same from version to version. */
#include "pkcs11/vendor.h"

#include "pkcs11/ckr.h"

#include <string.h>

typedef struct vendor {
    const char *word;
    const char *token_tool;
    const char *key_tool;   /* makes and imports what the module does not; NULL: there is nothing */
    bool only_notes_rights; /* the module changes a key's attributes, and then does as before */
} vendor;

/* clang-format off */
static const vendor vendors[] = {
    /* word      makes tokens                            makes keys                                        notes only */
    { "YubiHSM", "yubihsm-shell",                        NULL,                                             false },
    { "PIV",     "ykman piv or yubico-piv-tool",         "ykman piv (docs/tokens/piv.md)",                 false },
    { "OpenSC",  "pkcs15-init, or the tool of the card", "the tool of the card (docs/tokens/piv.md)",      false },
    { "TPM2",    "tpm2_ptool",                           "tpm2_ptool import, addkey (docs/tokens/tpm.md)", true },
};
/* clang-format on */

static const vendor *find(CK_FUNCTION_LIST *functions)
{
    CK_INFO info;
    char description[sizeof info.libraryDescription + 1] = "";
    if (functions->C_GetInfo(&info) == CKR_OK)
        memcpy(description, info.libraryDescription, sizeof info.libraryDescription);
    for (size_t i = 0; i < sizeof vendors / sizeof *vendors; i++) {
        if (strstr(description, vendors[i].word) != NULL)
            return &vendors[i];
    }
    return NULL;
}

const char *ch_vendor_token_tool(CK_FUNCTION_LIST *functions)
{
    const vendor *found = find(functions);
    return found == NULL ? "the tool of its vendor" : found->token_tool;
}

ch_status ch_vendor_add_key_tool(CK_FUNCTION_LIST *functions, CK_RV rv, ch_error *err)
{
    const vendor *found = find(functions);
    bool can_not = rv == CKR_FUNCTION_NOT_SUPPORTED || ch_ckr_is_refusal(rv);
    if (!can_not || found == NULL || found->key_tool == NULL)
        return err->status;
    return ch_error_wrap(err, "this module can't do that; use %s", found->key_tool);
}

bool ch_vendor_only_notes_rights(CK_FUNCTION_LIST *functions)
{
    const vendor *found = find(functions);
    return found != NULL && found->only_notes_rights;
}
