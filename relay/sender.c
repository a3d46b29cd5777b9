#include "relay/sender.h"

#include "base/clock.h"
#include "base/memory.h"
#include "relay/answer_head.h"
#include "relay/guard.h"
#include "relay/headers.h"
#include "relay/lane.h"
#include "relay/reuse.h"
#include "wire/frames.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECTIONS_MAX 256L
#define IDLE_MAX_S 15L /* of a connection that is used again; exchanges close them after twenty seconds or more */

struct ch_sender {
    ch_loop *loop;
    const ch_relay_config *config;
    ch_lane *effects; /* HTTP/1.1 only */
    ch_lane *others;
};

struct ch_sending {
    ch_sender *sender;
    ch_lane *lane;
    ch_sending_owner owner;
    ch_transfer transfer;
    ch_timer timer;
    struct curl_slist *headers;
    struct curl_slist *connect_to;
    ch_answer_head head;
    bool is_once;
    bool may_be_private;
    int opened[2]; /* the last socket of IPv4 and of IPv6; -1: none since the last start */
    bool is_unfit; /* the connection was, so it is begun again on a new one */
    unsigned starts;
    uint64_t body_size; /* that has come */
    bool has_head;      /* the owner has it */
    bool has_enough;
    ch_error why;
};

/* ---- what libcurl calls ---- */

static void set_time(ch_sending *sending, uint32_t time_s)
{
    ch_loop_set_timer(sending->sender->loop, &sending->timer, ch_clock_ms() + (uint64_t)time_s * 1000);
}

/* -1 if the connection is an older one. */
static int take_opened(ch_sending *sending, const char *own_ip)
{
    int fd = sending->opened[strchr(own_ip, ':') != NULL];
    sending->opened[0] = sending->opened[1] = -1;
    return fd;
}

static int on_start(void *context, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
    (void)peer_ip;
    (void)peer_port;
    (void)own_port;
    ch_sending *sending = context;
    if (sending->starts > 0 && sending->is_once) {
        (void)ch_fail(&sending->why, CH_UNAVAILABLE,
                      "the exchange closed the connection without an answer; the request is not sent a second time");
        return CURL_PREREQFUNC_ABORT;
    }
    sending->is_unfit = !ch_reuse_is_fit(sending->transfer.easy, take_opened(sending, own_ip));
    if (sending->is_unfit)
        return CURL_PREREQFUNC_ABORT;
    if (sending->starts == 0 && !sending->owner.on_start(sending->owner.context))
        return CURL_PREREQFUNC_ABORT;
    sending->starts++;
    set_time(sending, sending->sender->config->times.answer);
    return CURL_PREREQFUNC_OK;
}

/* Here, because only here it is known which address is used. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    ch_sending *sending = context;
    if (!sending->may_be_private && !ch_is_public_address(&address->addr)) {
        (void)ch_fail(&sending->why, CH_REFUSED,
                      "the exchange's name leads to an address of this machine or of a private network; if it should, "
                      "a route in relay.yaml says so (private_addresses: true)");
        return CURL_SOCKET_BAD;
    }
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
    sending->opened[address->family == AF_INET6] = fd;
    return fd;
}

static int64_t announced_size(const ch_sending *sending)
{
    curl_off_t size = -1;
    curl_easy_getinfo(sending->transfer.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
    return size;
}

static uint64_t answer_max(const ch_sending *sending)
{
    return (uint64_t)sending->sender->config->answer_mib * 1024 * 1024;
}

static bool pass_head(ch_sending *sending)
{
    ch_autobuffer lines = CH_BUFFER_INIT;
    int64_t size = announced_size(sending);
    long status = 0;
    curl_easy_getinfo(sending->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200) { /* the interim ones have passed by */
        (void)ch_fail(&sending->why, CH_UNAVAILABLE, "the exchange's answer has no status of HTTP");
        return false;
    }
    if (size > 0 && (uint64_t)size > answer_max(sending)) {
        (void)ch_fail(&sending->why, CH_TOO_LARGE, "the exchange's answer is over %u MiB (answer_mib of relay.yaml)",
                      sending->sender->config->answer_mib);
        return false;
    }
    ch_answer_head_pass(&sending->head, &lines);
    sending->has_head = true;
    set_time(sending, sending->sender->config->times.transfer);
    sending->owner.on_head(sending->owner.context, (unsigned)status, ch_buffer_slice(&lines), size);
    return true;
}

/* Less than given stops libcurl. */
static size_t on_header(char *data, size_t item_size, size_t count, void *context)
{
    ch_sending *sending = context;
    size_t size = item_size * count;
    bool was_whole = sending->head.is_whole;
    if (!ch_answer_head_add(&sending->head, (ch_slice){(const uint8_t *)data, size})) {
        (void)ch_fail(&sending->why, CH_TOO_LARGE, "the head of the exchange's answer is over %d bytes or %d lines",
                      CH_ANSWER_HEAD_MAX, CH_ANSWER_LINES_MAX);
        return 0;
    }
    if (sending->head.is_whole && !was_whole && !pass_head(sending))
        return 0;
    return size;
}

