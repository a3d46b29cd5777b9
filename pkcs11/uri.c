#include "pkcs11/uri.h"

#include <stddef.h>
#include <string.h>

ch_status ch_uri_parse(const char *text, P11KitUri **out, ch_error *err)
{
    /* Before anything else, so that no message below quotes a PIN. */
    if (strstr(text, "pin-value=") != NULL || strstr(text, "pin-source=") != NULL)
        return ch_fail(err, CH_CONFIG,
                       "a PKCS#11 URI with pin-value or pin-source is refused; the PIN is asked for when needed");
    P11KitUri *uri = p11_kit_uri_new();
    int result = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
    ch_status st = CH_OK;
    if (result != P11_KIT_URI_OK)
        st = ch_fail(err, CH_CONFIG, "'%s' is not a PKCS#11 URI (RFC 7512): %s", text, p11_kit_uri_message(result));
    else if (p11_kit_uri_any_unrecognized(uri))
        st = ch_fail(err, CH_CONFIG,
                     "the PKCS#11 URI holds a part that is not known; known are token, manufacturer, "
                     "model, serial, slot-id, object, id and type");
    if (st != CH_OK)
        p11_kit_uri_free(uri);
    else
        *out = uri;
    return st;
}

ch_status ch_uri_check(const char *text, ch_error *err)
{
    P11KitUri *uri = NULL;
    CH_TRY(ch_uri_parse(text, &uri, err));
    p11_kit_uri_free(uri);
    return CH_OK;
}
