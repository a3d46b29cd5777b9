/* RFC 7512 URIs as a policy or a person writes them: refused, or they name an object, and never a PIN. */
#include "tests/fuzz/fuzz.h"

#include "pkcs11/attributes.h"
#include "pkcs11/uri.h"

#include <stdlib.h>
#include <string.h>

static void check_template(const ch_attributes *found, const ch_buffer *storage)
{
    FUZZ_CHECK(found->count > 0 && found->count <= 2);
    for (CK_ULONG i = 0; i < found->count; i++) {
        const CK_ATTRIBUTE *item = &found->items[i];
        const uint8_t *value = item->pValue;
        FUZZ_CHECK(item->type == CKA_LABEL || item->type == CKA_ID);
        FUZZ_CHECK(item->ulValueLen == 0 ||
                   (value >= storage->data && value + item->ulValueLen <= storage->data + storage->size));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    ch_error err = CH_ERROR_INIT;
    P11KitUri *uri = NULL;
    ch_attributes found = {.count = 0};
    ch_autobuffer storage = CH_BUFFER_INIT;
    ch_status parsed = ch_uri_parse(text, &uri, &err);
    fuzz_check_error(parsed, &err);
    if (parsed == CH_OK) {
        FUZZ_CHECK(p11_kit_uri_get_pin_value(uri) == NULL && p11_kit_uri_get_pin_source(uri) == NULL);
        p11_kit_uri_free(uri);
    }
    ch_status added = ch_attributes_add_uri(&found, text, &storage, &err);
    fuzz_check_error(added, &err);
    FUZZ_CHECK(added != CH_OK || parsed == CH_OK);
    if (added == CH_OK)
        check_template(&found, &storage);
    free(text);
    return 0;
}
