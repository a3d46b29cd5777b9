/* The addresses at which bots ask: for each listener of relay.yaml a socket, opened here or held by the service manager
 * (sd_listen_fds(3)), with its token and what TLS needs.
 *
 * One thread. */
#ifndef CH_RELAY_INLET_H
#define CH_RELAY_INLET_H

#include "base/loop.h"
#include "base/secret.h"
#include "relay/bot_head.h"
#include "relay/config.h"

#include <openssl/types.h>

typedef struct ch_inlet {
    const ch_listener_config *config;
    int fd;
    bool is_made; /* the Unix socket is this process's */
    ch_source source;
    SSL_CTX *tls;       /* NULL: plain HTTP */
    ch_secret token;    /* empty on a Unix socket */
    size_t connections; /* open now; their room counts them */
} ch_inlet;

/* Reads tokens and certificates; opens nothing. Free with ch_inlet_close, also after a failure. */
CH_CHECKED ch_status ch_inlet_prepare(ch_inlet *inlet, const ch_listener_config *config, ch_error *err);
/* Listens, by a socket that the service manager passed if there is one of that address. */
CH_CHECKED ch_status ch_inlet_open(ch_inlet *inlet, ch_error *err);
/* Accepts nobody any more. */
void ch_inlet_shut(ch_inlet *inlet, ch_loop *loop);
void ch_inlet_close(ch_inlet *inlet, ch_loop *loop);

/* Accepts the next that waits. Returns its non-blocking descriptor, or -1 if nobody waits. */
int ch_inlet_accept(const ch_inlet *inlet);

/* Refuses what a web page could have a browser send to a port on loopback: a Host that is not ours, an Origin but `*`,
 * a Sec-Fetch-Site. */
CH_CHECKED ch_status ch_inlet_check(const ch_inlet *inlet, const ch_bot_head *head, ch_error *err);

#endif
