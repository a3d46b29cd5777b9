/* Where a PKCS#11 module's file is: a path as given, or a p11-kit name looked up in p11-kit's own configuration. */
#ifndef CH_PKCS11_MODULE_H
#define CH_PKCS11_MODULE_H

#include "base/error.h"

/* `*out` is the caller's to free. CH_CONFIG names the places that were looked in. */
CH_CHECKED ch_status ch_module_path(const char *module, char **out, ch_error *err);

#endif
