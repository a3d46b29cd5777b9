/* What the look-up for confusion compares, for confusion.c, which finds when a profile is loaded what might be opened,
 * and for confusion_look.c, which looks at each request. Thread-safe.
 *
 * Throughout, `asked` is the endpoint that the request is for, `opened` the one that its signature might open too, and
 * `at` the index of the scheme. */
#ifndef CH_EXCHANGE_CONFUSION_IMPL_H
#define CH_EXCHANGE_CONFUSION_IMPL_H

#include "exchange/confusion.h"
#include "exchange/profile_impl.h"

/* True if the exchange might read the end of `asked`'s path as the beginning of a query to `opened`. */
bool ch_confusion_may_run_on(const ch_endpoint *asked, const ch_endpoint *opened, size_t at);

/* True if nothing that `asked`'s signature covers, parameters aside, tells it from `opened`. */
bool ch_confusion_covers_no_difference(const ch_endpoint *asked, const ch_endpoint *opened, size_t at);

/* The names of `given` that a payload for `endpoint` shows. */
void ch_confusion_show(const ch_endpoint *endpoint, size_t at, const uint64_t *given, uint64_t *out);

/* Could `opened` produce the same payload as `asked`, or take it because it `refuses` no name? The payload shows all of
 * `at_least` and nothing beyond `at_most`. */
bool ch_confusion_has_payload(const ch_endpoint *asked, const ch_endpoint *opened, size_t at, bool refuses,
                              const uint64_t *at_least, const uint64_t *at_most);

/* Could a request that shows `given` be one to `opened`, if the end of the path is read as the beginning of the query?
 */
bool ch_confusion_takes_the_rest(const ch_endpoint *asked, const ch_endpoint *opened, size_t at, const uint64_t *given);

#endif
