/* A question is sent at most once: libcurl would send it again, silently, if a connection that was used before dies
 * unanswered, so its second start is stopped. */
#include "relay/agent.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/memory.h"
#include "relay/agent_answer.h"
#include "relay/lane.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (256 * 1024)
#define REPEAT_KEY "Idempotency-Key"
#define CONNECTIONS_MAX 64L
#define IDLE_MAX_S 60L /* less than the agent keeps a connection that is idle */
#define CONNECT_WAIT_MS 2000L
#define TELL_WAIT_MS 10000L
#define TELLING_MAX 128 /* questions; beyond that nothing is told, and the agent keeps what it reserved */
#define GATHER_MS 5U    /* outcomes are told together */
#define OUTCOMES_MAX 64 /* that the agent takes at once */
#define OUTCOMES_LEAD "{\"outcomes\":["
#define OUTCOMES_END "]}"

struct ch_asking {
    ch_agent *agent;
    ch_transfer transfer;
    struct curl_slist *headers;
    ch_buffer question;
    ch_buffer text; /* the answer */
    unsigned starts;
    json_t *document;
    void (*on_answer)(void *context, const ch_agent_answer *answer); /* NULL: it tells */
    void *context;
    ch_asking *previous; /* of those that tell */
    ch_asking *next;
};

struct ch_agent {
    ch_lane *lane;
    char *socket_path;
    long wait_ms;
    ch_asking *telling;
    size_t telling_count;
    ch_loop *loop;
    ch_buffer outcomes; /* to be told, as JSON */
    size_t outcome_count;
    ch_timer gathering; /* set if there are outcomes */
    ch_log_limit limit;
};

/* ---- a question as JSON ---- */

static void add_headers(const ch_wire *wire, ch_buffer *out)
{
    const char *lead = "";
    for (size_t i = 0; i < wire->head->count; i++) {
        const ch_header *header = &wire->head->headers[i];
        if (ch_is_hop_header(header->name) || ch_header_is(header->name, REPEAT_KEY))
            continue;
        ch_buffer_add_text(out, lead);
        ch_encode_json(out, header->name);
        ch_buffer_add_byte(out, ':');
        ch_encode_json(out, header->value);
        lead = ",";
    }
}

/* How many bytes of text it begins with: UTF-8, and of the control characters those that JSON may be written with. */
static size_t count_body_text(ch_slice body)
{
    ch_slice rest = body;
    for (;;) {
        rest = ch_slice_after(rest, ch_slice_count_text(rest));
        if (rest.size == 0 || (rest.data[0] != '\n' && rest.data[0] != '\r' && rest.data[0] != '\t'))
            return body.size - rest.size;
        rest = ch_slice_after(rest, 1);
    }
}

ch_status ch_agent_write(const ch_wire *wire, const char *id, ch_buffer *out, ch_error *err)
{
    if (count_body_text(wire->body) != wire->body.size)
        return ch_fail(err, CH_BAD_INPUT, "the body is not text in UTF-8");
    ch_buffer_add_text(out, "{\"wire\":{\"method\":");
    ch_encode_json(out, wire->head->method);
    ch_buffer_add_text(out, ",\"url\":");
    ch_encode_json(out, wire->url);
    if (wire->origin.size > 0) {
        ch_buffer_add_text(out, ",\"origin\":");
        ch_encode_json(out, wire->origin);
    }
    ch_buffer_add_text(out, ",\"headers\":{");
    add_headers(wire, out);
    ch_buffer_add_text(out, "},\"body\":");
    ch_encode_json(out, wire->body);
    ch_buffer_add_format(out, "},\"relay\":{\"id\":\"%s\",\"for\":", id);
    ch_encode_json(out, ch_slice_of(wire->caller));
    ch_buffer_add_text(out, "}}");
    if (out->size > CH_AGENT_BODY_MAX)
        return ch_fail(err, CH_TOO_LARGE, "as JSON, the request is over the limit of %d bytes", CH_AGENT_BODY_MAX);
    return CH_OK;
}

/* Each part with its length before it, so that no two requests are the same bytes. */
static void add_part(ch_buffer *out, ch_slice part)
{
    ch_buffer_add_format(out, "%zu:", part.size);
    ch_buffer_add_slice(out, part);
}

