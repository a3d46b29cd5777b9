/* The relay: its parts, made and put together; its loop; its end. */
#ifndef CH_RELAY_RELAY_H
#define CH_RELAY_RELAY_H

#include "base/error.h"

/* Reads the configuration and what it names, and says what is wrong. */
CH_CHECKED ch_status ch_relay_check(const char *config_path, ch_error *err);
/* Serves until SIGTERM, SIGINT or SIGHUP; what is in flight then comes to its end. Returns the exit status. */
int ch_relay_run(const char *config_path);

#endif
