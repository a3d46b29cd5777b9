/* agent/recipe: published examples, the vectors of an independent client, and a made-up exchange come out to the byte.
 *
 * Run from the repository's root. The vectors are tests/vectors, or the folder that CHANCERY_VECTORS names. */
#include "agent/recipe.h"

#include <check.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BINANCE_SECRET "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
#define KRAKEN_SECRET "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="

/* One request from end to end: check, build, sign in software, finish. */
typedef struct rig {
    ch_profile *profile;
    ch_draft *draft;
    ch_recipe_input input;
    ch_slice message;
    ch_finished finished;
    ch_error err;
} rig;

static void set_up(rig *r, const char *path, const char *scheme)
{
    *r = (rig){.err = CH_ERROR_INIT};
    ck_assert_msg(ch_profile_load(path, &r->profile, &r->err) == CH_OK, "%s", r->err.message);
    r->draft = ch_draft_new();
    r->input.profile = r->profile;
    r->input.scheme = ch_profile_scheme(r->profile, scheme);
    ck_assert_ptr_nonnull(r->input.scheme);
}

static void tear_down(rig *r)
{
    ch_draft_free(r->draft);
    ch_profile_free(r->profile);
}

static ch_param text(const char *name, const char *value)
{
    return (ch_param){CH_PARAM_TEXT, ch_slice_of(name), ch_slice_of(value)};
}

static ch_param placeholder(const char *name)
{
    return (ch_param){
        CH_PARAM_PLACEHOLDER, ch_slice_of(name), {NULL, 0}
    };
}

static ch_status build(rig *r, const char *method, const char *path, const ch_param *params, size_t count)
{
    ch_request request = {ch_slice_of(method), ch_slice_of(path), params, count};
    ch_status st = ch_profile_match(r->profile, request.method, request.path, &r->input.endpoint, &r->err);
    if (st == CH_OK)
        st = ch_endpoint_check(r->input.endpoint, &request, &r->err);
    r->input.request = &request;
    if (st == CH_OK)
        st = ch_recipe_build(&r->input, r->draft, &r->message, &r->err);
    r->input.request = NULL;
    return st;
}

/* `secret` as the exchange writes it: text, hex or base64. */
static void sign_and_finish(rig *r, const EVP_MD *hash, ch_encoding encoding, const char *secret)
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
    ck_assert_ptr_nonnull(HMAC(hash, key, (int)key_size, r->message.data, r->message.size, signature, &size));
    ck_assert_msg(ch_recipe_finish(r->draft, (ch_slice){signature, size}, &r->finished, &r->err) == CH_OK, "%s",
                  r->err.message);
}

static void assert_slice(ch_slice slice, const char *expected)
{
    ck_assert_msg(ch_slice_is(slice, expected), "got      %.*s\nexpected %s", CH_SLICE_ARGS(slice), expected);
}

static ch_slice header(const rig *r, const char *name)
{
    for (size_t i = 0; i < r->finished.header_count; i++) {
        if (ch_slice_is(r->finished.headers[i].name, name))
            return r->finished.headers[i].value;
    }
    return (ch_slice){NULL, 0};
}

START_TEST(test_binance_documented_example)
{
    rig r;
    set_up(&r, "profiles/binance-spot.yaml", "hmac");
    r.input.key_id = CH_LITERAL("the-key");
    r.input.now_ns = 1499827319559999999;
    const ch_param params[] = {
        text("symbol", "LTCBTC"),
        text("side", "BUY"),
        text("type", "LIMIT"),
        text("timeInForce", "GTC"),
        text("quantity", "1"),
        text("price", "0.1"),
        {CH_PARAM_INTEGER, CH_LITERAL("recvWindow"), CH_LITERAL("5000")}
    };
    ck_assert_msg(build(&r, "POST", "/api/v3/order", params, 7) == CH_OK, "%s", r.err.message);
    assert_slice(r.message, "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
                            "&timestamp=1499827319559");
    sign_and_finish(&r, EVP_sha256(), CH_ENCODE_TEXT, BINANCE_SECRET);
    assert_slice(r.finished.method, "POST");
    assert_slice(r.finished.url, "https://api.binance.com/api/v3/order");
    assert_slice(r.finished.body,
                 "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
                 "&timestamp=1499827319559&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71");
    assert_slice(header(&r, "X-MBX-APIKEY"), "the-key");
    assert_slice(header(&r, "Content-Type"), "application/x-www-form-urlencoded");
    tear_down(&r);
}
END_TEST

