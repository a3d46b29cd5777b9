/* Names of Cryptoki's numbers, as the control file and the log spell them. */
#ifndef CH_TESTS_FAULTS_NAMES_H
#define CH_TESTS_FAULTS_NAMES_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>

/* The number of a CKR_, CKA_, CKM_ or CKK_ name, or a number as it is. False: there is no such name here. */
bool name_number(const char *text, CK_ULONG *out);
/* The name of a result; for one without a name, its number in `room`, of 24 bytes. */
const char *name_of_result(CK_RV rv, char *room);

#endif
