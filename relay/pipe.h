/* The bytes of a bot's connection, plain or by TLS. Never waits, and never says why an end came: for a bot that is the
 * same. One thread. */
#ifndef CH_RELAY_PIPE_H
#define CH_RELAY_PIPE_H

#include "base/error.h"

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct ch_pipe {
    int fd;
    SSL *tls;       /* NULL: plain */
    uint32_t wants; /* EPOLLIN or EPOLLOUT, whatever TLS waits for besides */
} ch_pipe;

/* Makes what TLS needs of a certificate (with its chain) and its key, in PEM. Free it with SSL_CTX_free. */
CH_CHECKED ch_status ch_pipe_tls(const char *certificate_path, const char *key_path, SSL_CTX **out, ch_error *err);

/* Takes over the non-blocking socket `fd`. `context`: NULL for a plain one. */
CH_CHECKED ch_status ch_pipe_open(ch_pipe *pipe, int fd, SSL_CTX *context, ch_error *err);
void ch_pipe_close(ch_pipe *pipe);

/* Both return how many bytes were read or written: 0 if none can be now, -1 if the connection has ended. */
ssize_t ch_pipe_read(ch_pipe *pipe, void *data, size_t size);
ssize_t ch_pipe_write(ch_pipe *pipe, const void *data, size_t size);
/* Nothing more will be written. */
void ch_pipe_finish(ch_pipe *pipe);

#endif
