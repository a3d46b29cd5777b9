/* What a profile has under the names that a policy may use: settings and receive windows. So that a name which
 * nothing can ever have is found when the policy is loaded. Thread-safe. */
#ifndef CH_EXCHANGE_CATALOGUE_H
#define CH_EXCHANGE_CATALOGUE_H

#include "exchange/profile.h"

/* True if some request can make the setting `name`; '_' and '-' are one, and so are letters of either case. */
bool ch_profile_has_setting(const ch_profile *profile, ch_slice name);

/* The longest receive window that a policy may state, whether recipes have it or a parameter says it; 0: requests have
 * none. */
uint32_t ch_profile_window_max_ms(const ch_profile *profile);
/* For how long the exchange takes any request, whatever it says; 0: requests say that, or nobody knows it. */
uint64_t ch_profile_fixed_validity_ns(const ch_profile *profile);

#endif
