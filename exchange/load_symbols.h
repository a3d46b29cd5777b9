/* Reads how an exchange spells its symbols. For the loaders only. */
#ifndef CH_EXCHANGE_LOAD_SYMBOLS_H
#define CH_EXCHANGE_LOAD_SYMBOLS_H

#include "conf/yaml.h"
#include "exchange/profile.h"

CH_CHECKED ch_status ch_symbols_read(ch_profile *profile, const ch_yaml *list, ch_error *err);
CH_CHECKED ch_status ch_asset_names_read(ch_profile *profile, const ch_yaml *map, ch_error *err);
/* Of both. */
void ch_symbols_free(ch_profile *profile);

#endif
