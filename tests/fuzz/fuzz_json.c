/* The body of a request, for a signature or a report: refused, or one well-formed frame. The problem document for the
 * refusal is valid JSON whatever the body was. */
#include "tests/fuzz/fuzz.h"

#include "agent/front/ask.h"
#include "agent/front/report.h"
#include "base/buffer.h"
#include "wire/documents.h"
#include "wire/frames.h"

#include <jansson.h>
#include <string.h>

#define BODY_MAX ((size_t)48 * 1024) /* agent/front/http.h */

static void check_refusal(const ch_error *err)
{
    ch_autobuffer document = CH_BUFFER_INIT;
    json_error_t where;
    ch_problem_add(&document, err, (unsigned)ch_status_http(err->status),
                   &(ch_problem_facts){.step = CH_LITERAL("read")});
    json_t *problem = json_loadb((const char *)document.data, document.size, JSON_REJECT_DUPLICATES, &where);
    FUZZ_CHECK(json_is_object(problem));
    FUZZ_CHECK(strcmp(json_string_value(json_object_get(problem, "detail")), err->message) == 0);
    json_decref(problem);
}

/* Lists and objects end in the order in which they began. */
static void check_values(ch_records values)
{
    size_t depth = 0;
    ch_value_record value;
    FUZZ_CHECK(values.count <= CH_VALUES_MAX);
    while (ch_value_record_next(&values, &value)) {
        FUZZ_CHECK(value.kind < CH_VALUE_KIND_COUNT);
        FUZZ_CHECK(ch_slice_is_text(value.name) && ch_slice_is_text(value.value));
        FUZZ_CHECK(value.kind != CH_VALUE_END || depth > 0);
        depth += value.kind == CH_VALUE_LIST || value.kind == CH_VALUE_OBJECT;
        depth -= value.kind == CH_VALUE_END;
        FUZZ_CHECK(depth <= CH_VALUE_DEPTH_MAX);
    }
    FUZZ_CHECK(depth == 0);
}

static void check_frame(const ch_ask *ask)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_frame frame;
    ch_sign_frame sign;
    if (ch_sign_frame_put(&packet, 7, &ask->sign, &err) != CH_OK) {
        FUZZ_CHECK(err.status == CH_TOO_LARGE && packet.size == 0);
        return;
    }
    ch_slice rest = ch_buffer_slice(&packet);
    FUZZ_CHECK(ch_frame_next(&rest, &frame) && rest.size == 0 && frame.type == CH_FRAME_SIGN && frame.id == 7);
    FUZZ_CHECK(ch_sign_frame_get(&frame, &sign, &err) == CH_OK);
    FUZZ_CHECK(sign.form < CH_FORM_COUNT && (sign.text.size == 0 || !ch_form_is_built((ch_form)sign.form)));
    FUZZ_CHECK(sign.form == CH_FORM_WIRE || (sign.url.size == 0 && sign.body.size == 0 && sign.headers.count == 0));
    FUZZ_CHECK(sign.headers.count <= CH_WIRE_HEADERS && ch_slice_is_text(sign.url) && ch_slice_is_text(sign.origin));
    FUZZ_CHECK(ch_slice_is_text(sign.method) && ch_slice_is_text(sign.host) && ch_slice_is_text(sign.path));
    check_values(sign.values);
}

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    json_object_seed(1); /* so that an input takes the same way each time */
    return 0;
}

static void read_ask(ch_slice body)
{
    ch_error err = CH_ERROR_INIT;
    ch_ask ask = {0};
    ch_status st = ch_ask_read(&ask, body, &err);
    fuzz_check_error(st, &err);
    if (st == CH_OK)
        check_frame(&ask);
    else
        check_refusal(&err);
    ch_ask_free(&ask);
}

/* What HTTP takes as a body always fits a frame. */
static void check_prices(const ch_report *report, size_t body_size)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_records quotes = report->prices.quotes;
    ch_quote_record quote;
    FUZZ_CHECK(quotes.count > 0 && ch_slice_is_text(report->prices.source));
    while (ch_quote_record_next(&quotes, &quote))
        FUZZ_CHECK(ch_slice_is_text(quote.pair) && ch_slice_is_text(quote.price) && quote.quoted_ms > 0);
    if (body_size <= BODY_MAX)
        FUZZ_CHECK(ch_put_prices_frame_put(&packet, 7, &report->prices, &err) == CH_OK);
}

static void read_reports(ch_slice body)
{
    ch_error err = CH_ERROR_INIT;
    ch_report report = {0};
    ch_status st = ch_report_read_prices(&report, body, &err);
    fuzz_check_error(st, &err);
    if (st == CH_OK)
        check_prices(&report, body.size);
    else
        check_refusal(&err);
    fuzz_check_error(ch_report_read_outcome(&report, body, &err), &err);
    ch_report_free(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ch_slice body = {data, size};
    read_ask(body);
    read_reports(body);
    return 0;
}
