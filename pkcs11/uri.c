/* To know before a change: what is wrong with a URI is said without quoting it, because it may hold a PIN in a spelling
 * that only the parser knows (it skips white space, and takes names of its own). */
#include "pkcs11/uri.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Text that looks like a PIN is refused, and so is what the parser takes for one. */
static bool has_pin(const char *text, P11KitUri *uri)
{
    return strcasestr(text, "pin-value") != NULL || strcasestr(text, "pin-source") != NULL ||
           p11_kit_uri_get_pin_value(uri) != NULL || p11_kit_uri_get_pin_source(uri) != NULL;
}

static ch_status parse(const char *text, P11KitUri *uri, ch_error *err)
{
    int result = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
    if (has_pin(text, uri))
        return ch_fail(err, CH_CONFIG,
                       "a PKCS#11 URI must not hold a PIN (pin-value, pin-source); leave it out, the PIN is asked for "
                       "when needed");
    if (result != P11_KIT_URI_OK)
        return ch_fail(err, CH_CONFIG, "not a PKCS#11 URI (RFC 7512): %s", p11_kit_uri_message(result));
    if (p11_kit_uri_any_unrecognized(uri))
        return ch_fail(
            err, CH_CONFIG,
            "the PKCS#11 URI holds an unknown part; use token, manufacturer, model, serial, slot-id, object, "
            "id and type");
    return CH_OK;
}

ch_status ch_uri_parse(const char *text, P11KitUri **out, ch_error *err)
{
    P11KitUri *uri = p11_kit_uri_new();
    ch_status st = parse(text, uri, err);
    if (st == CH_OK)
        *out = uri;
    else
        p11_kit_uri_free(uri);
    return st;
}

ch_status ch_uri_check(const char *text, ch_error *err)
{
    P11KitUri *uri = NULL;
    CH_TRY(ch_uri_parse(text, &uri, err));
    p11_kit_uri_free(uri);
    return CH_OK;
}

/* p11-kit skips white space, so "my key" would be read as "mykey". */
static bool has_white_space(const char *text)
{
    return text[strcspn(text, " \t\n\r\f\v")] != '\0';
}

static bool names_module(P11KitUri *uri)
{
    const CK_INFO *module = p11_kit_uri_get_module_info(uri);
    return module->libraryDescription[0] != 0 || module->manufacturerID[0] != 0 ||
           p11_kit_uri_get_module_name(uri) != NULL || p11_kit_uri_get_module_path(uri) != NULL;
}

static bool names_token(P11KitUri *uri)
{
    const CK_TOKEN_INFO *token = p11_kit_uri_get_token_info(uri);
    return token->label[0] != 0 || token->manufacturerID[0] != 0 || token->model[0] != 0 ||
           token->serialNumber[0] != 0 || p11_kit_uri_get_slot_id(uri) != (CK_SLOT_ID)-1;
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
    if (names_token(uri) || names_module(uri))
        return ch_fail(
            err, CH_CONFIG,
            "the URI of a key object must not choose a token, slot or module; agent.yaml names the token, and "
            "here only object, id and type can stand");
    return check_class(uri, mechanism, err);
}

static ch_status check_token(P11KitUri *uri, ch_error *err)
{
    if (is_named(uri, CKA_LABEL) || is_named(uri, CKA_ID) || is_named(uri, CKA_CLASS))
        return ch_fail(err, CH_CONFIG,
                       "the URI of a token must not name an object; policy.yaml names the keys' objects");
    if (names_module(uri))
        return ch_fail(err, CH_CONFIG, "the URI of a token must not name a module; the field 'module' does");
    return CH_OK;
}

static ch_status parse_strictly(const char *text, P11KitUri **out, ch_error *err)
{
    CH_TRY(ch_uri_parse(text, out, err));
    if (!has_white_space(text))
        return CH_OK;
    p11_kit_uri_free(*out);
    return ch_fail(err, CH_CONFIG, "the URI holds white space; write a space as %%20");
}

ch_status ch_uri_check_class(const char *text, const ch_mechanism *mechanism, ch_error *err)
{
    P11KitUri *uri = NULL;
    CH_TRY(parse_strictly(text, &uri, err));
    ch_status st = check_object(uri, mechanism, err);
    p11_kit_uri_free(uri);
    return st;
}

ch_status ch_uri_check_object(const char *text, ch_error *err)
{
    return ch_uri_check_class(text, NULL, err);
}

ch_status ch_uri_check_token(const char *text, ch_error *err)
{
    P11KitUri *uri = NULL;
    CH_TRY(parse_strictly(text, &uri, err));
    ch_status st = check_token(uri, err);
    p11_kit_uri_free(uri);
    return st;
}
