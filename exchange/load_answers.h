/* Loading a profile: `answers`, what the exchange's errors look like and which of them mean that nothing was placed. */
#ifndef CH_EXCHANGE_LOAD_ANSWERS_H
#define CH_EXCHANGE_LOAD_ANSWERS_H

#include "conf/fields.h"
#include "exchange/profile_impl.h"

/* Field reader into the whole ch_profile; the endpoints must be there. */
CH_CHECKED ch_status ch_answers_read(const ch_value *value, ch_error *err);
void ch_answers_free(ch_profile *profile);

#endif
