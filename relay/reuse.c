/* libcurl does not say by then which socket a connection has, so its TLS session remembers it. A new connection is fit
 * whatever waits: a server sends session tickets. Frames of HTTP/2 say whose they are. */
#include "relay/reuse.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

static int place(void)
{
    static int index = -1;
    if (index < 0)
        index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    return index;
}

static SSL *session_of(CURL *easy)
{
    const struct curl_tlssessioninfo *info = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || info == NULL ||
        info->backend != CURLSSLBACKEND_OPENSSL)
        return NULL;
    return info->internals;
}

static bool is_http2(const SSL *session)
{
    const unsigned char *name = NULL;
    unsigned size = 0;
    SSL_get0_alpn_selected(session, &name, &size);
    return size == 2 && memcmp(name, "h2", 2) == 0;
}

/* Nothing, not even its end. */
static bool has_nothing_to_read(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

bool ch_reuse_is_fit(CURL *easy, int fd)
{
    SSL *session = session_of(easy);
    if (fd >= 0 || session == NULL) {
        if (session != NULL)
            (void)SSL_set_ex_data(session, place(), (void *)((intptr_t)fd + 1));
        return fd >= 0;
    }
    intptr_t kept = (intptr_t)SSL_get_ex_data(session, place());
    return is_http2(session) || (kept > 0 && SSL_has_pending(session) == 0 && has_nothing_to_read((int)(kept - 1)));
}
