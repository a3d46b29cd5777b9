/* Is a connection that was used before fit for another request?
 *
 * HTTP/1.1 tells which answer is whose by the order alone. An exchange that has sent more than one answer to a request,
 * or a farewell before it closes, would have that taken for the answer to the next request, of another bot perhaps. So
 * nothing may wait to be read when a request is begun; libcurl does not look. An answer too many that comes later is
 * not noticed. One thread. */
#ifndef CH_RELAY_REUSE_H
#define CH_RELAY_REUSE_H

#include <curl/curl.h>
#include <stdbool.h>

/* Called when a transfer has its connection. `fd` is the socket that the transfer has opened, or -1 if it uses an older
 * connection. Returns false if that connection is unfit, or nothing is known of it. */
bool ch_reuse_is_fit(CURL *easy, int fd);

#endif
