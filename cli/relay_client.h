/* One request by way of chancery-relay, as any bot would make it. Whatever the exchange or the relay answers is an
 * answer; only what cannot be asked at all is an error. */
#ifndef CH_CLI_RELAY_CLIENT_H
#define CH_CLI_RELAY_CLIENT_H

#include "base/buffer.h"
#include "cli/relay_place.h"
#include "exchange/recipe.h"

#include <jansson.h>

/* Where requests go, with the token in memory that is wiped. */
typedef struct ch_relay_client ch_relay_client;

/* Reads the token. CH_BAD_INPUT if a port is asked and no file of a token is known; CH_CONFIG if everybody can read
 * that file. `place` must outlive the client. Free with ch_relay_client_free, which takes NULL. */
CH_CHECKED ch_status ch_relay_client_open(const ch_relay_place *place, ch_relay_client **out, ch_error *err);
void ch_relay_client_free(ch_relay_client *client);
void ch_relay_client_autofree_(ch_relay_client **client);
#define ch_autorelay_client __attribute__((cleanup(ch_relay_client_autofree_))) ch_relay_client

typedef struct ch_relay_answer {
    unsigned status;
    json_t *body;      /* NULL: not JSON */
    ch_buffer text;    /* the body as it came */
    json_t *problem;   /* by relay or agent, if the request was not sent or nobody knows its end; else NULL */
    uint64_t date_s;   /* when the exchange answered, by its header; 0: it does not say */
    uint64_t asked_ns; /* by this machine's clock, since 1970 */
    uint64_t answered_ns;
} ch_relay_answer;

#define CH_RELAY_ANSWER_INIT                                                                                           \
    {                                                                                                                  \
        .text = CH_BUFFER_INIT                                                                                         \
    }
void ch_relay_answer_free(ch_relay_answer *answer);
#define ch_autorelay_answer __attribute__((cleanup(ch_relay_answer_free))) ch_relay_answer

typedef struct ch_relay_request {
    const char *target; /* "/path?query", or "/~origin/path" */
    bool is_post;       /* else GET, without a body */
    const ch_header *headers;
    size_t header_count;
    ch_slice body;
} ch_relay_request;

/* Asks with that key. Returns CH_UNAVAILABLE if no relay answers. `out` is CH_RELAY_ANSWER_INIT, or from an answer
 * before. */
CH_CHECKED ch_status ch_relay_ask(const ch_relay_client *client, const char *key, const ch_relay_request *request,
                                  ch_relay_answer *out, ch_error *err);

#endif
