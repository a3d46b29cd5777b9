/* Reads a profile's `params` and `groups`. For the loaders only. */
#ifndef CH_EXCHANGE_LOAD_PARAMS_H
#define CH_EXCHANGE_LOAD_PARAMS_H

#include "conf/yaml.h"
#include "exchange/loader.h"
#include "exchange/profile.h"
#include "exchange/profile_impl.h"

/* Reads the definitions of parameters, `params`, in the file's order. */
CH_CHECKED ch_status ch_params_read(ch_loader *load, const ch_yaml *params, ch_error *err);
/* Finds the definition of that key and marks it as used; `node` is for messages. */
CH_CHECKED ch_status ch_params_find(const ch_loader *load, const ch_yaml *node, const char *key, ch_param_def **out,
                                    ch_error *err);

/* Prepares an empty list for ch_params_add. */
void ch_params_begin(const ch_loader *load, ch_param_list *list);
/* Adds what the YAML list `names` names: keys of definitions, "+name" for a group, a list of keys for a choice. */
CH_CHECKED ch_status ch_params_add(const ch_loader *load, const ch_yaml *names, bool is_required, ch_param_list *list,
                                   ch_error *err);
/* Sorts the list, when all is in it. */
void ch_params_sort(ch_param_list *list);

/* CH_CONFIG names a definition or a group that nothing uses. */
CH_CHECKED ch_status ch_params_check_used(const ch_loader *load, ch_error *err);
void ch_params_free(ch_profile *profile);

#endif
