/* An id that no request ever had, 0, was found: it was taken for that of the first connection's place, which has no
 * request. An answer to it would have gone to that connection, or to none, which crashed. */
#include "agent/front/http.h"

#include "tests/support/suite.h"

static void on_request(void *context, ch_http_request *request)
{
    (void)context;
    (void)request;
    ck_abort();
}

static void on_closed(void *context, uint64_t connection)
{
    (void)context;
    (void)connection;
}

START_TEST(test_no_request_has_the_id_zero)
{
    ch_error err = CH_ERROR_INIT;
    ch_http *http = NULL;
    const ch_http_owner owner = {.on_request = on_request, .on_closed = on_closed};
    ch_http_reply reply = {.status = 200, .content_type = "application/json"};
    ck_assert_int_eq(ch_http_new(&owner, &http, &err), CH_OK);
    ck_assert_ptr_null(ch_http_find(http, 0));
    ch_buffer_add_text(&reply.body, "{}");
    ch_http_send(http, 0, &reply);
    ck_assert_ptr_null(reply.body.data);
    ch_http_free(http);
}
END_TEST

CH_TESTS("request zero was found", CH_TEST(test_no_request_has_the_id_zero))
