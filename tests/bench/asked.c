#include "tests/bench/asked.h"
#include "tests/bench/sample.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ANSWER_MAX 65536

int asked_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        die("connecting to %s: %s", path, strerror(errno));
    return fd;
}

/* Cuts a part off `text`, up to `end`, which the text must have. */
static char *cut(char **text, const char *end)
{
    char *part = *text;
    char *at = strstr(part, end);
    if (at == NULL)
        die("an order is no HTTP request: %s", part);
    *at = '\0';
    *text = at + strlen(end);
    return part;
}

/* As an SDK would have made it. Cuts `order` to pieces. */
static json_t *wire_of(char *order)
{
    const char *method = cut(&order, " ");
    const char *path = cut(&order, " HTTP/1.1\r\nHost: ");
    char url[ANSWER_MAX];
    snprintf(url, sizeof url, "https://%s%s", cut(&order, "\r\n"), path);
    char *rest = cut(&order, "\r\n\r\n");
    json_t *headers = json_object();
    while (rest != NULL) {
        char *next = strstr(rest, "\r\n");
        if (next != NULL)
            *next = '\0';
        const char *name = cut(&rest, ": ");
        json_object_set_new(headers, name, json_string(rest));
        rest = next == NULL ? NULL : next + 2;
    }
    return json_pack("{s:{s:s, s:s, s:o, s:s}}", "wire", "method", method, "url", url, "headers", headers, "body",
                     order);
}

static void ask(int agent, const char *key, json_t *asked)
{
    char request[ANSWER_MAX];
    char *body = json_dumps(asked, JSON_COMPACT);
    if (body == NULL)
        die("an order is no JSON");
    int size = snprintf(request, sizeof request,
                        "POST /v1/keys/%s/sign HTTP/1.1\r\nHost: chancery\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        key, strlen(body), body);
    free(body);
    if (size >= ANSWER_MAX || send(agent, request, (size_t)size, MSG_NOSIGNAL) != size)
        die("asking the agent: %s", strerror(errno));
}

/* Returns the body of the answer, which is whole. */
static const char *await(int agent, char answer[ANSWER_MAX])
{
    for (size_t used = 0;;) {
        ssize_t got = recv(agent, answer + used, ANSWER_MAX - 1 - used, 0);
        if (got <= 0)
            die("the agent closed the connection");
        used += (size_t)got;
        answer[used] = '\0';
        const char *end = strstr(answer, "\r\n\r\n");
        const char *length = strcasestr(answer, "\r\nContent-Length:");
        if (end == NULL || length == NULL)
            continue;
        if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0)
            die("the agent refused: %s", answer);
        if (used - (size_t)(end + 4 - answer) >= strtoul(length + strlen("\r\nContent-Length:"), NULL, 10))
            return end + 4;
    }
}

static size_t write_order(const json_t *answer, char *out, size_t capacity)
{
    const char *method, *url, *body;
    json_t *headers;
    const char *name;
    json_t *value;
    if (json_unpack((json_t *)answer, "{s:s, s:s, s:o, s:s}", "method", &method, "url", &url, "headers", &headers,
                    "body", &body) != 0)
        die("the agent's answer is no request");
    const char *host = url + strlen("https://");
    const char *path = strchr(host, '/');
    size_t used = (size_t)snprintf(out, capacity, "%s %s HTTP/1.1\r\nHost: %.*s\r\nContent-Length: %zu\r\n", method,
                                   path, (int)(path - host), host, strlen(body));
    json_object_foreach(headers, name, value) used += (size_t)snprintf(
        out + used, used < capacity ? capacity - used : 0, "%s: %s\r\n", name, json_string_value(value));
    used += (size_t)snprintf(out + used, used < capacity ? capacity - used : 0, "\r\n%s", body);
    if (used >= capacity)
        die("a request does not fit");
    return used;
}

size_t asked_sign(int agent, const char *key, char *order, size_t capacity)
{
    char answer[ANSWER_MAX];
    json_error_t why;
    json_t *asked = wire_of(order);
    ask(agent, key, asked);
    json_t *signed_order = json_loads(await(agent, answer), 0, &why);
    if (signed_order == NULL)
        die("the agent's answer is no JSON: %s", why.text);
    size_t size = write_order(signed_order, order, capacity);
    json_decref(asked);
    json_decref(signed_order);
    return size;
}