START_TEST(test_binance_base64_signature_is_percent_encoded_in_the_url)
{
    rig r;
    set_up(&r, "profiles/binance-spot.yaml", "ed25519");
    r.input.now_ns = 1000000;
    ck_assert_int_eq(build(&r, "GET", "/api/v3/account", NULL, 0), CH_OK);
    assert_slice(r.message, "timestamp=1");
    static const uint8_t signature[] = {0xfb, 0xff, 0xbf, 0x00};
    ck_assert_int_eq(ch_recipe_finish(r.draft, (ch_slice){signature, 4}, &r.finished, &r.err), CH_OK);
    assert_slice(r.finished.url, "https://api.binance.com/api/v3/account?timestamp=1&signature=%2B%2F%2B%2FAA%3D%3D");
    assert_slice(r.finished.body, "");
    tear_down(&r);
}
END_TEST

START_TEST(test_kraken_documented_example)
{
    rig r;
    set_up(&r, "profiles/kraken.yaml", "hmac");
    r.input.key_id = CH_LITERAL("the-key");
    r.input.nonce = 1616492376594;
    const ch_param params[] = {text("ordertype", "limit"), text("pair", "XBTUSD"), text("price", "37500"),
                               text("type", "buy"), text("volume", "1.25")};
    ck_assert_msg(build(&r, "POST", "/0/private/AddOrder", params, 5) == CH_OK, "%s", r.err.message);
    sign_and_finish(&r, EVP_sha512(), CH_ENCODE_BASE64, KRAKEN_SECRET);
    assert_slice(r.finished.body, "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25");
    assert_slice(header(&r, "API-Sign"),
                 "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==");
    assert_slice(header(&r, "API-Key"), "the-key");
    uint64_t unit_ns = 0;
    ck_assert(ch_profile_uses_nonce(r.profile, &unit_ns));
    ck_assert_uint_eq(unit_ns, 1000000);
    tear_down(&r);
}
END_TEST

START_TEST(test_a_placeholder_says_where_the_field_stands)
{
    rig r;
    set_up(&r, "profiles/binance-spot.yaml", "hmac");
    r.input.now_ns = 5000000;
    const ch_param params[] = {text("symbol", "A"), placeholder("timestamp"), text("orderId", "1")};
    ck_assert_msg(build(&r, "GET", "/api/v3/order", params, 3) == CH_OK, "%s", r.err.message);
    assert_slice(r.message, "symbol=A&timestamp=5&orderId=1");
    tear_down(&r);
}
END_TEST

START_TEST(test_a_draft_is_used_again_without_a_trace)
{
    rig r;
    set_up(&r, "profiles/binance-spot.yaml", "hmac");
    r.input.now_ns = 5000000;
    const ch_param params[] = {text("symbol", "BTCUSDT")};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(build(&r, "GET", "/api/v3/openOrders", params, 1), CH_OK);
        assert_slice(r.message, "symbol=BTCUSDT&timestamp=5");
        sign_and_finish(&r, EVP_sha256(), CH_ENCODE_TEXT, BINANCE_SECRET);
        ck_assert_int_eq(build(&r, "GET", "/api/v3/account", NULL, 0), CH_OK);
        assert_slice(r.message, "timestamp=5");
        sign_and_finish(&r, EVP_sha256(), CH_ENCODE_TEXT, BINANCE_SECRET);
        assert_slice(r.finished.body, "");
    }
    tear_down(&r);
}
END_TEST

