/* The agent's HTTP interface, as a client: one request over its Unix socket, and its JSON answer.
 *
 * A problem document (RFC 9457) becomes the ch_error that the agent meant, with its status and rule. */
#ifndef CH_CLI_CLIENT_H
#define CH_CLI_CLIENT_H

#include "cli/options.h"

#include <jansson.h>

/* Gets `path`, or posts `body` to it when not NULL. On CH_OK the caller owns `*out`, a JSON object. Returns
 * CH_UNAVAILABLE if no agent answers. */
CH_CHECKED ch_status ch_client_ask(const ch_arguments *arguments, const char *path, const json_t *body, json_t **out,
                                   ch_error *err);
/* Deletes `path`. The answer is as that of ch_client_ask. */
CH_CHECKED ch_status ch_client_delete(const ch_arguments *arguments, const char *path, json_t **out, ch_error *err);

#endif
