/* Reads a profile's `nonce` and `nonce_for`. For the loaders only. */
#ifndef CH_EXCHANGE_LOAD_NONCES_H
#define CH_EXCHANGE_LOAD_NONCES_H

#include "conf/fields.h"
#include "exchange/profile_impl.h"

/* Field readers into the whole ch_profile. `nonce_for` makes kinds of keys. */
CH_CHECKED ch_status ch_nonce_read(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_nonce_for_read(const ch_value *value, ch_error *err);

/* The bit of the kind of that name, which is made if there is none. */
CH_CHECKED ch_status ch_profile_make_kind(ch_profile *profile, const ch_yaml *node, const char *name, unsigned *bit,
                                          ch_error *err);

#endif
