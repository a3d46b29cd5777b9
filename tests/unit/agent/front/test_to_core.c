/* A request as HTTP hands it over, and the frame that core gets of it. */
#include "agent/front/to_core.h"

#include "tests/support/suite.h"
#include "wire/frames.h"

#include <string.h>

#define ORDER "{\"method\":\"POST\",\"path\":\"/p\"}"
#define PRICES "{\"source\":\"kraken\",\"prices\":[{\"pair\":\"A/B\",\"price\":\"1.50\",\"time_ms\":9}]}"
#define REJECTED "{\"outcome\":\"rejected\"}"

static ch_to_core to_core;
static ch_buffer packet = CH_BUFFER_INIT;
static ch_error err;

static void tear_down(void)
{
    ch_to_core_free(&to_core);
    ch_buffer_free(&packet);
}

static ch_status ask(const char *method, const char *path, const char *query, const char *body)
{
    const ch_route *route;
    ch_route_what what;
    const ch_http_request request = {.id = 7,
                                     .connection = 3,
                                     .query = ch_slice_of(query),
                                     .repeat_key = CH_LITERAL("again"),
                                     .has_repeat_key = true,
                                     .body = ch_slice_of(body)};
    ck_assert_int_eq(ch_route_find(ch_slice_of(method), ch_slice_of(path), &route, &what, &err), CH_OK);
    return ch_to_core_put(&to_core, &request, route, &what, &packet, &err);
}

static ch_frame frame_of(const char *method, const char *path, const char *query, const char *body)
{
    ch_frame frame;
    ch_buffer_clear(&packet);
    ck_assert_msg(ask(method, path, query, body) == CH_OK, "%s", err.message);
    ch_slice rest = ch_buffer_slice(&packet);
    ck_assert(ch_frame_next(&rest, &frame) && rest.size == 0);
    ck_assert_uint_eq(frame.id, 7);
    return frame;
}

/* clang-format off */
static const struct {
    const char *method;
    const char *path;
    const char *query;
    const char *body;
    uint16_t type;
} asked[] = {
    /* method  path                         query      body      frame */
    { "POST",  "/v1/keys/k/sign",           "",        ORDER,    CH_FRAME_SIGN },
    { "POST",  "/v1/keys/k/check",          "",        ORDER,    CH_FRAME_SIGN },
    { "GET",   "/v1/keys/k/limits",         "",        "",       CH_FRAME_GET_LIMITS },
    { "GET",   "/v1/keys",                  "limit=3", "",       CH_FRAME_LIST_KEYS },
    { "PUT",   "/v1/prices",                "",        PRICES,   CH_FRAME_PUT_PRICES },
    { "GET",   "/v1/prices",                "limit=3", "",       CH_FRAME_LIST_PRICES },
    { "POST",  "/v1/reservations/5/release", "",       REJECTED, CH_FRAME_RELEASE },
    { "GET",   "/v1/requests/5",            "",        "",       CH_FRAME_GET_REQUEST },
    { "GET",   "/v1/requests/5",            "wait_s=60", "",     CH_FRAME_GET_REQUEST },
    { "POST",  "/v1/requests/5/sign",       "",        "",       CH_FRAME_FETCH },
    { "POST",  "/v1/requests/5/sign",       "",        " { } ",  CH_FRAME_FETCH },
    { "DELETE", "/v1/requests/5",           "",        "",       CH_FRAME_WITHDRAW },
    { "GET",   "/v1/status",                "",        "",       CH_FRAME_GET_STATUS },
    { "GET",   "/metrics",                  "",        "",       CH_FRAME_GET_STATUS },
    { "GET",   "/readyz",                   "key=k",   "",       CH_FRAME_GET_STATUS },
    { "GET",   "/v1/time",                  "",        "",       CH_FRAME_GET_TIME },
};

static const struct {
    const char *method;
    const char *path;
    const char *query;
    const char *body;
    ch_status status;
} refused[] = {
    /* method  path                         query           body      status */
    { "POST",  "/v1/keys/k/sign",           "",             PRICES,   CH_BAD_INPUT },
    { "POST",  "/v1/keys/k/check",          "",             REJECTED, CH_BAD_INPUT },
    { "POST",  "/v1/keys/k/check",          "",             "",       CH_BAD_INPUT },
    { "GET",   "/v1/keys",                  "limit=none",   "",       CH_BAD_INPUT },
    { "PUT",   "/v1/prices",                "",             ORDER,    CH_BAD_INPUT },
    { "GET",   "/v1/prices",                "after=QQ==",   "",       CH_BAD_INPUT },
    { "GET",   "/v1/prices",                "after=A",      "",       CH_BAD_INPUT },
    { "GET",   "/v1/prices",                "after=QR",     "",       CH_BAD_INPUT },
    { "GET",   "/v1/prices",                "after=A/B",    "",       CH_BAD_INPUT },
    { "GET",   "/v1/prices",                "after=A%2FB",  "",       CH_BAD_INPUT },
    { "POST",  "/v1/reservations/5/release", "",            ORDER,    CH_BAD_INPUT },
    { "GET",   "/v1/requests/5",            "wait_s=0",     "",       CH_BAD_INPUT },
    { "GET",   "/v1/requests/5",            "wait_s=61",    "",       CH_BAD_INPUT },
    { "GET",   "/v1/requests/5",            "wait_s=",      "",       CH_BAD_INPUT },
    { "GET",   "/v1/requests/5",            "wait_s=1&wait_s=2", "",  CH_BAD_INPUT },
    { "GET",   "/v1/requests/5",            "limit=1",      "",       CH_BAD_INPUT },
    { "POST",  "/v1/requests/5/sign",       "",             ORDER,    CH_BAD_INPUT },
    { "POST",  "/v1/requests/5/sign",       "",             "[]",     CH_BAD_INPUT },
    { "GET",   "/readyz",                   "limit=1",      "",       CH_BAD_INPUT },
    { "GET",   "/healthz",                  "",             "",       CH_INTERNAL }, /* not for core */
};
/* clang-format on */

