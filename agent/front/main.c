/* chancery-front: started by chancery-agent, with a channel as descriptor CH_CHILD_FD. */
#include "agent/front/front.h"
#include "agent/harden.h"
#include "agent/spawn.h"
#include "base/log.h"

int main(void)
{
    ch_error err = CH_ERROR_INIT;
    ch_log_set_role("front");
    if (ch_harden_front(&err) == CH_OK)
        return ch_front_main(CH_CHILD_FD);
    ch_log("%s", err.message);
    return 1;
}
