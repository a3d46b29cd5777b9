/* The agent's keys that the caller may use, as its HTTP interface lists them. */
#ifndef CH_CLI_AGENT_KEYS_H
#define CH_CLI_AGENT_KEYS_H

#include "cli/options.h"

#include <jansson.h>

/* All of them, page by page. On CH_OK the caller owns `*out`, a list of objects. */
CH_CHECKED ch_status ch_agent_keys(const ch_arguments *arguments, json_t **out, ch_error *err);

/* Returns the key of that name, which lives as long as the list, or NULL. */
const json_t *ch_agent_keys_find(const json_t *keys, const char *name);

#endif