START_TEST(test_a_request_too_large_to_send_is_refused)
{
    rig r;
    set_up(&r, "profiles/binance-spot.yaml", "hmac");
    ch_autofree char *long_text = ch_alloc(4097);
    memset(long_text, '%', 4096); /* each becomes three bytes */
    const ch_param params[] = {text("coin", long_text), text("address", long_text), text("amount", "1")};
    ck_assert_int_eq(build(&r, "POST", "/sapi/v1/capital/withdraw/apply", params, 3), CH_TOO_LARGE);
    tear_down(&r);
}
END_TEST

START_TEST(test_a_key_id_cannot_break_out_of_its_header)
{
    rig r;
    set_up(&r, "profiles/binance-spot.yaml", "hmac");
    r.input.key_id = CH_LITERAL("key\r\nEvil: 1");
    ck_assert_int_eq(build(&r, "GET", "/api/v3/account", NULL, 0), CH_OK);
    ck_assert_int_eq(ch_recipe_finish(r.draft, (ch_slice){NULL, 0}, &r.finished, &r.err), CH_CONFIG);
    tear_down(&r);
}
END_TEST

/* ---- the vectors: the real profile's recipes with the generic parameters that the vectors have ---- */

static void read_all(const char *path, ch_buffer *out)
{
    FILE *file = fopen(path, "re");
    ck_assert_msg(file != NULL, "can't open %s; run this from the repository's root", path);
    size_t got;
    do {
        got = fread(ch_buffer_reserve(out, 4096), 1, 4096, file);
        ch_buffer_commit(out, got);
    } while (got > 0);
    (void)fclose(file);
}

/* The path of a vector's URL, and where it ends. */
static ch_slice path_of(const char *url)
{
    const char *path = strchr(url + strlen("https://"), '/');
    return (ch_slice){(const uint8_t *)path, strcspn(path, "?")};
}

/* Every name that any vector uses, as text; an endpoint a vector. */
static void add_vector_endpoints(ch_buffer *out, json_t *vectors, const char *plain, const char *raw)
{
    ch_buffer_add_text(out, "test_only: true\nparams:\n");
    static const char *const names[] = {"symbol", "side", "quantity", "price", "note"};
    for (size_t i = 0; i < 5; i++)
        ch_buffer_add_format(out, "  %s: {type: text}\n", names[i]);
    if (raw != NULL)
        ch_buffer_add_text(out, "  newClientOrderId: {type: text}\n  recvWindow: {type: integer}\n");
    ch_buffer_add_text(out, "endpoints:\n");
    ch_autobuffer seen = CH_BUFFER_INIT;
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        json_t *request = json_object_get(json_array_get(vectors, i), "request");
        const char *url = json_string_value(json_object_get(request, "url"));
        const char *body = json_string_value(json_object_get(request, "body"));
        ch_autobuffer call = CH_BUFFER_INIT;
        ch_buffer_add_format(&call, "%s %.*s,", json_string_value(json_object_get(request, "method")),
                             CH_SLICE_ARGS(path_of(url)));
        if (strstr(ch_buffer_text(&seen), ch_buffer_text(&call)) != NULL)
            continue;
        ch_buffer_add_slice(&seen, ch_buffer_slice(&call));
        bool is_raw = raw != NULL && body == NULL && strchr(url, ' ') != NULL;
        ch_buffer_add_format(out, "  - {call: %s class: read, optional: [symbol, side, quantity, price, note%s]%s}\n",
                             ch_buffer_text(&call), raw != NULL ? ", newClientOrderId, recvWindow" : "",
                             is_raw ? raw : plain);
    }
}

