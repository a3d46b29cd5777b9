/* Reads what a profile says of endpoint confusion besides its endpoints: `refuses_unknown` and `acceptable_confusions`.
 * For the loaders only. */
#ifndef CH_EXCHANGE_LOAD_CONFUSION_H
#define CH_EXCHANGE_LOAD_CONFUSION_H

#include "conf/fields.h"
#include "exchange/profile_impl.h"

/* Field readers into the whole ch_profile, whose endpoints have been read. */
CH_CHECKED ch_status ch_refuses_unknown_read(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_acceptances_read(const ch_value *value, ch_error *err);

/* CH_CONFIG names a call that policy may accept, although no signature for another call opens it. `acceptances` is what
 * was read, NULL if the profile has none; the profile's confusions have been found. */
CH_CHECKED ch_status ch_acceptances_check_used(const ch_profile *profile, const ch_yaml *acceptances, ch_error *err);

void ch_confusion_fields_free(ch_profile *profile);

#endif
