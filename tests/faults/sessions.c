/* A session that is not known was opened while the table was full, or never; nothing is kept of it. */
#include "tests/faults/sessions.h"

#include "tests/faults/shared.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define SESSIONS_MAX 256

typedef struct session {
    CK_SESSION_HANDLE handle; /* CK_INVALID_HANDLE: none */
    const char *called;       /* the call that is in it, or NULL */
    char key[LABEL_SIZE];
    CK_MECHANISM_TYPE type;
    bool is_blind;
    bool is_allowed;
} session;

static session sessions[SESSIONS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static session *find(CK_SESSION_HANDLE handle)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (sessions[i].handle == handle)
            return &sessions[i];
    }
    return NULL;
}

/* The lock is held until give_back. An unknown session is a place that nobody looks at. */
static session *take(CK_SESSION_HANDLE handle)
{
    static session unknown;
    pthread_mutex_lock(&lock);
    session *found = handle == CK_INVALID_HANDLE ? NULL : find(handle);
    if (found != NULL)
        return found;
    unknown = (session){.handle = CK_INVALID_HANDLE};
    return &unknown;
}

static void give_back(void)
{
    pthread_mutex_unlock(&lock);
}

unsigned sessions_count(void)
{
    unsigned count = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        count += sessions[i].handle != CK_INVALID_HANDLE;
    pthread_mutex_unlock(&lock);
    return count;
}

void session_opened(CK_SESSION_HANDLE handle)
{
    pthread_mutex_lock(&lock);
    session *place = find(CK_INVALID_HANDLE);
    if (place != NULL)
        *place = (session){.handle = handle};
    pthread_mutex_unlock(&lock);
    shared_set_sessions(sessions_count());
}

void session_closed(CK_SESSION_HANDLE handle)
{
    *take(handle) = (session){.handle = CK_INVALID_HANDLE};
    give_back();
    shared_set_sessions(sessions_count());
}

void sessions_all_closed(void)
{
    pthread_mutex_lock(&lock);
    memset(sessions, 0, sizeof sessions);
    pthread_mutex_unlock(&lock);
    shared_set_sessions(0);
}

const char *session_enter(CK_SESSION_HANDLE handle, const char *name)
{
    session *at = take(handle);
    const char *other = at->called;
    at->called = name;
    give_back();
    return other;
}

void session_leave(CK_SESSION_HANDLE handle)
{
    take(handle)->called = NULL;
    give_back();
}

void session_begin_signing(const call *now)
{
    session *at = take(now->session);
    snprintf(at->key, sizeof at->key, "%s", now->key);
    at->type = now->type;
    at->is_allowed = false;
    give_back();
}

void session_recall_signing(call *now)
{
    const session *at = take(now->session);
    snprintf(now->key, sizeof now->key, "%s", at->key);
    now->type = at->type;
    give_back();
}

void session_set_blind(CK_SESSION_HANDLE handle, bool is_blind)
{
    take(handle)->is_blind = is_blind;
    give_back();
}

bool session_is_blind(CK_SESSION_HANDLE handle)
{
    bool is_blind = take(handle)->is_blind;
    give_back();
    return is_blind;
}

void session_set_allowed(CK_SESSION_HANDLE handle, bool is_allowed)
{
    take(handle)->is_allowed = is_allowed;
    give_back();
}

bool session_is_allowed(CK_SESSION_HANDLE handle)
{
    bool is_allowed = take(handle)->is_allowed;
    give_back();
    return is_allowed;
}
