/* A Unix socket gets its mode while nobody can connect yet: it is made with mode 0600 under another umask, and changed
 * before it listens. */
#include "relay/inlet.h"

#include "base/memory.h"
#include "base/paths.h"
#include "base/trust.h"
#include "relay/address.h"
#include "relay/headers.h"
#include "relay/pipe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 256
#define TOKEN_MAX 256
#define PASSED_FIRST 3 /* SD_LISTEN_FDS_START */

/* ---- tokens ---- */

/* Who can read the file can ask in the caller's name. */
static ch_status read_token(ch_inlet *inlet, ch_error *err)
{
    const char *path = inlet->config->token_path;
    ch_autotrusted file = CH_TRUSTED_CLOSED;
    struct stat facts;
    CH_TRY(ch_trust_file(path, &file, err));
    if (fstat(file.fd, &facts) != 0)
        return ch_fail_errno(err, "looking at %s", path);
    if ((facts.st_mode & 077) != 0)
        return ch_fail(err, CH_CONFIG, "others can read the token in %s; chmod 0600 %s", path, path);
    ch_error why = CH_ERROR_INIT;
    if (ch_secret_read(&inlet->token, file.fd, TOKEN_MAX, &why) != CH_OK)
        return ch_fail(err, CH_CONFIG, "the token in %s: %s", path, why.message);
    if (!ch_is_bot_token((ch_slice){inlet->token.data, inlet->token.size}))
        return ch_fail(err, CH_CONFIG,
                       "%s must hold 32 characters or more of A-Z a-z 0-9 - _; openssl rand -hex 32 makes a token",
                       path);
    return CH_OK;
}

ch_status ch_inlet_prepare(ch_inlet *inlet, const ch_listener_config *config, ch_error *err)
{
    *inlet = (ch_inlet){.config = config, .fd = -1, .source = {.fd = -1}};
    if (config->token_path != NULL && config->socket_path == NULL)
        CH_TRY(read_token(inlet, err));
    if (config->certificate_path == NULL)
        return CH_OK;
    return ch_pipe_tls(config->certificate_path, config->key_path, &inlet->tls, err);
}

/* ---- addresses ---- */

typedef union address {
    struct sockaddr any;
    struct sockaddr_un path;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
} address;

static ch_status make_address(const ch_listener_config *config, address *out, socklen_t *size, ch_error *err)
{
    memset(out, 0, sizeof *out);
    if (config->socket_path != NULL) {
        if (strlen(config->socket_path) >= sizeof out->path.sun_path)
            return ch_fail(err, CH_CONFIG, "the path of the socket is too long: %s", config->socket_path);
        out->path.sun_family = AF_UNIX;
        memcpy(out->path.sun_path, config->socket_path, strlen(config->socket_path));
        *size = sizeof out->path;
    } else if (strchr(config->address, ':') != NULL) {
        out->six = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(config->port)};
        (void)inet_pton(AF_INET6, config->address, &out->six.sin6_addr);
        *size = sizeof out->six;
    } else {
        out->four = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(config->port)};
        (void)inet_pton(AF_INET, config->address, &out->four.sin_addr);
        *size = sizeof out->four;
    }
    return CH_OK;
}

static bool is_at(int fd, const address *wanted)
{
    address found = {0};
    socklen_t size = sizeof found;
    if (getsockname(fd, &found.any, &size) != 0 || found.any.sa_family != wanted->any.sa_family)
        return false;
    if (found.any.sa_family == AF_UNIX)
        return strncmp(found.path.sun_path, wanted->path.sun_path, sizeof found.path.sun_path) == 0;
    if (found.any.sa_family == AF_INET6)
        return found.six.sin6_port == wanted->six.sin6_port &&
               memcmp(&found.six.sin6_addr, &wanted->six.sin6_addr, sizeof found.six.sin6_addr) == 0;
    return found.four.sin_port == wanted->four.sin_port && found.four.sin_addr.s_addr == wanted->four.sin_addr.s_addr;
}

/* The socket of that address among those that the service manager passed; -1: none. */
static int find_passed(const address *wanted)
{
    const char *pid = getenv("LISTEN_PID");
    const char *count = getenv("LISTEN_FDS");
    if (pid == NULL || count == NULL || strtol(pid, NULL, 10) != getpid())
        return -1;
    for (long fd = PASSED_FIRST; fd < PASSED_FIRST + strtol(count, NULL, 10); fd++) {
        if (is_at((int)fd, wanted))
            return (int)fd;
    }
    return -1;
}

/* ---- opening ---- */