/* Loads `profile`'s head, up to its params, with the vectors' endpoints in place of its own. */
static void set_up_vectors(rig *r, const char *profile, json_t *vectors, const char *extra, const char *raw)
{
    ch_autobuffer source = CH_BUFFER_INIT;
    read_all(profile, &source);
    const char *whole = ch_buffer_text(&source);
    const char *params = strstr(whole, "\nparams:");
    ck_assert_ptr_nonnull(params);
    ch_autobuffer made = CH_BUFFER_INIT;
    ch_buffer_add(&made, whole, (size_t)(params - whole) + 1);
    ch_buffer_add_text(&made, extra);
    add_vector_endpoints(&made, vectors, "", raw);
    char path[] = "/tmp/chancery-test-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, made.data, made.size), (ssize_t)made.size);
    (void)close(fd);
    set_up(r, path, "hmac");
    (void)unlink(path);
}

static json_t *load_vectors(const char *name)
{
    const char *folder = getenv("CHANCERY_VECTORS");
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "%s/%s.json", folder != NULL ? folder : "tests/vectors", name);
    json_error_t problem;
    json_t *root = json_load_file(ch_buffer_text(&path), JSON_REJECT_DUPLICATES, &problem);
    ck_assert_msg(root != NULL, "%s: %s", ch_buffer_text(&path), problem.text);
    return root;
}

/* The params of the vector in the order of what was signed: where the agent's field stands there, a placeholder. */
static size_t vector_params(json_t *vector, const char *agent_field, const char *window, ch_param *params)
{
    size_t count = 0;
    const char *name;
    json_t *value;
    params[count++] = placeholder(agent_field);
    json_object_foreach(json_object_get(vector, "params"), name, value) params[count++] =
        text(name, json_string_value(value));
    if (window != NULL)
        params[count++] = text("recvWindow", window);
    return count;
}

static void check_vector(rig *r, json_t *vector, const char *agent_field, const char *window)
{
    json_t *request = json_object_get(vector, "request");
    json_t *hmac = json_array_get(json_object_get(vector, "hmac"), 0);
    const char *url = json_string_value(json_object_get(request, "url"));
    const char *body = json_string_value(json_object_get(request, "body"));
    ch_param params[16];
    size_t count = vector_params(vector, agent_field, window, params);
    ch_autofree char *path = ch_slice_strdup(path_of(url));
    ck_assert_msg(build(r, json_string_value(json_object_get(request, "method")), path, params, count) == CH_OK,
                  "%s: %s", path, r->err.message);
    ch_autobuffer hex = CH_BUFFER_INIT;
    ch_encode(&hex, CH_ENCODE_HEX, r->message);
    assert_slice(ch_buffer_slice(&hex), json_string_value(json_object_get(hmac, "message_hex")));

    uint8_t key[128];
    const char *key_hex = json_string_value(json_object_get(hmac, "key_hex"));
    size_t key_size = strlen(key_hex) / 2;
    for (size_t i = 0; i < key_size; i++)
        ck_assert_int_eq(sscanf(key_hex + 2 * i, "%2hhx", &key[i]), 1);
    uint8_t signature[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    bool is_sha256 = strcmp(json_string_value(json_object_get(hmac, "hash")), "SHA256") == 0;
    (void)HMAC(is_sha256 ? EVP_sha256() : EVP_sha512(), key, (int)key_size, r->message.data, r->message.size, signature,
               &size);
    ck_assert_int_eq(ch_recipe_finish(r->draft, (ch_slice){signature, size}, &r->finished, &r->err), CH_OK);
    assert_slice(r->finished.body, body == NULL ? "" : body);
    const char *sent_path = (const char *)path_of(url).data;
    ck_assert_uint_ge(r->finished.url.size, strlen(sent_path));
    size_t origin_size = r->finished.url.size - strlen(sent_path);
    assert_slice((ch_slice){r->finished.url.data + origin_size, strlen(sent_path)}, sent_path);
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(request, "headers"), name, value)
    {
        assert_slice(header(r, name), json_string_value(value));
    }
}

