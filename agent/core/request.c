/* The order of the steps is the promise: nothing is reserved before policy has agreed, and nothing goes to the token
 * that policy has not judged in the very bytes that are signed. */
#include "agent/core/core.h"

#include "exchange/read_back.h"
#include "policy/decide.h"

#include <string.h>
#include <sys/random.h>

/* How far the time in an SDK's string may lie from the agent's: a signature for later would outlive what allowed it. */
#define STRING_TIME_NS 60000000000ULL

/* A request as the front sent it; views into its frame. */
typedef struct question {
    ch_slice key_name;
    ch_sign_form form;
    ch_slice text; /* CH_SIGN_STRING, CH_SIGN_RAW */
    ch_request request;
    ch_param params[CH_PARAMS_MAX];
} question;

/* ---- reading ---- */

/* Every list and object must end, and nothing else may. */
static bool is_balanced(const ch_param *params, size_t count)
{
    size_t depth = 0;
    for (size_t i = 0; i < count; i++) {
        if (params[i].kind == CH_PARAM_END && depth == 0)
            return false;
        depth += params[i].kind == CH_PARAM_LIST || params[i].kind == CH_PARAM_OBJECT;
        depth -= params[i].kind == CH_PARAM_END;
        if (depth > CH_PARAM_DEPTH_MAX)
            return false;
    }
    return depth == 0;
}

static ch_status read_params(ch_frame *frame, ch_request *request, ch_error *err)
{
    request->param_count = ch_frame_read_u16(frame);
    if (request->param_count > CH_PARAMS_MAX)
        return ch_fail(err, CH_BAD_INPUT, "a request has at most %d parameters", CH_PARAMS_MAX);
    for (size_t i = 0; i < request->param_count; i++) {
        uint8_t kind = ch_frame_read_u8(frame);
        if (kind >= CH_PARAM_KIND_COUNT)
            return ch_fail(err, CH_BAD_INPUT, "parameter %zu is of an unknown kind", i + 1);
        ch_param *param = &request->params[i];
        *param = (ch_param){.kind = (ch_param_kind)kind};
        param->name = ch_frame_read_bytes(frame);
        param->value = ch_frame_read_bytes(frame);
        if (!ch_slice_is_text(param->name) || !ch_slice_is_text(param->value))
            return ch_fail(err, CH_BAD_INPUT, "parameter %zu is not plain UTF-8 text", i + 1);
    }
    return is_balanced(request->params, request->param_count)
               ? CH_OK
               : ch_fail(err, CH_INTERNAL, "the front sent parameters that do not close");
}

static ch_status read_question(ch_frame *frame, question *out, ch_error *err)
{
    out->key_name = ch_frame_read_bytes(frame);
    uint8_t form = ch_frame_read_u8(frame);
    out->request = (ch_request){.params = out->params};
    out->request.method = ch_frame_read_bytes(frame);
    out->request.host = ch_frame_read_bytes(frame);
    out->request.path = ch_frame_read_bytes(frame);
    out->text = ch_frame_read_bytes(frame);
    ch_status st = read_params(frame, &out->request, err);
    if (st == CH_OK && (!ch_frame_done(frame) || form >= CH_SIGN_FORM_COUNT))
        st = ch_fail(err, CH_INTERNAL, "the front sent a malformed request");
    out->form = (ch_sign_form)form;
    return st;
}

/* ---- judging ---- */

static ch_status find_key(const ch_core *core, const ch_peer *peer, ch_slice name, const ch_key **key, ch_error *err)
{
    *key = ch_policy_find_key(&core->policy, name);
    if (*key == NULL)
        return ch_fail(err, CH_NOT_FOUND, "there is no key '%.*s'", CH_SLICE_ARGS(name));
    return ch_policy_admit(*key, peer, err);
}

