/* Reads a profile's `recipes`. For the loaders only. */
#ifndef CH_EXCHANGE_LOAD_RECIPES_H
#define CH_EXCHANGE_LOAD_RECIPES_H

#include "conf/yaml.h"
#include "exchange/profile.h"
#include "exchange/profile_impl.h"

/* Reads and compiles all recipes; the profile's nonce must be there. */
CH_CHECKED ch_status ch_recipes_read(ch_profile *profile, const ch_yaml *recipes, ch_error *err);
void ch_recipes_free(ch_profile *profile);

bool ch_is_header_name(const char *name);

#endif
