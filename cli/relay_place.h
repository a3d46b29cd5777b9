/* Where chancery-relay takes a bot's requests: --relay or $CHANCERY_RELAY, as an address or as the relay's own file;
 * else that file where it is installed.
 *
 * Of the file, only the listeners are read, and not strictly: that is the relay's business. */
#ifndef CH_CLI_RELAY_PLACE_H
#define CH_CLI_RELAY_PLACE_H

#include "cli/options.h"

#define CH_PATH_RELAY "/etc/chancery-relay/relay.yaml"

typedef struct ch_relay_place {
    char *base;        /* "http://127.0.0.1:8801", without token and key; of a socket "http://localhost" */
    char *socket_path; /* NULL: a port */
    char *token_path;  /* NULL: it is not known; a socket has none */
    char *ca_path;     /* by which a certificate is checked; NULL: the system's */
} ch_relay_place;

/* --token-file and --ca go before what the file says; of several listeners, --caller names the one. CH_NOT_FOUND if
 * there is neither an option nor the file. Free with ch_relay_place_free, also after a failure. */
CH_CHECKED ch_status ch_relay_place_find(const ch_arguments *arguments, ch_relay_place *out, ch_error *err);
void ch_relay_place_free(ch_relay_place *place);
#define ch_autorelay_place __attribute__((cleanup(ch_relay_place_free))) ch_relay_place

#endif
