/* What a caller reports: a feed its prices, a bot what became of an order. Reading is as
 * strict as agent/front/body.h; what the texts mean is core's to judge. Not thread-safe. */
#ifndef CH_AGENT_FRONT_REPORT_H
#define CH_AGENT_FRONT_REPORT_H

#include "wire/frames.h"

#include <jansson.h>

/* One report at a time; kept from one to the next for its buffer. Zero it first; free it with ch_report_free. */
typedef struct ch_report {
    ch_put_prices_frame prices; /* views into the rest, until the next read; `connection` is the caller's to set */
    bool is_closed;             /* what ch_report_read_outcome has read */
    json_t *tree;
    ch_buffer records;
} ch_report;

/* Reads {"source", "prices": [{"pair", "price", "time_ms"}]}, at least one price and as many as the body holds. A price
 * is text, as an order's is. CH_BAD_INPUT says what to change. */
CH_CHECKED ch_status ch_report_read_prices(ch_report *report, ch_slice body, ch_error *err);

/* Reads {"outcome": "rejected"} or {"outcome": "closed"}: the exchange never took the order, or it is not open any
 * more. */
CH_CHECKED ch_status ch_report_read_outcome(ch_report *report, ch_slice body, ch_error *err);

/* Reads the empty object {}. */
CH_CHECKED ch_status ch_report_read_nothing(ch_report *report, ch_slice body, ch_error *err);

/* Forgets the report, and keeps the buffer. */
void ch_report_clear(ch_report *report);
void ch_report_free(ch_report *report);

#endif
