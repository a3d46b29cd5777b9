/* The endpoint of an anonymous string is the one that trying every endpoint finds; and finding it, or finding none,
 * takes a number of readings that does not depend on the number of endpoints. Run from the repository's root. */
#include "exchange/anonymous.h"

#include "exchange/check.h"
#include "exchange/load.h"
#include "exchange/read_back.h"
#include "exchange/profile_impl.h"
#include "tests/support/suite.h"

#include <string.h>

#define KINDS_ALL (~0U)
#define READINGS_MAX 8 /* docs/threats.md: one for each recipe */
#define CHECKS_MAX 1024

static const char *const profiles[] = {
    "profiles/binance.yaml",
    "profiles/bingx.yaml",
    "profiles/bitfinex.yaml",
    "profiles/bitget.yaml",
    "profiles/bitmex.yaml",
    "profiles/bitso.yaml",
    "profiles/bitstamp.yaml",
    "profiles/bitvavo.yaml",
    "profiles/bybit.yaml",
    "profiles/coinbase-exchange.yaml",
    "profiles/coinbase.yaml",
    "profiles/cryptocom.yaml",
    "profiles/deribit.yaml",
    "profiles/gate.yaml",
    "profiles/gemini.yaml",
    "profiles/htx.yaml",
    "profiles/kraken-futures.yaml",
    "profiles/kraken.yaml",
    "profiles/kucoin.yaml",
    "profiles/mexc.yaml",
    "profiles/okx.yaml",
    "profiles/phemex.yaml",
    "profiles/poloniex.yaml",
    "profiles/upbit.yaml",
    "profiles/whitebit.yaml",
    "tests/profiles/bench.yaml",
    "tests/profiles/oddball.yaml",
};

typedef struct rig {
    ch_profile *profile;
    ch_scratch *scratch;
    ch_draft *draft;
    ch_request request;
    ch_recipe_input input;
    ch_reading reading;
    ch_anonymous_work work;
    ch_error err;
} rig;

static void set_up(rig *r, const char *path)
{
    *r = (rig){.err = CH_ERROR_INIT};
    ck_assert_msg(ch_profile_load(path, &r->profile, &r->err) == CH_OK, "%s", r->err.message);
    r->scratch = ch_scratch_new();
    r->draft = ch_draft_new(r->scratch);
    r->input = (ch_recipe_input){.profile = r->profile,
                                 .scheme = ch_profile_scheme_at(r->profile, 0),
                                 .environment = ch_profile_live(r->profile),
                                 .request = &r->request,
                                 .key_id = CH_LITERAL("the-key"),
                                 .now_ns = 1764000000123000000};
}

static void tear_down(rig *r)
{
    ch_buffer_free(&r->reading.text);
    ch_draft_free(r->draft);
    ch_scratch_free(r->scratch);
    ch_profile_free(r->profile);
}

static bool may_be_found(const rig *r, const ch_endpoint *endpoint)
{
    return ch_environment_has(r->input.environment, endpoint) && ch_endpoint_takes_scheme(endpoint, r->input.scheme) &&
           ch_recipe_is_anonymous(endpoint, r->input.scheme);
}

/* What the agent did before: every endpoint reads the string anew. */
static const ch_endpoint *find_by_trying(rig *r, ch_slice text)
{
    const ch_endpoint *endpoint;
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(r->profile, i)) != NULL; i++) {
        ch_recipe_input input = r->input;
        ch_request request = {.params = r->reading.params};
        input.endpoint = endpoint;
        input.request = &request;
        if (!may_be_found(r, endpoint) || ch_recipe_read(&input, r->scratch, text, &r->reading, &r->err) != CH_OK)
            continue;
        request.param_count = r->reading.param_count;
        if (ch_endpoint_check(endpoint, input.scheme, &request, &r->err) == CH_OK)
            return endpoint;
    }
    return NULL;
}

static const ch_endpoint *find(rig *r, ch_slice text)
{
    r->request = (ch_request){0};
    const ch_endpoint *found = ch_anonymous_find(&r->input, KINDS_ALL, r->scratch, text, &r->work);
    ck_assert_uint_le(r->work.readings, READINGS_MAX);
    ck_assert_uint_le(r->work.checks, CHECKS_MAX);
    return found;
}

static const char *path_of(const ch_endpoint *endpoint)
{
    return endpoint == NULL ? "none" : ch_endpoint_path(endpoint);
}

static void assert_same(rig *r, ch_slice text)
{
    const ch_endpoint *expected = find_by_trying(r, text);
    const ch_endpoint *found = find(r, text);
    ck_assert_msg(found == expected, "%s: %.*s: %s is found, and it is %s", ch_profile_name(r->profile),
                  CH_SLICE_ARGS(text), path_of(found), path_of(expected));
}

