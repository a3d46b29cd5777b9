#include "relay/agent.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/memory.h"
#include "relay/agent_answer.h"
#include "relay/calls.h"
#include "relay/headers.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define REPEAT_KEY "Idempotency-Key"
#define CONNECTIONS_MAX 64
#define TELL_WAIT_MS 10000U
#define TELLING_MAX 128 /* questions; beyond that nothing is told, and the agent keeps what it reserved */
#define GATHER_MS 5U    /* outcomes are told together */
#define OUTCOMES_MAX 64 /* that the agent takes at once */
#define OUTCOMES_LEAD "{\"outcomes\":["
#define OUTCOMES_END "]}"

struct ch_asking {
    ch_agent *agent;
    ch_call call;
    json_t *document;
    void (*on_answer)(void *context, const ch_agent_answer *answer); /* NULL: it tells */
    void *context;
    ch_asking *previous; /* of those that tell */
    ch_asking *next;
};

struct ch_agent {
    ch_calls *calls;
    char *socket_path;
    uint64_t wait_ms;
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

ch_status ch_agent_write(const ch_wire *wire, const char *id, const char *errors_tag, ch_buffer *out, ch_error *err)
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
    if (errors_tag != NULL) {
        ch_buffer_add_text(out, ",\"errors\":");
        ch_encode_json(out, ch_slice_of(errors_tag));
    }
    ch_buffer_add_text(out, "}}");
    if (out->size > CH_AGENT_BODY_MAX)
        return ch_fail(err, CH_TOO_LARGE, "as JSON, the request is over the limit of %d bytes", CH_AGENT_BODY_MAX);
    return CH_OK;
}

/* Each part with its length before it, so that no two requests are the same bytes. */
static void add_part(ch_buffer *out, ch_slice part)
{
    const uint64_t size = part.size;
    ch_buffer_add_slice(out, (ch_slice){(const uint8_t *)&size, sizeof size});
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
    ch_calls_stop(&asking->call);
    ch_buffer_free(&asking->call.request);
    json_decref(asking->document);
    free(asking);
}

/* The answer names the ids that the agent does not know or was told of before; nothing is to be done about them. */
static void end_telling(void *context, const ch_call_answer *got)
{
    ch_asking *asking = context;
    if (got->end != CH_CALL_ANSWERED)
        ch_log_limited(&asking->agent->limit, "the agent was not told of outcomes, and keeps what it reserved: %s",
                       got->why);
    else if (got->status != 200)
        ch_log_limited(&asking->agent->limit, "the agent took no outcomes: it answered with status %u", got->status);
    ch_asking_free(asking);
}

static void end_asking(void *context, const ch_call_answer *got)
{
    ch_asking *asking = context;
    ch_agent_answer answer = {.says = got->end == CH_CALL_UNASKED ? CH_AGENT_AWAY : CH_AGENT_SILENT};
    if (got->end == CH_CALL_ANSWERED) {
        answer.status = got->status;
        answer.retry_after_s = got->retry_after_s;
        asking->document = json_loadb((const char *)got->body.data, got->body.size, JSON_REJECT_DUPLICATES, NULL);
        ch_agent_answer_read(asking->document, &answer);
    } else {
        ch_log_limited(&asking->agent->limit, "asking the agent at %s: %s", asking->agent->socket_path, got->why);
    }
    asking->on_answer(asking->context, &answer);
}

/* Of what is asked at `path`; start_call begins it. */
static ch_asking *make_asking(ch_agent *agent, const char *path, ch_slice repeat_key, ch_slice question)
{
    ch_asking *asking = ch_alloc(sizeof *asking);
    *asking = (ch_asking){
        .agent = agent, .call = {.request = CH_BUFFER_INIT, .context = asking}
    };
    ch_call_write(path, repeat_key, question, &asking->call.request);
    return asking;
}

ch_asking *ch_agent_ask(ch_agent *agent, const ch_wire *wire, ch_slice question,
                        void (*on_answer)(void *context, const ch_agent_answer *answer), void *context)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    const ch_slice *repeat_key = ch_bot_head_find(wire->head, REPEAT_KEY);
    ch_buffer_add_format(&path, "/v1/keys/%.*s/sign", CH_SLICE_ARGS(wire->key));
    ch_asking *asking =
        make_asking(agent, ch_buffer_text(&path), repeat_key == NULL ? (ch_slice){NULL, 0} : *repeat_key, question);
    asking->on_answer = on_answer;
    asking->context = context;
    asking->call.on_end = end_asking;
    asking->call.wait_ms = agent->wait_ms;
    ch_calls_start(agent->calls, &asking->call);
    return asking;
}

/* ---- telling ---- */

static void send_outcomes(ch_agent *agent)
{
    ch_buffer_add_text(&agent->outcomes, OUTCOMES_END);
    ch_asking *telling = make_asking(agent, "/v1/outcomes", (ch_slice){NULL, 0}, ch_buffer_slice(&agent->outcomes));
    ch_buffer_clear(&agent->outcomes);
    agent->outcome_count = 0;
    ch_loop_cancel_timer(agent->loop, &agent->gathering);
    telling->call.on_end = end_telling;
    telling->call.wait_ms = TELL_WAIT_MS;
    telling->next = agent->telling;
    if (agent->telling != NULL)
        agent->telling->previous = telling;
    agent->telling = telling;
    agent->telling_count++;
    ch_calls_start(agent->calls, &telling->call);
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
    if (count_body_text(body) != body.size)
        body.size = 0; /* what is no text is no answer that can be read, whatever it begins with */
    ch_encode_json(out, body);
    ch_buffer_add_byte(out, '}');
}

void ch_agent_tell(ch_agent *agent, const char *id, unsigned status, ch_slice body)
{
    ch_autobuffer outcome = CH_BUFFER_INIT;
    if (agent->telling_count >= TELLING_MAX) {
        ch_log_limited(&agent->limit, "too many outcomes wait to be told; the agent keeps what it reserved for one");
        return;
    }
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

ch_agent *ch_agent_new(ch_loop *loop, const char *socket_path, unsigned wait_s)
{
    ch_agent *agent = ch_alloc(sizeof *agent);
    *agent = (ch_agent){
        .loop = loop,
        .socket_path = ch_strdup(socket_path),
        .wait_ms = (uint64_t)wait_s * 1000,
        .outcomes = CH_BUFFER_INIT,
        .gathering = {.on_due = on_gathered, .context = agent}
    };
    agent->calls = ch_calls_new(loop, agent->socket_path, CONNECTIONS_MAX);
    return agent;
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
    ch_calls_free(agent->calls);
    free(agent->socket_path);
    free(agent);
}
