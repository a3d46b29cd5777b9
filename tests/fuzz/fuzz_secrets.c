/* What a person pipes into `chancery key import`: a secret or a private key on a descriptor, decoded, and made into the
 * objects that a token is asked to create. The first byte of an input chooses the mechanism, the next the encoding,
 * whether a PIN comes first, or a token that makes keys worse than asked for.
 *
 * The token stands in this file. What reaches it signs as the secret does, is sensitive and not extractable; a key that
 * comes out otherwise is destroyed again; and afterwards no page of a secret is left. */
#include "tests/fuzz/fuzz.h"

#include "base/encode.h"
#include "base/memory.h"
#include "cli/private_key.h"
#include "cli/secret_input.h"
#include "cli/secret_text.h"
#include "pkcs11/key.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a token ---- */

#define OBJECTS_MAX 2
#define ATTRIBUTES_MAX 32

typedef struct object {
    CK_ATTRIBUTE items[ATTRIBUTES_MAX]; /* values are copies */
    size_t count;
} object;

static object objects[OBJECTS_MAX];
static bool is_as_is;     /* secrets are taken whatever they look like */
static bool is_token_bad; /* makes keys that may be extracted */

static const CK_ATTRIBUTE *find_attribute(CK_OBJECT_HANDLE handle, CK_ATTRIBUTE_TYPE type)
{
    FUZZ_CHECK(handle >= 1 && handle <= OBJECTS_MAX);
    object *at = &objects[handle - 1];
    for (size_t i = 0; i < at->count; i++) {
        if (at->items[i].type == type)
            return &at->items[i];
    }
    return NULL;
}

static CK_RV create_object(CK_SESSION_HANDLE session, CK_ATTRIBUTE *items, CK_ULONG count, CK_OBJECT_HANDLE *out)
{
    (void)session;
    size_t at = objects[0].count == 0 ? 0 : 1;
    FUZZ_CHECK(objects[at].count == 0 && count <= ATTRIBUTES_MAX);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_ATTRIBUTE *to = &objects[at].items[i];
        *to = (CK_ATTRIBUTE){items[i].type, ch_alloc(items[i].ulValueLen + 1), items[i].ulValueLen};
        if (items[i].ulValueLen > 0)
            memcpy(to->pValue, items[i].pValue, items[i].ulValueLen);
        if (is_token_bad && to->type == CKA_EXTRACTABLE)
            *(CK_BBOOL *)to->pValue = CK_TRUE;
    }
    objects[at].count = count;
    *out = at + 1;
    return CKR_OK;
}

static CK_RV destroy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle)
{
    (void)session;
    object *at = &objects[handle - 1];
    for (size_t i = 0; i < at->count; i++)
        free(at->items[i].pValue);
    at->count = 0;
    return CKR_OK;
}

static CK_RV get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE *wanted,
                                 CK_ULONG count)
{
    (void)session;
    (void)count;
    const CK_ATTRIBUTE *found = find_attribute(handle, wanted->type);
    if (found == NULL)
        return CKR_ATTRIBUTE_TYPE_INVALID;
    FUZZ_CHECK(wanted->pValue != NULL && wanted->ulValueLen >= found->ulValueLen);
    memcpy(wanted->pValue, found->pValue, found->ulValueLen);
    wanted->ulValueLen = found->ulValueLen;
    return CKR_OK;
}

static CK_RV find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *items, CK_ULONG count)
{
    (void)session;
    (void)items;
    (void)count;
    return CKR_OK;
}

static CK_RV find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *out, CK_ULONG max, CK_ULONG *found)
{
    (void)session;
    (void)out;
    (void)max;
    *found = 0;
    return CKR_OK;
}

static CK_RV find_objects_final(CK_SESSION_HANDLE session)
{
    (void)session;
    return CKR_OK;
}

static CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *out)
{
    (void)slot;
    (void)type;
    *out = (CK_MECHANISM_INFO){.ulMinKeySize = 32, .ulMaxKeySize = 512};
    return CKR_OK;
}

CK_FUNCTION_LIST *ch_token_functions(ch_token *token)
{
    static CK_FUNCTION_LIST functions = {.C_CreateObject = create_object,
                                         .C_DestroyObject = destroy_object,
                                         .C_GetAttributeValue = get_attribute_value,
                                         .C_FindObjectsInit = find_objects_init,
                                         .C_FindObjects = find_objects,
                                         .C_FindObjectsFinal = find_objects_final,
                                         .C_GetMechanismInfo = get_mechanism_info};
    (void)token;
    return &functions;
}

CK_SLOT_ID ch_token_slot(ch_token *token)
{
    (void)token;
    return 1;
}

const char *ch_token_label(const ch_token *token)
{
    (void)token;
    return "fuzz";
}

ch_status ch_token_offers(ch_token *token, const ch_mechanism *mechanism, ch_error *err)
{
    (void)token;
    (void)mechanism;
    (void)err;
    return CH_OK;
}

/* ---- what must hold ---- */

