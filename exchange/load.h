/* From a profile's YAML file to a ch_profile. */
#ifndef CH_EXCHANGE_LOAD_H
#define CH_EXCHANGE_LOAD_H

#include "base/error.h"
#include "exchange/profile.h"

/* Loads and checks the profile at `path`, which nobody else may be able to change (base/trust.h); CH_CONFIG says file,
 * line and reason. Free with ch_profile_free (NULL is fine); `*out` is NULL after a failure. */
CH_CHECKED ch_status ch_profile_load(const char *path, ch_profile **out, ch_error *err);
/* The same, whoever can change the file: to show what it says, not to sign by it. */
CH_CHECKED ch_status ch_profile_load_any(const char *path, ch_profile **out, ch_error *err);
void ch_profile_free(ch_profile *profile);

/* A profile that the scope owns. */
#define ch_autoprofile __attribute__((cleanup(ch_profile_autofree_))) ch_profile
void ch_profile_autofree_(ch_profile **profile);

#endif
