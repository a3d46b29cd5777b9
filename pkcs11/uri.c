/* To know before a change: what is wrong with a URI is said without quoting a value of it, because it may hold a PIN in
 * a spelling that only the parser knows (it skips white space, and takes names of its own). The parser also passes over
 * empty parts and names that it does not know, and of a part that comes twice takes the last; so the text is split here
 * as well, and each part must be one that is looked at later. */
#include "pkcs11/uri.h"

#include "base/memory.h"
#include "base/slice.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- parts ---- */

#define OF_TOKEN 1U
#define OF_OBJECT 2U

/* What is looked at: the part of a token by ch_token_open, that of an object by ch_attributes_add_uri. */
static const struct {
    const char *name;
    unsigned of;
} parts[] = {
    {"token",        OF_TOKEN },
    {"manufacturer", OF_TOKEN },
    {"model",        OF_TOKEN },
    {"serial",       OF_TOKEN },
    {"slot-id",      OF_TOKEN },
    {"object",       OF_OBJECT},
    {"id",           OF_OBJECT},
    {"type",         OF_OBJECT},
};
#define PARTS (sizeof parts / sizeof *parts)

/* What a URI is for, and so which parts it may have. */
typedef struct use {
    unsigned of;
    const char *thing;
    bool (*is_nothing)(ch_slice value); /* NULL: any value will do */
    const char *rule;
} use;

static bool is_empty(ch_slice value)
{
    return value.size == 0;
}

/* A token pads its texts with blanks, and to the parser a text that begins with a zero byte is not there. */
static bool is_blank(ch_slice value)
{
    if (memmem(value.data, value.size, "%00", 3) != NULL)
        return true;
    while (value.size >= 3 && memcmp(value.data, "%20", 3) == 0)
        value = (ch_slice){value.data + 3, value.size - 3};
    return value.size == 0;
}

static const use any_use = {OF_TOKEN | OF_OBJECT, "", NULL,
                            "use token, manufacturer, model, serial, slot-id, object, id and type"};
static const use token_use = {
    OF_TOKEN, "token", is_blank,
    "the URI of a token can hold token, manufacturer, model, serial and slot-id, and must not "
    "name an object or a module"};
static const use object_use = {
    OF_OBJECT, "object", is_empty,
    "the URI of a key object can hold object, id and type, and must not choose a token, slot "
    "or module"};

/* Its index, or PARTS. */
static size_t find_part(ch_slice name)
{
    size_t i = 0;
    while (i < PARTS && !ch_slice_is(name, parts[i].name))
        i++;
    return i;
}

/* A name that looks like one is quoted; anything else may be a slip that holds a PIN. */
static ch_status refuse_part(ch_slice name, const use *what, ch_error *err)
{
    bool is_plain = name.size > 0 && name.size <= 20;
    for (size_t i = 0; i < name.size && is_plain; i++)
        is_plain = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_", name.data[i]) != NULL;
    return is_plain
               ? ch_fail(err, CH_CONFIG, "the URI's part '%.*s' is not looked at: %s", CH_SLICE_ARGS(name), what->rule)
               : ch_fail(err, CH_CONFIG, "the URI has a part that is not looked at: %s", what->rule);
}

/* The parser does not look whether a number is too large, and the largest is its word for none. */
static bool is_slot(ch_slice value)
{
    ch_autofree char *text = ch_slice_strdup(value);
    errno = 0;
    return strspn(text, "0123456789") == value.size && value.size > 0 && strtoul(text, NULL, 10) < (CK_SLOT_ID)-1 &&
           errno == 0;
}

static ch_status check_part(ch_slice part, const use *what, unsigned *seen, ch_error *err)
{
    const uint8_t *sign = memchr(part.data, '=', part.size);
    if (part.size == 0)
        return ch_fail(err, CH_CONFIG, "the URI has an empty part; delete the ';' that is too much");
    if (sign == NULL)
        return ch_fail(err, CH_CONFIG, "the URI has a part without '='");
    ch_slice name = {part.data, (size_t)(sign - part.data)};
    ch_slice value = {sign + 1, part.size - name.size - 1};
    size_t i = find_part(name);
    if (i == PARTS || (parts[i].of & what->of) == 0)
        return refuse_part(name, what, err);
    if ((*seen >> i & 1) != 0)
        return ch_fail(err, CH_CONFIG, "the URI holds '%s' twice; delete one", parts[i].name);
    *seen |= 1U << i;
    if (strcmp(parts[i].name, "slot-id") == 0 && !is_slot(value))
        return ch_fail(err, CH_CONFIG, "the URI's part 'slot-id' is not the number of a slot");
    if (what->is_nothing != NULL && what->is_nothing(value))
        return ch_fail(err, CH_CONFIG,
                       "the URI's part '%s' is empty or blank, so it names no %s; give it a value or delete it",
                       parts[i].name, what->thing);
    return CH_OK;
}

/* After '?' stand only PINs and modules, and what no standard knows. */
static ch_status check_query(const char *query, const use *what, ch_error *err)
{
    size_t size = strcspn(query, "=&");
    return refuse_part((ch_slice){(const uint8_t *)query, query[size] == '=' ? size : 0}, what, err);
}

