/* Values that make a call do more than its class says: a time of 0 disarms what cancels orders. Each needs a class
 * besides that of the endpoint. Sets of classes have bit 1 << ch_class. Thread-safe. */
#ifndef CH_EXCHANGE_NEEDS_H
#define CH_EXCHANGE_NEEDS_H

#include "exchange/profile.h"
#include "exchange/request.h"

/* Returns the classes that the values of `request`, checked as one to `endpoint`, need. */
unsigned ch_needs_of_request(const ch_endpoint *endpoint, const ch_request *request);

/* Returns the classes that `endpoint` may need if it takes the signature by `scheme` of `request`, which was made for
 * `asked`: also those of values that the signature leaves open, that the profile does not know, or that are the
 * agent's. */
unsigned ch_needs_of_signature(const ch_endpoint *endpoint, size_t scheme, const ch_endpoint *asked,
                               const ch_request *request);

/* Returns the classes that some value may need whose signature by `scheme` leaves it open. */
unsigned ch_needs_left_open(const ch_endpoint *endpoint, size_t scheme);

/* Returns the classes that some value may need. */
unsigned ch_needs_of_endpoint(const ch_endpoint *endpoint);

#endif
