/* Reads what requests to an endpoint mean: the items that they make. For the loaders only. */
#ifndef CH_EXCHANGE_LOAD_INTENTS_H
#define CH_EXCHANGE_LOAD_INTENTS_H

#include "conf/fields.h"
#include "exchange/profile_impl.h"

/* Reads `intent` into the endpoint that `value->out` is. */
CH_CHECKED ch_status ch_intent_read_items(const ch_value *value, ch_error *err);
/* Reads `uses` into a ch_uses. */
CH_CHECKED ch_status ch_uses_read(const ch_value *value, ch_error *err);
/* CH_CONFIG if the endpoint says what it means and a parameter of it does not. Its parameters are read. */
CH_CHECKED ch_status ch_intent_check_params(const ch_yaml *map, const ch_endpoint *endpoint, ch_error *err);
/* Frees the endpoint's items. */
void ch_intent_free_items(ch_endpoint *endpoint);

#endif
