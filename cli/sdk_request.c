#include "cli/sdk_request.h"

#include "base/clock.h"
#include "base/memory.h"
#include "exchange/check.h"
#include "exchange/match.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define DUMMY CH_LITERAL("chancery")
#define NO_SIGNATURE_SIZE 64

struct ch_sdk_request {
    const ch_environment *environment;
    ch_scratch *scratch;
    ch_draft *draft;
    ch_finished finished;
    ch_buffer target;
};

ch_sdk_request *ch_sdk_request_new(const ch_environment *environment)
{
    ch_sdk_request *request = ch_alloc(sizeof *request);
    request->environment = environment;
    request->scratch = ch_scratch_new();
    request->draft = ch_draft_new(request->scratch);
    return request;
}

void ch_sdk_request_free(ch_sdk_request *request)
{
    if (request == NULL)
        return;
    ch_draft_free(request->draft);
    ch_scratch_free(request->scratch);
    ch_buffer_free(&request->target);
    free(request);
}

/* The host of that origin in the environment; empty if it has none, or if `name` is NULL. */
static ch_slice host_of(const ch_environment *environment, const char *name)
{
    const char *origin = NULL;
    const char *url;
    for (size_t i = 0; name != NULL && (url = ch_environment_origin_at(environment, i, &origin)) != NULL; i++) {
        if (strcmp(origin, name) == 0 && *url != '\0')
            return ch_slice_of(strstr(url, "://") + 3);
    }
    return ch_slice_of("");
}

/* The first of the profile's that the exchange takes there; which one does not matter. */
static const ch_scheme *scheme_for(const ch_profile *profile, const ch_endpoint *endpoint)
{
    size_t i = 0;
    while (!ch_endpoint_takes_scheme(endpoint, ch_profile_scheme_at(profile, i)))
        i++;
    return ch_profile_scheme_at(profile, i);
}

static ch_status set_moment(ch_recipe_input *input, ch_error *err)
{
    ch_moment now;
    const ch_nonce_def *nonce = ch_profile_nonce(input->profile, 0);
    if (!ch_moment_now(&now) || RAND_bytes(input->random, sizeof input->random) != 1)
        return ch_fail(err, CH_IO, "the time of this machine's clock cannot be right; set it");
    input->now_ns = now.wall_ns;
    input->nonce = nonce == NULL ? 0 : now.wall_ns / nonce->unit_ns;
    return CH_OK;
}

static ch_status finish(ch_sdk_request *self, const ch_payloads *payloads, ch_error *err)
{
    static const uint8_t bytes[NO_SIGNATURE_SIZE] = {1};
    ch_payloads signatures = {.count = payloads->count};
    for (size_t i = 0; i < signatures.count; i++)
        signatures.items[i] = (ch_slice){bytes, sizeof bytes};
    return ch_recipe_finish(self->draft, &signatures, &self->finished, err);
}

/* The URL's path, with the origin's name before it if the call has one. */
static const char *make_target(ch_sdk_request *self, const ch_doctor_call *call)
{
    ch_slice url = self->finished.url;
    size_t before = sizeof "https://" - 1;
    while (before < url.size && url.data[before] != '/' && url.data[before] != '?')
        before++;
    ch_buffer_clear(&self->target);
    if (call->origin != NULL)
        ch_buffer_add_format(&self->target, "/~%s", call->origin);
    ch_buffer_add_slice(&self->target, ch_slice_after(url, before));
    return ch_buffer_text(&self->target);
}

ch_status ch_sdk_request_make(ch_sdk_request *self, const ch_profile *profile, const ch_doctor_call *call,
                              const ch_slice *values, ch_relay_request *out, ch_error *err)
{
    ch_param params[CH_DOCTOR_PARAMS_MAX];
    ch_payloads payloads;
    for (size_t i = 0; i < call->param_count; i++)
        params[i] = (ch_param){.kind = CH_PARAM_TEXT, .name = ch_slice_of(call->params[i].name), .value = values[i]};
    ch_request request = {.method = ch_slice_of(call->is_post ? "POST" : "GET"),
                          .host = host_of(self->environment, call->origin),
                          .path = ch_slice_of(call->path),
                          .params = params,
                          .param_count = call->param_count};
    ch_recipe_input input = {.profile = profile,
                             .environment = self->environment,
                             .request = &request,
                             .key_id = DUMMY,
                             .passphrase = DUMMY};
    CH_TRY(ch_environment_match(self->environment, &request, &input.endpoint, err));
    input.scheme = scheme_for(profile, input.endpoint);
    CH_TRY(ch_endpoint_check(input.endpoint, input.scheme, &request, err));
    CH_TRY(set_moment(&input, err));
    CH_TRY(ch_recipe_build(&input, self->draft, &payloads, err));
    CH_TRY(finish(self, &payloads, err));
    *out = (ch_relay_request){.target = make_target(self, call),
                              .is_post = call->is_post,
                              .headers = self->finished.headers,
                              .header_count = self->finished.header_count,
                              .body = self->finished.body};
    return CH_OK;
}
