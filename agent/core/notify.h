/* Tells the service manager that the agent is ready, is stopping, and still turns its loop (sd_notify(3), which needs
 * no library). Does nothing if no manager asked for it. Core's thread only. */
#ifndef CH_AGENT_CORE_NOTIFY_H
#define CH_AGENT_CORE_NOTIFY_H

#include "base/loop.h"

typedef struct ch_notify ch_notify;

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and takes them out of the environment, so that no child speaks
 * for core. From then on, as long as the loop turns, it pings the watchdog twice in each of its periods. If the socket
 * cannot be opened, the log says so. */
ch_notify *ch_notify_new(ch_loop *loop);
void ch_notify_free(ch_notify *notify);

void ch_notify_ready(ch_notify *notify);
void ch_notify_stopping(ch_notify *notify);

#endif
