/* sshagent: keep-alive clients that ask the agent at SSH_AUTH_SOCK for signatures by its key of the given type, as fast
 * as it answers, on one thread (draft-miller-ssh-agent, sections 4.4 and 4.5). */
#include "base/clock.h"
#include "tests/bench/sample.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define AGENTC_REQUEST_IDENTITIES 11
#define AGENT_IDENTITIES_ANSWER 12
#define AGENTC_SIGN_REQUEST 13
#define AGENT_SIGN_RESPONSE 14
#define AGENT_RSA_SHA2_256 2
#define CLIENTS_MAX 256
#define PACKET_MAX 65536
#define USAGE "usage: sshagent --type ecdsa-sha2-nistp256|ssh-rsa [--clients N] [--seconds S] [--json]"

typedef struct packet {
    uint8_t bytes[PACKET_MAX];
    size_t size;
} packet;

static const char payload[] = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
                              "&timestamp=1499827319559";

static uint32_t read_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return ntohl(value);
}

static void add_u32(packet *out, uint32_t value)
{
    value = htonl(value);
    memcpy(out->bytes + out->size, &value, sizeof value);
    out->size += sizeof value;
}

static void add_string(packet *out, const void *data, size_t size)
{
    if (out->size + size + 16 > PACKET_MAX)
        die("the key is too large");
    add_u32(out, (uint32_t)size);
    memcpy(out->bytes + out->size, data, size);
    out->size += size;
}

static int connect_agent(void)
{
    const char *path = getenv("SSH_AUTH_SOCK");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || strlen(path) >= sizeof address.sun_path)
        die("SSH_AUTH_SOCK names no agent");
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        die("connecting to %s: %s", path, strerror(errno));
    return fd;
}

/* Returns whether `in` holds one complete answer. */
static bool receive(int fd, packet *in)
{
    ssize_t got = recv(fd, in->bytes + in->size, PACKET_MAX - in->size, 0);
    if (got <= 0)
        die("ssh-agent closed a connection");
    in->size += (size_t)got;
    return in->size >= 4 && in->size >= 4 + (size_t)read_u32(in->bytes);
}

static void send_all(int fd, const packet *out)
{
    if (send(fd, out->bytes, out->size, MSG_NOSIGNAL) != (ssize_t)out->size)
        die("sending to ssh-agent: %s", strerror(errno));
}

/* Returns a view of the next string at `*at`, and moves `*at` past it; ends the program if it passes `end`. */
static const uint8_t *next_string(const uint8_t **at, const uint8_t *end, size_t *size)
{
    if (end - *at < 4 || (size_t)(end - *at - 4) < read_u32(*at))
        die("ssh-agent sent a malformed answer");
    *size = read_u32(*at);
    const uint8_t *data = *at + 4;
    *at = data + *size;
    return data;
}

static void build_request(packet *out, const uint8_t *blob, size_t blob_size, bool is_rsa)
{
    out->size = 4;
    out->bytes[out->size++] = AGENTC_SIGN_REQUEST;
    add_string(out, blob, blob_size);
    add_string(out, payload, sizeof payload - 1);
    add_u32(out, is_rsa ? AGENT_RSA_SHA2_256 : 0);
    uint32_t size = htonl((uint32_t)(out->size - 4));
    memcpy(out->bytes, &size, sizeof size);
}

static void find_key(int fd, const char *type, packet *request)
{
    static packet in;
    const packet ask = {
        .bytes = {0, 0, 0, 1, AGENTC_REQUEST_IDENTITIES},
          .size = 5
    };
    send_all(fd, &ask);
    in.size = 0;
    while (!receive(fd, &in))
        continue;
    if (in.size < 9 || in.bytes[4] != AGENT_IDENTITIES_ANSWER)
        die("ssh-agent lists no keys");
    const uint8_t *at = in.bytes + 9;
    for (uint32_t left = read_u32(in.bytes + 5); left > 0; left--) {
        size_t size;
        size_t type_size;
        const uint8_t *blob = next_string(&at, in.bytes + in.size, &size);
        const uint8_t *inner = blob;
        const uint8_t *name = next_string(&inner, blob + size, &type_size);
        if (type_size == strlen(type) && memcmp(name, type, type_size) == 0) {
            build_request(request, blob, size, strcmp(type, "ssh-rsa") == 0);
            return;
        }
        next_string(&at, in.bytes + in.size, &size);
    }
    die("ssh-agent has no key of type %s", type);
}

static void run(const char *type, size_t clients, double seconds, bool as_json)
{
    static packet request;
    static struct pollfd fds[CLIENTS_MAX];
    static uint64_t asked_ns[CLIENTS_MAX];
    packet *answers = calloc(clients, sizeof *answers);
    if (answers == NULL)
        die("out of memory");
    for (size_t i = 0; i < clients; i++)
        fds[i] = (struct pollfd){.fd = connect_agent(), .events = POLLIN};
    find_key(fds[0].fd, type, &request);

    ch_samples samples = {NULL, 0, 0};
    uint64_t cpu_before = cpu_ns();
    uint64_t start = ch_clock_ns();
    uint64_t stop = start + (uint64_t)(seconds * 1e9);
    size_t waiting = clients;
    for (size_t i = 0; i < clients; i++) {
        asked_ns[i] = ch_clock_ns();
        send_all(fds[i].fd, &request);
    }
    while (waiting > 0) {
        if (poll(fds, clients, 10000) <= 0)
            die("no answer came within 10 seconds");
        for (size_t i = 0; i < clients; i++) {
            if (fds[i].revents == 0 || !receive(fds[i].fd, &answers[i]))
                continue;
            if (answers[i].bytes[4] != AGENT_SIGN_RESPONSE)
                die("ssh-agent refused to sign");
            uint64_t now = ch_clock_ns();
            samples_add(&samples, now - asked_ns[i]);
            answers[i].size = 0;
            asked_ns[i] = now;
            if (now < stop)
                send_all(fds[i].fd, &request);
            else
                waiting--;
        }
    }
    samples_print(&samples, ch_clock_ns() - start, cpu_ns() - cpu_before, as_json);
    for (size_t i = 0; i < clients; i++)
        close(fds[i].fd);
    samples_free(&samples);
    free(answers);
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"type",    required_argument, NULL, 't'},
        {"clients", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 's'},
        {"json",    no_argument,       NULL, 'j'},
        {NULL,      0,                 NULL, 0  },
    };
    const char *values[128] = {NULL};
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == '?')
            die("%s", USAGE);
        values[option] = optarg != NULL ? optarg : "";
    }
    size_t clients = values['c'] == NULL ? 1 : strtoul(values['c'], NULL, 10);
    if (values['t'] == NULL || clients == 0 || clients > CLIENTS_MAX)
        die("%s", USAGE);
    run(values['t'], clients, values['s'] == NULL ? 2 : strtod(values['s'], NULL), values['j'] != NULL);
    return 0;
}
