/* libp11 finds the slots where it can, and cannot always: it initialises the module a second time, which some modules
 * refuse and slow ones take their time for, and one slot that fails hides all others from it (libp11 0.4.12). Then
 * Cryptoki itself is asked. libp11's context is kept from load to unload, because unloading it finalises the module for
 * everyone. */
#include "pkcs11/module.h"

#include "base/clock.h"
#include "base/memory.h"
#include "pkcs11/ckr.h"
#include "pkcs11/locks.h"

#include <assert.h>
#include <dlfcn.h>
#include <libp11.h>
#include <openssl/err.h>
#include <stdlib.h>

#define SLOTS_MAX 4096
#define SLOW_START_MS 500 /* a module that took so long is not initialised a second time */

struct ch_module {
    ch_module_file file;
    void *object; /* from dlopen */
    CK_FUNCTION_LIST *functions;
    PKCS11_CTX *context; /* NULL: libp11 has no part in it */
    bool is_slow;
    CK_SLOT_ID *slots;
    size_t slot_count;
};

static ch_status get_functions(ch_module *module, ch_error *err)
{
    const char *path = module->file.path;
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

/* ---- initialising ---- */

/* The reserved string comes last in Cryptoki's struct; NSS reads one pointer more, which must be NULL. */
typedef struct init_args {
    CK_C_INITIALIZE_ARGS args;
    void *beyond;
} init_args;

static CK_RV initialise_with(const ch_module *module, CK_C_INITIALIZE_ARGS args)
{
    init_args how = {.args = args};
    how.args.pReserved = module->file.init_args;
    return module->functions->C_Initialize(&how);
}

/* Before libp11 does it, so that the locks are ours, unless the module takes only its own. */
static ch_status initialise(ch_module *module, ch_error *err)
{
    uint64_t begun_ms = ch_clock_ms();
    CK_RV rv = initialise_with(module, ch_locks_init_args());
    if (rv == CKR_CANT_LOCK || rv == CKR_ARGUMENTS_BAD)
        rv = initialise_with(module, (CK_C_INITIALIZE_ARGS){.flags = CKF_OS_LOCKING_OK});
    module->is_slow = ch_clock_ms() - begun_ms > SLOW_START_MS;
    if (rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
        return CH_OK;
    return ch_ckr_fail(
        err, rv, "initialising the module %s (is its own configuration right?%s; docs/tokens says what to look at)",
        module->file.path,
        rv == CKR_ARGUMENTS_BAD && module->file.init_args == NULL ? " Some, as that of NSS, need init_args" : "");
}

/* ---- slots ---- */

static void add_slot(ch_module *module, CK_SLOT_ID slot)
{
    module->slots[module->slot_count++] = slot;
}

static bool load_into_libp11(ch_module *module)
{
    module->context = module->is_slow ? NULL : PKCS11_CTX_new();
    if (module->context == NULL)
        return false;
    PKCS11_CTX_init_args(module->context, module->file.init_args);
    if (PKCS11_CTX_load(module->context, module->file.path) == 0)
        return true;
    PKCS11_CTX_free(module->context);
    module->context = NULL;
    return false;
}

static bool list_by_libp11(ch_module *module)
{
    PKCS11_SLOT *slots = NULL;
    unsigned count = 0;
    if (!load_into_libp11(module) || PKCS11_enumerate_slots(module->context, &slots, &count) != 0)
        return false;
    module->slots = ch_alloc((count + 1) * sizeof *module->slots);
    for (unsigned i = 0; i < count; i++) {
        if (slots[i].token != NULL)
            add_slot(module, PKCS11_get_slotid_from_slot(&slots[i]));
    }
    PKCS11_release_all_slots(module->context, slots, count);
    return true;
}

static ch_status list_by_cryptoki(ch_module *module, ch_error *err)
{
    CK_ULONG count = 0;
    CK_RV rv = module->functions->C_GetSlotList(CK_FALSE, NULL, &count); /* has readers looked for anew */
    if (rv == CKR_OK)
        rv = module->functions->C_GetSlotList(CK_TRUE, NULL, &count);
    if (rv == CKR_OK && count <= SLOTS_MAX) {
        module->slots = ch_alloc((count + 1) * sizeof *module->slots);
        rv = module->functions->C_GetSlotList(CK_TRUE, module->slots, &count);
    }
    if (rv != CKR_OK)
        return ch_ckr_fail(err, rv, "listing the slots of the module %s", module->file.path);
    if (count > SLOTS_MAX)
        return ch_fail(err, CH_TOKEN, "the module %s says that it has %lu slots", module->file.path, count);
    module->slot_count = count;
    return CH_OK;
}

static ch_status list_slots(ch_module *module, ch_error *err)
{
    ch_status st = list_by_libp11(module) ? CH_OK : list_by_cryptoki(module, err);
    ERR_clear_error(); /* libp11 leaves its failures in OpenSSL's queue */
    return st;
}

/* ---- the module ---- */

ch_status ch_module_load(const ch_module_name *name, ch_module **out, ch_error *err)
{
    ch_automodule module = ch_alloc(sizeof *module);
    CH_TRY(ch_module_path_trusted(name, &module->file, err));
    CH_TRY(get_functions(module, err));
    CH_TRY(initialise(module, err));
    CH_TRY(list_slots(module, err));
    *out = module;
    module = NULL;
    return CH_OK;
}

void ch_module_unload(ch_module *module)
{
    if (module == NULL)
        return;
    if (module->context != NULL)
        PKCS11_CTX_unload(module->context);
    if (module->functions != NULL)
        module->functions->C_Finalize(NULL); /* libp11 has done it, if its instance is ours too */
    if (module->object != NULL)
        dlclose(module->object);
    if (module->context != NULL)
        PKCS11_CTX_free(module->context);
    ch_module_file_free(&module->file);
    free(module->slots);
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

CK_SLOT_ID ch_module_slot(const ch_module *module, size_t index)
{
    assert(index < module->slot_count);
    return module->slots[index];
}