static size_t on_body(char *data, size_t item_size, size_t count, void *context)
{
    ch_sending *sending = context;
    size_t size = item_size * count;
    if (!sending->has_head) {
        (void)ch_fail(&sending->why, CH_UNAVAILABLE, "the exchange's answer has no head, or changes the protocol");
        return 0;
    }
    if (sending->body_size + size > answer_max(sending)) {
        (void)ch_fail(&sending->why, CH_TOO_LARGE, "the exchange's answer is over %u MiB (answer_mib of relay.yaml)",
                      sending->sender->config->answer_mib);
        return 0;
    }
    switch (sending->owner.on_body(sending->owner.context, (ch_slice){(const uint8_t *)data, size})) {
    case CH_TOOK_NONE:
        return CURL_WRITEFUNC_PAUSE;
    case CH_TOOK_ENOUGH:
        sending->has_enough = true;
        return 0;
    case CH_TOOK:
        break;
    }
    sending->body_size += size;
    return size;
}

/* ---- the end ---- */

static void end(ch_sending *sending, bool is_whole)
{
    ch_sent sent = sending->starts == 0 ? CH_NOT_SENT : !sending->has_head ? CH_SENT_UNANSWERED : CH_SENT_BROKEN;
    ch_loop_cancel_timer(sending->sender->loop, &sending->timer);
    if (is_whole && sending->has_head)
        sent = CH_SENT_ANSWERED;
    sending->owner.on_end(sending->owner.context, sent, &sending->why);
}

/* libcurl has closed the unfit connection. */
static void begin_anew(ch_sending *sending)
{
    sending->is_unfit = false;
    curl_easy_setopt(sending->transfer.easy, CURLOPT_FRESH_CONNECT, 1L);
    ch_lane_start(sending->lane, &sending->transfer);
}

static void on_done(void *context, CURLcode code)
{
    ch_sending *sending = context;
    if (sending->is_unfit) {
        begin_anew(sending);
        return;
    }
    if (code != CURLE_OK && sending->why.status == CH_OK)
        (void)ch_fail(&sending->why, CH_UNAVAILABLE, "the exchange: %s", curl_easy_strerror(code));
    end(sending, code == CURLE_OK || sending->has_enough);
}

static void on_late(void *context)
{
    ch_sending *sending = context;
    ch_lane_stop(&sending->transfer);
    (void)ch_fail(&sending->why, CH_UNAVAILABLE, "the exchange did not answer %s",
                  sending->has_head ? "whole in time" : "in time");
    end(sending, false);
}

/* ---- what is sent ---- */

static void add_header(ch_sending *sending, ch_slice name, ch_slice value)
{
    ch_autobuffer line = CH_BUFFER_INIT;
    ch_buffer_add_slice(&line, name);
    ch_buffer_add_text(&line, value.size == 0 ? ";" : ": ");
    ch_buffer_add_slice(&line, value);
    sending->headers = curl_slist_append(sending->headers, ch_buffer_text(&line));
}

/* As the bot sent it, unless the agent has said something else. */
static bool is_given(ch_records headers, const char *name)
{
    bool is_found = false;
    for (ch_header_record header; !is_found && ch_header_record_next(&headers, &header);)
        is_found = ch_header_is(header.name, name);
    return is_found;
}

static void add_bots(ch_sending *sending, ch_records headers, const ch_bot_head *head, const char *name)
{
    const ch_slice *value = ch_bot_head_find(head, name);
    if (value != NULL && !is_given(headers, name))
        add_header(sending, ch_slice_of(name), *value);
}

/* A header of our own with no value takes away what libcurl would add. */
static void add_headers(ch_sending *sending, const ch_agent_answer *what, const ch_bot_head *head)
{
    ch_records headers = what->headers;
    for (ch_header_record header; ch_header_record_next(&headers, &header);) {
        bool is_ours = what->has_effects && ch_header_is(header.name, "Accept-Encoding");
        if (!ch_is_hop_header(header.name) && !is_ours)
            add_header(sending, header.name, header.value);
    }
    add_bots(sending, what->headers, head, "User-Agent");
    add_bots(sending, what->headers, head, "Accept");
    if (what->has_effects)
        add_header(sending, CH_LITERAL("Accept-Encoding"), CH_LITERAL("identity"));
    else
        add_bots(sending, what->headers, head, "Accept-Encoding");
    if (!is_given(what->headers, "Content-Type"))
        sending->headers = curl_slist_append(sending->headers, "Content-Type:");
    sending->headers = curl_slist_append(sending->headers, "Expect:");
}

