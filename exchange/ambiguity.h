/* Could the payload of a request be read as another request's? For the style `pairs`, which joins names and values
 * without separators, so that a value that holds a parameter's name could pass for that parameter. Thread-safe. */
#ifndef CH_EXCHANGE_AMBIGUITY_H
#define CH_EXCHANGE_AMBIGUITY_H

#include "base/error.h"
#include "exchange/profile.h"
#include "exchange/request.h"

/* CH_BAD_INPUT if the payload of the checked request, made in the style `pairs`, could be another request's too. Names
 * the parameter. */
CH_CHECKED ch_status ch_ambiguity_check(const ch_request *request, const ch_endpoint *endpoint, ch_error *err);

#endif
