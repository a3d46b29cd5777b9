/* Keys: how they are found, what they are said to be, which may be made, and how they sign. */
#include "tests/faults/control.h"
#include "tests/faults/models.h"
#include "tests/faults/names.h"
#include "tests/faults/sessions.h"
#include "tests/faults/shared.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ATTRIBUTES_MAX 32

/* ---- searches ---- */

static CK_ULONG number_of(const CK_ATTRIBUTE *attribute)
{
    CK_ULONG number = CK_UNAVAILABLE_INFORMATION;
    if (attribute->pValue != NULL && attribute->ulValueLen == sizeof number)
        memcpy(&number, attribute->pValue, sizeof number);
    return number;
}

/* What a YubiHSM looks for; it finds nothing if anything else is asked for (yubihsm-shell, C_FindObjectsInit). */
static bool is_searchable(const CK_ATTRIBUTE *attribute)
{
    static const CK_ATTRIBUTE_TYPE known[] = {CKA_CLASS,   CKA_TOKEN, CKA_PRIVATE, CKA_LABEL,
                                              CKA_ID,      CKA_SIGN,  CKA_VERIFY,  CKA_ENCRYPT,
                                              CKA_DECRYPT, CKA_WRAP,  CKA_UNWRAP,  CKA_EXTRACTABLE};
    CK_ULONG type = number_of(attribute);
    if (attribute->type == CKA_KEY_TYPE)
        return type != CKK_GENERIC_SECRET && type != CKK_EC_EDWARDS;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (attribute->type == known[i])
            return true;
    }
    return false;
}

static bool must_be_empty(const CK_ATTRIBUTE *list, CK_ULONG count)
{
    bool is_empty = control_model("@swap", NULL);
    if (!control_model("@unknown-attr-empty", NULL))
        return is_empty;
    for (CK_ULONG i = 0; i < count; i++)
        is_empty = is_empty || !is_searchable(&list[i]);
    return is_empty;
}

static CK_RV find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *list, CK_ULONG count)
{
    session_set_blind(session, must_be_empty(list, count));
    return real->C_FindObjectsInit(session, list, count);
}

static CK_RV find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG most, CK_ULONG *count)
{
    CK_RV rv = real->C_FindObjects(session, objects, most, count);
    if (session_is_blind(session))
        *count = 0;
    return rv;
}

/* ---- attributes ---- */

static CK_RV answer(CK_ATTRIBUTE *attribute, const void *value, CK_ULONG size)
{
    CK_ULONG room = attribute->ulValueLen;
    attribute->ulValueLen = size;
    if (attribute->pValue == NULL)
        return CKR_OK;
    if (room < size) {
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_BUFFER_TOO_SMALL;
    }
    memcpy(attribute->pValue, value, size);
    return CKR_OK;
}

/* Bytes in hexadecimal, after a hex: */
static CK_RV answer_bytes(CK_ATTRIBUTE *attribute, const char *digits)
{
    CK_BYTE bytes[MODEL_WORD_SIZE / 2];
    size_t size = strlen(digits) / 2;
    for (size_t i = 0; i < size; i++) {
        char pair[3] = {digits[2 * i], digits[2 * i + 1], '\0'};
        bytes[i] = (CK_BYTE)strtoul(pair, NULL, 16);
    }
    return answer(attribute, bytes, size);
}

/* true, false, none, hex:DIGITS, a name or a number. */
static CK_RV answer_word(CK_ATTRIBUTE *attribute, const char *word)
{
    CK_BBOOL is = strcmp(word, "true") == 0;
    CK_ULONG number;
    if (strcmp(word, "none") == 0) {
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
    if (is || strcmp(word, "false") == 0)
        return answer(attribute, &is, sizeof is);
    if (strncmp(word, "hex:", 4) == 0)
        return answer_bytes(attribute, word + 4);
    if (!name_number(word, &number))
        abort();
    return answer(attribute, &number, sizeof number);
}

static bool is_always_authenticated(const char *label)
{
    model one;
    unsigned from = 0;
    while (control_next_model("@always-auth", &from, &one)) {
        if (strcmp(one.words[0], label) == 0)
            return true;
    }
    return false;
}

/* What the models say of an attribute of a key: "" if nothing. @attr LABEL CKA_X VALUE */
static void find_change(const char *label, CK_ATTRIBUTE_TYPE type, char *value)
{
    model one;
    CK_ULONG changed;
    unsigned from = 0;
    *value = '\0';
    if (type == CKA_ALWAYS_AUTHENTICATE && is_always_authenticated(label))
        strcpy(value, "true");
    while (control_next_model("@attr", &from, &one)) {
        if (!name_number(one.words[1], &changed))
            abort();
        if (changed == type && strcmp(one.words[0], label) == 0)
            memcpy(value, one.words[2], MODEL_WORD_SIZE);
    }
}

static void read_label(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, char *label)
{
    CK_ATTRIBUTE is = {CKA_LABEL, label, LABEL_SIZE - 1};
    bool is_read = real->C_GetAttributeValue(session, object, &is, 1) == CKR_OK;
    label[is_read ? is.ulValueLen : 0] = '\0';
}

/* `asked` is the list as it came: the real token has written to its sizes. */
static CK_RV change_attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *list,
                               const CK_ATTRIBUTE *asked, CK_ULONG count, CK_RV rv)
{
    char label[LABEL_SIZE];
    char value[MODEL_WORD_SIZE];
    read_label(session, object, label);
    for (CK_ULONG i = 0; i < count; i++) {
        find_change(label, asked[i].type, value);
        if (*value == '\0')
            continue;
        list[i] = asked[i];
        CK_RV changed = answer_word(&list[i], value);
        if (changed != CKR_OK || count == 1)
            rv = changed;
    }
    return rv;
}

