/* The mutexes that a module's own locking uses: ours, handed over with C_Initialize (PKCS#11 2.40, section 5.4).
 *
 * A module holds its locks for a few microseconds at a time, several times a signature. With an ordinary mutex, a
 * thread that finds it taken goes to sleep, and to wake it takes longer than the wait would have been; these spin for a
 * moment first. With two threads on SoftHSM2 that is a third more HMACs a second and a tenth more P-256 signatures.
 *
 * A thread that holds a mutex gets it once more instead of waiting for itself for ever: OpenSC 0.23 keeps its card's
 * mutex after some errors (sc_unlock with lock_count 0), as when a card is pulled while it signs. */
#ifndef CH_PKCS11_LOCKS_H
#define CH_PKCS11_LOCKS_H

#include <p11-kit/pkcs11.h>

/* For C_Initialize; the module may still choose the system's own (CKF_OS_LOCKING_OK). Valid as long as the process. */
CK_C_INITIALIZE_ARGS ch_locks_init_args(void);

#endif