/* Appends a parameter with a value of its type. Lists and objects hold what they can. */
static size_t add_param(const ch_param_def *def, ch_slice name, ch_param *params, size_t count)
{
    static const char *const values[CH_TYPE_COUNT] = {[CH_TYPE_DECIMAL] = "30000.50",
                                                      [CH_TYPE_INTEGER] = "12345",
                                                      [CH_TYPE_TEXT] = "a1b2c3d4e5",
                                                      [CH_TYPE_BOOLEAN] = "true",
                                                      [CH_TYPE_SYMBOL] = "BTCUSDT"};
    ch_param *own = &params[count++];
    *own = (ch_param){.kind = CH_PARAM_TEXT, .name = name};
    if (def->depth == 0)
        own->value = ch_slice_of(def->type == CH_TYPE_ENUM ? def->values[0] : values[def->type]);
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

/* Builds the string of a request to `endpoint` with what it requires, or with all that it takes. */
static bool build(rig *r, const ch_endpoint *endpoint, bool is_whole, ch_payloads *out)
{
    static ch_param params[CH_PARAMS_MAX * 2];
    size_t count = 0;
    for (size_t i = 0; i < endpoint->params.count; i++) {
        const ch_listed_param *listed = &endpoint->params.params[i];
        if (is_whole || listed->is_required)
            count = add_param(listed->def, listed->name, params, count);
    }
    if (count > CH_PARAMS_MAX || endpoint->parts != NULL || !may_be_found(r, endpoint))
        return false;
    r->request = (ch_request){
        .method = ch_slice_of(endpoint->method), .path = endpoint->path_slice, .params = params, .param_count = count};
    r->input.endpoint = endpoint;
    return ch_endpoint_check(endpoint, r->input.scheme, &r->request, &r->err) == CH_OK &&
           ch_recipe_build(&r->input, r->draft, out, &r->err) == CH_OK;
}

static void assert_same_spoiled(rig *r, ch_slice text)
{
    static const char *const ends[] = {"&symbol=", "&symbol=BTCUSDT", "&trailingKnife=1", "}", ",\"a\":1}"};
    ch_autobuffer other = CH_BUFFER_INIT;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        ch_buffer_clear(&other);
        ch_buffer_add_slice(&other, text);
        ch_buffer_add_text(&other, ends[i]);
        assert_same(r, ch_buffer_slice(&other));
    }
    for (size_t cut = 1; cut <= 40 && cut < text.size; cut += 13)
        assert_same(r, (ch_slice){text.data, text.size - cut});
}

START_TEST(test_the_endpoint_is_the_one_that_trying_all_finds)
{
    rig r;
    set_up(&r, profiles[_i]);
    for (size_t i = 0; i < r.profile->endpoint_count; i++) {
        ch_payloads payloads;
        for (int is_whole = 0; is_whole <= 1; is_whole++) {
            if (!build(&r, &r.profile->endpoints[i], is_whole, &payloads))
                continue;
            assert_same(&r, payloads.items[0]);
            if (i % 16 == 0)
                assert_same_spoiled(&r, payloads.items[0]);
        }
    }
    tear_down(&r);
}
END_TEST

/* Strings that are as costly as one can make them, and fit nothing. */
static void write_costly(ch_buffer *out, const ch_profile *profile, unsigned kind, size_t size)
{
    if (kind == 4)
        ch_buffer_add_text(out, "{");
    for (size_t i = 0; out->size < size; i++) {
        const char *known = profile->names[i % profile->name_count]->name;
        if (kind == 0)
            ch_buffer_add_format(out, "a%02zu=AAAAAAAA&", i);
        else if (kind == 1)
            ch_buffer_add_format(out, "%s=1&", known);
        else if (kind == 2)
            ch_buffer_add_format(out, "%s=%%41%%42%%43%%44&", known);
        else if (kind == 3)
            ch_buffer_add_format(out, "%s=[[[[1]]]]&", known);
        else
            ch_buffer_add_format(out, "\"%s\":[{\"%s\":\"x\"}],", known, known);
    }
    ch_buffer_add_text(out, kind == 4 ? "\"timestamp\":\"1764000000123\"}" : "timestamp=1764000000123");
}

START_TEST(test_what_fits_nothing_is_read_once_for_each_recipe)
{
    rig r;
    set_up(&r, profiles[_i]);
    for (unsigned kind = 0; kind <= 4; kind++) {
        for (size_t size = 100; size <= 8192; size += 1600) {
            ch_autobuffer text = CH_BUFFER_INIT;
            write_costly(&text, r.profile, kind, size);
            ck_assert_ptr_null(find(&r, ch_buffer_slice(&text)));
        }
    }
    tear_down(&r);
}
END_TEST

/* One bad value of a name that hundreds of endpoints list. */
START_TEST(test_a_bad_value_is_looked_at_once_for_each_definition)
{
    rig r;
    set_up(&r, "profiles/binance.yaml");
    ck_assert_ptr_null(find(&r, CH_LITERAL("symbol=a b&timestamp=1764000000123")));
    ck_assert_uint_le(r.work.checks, 8);
    ck_assert_ptr_null(find(&r, CH_LITERAL("symbol=a%20b&timestamp=1764000000123")));
    ck_assert_uint_le(r.work.checks, 8);
    tear_down(&r);
}
END_TEST

CH_TESTS("anonymous", CH_TEST_ROWS(test_the_endpoint_is_the_one_that_trying_all_finds, profiles),
         CH_TEST_ROWS(test_what_fits_nothing_is_read_once_for_each_recipe, profiles),
         CH_TEST(test_a_bad_value_is_looked_at_once_for_each_definition))
