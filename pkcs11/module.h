/* A PKCS#11 module: loaded, initialised with our locks (pkcs11/locks.h), its slots listed. For other rooms of pkcs11/
 * only.
 *
 * Who owns the module. It is loaded and initialised here; if the program has initialised it before, its locks stay in
 * use, and everything else is ours. libp11 then loads the same object (PKCS11_CTX_load), takes
 * CKR_CRYPTOKI_ALREADY_INITIALIZED for success, and finds slots and tokens; all else goes through the function list.
 * p11-kit's client is a different instance for each of the two, and each initialises its own. ch_module_unload
 * finalises last of all. One module a process at a time; not thread-safe. */
#ifndef CH_PKCS11_MODULE_H
#define CH_PKCS11_MODULE_H

#include "base/error.h"

#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct ch_module ch_module;

/* Loads a module by its path or p11-kit name. CH_CONFIG if there is none or somebody else could change its file,
 * CH_UNAVAILABLE if it can't be loaded. Unload it with ch_module_unload. */
CH_CHECKED ch_status ch_module_load(const char *name, ch_module **out, ch_error *err);
/* NULL is fine. Ends every session and login. */
void ch_module_unload(ch_module *module);
#define ch_automodule __attribute__((cleanup(ch_module_unload_))) ch_module *
void ch_module_unload_(ch_module **module);

CK_FUNCTION_LIST *ch_module_functions(const ch_module *module);

/* The slots as they were when the module was loaded. */
size_t ch_module_slot_count(const ch_module *module);
bool ch_module_has_token(const ch_module *module, size_t index);
CK_SLOT_ID ch_module_slot(const ch_module *module, size_t index);

#endif