static void check_vectors(rig *r, json_t *root, const char *agent_field, const char *window)
{
    json_t *vectors = json_object_get(root, "vectors");
    ck_assert_uint_gt(json_array_size(vectors), 0);
    uint64_t clock_ms = (uint64_t)json_integer_value(json_object_get(root, "clock_ms"));
    r->input.now_ns = clock_ms * 1000000;
    r->input.nonce = clock_ms;
    r->input.key_id = ch_slice_of(json_string_value(json_object_get(json_object_get(root, "credentials"), "apiKey")));
    for (size_t i = 0; i < json_array_size(vectors); i++)
        check_vector(r, json_array_get(vectors, i), agent_field, window);
    tear_down(r);
    json_decref(root);
}

START_TEST(test_every_binance_vector_comes_out_to_the_byte)
{
    static const char raw_recipe[] = "  raw-query:\n"
                                     "    covers: [params]\n"
                                     "    lists: {all: {fields: [{name: timestamp, value: \"{time_ms}\"}]}}\n"
                                     "    values: {payload: \"{all|form-unchecked}\"}\n"
                                     "    message: \"{payload}\"\n"
                                     "    url: \"{origin}{path}?{payload}&signature={signature|percent}\"\n"
                                     "    headers: {X-MBX-APIKEY: \"{key_id}\"}\n";
    json_t *root = load_vectors("binance");
    rig r;
    set_up_vectors(&r, "profiles/binance-spot.yaml", json_object_get(root, "vectors"), raw_recipe,
                   ", recipe: raw-query");
    check_vectors(&r, root, "timestamp", "10000");
}
END_TEST

START_TEST(test_every_kraken_vector_comes_out_to_the_byte)
{
    json_t *root = load_vectors("kraken");
    rig r;
    set_up_vectors(&r, "profiles/kraken.yaml", json_object_get(root, "vectors"), "", NULL);
    check_vectors(&r, root, "nonce", NULL);
}
END_TEST

/* ---- the made-up exchange ---- */

START_TEST(test_oddball_sorts_and_spells_one_list_in_two_ways)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "hmac");
    r.input.key_id = CH_LITERAL("id/1");
    r.input.now_ns = 1764000000123456789;
    const ch_param params[] = {text("symbol", "a/b"), text("count", "-7"), text("note", "x")};
    ck_assert_msg(build(&r, "GET", "/api/v1/things", params, 3) == CH_OK, "%s", r.err.message);
    assert_slice(r.message, "GET\napi.oddball.example\n/v1/things\n"
                            "AccessKey=id/1&count=-7&note=x&stamp=2025-11-24T16:00:00.123Z&symbol=a/b");
    ck_assert_int_eq(ch_recipe_finish(r.draft, CH_LITERAL("\xff\xfe"), &r.finished, &r.err), CH_OK);
    assert_slice(r.finished.url, "https://api.oddball.example/api/v1/things?AccessKey=id%2F1&count=-7&note=x"
                                 "&stamp=2025-11-24T16%3A00%3A00.123Z&symbol=a%2Fb&v=2&sig=%2F%2F4%3D");
    tear_down(&r);
}
END_TEST

START_TEST(test_raw_form_refuses_what_it_could_not_tell_apart)
{
    static const char *const ambiguous[] = {"a&symbol=B", "a=b", "a b", "a+b", "a%20b", "a#b", "a?b", "\xc3\xa9"};
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "hmac");
    const ch_param params[] = {text("note", ambiguous[_i])};
    ck_assert_int_eq(build(&r, "GET", "/api/v1/things", params, 1), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(r.err.message, "'note'"));
    tear_down(&r);
}
END_TEST

