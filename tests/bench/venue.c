/* venue: the order calls of Binance and Coinbase, for benchmarks whose processors an exchange in Python (tests/venue)
 * would need too.
 *
 * It serves HTTPS on one thread, checks key id, time and signature (tests/bench/rules.h), never deduplicates, and
 * counts. It prints its port, serves until its standard input ends, and then prints the counts as JSON. Certificate and
 * key are those that tests/venue made. */
#include "tests/bench/rules.h"
#include "tests/bench/sample.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX 8192
#define SEEN_SLOTS (1U << 22) /* a power of two, several times as many as the orders of a benchmark */

typedef struct venue_client {
    int fd;
    SSL *tls;
    size_t used;
    char request[REQUEST_MAX + 1];
} venue_client;

static struct {
    SSL_CTX *tls;
    int epoll;
    uint64_t *seen; /* the first 64 bits of each signature; 0 is a free place */
    size_t orders;
    size_t repeats;
    size_t refused;
    size_t other; /* requests for anything but orders */
} venue;

static const char accepted[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: venue\r\nX-MBX-USED-WEIGHT-1M: 12\r\n"
    "Content-Length: 219\r\n\r\n"
    "{\"symbol\":\"BTCUSDT\",\"orderId\":1000000001,\"orderListId\":-1,\"clientOrderId\":\"bench\",\"price\":\"30000\","
    "\"origQty\":\"0.0001\",\"executedQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":\"GTC\",\"type\":\"LIMIT\","
    "\"side\":\"BUY\","
    "\"time\":1700000000000}";
static const char accepted_coinbase[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: venue\r\nContent-Length: 175\r\n\r\n"
    "{\"success\":true,\"success_response\":{\"order_id\":\"00000000-0000-4000-8000-000000000001\","
    "\"product_id\":\"BTC-USDT\",\"side\":\"BUY\",\"client_order_id\":\"bench\"},\"order_configuration\":{}}";
static const char refused[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 68\r\n\r\n"
                              "{\"code\":-1022,\"msg\":\"Signature for this request is not valid.     \"}";
static const char empty[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

/* ---- orders ---- */

/* Returns true for a signature that was seen before. */
static bool remember(uint64_t mark)
{
    mark |= 1;
    size_t at = (size_t)(mark >> 1) % SEEN_SLOTS;
    while (venue.seen[at] != 0 && venue.seen[at] != mark)
        at = (at + 1) % SEEN_SLOTS;
    bool was_seen = venue.seen[at] == mark;
    venue.seen[at] = mark;
    return was_seen;
}

/* `head` ends after the last header, before the empty line's own line break; `body` is what follows it. */
static const char *answer(const char *head, const char *body)
{
    uint64_t mark = 0;
    verdict found = rules_judge(head, body, &mark);
    if (found == VERDICT_OTHER) {
        venue.other++;
        return empty;
    }
    if (found == VERDICT_REFUSED) {
        venue.refused++;
        return refused;
    }
    venue.orders++;
    venue.repeats += remember(mark);
    return found == VERDICT_BINANCE ? accepted : accepted_coinbase;
}

/* ---- connections ---- */

static void drop(venue_client *client)
{
    SSL_free(client->tls);
    close(client->fd);
    free(client);
}

/* Answers what has come, if it is a whole request. Returns false if the connection is at its end. */
static bool serve_one(venue_client *client)
{
    client->request[client->used] = '\0';
    char *end = strstr(client->request, "\r\n\r\n");
    if (end == NULL)
        return client->used < REQUEST_MAX;
    const char *length = strcasestr(client->request, "\r\nContent-Length:");
    size_t body = length == NULL || length > end ? 0 : strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
    size_t whole = (size_t)(end + 4 - client->request) + body;
    if (whole > REQUEST_MAX)
        return false;
    if (client->used < whole)
        return true;
    end[2] = '\0';
    const char *sent = answer(client->request, end + 4);
    client->used = 0; /* a client with keep-alive waits for the answer before it sends more */
    return SSL_write(client->tls, sent, (int)strlen(sent)) > 0;
}

static bool serve(venue_client *client)
{
    for (;;) {
        int got = SSL_read(client->tls, client->request + client->used, (int)(REQUEST_MAX - client->used));
        if (got <= 0)
            return SSL_get_error(client->tls, got) == SSL_ERROR_WANT_READ;
        client->used += (size_t)got;
        if (!serve_one(client))
            return false;
        if (SSL_pending(client->tls) == 0)
            return true;
    }
}

static void accept_one(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    venue_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        die("out of memory");
    client->fd = fd;
    client->tls = SSL_new(venue.tls);
    if (client->tls == NULL || SSL_set_fd(client->tls, fd) != 1)
        die("OpenSSL made no connection");
    SSL_set_accept_state(client->tls);
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = client}};
    if (epoll_ctl(venue.epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl: %s", strerror(errno));
}

static int listen_anywhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, size) != 0 || listen(fd, 512) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        die("listening: %s", strerror(errno));
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void run(int listener)
{
    /* The two that are no clients have their own addresses here. */
    struct epoll_event events[64];
    int input = STDIN_FILENO;
    struct epoll_event more[] = {
        {.events = EPOLLIN, .data = {.ptr = &listener}},
        {.events = EPOLLIN, .data = {.ptr = &input}   },
    };
    if (epoll_ctl(venue.epoll, EPOLL_CTL_ADD, listener, &more[0]) != 0 ||
        epoll_ctl(venue.epoll, EPOLL_CTL_ADD, input, &more[1]) != 0)
        die("epoll_ctl: %s", strerror(errno));
    for (;;) {
        int ready = epoll_wait(venue.epoll, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr == &input)
                return;
            if (events[i].data.ptr == &listener)
                accept_one(listener);
            else if (!serve(events[i].data.ptr))
                drop(events[i].data.ptr);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc % 2 == 0)
        die("usage: venue CERTIFICATE KEY KEY-ID SECRET [KEY-ID PUBLIC-KEY]...   (a secret of a test, which opens "
            "nothing)");
    signal(SIGPIPE, SIG_IGN);
    rules_add_secret(argv[3], argv[4]);
    for (int i = 5; i < argc; i += 2)
        rules_add_public_key(argv[i], argv[i + 1]);
    venue.seen = calloc(SEEN_SLOTS, sizeof *venue.seen);
    venue.tls = SSL_CTX_new(TLS_server_method());
    venue.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (venue.seen == NULL || venue.tls == NULL || venue.epoll < 0)
        die("out of memory");
    if (SSL_CTX_use_certificate_chain_file(venue.tls, argv[1]) != 1 ||
        SSL_CTX_use_PrivateKey_file(venue.tls, argv[2], SSL_FILETYPE_PEM) != 1)
        die("%s and %s are no certificate and key", argv[1], argv[2]);
    int listener = listen_anywhere();
    run(listener);
    printf("{\"orders\":%zu,\"repeats\":%zu,\"refused\":%zu,\"other\":%zu}\n", venue.orders, venue.repeats,
           venue.refused, venue.other);
    close(listener);
    close(venue.epoll);
    SSL_CTX_free(venue.tls);
    rules_free();
    free(venue.seen);
    return 0;
}
