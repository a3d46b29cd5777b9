/* A string is taken in three moves: read it as some request, judge that request like any other, and build the string
 * anew from it. What was read is a guess and proves nothing; only that both are the same bytes does. */
#include "agent/core/forms.h"

#include "agent/core/form_wire.h"
#include "base/clock.h"
#include "base/log.h"
#include "exchange/anonymous.h"
#include "exchange/match.h"
#include "exchange/read_back.h"
#include "policy/policy.h"
#include "wire/frames.h"

#include <sys/random.h>

/* No string of an SDK is near that long; what takes the whole of a request's bytes is sent as the request itself. */
#define STRING_BYTES_MAX 8192

/* How far the time in an SDK's string may lie from the agent's: a signature for later would outlive what allowed it. */
#define STRING_TIME_NS 60000000000ULL

_Static_assert((int)CH_VALUE_KIND_COUNT == (int)CH_PARAM_KIND_COUNT && (int)CH_VALUE_END == (int)CH_PARAM_END,
               "a value's kind is its parameter's kind");
_Static_assert(CH_VALUES_MAX == CH_PARAMS_MAX && CH_PAYLOADS_A_JOB == CH_PAYLOADS_MAX,
               "the frames carry what the recipes take");

static ch_recipe_input input_of(const ch_job *job, const ch_endpoint *endpoint)
{
    return (ch_recipe_input){.profile = job->key->profile,
                             .scheme = job->key->scheme,
                             .environment = job->key->traits.environment,
                             .endpoint = endpoint,
                             .request = &job->request,
                             .window_ms_max = job->key->receive_window_ms,
                             .key_id = ch_slice_of(job->key->key_id),
                             .passphrase = ch_slice_of(job->key->passphrase)};
}

/* ---- typed ---- */

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

static ch_status read_value(const ch_value_record *value, size_t index, ch_param *out, ch_error *err)
{
    if (value->kind >= CH_VALUE_KIND_COUNT)
        return ch_fail(err, CH_BAD_INPUT, "parameter %zu is of an unknown kind", index + 1);
    if (!ch_slice_is_text(value->name) || !ch_slice_is_text(value->value))
        return ch_fail(err, CH_BAD_INPUT, "parameter %zu is not plain UTF-8 text", index + 1);
    *out = (ch_param){.kind = (ch_param_kind)value->kind, .name = value->name, .value = value->value};
    return CH_OK;
}

static ch_status read_typed(ch_job *job, ch_error *err)
{
    ch_records values = job->values;
    ch_value_record value;
    if (values.count > CH_PARAMS_MAX)
        return ch_fail(err, CH_BAD_INPUT, "a request has at most %d parameters", CH_PARAMS_MAX);
    ch_job_reserve_params(job, values.count + 1); /* for what ch_form_add_window adds */
    job->request.params = job->params;
    for (size_t i = 0; ch_value_record_next(&values, &value); i++) {
        CH_TRY(read_value(&value, i, &job->params[i], err));
        job->request.param_count = i + 1;
    }
    if (!is_balanced(job->params, job->request.param_count))
        return ch_fail(err, CH_INTERNAL, "the front sent parameters that do not close");
    return CH_OK;
}

bool ch_form_needs_nonce(const ch_job *job)
{
    return ch_form_is_built(job->form) && ch_endpoint_uses_nonce(job->endpoint, job->key->scheme);
}

static ch_status build_typed(ch_job *job, ch_nonces *nonces, const ch_moment *now, ch_error *err)
{
    ch_recipe_input input = input_of(job, job->endpoint);
    input.now_ns = now->wall_ns;
    if (ch_form_needs_nonce(job))
        CH_TRY(ch_nonces_draw(nonces, &job->claim, now, &input.nonce, err));
    if (ch_endpoint_uses_random(job->endpoint, job->key->scheme) &&
        getrandom(input.random, sizeof input.random, 0) != (ssize_t)sizeof input.random)
        return ch_fail_errno(err, "drawing random bytes");
    return ch_recipe_build(&input, job->draft, &job->payloads, err);
}

/* ---- an SDK's own string ---- */

/* The job takes over what was read: parameters, and the buffer that their values lie in. */
static void keep_reading(ch_job *job, ch_reading *reading)
{
    ch_buffer spare = job->decoded;
    ch_job_reserve_params(job, reading->param_count);
    for (size_t i = 0; i < reading->param_count; i++)
        job->params[i] = reading->params[i];
    job->request.params = job->params;
    job->request.param_count = reading->param_count;
    job->text_time_ns = reading->now_ns;
    job->decoded = reading->text;
    reading->text = spare;
}

static ch_status read_as(ch_job *job, const ch_endpoint *endpoint, ch_scratch *scratch, ch_error *err)
{
    static ch_reading reading; /* large, and core has one thread */
    ch_recipe_input input = input_of(job, endpoint);
    CH_TRY(ch_recipe_read(&input, scratch, job->text, &reading, err));
    keep_reading(job, &reading);
    return CH_OK;
}

