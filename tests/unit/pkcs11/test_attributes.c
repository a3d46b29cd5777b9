#include "pkcs11/attributes.h"

#include "pkcs11/key.h"
#include "tests/support/softhsm.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static ch_error err;
static ch_token *token;
static ch_session session;
static ch_key_object key;

static void set_up(void)
{
    const ch_mechanism *hmac = ch_mechanism_find(CH_LITERAL("hmac-sha256"));
    softhsm_set_up();
    token = softhsm_open(&session);
    ck_assert_int_eq(ch_key_generate(&session, "k", hmac, 0, &err), CH_OK);
    ck_assert_int_eq(ch_key_find(&session, "pkcs11:object=k", hmac, &key, &err), CH_OK);
}

static void tear_down(void)
{
    ch_session_close(&session);
    ch_token_close(token);
    softhsm_tear_down();
}

/* ---- URIs ---- */

static const struct {
    const char *uri;
    const char *label; /* NULL: none */
    const char *id;
} uris[] = {
    {"pkcs11:object=a",                    "a",   NULL      },
    {"pkcs11:id=%01%02",                   NULL,  "\x01\x02"},
    {"pkcs11:token=t;object=a%20b;id=%ff", "a b", "\xff"    },
    {"pkcs11:object=",                     "",    NULL      },
    {"pkcs11:object=;id=",                 "",    ""        },
};

static void check_part(const ch_attributes *list, CK_ULONG at, CK_ATTRIBUTE_TYPE type, const char *value)
{
    ck_assert_uint_lt(at, list->count);
    ck_assert_uint_eq(list->items[at].type, type);
    ck_assert(ch_slice_is((ch_slice){list->items[at].pValue, list->items[at].ulValueLen}, value));
}

START_TEST(test_label_and_id_of_a_uri_are_added)
{
    ch_attributes list = {.count = 0};
    ch_autobuffer storage = CH_BUFFER_INIT;
    CK_ULONG at = 0;
    ck_assert_msg(ch_attributes_add_uri(&list, uris[_i].uri, &storage, &err) == CH_OK, "%s", err.message);
    if (uris[_i].label != NULL)
        check_part(&list, at++, CKA_LABEL, uris[_i].label);
    if (uris[_i].id != NULL)
        check_part(&list, at++, CKA_ID, uris[_i].id);
    ck_assert_uint_eq(list.count, at);
}
END_TEST

static const char *const refused[] = {
    "",
    "k",
    "object=k",
    "pkcs11:",
    "pkcs11:token=t",
    "pkcs11:object=%",
    "pkcs11:object=%zz",
    "pkcs11:label=k",
    "pkcs11:object=k?pin-value=1",
};

START_TEST(test_a_uri_that_names_no_object_is_refused_and_adds_nothing)
{
    ch_attributes list = {.count = 0};
    ch_autobuffer storage = CH_BUFFER_INIT;
    ck_assert_msg(ch_attributes_add_uri(&list, refused[_i], &storage, &err) == CH_CONFIG, "%s was taken", refused[_i]);
    ck_assert_uint_eq(list.count, 0);
}
END_TEST

/* Parts larger than a buffer's first piece of memory: the label must stay where it is when the id is added. */
START_TEST(test_long_parts_stay_where_they_are)
{
    ch_attributes list = {.count = 0};
    ch_autobuffer storage = CH_BUFFER_INIT;
    ch_autobuffer uri = CH_BUFFER_INIT;
    char label[1001] = "";
    memset(label, 'x', sizeof label - 1);
    ch_buffer_add_format(&uri, "pkcs11:object=%s;id=%s", label, label);
    ck_assert_int_eq(ch_attributes_add_uri(&list, ch_buffer_text(&uri), &storage, &err), CH_OK);
    check_part(&list, 0, CKA_LABEL, label);
    check_part(&list, 1, CKA_ID, label);
}
END_TEST

/* ---- lists ---- */