/* One that nobody listens on is a dead relay's. */
static ch_status remove_old(const ch_trusted *folder, const char *name, const address *at, ch_error *err)
{
    struct stat facts;
    if (fstatat(folder->fd, name, &facts, AT_SYMLINK_NOFOLLOW) != 0)
        return CH_OK;
    if (!S_ISSOCK(facts.st_mode))
        return ch_fail(err, CH_CONFIG, "%s is not a socket", at->path.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ch_fail_errno(err, "making a socket");
    bool is_dead = connect(fd, &at->any, sizeof at->path) != 0 && errno == ECONNREFUSED;
    close(fd);
    if (!is_dead)
        return ch_fail(err, CH_CONFLICT, "another relay listens on %s", at->path.sun_path);
    return unlinkat(folder->fd, name, 0) == 0 ? CH_OK : ch_fail_errno(err, "removing %s", at->path.sun_path);
}

static ch_status bind_path(ch_inlet *inlet, const address *at, ch_error *err)
{
    const ch_listener_config *config = inlet->config;
    ch_autotrusted folder = CH_TRUSTED_CLOSED;
    ch_autofree char *where = NULL;
    ch_autofree char *name = NULL;
    ch_path_split(config->socket_path, &where, &name);
    CH_TRY(ch_trust_folder(where, CH_FOLDER_SHARED, &folder, err));
    CH_TRY(remove_old(&folder, name, at, err));
    mode_t umask_before = umask(0177);
    int bound = bind(inlet->fd, &at->any, sizeof at->path);
    umask(umask_before);
    if (bound != 0)
        return ch_fail_errno(err, "making the socket %s", config->socket_path);
    inlet->is_made = true;
    bool has_owner = config->owner != (uid_t)-1 || config->group != (gid_t)-1;
    if ((has_owner && fchownat(folder.fd, name, config->owner, config->group, AT_SYMLINK_NOFOLLOW) != 0) ||
        fchmodat(folder.fd, name, config->mode, 0) != 0)
        return ch_fail_errno(err, "giving the socket %s its owner and mode", config->socket_path);
    return CH_OK;
}

static ch_status bind_port(const ch_inlet *inlet, const address *at, socklen_t size, ch_error *err)
{
    int on = 1;
    (void)setsockopt(inlet->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(inlet->fd, &at->any, size) == 0)
        return CH_OK;
    if (errno == EADDRINUSE)
        return ch_fail(err, CH_CONFLICT, "another program listens on port %u", inlet->config->port);
    return ch_fail_errno(err, "taking port %u", inlet->config->port);
}

ch_status ch_inlet_open(ch_inlet *inlet, ch_error *err)
{
    address at;
    socklen_t size;
    CH_TRY(make_address(inlet->config, &at, &size, err));
    inlet->fd = find_passed(&at);
    if (inlet->fd >= 0) {
        int flags = fcntl(inlet->fd, F_GETFL);
        if (fcntl(inlet->fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(inlet->fd, F_SETFD, FD_CLOEXEC) != 0)
            return ch_fail_errno(err, "taking a socket of the service manager");
        return CH_OK;
    }
    inlet->fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (inlet->fd < 0)
        return ch_fail_errno(err, "making a socket");
    if (inlet->config->socket_path != NULL)
        CH_TRY(bind_path(inlet, &at, err));
    else
        CH_TRY(bind_port(inlet, &at, size, err));
    return listen(inlet->fd, BACKLOG) == 0 ? CH_OK : ch_fail_errno(err, "listening");
}

void ch_inlet_shut(ch_inlet *inlet, ch_loop *loop)
{
    ch_loop_forget(loop, &inlet->source);
    if (inlet->fd >= 0)
        close(inlet->fd);
    if (inlet->is_made)
        (void)unlink(inlet->config->socket_path); /* in a folder where nobody else can put anything in its place */
    inlet->is_made = false;
    inlet->fd = inlet->source.fd = -1;
}

void ch_inlet_close(ch_inlet *inlet, ch_loop *loop)
{
    if (loop != NULL)
        ch_inlet_shut(inlet, loop);
    SSL_CTX_free(inlet->tls);
    inlet->tls = NULL;
    ch_secret_wipe(&inlet->token);
}

int ch_inlet_accept(const ch_inlet *inlet)
{
    return accept4(inlet->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* ---- who sent it ---- */

/* "HOST" or "HOST:PORT", of which the port may be missing if it is what the scheme implies. */
static bool is_ours(const ch_inlet *inlet, ch_slice host)
{
    const ch_listener_config *config = inlet->config;
    const uint8_t *colon = host.size == 0 ? NULL : memrchr(host.data, ':', host.size);
    unsigned implied = inlet->tls == NULL ? 80 : 443;
    ch_slice port = {NULL, 0};
    if (colon != NULL && host.data[host.size - 1] != ']') {
        port = ch_slice_after(host, (size_t)(colon - host.data) + 1);
        host.size = (size_t)(colon - host.data);
    }
    ch_autofree char *digits = ch_slice_strdup(port);
    if (ch_slice_count_digits(port) != port.size || port.size > 5 ||
        (port.size == 0 ? implied : strtoul(digits, NULL, 10)) != config->port)
        return false;
    for (size_t i = 0; i < config->host_count; i++) {
        if (ch_header_is(host, config->hosts[i]))
            return true;
    }
    return ch_header_is(host, "localhost") || ch_slice_is(host, "127.0.0.1") || ch_slice_is(host, "[::1]");
}

ch_status ch_inlet_check(const ch_inlet *inlet, const ch_bot_head *head, ch_error *err)
{
    const ch_slice *host = ch_bot_head_find(head, "Host");
    const ch_slice *origin = ch_bot_head_find(head, "Origin");
    if (ch_bot_head_find(head, "Sec-Fetch-Site") != NULL || (origin != NULL && !ch_slice_is(*origin, "*")))
        return ch_fail(err, CH_REFUSED, "a web page had this request sent; only bots may ask here");
    if (inlet->config->socket_path == NULL && (host == NULL || !is_ours(inlet, *host)))
        return ch_fail(err, CH_REFUSED, "Host is neither a loopback name with this port nor in 'hosts' of relay.yaml");
    return CH_OK;
}
