/* The states of core's end of a token process, and their names. Core is in them, and the front shows them: both must
 * list the same ones. docs/architecture.md says what bots and operators see in each. */
#ifndef CH_WIRE_LINK_STATE_H
#define CH_WIRE_LINK_STATE_H

typedef enum ch_link_state {
    CH_LINK_ABSENT,     /* there is no process, or it could not open the token */
    CH_LINK_STARTING,   /* the process opens the token */
    CH_LINK_LOCKED,     /* nobody is logged in */
    CH_LINK_LOGGING_IN, /* a PIN is at the process, or it looks for the keys */
    CH_LINK_FINDING,    /* logged in; it looks for some keys, and jobs wait */
    CH_LINK_SERVING,    /* logged in; jobs are signed */
    CH_LINK_LOCKING,    /* a logout is at the process; nothing is signed any more */
    CH_LINK_STATE_COUNT
} ch_link_state;

/* "logging in"; the same in the log and in the metrics. */
const char *ch_link_state_name(ch_link_state state);

#endif
