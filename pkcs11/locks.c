#include "pkcs11/locks.h"

#include "base/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

static _Thread_local char me; /* its address stands for the thread, and costs less than pthread_self() */

/* glibc has mutexes that spin, and mutexes that a thread may take twice, but none that do both. */
typedef struct lock {
    pthread_mutex_t mutex;
    _Atomic(const char *) holder; /* only the thread that holds it finds itself here */
    unsigned again;               /* how often the holder took it besides */
} lock;

static bool is_mine(const lock *held)
{
    return atomic_load_explicit(&held->holder, memory_order_relaxed) == &me;
}

static void set_holder(lock *held, const char *thread)
{
    atomic_store_explicit(&held->holder, thread, memory_order_relaxed);
}

static CK_RV create_mutex(CK_VOID_PTR_PTR mutex)
{
    lock *made = ch_alloc(sizeof *made);
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ADAPTIVE_NP);
    int failed = pthread_mutex_init(&made->mutex, &kind);
    pthread_mutexattr_destroy(&kind);
    if (failed != 0) {
        free(made);
        return CKR_GENERAL_ERROR;
    }
    *mutex = made;
    return CKR_OK;
}

/* POSIX does not say what happens if a mutex is destroyed while it is held, so ask first. */
static CK_RV destroy_mutex(CK_VOID_PTR mutex)
{
    lock *it = mutex;
    if (it == NULL || pthread_mutex_trylock(&it->mutex) != 0)
        return CKR_MUTEX_BAD;
    pthread_mutex_unlock(&it->mutex);
    pthread_mutex_destroy(&it->mutex);
    free(it);
    return CKR_OK;
}

static CK_RV lock_mutex(CK_VOID_PTR mutex)
{
    lock *it = mutex;
    if (it == NULL)
        return CKR_MUTEX_BAD;
    if (is_mine(it)) {
        it->again++;
        return CKR_OK;
    }
    if (pthread_mutex_lock(&it->mutex) != 0)
        return CKR_MUTEX_BAD;
    set_holder(it, &me);
    return CKR_OK;
}

static CK_RV unlock_mutex(CK_VOID_PTR mutex)
{
    lock *it = mutex;
    if (it == NULL)
        return CKR_MUTEX_BAD;
    if (!is_mine(it))
        return CKR_MUTEX_NOT_LOCKED;
    if (it->again > 0) {
        it->again--;
        return CKR_OK;
    }
    set_holder(it, NULL);
    pthread_mutex_unlock(&it->mutex);
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