/* Only https, without user and password, and nothing that libcurl would change. */
static ch_status read_host(const char *url, char **out, ch_error *err)
{
    char *scheme = NULL;
    char *user = NULL;
    CURLU *parts = curl_url();
    if (parts == NULL)
        return ch_fail(err, CH_INTERNAL, "libcurl does not start");
    bool is_good = curl_url_set(parts, CURLUPART_URL, url, CURLU_PATH_AS_IS) == CURLUE_OK &&
                   curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && strcmp(scheme, "https") == 0 &&
                   curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_NO_USER &&
                   curl_url_get(parts, CURLUPART_HOST, out, 0) == CURLUE_OK;
    for (const char *at = url; *at != '\0'; at++)
        is_good = is_good && *at > ' ' && *at <= '~' && *at != '#';
    curl_free(scheme);
    curl_free(user);
    curl_url_cleanup(parts);
    return is_good ? CH_OK : ch_fail(err, CH_INTERNAL, "what the agent finished has no URL that can be sent");
}

static void add_route(ch_sending *sending, const char *host)
{
    const ch_route_config *route = ch_relay_route(sending->sender->config, ch_slice_of(host));
    ch_autobuffer line = CH_BUFFER_INIT;
    if (route == NULL)
        return;
    sending->may_be_private = route->may_be_private;
    if (route->to == NULL)
        return;
    ch_buffer_add_format(&line, "%s::%s", host, route->to);
    sending->connect_to = curl_slist_append(NULL, ch_buffer_text(&line));
    curl_easy_setopt(sending->transfer.easy, CURLOPT_CONNECT_TO, sending->connect_to);
}

static void set_request(ch_sending *sending, const ch_agent_answer *what, const char *url)
{
    CURL *easy = sending->transfer.easy;
    ch_autobuffer method = CH_BUFFER_INIT;
    bool has_body = what->body.size > 0 || ch_slice_is(what->method, "POST") || ch_slice_is(what->method, "PUT") ||
                    ch_slice_is(what->method, "PATCH");
    ch_buffer_add_slice(&method, what->method);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    if (has_body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)what->body.size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, what->body.size == 0 ? "" : (const char *)what->body.data);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, ch_buffer_text(&method));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, sending->headers);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     sending->sender->config->may_use_http2 && !what->has_effects ? (long)CURL_HTTP_VERSION_2TLS
                                                                                  : (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_MAX_S);
}

/* With a folder of certificates besides, libcurl would read the store again for each connection. */
static void set_transport(ch_sending *sending)
{
    CURL *easy = sending->transfer.easy;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_CAINFO, sending->sender->config->ca_path);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)sending->sender->config->times.connect * 1000);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, sending);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_start);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, sending);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, sending);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, sending);
}

ch_sending *ch_send(ch_sender *sender, const ch_agent_answer *what, const ch_bot_head *head,
                    const ch_sending_owner *owner, ch_error *err)
{
    char *host = NULL;
    ch_autobuffer url = CH_BUFFER_INIT;
    ch_buffer_add_slice(&url, what->url);
    if (read_host(ch_buffer_text(&url), &host, err) != CH_OK) {
        curl_free(host);
        return NULL;
    }
    ch_sending *sending = ch_alloc(sizeof *sending);
    *sending = (ch_sending){
        .sender = sender,
        .lane = what->has_effects ? sender->effects : sender->others,
        .owner = *owner,
        .is_once = what->says == CH_AGENT_SIGNED,
        .transfer = {.easy = ch_lane_easy(), .on_done = on_done, .context = sending},
        .timer = {.on_due = on_late,                      .context = sending                       },
    };
    if (sending->transfer.easy == NULL)
        ch_out_of_memory(0);
    sending->opened[0] = sending->opened[1] = -1;
    add_route(sending, host);
    curl_free(host);
    add_headers(sending, what, head);
    set_transport(sending);
    set_request(sending, what, ch_buffer_text(&url));
    set_time(sending, sender->config->times.connect + sender->config->times.answer);
    ch_lane_start(sending->lane, &sending->transfer);
    return sending;
}

/* ---- life ---- */

void ch_sending_resume(ch_sending *sending)
{
    ch_lane_resume(&sending->transfer);
}

bool ch_sending_has_started(const ch_sending *sending)
{
    return sending->starts > 0;
}

void ch_sending_free(ch_sending *sending)
{
    if (sending == NULL)
        return;
    ch_loop_cancel_timer(sending->sender->loop, &sending->timer);
    ch_lane_stop(&sending->transfer);
    curl_easy_cleanup(sending->transfer.easy);
    curl_slist_free_all(sending->headers);
    curl_slist_free_all(sending->connect_to);
    ch_answer_head_free(&sending->head);
    free(sending);
}

ch_status ch_sender_new(ch_loop *loop, const ch_relay_config *config, ch_sender **out, ch_error *err)
{
    ch_sender *sender = ch_alloc(sizeof *sender);
    *out = sender;
    sender->loop = loop;
    sender->config = config;
    CH_TRY(ch_lane_new(loop, CONNECTIONS_MAX, &sender->effects, err));
    return ch_lane_new(loop, CONNECTIONS_MAX, &sender->others, err);
}

void ch_sender_free(ch_sender *sender)
{
    if (sender == NULL)
        return;
    ch_lane_free(sender->effects);
    ch_lane_free(sender->others);
    free(sender);
}
