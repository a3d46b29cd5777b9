/* A vector that says what the agent is asked ("asked") is tried as it says. One that does not, as its client wrote it,
 * is tried by each scheme that may have signed it, and by the client's clock as if it gave milliseconds for seconds. */
#include "tests/vectors/vectors.h"

/* One try: the vector by one scheme and clock. */
typedef struct
try {
    const vector_file *file;
    const json_t *request; /* as the client finished it */
    const ch_profile *profile;
    const ch_environment *environment;
    const ch_scheme *scheme;
    signed_payloads *signed_;
    twin twin;
    asked asked;
    ch_draft *draft;
    outcome *out;
}
try;

static ch_status build(const try *of, ch_payloads *payloads, ch_error *err)
{
    const target *at = &of->out->target;
    const ch_request request = {.method = at->method,
                                .host = at->host,
                                .path = at->path,
                                .params = (ch_param *)(uintptr_t)of->asked.params,
                                .param_count = of->asked.count};
    const ch_recipe_input input = {.profile = of->profile,
                                   .scheme = of->scheme,
                                   .environment = of->environment,
                                   .endpoint = at->endpoint,
                                   .request = &request,
                                   .key_id = ch_slice_of(text_of(of->file->credentials, "apiKey")),
                                   .passphrase = ch_slice_of(text_of(of->file->credentials, "password")),
                                   .now_ns = of->file->clock_ms * 1000000,
                                   .nonce = of->file->clock_ms};
    return ch_recipe_build(&input, of->draft, payloads, err);
}

static ch_status finish(const try *of, const ch_payloads *payloads, ch_error *err)
{
    ch_payloads signatures = {.count = 0};
    ch_finished finished;
    CH_TRY(signed_find(of->signed_, of->file, of->scheme, payloads, &signatures, err));
    CH_TRY(ch_recipe_finish(of->draft, &signatures, &finished, err));
    return compare_request(of->twin.request, &finished, &of->out->note, err);
}

static ch_status build_and_finish(try *of, ch_error *err)
{
    ch_payloads payloads = {.count = 0};
    ch_status st = build(of, &payloads, err);
    of->out->is_refused = st == CH_BAD_INPUT;
    if (of->out->is_refused) {
        of->out->refusal = *err;
        twin_use_plain_words(&of->twin, &of->asked);
        st = build(of, &payloads, err);
    }
    return st == CH_OK ? finish(of, &payloads, err) : st;
}

static ch_status try_once(try *of, const json_t *params, bool has_ms_for_s, ch_error *err)
{
    of->out->has_ms_for_s = has_ms_for_s;
    of->out->note = has_ms_for_s ? "the client's clock gave milliseconds for seconds" : NULL;
    asked_read(params, &of->asked);
    twin_begin(&of->twin, of->signed_, of->request);
    if (has_ms_for_s)
        twin_use_seconds(&of->twin, of->file->clock_ms);
    ch_status st = build_and_finish(of, err);
    twin_end(&of->twin);
    asked_free(&of->asked);
    return st;
}

static ch_status check_asked(try *of, const json_t *named, ch_error *err)
{
    of->scheme = ch_profile_scheme(of->profile, text_of(named, "scheme"));
    if (of->scheme == NULL || !signed_by(of->signed_, of->scheme))
        return ch_fail(err, CH_BAD_INPUT, "the vector was not signed by scheme '%s'", text_of(named, "scheme"));
    CH_TRY(try_once(of, json_object_get(named, "params"), json_is_true(json_object_get(named, "has_ms_for_s")), err));
    bool must_be_refused = json_is_true(json_object_get(named, "is_refused"));
    if (must_be_refused && !of->out->is_refused)
        return ch_fail(err, CH_CONFLICT, "it must be refused as ambiguous");
    if (!must_be_refused && of->out->is_refused)
        return ch_fail(err, CH_CONFLICT, "it is refused: %s", of->out->refusal.message);
    return CH_OK;
}

static ch_status check_guessed(try *of, const json_t *vector, ch_error *err)
{
    ch_status st = ch_fail(err, CH_NOT_FOUND, "the profile has no scheme for this vector");
    for (size_t i = 0; st != CH_OK && (of->scheme = ch_profile_scheme_at(of->profile, i)) != NULL; i++) {
        ch_error ignored = CH_ERROR_INIT;
        if (!signed_by(of->signed_, of->scheme))
            continue;
        json_decref(of->out->params);
        of->out->scheme = ch_scheme_name(of->scheme);
        of->out->params = guess_params(vector, of->out->target.endpoint, of->scheme);
        st = try_once(of, of->out->params, false, err);
        if (st != CH_OK)
            st = try_once(of, of->out->params, true, &ignored);
    }
    return st;
}

static ch_status check(const vector_file *file, const json_t *vector, const ch_profile *profile, ch_draft *draft,
                       signed_payloads *signed_, outcome *out, ch_error *err)
{
    static try of; /* large */
    const json_t *named = json_object_get(vector, "asked");
    const ch_environment *environment = ch_profile_environment(profile, file->environment);
    if (environment == NULL)
        return ch_fail(err, CH_NOT_FOUND, "the profile has no environment '%s'", file->environment);
    CH_TRY(target_find(profile, environment, vector, &out->target, err));
    CH_TRY(signed_read(vector, signed_, err));
    of = (try){.file = file,
               .request = json_object_get(vector, "request"),
               .profile = profile,
               .environment = environment,
               .signed_ = signed_,
               .draft = draft,
               .out = out};
    return named != NULL ? check_asked(&of, named, err) : check_guessed(&of, vector, err);
}

ch_status vector_check(const vector_file *file, const json_t *vector, const ch_profile *profile, ch_draft *draft,
                       outcome *out, ch_error *err)
{
    signed_payloads signed_ = {.count = 0};
    *out = (outcome){.is_refused = false};
    ch_status st = check(file, vector, profile, draft, &signed_, out, err);
    if (!out->target.is_listed && out->note == NULL)
        out->note = "not a listed endpoint: by the recipe of its nearest neighbour";
    signed_free(&signed_);
    return st;
}

void outcome_free(outcome *out)
{
    json_decref(out->params);
}
