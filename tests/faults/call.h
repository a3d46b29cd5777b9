/* One call of a Cryptoki function, as the rooms of the fault module see it. calls.def lists the functions. */
#ifndef CH_TESTS_FAULTS_CALL_H
#define CH_TESTS_FAULTS_CALL_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>

#define LABEL_SIZE 64

typedef struct call {
    const char *name;
    CK_SESSION_HANDLE session; /* CK_INVALID_HANDLE: none */
    CK_OBJECT_HANDLE object;   /* that it is about; the key, for C_SignInit */
    const CK_MECHANISM_TYPE *mechanism;
    CK_USER_TYPE user;
    const CK_BYTE *pin;
    CK_ULONG pin_size;
    CK_BYTE *output; /* a signature; with its size */
    CK_ULONG *output_size;
    bool begins_signing; /* the session's next calls are about this key and mechanism */
    bool signs;          /* it is about the key and mechanism of the session's C_SignInit */
    bool is_quiet;       /* not in the log */
    bool is_passive;     /* does not keep an idle session alive */

    char key[LABEL_SIZE]; /* the label of the object; "": none, or nobody asks for it */
    CK_MECHANISM_TYPE type;
    CK_RV result;
} call;

#endif