START_TEST(test_oddball_wraps_json_in_base64_in_json)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "hmac");
    r.input.key_id = CH_LITERAL("id");
    r.input.passphrase = CH_LITERAL("abc");
    r.input.now_ns = 1764000000123456789;
    r.input.nonce = 77;
    const ch_param params[] = {
        text("symbol", "A"),
        text("note", "say \"\\\xc3\xa9\""),
        {CH_PARAM_INTEGER, CH_LITERAL("count"), CH_LITERAL("5")   },
        {CH_PARAM_BOOLEAN, CH_LITERAL("flag"),  CH_LITERAL("true")}
    };
    ck_assert_msg(build(&r, "POST", "/api/v1/things", params, 4) == CH_OK, "%s", r.err.message);
    static const char json[] = "{\"request\":\"/api/v1/things\",\"nonce\":77,\"symbol\":\"A\","
                               "\"note\":\"say \\\"\\\\\xc3\xa9\\\"\",\"count\":5,\"flag\":true}";
    ch_autobuffer payload = CH_BUFFER_INIT;
    ch_encode(&payload, CH_ENCODE_BASE64, CH_LITERAL(json));
    uint8_t digest[64];
    ck_assert_int_eq(EVP_Digest(payload.data, payload.size, digest, NULL, EVP_sha512(), NULL), 1);
    ch_autobuffer message = CH_BUFFER_INIT;
    ch_buffer_add_text(&message, "1764000000:");
    ch_encode(&message, CH_ENCODE_HEX, (ch_slice){digest, 64});
    assert_slice(r.message, ch_buffer_text(&message));

    ck_assert_int_eq(ch_recipe_finish(r.draft, CH_LITERAL("abc"), &r.finished, &r.err), CH_OK);
    ch_autobuffer body = CH_BUFFER_INIT;
    ch_buffer_add_format(&body, "{\"data\":\"%s\",\"sig\":\"YWJj\"}", ch_buffer_text(&payload));
    assert_slice(r.finished.body, ch_buffer_text(&body));
    assert_slice(header(&r, "Authorization"), "Odd id:1764000000:YWJj");
    assert_slice(header(&r, "X-Phrase"), "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD");
    assert_slice(header(&r, "X-Full"), "application/odd");
    ck_assert_uint_eq(r.finished.header_count, 3); /* X-Empty is not sent */
    tear_down(&r);
}
END_TEST

START_TEST(test_oddball_has_origins_and_an_empty_query)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "hmac");
    r.input.now_ns = 1764000000123456789;
    ck_assert_int_eq(build(&r, "DELETE", "/api/v1/things", NULL, 0), CH_OK);
    assert_slice(r.message, "2025-11-24T16:00:001764000000123456/api/v1/things");
    ck_assert_int_eq(ch_recipe_finish(r.draft, CH_LITERAL("abc"), &r.finished, &r.err), CH_OK);
    assert_slice(r.finished.url, "https://vault.oddball.example/api/v1/things");
    tear_down(&r);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recipe");
    TCase *tests = tcase_create("recipe");
    tcase_add_test(tests, test_binance_documented_example);
    tcase_add_test(tests, test_binance_base64_signature_is_percent_encoded_in_the_url);
    tcase_add_test(tests, test_kraken_documented_example);
    tcase_add_test(tests, test_a_placeholder_says_where_the_field_stands);
    tcase_add_test(tests, test_a_draft_is_used_again_without_a_trace);
    tcase_add_test(tests, test_a_request_too_large_to_send_is_refused);
    tcase_add_test(tests, test_a_key_id_cannot_break_out_of_its_header);
    tcase_add_test(tests, test_every_binance_vector_comes_out_to_the_byte);
    tcase_add_test(tests, test_every_kraken_vector_comes_out_to_the_byte);
    tcase_add_test(tests, test_oddball_sorts_and_spells_one_list_in_two_ways);
    tcase_add_loop_test(tests, test_raw_form_refuses_what_it_could_not_tell_apart, 0, 8);
    tcase_add_test(tests, test_oddball_wraps_json_in_base64_in_json);
    tcase_add_test(tests, test_oddball_has_origins_and_an_empty_query);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
