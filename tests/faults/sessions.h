/* What is known of this process's open sessions. */
#ifndef CH_TESTS_FAULTS_SESSIONS_H
#define CH_TESTS_FAULTS_SESSIONS_H

#include "tests/faults/call.h"

void session_opened(CK_SESSION_HANDLE handle);
void session_closed(CK_SESSION_HANDLE handle);
void sessions_all_closed(void);
unsigned sessions_count(void);

/* A call in a session begins and ends. Returns the name of another that is in it, which Cryptoki forbids, or NULL. */
const char *session_enter(CK_SESSION_HANDLE handle, const char *name);
void session_leave(CK_SESSION_HANDLE handle);

/* The key and mechanism of the session's C_SignInit: kept, and filled in. */
void session_begin_signing(const call *now);
void session_recall_signing(call *now);

/* The session's search finds nothing, whatever the token says. */
void session_set_blind(CK_SESSION_HANDLE handle, bool is_blind);
bool session_is_blind(CK_SESSION_HANDLE handle);
/* The session's next signature has been allowed by a login of its own. */
void session_set_allowed(CK_SESSION_HANDLE handle, bool is_allowed);
bool session_is_allowed(CK_SESSION_HANDLE handle);

#endif