void ch_wire_print(const ch_wire *wire, uint8_t out[CH_PRINT_SIZE])
{
    ch_autobuffer bytes = CH_BUFFER_INIT;
    add_part(&bytes, ch_slice_of(wire->caller));
    add_part(&bytes, wire->key);
    add_part(&bytes, wire->origin);
    add_part(&bytes, wire->head->method);
    add_part(&bytes, wire->url);
    add_part(&bytes, wire->body);
    for (size_t i = 0; i < wire->head->count; i++) {
        if (ch_is_hop_header(wire->head->headers[i].name))
            continue;
        add_part(&bytes, wire->head->headers[i].name);
        add_part(&bytes, wire->head->headers[i].value);
    }
    (void)EVP_Digest(bytes.data, bytes.size, out, NULL, EVP_sha256(), NULL);
}

/* ---- asking ---- */

static size_t take_text(char *data, size_t item_size, size_t count, void *context)
{
    ch_asking *asking = context;
    size_t size = item_size * count;
    if (size > ANSWER_MAX - asking->text.size)
        return 0; /* less than given: libcurl stops */
    ch_buffer_add(&asking->text, data, size);
    return size;
}

static int start_once(void *context, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
    (void)peer_ip;
    (void)own_ip;
    (void)peer_port;
    (void)own_port;
    ch_asking *asking = context;
    return ++asking->starts == 1 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static void forget_telling(ch_asking *asking)
{
    ch_agent *agent = asking->agent;
    *(asking->previous == NULL ? &agent->telling : &asking->previous->next) = asking->next;
    if (asking->next != NULL)
        asking->next->previous = asking->previous;
    agent->telling_count--;
}

void ch_asking_free(ch_asking *asking)
{
    if (asking == NULL)
        return;
    if (asking->on_answer == NULL)
        forget_telling(asking);
    ch_lane_stop(&asking->transfer);
    curl_easy_cleanup(asking->transfer.easy);
    curl_slist_free_all(asking->headers);
    ch_buffer_free(&asking->question);
    ch_buffer_free(&asking->text);
    json_decref(asking->document);
    free(asking);
}

/* The answer names the ids that the agent does not know or was told of before; nothing is to be done about them. */
static void end_telling(ch_asking *asking, CURLcode code, long status)
{
    if (code != CURLE_OK)
        ch_log_limited(&asking->agent->limit, "the agent was not told of outcomes, and keeps what it reserved: %s",
                       curl_easy_strerror(code));
    else if (status != 200)
        ch_log_limited(&asking->agent->limit, "the agent took no outcomes: it answered with status %ld", status);
    ch_asking_free(asking);
}

static void on_done(void *context, CURLcode code)
{
    ch_asking *asking = context;
    ch_agent_answer answer = {.says = asking->starts == 0 ? CH_AGENT_AWAY : CH_AGENT_SILENT};
    long status = 0;
    curl_off_t retry_after_s = 0;
    curl_easy_getinfo(asking->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(asking->transfer.easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    if (asking->on_answer == NULL) {
        end_telling(asking, code, status);
        return;
    }
    if (code == CURLE_OK) {
        answer.status = (unsigned)status;
        answer.retry_after_s = (long)retry_after_s;
        asking->document = json_loadb((const char *)asking->text.data, asking->text.size, JSON_REJECT_DUPLICATES, NULL);
        ch_agent_answer_read(asking->document, &answer);
    } else {
        ch_log_limited(&asking->agent->limit, "asking the agent at %s: %s", asking->agent->socket_path,
                       curl_easy_strerror(code));
    }
    asking->on_answer(asking->context, &answer);
}

static struct curl_slist *make_headers(const ch_slice *repeat_key)
{
    ch_autobuffer line = CH_BUFFER_INIT;
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");
    if (repeat_key == NULL || repeat_key->size == 0)
        return headers;
    ch_buffer_add_text(&line, REPEAT_KEY ": ");
    ch_buffer_add_slice(&line, *repeat_key);
    return curl_slist_append(headers, ch_buffer_text(&line));
}

static ch_asking *post(ch_agent *agent, const char *path, ch_buffer *question, const ch_slice *repeat_key, long wait_ms)
{
    ch_asking *asking = ch_alloc(sizeof *asking);
    CURL *easy = ch_lane_easy();
    ch_autobuffer url = CH_BUFFER_INIT;
    if (easy == NULL)
        ch_out_of_memory(0);
    *asking = (ch_asking){
        .agent = agent, .question = *question, .transfer = {.easy = easy, .on_done = on_done, .context = asking}
    };
    *question = (ch_buffer)CH_BUFFER_INIT;
    ch_buffer_add_format(&url, "http://localhost%s", path);
    asking->headers = make_headers(repeat_key);
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, agent->socket_path);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_URL, ch_buffer_text(&url));
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, asking->headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, asking->question.data);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)asking->question.size);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_MAX_S);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_WAIT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, wait_ms);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, start_once);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, asking);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_text);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, asking);
    ch_lane_start(agent->lane, &asking->transfer);
    return asking;
}

