/* `pkcs11:object=` names an object with an empty label. Its template pointed NULL + 0 bytes into a buffer without
 * memory, which UBSan does not let pass (found by the fuzz target uris). */
#include "pkcs11/attributes.h"
#include "tests/support/suite.h"

START_TEST(test_empty_label_is_an_attribute_without_bytes)
{
    ch_error err = CH_ERROR_INIT;
    ch_attributes wanted = {.count = 0};
    ch_autobuffer storage = CH_BUFFER_INIT;
    ck_assert_int_eq(ch_attributes_add_uri(&wanted, "pkcs11:object=", &storage, &err), CH_OK);
    ck_assert_uint_eq(wanted.count, 1);
    ck_assert_uint_eq(wanted.items[0].type, CKA_LABEL);
    ck_assert_uint_eq(wanted.items[0].ulValueLen, 0);
}
END_TEST

CH_TESTS("an empty object in a URI", CH_TEST(test_empty_label_is_an_attribute_without_bytes))