START_TEST(test_a_list_that_is_full_ends_the_process)
{
    pid_t child = fork();
    if (child == 0) {
        ch_attributes list = {.count = 0};
        signal(SIGABRT, SIG_DFL);
        for (size_t i = 0; i <= CH_ATTRIBUTES_MAX; i++)
            ch_attributes_add_bool(&list, CKA_SIGN, true);
        _exit(0);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
}
END_TEST

/* ---- objects ---- */

START_TEST(test_no_more_objects_are_returned_than_there_is_room_for)
{
    static const CK_OBJECT_CLASS class_ = CKO_SECRET_KEY;
    const ch_mechanism *hmac = ch_mechanism_find(CH_LITERAL("hmac-sha256"));
    ch_attributes list = {.count = 0};
    CK_OBJECT_HANDLE found[2] = {CK_INVALID_HANDLE, CK_INVALID_HANDLE};
    size_t count = 0;
    ck_assert_int_eq(ch_key_generate(&session, "l", hmac, 0, &err), CH_OK);
    ch_attributes_add_ulong(&list, CKA_CLASS, &class_);
    ck_assert_int_eq(ch_objects_find(&session, &list, found, 1, &count, &err), CH_OK);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(found[1], CK_INVALID_HANDLE);
    ck_assert_int_eq(ch_objects_find(&session, &list, found, 2, &count, &err), CH_OK);
    ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(test_a_value_that_is_hidden_or_missing_is_not_read)
{
    ch_autobuffer value = CH_BUFFER_INIT;
    CK_ULONG number = 0;
    ck_assert_int_eq(ch_attribute_bytes(&session, key.handle, CKA_VALUE, &value, &err), CH_TOKEN);
    ck_assert_str_eq(err.rule, "CKR_ATTRIBUTE_SENSITIVE");
    ck_assert_int_eq(ch_attribute_bytes(&session, key.handle, CKA_MODULUS, &value, &err), CH_TOKEN);
    ck_assert_str_eq(err.rule, "CKR_ATTRIBUTE_TYPE_INVALID");
    ck_assert_int_eq(ch_attribute_ulong(&session, key.handle, CKA_SIGN, &number, &err), CH_TOKEN);
    ck_assert_uint_eq(value.size, 0);
    ck_assert(!ch_attribute_is_true(&session, key.handle, CKA_KEY_TYPE));
    ck_assert(!ch_attribute_is_true(&session, key.handle + 1000, CKA_SIGN));
}
END_TEST

START_TEST(test_what_an_object_shows_is_read)
{
    ch_autobuffer label = CH_BUFFER_INIT;
    CK_ULONG type = 0;
    ck_assert(ch_attribute_is_true(&session, key.handle, CKA_SIGN));
    ck_assert(!ch_attribute_is_true(&session, key.handle, CKA_EXTRACTABLE));
    ck_assert_int_eq(ch_attribute_ulong(&session, key.handle, CKA_KEY_TYPE, &type, &err), CH_OK);
    ck_assert_uint_eq(type, CKK_GENERIC_SECRET);
    ck_assert_int_eq(ch_attribute_bytes(&session, key.handle, CKA_LABEL, &label, &err), CH_OK);
    ck_assert_str_eq(ch_buffer_text(&label), "k");
}
END_TEST

CH_TESTS_WITH("attributes", set_up, tear_down, CH_TEST_ROWS(test_label_and_id_of_a_uri_are_added, uris),
              CH_TEST_ROWS(test_a_uri_that_names_no_object_is_refused_and_adds_nothing, refused),
              CH_TEST(test_long_parts_stay_where_they_are), CH_TEST(test_a_list_that_is_full_ends_the_process),
              CH_TEST(test_no_more_objects_are_returned_than_there_is_room_for),
              CH_TEST(test_a_value_that_is_hidden_or_missing_is_not_read), CH_TEST(test_what_an_object_shows_is_read))
