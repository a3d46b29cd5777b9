/* What the relay gives up before it reads a stranger's byte: core dumps, new privileges, all capabilities, and the
 * system calls that serving does not need (seccomp; they fail with EPERM). What could not be taken is logged. Threads
 * that libcurl starts to ask DNS inherit it all. Call it with one thread. */
#ifndef CH_RELAY_CONFINE_H
#define CH_RELAY_CONFINE_H

#include "base/error.h"

CH_CHECKED ch_status ch_relay_confine(ch_error *err);

#endif
