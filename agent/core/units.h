/* Which systemd unit a peer is part of, as its control group says. Core's thread only. */
#ifndef CH_AGENT_CORE_UNITS_H
#define CH_AGENT_CORE_UNITS_H

#include "base/peer.h"
#include "base/slice.h"

/* Sets `peer->unit` to the unit of the process that connected `fd`, when that is just accepted; empty if it is part of
 * none, or if that cannot be known for sure: the process may have ended, and another have its number. */
void ch_unit_find(int fd, ch_peer *peer);

/* Finds the unit in the text of /proc/PID/cgroup. Returns false if the text names none. */
bool ch_unit_of_cgroup(ch_slice text, char out[CH_PEER_UNIT_MAX + 1]);

#endif
