/* RFC 7512 URIs, parsed by p11-kit, and refused if they hold a PIN, a part that is not looked at later, an empty part,
 * or one part twice. Thread-safe. */
#ifndef CH_PKCS11_URI_H
#define CH_PKCS11_URI_H

#include "base/error.h"
#include "pkcs11/mechanism.h"

#include <p11-kit/uri.h>

/* CH_CONFIG says what is wrong without quoting a value of the URI. The caller frees `*out` with p11_kit_uri_free. */
CH_CHECKED ch_status ch_uri_parse(const char *text, P11KitUri **out, ch_error *err);
/* The URI of a key object, for the process of a token that is chosen already: it names `object` or `id` (or both), may
 * say `type`, which must be one of a key that signs, and nothing that would choose a token, a slot or a module: a part
 * that is not looked at could be read as if it were. */
CH_CHECKED ch_status ch_uri_check_object(const char *text, ch_error *err);
/* The same, and the type that such a URI names, if it does, must be the class of keys of `mechanism`. */
CH_CHECKED ch_status ch_uri_check_class(const char *text, const ch_mechanism *mechanism, ch_error *err);
/* Returns a copy of the label that the URI of an object names, or NULL if it names none or is malformed. */
char *ch_uri_label(const char *text);
/* The URI of a token, for a module that is chosen already: it holds nothing but `token`, `manufacturer`, `model`,
 * `serial` and `slot-id`, none of them empty. */
CH_CHECKED ch_status ch_uri_check_token(const char *text, ch_error *err);

#endif
