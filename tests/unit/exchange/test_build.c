/* Published examples of exchanges, and a made-up exchange that uses every feature, come out to the byte. */
#include "exchange/recipe.h"

#include "base/encode.h"
#include "base/memory.h"
#include "tests/support/suite.h"
#include "tests/unit/exchange/rig.h"
#include "tests/unit/exchange/samples.h"

#define BINANCE_SECRET "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
#define KRAKEN_SECRET "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="

START_TEST(test_binance_documented_example)
{
    rig r;
    set_up(&r, "profiles/binance.yaml", "hmac");
    r.input.key_id = CH_LITERAL("the-key");
    r.input.now_ns = 1499827319559999999;
    ch_param params[] = {
        text("symbol", "LTCBTC"),
        text("side", "BUY"),
        text("type", "LIMIT"),
        text("timeInForce", "GTC"),
        text("quantity", "1"),
        text("price", "0.1"),
        {CH_PARAM_INTEGER, CH_LITERAL("recvWindow"), CH_LITERAL("5000"), NULL}
    };
    ck_assert_msg(build(&r, "POST", "/api/v3/order", params, 7) == CH_OK, "%s", r.err.message);
    assert_slice(r.payload, "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
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
    set_up(&r, "profiles/binance.yaml", "ed25519");
    r.input.now_ns = 1000000;
    ck_assert_int_eq(build(&r, "GET", "/api/v3/account", NULL, 0), CH_OK);
    assert_slice(r.payload, "timestamp=1");
    static const uint8_t signature[] = {0xfb, 0xff, 0xbf, 0x00};
    ck_assert_int_eq(finish(&r, (ch_slice){signature, 4}), CH_OK);
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
    ch_param params[] = {text("ordertype", "limit"), text("pair", "XBTUSD"), text("price", "37500"),
                         text("type", "buy"), text("volume", "1.25")};
    ck_assert_msg(build(&r, "POST", "/0/private/AddOrder", params, 5) == CH_OK, "%s", r.err.message);
    sign_and_finish(&r, EVP_sha512(), CH_ENCODE_BASE64, KRAKEN_SECRET);
    assert_slice(r.finished.body, "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25");
    assert_slice(header(&r, "API-Sign"),
                 "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==");
    assert_slice(header(&r, "API-Key"), "the-key");
    const ch_nonce_def *nonce = ch_profile_nonce(r.profile, 0);
    ck_assert_ptr_nonnull(nonce);
    ck_assert_uint_eq(nonce->unit_ns, 1000000);
    tear_down(&r);
}
END_TEST

START_TEST(test_a_placeholder_says_where_the_field_stands)
{
    rig r;
    set_up(&r, "profiles/binance.yaml", "hmac");
    r.input.now_ns = 5000000;
    ch_param params[] = {text("symbol", "A"), placeholder("timestamp"), text("orderId", "1")};
    ck_assert_msg(build(&r, "GET", "/api/v3/order", params, 3) == CH_OK, "%s", r.err.message);
    assert_slice(r.payload, "symbol=A&timestamp=5&orderId=1");
    tear_down(&r);
}
END_TEST

START_TEST(test_a_draft_is_used_again_without_a_trace)
{
    rig r;
    set_up(&r, "profiles/binance.yaml", "hmac");
    r.input.now_ns = 5000000;
    ch_param params[] = {text("symbol", "BTCUSDT")};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(build(&r, "GET", "/api/v3/openOrders", params, 1), CH_OK);
        assert_slice(r.payload, "symbol=BTCUSDT&timestamp=5");
        sign_and_finish(&r, EVP_sha256(), CH_ENCODE_TEXT, BINANCE_SECRET);
        ck_assert_int_eq(build(&r, "GET", "/api/v3/account", NULL, 0), CH_OK);
        assert_slice(r.payload, "timestamp=5");
        sign_and_finish(&r, EVP_sha256(), CH_ENCODE_TEXT, BINANCE_SECRET);
        assert_slice(r.finished.body, "");
    }
    tear_down(&r);
}
END_TEST

START_TEST(test_a_request_too_large_to_send_is_refused)
{
    rig r;
    set_up(&r, "profiles/binance.yaml", "hmac");
    ch_autofree char *long_text = ch_alloc(4097);
    memset(long_text, '%', 4096); /* each becomes three bytes */
    ch_param params[] = {text("symbol", "A"), text("origClientOrderId", long_text),
                         text("newClientOrderId", long_text)};
    ck_assert_int_eq(build(&r, "DELETE", "/api/v3/order", params, 3), CH_TOO_LARGE);
    tear_down(&r);
}
END_TEST

