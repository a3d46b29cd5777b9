#include "pkcs11/key.h"

#include "pkcs11/attributes.h"

#include <stdio.h>
#include <string.h>

#define DIGITS 8 /* CK_DATE: "20270131" */

static void read_date(ch_session *session, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, char out[static CH_DATE_SIZE])
{
    ch_autobuffer date = CH_BUFFER_INIT;
    ch_error ignored = CH_ERROR_INIT;
    out[0] = '\0';
    if (ch_attribute_bytes(session, key, type, &date, &ignored) != CH_OK || date.size != DIGITS)
        return;
    const char *text = ch_buffer_text(&date);
    if (strspn(text, "0123456789") == DIGITS)
        snprintf(out, CH_DATE_SIZE, "%.4s-%.2s-%.2s", text, text + 4, text + 6);
}

void ch_key_dates_read(ch_session *session, CK_OBJECT_HANDLE key, char start[static CH_DATE_SIZE],
                       char end[static CH_DATE_SIZE])
{
    read_date(session, key, CKA_START_DATE, start);
    read_date(session, key, CKA_END_DATE, end);
}

static void add_date(ch_attributes *wanted, CK_ATTRIBUTE_TYPE type, const char *day, CK_DATE *storage)
{
    memcpy(storage->year, day, 4);
    memcpy(storage->month, day + 5, 2);
    memcpy(storage->day, day + 8, 2);
    ch_attributes_add(wanted, type, storage, sizeof *storage);
}

static void set(ch_session *session, CK_OBJECT_HANDLE key, ch_attributes *dates)
{
    ch_token_functions(session->token)->C_SetAttributeValue(session->handle, key, dates->items, dates->count);
}

/* SoftHSM2 takes dates of private objects, and then fails to read them: it stores them in the clear, and decrypts what
 * it reads (2.6.1). Empty ones it reads. */
static void take_back(ch_session *session, CK_OBJECT_HANDLE key)
{
    ch_attributes wanted = {.count = 0};
    ch_attributes_add(&wanted, CKA_START_DATE, NULL, 0);
    ch_attributes_add(&wanted, CKA_END_DATE, NULL, 0);
    set(session, key, &wanted);
}

ch_status ch_key_dates_set(ch_session *session, const char *uri, const char *start, const char *end, bool *are_kept,
                           ch_error *err)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_OBJECT_CLASS key_class;
    ch_attributes wanted = {.count = 0};
    CK_DATE dates[2];
    char kept_start[CH_DATE_SIZE];
    char kept_end[CH_DATE_SIZE];
    CH_TRY(ch_key_find_any(session, uri, &key, &key_class, err));
    add_date(&wanted, CKA_START_DATE, start, &dates[0]);
    add_date(&wanted, CKA_END_DATE, end, &dates[1]);
    set(session, key, &wanted);
    ch_key_dates_read(session, key, kept_start, kept_end);
    *are_kept = strcmp(kept_start, start) == 0 && strcmp(kept_end, end) == 0;
    if (!*are_kept)
        take_back(session, key);
    return CH_OK;
}
