/* An event (a reset, a logout) happens once for each version of the control file; a condition (absent,
 * another token) holds as long as its line is there. */
#include "tests/faults/models.h"

#include "tests/faults/control.h"
#include "tests/faults/sessions.h"
#include "tests/faults/shared.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define UNKNOWN (-1)

enum { RESET, LOGOUT };

CK_FUNCTION_LIST *real;
CK_FUNCTION_LIST device;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_ullong active_ms; /* the last call in a session; 0: none yet */

void models_begin(void)
{
    device = *real;
    models_add_slots();
    models_add_login();
    models_add_keys();
}

void models_drop_sessions(void)
{
    CK_SLOT_ID slots[64];
    CK_ULONG count = 64;
    if (real->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
        count = 0;
    for (CK_ULONG i = 0; i < count; i++)
        real->C_CloseAllSessions(slots[i]);
    sessions_all_closed();
}

static unsigned long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned long long)now.tv_sec * 1000 + (unsigned long long)now.tv_nsec / 1000000;
}

static void be_slow(void)
{
    model slow;
    static atomic_uint salt;
    if (!control_model("@latency", &slow))
        return;
    unsigned long extra_ms = strtoul(slow.words[1], NULL, 10); /* "": 0 */
    unsigned long long random = (now_ms() + salt++) * 0x9e3779b97f4a7c15U >> 32;
    unsigned long wait_ms = strtoul(slow.words[0], NULL, 10) + (extra_ms == 0 ? 0 : random % extra_ms);
    usleep((useconds_t)wait_ms * 1000);
}

static void be_idle(const call *now)
{
    unsigned long idle_ms = control_value("@idle", 0);
    unsigned long long since_ms =
        now->is_passive ? (unsigned long long)active_ms : atomic_exchange(&active_ms, now_ms());
    if (idle_ms != 0 && since_ms != 0 && now_ms() - since_ms > idle_ms)
        models_drop_sessions();
}

/* True if the condition began or ended since this process's last call. */
static bool has_changed(const char *name, int *was)
{
    bool is = control_model(name, NULL);
    bool has = *was != UNKNOWN && is != *was;
    *was = is;
    return has;
}

static void change_token(const call *now, uint64_t stamp)
{
    static int was_absent = UNKNOWN;
    static int was_swapped = UNKNOWN;
    pthread_mutex_lock(&lock);
    bool is_out = has_changed("@absent", &was_absent);
    bool is_other = has_changed("@swap", &was_swapped);
    bool is_reset = control_model("@reset", NULL) && shared_happens(RESET, stamp);
    bool is_logged_out = control_model("@logout", NULL) && shared_happens(LOGOUT, stamp);
    pthread_mutex_unlock(&lock);
    if (is_out || is_other || is_reset)
        models_drop_sessions();
    if (is_logged_out)
        models_log_out(now->session);
}

CK_RV models_before(const call *now, uint64_t stamp)
{
    be_slow();
    if (now->session == CK_INVALID_HANDLE)
        return CKR_OK;
    be_idle(now);
    change_token(now, stamp);
    models_share_login(now->session);
    return control_model("@absent", NULL) ? CKR_DEVICE_REMOVED : CKR_OK;
}
