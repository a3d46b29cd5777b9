/* load: keep-alive clients that ask the agent for signatures as fast as it answers, on one thread.
 *
 * Its own CPU is part of what it measures, so it parses by hand and no more than it must. It checks the status, the
 * length and the place of the signature in every answer, and verifies one in a thousand with OpenSSL. */
#include "base/clock.h"
#include "tests/bench/sample.h"

#include <errno.h>
#include <getopt.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 1024
#define ANSWER_MAX 65536
#define VERIFY_EVERY 1000

static const char binance_order[] =
    "{\"method\":\"POST\",\"path\":\"/api/v3/order\",\"params\":{\"symbol\":\"LTCBTC\",\"side\":\"BUY\","
    "\"type\":\"LIMIT\",\"timeInForce\":\"GTC\",\"quantity\":\"1\",\"price\":\"0.1\",\"recvWindow\":5000}}";

typedef struct load_client {
    int fd;
    size_t used;
    uint64_t asked_ns;
    char answer[ANSWER_MAX];
} load_client;

static struct {
    const char *socket;
    const char *key;
    unsigned clients;
    double seconds;
    size_t requests; /* 0: as many as `seconds` allow */
    bool as_json;
    char secret[4096]; /* of the HMAC key, to verify with */
    size_t secret_size;
    EVP_PKEY *public_key;
} options = {.clients = 1, .seconds = 2};

static char request[ANSWER_MAX];
static size_t request_size;
static size_t verified;

/* ---- verifying a sample ---- */

/* The signature in an answer, and what it signs: everything from the start of the parameters to "&signature=". */
typedef struct signed_text {
    const char *payload;
    size_t payload_size;
    const char *signature; /* percent-encoded, as in the request */
    size_t signature_size;
} signed_text;

static signed_text find_signature(const char *body, size_t size)
{
    static const char mark[] = "&signature=";
    const char *at = memmem(body, size, mark, sizeof mark - 1);
    if (at == NULL)
        die("an answer has no signature: %.*s", (int)size, body);
    const char *start = at;
    while (start > body && start[-1] != '"' && start[-1] != '?')
        start--;
    const char *value = at + sizeof mark - 1;
    const char *end = value;
    while (end < body + size && *end != '"' && *end != '&')
        end++;
    if (end - value < 64)
        die("an answer's signature has only %td characters", end - value);
    return (signed_text){start, (size_t)(at - start), value, (size_t)(end - value)};
}

static int hex_digit(char digit)
{
    const char *digits = "0123456789abcdef";
    const char *at = digit == '\0' ? NULL : strchr(digits, digit | 0x20);
    return at == NULL ? -1 : (int)(at - digits);
}

static size_t decode_signature(const signed_text *text, unsigned char *out, size_t capacity)
{
    unsigned char base64[4096];
    size_t size = 0;
    for (size_t i = 0; i < text->signature_size && size < sizeof base64 - 1; i++) {
        char byte = text->signature[i];
        if (byte == '%' && i + 2 < text->signature_size) {
            byte = (char)(hex_digit(text->signature[i + 1]) * 16 + hex_digit(text->signature[i + 2]));
            i += 2;
        }
        base64[size++] = (unsigned char)byte;
    }
    if (size / 4 * 3 > capacity)
        return 0;
    int decoded = EVP_DecodeBlock(out, base64, (int)size);
    size_t padding = size > 1 && base64[size - 2] == '=' ? 2 : size > 0 && base64[size - 1] == '=';
    return decoded < 0 ? 0 : (size_t)decoded - padding;
}

static bool is_hmac_right(const signed_text *text)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int mac_size = 0;
    HMAC(EVP_sha256(), options.secret, (int)options.secret_size, (const unsigned char *)text->payload,
         text->payload_size, mac, &mac_size);
    if (text->signature_size != 2 * (size_t)mac_size)
        return false;
    for (size_t i = 0; i < mac_size; i++) {
        if (hex_digit(text->signature[2 * i]) * 16 + hex_digit(text->signature[2 * i + 1]) != mac[i])
            return false;
    }
    return true;
}

