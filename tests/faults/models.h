/* How the token behaves as a whole: the models of the control file. Between the rules and the real module stands the
 * device, a function list that is the real one but for what a model changes.
 *
 * models_slots.c has the module, its slots and the sessions; models_login.c PINs and logins; models_keys.c keys. */
#ifndef CH_TESTS_FAULTS_MODELS_H
#define CH_TESTS_FAULTS_MODELS_H

#include "tests/faults/call.h"

#include <stdint.h>

/* The real module, and the device. */
extern CK_FUNCTION_LIST *real;
extern CK_FUNCTION_LIST device;

/* Makes the device of the real module. */
void models_begin(void);
void models_add_slots(void);
void models_add_login(void);
void models_add_keys(void);

/* What befalls the token before a call is made: it is taken out, another one is put in, its sessions or its login end.
 * Returns CKR_OK if the call goes on. `stamp` is the control file's. */
CK_RV models_before(const call *now, uint64_t stamp);

/* The token ends all sessions, and with them the login. */
void models_drop_sessions(void);

/* Another program logs out; private keys cannot be used until the next login. */
void models_log_out(CK_SESSION_HANDLE session);
bool models_has_lost_login(void);
/* Logs this process in or out as all others are, if they share their login. */
void models_share_login(CK_SESSION_HANDLE session);

#endif
