/* A profile while it is read: what the loaders share. */
#ifndef CH_EXCHANGE_LOADER_H
#define CH_EXCHANGE_LOADER_H

#include "conf/yaml.h"
#include "exchange/profile_impl.h"

typedef struct ch_loader {
    ch_profile *profile;
    const ch_yaml *root;
    const ch_yaml *groups; /* NULL if the profile has none */
    const ch_yaml *params; /* likewise */
    size_t defined;        /* definitions that are read */
} ch_loader;

#endif
