#include "cli/client.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "cli/connect.h"
#include "cli/jansson.h"

#include <curl/curl.h>
#include <string.h>
#include <sys/socket.h>

#define HTTP_OK 200
#define HTTP_ACCEPTED 202 /* people must agree first */
#define ANSWER_MAX_BYTES (1024 * 1024)
#define CONNECT_WAIT_MS 5000L
#define ANSWER_WAIT_MS 60000L

static size_t take_answer(char *data, size_t item_size, size_t count, void *context)
{
    ch_buffer *answer = context;
    size_t size = item_size * count;
    if (size > ANSWER_MAX_BYTES - answer->size)
        return 0; /* less than given: curl stops with CURLE_WRITE_ERROR */
    ch_buffer_add(answer, data, size);
    return size;
}

static ch_status status_of_problem(const json_t *problem, long http)
{
    static const char prefix[] = "urn:chancery:problem:";
    const char *type = json_string_value(json_object_get(problem, "type"));
    if (type != NULL && strncmp(type, prefix, sizeof prefix - 1) == 0) {
        for (ch_status st = CH_BAD_INPUT; st < CH_STATUS_COUNT; st++) {
            if (strcmp(ch_status_name(st), type + sizeof prefix - 1) == 0)
                return st;
        }
    }
    return http >= 500 ? CH_UNAVAILABLE : CH_BAD_INPUT;
}

static ch_status fail_with_problem(const json_t *problem, long http, curl_off_t retry_after_s, ch_error *err)
{
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    const char *rule = json_string_value(json_object_get(problem, "rule"));
    ch_status st = status_of_problem(problem, http);
    ch_autobuffer retry = CH_BUFFER_INIT;
    if (retry_after_s > 0)
        ch_buffer_add_format(&retry, " (try again in %lld s)", (long long)retry_after_s);
    if (detail == NULL)
        return ch_fail(err, st, "the agent answered HTTP status %ld%s", http, ch_buffer_text(&retry));
    return ch_fail_rule(err, st, rule == NULL ? "" : rule, "%s%s", detail, ch_buffer_text(&retry));
}

static ch_status fail_with_curl(CURLcode code, const char *path, ch_error *err)
{
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_PROXY)
        return ch_fail(err, CH_UNAVAILABLE,
                       "no agent answers at %s; is chancery-agent running, and may you reach that path? --socket or "
                       "CHANCERY_SOCK names another",
                       path);
    if (code == CURLE_WRITE_ERROR)
        return ch_fail(err, CH_TOO_LARGE, "the agent's answer is larger than %d bytes", ANSWER_MAX_BYTES);
    return ch_fail(err, CH_UNAVAILABLE, "talking to the agent at %s: %s", path, curl_easy_strerror(code));
}

/* The connection that curl makes, and what came of looking who is at its other end. */
typedef struct connection {
    const ch_arguments *arguments;
    const char *path;
    int fd;
    ch_error refusal;
} connection;

static curl_socket_t make_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    connection *self = context;
    self->fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    return self->fd;
}

/* Curl is connected, and asks whether it may send the request. */
static int check_peer(void *context, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
    (void)peer_ip;
    (void)own_ip;
    (void)peer_port;
    (void)own_port;
    connection *self = context;
    return ch_connect_check(self->arguments, self->fd, self->path, &self->refusal) == CH_OK ? CURL_PREREQFUNC_OK
                                                                                            : CURL_PREREQFUNC_ABORT;
}

/* Nothing of the environment (proxies, .netrc) takes part, and nothing but HTTP to this socket. */
static void set_up(CURL *curl, connection *to, const char *url, ch_buffer *answer)
{
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, to->path);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, make_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, to);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, check_peer);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, to);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_WAIT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ANSWER_WAIT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
}

static ch_status read_answer(CURL *curl, const ch_buffer *answer, json_t **out, ch_error *err)
{
    long http = 0;
    curl_off_t retry_after_s = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after_s);
    ch_autojansson json = json_loadb((const char *)answer->data, answer->size, JSON_REJECT_DUPLICATES, NULL);
    if (http != HTTP_OK && http != HTTP_ACCEPTED)
        return fail_with_problem(json, http, retry_after_s, err);
    if (!json_is_object(json))
        return ch_fail(err, CH_INTERNAL, "the agent's answer is not a JSON object");
    *out = json_incref(json);
    return CH_OK;
}

static ch_status perform(CURL *curl, connection *to, const ch_buffer *answer, json_t **out, ch_error *err)
{
    CURLcode code = curl_easy_perform(curl);
    if (to->refusal.status == CH_OK)
        return code == CURLE_OK ? read_answer(curl, answer, out, err) : fail_with_curl(code, to->path, err);
    *err = to->refusal;
    return err->status;
}

static ch_status ask(const ch_arguments *arguments, const char *method, const char *path, const json_t *body,
                     json_t **out, ch_error *err)
{
    ch_autofree char *socket_path = ch_option_agent_socket(arguments);
    ch_autofree char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    ch_autobuffer url = CH_BUFFER_INIT;
    ch_autobuffer answer = CH_BUFFER_INIT;
    connection to = {.arguments = arguments, .path = socket_path, .fd = -1, .refusal = CH_ERROR_INIT};
    ch_buffer_add_format(&url, "http://localhost%s", path);
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return ch_fail(err, CH_INTERNAL, "libcurl does not start");
    set_up(curl, &to, ch_buffer_text(&url), &answer);
    if (method != NULL)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    struct curl_slist *headers = NULL;
    if (text != NULL) {
        headers = curl_slist_append(headers, "Content-Type: application/json");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    }
    ch_status st = perform(curl, &to, &answer, out, err);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return st;
}

ch_status ch_client_ask(const ch_arguments *arguments, const char *path, const json_t *body, json_t **out,
                        ch_error *err)
{
    return ask(arguments, NULL, path, body, out, err);
}

ch_status ch_client_delete(const ch_arguments *arguments, const char *path, json_t **out, ch_error *err)
{
    return ask(arguments, "DELETE", path, NULL, out, err);
}
