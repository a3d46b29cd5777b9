/* What a profile's `sdk` says of requests as SDKs send them: headers and parameters of theirs that are left out, a text
 * that stands for a list of one, a null that stands for nothing. Nothing here makes a request mean more than it says.
 * Thread-safe. */
#ifndef CH_EXCHANGE_SDK_H
#define CH_EXCHANGE_SDK_H

#include "exchange/profile_impl.h"

/* True if a rule of that habit is for `name`, with this value, in calls of the endpoint. Names of headers are alike in
 * any case. */
bool ch_sdk_has(const ch_endpoint *endpoint, ch_sdk_habit habit, ch_slice name, ch_slice value);

/* True if `endpoint` is what a rule's `call` names. */
bool ch_sdk_is_call(const ch_endpoint *endpoint, const char *call);

#endif
