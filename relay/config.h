/* relay.yaml: where the agent is, who may ask at which address, and how exchanges are reached.
 *
 * Read once at the start; immutable afterwards. Relative paths are taken from the file's own folder. docs/relay.md
 * describes the fields. */
#ifndef CH_RELAY_CONFIG_H
#define CH_RELAY_CONFIG_H

#include "base/error.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CH_LISTENERS_MAX 64
#define CH_ROUTES_MAX 256

/* One address at which one caller asks: a Unix socket, or a port on loopback. */
typedef struct ch_listener_config {
    char *caller;      /* its name in the agent's policy */
    char *socket_path; /* NULL: a port */
    uid_t owner;       /* of the socket; as chown, -1 leaves it */
    gid_t group;
    uint32_t mode;
    char *address; /* 127.0.0.1 or ::1 */
    uint16_t port;
    char *token_path;
    char *certificate_path; /* NULL: plain HTTP */
    char *key_path;
    char **hosts; /* names besides the loopback ones by which bots may call the port */
    size_t host_count;
} ch_listener_config;

/* How one host of an exchange is reached. */
typedef struct ch_route_config {
    char *host;
    char *to; /* "ADDRESS:PORT" in its stead; NULL: by DNS */
    bool may_be_private;
} ch_route_config;

/* In seconds. */
typedef struct ch_relay_times {
    uint32_t connect;  /* until there is a connection with the exchange */
    uint32_t answer;   /* from the sending to the head of the answer */
    uint32_t transfer; /* of an answer, in all */
    uint32_t turn;     /* that a request waits for its key */
    uint32_t agent;    /* for an answer of the agent */
    uint32_t head;     /* in which a bot sends the head of a request */
    uint32_t body;     /* and its body */
    uint32_t stalled;  /* that a bot may take none of its answer */
    uint32_t idle;     /* that a bot's connection may be without a request */
    uint32_t stop;     /* for what is in flight at the end */
} ch_relay_times;

typedef struct ch_relay_config {
    char *agent_socket;
    char *ca_path;
    ch_listener_config *listeners;
    size_t listener_count;
    ch_route_config *routes;
    size_t route_count;
    ch_relay_times times;
    bool may_use_http2;  /* for requests without effects */
    uint32_t answer_mib; /* the most that an answer may have */
} ch_relay_config;

/* CH_CONFIG with file, line and reason. Free with ch_relay_config_free, also after a failure. */
CH_CHECKED ch_status ch_relay_config_load(const char *path, ch_relay_config *out, ch_error *err);
void ch_relay_config_free(ch_relay_config *config);

/* Returns the route of that host, in any case of its letters, or NULL. */
const ch_route_config *ch_relay_route(const ch_relay_config *config, ch_slice host);

#endif
