/* Are a request's parameters those of its endpoint? Thread-safe. */
#ifndef CH_EXCHANGE_CHECK_H
#define CH_EXCHANGE_CHECK_H

#include "base/error.h"
#include "exchange/profile.h"
#include "exchange/request.h"

/* Checks `request` against the endpoint that it matches: only parameters that are listed, none twice, each of its type
 * and well-formed text, and all that are required; those in the path too. Fills in each parameter's def. CH_BAD_INPUT
 * names the parameter. */
CH_CHECKED ch_status ch_endpoint_check(const ch_endpoint *endpoint, const ch_scheme *scheme, ch_request *request,
                                       ch_error *err);

#endif
