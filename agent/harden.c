/* Users first, as long as there are rights to change them; a change of user makes the process dumpable again, so that
 * is forbidden after it; and lists of system calls last, since they forbid what the others need. */
#include "agent/harden.h"

#include "agent/confine.h"
#include "base/nodump.h"

#include <linux/capability.h>
#include <sys/prctl.h>

#define BIT(capability) (UINT64_C(1) << (capability))

ch_status ch_harden_process(ch_error *err)
{
    CH_TRY(ch_forbid_dumps(err));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return ch_fail_errno(err, "giving up new privileges");
    return CH_OK;
}

/* A front is started whenever a caller first comes, so the rights to give it a user of its own are kept. */
void ch_harden_core(ch_gaps *gaps)
{
    ch_confine_raise_memory_limit();
    ch_confine_capabilities(BIT(CAP_KILL) | BIT(CAP_SETUID) | BIT(CAP_SETGID), gaps);
    ch_confine_signals();
    ch_confine_calls(CH_CALLS_CORE, gaps);
}

ch_status ch_harden_front(ch_gaps *gaps, ch_error *err)
{
    static const char *const users[] = {"_chancery-front", "nobody", NULL};
    ch_confine_user(users, false, gaps);
    ch_confine_capabilities(0, gaps);
    CH_TRY(ch_harden_process(err));
    ch_confine_to_nothing(gaps);
    ch_confine_calls(CH_CALLS_FRONT, gaps);
    return CH_OK;
}

ch_status ch_harden_token(ch_gaps *gaps, ch_error *err)
{
    static const char *const users[] = {"_chancery-token", NULL};
    ch_confine_user(users, true, gaps);
    ch_confine_capabilities(0, gaps);
    ch_confine_memory(gaps);
    return ch_harden_process(err);
}

void ch_harden_token_calls(ch_gaps *gaps)
{
    ch_confine_signals();
    ch_confine_calls(CH_CALLS_TOKEN, gaps);
}
