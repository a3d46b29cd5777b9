/* bots: orders to Binance or Coinbase over connections that stay open, on one thread: straight to an exchange by TLS,
 * or to a relay by plain HTTP. The agent may sign what goes straight to an exchange.
 *
 * Each order has a client id and a time of its own and is signed, with a dummy secret if a relay signs anew. It goes as
 * fast as answers come, or at a rate. Latency is counted from the moment an order was sent, so without the time that
 * signing took here, but with that which the agent took; at a rate, that is late if every connection was busy. An
 * answer that is not 200 ends the program, so that no figure comes of refusals. */
#include "base/clock.h"
#include "tests/bench/asked.h"
#include "tests/bench/orders.h"
#include "tests/bench/sample.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define ANSWER_MAX 65536

typedef struct bot {
    int fd;
    SSL *tls; /* NULL for plain HTTP */
    bool is_waiting;
    size_t used;
    uint64_t asked_ns;
    char answer[ANSWER_MAX];
} bot;

static struct {
    in_port_t port;
    const char *authority; /* NULL for plain HTTP */
    order_form form;
    unsigned connections;
    size_t count;
    double rate; /* 0: as fast as it goes */
    bool as_json;
    int agent; /* that signs the orders; -1: none does */
    const char *key;
} options = {
    .form = {.host = "api.binance.com", .path = "", .key_id = "id"},
      .connections = 16, .count = 20000, .agent = -1
};

/* ---- requests ---- */

static void ask(bot *asked, size_t number)
{
    char request[8192];
    size_t size = order_make(&options.form, number, request, sizeof request);
    asked->used = 0;
    asked->is_waiting = true;
    asked->asked_ns = ch_clock_ns();
    if (options.agent >= 0)
        size = asked_sign(options.agent, options.key, request, sizeof request);
    bool is_sent = asked->tls != NULL ? SSL_write(asked->tls, request, (int)size) == (int)size
                                      : send(asked->fd, request, size, MSG_NOSIGNAL) == (ssize_t)size;
    if (!is_sent)
        die("sending a request: %s", strerror(errno));
}

/* ---- answers ---- */

/* Returns how much came, 0 if nothing has come yet. */
static size_t take(bot *from)
{
    size_t room = ANSWER_MAX - 1 - from->used;
    ssize_t got;
    if (from->tls != NULL) {
        got = SSL_read(from->tls, from->answer + from->used, (int)room);
        if (got <= 0 && SSL_get_error(from->tls, (int)got) == SSL_ERROR_WANT_READ)
            return 0;
    } else {
        got = recv(from->fd, from->answer + from->used, room, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
    }
    if (got <= 0)
        die("a connection was closed");
    return (size_t)got;
}

/* With a length, or in chunks. */
static bool is_whole(const bot *of)
{
    const char *end = strstr(of->answer, "\r\n\r\n");
    if (end == NULL)
        return false;
    const char *length = strcasestr(of->answer, "\r\nContent-Length:");
    size_t have = of->used - (size_t)(end + 4 - of->answer);
    if (length != NULL && length < end)
        return have >= strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
    return have >= 5 && memcmp(of->answer + of->used - 5, "0\r\n\r\n", 5) == 0;
}

static bool has_answer(bot *of)
{
    size_t got;
    while ((got = take(of)) > 0) {
        of->used += got;
        of->answer[of->used] = '\0';
        if (!of->is_waiting || of->used >= ANSWER_MAX - 1)
            die("what came was not asked for: %s", of->answer);
        if (is_whole(of))
            break;
    }
    if (got == 0)
        return false;
    if (strncmp(of->answer, "HTTP/1.1 200 ", 13) != 0)
        die("an order was not accepted: %s", of->answer);
    of->is_waiting = false;
    return true;
}

/* ---- connections ---- */

static void connect_bot(bot *one, SSL_CTX *context)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(options.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    one->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (one->fd < 0 || connect(one->fd, (const struct sockaddr *)&address, sizeof address) != 0)
        die("connecting to port %d: %s", (int)options.port, strerror(errno));
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (context == NULL)
        return;
    one->tls = SSL_new(context);
    if (one->tls == NULL || SSL_set_fd(one->tls, one->fd) != 1 ||
        SSL_set_tlsext_host_name(one->tls, options.form.host) != 1 || SSL_set1_host(one->tls, options.form.host) != 1 ||
        SSL_connect(one->tls) != 1)
        die("no TLS with %s", options.form.host);
    /* From here on, nothing waits: what OpenSSL has to do besides must not hold up the other bots. */
    BIO_set_nbio(SSL_get_rbio(one->tls), 1);
    if (BIO_socket_nbio(one->fd, 1) != 1)
        die("a socket cannot be set to not wait");
}

static SSL_CTX *make_context(void)
{
    if (options.authority == NULL)
        return NULL;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || SSL_CTX_load_verify_locations(context, options.authority, NULL) != 1)
        die("%s has no certificate", options.authority);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    return context;
}

