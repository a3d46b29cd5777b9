/* Intents as JSON, for programs. */
#ifndef CH_CLI_INTENT_JSON_H
#define CH_CLI_INTENT_JSON_H

#include "exchange/intent.h"

#include <jansson.h>

/* {"items": [{"kind", "amends", "facts": {name: text}, "unknown": [name], "unit", "contract": {size, of}, "also":
 * {...}}]}. The caller owns the reference. */
json_t *ch_intent_json(const ch_intent *intent);

/* What can be read of requests to an endpoint: a list of {"kind", "leg", "amends", "reads", "may_hide", "unknown"};
 * NULL if the profile does not say. The caller owns the reference. */
json_t *ch_survey_json(const ch_endpoint *endpoint);

#endif
