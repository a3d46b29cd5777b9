/* The module, its slots, what is in them, and sessions. */
#include "tests/faults/control.h"
#include "tests/faults/models.h"
#include "tests/faults/names.h"
#include "tests/faults/sessions.h"
#include "tests/faults/shared.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAD_SLOT 0xBADUL
#define SLOTS_MAX 64
#define OTHER_LABEL "another token"
#define OTHER_SERIAL "5afe0ddb17e50000"

/* ---- C_Initialize ---- */

static CK_RV initialize(void *init)
{
    static atomic_uint count;
    model reserved;
    const CK_C_INITIALIZE_ARGS *args = init;
    if (control_model("@no-second-init", NULL) && count > 0)
        return CKR_FUNCTION_FAILED;
    if (control_model("@no-custom-mutex", NULL) && args != NULL && args->CreateMutex != NULL)
        return CKR_CANT_LOCK;
    if (control_model("@reserved", &reserved) &&
        (args == NULL || args->pReserved == NULL || strcmp(args->pReserved, reserved.words[0]) != 0))
        return CKR_ARGUMENTS_BAD;
    CK_C_INITIALIZE_ARGS plain = {.flags = 0};
    if (args != NULL)
        plain = *args;
    plain.pReserved = NULL; /* it was the model's */
    CK_RV rv = real->C_Initialize(args == NULL ? NULL : &plain);
    count += rv == CKR_OK;
    return rv;
}

/* ---- slots ---- */

static bool is_empty(CK_SLOT_ID slot)
{
    return control_model("@absent", NULL) && shared_is_slot(slot);
}

/* The slot that answers nothing but errors comes first, so that whoever stops at it finds no other. */
static CK_RV get_slot_list(CK_BBOOL is_present, CK_SLOT_ID *slots, CK_ULONG *count)
{
    CK_SLOT_ID all[SLOTS_MAX];
    CK_ULONG before = control_model("@bad-slot", NULL) ? 1 : 0;
    CK_ULONG found = SLOTS_MAX - 1;
    CK_RV rv = real->C_GetSlotList(is_present, all + before, &found);
    if (rv != CKR_OK)
        return rv;
    if (before == 1)
        all[0] = BAD_SLOT;
    CK_ULONG kept = before;
    for (CK_ULONG i = before; i < before + found; i++) {
        if (!is_present || !is_empty(all[i]))
            all[kept++] = all[i];
    }
    CK_ULONG room = *count;
    *count = kept;
    if (slots == NULL)
        return CKR_OK;
    if (room < *count)
        return CKR_BUFFER_TOO_SMALL;
    memcpy(slots, all, *count * sizeof *all);
    return CKR_OK;
}

static CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    if (slot == BAD_SLOT)
        return CKR_DEVICE_ERROR;
    CK_RV rv = real->C_GetSlotInfo(slot, info);
    if (rv == CKR_OK && is_empty(slot))
        info->flags &= ~(CK_FLAGS)CKF_TOKEN_PRESENT;
    return rv;
}

static void pad(CK_UTF8CHAR *field, size_t size, const char *text)
{
    memset(field, ' ', size);
    memcpy(field, text, strlen(text) < size ? strlen(text) : size);
}

static CK_FLAGS pin_flags(void)
{
    unsigned long most = control_value("@pinmax", 0);
    unsigned wrong = shared_wrong_pins();
    CK_FLAGS flags = 0;
    if (most == 0 || wrong == 0)
        return flags;
    flags |= CKF_USER_PIN_COUNT_LOW;
    if (wrong + 1 == most)
        flags |= CKF_USER_PIN_FINAL_TRY;
    return wrong >= most ? CKF_USER_PIN_LOCKED : flags;
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    model other;
    if (slot == BAD_SLOT)
        return CKR_DEVICE_ERROR;
    if (is_empty(slot))
        return CKR_TOKEN_NOT_PRESENT;
    CK_RV rv = real->C_GetTokenInfo(slot, info);
    if (rv != CKR_OK)
        return rv;
    info->flags |= pin_flags();
    if (control_model("@swap", &other) && shared_is_slot(slot)) {
        pad(info->label, sizeof info->label, other.count > 0 ? other.words[0] : OTHER_LABEL);
        pad(info->serialNumber, sizeof info->serialNumber, OTHER_SERIAL);
    }
    return rv;
}

/* ---- mechanisms ---- */

/* The words are names after a minus sign. */
static bool is_taken_away(CK_MECHANISM_TYPE type)
{
    model away;
    CK_ULONG number;
    unsigned from = 0;
    while (control_next_model("@mechs", &from, &away)) {
        for (unsigned i = 0; i < away.count; i++) {
            const char *name = away.words[i] + (away.words[i][0] == '-');
            if (name_number(name, &number) && number == type)
                return true;
        }
    }
    return false;
}

static CK_RV get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
    CK_ULONG kept = 0;
    CK_RV rv = slot == BAD_SLOT ? CKR_DEVICE_ERROR : real->C_GetMechanismList(slot, list, count);
    if (rv != CKR_OK || list == NULL)
        return rv;
    for (CK_ULONG i = 0; i < *count; i++) {
        if (!is_taken_away(list[i]))
            list[kept++] = list[i];
    }
    *count = kept;
    return rv;
}

static CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    if (slot == BAD_SLOT)
        return CKR_DEVICE_ERROR;
    return is_taken_away(type) ? CKR_MECHANISM_INVALID : real->C_GetMechanismInfo(slot, type, info);
}

/* ---- sessions ---- */

/* A number is for each process; after a g, for all together. */
static bool is_full(void)
{
    model most;
    if (!control_model("@sessions", &most))
        return false;
    bool is_for_all = most.words[0][0] == 'g';
    unsigned long limit = strtoul(most.words[0] + is_for_all, NULL, 10);
    return (is_for_all ? shared_sessions() : sessions_count()) >= limit;
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *self, CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
    if (slot == BAD_SLOT)
        return CKR_DEVICE_ERROR;
    if (is_empty(slot))
        return CKR_TOKEN_NOT_PRESENT;
    if (is_full())
        return CKR_SESSION_COUNT;
    CK_RV rv = real->C_OpenSession(slot, flags, self, notify, session);
    if (rv == CKR_OK) {
        session_opened(*session);
        shared_note_slot(slot);
    }
    return rv;
}

static CK_RV close_session(CK_SESSION_HANDLE session)
{
    CK_RV rv = real->C_CloseSession(session);
    if (rv == CKR_OK)
        session_closed(session);
    return rv;
}

/* As far as this module's users go, all sessions are on one token. */
static CK_RV close_all_sessions(CK_SLOT_ID slot)
{
    CK_RV rv = real->C_CloseAllSessions(slot);
    if (rv == CKR_OK)
        sessions_all_closed();
    return rv;
}

static CK_RV finalize(void *reserved)
{
    CK_RV rv = real->C_Finalize(reserved);
    if (rv == CKR_OK)
        sessions_all_closed();
    return rv;
}

void models_add_slots(void)
{
    device.C_Initialize = initialize;
    device.C_Finalize = finalize;
    device.C_GetSlotList = get_slot_list;
    device.C_GetSlotInfo = get_slot_info;
    device.C_GetTokenInfo = get_token_info;
    device.C_GetMechanismList = get_mechanism_list;
    device.C_GetMechanismInfo = get_mechanism_info;
    device.C_OpenSession = open_session;
    device.C_CloseSession = close_session;
    device.C_CloseAllSessions = close_all_sessions;
}
