/* Whoever watches the agent may rely on these names: they are label values of chancery_token_state. */
#include "wire/link_state.h"

const char *ch_link_state_name(ch_link_state state)
{
    /* clang-format off */
    static const char *const names[CH_LINK_STATE_COUNT] = {
        [CH_LINK_ABSENT]     = "absent",
        [CH_LINK_STARTING]   = "starting",
        [CH_LINK_LOCKED]     = "locked",
        [CH_LINK_LOGGING_IN] = "logging in",
        [CH_LINK_FINDING]    = "finding keys",
        [CH_LINK_SERVING]    = "serving",
        [CH_LINK_LOCKING]    = "locking",
    };
    /* clang-format on */
    return names[state];
}
