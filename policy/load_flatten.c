/* `flatten` of keys: the requests that a person may have signed while trading is frozen. What is wrong with one must
 * come out now, not on the day on which it is needed: each is matched, checked, read and built here as core would do
 * it. */
#include "policy/load_impl.h"

#include "base/memory.h"
#include "conf/fields.h"
#include "conf/yaml.h"
#include "exchange/check.h"
#include "exchange/match.h"
#include "exchange/receive_window.h"
#include "exchange/recipe.h"
#include "policy/judging.h"
#include "policy/passing.h"
#include "policy/prepared.h"

#include <stdlib.h>
#include <string.h>

#define SOME_TIME_NS 1767225600000000000ULL /* a request is tried as if it were built in 2026 */

/* ---- parameters ---- */

static ch_slice keep(ch_prepared *to, const char *text)
{
    to->texts = ch_array_grow(to->texts, to->text_count, sizeof *to->texts);
    to->texts[to->text_count] = ch_strdup(text);
    return ch_slice_of(to->texts[to->text_count++]);
}

static ch_status add(ch_prepared *to, const ch_yaml *node, ch_param_kind kind, const char *name, const char *value,
                     ch_error *err)
{
    if (to->param_count >= CH_PARAMS_MAX - 1) /* the receive window may be one more */
        return ch_yaml_fail(node, err, "there are more than %d parameters", CH_PARAMS_MAX - 1);
    to->params = ch_array_grow(to->params, to->param_count, sizeof *to->params);
    to->params[to->param_count++] =
        (ch_param){.kind = kind, .name = keep(to, name == NULL ? "" : name), .value = keep(to, value)};
    return CH_OK;
}

/* Plain whole numbers and true and false are what they are in JSON; all else is text. */
static ch_status add_scalar(ch_prepared *to, const ch_yaml *node, const char *name, ch_error *err)
{
    ch_error ignored = CH_ERROR_INIT;
    ch_param_kind kind = CH_PARAM_TEXT;
    uint64_t number;
    bool truth;
    const char *text = NULL;
    CH_TRY(ch_yaml_text(node, &text, err));
    if (ch_yaml_bool(node, &truth, &ignored) == CH_OK)
        kind = CH_PARAM_BOOLEAN;
    else if (ch_yaml_uint(node, &number, INT64_MAX, &ignored) == CH_OK)
        kind = CH_PARAM_INTEGER;
    return add(to, node, kind, name, text, err);
}

static ch_status add_held(ch_prepared *to, const ch_yaml *node, unsigned depth, ch_error *err);

/* Calls itself once for each level, of which there are few. */
static ch_status add_value(ch_prepared *to, const ch_yaml *node, const char *name, unsigned depth, ch_error *err)
{
    bool is_map = ch_yaml_kind_of(node) == CH_YAML_MAP;
    if (ch_yaml_kind_of(node) == CH_YAML_SCALAR)
        return add_scalar(to, node, name, err);
    if (depth == CH_PARAM_DEPTH_MAX)
        return ch_yaml_fail(node, err, "parameters hold lists and maps in at most %d levels", CH_PARAM_DEPTH_MAX);
    CH_TRY(add(to, node, is_map ? CH_PARAM_OBJECT : CH_PARAM_LIST, name, "", err));
    CH_TRY(add_held(to, node, depth + 1, err));
    return add(to, node, CH_PARAM_END, NULL, "", err);
}

static ch_status add_held(ch_prepared *to, const ch_yaml *node, unsigned depth, ch_error *err)
{
    bool is_map = ch_yaml_kind_of(node) == CH_YAML_MAP;
    for (size_t i = 0; i < ch_yaml_count(node); i++) {
        const ch_yaml *held = is_map ? ch_yaml_value_at(node, i) : ch_yaml_item(node, i);
        CH_TRY(add_value(to, held, is_map ? ch_yaml_key_at(node, i) : NULL, depth, err));
    }
    return CH_OK;
}

static ch_status read_params(const ch_value *value, ch_error *err)
{
    CH_TRY(ch_yaml_expect_map(value->node, err));
    return add_held(value->out, value->node, 0, err);
}

/* ---- one of them ---- */

