/* A request from end to end, for the unit tests of recipes: check, build, sign in software, finish. */
#ifndef CH_TESTS_UNIT_EXCHANGE_RIG_H
#define CH_TESTS_UNIT_EXCHANGE_RIG_H

#include "exchange/check.h"
#include "exchange/load.h"
#include "exchange/match.h"
#include "exchange/recipe.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

/* One request from end to end: check, build, sign in software, finish. */
typedef struct rig {
    ch_profile *profile;
    ch_scratch *scratch;
    ch_draft *draft;
    ch_recipe_input input;
    ch_payloads payloads;
    ch_slice payload; /* the first of them */
    ch_finished finished;
    ch_error err;
} rig;

static inline void set_up(rig *r, const char *path, const char *scheme)
{
    *r = (rig){.err = CH_ERROR_INIT};
    ck_assert_msg(ch_profile_load(path, &r->profile, &r->err) == CH_OK, "%s", r->err.message);
    r->scratch = ch_scratch_new();
    r->draft = ch_draft_new(r->scratch);
    r->input.profile = r->profile;
    r->input.environment = ch_profile_live(r->profile);
    r->input.scheme = ch_profile_scheme(r->profile, scheme);
    ck_assert_ptr_nonnull(r->input.scheme);
}

static inline void tear_down(rig *r)
{
    ch_draft_free(r->draft);
    ch_scratch_free(r->scratch);
    ch_profile_free(r->profile);
}

static inline ch_param placeholder(const char *name)
{
    return (ch_param){.kind = CH_PARAM_PLACEHOLDER, .name = ch_slice_of(name)};
}

static inline ch_status build(rig *r, const char *method, const char *path, ch_param *params, size_t count)
{
    ch_request request = {
        .method = ch_slice_of(method), .path = ch_slice_of(path), .params = params, .param_count = count};
    ch_status st = ch_environment_match(r->input.environment, &request, &r->input.endpoint, &r->err);
    if (st == CH_OK)
        st = ch_endpoint_check(r->input.endpoint, r->input.scheme, &request, &r->err);
    r->input.request = &request;
    if (st == CH_OK)
        st = ch_recipe_build(&r->input, r->draft, &r->payloads, &r->err);
    r->payload = st == CH_OK ? r->payloads.items[0] : (ch_slice){NULL, 0};
    r->input.request = NULL;
    return st;
}

static inline ch_status finish(rig *r, ch_slice signature)
{
    const ch_payloads signatures = {.items = {signature}, .count = 1};
    return ch_recipe_finish(r->draft, &signatures, &r->finished, &r->err);
}

/* `secret` as the exchange writes it: text, hex or base64. */
static inline void sign_and_finish(rig *r, const EVP_MD *hash, ch_encoding encoding, const char *secret)
{
    unsigned char key[256];
    size_t key_size = strlen(secret);
    memcpy(key, secret, key_size);
    if (encoding == CH_ENCODE_BASE64) {
        int decoded = EVP_DecodeBlock(key, (const unsigned char *)secret, (int)key_size);
        ck_assert_int_gt(decoded, 0);
        key_size = (size_t)decoded - (secret[key_size - 1] == '=') - (secret[key_size - 2] == '=');
    }
    unsigned char signature[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    ck_assert_ptr_nonnull(HMAC(hash, key, (int)key_size, r->payload.data, r->payload.size, signature, &size));
    ck_assert_msg(finish(r, (ch_slice){signature, size}) == CH_OK, "%s", r->err.message);
}

static inline void assert_slice(ch_slice slice, const char *expected)
{
    ck_assert_msg(ch_slice_is(slice, expected), "got      %.*s\nexpected %s", CH_SLICE_ARGS(slice), expected);
}

static inline ch_slice header(const rig *r, const char *name)
{
    for (size_t i = 0; i < r->finished.header_count; i++) {
        if (ch_slice_is(r->finished.headers[i].name, name))
            return r->finished.headers[i].value;
    }
    return (ch_slice){NULL, 0};
}

/* Entries of a request. */
#define LIST(name_)                                                                                                    \
    {                                                                                                                  \
        .kind = CH_PARAM_LIST, .name = CH_LITERAL(name_)                                                               \
    }
#define OBJECT                                                                                                         \
    {                                                                                                                  \
        .kind = CH_PARAM_OBJECT                                                                                        \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        .kind = CH_PARAM_END                                                                                           \
    }
#define ITEM(value_)                                                                                                   \
    {                                                                                                                  \
        .kind = CH_PARAM_TEXT, .value = CH_LITERAL(value_)                                                             \
    }
#define MEMBER(name_, kind_, value_)                                                                                   \
    {                                                                                                                  \
        .kind = (kind_), .name = CH_LITERAL(name_), .value = CH_LITERAL(value_)                                        \
    }

#endif