START_TEST(test_a_key_id_cannot_break_out_of_its_header)
{
    rig r;
    set_up(&r, "profiles/binance.yaml", "hmac");
    r.input.key_id = CH_LITERAL("key\r\nEvil: 1");
    ck_assert_int_eq(build(&r, "GET", "/api/v3/account", NULL, 0), CH_OK);
    ck_assert_int_eq(finish(&r, (ch_slice){NULL, 0}), CH_CONFIG);
    tear_down(&r);
}
END_TEST

START_TEST(test_oddball_sorts_and_spells_one_list_in_two_ways)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "hmac");
    r.input.key_id = CH_LITERAL("id/1");
    r.input.now_ns = 1764000000123456789;
    ch_param params[] = {text("symbol", "a/b"), text("count", "-7"), text("note", "x")};
    ck_assert_msg(build(&r, "GET", "/api/v1/things", params, 3) == CH_OK, "%s", r.err.message);
    assert_slice(r.payload, "GET\napi.oddball.example\n/v1/things\n"
                            "AccessKey=id/1&count=-7&note=x&stamp=2025-11-24T16:00:00.123Z&symbol=a/b");
    ck_assert_int_eq(finish(&r, CH_LITERAL("\xff\xfe")), CH_OK);
    assert_slice(r.finished.url, "https://api.oddball.example/api/v1/things?AccessKey=id%2F1&count=-7&note=x"
                                 "&stamp=2025-11-24T16%3A00%3A00.123Z&symbol=a%2Fb&v=2&sig=%2F%2F4%3D");
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
    ch_param params[] = {
        text("symbol", "A"),
        text("note", "say \"\\\xc3\xa9\""),
        {CH_PARAM_INTEGER, CH_LITERAL("count"), CH_LITERAL("5"),    NULL},
        {CH_PARAM_BOOLEAN, CH_LITERAL("flag"),  CH_LITERAL("true"), NULL}
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
    assert_slice(r.payload, ch_buffer_text(&message));

    ck_assert_int_eq(finish(&r, CH_LITERAL("abc")), CH_OK);
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
    assert_slice(r.payload, "2025-11-24T16:00:001764000000123456/api/v1/things");
    ck_assert_int_eq(finish(&r, CH_LITERAL("abc")), CH_OK);
    assert_slice(r.finished.url, "https://vault.oddball.example/api/v1/things");
    tear_down(&r);
}
END_TEST

static void put(rig *r, const char *path, ch_param *params, size_t count)
{
    r->input.key_id = CH_LITERAL("id");
    r->input.passphrase = CH_LITERAL("open sesame");
    r->input.now_ns = 1764000000123456789;
    r->input.nonce = 77;
    ck_assert_msg(build(r, "PUT", path, params, count) == CH_OK, "%s", r->err.message);
}

START_TEST(test_query_and_body_stand_apart_and_the_phrase_is_signed_too)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "hmac");
    ch_param params[] = {text("note", "x"), text("level", "3"), text("exact", "0.50")};
    put(&r, "/api/v1/things/7", params, 3);
    assert_slice(r.payload, "1764000060put/api/v1/things/7?level=3{\"note\":\"x\",\"exact\":0.50}");
    ck_assert_uint_eq(r.payloads.count, 2);
    assert_slice(r.payloads.items[1], "open sesameid");
    ck_assert_int_eq(finish(&r, CH_LITERAL("abc")), CH_INTERNAL); /* one signature is missing */
    const ch_payloads signatures = {
        .items = {CH_LITERAL("abc"), CH_LITERAL("abcd")},
          .count = 2
    };
    ck_assert_int_eq(ch_recipe_finish(r.draft, &signatures, &r.finished, &r.err), CH_OK);
    assert_slice(r.finished.url, "https://api.oddball.example/api/v1/things/7?level=3");
    assert_slice(r.finished.body, "{\"note\":\"x\",\"exact\":0.50}");
    assert_slice(header(&r, "Odd-Alg"), "OddHmac");
    assert_slice(header(&r, "Odd-Phrase"), "YWJjZA==");
    assert_slice(header(&r, "Odd-Sign"), "YWJj");
    assert_slice(header(&r, "Odd-Note"), "1764000060");
    assert_slice(header(&r, "Odd-Id"), "00000000-0000-4000-8000-000000000000 00000000000000000000000000000000");
    assert_slice(header(&r, "Content-Type"), "application/json");
    tear_down(&r);
}
END_TEST

START_TEST(test_no_body_where_there_are_no_parameters_for_it)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "hmac");
    ch_param params[] = {text("level", "3")};
    put(&r, "/api/v1/things/7", params, 1);
    assert_slice(r.payload, "1764000060put/api/v1/things/7?level=3");
    const ch_payloads signatures = {
        .items = {CH_LITERAL("abc"), CH_LITERAL("abcd")},
          .count = 2
    };
    ck_assert_int_eq(ch_recipe_finish(r.draft, &signatures, &r.finished, &r.err), CH_OK);
    assert_slice(r.finished.body, "");
    assert_slice(header(&r, "Odd-Note"), "1764000000");
    ck_assert_ptr_null(header(&r, "Content-Type").data);
    tear_down(&r);
}
END_TEST

