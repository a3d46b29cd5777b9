/* A SoftHSM2 token of a test's own, in a folder of its own. */
#ifndef CH_TESTS_SOFTHSM_H
#define CH_TESTS_SOFTHSM_H

#include "base/secret.h"
#include "pkcs11/token.h"

#define CH_TEST_MODULE "softhsm2"
#define CH_TEST_URI "pkcs11:token=unit"
#define CH_TEST_PIN "4826-unit-pin"

extern const ch_module_name softhsm_module;

/* Makes the folder, points SOFTHSM2_CONF at it and makes the token 'unit'. Ends the test on failure. */
void softhsm_set_up(void);
void softhsm_tear_down(void);

/* A secret holding `text`; the caller wipes it. */
ch_secret softhsm_secret(const void *bytes, size_t size);

/* Opens the token, logs in, and opens a writable session. */
ch_token *softhsm_open(ch_session *session);

#endif
