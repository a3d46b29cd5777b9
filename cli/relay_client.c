/* The URL holds the token, so it is put together in a secret. Curl copies it; this process cannot be dumped. */
#include "cli/relay_client.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/secret.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_MAX_BYTES (4U * 1024 * 1024)
#define TOKEN_MAX_BYTES 256
#define CONNECT_WAIT_MS 5000L
#define ANSWER_WAIT_MS 60000L /* the relay gives up before */

struct ch_relay_client {
    const ch_relay_place *place;
    ch_secret token; /* empty: none is needed */
};

/* ---- the token ---- */

static ch_status read_token(const char *path, ch_secret *out, ch_error *err)
{
    struct stat is;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &is) != 0) {
        ch_status st =
            ch_fail(err, errno == ENOENT ? CH_NOT_FOUND : CH_IO, "the relay's token in %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return st;
    }
    ch_status st =
        (is.st_mode & S_IROTH) == 0
            ? ch_secret_read(out, fd, TOKEN_MAX_BYTES, err)
            : ch_fail(err, CH_CONFIG, "everybody can read %s, and ask as you do; take that right away", path);
    close(fd);
    return st;
}

ch_status ch_relay_client_open(const ch_relay_place *place, ch_relay_client **out, ch_error *err)
{
    ch_autorelay_client *client = ch_alloc(sizeof *client);
    *out = NULL;
    client->place = place;
    if (place->socket_path == NULL && place->token_path == NULL)
        return ch_fail(err, CH_BAD_INPUT, "the relay's port wants a token; name its file with --token-file");
    if (place->socket_path == NULL)
        CH_TRY(read_token(place->token_path, &client->token, err));
    *out = client;
    client = NULL;
    return CH_OK;
}

void ch_relay_client_free(ch_relay_client *client)
{
    if (client == NULL)
        return;
    ch_secret_wipe(&client->token);
    free(client);
}

void ch_relay_client_autofree_(ch_relay_client **client)
{
    ch_relay_client_free(*client);
}

/* ---- the answer ---- */

void ch_relay_answer_free(ch_relay_answer *answer)
{
    json_decref(answer->body);
    json_decref(answer->problem);
    ch_buffer_free(&answer->text);
    *answer = (ch_relay_answer)CH_RELAY_ANSWER_INIT;
}

static size_t take_body(char *data, size_t item_size, size_t count, void *context)
{
    ch_relay_answer *answer = context;
    size_t size = item_size * count;
    if (size > ANSWER_MAX_BYTES - answer->text.size)
        return 0; /* less than given: curl stops with CURLE_WRITE_ERROR */
    ch_buffer_add(&answer->text, data, size);
    return size;
}

/* The value of a header line; false if the line is another header's. */
static bool find_value(ch_slice line, const char *name, ch_slice *value)
{
    size_t size = strlen(name);
    if (line.size <= size || strncasecmp((const char *)line.data, name, size) != 0 || line.data[size] != ':')
        return false;
    *value = ch_slice_after(line, size + 1);
    while (value->size > 0 && value->data[0] == ' ')
        *value = ch_slice_after(*value, 1);
    while (value->size > 0 && strchr("\r\n ", value->data[value->size - 1]) != NULL)
        value->size--;
    return true;
}

static size_t take_header(char *data, size_t item_size, size_t count, void *context)
{
    ch_relay_answer *answer = context;
    ch_slice line = {(const uint8_t *)data, item_size * count};
    ch_slice value;
    if (find_value(line, "Chancery-Problem", &value)) {
        json_decref(answer->problem);
        answer->problem = json_loadb((const char *)value.data, value.size, 0, NULL);
    } else if (find_value(line, "Date", &value)) {
        ch_autofree char *text = ch_slice_strdup(value);
        time_t date = curl_getdate(text, NULL);
        answer->date_s = date > 0 ? (uint64_t)date : 0;
    }
    return line.size;
}

/* Numbers keep all their digits that a double has; what counts here are codes and times. */
static void read_body(CURL *curl, ch_relay_answer *answer)
{
    const char *type = NULL;
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    answer->status = (unsigned)status;
    answer->body = json_loadb((const char *)answer->text.data, answer->text.size, JSON_DECODE_ANY, NULL);
    if (answer->problem == NULL && type != NULL && strncasecmp(type, "application/problem+json", 24) == 0)
        answer->problem = json_incref(answer->body);
}

/* ---- the request ---- */

/* "BASE/TOKEN/KEY/target", terminated. */
static ch_status make_url(const ch_relay_client *client, const char *key, const char *target, ch_secret *out,
                          ch_error *err)
{
    const ch_slice parts[] = {
        ch_slice_of(client->place->base),
        ch_slice_of(client->token.size > 0 ? "/" : ""),
        {client->token.data, client->token.size},
        ch_slice_of("/"),
        ch_slice_of(key),
        ch_slice_of(target),
    };
    size_t size = 1;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        size += parts[i].size;
    CH_TRY(ch_secret_alloc(out, size, err));
    for (size_t i = 0, at = 0; i < sizeof parts / sizeof parts[0]; at += parts[i++].size) {
        if (parts[i].size > 0)
            memcpy(out->data + at, parts[i].data, parts[i].size);
    }
    return CH_OK;
}

/* Nothing of the environment (proxies, .netrc) takes part, and nothing but the relay is asked. */
static void set_up(CURL *curl, const ch_relay_place *place, const char *url, ch_relay_answer *out)
{
    if (place->socket_path != NULL)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, place->socket_path);
    if (place->ca_path != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, place->ca_path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_WAIT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ANSWER_WAIT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, out);
}

static uint64_t wall_ns(void)
{
    ch_moment now;
    return ch_moment_now(&now) ? now.wall_ns : 0;
}

/* Curl's own message could quote the URL. */
static ch_status fail_with_curl(CURLcode code, const ch_relay_place *place, ch_error *err)
{
    const char *where = place->socket_path != NULL ? place->socket_path : place->base;
    if (code == CURLE_COULDNT_CONNECT)
        return ch_fail(err, CH_UNAVAILABLE,
                       "no relay answers at %s; is chancery-relay running? --relay or CHANCERY_RELAY names another",
                       where);
    return ch_fail(err, CH_UNAVAILABLE, "asking the relay at %s: %s", where, curl_easy_strerror(code));
}

/* The caller frees it. */
static struct curl_slist *headers_of(const ch_relay_request *request)
{
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < request->header_count; i++) {
        ch_autobuffer line = CH_BUFFER_INIT;
        ch_buffer_add_format(&line, "%.*s: %.*s", CH_SLICE_ARGS(request->headers[i].name),
                             CH_SLICE_ARGS(request->headers[i].value));
        list = curl_slist_append(list, ch_buffer_text(&line));
    }
    return list;
}

ch_status ch_relay_ask(const ch_relay_client *client, const char *key, const ch_relay_request *request,
                       ch_relay_answer *out, ch_error *err)
{
    ch_autosecret url = CH_SECRET_INIT;
    ch_relay_answer_free(out);
    CH_TRY(make_url(client, key, request->target, &url, err));
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return ch_fail(err, CH_INTERNAL, "libcurl does not start");
    set_up(curl, client->place, (const char *)url.data, out);
    struct curl_slist *headers = headers_of(request);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (request->is_post) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->body.size);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.size > 0 ? (const char *)request->body.data : "");
    }
    out->asked_ns = wall_ns();
    CURLcode code = curl_easy_perform(curl);
    out->answered_ns = wall_ns();
    if (code == CURLE_OK)
        read_body(curl, out);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return code == CURLE_OK ? CH_OK : fail_with_curl(code, client->place, err);
}
