/* A PKCS#11 module: loaded, initialised with our locks (pkcs11/locks.h), the slots that hold a token listed. For other
 * rooms of pkcs11/ only.
 *
 * Who owns the module. It is loaded and initialised here; if the program has initialised it before, its locks stay in
 * use, and everything else is ours. libp11 then loads the same object (PKCS11_CTX_load), takes
 * CKR_CRYPTOKI_ALREADY_INITIALIZED for success, and finds the slots; all else goes through the function list.
 * p11-kit's client is a different instance for each of the two, and each initialises its own. ch_module_unload
 * finalises last of all. One module a process at a time; not thread-safe. */
#ifndef CH_PKCS11_MODULE_H
#define CH_PKCS11_MODULE_H

#include "pkcs11/module_path.h"

#include <p11-kit/pkcs11.h>
#include <stddef.h>

typedef struct ch_module ch_module;

/* Loads a module and initialises it. CH_CONFIG if there is none or somebody else could change its file, CH_UNAVAILABLE
 * if it can't be loaded; else what its own failure means. Unload it with ch_module_unload. */
CH_CHECKED ch_status ch_module_load(const ch_module_name *name, ch_module **out, ch_error *err);
/* NULL is fine. Ends every session and login. */
void ch_module_unload(ch_module *module);
#define ch_automodule __attribute__((cleanup(ch_module_unload_))) ch_module *
void ch_module_unload_(ch_module **module);

CK_FUNCTION_LIST *ch_module_functions(const ch_module *module);

/* The slots that held a token, or had room for a new one, when the module was loaded. */
size_t ch_module_slot_count(const ch_module *module);
CK_SLOT_ID ch_module_slot(const ch_module *module, size_t index);

#endif
