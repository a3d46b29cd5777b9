/* A quote of the frame is smaller than the shortest JSON that says the same, so a body that HTTP takes has no more of
 * them than a frame holds. */
#include "agent/front/report.h"

#include "agent/front/body.h"
#include "base/names.h"

void ch_report_clear(ch_report *report)
{
    json_decref(report->tree);
    report->tree = NULL;
    report->prices = (ch_put_prices_frame){0};
    ch_buffer_clear(&report->records);
}

void ch_report_free(ch_report *report)
{
    ch_report_clear(report);
    ch_buffer_free(&report->records);
}

/* ---- prices ---- */

static ch_status check_time(const json_t *value, ch_error *err)
{
    if (json_is_integer(value) && json_integer_value(value) > 0)
        return CH_OK;
    return ch_fail(err, CH_BAD_INPUT,
                   "\"time_ms\" must be when the source quoted the price, in whole milliseconds since 1970");
}

/* What is a number in an exchange's answer was a binary float in whatever parsed it. */
static ch_status check_price(const json_t *value, ch_error *err)
{
    if (json_is_number(value))
        return ch_fail(err, CH_BAD_INPUT, "\"price\" is a number; write it as a string");
    return ch_body_check_text(value, "price", true, err);
}

static ch_status add_price(ch_report *report, json_t *row, ch_error *err)
{
    json_t *pair = NULL;
    json_t *price = NULL;
    json_t *time_ms = NULL;
    const ch_body_field fields[] = {
        {"pair",    &pair   },
        {"price",   &price  },
        {"time_ms", &time_ms},
    };
    if (!json_is_object(row))
        return ch_fail(err, CH_BAD_INPUT, "it must be an object");
    CH_TRY(ch_body_fields(row, fields, sizeof fields / sizeof *fields, "\"pair\", \"price\" and \"time_ms\"", err));
    CH_TRY(ch_body_check_text(pair, "pair", true, err));
    CH_TRY(check_price(price, err));
    CH_TRY(check_time(time_ms, err));
    ch_quote_record quote = {
        .pair = ch_body_text(pair), .price = ch_body_text(price), .quoted_ms = (uint64_t)json_integer_value(time_ms)};
    ch_quote_record_put(&report->prices.quotes, &report->records, &quote);
    return CH_OK;
}

static ch_status add_prices(ch_report *report, json_t *rows, ch_error *err)
{
    if (!json_is_array(rows) || json_array_size(rows) == 0)
        return ch_fail(err, CH_BAD_INPUT, "\"prices\" must be a list of one price or more");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (add_price(report, json_array_get(rows, i), err) != CH_OK)
            return ch_error_wrap(err, "prices[%zu]", i);
    }
    return CH_OK;
}

ch_status ch_report_read_prices(ch_report *report, ch_slice body, ch_error *err)
{
    json_t *source = NULL;
    json_t *prices = NULL;
    const ch_body_field fields[] = {
        {"source", &source},
        {"prices", &prices},
    };
    ch_report_clear(report);
    CH_TRY(ch_body_read(body, &report->tree, err));
    CH_TRY(ch_body_fields(report->tree, fields, sizeof fields / sizeof *fields, "\"source\" and \"prices\"", err));
    CH_TRY(ch_body_check_text(source, "source", true, err));
    report->prices.source = ch_body_text(source);
    if (!ch_is_name(report->prices.source))
        return ch_fail(err, CH_BAD_INPUT, "\"source\" must be a name as in the policy's list of sources");
    return add_prices(report, prices, err);
}

/* ---- nothing, and outcomes ---- */

ch_status ch_report_read_nothing(ch_report *report, ch_slice body, ch_error *err)
{
    ch_report_clear(report);
    CH_TRY(ch_body_read(body, &report->tree, err));
    return ch_body_fields(report->tree, NULL, 0, "none", err);
}

ch_status ch_report_read_outcome(ch_report *report, ch_slice body, ch_error *err)
{
    json_t *outcome = NULL;
    const ch_body_field field = {"outcome", &outcome};
    ch_report_clear(report);
    CH_TRY(ch_body_read(body, &report->tree, err));
    CH_TRY(ch_body_fields(report->tree, &field, 1, "\"outcome\"", err));
    CH_TRY(ch_body_check_text(outcome, "outcome", true, err));
    report->is_closed = ch_slice_is(ch_body_text(outcome), "closed");
    if (report->is_closed || ch_slice_is(ch_body_text(outcome), "rejected"))
        return CH_OK;
    return ch_fail(
        err, CH_BAD_INPUT,
        "\"outcome\" must be \"rejected\", if the exchange never took the order, or \"closed\", if it is not "
        "open any more");
}