static ch_recipe_input input_of(const ch_key *key, const ch_endpoint *endpoint, const ch_request *request)
{
    return (ch_recipe_input){.profile = key->profile,
                             .scheme = key->scheme,
                             .endpoint = endpoint,
                             .request = request,
                             .key_id = ch_slice_of(key->key_id),
                             .passphrase = ch_slice_of(key->passphrase),
                             .now_ns = ch_clock_wall_ns()};
}

/* Checks the request against its endpoint and asks policy. */
static ch_status judge(ch_job *job, const ch_peer *peer, const ch_endpoint *endpoint, ch_request *request,
                       ch_error *err)
{
    const ch_key *key = job->key;
    job->is_urgent = ch_endpoint_class(endpoint) == CH_CLASS_CANCEL;
    CH_TRY(ch_endpoint_check(endpoint, key->scheme, request, err));
    const ch_facts facts = {
        .key = key,
        .caller = peer,
        .missing_kind = ch_endpoint_kind(endpoint, key->kinds),
        .class_ = ch_endpoint_class(endpoint),
        .classes = ch_endpoint_confused_classes(endpoint, key->scheme, key->kinds, request),
    };
    return ch_policy_decide(&facts, err);
}

/* ---- a typed request ---- */

static ch_status build(ch_core *core, ch_job *job, const ch_endpoint *endpoint, const ch_request *request,
                       ch_error *err)
{
    const ch_key *key = job->key;
    ch_recipe_input input = input_of(key, endpoint, request);
    uint64_t unit_ns = 0;
    ch_status st = CH_OK;
    if (ch_profile_uses_nonce(key->profile, &unit_ns)) {
        size_t counter = core->nonce_counters[key - core->policy.keys];
        st = ch_nonces_next(core->nonces, counter, unit_ns, input.now_ns, &input.nonce, err);
    }
    if (st == CH_OK && ch_endpoint_uses_random(endpoint, key->scheme) &&
        getrandom(input.random, sizeof input.random, 0) != (ssize_t)sizeof input.random)
        st = ch_fail_errno(err, "drawing random bytes");
    return st == CH_OK ? ch_recipe_build(&input, job->draft, &job->messages, err) : st;
}

static ch_status prepare_typed(ch_core *core, ch_job *job, const ch_peer *peer, question *asked, ch_error *err)
{
    const ch_endpoint *endpoint = NULL;
    ch_status st = ch_profile_match(job->key->profile, &asked->request, &endpoint, err);
    if (st == CH_OK)
        st = judge(job, peer, endpoint, &asked->request, err);
    if (st == CH_OK)
        st = ch_link_accepts(&core->links[job->key->token], job->key, err);
    return st == CH_OK ? build(core, job, endpoint, &asked->request, err) : st;
}

/* ---- an SDK's own string ---- */

static ch_status sign_text(ch_core *core, ch_job *job, ch_slice text, ch_error *err)
{
    ch_status st = ch_link_accepts(&core->links[job->key->token], job->key, err);
    ch_buffer_clear(&job->text);
    ch_buffer_add_slice(&job->text, text);
    job->messages = (ch_payloads){.items = {ch_buffer_slice(&job->text)}, .count = 1};
    return st;
}

/* Reads the string as a request to `endpoint`, and says whether the agent would have built the same. `*fits` is true if
 * it is a request to that endpoint, whatever else may be wrong with it. */
