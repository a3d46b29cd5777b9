/* Endpoint confusion: which endpoints a signature opens besides the one it was asked for, because it does not cover
 * what tells them apart. docs/profiles.md explains it. Thread-safe. */
#ifndef CH_EXCHANGE_CONFUSION_H
#define CH_EXCHANGE_CONFUSION_H

#include "exchange/environments.h"
#include "exchange/profile.h"
#include "exchange/request.h"

/* The classes of the endpoints at which the signature by `scheme` of `request`, checked as one to `endpoint`, would be
 * good: `endpoint` itself, those that the signature does not tell from it, and those whose path the request's path fits
 * too, as far as a key of `environment` and of `kinds` can use them; and those that the values need there. A set, bit
 * 1 << ch_class: policy must allow them all. */
unsigned ch_endpoint_confused_classes(const ch_endpoint *endpoint, const ch_scheme *scheme,
                                      const ch_environment *environment, unsigned kinds, const ch_request *request);

/* The classes besides its own that some request to `endpoint` would open in live, or in the first environment that has
 * it. Endpoints that are only for another kind of keys do not count. */
unsigned ch_endpoint_openable_classes(const ch_endpoint *endpoint, const ch_scheme *scheme);

/* For what loads a profile: fills `confusions` of every endpoint, when all else of the profile is there. */
void ch_profile_find_confusions(ch_profile *profile);

#endif
