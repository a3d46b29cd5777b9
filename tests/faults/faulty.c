/* Every function of the list that is shown goes the same way: what the call is about is noted, rules may act, the
 * device is called, rules may act again, and the log gets its line. */
#include "tests/faults/call.h"
#include "tests/faults/control.h"
#include "tests/faults/models.h"
#include "tests/faults/record.h"
#include "tests/faults/sessions.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MODULE "/usr/lib/softhsm/libsofthsm2.so"

static CK_FUNCTION_LIST shown;
static atomic_bool is_initialized;

static bool is(const call *now, const char *name)
{
    return strcmp(now->name, name) == 0;
}

/* ---- what Cryptoki forbids ---- */

static void check_begin(const call *now)
{
    const char *other = session_enter(now->session, now->name);
    if (!is_initialized && !is(now, "C_Initialize") && !is(now, "C_Finalize"))
        record_violation("%s while the module is not initialised", now->name);
    if (other != NULL)
        record_violation("two threads in session %lu: %s and %s", now->session, other, now->name);
}

static void check_end(const call *now)
{
    session_leave(now->session);
    if (is(now, "C_Initialize") && (now->result == CKR_OK || now->result == CKR_CRYPTOKI_ALREADY_INITIALIZED))
        is_initialized = true;
    if (is(now, "C_Finalize") && now->result == CKR_OK)
        is_initialized = false;
}

/* ---- what a call is about ---- */

static void read_label(call *now)
{
    CK_ATTRIBUTE label = {CKA_LABEL, now->key, sizeof now->key - 1};
    if (now->object != CK_INVALID_HANDLE && control_has_labels() &&
        real->C_GetAttributeValue(now->session, now->object, &label, 1) == CKR_OK)
        now->key[label.ulValueLen] = '\0';
    else
        now->key[0] = '\0';
}

static void learn(call *now)
{
    if (now->signs) {
        session_recall_signing(now);
        return;
    }
    read_label(now);
    if (now->mechanism != NULL)
        now->type = *now->mechanism;
    if (now->begins_signing)
        session_begin_signing(now);
}

/* ---- every call ---- */

/* Returns false if the token is not asked. */
static bool begin(call *now)
{
    uint64_t stamp = control_look();
    check_begin(now);
    learn(now);
    record_begin(now);
    now->result = models_before(now, stamp);
    return now->result == CKR_OK && control_before(now);
}

static CK_RV end(call *now)
{
    check_end(now);
    record_end(now);
    return now->result;
}

#define CALL(function, parameters, arguments, ...)                                                                     \
    static CK_RV my_##function parameters                                                                              \
    {                                                                                                                  \
        call now = {.name = #function, __VA_ARGS__};                                                                   \
        if (begin(&now)) {                                                                                             \
            now.result = device.function arguments;                                                                    \
            control_after(&now);                                                                                       \
        }                                                                                                              \
        return end(&now);                                                                                              \
    }
#include "tests/faults/calls.def"
#undef CALL

/* ---- the module ---- */

static CK_C_GetFunctionList load(void)
{
    const char *name = getenv("FAULTS_MODULE");
    CK_C_GetFunctionList found = NULL;
    void *object = dlopen(name == NULL ? DEFAULT_MODULE : name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (object == NULL)
        fprintf(stderr, "faulty: %s\n", dlerror());
    else
        *(void **)&found = dlsym(object, "C_GetFunctionList");
    return found;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    CK_C_GetFunctionList get = load();
    if (get == NULL || get(&real) != CKR_OK)
        return CKR_GENERAL_ERROR;
    models_begin();
    shown = *real;
#define CALL(function, ...) shown.function = my_##function;
#include "tests/faults/calls.def"
#undef CALL
    *list = &shown;
    return CKR_OK;
}
