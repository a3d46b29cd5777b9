/* Which endpoint a request is for. Thread-safe. */
#ifndef CH_EXCHANGE_MATCH_H
#define CH_EXCHANGE_MATCH_H

#include "base/error.h"
#include "exchange/environments.h"
#include "exchange/profile.h"
#include "exchange/request.h"

#define CH_PATH_PARTS_MAX 12 /* of a path with parameters: literal, parameter, literal, ... */

/* Finds the endpoint that `request` names by method, path and, if it says so, host of the environment. CH_NOT_FOUND:
 * the profile does not list the path, or the call does not exist in the environment; CH_BAD_METHOD: the path is there,
 * but not with this method; CH_BAD_INPUT: the call is listed at several hosts, and the request names none. */
CH_CHECKED ch_status ch_environment_match(const ch_environment *environment, const ch_request *request,
                                          const ch_endpoint **out, ch_error *err);

/* True if `path` fits the endpoint's path; then captures[i] is what stands for the i-th parameter. */
bool ch_endpoint_fits(const ch_endpoint *endpoint, ch_slice path, ch_slice captures[CH_PATH_PARTS_MAX]);

#endif
