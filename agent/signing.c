/* The order of the steps is the promise: nothing is reserved before policy has agreed, and nothing goes to the token
 * that policy has not judged in the very bytes that are signed. */
#include "agent/core.h"

static ch_status read_params(ch_frame *frame, ch_param *params, size_t *count, ch_error *err)
{
    *count = ch_frame_read_u16(frame);
    if (*count > CH_PARAMS_MAX)
        return ch_fail(err, CH_BAD_INPUT, "a request has at most %d parameters", CH_PARAMS_MAX);
    for (size_t i = 0; i < *count; i++) {
        uint8_t kind = ch_frame_read_u8(frame);
        if (kind >= CH_PARAM_KIND_COUNT)
            return ch_fail(err, CH_BAD_INPUT, "parameter %zu is of an unknown kind", i + 1);
        params[i].kind = (ch_param_kind)kind;
        params[i].name = ch_frame_read_bytes(frame);
        params[i].value = ch_frame_read_bytes(frame);
        if (!ch_slice_is_text(params[i].name) || !ch_slice_is_text(params[i].value))
            return ch_fail(err, CH_BAD_INPUT, "parameter %zu is not plain UTF-8 text", i + 1);
    }
    return CH_OK;
}

/* Finds the key, matches the endpoint and asks policy. */
static ch_status decide(const ch_core *core, const ch_peer *peer, ch_slice key_name, const ch_request *request,
                        const ch_key **key, const ch_endpoint **endpoint, ch_error *err)
{
    *key = ch_policy_find_key(&core->policy, key_name);
    if (*key == NULL)
        return ch_fail(err, CH_NOT_FOUND, "there is no key '%.*s'", CH_SLICE_ARGS(key_name));
    if (!ch_policy_may_see(*key, peer))
        return ch_fail_rule(err, CH_REFUSED, "grant", "user %u has no grant for key '%s'", (unsigned)peer->uid,
                            (*key)->name);
    ch_status st = ch_profile_match((*key)->profile, request->method, request->path, endpoint, err);
    if (st == CH_OK)
        st = ch_endpoint_check(*endpoint, request, err);
    if (st == CH_OK) {
        ch_class own = ch_endpoint_class(*endpoint);
        unsigned classes = ch_endpoint_confused_classes(*endpoint, request) | 1U << own;
        st = ch_policy_decide(*key, peer, own, classes, err);
    }
    return st;
}

static ch_status build(ch_core *core, ch_job *job, const ch_endpoint *endpoint, const ch_request *request,
                       ch_error *err)
{
    const ch_key *key = job->key;
    ch_recipe_input input = {.profile = key->profile,
                             .scheme = key->scheme,
                             .endpoint = endpoint,
                             .request = request,
                             .key_id = ch_slice_of(key->key_id),
                             .passphrase = ch_slice_of(key->passphrase),
                             .now_ns = ch_clock_wall_ns()};
    uint64_t unit_ns = 0;
    if (ch_profile_uses_nonce(key->profile, &unit_ns)) {
        size_t counter = core->nonce_counters[key - core->policy.keys];
        ch_status st = ch_nonces_next(core->nonces, counter, unit_ns, input.now_ns, &input.nonce, err);
        if (st != CH_OK)
            return st;
    }
    return ch_recipe_build(&input, job->draft, &job->message, err);
}

static ch_status judge_and_queue(ch_core *core, ch_frame *frame, ch_error *err)
{
    ch_param params[CH_PARAMS_MAX];
    uint64_t connection_id = ch_frame_read_u64(frame);
    ch_slice key_name = ch_frame_read_bytes(frame);
    ch_request request = {.method = ch_frame_read_bytes(frame), .path = ch_frame_read_bytes(frame), .params = params};
    ch_status st = read_params(frame, params, &request.param_count, err);
    if (st != CH_OK)
        return st;
    const ch_connection *connection = ch_clients_find(core, connection_id);
    if (!ch_frame_done(frame) || connection == NULL)
        return ch_fail(err, CH_INTERNAL, "the front sent a malformed request");

    const ch_key *key = NULL;
    const ch_endpoint *endpoint = NULL;
    st = decide(core, &connection->peer, key_name, &request, &key, &endpoint, err);
    if (st != CH_OK)
        return st;
    ch_job *job = ch_job_take(core);
    if (job == NULL)
        return ch_fail(err, CH_BUSY, "%d requests are under way; try again in a moment", CH_JOBS_MAX);
    job->key = key;
    job->request_id = frame->id;
    job->front_life = core->front_life;
    job->is_urgent = ch_endpoint_class(endpoint) == CH_CLASS_CANCEL;
    ch_link *link = &core->links[key->token];
    st = ch_link_accepts(link, key, err);
    if (st == CH_OK)
        st = build(core, job, endpoint, &request, err);
    if (st != CH_OK) {
        ch_job_release(core, job);
        return st;
    }
    ch_link_enqueue(link, job);
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

void ch_sign_done(ch_core *core, ch_job *job, ch_slice signature)
{
    ch_finished finished;
    ch_error err = CH_ERROR_INIT;
    ch_status st = ch_recipe_finish(job->draft, signature, &finished, &err);
    if (st == CH_OK && job->front_life == core->front_life)
        st = add_signed_frame(core, job, &finished, &err);
    if (st != CH_OK) {
        ch_sign_failed(core, job, &err);
        return;
    }
    core->signed_count++;
    ch_job_release(core, job);
}