static ch_status check_parts(const char *text, const use *what, ch_error *err)
{
    unsigned seen = 0;
    const char *at = strchr(text, ':') + 1; /* the parser has found it */
    const char *end = at + strcspn(at, "?");
    if (strchr(text, '#') != NULL)
        return ch_fail(err, CH_CONFIG, "the URI holds '#', which would begin another part; write it as %%23");
    for (bool is_more = at < end; is_more; at++) {
        size_t size = strcspn(at, ";?");
        CH_TRY(check_part((ch_slice){(const uint8_t *)at, size}, what, &seen, err));
        at += size;
        is_more = *at == ';';
    }
    return *end == '?' ? check_query(end + 1, what, err) : CH_OK;
}

/* ---- parsing ---- */

/* Text that looks like a PIN is refused, and so is what the parser takes for one. */
static bool has_pin(const char *text, P11KitUri *uri)
{
    return strcasestr(text, "pin-value") != NULL || strcasestr(text, "pin-source") != NULL ||
           p11_kit_uri_get_pin_value(uri) != NULL || p11_kit_uri_get_pin_source(uri) != NULL;
}

static ch_status parse(const char *text, const use *what, P11KitUri *uri, ch_error *err)
{
    int result = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
    if (has_pin(text, uri))
        return ch_fail(err, CH_CONFIG,
                       "a PKCS#11 URI must not hold a PIN (pin-value, pin-source); leave it out, the PIN is asked for "
                       "when needed");
    if (result != P11_KIT_URI_OK)
        return ch_fail(err, CH_CONFIG, "not a PKCS#11 URI (RFC 7512): %s", p11_kit_uri_message(result));
    CH_TRY(check_parts(text, what, err));
    if (p11_kit_uri_any_unrecognized(uri))
        return ch_fail(
            err, CH_CONFIG,
            "a part of the URI has a value that it cannot have: a text that is too long, or an unknown type");
    return CH_OK;
}

static ch_status parse_for(const char *text, const use *what, P11KitUri **out, ch_error *err)
{
    P11KitUri *uri = p11_kit_uri_new();
    ch_status st = parse(text, what, uri, err);
    if (st == CH_OK)
        *out = uri;
    else
        p11_kit_uri_free(uri);
    return st;
}

ch_status ch_uri_parse(const char *text, P11KitUri **out, ch_error *err)
{
    return parse_for(text, &any_use, out, err);
}

/* p11-kit skips white space, so "my key" would be read as "mykey". */
static bool has_white_space(const char *text)
{
    return text[strcspn(text, " \t\n\r\f\v")] != '\0';
}

static bool is_named(P11KitUri *uri, CK_ATTRIBUTE_TYPE type)
{
    const CK_ATTRIBUTE *part = p11_kit_uri_get_attribute(uri, type);
    return part != NULL && part->ulValueLen > 0;
}

static ch_status check_class(P11KitUri *uri, const ch_mechanism *mechanism, ch_error *err)
{
    const CK_ATTRIBUTE *type = p11_kit_uri_get_attribute(uri, CKA_CLASS);
    if (type == NULL)
        return CH_OK;
    CK_OBJECT_CLASS class_ = *(const CK_OBJECT_CLASS *)type->pValue;
    if (class_ != CKO_PRIVATE_KEY && class_ != CKO_SECRET_KEY)
        return ch_fail(err, CH_CONFIG, "only type=private and type=secret-key sign; correct the type, or leave it out");
    if (mechanism == NULL || mechanism->key_class == class_)
        return CH_OK;
    return ch_fail(err, CH_CONFIG, "the URI's type is not that of a key for %s, which is type=%s", mechanism->name,
                   mechanism->key_class == CKO_SECRET_KEY ? "secret-key" : "private");
}

static ch_status check_object(P11KitUri *uri, const ch_mechanism *mechanism, ch_error *err)
{
    if (!is_named(uri, CKA_LABEL) && !is_named(uri, CKA_ID))
        return ch_fail(err, CH_CONFIG, "the URI names no object; give object=LABEL or id=%%01%%02 in it");
    return check_class(uri, mechanism, err);
}

static ch_status parse_strictly(const char *text, const use *what, P11KitUri **out, ch_error *err)
{
    CH_TRY(parse_for(text, what, out, err));
    if (!has_white_space(text))
        return CH_OK;
    p11_kit_uri_free(*out);
    return ch_fail(err, CH_CONFIG, "the URI holds white space; write a space as %%20");
}

ch_status ch_uri_check_class(const char *text, const ch_mechanism *mechanism, ch_error *err)
{
    P11KitUri *uri = NULL;
    CH_TRY(parse_strictly(text, &object_use, &uri, err));
    ch_status st = check_object(uri, mechanism, err);
    p11_kit_uri_free(uri);
    return st;
}

ch_status ch_uri_check_object(const char *text, ch_error *err)
{
    return ch_uri_check_class(text, NULL, err);
}

char *ch_uri_label(const char *text)
{
    P11KitUri *uri = NULL;
    ch_error ignored = CH_ERROR_INIT;
    char *label = NULL;
    if (ch_uri_parse(text, &uri, &ignored) != CH_OK)
        return NULL;
    const CK_ATTRIBUTE *part = p11_kit_uri_get_attribute(uri, CKA_LABEL);
    if (part != NULL)
        label = ch_slice_strdup((ch_slice){part->pValue, part->ulValueLen});
    p11_kit_uri_free(uri);
    return label;
}

ch_status ch_uri_check_token(const char *text, ch_error *err)
{
    P11KitUri *uri = NULL;
    CH_TRY(parse_strictly(text, &token_use, &uri, err));
    p11_kit_uri_free(uri);
    return CH_OK;
}
