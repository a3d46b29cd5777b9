/* Reads how often and for how long an exchange takes a signed request: `order_rate` and `validity`. For the loaders
 * only.
 */
#ifndef CH_EXCHANGE_LOAD_RATES_H
#define CH_EXCHANGE_LOAD_RATES_H

#include "conf/fields.h"
#include "exchange/profile.h"

/* Field readers into the whole ch_profile. */
CH_CHECKED ch_status ch_order_rate_read(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_validity_read(const ch_value *value, ch_error *err);
/* Once all is read: is what `node` names as the parameter one, and a number? `node` may be NULL. */
CH_CHECKED ch_status ch_validity_check(const ch_profile *profile, const ch_yaml *node, ch_error *err);

#endif
