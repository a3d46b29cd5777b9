/* A request as an SDK with dummy credentials would make it: written by the profile's recipe, with the time of now and a
 * signature that is none. The agent undoes it, and signs anew. */
#ifndef CH_CLI_SDK_REQUEST_H
#define CH_CLI_SDK_REQUEST_H

#include "cli/relay_client.h"
#include "exchange/doctor.h"
#include "exchange/environments.h"

/* Working memory, and what was made last. Free with ch_sdk_request_free, which takes NULL. */
typedef struct ch_sdk_request ch_sdk_request;
ch_sdk_request *ch_sdk_request_new(const ch_environment *environment);
void ch_sdk_request_free(ch_sdk_request *request);

/* Makes the request of `call`, whose parameters have `values`, in its order. `*out` is good until the next one. Returns
 * CH_NOT_FOUND if the environment does not have the call. */
CH_CHECKED ch_status ch_sdk_request_make(ch_sdk_request *request, const ch_profile *profile, const ch_doctor_call *call,
                                         const ch_slice *values, ch_relay_request *out, ch_error *err);

#endif