/* Tokens and most exchanges write r||s; OpenSSL reads DER. */
static size_t ecdsa_to_der(unsigned char *signature, size_t size, size_t capacity)
{
    if (size != 64 || EVP_PKEY_get_base_id(options.public_key) != EVP_PKEY_EC)
        return size;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    if (pair == NULL || ECDSA_SIG_set0(pair, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL)) != 1)
        die("out of memory");
    unsigned char *der = NULL;
    int der_size = i2d_ECDSA_SIG(pair, &der);
    if (der_size < 0 || (size_t)der_size > capacity)
        die("OpenSSL did not encode a signature");
    memcpy(signature, der, (size_t)der_size);
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    return (size_t)der_size;
}

static bool is_public_right(const signed_text *text)
{
    unsigned char signature[4096];
    size_t size = decode_signature(text, signature, sizeof signature);
    size = ecdsa_to_der(signature, size, sizeof signature);
    const EVP_MD *digest = EVP_PKEY_get_base_id(options.public_key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_right =
        EVP_DigestVerifyInit(context, NULL, digest, NULL, options.public_key) == 1 &&
        EVP_DigestVerify(context, signature, size, (const unsigned char *)text->payload, text->payload_size) == 1;
    EVP_MD_CTX_free(context);
    return is_right;
}

static void check_body(const char *body, size_t size, size_t index)
{
    signed_text text = find_signature(body, size);
    if (index % VERIFY_EVERY != 0 || (options.secret_size == 0 && options.public_key == NULL))
        return;
    if (options.public_key != NULL ? !is_public_right(&text) : !is_hmac_right(&text))
        die("a signature is wrong: %.*s", (int)size, body);
    verified++;
}

/* ---- clients ---- */

static int connect_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(options.socket) >= sizeof address.sun_path)
        die("the path of the socket is too long: %s", options.socket);
    memcpy(address.sun_path, options.socket, strlen(options.socket));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        die("connecting to %s: %s", options.socket, strerror(errno));
    return fd;
}

static void ask(load_client *client)
{
    client->used = 0;
    client->asked_ns = ch_clock_ns();
    if (send(client->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size)
        die("sending a request: %s", strerror(errno));
}

/* Returns whether the answer is complete; if so, `*body` points into it. */
static bool read_answer(load_client *client, const char **body, size_t *size)
{
    ssize_t got = recv(client->fd, client->answer + client->used, ANSWER_MAX - 1 - client->used, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0)
        die("the agent closed a connection%s%s", got < 0 ? ": " : "", got < 0 ? strerror(errno) : "");
    client->used += (size_t)got;
    client->answer[client->used] = '\0';
    const char *end = strstr(client->answer, "\r\n\r\n");
    if (end == NULL)
        return false;
    static const char success[] = "HTTP/1.1 200 ";
    if (strncmp(client->answer, success, sizeof success - 1) != 0)
        die("the agent refused: %s", client->answer);
    const char *length = strcasestr(client->answer, "\r\nContent-Length:");
    if (length == NULL || length > end)
        die("an answer has no Content-Length");
    *size = strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
    *body = end + 4;
    size_t have = client->used - (size_t)(*body - client->answer);
    if (have > *size || *size == 0)
        die("an answer has %zu bytes, but its Content-Length is %zu", have, *size);
    return have == *size;
}

static void run(load_client *clients, ch_samples *samples)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < options.clients; i++) {
        clients[i].fd = connect_socket();
        struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = &clients[i]}};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event) != 0)
            die("epoll_ctl: %s", strerror(errno));
    }
    uint64_t start = ch_clock_ns();
    uint64_t stop = options.requests > 0 ? UINT64_MAX : start + (uint64_t)(options.seconds * 1e9);
    uint64_t cpu_before = cpu_ns();
    size_t asked = 0;
    size_t answered = 0;
    for (unsigned i = 0; i < options.clients; i++, asked++)
        ask(&clients[i]);
    while (answered < asked) {
        struct epoll_event events[64];
        int ready = epoll_wait(epoll, events, 64, 10000);
        if (ready == 0)
            die("no answer came within 10 seconds");
        for (int i = 0; i < ready; i++) {
            load_client *client = events[i].data.ptr;
            const char *body;
            size_t size;
            if (!read_answer(client, &body, &size))
                continue;
            uint64_t now = ch_clock_ns();
            samples_add(samples, now - client->asked_ns);
            check_body(body, size, answered++);
            if (now < stop && (options.requests == 0 || asked < options.requests)) {
                ask(client);
                asked++;
            }
        }
    }
    samples_print(samples, ch_clock_ns() - start, cpu_ns() - cpu_before, options.as_json);
    close(epoll);
}

