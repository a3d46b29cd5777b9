/* flood: connections that cost the agent as much as they can, on one thread.
 *
 * Each connects, sends what is on standard input, and then does what --then says; one that was closed, or could not
 * connect, connects again. Prints how many it opened and how many answers it got when it is ended by SIGTERM. */
#include "base/clock.h"
#include "tests/bench/sample.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX 4096  /* the start of an answer, in which its length stands */
#define DRIP_EVERY_MS 10 /* --then drip: a byte for each connection */

typedef enum then {
    THEN_CLOSE, /* at once */
    THEN_HOLD,  /* until it is closed by the agent */
    THEN_ASK,   /* read the answer, and send again */
    THEN_DRIP,  /* send another byte now and then */
} then;

static const char *const then_names[] = {"close", "hold", "ask", "drip", NULL};

typedef struct flood_client {
    int fd; /* -1: to be opened */
    size_t sent;
    size_t got;
    size_t wanted; /* bytes of the answer; 0: not known yet */
    char answer[ANSWER_MAX];
} flood_client;

static struct {
    const char *socket;
    int type;
    unsigned clients;
    then then;
} options = {.type = SOCK_STREAM, .clients = 1};

static char request[1 << 17];
static size_t request_size;
static int epoll = -1;
static size_t opened;
static size_t answered;
static volatile sig_atomic_t is_over;

static void on_term(int number)
{
    (void)number;
    is_over = 1;
}

static void close_client(flood_client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
}

/* Sends what is left of the request; false if the connection is gone. */
static bool send_rest(flood_client *client)
{
    while (client->sent < request_size) {
        ssize_t sent =
            send(client->fd, request + client->sent, request_size - client->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0)
            return errno == EAGAIN;
        client->sent += (size_t)sent;
    }
    return true;
}

/* Waits for its turn if the agent accepts no more: what is refused at once would only keep this process busy. */
static void open_client(flood_client *client)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, options.socket, strlen(options.socket));
    *client = (flood_client){.fd = socket(AF_UNIX, options.type | SOCK_CLOEXEC, 0)};
    if (client->fd < 0)
        die("making a socket: %s", strerror(errno));
    if (connect(client->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        close_client(client);
        return;
    }
    opened++;
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = client}};
    if (!send_rest(client) || options.then == THEN_CLOSE)
        close_client(client);
    else if (epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event) != 0)
        die("epoll_ctl: %s", strerror(errno));
}

/* Notes what came, and sends the request again if it was the end of an answer. */
static bool take_answer(flood_client *client, size_t got)
{
    client->got += got;
    if (client->wanted == 0) {
        client->answer[client->got < ANSWER_MAX ? client->got : ANSWER_MAX - 1] = '\0';
        const char *end = strstr(client->answer, "\r\n\r\n");
        const char *length = strcasestr(client->answer, "\r\nContent-Length:");
        if (end == NULL || length == NULL)
            return client->got < ANSWER_MAX - 1;
        client->wanted = (size_t)(end + 4 - client->answer) + strtoul(length + 17, NULL, 10);
    }
    if (client->got < client->wanted)
        return true;
    answered++;
    client->got = client->wanted = client->sent = 0;
    return options.then != THEN_ASK || send_rest(client);
}

static void serve(flood_client *client)
{
    char rest[65536];
    bool is_start = client->wanted == 0;
    char *to = is_start ? client->answer + client->got : rest;
    size_t room = is_start ? ANSWER_MAX - 1 - client->got : sizeof rest;
    ssize_t got = recv(client->fd, to, room, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0 || !take_answer(client, (size_t)got))
        close_client(client);
}

static void drip(flood_client *clients)
{
    static uint64_t last_ms;
    if (options.then != THEN_DRIP || ch_clock_ms() - last_ms < DRIP_EVERY_MS)
        return;
    last_ms = ch_clock_ms();
    for (unsigned i = 0; i < options.clients; i++) {
        if (clients[i].fd >= 0 && send(clients[i].fd, "0", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
            close_client(&clients[i]);
    }
}

static void run(flood_client *clients)
{
    epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < options.clients; i++)
        clients[i].fd = -1;
    while (!is_over) {
        struct epoll_event events[64];
        bool is_missing = false;
        for (unsigned i = 0; i < options.clients && !is_over; i++) {
            if (clients[i].fd < 0)
                open_client(&clients[i]);
            is_missing = is_missing || clients[i].fd < 0;
        }
        int ready = epoll_wait(epoll, events, 64, is_missing ? 0 : DRIP_EVERY_MS);
        for (int i = 0; i < ready; i++)
            serve(events[i].data.ptr);
        drip(clients);
    }
}

static then read_then(const char *name)
{
    for (int i = 0; then_names[i] != NULL; i++) {
        if (strcmp(name, then_names[i]) == 0)
            return (then)i;
    }
    die("unknown --then %s; use close, hold, ask or drip", name);
}

static const char usage[] =
    "usage: flood --socket PATH [--seqpacket] [--clients N] --then close|hold|ask|drip <REQUEST\n";

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"socket",    required_argument, NULL, 's'},
        {"seqpacket", no_argument,       NULL, 'q'},
        {"clients",   required_argument, NULL, 'c'},
        {"then",      required_argument, NULL, 't'},
        {NULL,        0,                 NULL, 0  },
    };
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 's':
            options.socket = optarg;
            break;
        case 'q':
            options.type = SOCK_SEQPACKET;
            break;
        case 'c':
            options.clients = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 't':
            options.then = read_then(optarg);
            break;
        default:
            die("%s", usage);
        }
    }
    if (options.socket == NULL || options.clients == 0)
        die("%s", usage);
    request_size = fread(request, 1, sizeof request, stdin);
    struct sigaction end = {.sa_handler = on_term};
    sigaction(SIGTERM, &end, NULL);
    flood_client *clients = calloc(options.clients, sizeof *clients);
    if (clients == NULL)
        die("out of memory");
    run(clients);
    printf("{\"opened\":%zu,\"answered\":%zu}\n", opened, answered);
    free(clients);
    return 0;
}
