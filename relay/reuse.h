/* Is a connection that was used before fit for another request?
 *
 * HTTP/1.1 tells which answer is whose by the order alone. An exchange that has sent more than one answer to a request,
 * or a farewell before it closes, would have that taken for the answer to the next request, of another bot perhaps. So
 * nothing may wait to be read when a request is begun. What comes too much after that, nobody can tell. libcurl does
 * not look. One thread. */
#ifndef CH_RELAY_REUSE_H
#define CH_RELAY_REUSE_H

#include <curl/curl.h>
#include <stdbool.h>

/* When a transfer has its connection: `fd` is the socket that it has opened, -1 if it uses an older one. Returns false
 * if that one is unfit, or it is not known. */
bool ch_reuse_is_fit(CURL *easy, int fd);

#endif
