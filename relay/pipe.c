/* OpenSSL judges a connection by the errors that lie in the thread's queue, and libcurl leaves some there when an
 * exchange's certificate does not fit; so the queue is emptied before each call.
 *
 * TLS may have to read in order to write, and the other way round: after renewed keys, and while it shakes hands. What
 * it waits for stands in `wants`, and whoever is called then just tries both again. */
#include "relay/pipe.h"

#include "base/trust.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static ch_status fail_with_openssl(SSL_CTX *context, const char *path, ch_error *err)
{
    char why[256];
    ERR_error_string_n(ERR_get_error(), why, sizeof why);
    ERR_clear_error();
    SSL_CTX_free(context);
    return ch_fail(err, CH_CONFIG, "%s cannot be used: %s", path, why);
}

/* Whoever can change them can pose as this relay. */
static ch_status check_files(const char *certificate_path, const char *key_path, ch_error *err)
{
    ch_autotrusted certificate = CH_TRUSTED_CLOSED;
    ch_autotrusted key = CH_TRUSTED_CLOSED;
    CH_TRY(ch_trust_file(certificate_path, &certificate, err));
    return ch_trust_file(key_path, &key, err);
}

ch_status ch_pipe_tls(const char *certificate_path, const char *key_path, SSL_CTX **out, ch_error *err)
{
    CH_TRY(check_files(certificate_path, key_path, err));
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL)
        return ch_fail(err, CH_INTERNAL, "OpenSSL does not start");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_use_certificate_chain_file(context, certificate_path) != 1)
        return fail_with_openssl(context, certificate_path, err);
    if (SSL_CTX_use_PrivateKey_file(context, key_path, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        return fail_with_openssl(context, key_path, err);
    *out = context;
    return CH_OK;
}

ch_status ch_pipe_open(ch_pipe *pipe, int fd, SSL_CTX *context, ch_error *err)
{
    *pipe = (ch_pipe){.fd = fd};
    if (context == NULL)
        return CH_OK;
    pipe->tls = SSL_new(context);
    if (pipe->tls == NULL || SSL_set_fd(pipe->tls, fd) != 1) {
        ch_pipe_close(pipe);
        return ch_fail(err, CH_INTERNAL, "OpenSSL does not take a connection");
    }
    SSL_set_accept_state(pipe->tls);
    return CH_OK;
}

void ch_pipe_close(ch_pipe *pipe)
{
    SSL_free(pipe->tls);
    if (pipe->fd >= 0)
        close(pipe->fd);
    *pipe = (ch_pipe){.fd = -1};
}

static ssize_t plain_result(ssize_t count)
{
    if (count > 0)
        return count;
    return count < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static ssize_t tls_result(ch_pipe *pipe, int count)
{
    pipe->wants = 0;
    if (count > 0)
        return count;
    int why = SSL_get_error(pipe->tls, count);
    ERR_clear_error();
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        return -1;
    pipe->wants = why == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT;
    return 0;
}

ssize_t ch_pipe_read(ch_pipe *pipe, void *data, size_t size)
{
    if (pipe->tls == NULL)
        return plain_result(recv(pipe->fd, data, size, 0));
    ERR_clear_error();
    return tls_result(pipe, SSL_read(pipe->tls, data, size > INT_MAX ? INT_MAX : (int)size));
}

ssize_t ch_pipe_write(ch_pipe *pipe, const void *data, size_t size)
{
    if (pipe->tls == NULL)
        return plain_result(send(pipe->fd, data, size, MSG_NOSIGNAL));
    ERR_clear_error();
    return tls_result(pipe, SSL_write(pipe->tls, data, size > INT_MAX ? INT_MAX : (int)size));
}

void ch_pipe_finish(ch_pipe *pipe)
{
    ERR_clear_error();
    if (pipe->tls != NULL && SSL_is_init_finished(pipe->tls))
        (void)SSL_shutdown(pipe->tls);
    ERR_clear_error();
    (void)shutdown(pipe->fd, SHUT_WR);
}
