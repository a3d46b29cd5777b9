/* libp11's context is kept from load to unload, because unloading it finalises the module for everyone. */
#include "pkcs11/module.h"

#include "base/memory.h"
#include "pkcs11/ckr.h"
#include "pkcs11/locks.h"
#include "pkcs11/module_path.h"

#include <assert.h>
#include <dlfcn.h>
#include <libp11.h>
#include <stdlib.h>

struct ch_module {
    void *object; /* from dlopen */
    CK_FUNCTION_LIST *functions;
    PKCS11_CTX *context;
    bool is_in_libp11;
    PKCS11_SLOT *slots;
    unsigned slot_count;
};

static ch_status get_functions(ch_module *module, const char *path, ch_error *err)
{
    CK_C_GetFunctionList get_list = NULL;
    /* It stays loaded after the unload: modules with threads or exit handlers do not survive a second load. */
    module->object = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (module->object == NULL)
        return ch_fail(err, CH_UNAVAILABLE, "the PKCS#11 module %s can't be loaded: %s", path, dlerror());
    *(void **)&get_list = dlsym(module->object, "C_GetFunctionList");
    if (get_list == NULL)
        return ch_fail(err, CH_CONFIG, "%s is not a PKCS#11 module: it has no C_GetFunctionList", path);
    CK_RV rv = get_list(&module->functions);
    return rv == CKR_OK ? CH_OK : ch_ckr_fail(err, rv, "asking the module %s for its function list", path);
}

/* Before libp11 does it, so that the locks are ours. */
static ch_status initialise(ch_module *module, const char *path, ch_error *err)
{
    CK_C_INITIALIZE_ARGS how = ch_locks_init_args();
    CK_C_INITIALIZE_ARGS own_locks = {.flags = CKF_OS_LOCKING_OK};
    CK_RV rv = module->functions->C_Initialize(&how);
    if (rv == CKR_CANT_LOCK)
        rv = module->functions->C_Initialize(&own_locks);
    if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
        return ch_ckr_fail(err, rv, "initialising the module %s (is its own configuration right?)", path);
    return CH_OK;
}

static ch_status list_slots(ch_module *module, const char *path, ch_error *err)
{
    module->context = PKCS11_CTX_new();
    if (module->context == NULL)
        return ch_fail(err, CH_INTERNAL, "libp11 can't be started");
    module->is_in_libp11 = PKCS11_CTX_load(module->context, path) == 0;
    if (!module->is_in_libp11)
        return ch_fail(err, CH_UNAVAILABLE, "libp11 can't use the PKCS#11 module %s", path);
    if (PKCS11_enumerate_slots(module->context, &module->slots, &module->slot_count) != 0)
        return ch_fail(err, CH_UNAVAILABLE, "the slots of module %s can't be listed", path);
    return CH_OK;
}

ch_status ch_module_load(const char *name, ch_module **out, ch_error *err)
{
    ch_autofree char *path = NULL;
    ch_automodule module = ch_alloc(sizeof *module);
    CH_TRY(ch_module_path_trusted(name, &path, err));
    CH_TRY(get_functions(module, path, err));
    CH_TRY(initialise(module, path, err));
    CH_TRY(list_slots(module, path, err));
    *out = module;
    module = NULL;
    return CH_OK;
}

void ch_module_unload(ch_module *module)
{
    if (module == NULL)
        return;
    if (module->slots != NULL)
        PKCS11_release_all_slots(module->context, module->slots, module->slot_count);
    if (module->is_in_libp11)
        PKCS11_CTX_unload(module->context);
    if (module->functions != NULL)
        module->functions->C_Finalize(NULL); /* libp11 has done it, if its instance is ours too */
    if (module->object != NULL)
        dlclose(module->object);
    if (module->context != NULL)
        PKCS11_CTX_free(module->context);
    free(module);
}

void ch_module_unload_(ch_module **module)
{
    ch_module_unload(*module);
}

CK_FUNCTION_LIST *ch_module_functions(const ch_module *module)
{
    return module->functions;
}

size_t ch_module_slot_count(const ch_module *module)
{
    return module->slot_count;
}

bool ch_module_has_token(const ch_module *module, size_t index)
{
    assert(index < module->slot_count);
    return module->slots[index].token != NULL;
}

CK_SLOT_ID ch_module_slot(const ch_module *module, size_t index)
{
    assert(index < module->slot_count);
    return PKCS11_get_slotid_from_slot(&module->slots[index]);
}