ch_asking *ch_agent_ask(ch_agent *agent, const ch_wire *wire, ch_buffer *question,
                        void (*on_answer)(void *context, const ch_agent_answer *answer), void *context)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    const ch_slice *repeat_key = ch_bot_head_find(wire->head, REPEAT_KEY);
    ch_buffer_add_format(&path, "/v1/keys/%.*s/sign", CH_SLICE_ARGS(wire->key));
    ch_asking *asking = post(agent, ch_buffer_text(&path), question, repeat_key, agent->wait_ms);
    asking->on_answer = on_answer;
    asking->context = context;
    return asking;
}

/* ---- telling ---- */

static void send_outcomes(ch_agent *agent)
{
    ch_buffer question = agent->outcomes;
    agent->outcomes = (ch_buffer)CH_BUFFER_INIT;
    agent->outcome_count = 0;
    ch_loop_cancel_timer(agent->loop, &agent->gathering);
    if (agent->telling_count >= TELLING_MAX) {
        ch_log_limited(&agent->limit, "too many outcomes wait to be told; the agent keeps what it reserved for some");
        ch_buffer_free(&question);
        return;
    }
    ch_buffer_add_text(&question, OUTCOMES_END);
    ch_asking *telling = post(agent, "/v1/outcomes", &question, NULL, TELL_WAIT_MS);
    telling->next = agent->telling;
    if (agent->telling != NULL)
        agent->telling->previous = telling;
    agent->telling = telling;
    agent->telling_count++;
}

static void on_gathered(void *context)
{
    send_outcomes(context);
}

static void write_outcome(const char *id, unsigned status, ch_slice body, ch_buffer *out)
{
    if (status == 0) {
        ch_buffer_add_format(out, "{\"id\":\"%s\",\"outcome\":\"not-sent\"}", id);
        return;
    }
    ch_buffer_add_format(out, "{\"id\":\"%s\",\"outcome\":\"answered\",\"status\":%u,\"body\":", id, status);
    ch_encode_json(out, (ch_slice){body.data, count_body_text(body)});
    ch_buffer_add_byte(out, '}');
}

void ch_agent_tell(ch_agent *agent, const char *id, unsigned status, ch_slice body)
{
    ch_autobuffer outcome = CH_BUFFER_INIT;
    write_outcome(id, status, body, &outcome);
    if (agent->outcome_count == OUTCOMES_MAX ||
        (agent->outcome_count > 0 && agent->outcomes.size + outcome.size + sizeof "," OUTCOMES_END > CH_AGENT_BODY_MAX))
        send_outcomes(agent);
    ch_buffer_add_text(&agent->outcomes, agent->outcome_count == 0 ? OUTCOMES_LEAD : ",");
    ch_buffer_add_slice(&agent->outcomes, ch_buffer_slice(&outcome));
    if (agent->outcome_count++ == 0)
        ch_loop_set_timer(agent->loop, &agent->gathering, ch_clock_ms() + GATHER_MS);
}

size_t ch_agent_telling(const ch_agent *agent)
{
    return agent->telling_count + agent->outcome_count;
}

/* ---- life ---- */

ch_status ch_agent_new(ch_loop *loop, const char *socket_path, unsigned wait_s, ch_agent **out, ch_error *err)
{
    ch_agent *agent = ch_alloc(sizeof *agent);
    if (ch_lane_new(loop, CONNECTIONS_MAX, true, &agent->lane, err) != CH_OK) {
        free(agent);
        return err->status;
    }
    agent->loop = loop;
    agent->gathering = (ch_timer){.on_due = on_gathered, .context = agent};
    agent->socket_path = ch_strdup(socket_path);
    agent->wait_ms = (long)wait_s * 1000;
    *out = agent;
    return CH_OK;
}

void ch_agent_free(ch_agent *agent)
{
    if (agent == NULL)
        return;
    for (ch_asking *asking = agent->telling, *next; asking != NULL; asking = next) {
        next = asking->next;
        ch_asking_free(asking);
    }
    ch_loop_cancel_timer(agent->loop, &agent->gathering);
    ch_buffer_free(&agent->outcomes);
    ch_lane_free(agent->lane);
    free(agent->socket_path);
    free(agent);
}