START_TEST(test_each_question_has_its_frame)
{
    ch_frame frame = frame_of(asked[_i].method, asked[_i].path, asked[_i].query, asked[_i].body);
    ck_assert_uint_eq(frame.type, asked[_i].type);
}
END_TEST

START_TEST(test_what_is_refused_leaves_no_frame)
{
    ch_status st = ask(refused[_i].method, refused[_i].path, refused[_i].query, refused[_i].body);
    ck_assert_msg(st == refused[_i].status, "%s?%s: %s", refused[_i].path, refused[_i].query, err.message);
    ck_assert_uint_eq(packet.size, 0);
}
END_TEST

START_TEST(test_a_check_is_marked_and_cannot_be_repeated)
{
    ch_sign_frame sign;
    ch_frame frame = frame_of("POST", "/v1/keys/k/sign", "", ORDER);
    ck_assert_int_eq(ch_sign_frame_get(&frame, &sign, &err), CH_OK);
    ck_assert(!sign.is_check && ch_slice_is(sign.repeat_key, "again"));
    ck_assert(ch_slice_is(sign.key, "k") && ch_slice_is(sign.path, "/p") && sign.connection == 3);
    ch_buffer_clear(&packet);
    frame = frame_of("POST", "/v1/keys/k/check", "", ORDER);
    ck_assert_int_eq(ch_sign_frame_get(&frame, &sign, &err), CH_OK);
    ck_assert(sign.is_check && sign.repeat_key.size == 0);
    ck_assert(ch_slice_is(sign.key, "k") && ch_slice_is(sign.path, "/p") && sign.connection == 3);
}
END_TEST

START_TEST(test_prices_go_with_their_source)
{
    ch_put_prices_frame prices;
    ch_quote_record quote;
    ch_frame frame = frame_of("PUT", "/v1/prices", "", PRICES);
    ck_assert_int_eq(ch_put_prices_frame_get(&frame, &prices, &err), CH_OK);
    ck_assert(prices.connection == 3 && ch_slice_is(prices.source, "kraken"));
    ck_assert(ch_quote_record_next(&prices.quotes, &quote));
    ck_assert(ch_slice_is(quote.pair, "A/B") && ch_slice_is(quote.price, "1.50") && quote.quoted_ms == 9);
}
END_TEST

START_TEST(test_a_page_begins_after_what_next_was)
{
    ch_list_prices_frame list;
    ch_frame frame = frame_of("GET", "/v1/prices", "limit=2&after=QlRDL1VTRFT_IGtyYWtlbj8", "");
    ck_assert_int_eq(ch_list_prices_frame_get(&frame, &list, &err), CH_OK);
    ck_assert(ch_slice_is(list.after, "BTC/USDT\xff kraken?") && list.limit == 2 && list.connection == 3);
    ch_buffer_clear(&packet);
    frame = frame_of("GET", "/v1/prices", "", "");
    ck_assert_int_eq(ch_list_prices_frame_get(&frame, &list, &err), CH_OK);
    ck_assert(list.after.size == 0 && list.limit == 100);
}
END_TEST

START_TEST(test_a_report_names_its_reservation)
{
    ch_release_frame release;
    ch_frame frame = frame_of("POST", "/v1/reservations/18446744073709551615/release", "", REJECTED);
    ck_assert_int_eq(ch_release_frame_get(&frame, &release, &err), CH_OK);
    ck_assert(release.connection == 3 && release.reservation == UINT64_MAX);
}
END_TEST

START_TEST(test_what_is_asked_of_a_request_names_it)
{
    ch_get_request_frame get;
    ch_fetch_frame fetch;
    ch_withdraw_frame withdraw;
    ch_frame frame = frame_of("GET", "/v1/requests/1042", "wait_s=7", "");
    ck_assert_int_eq(ch_get_request_frame_get(&frame, &get, &err), CH_OK);
    ck_assert(get.connection == 3 && get.request == 1042 && get.wait_s == 7);
    frame = frame_of("POST", "/v1/requests/1042/sign", "", "");
    ck_assert_int_eq(ch_fetch_frame_get(&frame, &fetch, &err), CH_OK);
    ck_assert(fetch.connection == 3 && fetch.request == 1042);
    frame = frame_of("DELETE", "/v1/requests/1042", "", "");
    ck_assert_int_eq(ch_withdraw_frame_get(&frame, &withdraw, &err), CH_OK);
    ck_assert(withdraw.connection == 3 && withdraw.request == 1042);
}
END_TEST

START_TEST(test_limits_are_those_of_a_key)
{
    ch_get_limits_frame get;
    ch_frame frame = frame_of("GET", "/v1/keys/k/limits", "", "");
    ck_assert_int_eq(ch_get_limits_frame_get(&frame, &get, &err), CH_OK);
    ck_assert(get.connection == 3 && ch_slice_is(get.key, "k"));
}
END_TEST

CH_TESTS_WITH("to_core", NULL, tear_down, CH_TEST_ROWS(test_each_question_has_its_frame, asked),
              CH_TEST_ROWS(test_what_is_refused_leaves_no_frame, refused),
              CH_TEST(test_a_check_is_marked_and_cannot_be_repeated), CH_TEST(test_prices_go_with_their_source),
              CH_TEST(test_a_page_begins_after_what_next_was), CH_TEST(test_a_report_names_its_reservation),
              CH_TEST(test_what_is_asked_of_a_request_names_it), CH_TEST(test_limits_are_those_of_a_key))
