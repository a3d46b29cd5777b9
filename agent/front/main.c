/* chancery-front: started by chancery-agent, with a channel as descriptor CH_CHILD_FD. */
#include "agent/front/front.h"
#include "agent/harden.h"
#include "agent/spawn.h"
#include "base/log.h"

#include <string.h>

int main(int argc, char **argv)
{
    ch_error err = CH_ERROR_INIT;
    ch_gaps gaps = {0};
    ch_log_set_role(NULL); /* core logs what is written here */
    ch_log_set_debug(argc == 2 && strcmp(argv[1], CH_CHILD_DEBUG) == 0);
    if (ch_harden_front(&gaps, &err) == CH_OK)
        return ch_front_run(ch_spawn_channel(), &gaps);
    ch_log("%s", err.message);
    return 1;
}