/* Digits at the end of the query could pass for the beginning of the expiry. */
START_TEST(test_no_phemex_order_ends_in_a_number)
{
    rig r;
    set_up(&r, "profiles/phemex.yaml", "hmac");
    r.input.now_ns = 1764000000000000000;
    ch_param params[] = {text("ordType", "Limit"), text("symbol", "BTCUSDT"), text("side", "Buy"),
                         text("posSide", "Long"),  text("orderQtyRq", "1"),   text("priceRp", "50000")};
    ck_assert_msg(build(&r, "PUT", "/g-orders/create", params, 6) == CH_OK, "%s", r.err.message);
    assert_slice(r.payload, "/g-orders/createsymbol=BTCUSDT&side=Buy&posSide=Long&orderQtyRq=1&priceRp=50000"
                            "&ordType=Limit1764000060");
    tear_down(&r);
}
END_TEST

static void assert_token_part(ch_slice *rest, const char *expected)
{
    ch_autobuffer encoded = CH_BUFFER_INIT;
    ch_encode(&encoded, CH_ENCODE_BASE64URL, ch_slice_of(expected));
    ck_assert_msg(rest->size >= encoded.size && memcmp(rest->data, encoded.data, encoded.size) == 0, "no %s in %.*s",
                  expected, CH_SLICE_ARGS(*rest));
    rest->data += encoded.size;
    rest->size -= encoded.size;
}

START_TEST(test_a_scheme_may_sign_everything_its_own_way)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "jwt");
    r.input.key_id = CH_LITERAL("id");
    r.input.now_ns = 1764000000000000000;
    ch_param params[] = {text("symbol", "A")};
    ck_assert_msg(build(&r, "POST", "/api/v1/things", params, 1) == CH_OK, "%s", r.err.message);
    ch_slice rest = r.payload;
    assert_token_part(&rest, "{\"alg\":\"EdDSA\",\"kid\":\"id\"}");
    ck_assert(rest.size > 0 && rest.data[0] == '.');
    rest = (ch_slice){rest.data + 1, rest.size - 1};
    uint8_t digest[32];
    static const char body[] = "{\"symbol\":\"A\"}";
    ck_assert_int_eq(EVP_Digest(body, sizeof body - 1, digest, NULL, EVP_sha256(), NULL), 1);
    ch_autobuffer claims = CH_BUFFER_INIT;
    ch_buffer_add_text(&claims, "{\"uri\":\"POST api.oddball.example/api/v1/things\",\"exp\":1764000120,\"hash\":\"");
    ch_encode(&claims, CH_ENCODE_HEX, (ch_slice){digest, 32});
    ch_buffer_add_text(&claims, "\"}");
    assert_token_part(&rest, ch_buffer_text(&claims));
    ck_assert_uint_eq(rest.size, 0);
    tear_down(&r);
}
END_TEST

START_TEST(test_a_socket_log_on_is_a_message)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "hmac");
    r.input.key_id = CH_LITERAL("id");
    r.input.now_ns = 5000000;
    ck_assert_int_eq(build(&r, "WS", "/stream", NULL, 0), CH_OK);
    ck_assert_int_eq(finish(&r, CH_LITERAL("abc")), CH_OK);
    assert_slice(r.finished.url, "wss://stream.oddball.example/stream");
    assert_slice(r.finished.body, "{\"op\":\"auth\",\"args\":[\"id\",5,\"YWJj\"]}");
    tear_down(&r);
}
END_TEST

CH_TESTS("build", CH_TEST(test_binance_documented_example),
         CH_TEST(test_binance_base64_signature_is_percent_encoded_in_the_url), CH_TEST(test_kraken_documented_example),
         CH_TEST(test_a_placeholder_says_where_the_field_stands), CH_TEST(test_a_draft_is_used_again_without_a_trace),
         CH_TEST(test_a_request_too_large_to_send_is_refused), CH_TEST(test_a_key_id_cannot_break_out_of_its_header),
         CH_TEST(test_oddball_sorts_and_spells_one_list_in_two_ways),
         CH_TEST(test_oddball_wraps_json_in_base64_in_json), CH_TEST(test_oddball_has_origins_and_an_empty_query),
         CH_TEST(test_query_and_body_stand_apart_and_the_phrase_is_signed_too),
         CH_TEST(test_no_body_where_there_are_no_parameters_for_it), CH_TEST(test_no_phemex_order_ends_in_a_number),
         CH_TEST(test_a_scheme_may_sign_everything_its_own_way), CH_TEST(test_a_socket_log_on_is_a_message))