/* ---- the command line ---- */

static void build_request(const char *body_file)
{
    char body[ANSWER_MAX / 2];
    size_t size = sizeof binance_order - 1;
    memcpy(body, binance_order, size);
    if (body_file != NULL) {
        FILE *file = fopen(body_file, "re");
        if (file == NULL)
            die("opening %s: %s", body_file, strerror(errno));
        size = fread(body, 1, sizeof body, file);
        fclose(file);
    }
    int head = snprintf(request, sizeof request,
                        "POST /v1/keys/%s/sign HTTP/1.1\r\nHost: chancery\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        options.key, size);
    memcpy(request + head, body, size);
    request_size = (size_t)head + size;
}

static void read_public_key(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        options.public_key = PEM_read_PUBKEY(file, NULL, NULL, NULL);
        fclose(file);
    }
    if (options.public_key == NULL)
        die("%s has no public key in PEM", path);
}

static void read_secret(int fd)
{
    ssize_t got = read(fd, options.secret, sizeof options.secret);
    if (got <= 0)
        die("no HMAC secret came on descriptor %d", fd);
    options.secret_size = (size_t)got - (options.secret[got - 1] == '\n');
}

static const char usage[] =
    "usage: load --socket PATH --key NAME [--clients N] [--seconds S | --requests N] [--body FILE]\n"
    "            [--hmac-secret-fd N | --public-key FILE] [--json]\n";

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"socket",         required_argument, NULL, 's'},
        {"key",            required_argument, NULL, 'k'},
        {"clients",        required_argument, NULL, 'c'},
        {"seconds",        required_argument, NULL, 't'},
        {"requests",       required_argument, NULL, 'n'},
        {"body",           required_argument, NULL, 'b'},
        {"hmac-secret-fd", required_argument, NULL, 'm'},
        {"public-key",     required_argument, NULL, 'p'},
        {"json",           no_argument,       NULL, 'j'},
        {NULL,             0,                 NULL, 0  },
    };
    const char *body_file = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 's':
            options.socket = optarg;
            break;
        case 'k':
            options.key = optarg;
            break;
        case 'c':
            options.clients = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 't':
            options.seconds = strtod(optarg, NULL);
            break;
        case 'n':
            options.requests = strtoul(optarg, NULL, 10);
            break;
        case 'b':
            body_file = optarg;
            break;
        case 'm':
            read_secret((int)strtol(optarg, NULL, 10));
            break;
        case 'p':
            read_public_key(optarg);
            break;
        case 'j':
            options.as_json = true;
            break;
        default:
            die("%s", usage);
        }
    }
    if (options.socket == NULL || options.key == NULL || options.clients == 0 || options.clients > CLIENTS_MAX)
        die("%s", usage);
    build_request(body_file);
    load_client *clients = calloc(options.clients, sizeof *clients);
    if (clients == NULL)
        die("out of memory");
    ch_samples samples = {NULL, 0, 0};
    run(clients, &samples);
    if (!options.as_json)
        printf("%zu signatures verified with OpenSSL\n", verified);
    for (unsigned i = 0; i < options.clients; i++)
        close(clients[i].fd);
    free(clients);
    samples_free(&samples);
    EVP_PKEY_free(options.public_key);
    return 0;
}