static ch_status read_string(ch_core *core, ch_job *job, const question *asked, const ch_endpoint *endpoint,
                             ch_request *request, bool *fits, ch_error *err)
{
    static ch_reading reading; /* large, and core has one thread */
    ch_payloads built;
    ch_recipe_input input = input_of(job->key, endpoint, request);
    uint64_t clock_ns = input.now_ns;
    ch_status st = ch_recipe_read(&input, core->scratch, asked->text, &reading, err);
    request->params = reading.params;
    request->param_count = reading.param_count;
    if (st == CH_OK)
        st = ch_endpoint_check(endpoint, job->key->scheme, request, err);
    *fits = st == CH_OK;
    if (reading.now_ns != 0)
        input.now_ns = reading.now_ns;
    uint64_t apart_ns = clock_ns > input.now_ns ? clock_ns - input.now_ns : input.now_ns - clock_ns;
    if (st == CH_OK && apart_ns > STRING_TIME_NS)
        st = ch_fail(err, CH_BAD_INPUT, "the time in the string is more than a minute from this machine's");
    if (st == CH_OK)
        st = ch_recipe_build(&input, job->draft, &built, err);
    if (st == CH_OK && !ch_slice_equal(built.items[0], asked->text))
        st = ch_fail(err, CH_BAD_INPUT, "the string to sign is not spelled as this exchange's profile spells it");
    return st;
}

/* Without a path, the first endpoint that the string fits stands for all of them: what else it fits is confusion. */
static ch_status find_reading(ch_core *core, ch_job *job, const question *asked, ch_request *request,
                              const ch_endpoint **out, ch_error *err)
{
    const ch_key *key = job->key;
    if (request->method.size > 0 || request->host.size > 0)
        return ch_fail(err, CH_BAD_INPUT, "\"method\" and \"host\" say nothing without \"path\"");
    for (size_t i = 0; (*out = ch_profile_endpoint_at(key->profile, i)) != NULL; i++) {
        bool fits = false;
        if (ch_endpoint_kind(*out, key->kinds) != NULL || !ch_recipe_is_anonymous(*out, key->scheme))
            continue;
        ch_status st = read_string(core, job, asked, *out, request, &fits, err);
        if (st == CH_OK || fits)
            return st;
    }
    return ch_fail(
        err, CH_BAD_INPUT,
        "the string is no call that profile '%s' lists, or is spelled otherwise; where the exchange signs method "
        "or path, say them with \"method\" and \"path\", which also tells what does not fit",
        ch_profile_name(key->profile));
}

static ch_status prepare_string(ch_core *core, ch_job *job, const ch_peer *peer, question *asked, ch_error *err)
{
    const ch_endpoint *endpoint = NULL;
    ch_request request = asked->request;
    uint64_t unit_ns = 0;
    if (ch_profile_uses_nonce(job->key->profile, &unit_ns))
        return ch_fail(err, CH_BAD_INPUT,
                       "the agent keeps this exchange's nonces itself; send the request, not its string");
    bool fits;
    ch_status st;
    if (request.path.size > 0 && request.method.size == 0)
        return ch_fail(err, CH_BAD_INPUT, "\"path\" says nothing without \"method\"");
    if (request.path.size == 0) {
        st = find_reading(core, job, asked, &request, &endpoint, err);
    } else {
        st = ch_profile_match(job->key->profile, &request, &endpoint, err);
        if (st == CH_OK)
            st = read_string(core, job, asked, endpoint, &request, &fits, err);
    }
    if (st == CH_OK)
        st = judge(job, peer, endpoint, &request, err);
    return st == CH_OK ? sign_text(core, job, asked->text, err) : st;
}

/* ---- raw bytes ---- */

static ch_status prepare_raw(ch_core *core, ch_job *job, const ch_peer *peer, question *asked, ch_error *err)
{
    const ch_facts facts = {.key = job->key, .caller = peer, .is_raw = true};
    CH_TRY(ch_policy_decide(&facts, err));
    return sign_text(core, job, asked->text, err);
}

/* ---- the way of a request ---- */

static ch_status prepare(ch_core *core, ch_job *job, const ch_peer *peer, question *asked, ch_error *err)
{
    switch (asked->form) {
    case CH_SIGN_STRING:
        return prepare_string(core, job, peer, asked, err);
    case CH_SIGN_RAW:
        return prepare_raw(core, job, peer, asked, err);
    default:
        return prepare_typed(core, job, peer, asked, err);
    }
}