/* Without a path, the first endpoint that the string fits stands for all of them: what else it fits is confusion. */
static ch_status find_reading(ch_job *job, ch_scratch *scratch, ch_error *err)
{
    const ch_key *key = job->key;
    const ch_recipe_input input = input_of(job, NULL);
    ch_anonymous_work work;
    const ch_endpoint *endpoint = ch_anonymous_find(&input, key->traits.kinds, scratch, job->text, &work);
    ch_log_debug("request %llx: a string of %zu bytes took %zu readings and %zu checks", (unsigned long long)job->id,
                 job->text.size, work.readings, work.checks);
    if (endpoint == NULL)
        return ch_fail(
            err, CH_BAD_INPUT,
            "the string is not a call that profile '%s' lists, or it is spelled otherwise; if the exchange signs "
            "method or path, name them with \"method\" and \"path\", which also shows what does not fit",
            ch_profile_name(key->profile));
    CH_TRY(read_as(job, endpoint, scratch, err));
    job->request.method = ch_slice_of(ch_endpoint_method(endpoint));
    job->request.path = ch_slice_of(ch_endpoint_path(endpoint));
    job->request.host = ch_environment_host(key->traits.environment, endpoint);
    return CH_OK;
}

static ch_status read_string(ch_job *job, ch_scratch *scratch, ch_error *err)
{
    const ch_endpoint *endpoint = NULL;
    const ch_request *request = &job->request;
    if (job->text.size == 0)
        return ch_fail(err, CH_BAD_INPUT, "the string to sign is empty");
    if (job->text.size > STRING_BYTES_MAX)
        return ch_fail(err, CH_TOO_LARGE, "the string to sign is larger than %d bytes; send the request itself",
                       STRING_BYTES_MAX);
    if (job->key->nonce != NULL)
        return ch_fail(err, CH_BAD_INPUT,
                       "the agent keeps this exchange's nonces itself; send the request, not its string");
    if (request->path.size > 0 && request->method.size == 0)
        return ch_fail(err, CH_BAD_INPUT, "\"path\" needs \"method\" beside it");
    if (request->path.size == 0 && (request->method.size > 0 || request->host.size > 0))
        return ch_fail(err, CH_BAD_INPUT, "\"method\" and \"host\" need \"path\" beside them");
    if (request->path.size == 0)
        return find_reading(job, scratch, err);
    CH_TRY(ch_environment_match(job->key->traits.environment, request, &endpoint, err));
    return read_as(job, endpoint, scratch, err);
}

static ch_status build_string(ch_job *job, const ch_moment *now, ch_error *err)
{
    ch_recipe_input input = input_of(job, job->endpoint);
    input.now_ns = job->text_time_ns != 0 ? job->text_time_ns : now->wall_ns;
    uint64_t apart_ns = now->wall_ns > input.now_ns ? now->wall_ns - input.now_ns : input.now_ns - now->wall_ns;
    if (apart_ns > STRING_TIME_NS)
        return ch_fail(err, CH_BAD_INPUT, "the time in the string is more than a minute from this machine's");
    CH_TRY(ch_recipe_build(&input, job->draft, &job->payloads, err));
    if (!ch_slice_equal(job->payloads.items[0], job->text))
        return ch_fail(err, CH_BAD_INPUT, "the string to sign is not spelled as this exchange's profile spells it");
    job->payloads.count = 1; /* an SDK asks for one signature */
    return CH_OK;
}

/* ---- the two steps ---- */

ch_status ch_form_read(ch_job *job, ch_scratch *scratch, const ch_form_clock *clock, ch_error *err)
{
    switch (job->form) {
    case CH_FORM_TYPED:
        return read_typed(job, err);
    case CH_FORM_STRING:
        return read_string(job, scratch, err);
    case CH_FORM_RAW:
        return CH_OK;
    case CH_FORM_WIRE:
        return ch_form_wire_read(job, clock, err);
    default:
        return ch_fail(err, CH_INTERNAL, "the front sent a request of an unknown form");
    }
}

/* An SDK's string can't be changed: it is refused if it lacks the parameter. */
void ch_form_add_window(ch_job *job)
{
    const ch_key *key = job->key;
    job->is_window_added =
        ch_form_is_built(job->form) &&
        ch_receive_window_add(job->endpoint, key->scheme, key->receive_window_ms, job->window_text, &job->request);
}

ch_status ch_form_find_window(ch_job *job, ch_error *err)
{
    const ch_recipe_input input = input_of(job, job->endpoint);
    return ch_recipe_find_window(&input, &job->window_ms, err);
}

ch_status ch_form_build(ch_job *job, ch_nonces *nonces, const ch_moment *now, ch_error *err)
{
    if (job->form == CH_FORM_STRING)
        return build_string(job, now, err);
    if (job->form == CH_FORM_WIRE)
        CH_TRY(ch_form_wire_check_age(job, now->wall_ns, err));
    if (ch_form_is_built(job->form))
        return build_typed(job, nonces, now, err);
    job->payloads = (ch_payloads){.items = {job->text}, .count = 1};
    return CH_OK;
}
