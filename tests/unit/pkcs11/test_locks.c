#include "pkcs11/locks.h"
#include "tests/support/suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS 50000

typedef struct counter {
    CK_C_INITIALIZE_ARGS locks;
    CK_VOID_PTR mutex;
    unsigned long count;
} counter;

static void *count_often(void *context)
{
    counter *shared = context;
    for (int i = 0; i < ROUNDS; i++) {
        if (shared->locks.LockMutex(shared->mutex) != CKR_OK)
            break;
        unsigned long seen = shared->count;
        shared->count = seen + 1;
        if (shared->locks.UnlockMutex(shared->mutex) != CKR_OK)
            break;
    }
    return NULL;
}

START_TEST(test_one_thread_at_a_time_holds_a_mutex)
{
    counter shared = {.locks = ch_locks_init_args()};
    pthread_t threads[THREADS];
    ck_assert_uint_eq(shared.locks.CreateMutex(&shared.mutex), CKR_OK);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_often, &shared), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(shared.count, (unsigned long)THREADS * ROUNDS);
    ck_assert_uint_eq(shared.locks.DestroyMutex(shared.mutex), CKR_OK);
}
END_TEST

START_TEST(test_a_thread_does_not_wait_for_itself)
{
    counter shared = {.locks = ch_locks_init_args()};
    pthread_t other;
    ck_assert_uint_eq(shared.locks.CreateMutex(&shared.mutex), CKR_OK);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(shared.locks.LockMutex(shared.mutex), CKR_OK);
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(shared.locks.UnlockMutex(shared.mutex), CKR_OK);
    ck_assert_int_eq(pthread_create(&other, NULL, count_often, &shared), 0);
    usleep(20000);                      /* the other thread has time to get it, if it wrongly can */
    ck_assert_uint_eq(shared.count, 0); /* it is still held */
    ck_assert_uint_eq(shared.locks.UnlockMutex(shared.mutex), CKR_OK);
    pthread_join(other, NULL);
    ck_assert_uint_eq(shared.count, ROUNDS);
    ck_assert_uint_eq(shared.locks.UnlockMutex(shared.mutex), CKR_MUTEX_NOT_LOCKED);
    ck_assert_uint_eq(shared.locks.DestroyMutex(shared.mutex), CKR_OK);
}
END_TEST

START_TEST(test_what_is_no_mutex_is_refused)
{
    CK_C_INITIALIZE_ARGS locks = ch_locks_init_args();
    ck_assert_uint_eq(locks.LockMutex(NULL), CKR_MUTEX_BAD);
    ck_assert_uint_eq(locks.UnlockMutex(NULL), CKR_MUTEX_BAD);
    ck_assert_uint_eq(locks.DestroyMutex(NULL), CKR_MUTEX_BAD);
}
END_TEST

START_TEST(test_a_mutex_that_is_held_is_not_destroyed)
{
    CK_C_INITIALIZE_ARGS locks = ch_locks_init_args();
    CK_VOID_PTR mutex = NULL;
    ck_assert_uint_eq(locks.CreateMutex(&mutex), CKR_OK);
    ck_assert_uint_eq(locks.LockMutex(mutex), CKR_OK);
    ck_assert_uint_eq(locks.DestroyMutex(mutex), CKR_MUTEX_BAD);
    ck_assert_uint_eq(locks.UnlockMutex(mutex), CKR_OK);
    ck_assert_uint_eq(locks.DestroyMutex(mutex), CKR_OK);
}
END_TEST

CH_TESTS("locks", CH_TEST(test_one_thread_at_a_time_holds_a_mutex), CH_TEST(test_a_thread_does_not_wait_for_itself),
         CH_TEST(test_what_is_no_mutex_is_refused), CH_TEST(test_a_mutex_that_is_held_is_not_destroyed))