static ch_status judge_and_queue(ch_core *core, ch_frame *frame, ch_error *err)
{
    static question asked; /* large, and core has one thread */
    const ch_connection *connection = ch_clients_find(core, ch_frame_read_u64(frame));
    ch_status st = read_question(frame, &asked, err);
    if (st != CH_OK)
        return st;
    if (connection == NULL)
        return ch_fail(err, CH_INTERNAL, "the front sent a request of no connection");
    const ch_key *key = NULL;
    st = find_key(core, &connection->peer, asked.key_name, &key, err);
    if (st != CH_OK)
        return st;
    ch_job *job = ch_job_take(core);
    if (job == NULL)
        return ch_fail(err, CH_BUSY, "%d requests are under way; try again in a moment", CH_JOBS_MAX);
    job->key = key;
    job->form = asked.form;
    job->request_id = frame->id;
    job->front_life = core->front_life;
    job->is_urgent = false;
    st = prepare(core, job, &connection->peer, &asked, err);
    if (st != CH_OK) {
        ch_job_release(core, job);
        return st;
    }
    ch_link_enqueue(&core->links[key->token], job);
    return CH_OK;
}

static void count_failure(ch_core *core, const ch_error *err)
{
    if (ch_status_http(err->status) < 500)
        core->refused_count++;
    else
        core->failed_count++;
}

void ch_sign_request(ch_core *core, ch_frame *frame)
{
    ch_error err = CH_ERROR_INIT;
    if (judge_and_queue(core, frame, &err) == CH_OK)
        return;
    count_failure(core, &err);
    ch_front_fail(core, frame->id, &err);
}

void ch_sign_failed(ch_core *core, ch_job *job, const ch_error *err)
{
    count_failure(core, err);
    if (job->front_life == core->front_life)
        ch_front_fail(core, job->request_id, err);
    ch_job_release(core, job);
}

static ch_status add_signed_frame(ch_core *core, const ch_job *job, const ch_finished *finished, ch_error *err)
{
    ch_buffer *out = ch_channel_out(&core->front.channel);
    size_t begin = ch_frame_begin(out, CH_FRAME_SIGNED, job->request_id);
    ch_frame_bytes(out, finished->method);
    ch_frame_bytes(out, finished->url);
    ch_frame_bytes(out, finished->body);
    ch_frame_u16(out, (uint16_t)finished->header_count);
    for (size_t i = 0; i < finished->header_count; i++) {
        ch_frame_bytes(out, finished->headers[i].name);
        ch_frame_bytes(out, finished->headers[i].value);
    }
    ch_frame_text(out, job->key->name);
    return ch_frame_end(out, begin, err);
}

static ch_status add_signature_frame(ch_core *core, const ch_job *job, ch_slice signature, ch_error *err)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_scheme_add_signature(job->key->scheme, signature, &text);
    ch_buffer *out = ch_channel_out(&core->front.channel);
    size_t begin = ch_frame_begin(out, CH_FRAME_SIGNATURE_ONLY, job->request_id);
    ch_frame_bytes(out, ch_buffer_slice(&text));
    ch_frame_text(out, job->key->name);
    return ch_frame_end(out, begin, err);
}

static ch_status answer(ch_core *core, const ch_job *job, const ch_payloads *signatures, ch_error *err)
{
    ch_finished finished;
    if (job->form != CH_SIGN_TYPED)
        return add_signature_frame(core, job, signatures->items[0], err);
    ch_status st = ch_recipe_finish(job->draft, signatures, &finished, err);
    return st == CH_OK ? add_signed_frame(core, job, &finished, err) : st;
}

void ch_sign_done(ch_core *core, ch_job *job, const ch_payloads *signatures)
{
    ch_error err = CH_ERROR_INIT;
    ch_status st = job->front_life == core->front_life ? answer(core, job, signatures, &err) : CH_OK;
    if (st != CH_OK) {
        ch_sign_failed(core, job, &err);
        return;
    }
    core->signed_count++;
    ch_job_release(core, job);
}
