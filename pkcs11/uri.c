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
