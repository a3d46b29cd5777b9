/* RFC 7512 URIs, parsed by p11-kit, and refused if they hold a PIN or an unknown part. Thread-safe. */
#ifndef CH_PKCS11_URI_H
#define CH_PKCS11_URI_H

#include "base/error.h"

#include <p11-kit/uri.h>

/* CH_CONFIG says what is wrong without quoting the URI. The caller frees `*out` with p11_kit_uri_free. */
CH_CHECKED ch_status ch_uri_parse(const char *text, P11KitUri **out, ch_error *err);
/* The same, if only the answer matters. */
CH_CHECKED ch_status ch_uri_check(const char *text, ch_error *err);

#endif