static void check_same_hmac(const ch_mechanism *mechanism, const ch_secret *secret)
{
    static const uint8_t text[] = "GET /";
    uint8_t wanted[EVP_MAX_MD_SIZE];
    uint8_t got[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    const EVP_MD *hash = EVP_get_digestbyname(mechanism->hash);
    const CK_ATTRIBUTE *value = find_attribute(1, CKA_VALUE);
    FUZZ_CHECK(hash != NULL && value != NULL && value->ulValueLen >= mechanism->hash_size_bytes);
    FUZZ_CHECK(HMAC(hash, secret->data, (int)secret->size, text, sizeof text, wanted, &size) != NULL);
    FUZZ_CHECK(HMAC(hash, value->pValue, (int)value->ulValueLen, text, sizeof text, got, &size) != NULL);
    FUZZ_CHECK(memcmp(wanted, got, size) == 0);
}

static bool is_set(CK_ATTRIBUTE_TYPE type)
{
    const CK_ATTRIBUTE *found = find_attribute(1, type);
    return found != NULL && *(const CK_BBOOL *)found->pValue == CK_TRUE;
}

static void check_key(const ch_mechanism *mechanism)
{
    FUZZ_CHECK(is_set(CKA_SENSITIVE) && is_set(CKA_PRIVATE) && is_set(CKA_SIGN) && !is_set(CKA_EXTRACTABLE));
    FUZZ_CHECK((objects[1].count > 0) == (mechanism->key_class == CKO_PRIVATE_KEY));
    const CK_ATTRIBUTE *modulus = find_attribute(1, CKA_MODULUS);
    FUZZ_CHECK((modulus != NULL) == (mechanism->key_type == CKK_RSA));
    FUZZ_CHECK(modulus == NULL || (modulus->ulValueLen >= 256 && modulus->ulValueLen <= 512));
}

/* Secrets are the only pages that this process locks. */
static void check_nothing_locked(void)
{
    char line[128];
    unsigned long kilobytes = 1;
    FILE *status = fopen("/proc/self/status", "re");
    FUZZ_CHECK(status != NULL);
    while (fgets(line, sizeof line, status) != NULL && sscanf(line, "VmLck: %lu", &kilobytes) != 1)
        ;
    fclose(status);
    FUZZ_CHECK(kilobytes == 0);
}

/* ---- the way of a secret ---- */

static ch_status import_pair(ch_session *session, const ch_mechanism *mechanism, const ch_secret *text, ch_error *err)
{
    ch_autobuffer taken = CH_BUFFER_INIT;
    EVP_PKEY *key = NULL;
    ch_status st = ch_private_key_read(text, mechanism, &key, &taken, err);
    FUZZ_CHECK((key != NULL) == (st == CH_OK));
    if (st == CH_OK)
        st = ch_key_import_pair(session, "label", mechanism, key, err);
    EVP_PKEY_free(key);
    return st;
}

static ch_status import_text(const ch_mechanism *mechanism, ch_encoding encoding, const ch_secret *text, ch_error *err)
{
    const ch_secret_form form = {.encoding = encoding, .is_as_is = is_as_is};
    ch_session session = {.token = NULL};
    ch_autobuffer taken = CH_BUFFER_INIT;
    ch_autosecret key = CH_SECRET_INIT;
    if (mechanism->key_class == CKO_PRIVATE_KEY)
        return import_pair(&session, mechanism, text, err);
    CH_TRY(ch_secret_text_read(text, &form, &key, &taken, err));
    FUZZ_CHECK(taken.size > 0);
    ch_status st = ch_key_import_hmac(&session, "label", mechanism, &key, err);
    if (st == CH_OK)
        check_same_hmac(mechanism, &key);
    return st;
}

static ch_status import(const ch_mechanism *mechanism, ch_encoding encoding, bool is_pin_first, const char *descriptor,
                        ch_error *err)
{
    static const ch_input_question pin_question = {.descriptor = CH_OPT_PIN_FD, .name = "the user PIN"};
    static const ch_input_question question = {
        .descriptor = CH_OPT_SECRET_FD, .name = "the API secret", .rest_max_bytes = 16000};
    ch_arguments arguments = {.option[CH_OPT_PIN_FD] = descriptor, .option[CH_OPT_SECRET_FD] = descriptor};
    ch_autosecret pin = CH_SECRET_INIT;
    ch_autosecret text = CH_SECRET_INIT;
    if (is_pin_first) {
        CH_TRY(ch_input_secret(&arguments, &pin_question, &question, &pin, err));
        FUZZ_CHECK(pin.size > 0 && memchr(pin.data, '\n', pin.size) == NULL &&
                   memchr(pin.data, '\r', pin.size) == NULL);
    }
    CH_TRY(ch_input_secret(&arguments, &question, NULL, &text, err));
    return import_text(mechanism, encoding, &text, err);
}

static const ch_mechanism *pick_mechanism(uint8_t choice)
{
    size_t count = 0;
    while (ch_mechanism_at(count) != NULL)
        count++;
    return ch_mechanism_at(choice % count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const ch_encoding encodings[] = {CH_ENCODE_TEXT, CH_ENCODE_HEX, CH_ENCODE_BASE64, CH_ENCODE_BASE64URL};
    ch_error err = CH_ERROR_INIT;
    ch_slice input = {data, size};
    const ch_mechanism *mechanism = pick_mechanism(fuzz_take_byte(&input));
    uint8_t choice = fuzz_take_byte(&input);
    is_token_bad = (choice & 0x40) != 0;
    is_as_is = (choice & 0x20) == 0;
    char descriptor[16];
    snprintf(descriptor, sizeof descriptor, "%d", fuzz_descriptor(input));
    ch_status st = import(mechanism, encodings[choice % 4], (choice & 0x80) != 0, descriptor, &err);
    fuzz_check_error(st, &err);
    FUZZ_CHECK(st == CH_OK ? !is_token_bad : objects[0].count + objects[1].count == 0);
    if (st == CH_OK)
        check_key(mechanism);
    for (CK_OBJECT_HANDLE i = 1; i <= OBJECTS_MAX; i++)
        (void)destroy_object(0, i);
    check_nothing_locked();
    return 0;
}