static CK_RV get_attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *list, CK_ULONG count)
{
    CK_ATTRIBUTE asked[ATTRIBUTES_MAX];
    if (count > ATTRIBUTES_MAX || !control_has_labels())
        return real->C_GetAttributeValue(session, object, list, count);
    memcpy(asked, list, count * sizeof *asked);
    CK_RV rv = real->C_GetAttributeValue(session, object, list, count);
    return change_attributes(session, object, list, asked, count, rv);
}

/* ---- making keys ---- */

/* @strict-template CKA_X... */
static CK_RV check_template(const CK_ATTRIBUTE *list, CK_ULONG count)
{
    model strict;
    unsigned from = 0;
    CK_ULONG type;
    while (control_next_model("@strict-template", &from, &strict)) {
        for (unsigned i = 0; i < strict.count; i++) {
            if (!name_number(strict.words[i], &type))
                abort();
            for (CK_ULONG at = 0; at < count; at++) {
                if (list[at].type == type)
                    return CKR_ATTRIBUTE_TYPE_INVALID;
            }
        }
    }
    return CKR_OK;
}

/* A YubiHSM has HMAC keys of its own types, and none that is generic; nor does it take CKA_VALUE_LEN. */
static CK_RV check_secret(const CK_ATTRIBUTE *list, CK_ULONG count)
{
    if (!control_model("@no-generic-secret", NULL))
        return CKR_OK;
    for (CK_ULONG i = 0; i < count; i++) {
        if (list[i].type == CKA_KEY_TYPE && number_of(&list[i]) == CKK_GENERIC_SECRET)
            return CKR_ATTRIBUTE_VALUE_INVALID;
        if (list[i].type == CKA_VALUE_LEN)
            return CKR_ATTRIBUTE_TYPE_INVALID;
    }
    return CKR_OK;
}

static CK_RV create_object(CK_SESSION_HANDLE session, CK_ATTRIBUTE *list, CK_ULONG count, CK_OBJECT_HANDLE *object)
{
    CK_RV rv = check_template(list, count);
    if (rv == CKR_OK)
        rv = check_secret(list, count);
    return rv == CKR_OK ? real->C_CreateObject(session, list, count, object) : rv;
}

static CK_RV generate_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *list, CK_ULONG count,
                          CK_OBJECT_HANDLE *key)
{
    CK_RV rv = check_template(list, count);
    if (rv == CKR_OK && control_model("@no-generic-secret", NULL) && mechanism->mechanism == CKM_GENERIC_SECRET_KEY_GEN)
        rv = check_secret(list, count);
    return rv == CKR_OK ? real->C_GenerateKey(session, mechanism, list, count, key) : rv;
}

static CK_RV generate_pair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *outer,
                           CK_ULONG outer_count, CK_ATTRIBUTE *inner, CK_ULONG inner_count, CK_OBJECT_HANDLE *outer_key,
                           CK_OBJECT_HANDLE *inner_key)
{
    CK_RV rv = check_template(outer, outer_count);
    if (rv == CKR_OK)
        rv = check_template(inner, inner_count);
    if (rv != CKR_OK)
        return rv;
    return real->C_GenerateKeyPair(session, mechanism, outer, outer_count, inner, inner_count, outer_key, inner_key);
}

/* ---- signing ---- */

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CK_MECHANISM_INFO info;
    CK_SESSION_INFO at;
    if (models_has_lost_login())
        return CKR_USER_NOT_LOGGED_IN;
    if (real->C_GetSessionInfo(session, &at) == CKR_OK &&
        device.C_GetMechanismInfo(at.slotID, mechanism->mechanism, &info) == CKR_MECHANISM_INVALID)
        return CKR_MECHANISM_INVALID;
    return real->C_SignInit(session, mechanism, key);
}

/* One device does one thing at a time, whoever asks. */
static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG size, CK_BYTE *signature, CK_ULONG *capacity)
{
    call is = {.session = session};
    session_recall_signing(&is);
    if (is.key[0] != '\0' && is_always_authenticated(is.key) && !session_is_allowed(session))
        return CKR_USER_NOT_LOGGED_IN;
    session_set_allowed(session, false);
    unsigned long serial_ms = control_value("@serial", 0);
    if (serial_ms == 0)
        return real->C_Sign(session, data, size, signature, capacity);
    int taken = shared_take_device();
    usleep((useconds_t)serial_ms * 1000);
    CK_RV rv = real->C_Sign(session, data, size, signature, capacity);
    shared_release_device(taken);
    return rv;
}

void models_add_keys(void)
{
    device.C_FindObjectsInit = find_objects_init;
    device.C_FindObjects = find_objects;
    device.C_GetAttributeValue = get_attributes;
    device.C_CreateObject = create_object;
    device.C_GenerateKey = generate_key;
    device.C_GenerateKeyPair = generate_pair;
    device.C_SignInit = sign_init;
    device.C_Sign = sign;
}
