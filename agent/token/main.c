/* chancery-token: started by chancery-agent, with a channel as descriptor CH_CHILD_FD. */
#include "agent/harden.h"
#include "agent/spawn.h"
#include "agent/token/token_process.h"
#include "base/log.h"

int main(void)
{
    ch_error err = CH_ERROR_INIT;
    ch_log_set_role("token");
    if (ch_harden_process(&err) == CH_OK)
        return ch_token_process_main(CH_CHILD_FD);
    ch_log("%s", err.message);
    return 1;
}
