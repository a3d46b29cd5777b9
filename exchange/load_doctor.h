/* Reads a profile's `doctor`. For the loaders only. */
#ifndef CH_EXCHANGE_LOAD_DOCTOR_H
#define CH_EXCHANGE_LOAD_DOCTOR_H

#include "conf/fields.h"
#include "exchange/profile_impl.h"

/* A field reader into the whole ch_profile, whose endpoints have been read. */
CH_CHECKED ch_status ch_doctor_read(const ch_value *value, ch_error *err);
void ch_doctor_free(ch_profile *profile);

#endif