/* clang-format off */
static const ch_field fields[] = {
    /* name      required  reader         where */
    { "method",  true,     ch_field_text, CH_MEMBER(ch_prepared, method) },
    { "path",    true,     ch_field_text, CH_MEMBER(ch_prepared, path) },
    { "host",    false,    ch_field_text, CH_MEMBER(ch_prepared, host) },
    { "params",  false,    read_params,   CH_WHOLE },
};
/* clang-format on */

static ch_status read_one(const ch_value *value, ch_error *err)
{
    return ch_fields_read(value->node, CH_FIELDS(fields), value->out, NULL, err);
}

static const ch_entries requests = {
    "request", CH_YAML_LIST, 1, CH_FLATTEN_MAX, {.read = read_one, .size = sizeof(ch_prepared)}
};

ch_status ch_load_flatten(const ch_value *value, ch_error *err)
{
    ch_key *key = value->out;
    CH_TRY(ch_yaml_expect_list(value->node, err));
    key->flatten = ch_alloc((ch_yaml_count(value->node) + 1) * sizeof *key->flatten);
    return ch_entries_read(value->node, &requests, key->flatten, &key->flatten_count, value->context, err);
}

/* ---- what it would be ---- */

/* What one request after the other is tried with. */
typedef struct trial {
    ch_judging judging;
    ch_scratch *scratch;
    ch_draft *draft;
    ch_param params[CH_PARAMS_MAX];
    char window_text[CH_RECEIVE_WINDOW_TEXT_MAX];
} trial;

static ch_status try_one(trial *self, const ch_policy *policy, const ch_key *key, const ch_prepared *prepared,
                         ch_error *err)
{
    const ch_caller_set nobody = {0};
    ch_payloads payloads;
    const ch_endpoint *endpoint = NULL;
    ch_request request = ch_prepared_request(prepared, self->params);
    ch_asked asked = {.policy = policy, .key = key, .callers = &nobody, .request = &request, .now_ns = SOME_TIME_NS};
    CH_TRY(ch_environment_match(key->traits.environment, &request, &endpoint, err));
    (void)ch_receive_window_add(endpoint, key->scheme, key->receive_window_ms, self->window_text, &request);
    CH_TRY(ch_endpoint_check(endpoint, key->scheme, &request, err));
    const ch_recipe_input input = {.profile = key->profile,
                                   .scheme = key->scheme,
                                   .environment = key->traits.environment,
                                   .endpoint = endpoint,
                                   .request = &request,
                                   .key_id = ch_slice_of(key->key_id),
                                   .passphrase = ch_slice_of(key->passphrase),
                                   .now_ns = SOME_TIME_NS,
                                   .window_ms_max = key->receive_window_ms,
                                   .nonce = SOME_TIME_NS / 1000000};
    CH_TRY(ch_recipe_find_window(&input, &asked.window_ms, err));
    asked.endpoint = endpoint;
    CH_TRY(ch_judging_read(&self->judging, &asked, err));
    if (self->judging.question.missing_kind != NULL)
        return ch_fail(err, CH_CONFIG, "only keys of kind '%s' can make this call; add it to 'kinds'",
                       self->judging.question.missing_kind);
    CH_TRY(ch_passing_flattens(&self->judging.question, err));
    return ch_recipe_build(&input, self->draft, &payloads, err);
}

static ch_status try_key(trial *self, const ch_policy_loader *load, const ch_key *key, ch_error *err)
{
    const ch_yaml *list = ch_yaml_get(ch_names_find(&load->keys, key->name)->node, "flatten");
    for (size_t i = 0; i < key->flatten_count; i++) {
        ch_error why = CH_ERROR_INIT;
        if (try_one(self, load->policy, key, &key->flatten[i], &why) != CH_OK)
            return ch_yaml_fail(ch_yaml_item(list, i), err, "request %zu of 'flatten' of key '%s': %s", i + 1,
                                key->name, why.message);
    }
    return CH_OK;
}

ch_status ch_finish_flatten(const ch_policy_loader *load, ch_error *err)
{
    ch_status st = CH_OK;
    ch_autofree trial *self = ch_alloc(sizeof *self);
    ch_judging_init(&self->judging);
    self->scratch = ch_scratch_new();
    self->draft = ch_draft_new(self->scratch);
    for (size_t i = 0; i < load->policy->key_count && st == CH_OK; i++)
        st = try_key(self, load, &load->policy->keys[i], err);
    ch_draft_free(self->draft);
    ch_scratch_free(self->scratch);
    ch_judging_free(&self->judging);
    return st;
}
