/* Where a PKCS#11 module's file is. Needs no token and loads no vendor code, so it is for all. Thread-safe as long as
 * nobody changes the environment. */
#ifndef CH_PKCS11_MODULE_PATH_H
#define CH_PKCS11_MODULE_PATH_H

#include "base/error.h"

/* Finds the file: `name` is its path, or a p11-kit name that is looked up in p11-kit's own configuration, which nobody
 * else may be able to change (base/trust.h). The caller frees `*out`. CH_CONFIG names the places that were searched. */
CH_CHECKED ch_status ch_module_path(const char *name, char **out, ch_error *err);

/* The same, and the file is there, and nobody else can change it or put another in its place: code from it may run.
 * `*out` has no links in it. */
CH_CHECKED ch_status ch_module_path_trusted(const char *name, char **out, ch_error *err);

/* The same for who does not load it, and CH_CONFIG also if its header says that it is no shared library for this
 * machine.
 */
CH_CHECKED ch_status ch_module_path_check(const char *name, ch_error *err);

#endif