/* ---- the run ---- */

static bool is_due(size_t asked, uint64_t start)
{
    return asked < options.count &&
           (options.rate <= 0 || (double)(ch_clock_ns() - start) >= (double)asked * 1e9 / options.rate);
}

static void run(bot *bots, int epoll, ch_samples *samples)
{
    bot *idle[CONNECTIONS_MAX];
    size_t idle_count = 0;
    for (unsigned i = 0; i < options.connections; i++)
        idle[idle_count++] = &bots[i];
    uint64_t start = ch_clock_ns();
    uint64_t cpu_before = cpu_ns();
    size_t asked = 0;
    uint64_t last_ns = start;
    while (samples->count < options.count) {
        while (idle_count > 0 && is_due(asked, start))
            ask(idle[--idle_count], asked++);
        struct epoll_event events[64];
        bool is_early = options.rate > 0 && idle_count > 0 && asked < options.count;
        int ready = epoll_wait(epoll, events, 64, is_early ? 1 : 10000);
        uint64_t now = ch_clock_ns();
        if (ready == 0 && now - last_ns > 10000000000ULL)
            die("no answer came within 10 seconds");
        for (int i = 0; i < ready; i++) {
            bot *one = events[i].data.ptr;
            if (!has_answer(one))
                continue;
            last_ns = ch_clock_ns();
            samples_add(samples, last_ns - one->asked_ns);
            idle[idle_count++] = one;
        }
    }
    samples_print(samples, ch_clock_ns() - start, cpu_ns() - cpu_before, options.as_json);
}

/* ---- the command line ---- */

static const char usage[] =
    "usage: bots --port N --secret TEXT|--private-key PEM [--authority PEM] [--host NAME] [--path PATH] [--key-id ID]\n"
    "            [--agent SOCKET --key NAME] [--connections N] [--count N] [--rate N] [--json]\n";

static EVP_PKEY *read_private_key(const char *path)
{
    FILE *file = fopen(path, "re");
    EVP_PKEY *key = file == NULL ? NULL : PEM_read_PrivateKey(file, NULL, NULL, NULL);
    if (key == NULL)
        die("%s has no private key in PEM", path);
    fclose(file);
    return key;
}

static void read_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"port",        required_argument, NULL, 'p'},
        {"authority",   required_argument, NULL, 'a'},
        {"host",        required_argument, NULL, 'h'},
        {"path",        required_argument, NULL, 't'},
        {"key-id",      required_argument, NULL, 'i'},
        {"secret",      required_argument, NULL, 's'},
        {"private-key", required_argument, NULL, 'k'},
        {"connections", required_argument, NULL, 'c'},
        {"count",       required_argument, NULL, 'n'},
        {"rate",        required_argument, NULL, 'r'},
        {"agent",       required_argument, NULL, 'g'},
        {"key",         required_argument, NULL, 'y'},
        {"json",        no_argument,       NULL, 'j'},
        {NULL,          0,                 NULL, 0  },
    };
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'p':
            options.port = (in_port_t)strtoul(optarg, NULL, 10);
            break;
        case 'a':
            options.authority = optarg;
            break;
        case 'h':
            options.form.host = optarg;
            break;
        case 't':
            options.form.path = optarg;
            break;
        case 'i':
            options.form.key_id = optarg;
            break;
        case 's':
            options.form.secret = optarg;
            break;
        case 'k':
            options.form.private_key = read_private_key(optarg);
            break;
        case 'c':
            options.connections = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'n':
            options.count = strtoul(optarg, NULL, 10);
            break;
        case 'r':
            options.rate = strtod(optarg, NULL);
            break;
        case 'g':
            options.agent = asked_connect(optarg);
            break;
        case 'y':
            options.key = optarg;
            break;
        case 'j':
            options.as_json = true;
            break;
        default:
            die("%s", usage);
        }
    }
    if (options.port == 0 || (options.form.secret == NULL) == (options.form.private_key == NULL) ||
        (options.agent >= 0) != (options.key != NULL) || options.count == 0 || options.connections == 0 ||
        options.connections > CONNECTIONS_MAX)
        die("%s", usage);
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    SSL_CTX *context = make_context();
    bot *bots = calloc(options.connections, sizeof *bots);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (bots == NULL || epoll < 0)
        die("out of memory");
    for (unsigned i = 0; i < options.connections; i++) {
        connect_bot(&bots[i], context);
        struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = &bots[i]}};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, bots[i].fd, &event) != 0)
            die("epoll_ctl: %s", strerror(errno));
    }
    ch_samples samples = {NULL, 0, 0};
    run(bots, epoll, &samples);
    for (unsigned i = 0; i < options.connections; i++) {
        SSL_free(bots[i].tls);
        close(bots[i].fd);
    }
    SSL_CTX_free(context);
    EVP_PKEY_free(options.form.private_key);
    close(epoll);
    free(bots);
    samples_free(&samples);
    return 0;
}
