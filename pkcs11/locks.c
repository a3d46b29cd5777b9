#include "pkcs11/locks.h"

#include "base/memory.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

/* glibc has mutexes that spin, and mutexes that a thread may take twice, but none that do both. A module holds its
 * mutexes for less time than it takes to sleep and to be woken. */
#define LOOKS 100

static CK_RV create_mutex(CK_VOID_PTR_PTR mutex)
{
    pthread_mutex_t *made = ch_alloc(sizeof(pthread_mutex_t));
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
    int failed = pthread_mutex_init(made, &kind);
    pthread_mutexattr_destroy(&kind);
    if (failed != 0) {
        free(made);
        return CKR_GENERAL_ERROR;
    }
    *mutex = made;
    return CKR_OK;
}

static bool is_soon_mine(pthread_mutex_t *mutex)
{
    for (int i = 0; i < LOOKS; i++) {
        if (pthread_mutex_trylock(mutex) == 0)
            return true;
    }
    return false;
}

static CK_RV lock_mutex(CK_VOID_PTR mutex)
{
    if (mutex == NULL)
        return CKR_MUTEX_BAD;
    return is_soon_mine(mutex) || pthread_mutex_lock(mutex) == 0 ? CKR_OK : CKR_MUTEX_BAD;
}

static CK_RV unlock_mutex(CK_VOID_PTR mutex)
{
    if (mutex == NULL)
        return CKR_MUTEX_BAD;
    return pthread_mutex_unlock(mutex) == 0 ? CKR_OK : CKR_MUTEX_NOT_LOCKED;
}

/* POSIX does not say what happens if a mutex is destroyed while it is held, so ask first; glibc refuses if its holder
 * is this thread. */
static CK_RV destroy_mutex(CK_VOID_PTR mutex)
{
    if (mutex == NULL || pthread_mutex_trylock(mutex) != 0)
        return CKR_MUTEX_BAD;
    pthread_mutex_unlock(mutex);
    if (pthread_mutex_destroy(mutex) != 0)
        return CKR_MUTEX_BAD;
    free(mutex);
    return CKR_OK;
}

CK_C_INITIALIZE_ARGS ch_locks_init_args(void)
{
    return (CK_C_INITIALIZE_ARGS){.CreateMutex = create_mutex,
                                  .DestroyMutex = destroy_mutex,
                                  .LockMutex = lock_mutex,
                                  .UnlockMutex = unlock_mutex,
                                  .flags = CKF_OS_LOCKING_OK};
}
