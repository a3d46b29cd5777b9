/* build: what the agent does for a request besides the token's own work, for every endpoint and scheme of a profile:
 * finding the endpoint, checking, confusion, building what is signed, finishing. CPU time of this one thread.
 *
 * Prints one line for each profile: the mean over its endpoints and the slowest, in microseconds. */
#include "base/buffer.h"
#include "exchange/check.h"
#include "exchange/confusion.h"
#include "exchange/load.h"
#include "exchange/match.h"
#include "exchange/profile_impl.h"
#include "exchange/recipe.h"
#include "tests/bench/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAMS_MAX 64

#define BATCHES 5
#define ROUNDS 60

/* Appends a parameter with a value of its type. Lists and objects hold what they require. */
static size_t add_param(const ch_param_def *def, ch_slice name, ch_param *params, size_t count)
{
    static const char *const values[CH_TYPE_COUNT] = {[CH_TYPE_DECIMAL] = "30000.50",
                                                      [CH_TYPE_INTEGER] = "12345",
                                                      [CH_TYPE_TEXT] = "a1b2c3d4e5",
                                                      [CH_TYPE_BOOLEAN] = "true",
                                                      [CH_TYPE_SYMBOL] = "BTCUSDT"};
    params[count++] = (ch_param){.kind = CH_PARAM_TEXT, .name = name};
    ch_param *own = &params[count - 1];
    if (def->type == CH_TYPE_ENUM)
        own->value = ch_slice_of(def->values[0]);
    else if (def->depth == 0)
        own->value = ch_slice_of(values[def->type]);
    if (def->depth == 0)
        return count;
    own->kind = def->type == CH_TYPE_LIST ? CH_PARAM_LIST : CH_PARAM_OBJECT;
    if (def->type == CH_TYPE_LIST)
        count = add_param(def->items, CH_LITERAL(""), params, count);
    for (size_t i = 0; def->type == CH_TYPE_OBJECT && i < def->members.count; i++)
        count = add_param(def->members.params[i].def, def->members.params[i].name, params, count);
    params[count++] = (ch_param){.kind = CH_PARAM_END};
    return count;
}

/* All parameters of a request to `endpoint`, the optional ones too: the most that there can be to do. */
static size_t fill(const ch_endpoint *endpoint, ch_param *params)
{
    size_t count = 0;
    for (size_t i = 0; i < endpoint->params.count && i < PARAMS_MAX; i++)
        count = add_param(endpoint->params.params[i].def, endpoint->params.params[i].name, params, count);
    return count;
}

static void write_path(const ch_endpoint *endpoint, ch_buffer *out)
{
    if (endpoint->parts == NULL)
        ch_buffer_add_text(out, endpoint->path);
    for (size_t i = 0; i < endpoint->part_count; i++) {
        ch_param value[1];
        const ch_param_def *def = endpoint->parts[i].def;
        if (def == NULL)
            ch_buffer_add_slice(out, endpoint->parts[i].literal);
        else if (add_param(def, CH_LITERAL(""), value, 0) == 1)
            ch_buffer_add_slice(out, def->type == CH_TYPE_DECIMAL ? CH_LITERAL("1") : value[0].value);
    }
}

static ch_status run_once(const ch_profile *profile, const ch_scheme *scheme, ch_request *request, ch_draft *draft,
                          ch_error *err)
{
    static const uint8_t zeros[64];
    const ch_environment *live = ch_profile_live(profile);
    const ch_endpoint *endpoint = NULL;
    ch_payloads payloads;
    ch_finished finished;
    CH_TRY(ch_environment_match(live, request, &endpoint, err));
    CH_TRY(ch_endpoint_check(endpoint, scheme, request, err));
    (void)ch_endpoint_confused_classes(endpoint, scheme, &(ch_key_traits){.environment = live}, request);
    ch_recipe_input input = {.profile = profile,
                             .scheme = scheme,
                             .environment = live,
                             .endpoint = endpoint,
                             .request = request,
                             .key_id = CH_LITERAL("vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"),
                             .passphrase = CH_LITERAL("open sesame"),
                             .now_ns = 1764000000123456789,
                             .nonce = 1764000000123};
    CH_TRY(ch_recipe_build(&input, draft, &payloads, err));
    for (size_t i = 0; i < payloads.count; i++)
        payloads.items[i] = (ch_slice){zeros, sizeof zeros};
    return ch_recipe_finish(draft, &payloads, &finished, err);
}

/* Microseconds for one request; negative if the made-up request is refused. */
static double measure(const ch_profile *profile, const ch_endpoint *endpoint, const ch_scheme *scheme, ch_draft *draft)
{
    static ch_param params[CH_PARAMS_MAX * 2];
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_error err = CH_ERROR_INIT;
    write_path(endpoint, &path);
    ch_request request = {.method = ch_slice_of(endpoint->method),
                          .host = endpoint->origin->host,
                          .path = ch_buffer_slice(&path),
                          .params = params,
                          .param_count = fill(endpoint, params)};
    if (request.param_count > CH_PARAMS_MAX || run_once(profile, scheme, &request, draft, &err) != CH_OK)
        return -1;
    /* Take the best of a few, because anything else that the machine does can only add time. */
    uint64_t best_ns = UINT64_MAX;
    for (unsigned i = 0; i < BATCHES; i++) {
        uint64_t begin = cpu_ns();
        for (unsigned j = 0; j < ROUNDS; j++) {
            if (run_once(profile, scheme, &request, draft, &err) != CH_OK)
                die("%s", err.message);
        }
        uint64_t spent_ns = cpu_ns() - begin;
        best_ns = spent_ns < best_ns ? spent_ns : best_ns;
    }
    return (double)best_ns / 1000 / ROUNDS;
}

static void measure_profile(const char *path, bool as_json)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    if (ch_profile_load_any(path, &profile, &err) != CH_OK)
        die("%s", err.message);
    ch_scratch *scratch = ch_scratch_new();
    ch_draft *draft = ch_draft_new(scratch);
    double sum = 0;
    double slowest = 0;
    const char *slowest_path = "";
    size_t count = 0;
    size_t skipped = 0;
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        for (size_t s = 0; s < profile->scheme_count; s++) {
            double us = measure(profile, &profile->endpoints[i], &profile->schemes[s], draft);
            skipped += us < 0;
            count += us >= 0;
            sum += us < 0 ? 0 : us;
            if (us > slowest) {
                slowest = us;
                slowest_path = profile->endpoints[i].path;
            }
        }
    }
    if (as_json)
        printf("{\"profile\":\"%s\",\"requests\":%zu,\"mean_us\":%.2f,\"slowest_us\":%.2f,\"slowest\":\"%s\"}\n",
               profile->name, count, count > 0 ? sum / (double)count : 0, slowest, slowest_path);
    else
        printf("%-18s %6zu requests (%zu not made)  mean %6.2f us  slowest %6.2f us  %s\n", profile->name, count,
               skipped, count > 0 ? sum / (double)count : 0, slowest, slowest_path);
    ch_draft_free(draft);
    ch_scratch_free(scratch);
    ch_profile_free(profile);
}

int main(int argc, char **argv)
{
    bool as_json = argc > 1 && strcmp(argv[1], "--json") == 0;
    if (argc < 2 + as_json)
        die("usage: build [--json] PROFILE.yaml...");
    for (int i = 1 + as_json; i < argc; i++)
        measure_profile(argv[i], as_json);
    return 0;
}
