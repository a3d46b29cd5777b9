/* Whether the sockets of agent.yaml can be where it puts them. Looks at what is there already, and makes nothing. */
#ifndef CH_AGENT_CORE_SOCKET_PATHS_H
#define CH_AGENT_CORE_SOCKET_PATHS_H

#include "base/error.h"

/* What agent.yaml says, and the path of that file. */
typedef struct ch_agent_paths {
    const char *config;
    const char *socket;
    const char *operator_socket;
    const char *policy;
    const char *profiles;
    const char *state;
    const char *trace;
    const char *shadow_policy; /* NULL if the file names none */
    const char *freeze_file;   /* likewise */
} ch_agent_paths;

/* CH_CONFIG unless each socket's path fits a socket's address and names a file, nothing but a socket of before is
 * there, and neither it nor its lock file is in the place of a file that the agent needs. */
CH_CHECKED ch_status ch_socket_paths_check(const ch_agent_paths *paths, ch_error *err);

#endif
