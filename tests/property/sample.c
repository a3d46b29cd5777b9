/* Copying a request with all that it holds, showing it, and taking it through the agent. */
#include "base/buffer.h"
#include "tests/property/property.h"
#include "exchange/check.h"
#include "exchange/match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

uint64_t hash_bytes(ch_slice bytes, uint64_t seed)
{
    uint64_t hash = mix(seed ^ bytes.size);
    for (size_t at = 0; at < bytes.size; at += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes.data + at, bytes.size - at < 8 ? bytes.size - at : 8);
        hash = mix(hash ^ word) + 0x9e3779b97f4a7c15U;
    }
    return hash;
}

ch_slice keep_slice(rig *r, ch_slice text)
{
    if (r->pool_used + text.size > POOL_BYTES) {
        fprintf(stderr, "profiles: a case needs more than %u bytes\n", POOL_BYTES);
        exit(EXIT_FAILURE);
    }
    uint8_t *to = r->pool + r->pool_used;
    if (text.size > 0)
        memcpy(to, text.data, text.size);
    r->pool_used += text.size;
    return (ch_slice){to, text.size};
}

ch_slice keep(rig *r)
{
    ch_slice kept = keep_slice(r, ch_buffer_slice(&r->text));
    ch_buffer_clear(&r->text);
    return kept;
}

void sample_copy(sample *to, const sample *from)
{
    to->endpoint = from->endpoint;
    to->request = from->request;
    to->request.params = to->params;
    to->is_full = from->is_full;
    memcpy(to->params, from->params, from->request.param_count * sizeof *to->params);
}

void sample_add(sample *s, ch_param_kind kind, ch_slice name, ch_slice value)
{
    s->is_full |= s->request.param_count == CH_PARAMS_MAX;
    if (!s->is_full)
        s->params[s->request.param_count++] = (ch_param){.kind = kind, .name = name, .value = value};
}

void sample_remove(sample *s, size_t at)
{
    size_t after = ch_param_after(s->params, s->request.param_count, at);
    memmove(&s->params[at], &s->params[after], (s->request.param_count - after) * sizeof *s->params);
    s->request.param_count -= after - at;
}

size_t sample_tops(const sample *s, size_t starts[CH_PARAMS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < s->request.param_count; i = ch_param_after(s->params, s->request.param_count, i))
        starts[count++] = i;
    return count;
}

bool sample_has(const sample *s, ch_slice name)
{
    for (size_t i = 0; i < s->request.param_count; i = ch_param_after(s->params, s->request.param_count, i)) {
        if (ch_slice_equal(s->params[i].name, name))
            return true;
    }
    return false;
}

/* ---- showing ---- */

void show_text(ch_slice text, ch_buffer *out)
{
    ch_buffer_add_byte(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c < 0x20 || c == 0x7f)
            ch_buffer_add_format(out, "\\x%02x", c);
        else if (c == '"' || c == '\\')
            ch_buffer_add_format(out, "\\%c", c);
        else
            ch_buffer_add_byte(out, c);
    }
    ch_buffer_add_byte(out, '"');
}

void sample_show(const sample *s, ch_buffer *out)
{
    static const char *const marks[CH_PARAM_KIND_COUNT] = {
        [CH_PARAM_INTEGER] = "integer ", [CH_PARAM_BOOLEAN] = "boolean ", [CH_PARAM_LIST] = "[",
        [CH_PARAM_OBJECT] = "{",         [CH_PARAM_END] = "end",          [CH_PARAM_PLACEHOLDER] = "null",
    };
    ch_buffer_add_format(out, "%.*s %.*s%.*s", CH_SLICE_ARGS(s->request.method), CH_SLICE_ARGS(s->request.host),
                         CH_SLICE_ARGS(s->request.path));
    for (size_t i = 0; i < s->request.param_count; i++) {
        const ch_param *param = &s->params[i];
        ch_buffer_add_byte(out, ' ');
        if (param->name.size > 0) {
            show_text(param->name, out);
            ch_buffer_add_byte(out, '=');
        }
        if (marks[param->kind] != NULL)
            ch_buffer_add_text(out, marks[param->kind]);
        if (param->kind <= CH_PARAM_BOOLEAN)
            show_text(param->value, out);
    }
}

/* ---- its way through the agent ---- */

bool has_host(const rig *r, ch_slice host)
{
    const char *name;
    const char *url;
    for (size_t i = 0; (url = ch_environment_origin_at(r->environment, i, &name)) != NULL; i++) {
        const char *at = strstr(url, "://");
        if (at != NULL && ch_slice_is(host, at + 3))
            return true;
    }
    return false;
}

ch_slice host_of(const rig *r, const ch_endpoint *endpoint)
{
    return ch_environment_host(
        ch_environment_has(r->environment, endpoint) ? r->environment : ch_endpoint_home(endpoint), endpoint);
}

ch_recipe_input input_of(const rig *r, const sample *s)
{
    ch_recipe_input input = {.profile = r->profile,
                             .scheme = r->scheme,
                             .environment = r->environment,
                             .endpoint = s->endpoint,
                             .request = &s->request,
                             .key_id = CH_LITERAL("the-key_id/7"),
                             .passphrase = CH_LITERAL("p\"a\\ss &=%41?"),
                             .now_ns = r->now_ns,
                             .nonce = 1764000000987};
    memset(input.random, 0xa5, sizeof input.random);
    return input;
}

stage try_sample(rig *r, sample *s, ch_payloads *out)
{
    if (ch_environment_match(r->environment, &s->request, &s->endpoint, &r->err) != CH_OK)
        return STAGE_MATCH;
    if (ch_endpoint_check(s->endpoint, r->scheme, &s->request, &r->err) != CH_OK)
        return STAGE_CHECK;
    ch_recipe_input input = input_of(r, s);
    return ch_recipe_build(&input, r->draft, out, &r->err) == CH_OK ? STAGE_TAKEN : STAGE_BUILD;
}
