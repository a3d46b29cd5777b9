/* clang-format off */
/* A row's `charges`, and a snapshot, are lines of fields with tabs between them:
 *
 *   L limit shape scope closing released bucket amount   taken; in a RETURN given back, unless it counts releases
 *   R the same                                           not taken: its decision comes after the snapshot
 *   S of name state until why                            a trading state; of all, without a name
 *   P source pair price quoted held low high             a reference price
 *   I hash                                               an order's id was used
 *   K hashes                                             the same of many: four bytes each, the lowest first
 *   F generation since bits counts                       ids of orders that were forgotten (agent/core/forgotten.h)
 *   O hash                                               an order's id was used, of an earlier version, whose snapshots
 *                                                        have no more than the remainder of the hash
 *
 * Those of approvals stand in agent/core/approval_rows.c, and W, the times of relays' requests, in own_times.c.
 *
 * Texts are percent-encoded, and hashes, bits and counts are base64. A line that cannot be read is a damaged state: nothing is guessed. */
/* clang-format on */
#include "agent/core/ledger_impl.h"

#include "agent/core/approval_rows.h"
#include "agent/core/ledger_lines.h"
#include "base/clock.h"
#include "base/encode.h"
#include "policy/levels.h"
#include "policy/policy.h"
#include "policy/prices.h"
#include "policy/states.h"
#include "state/journal.h"

#include <inttypes.h>

/* ---- writing ---- */

void ch_ledger_add_level(ch_buffer *lines, char kind, const ch_level_row *row)
{
    ch_buffer_add_byte(lines, (uint8_t)kind);
    ch_line_add_text(lines, row->limit);
    ch_line_add_text(lines, row->shape);
    ch_line_add_text(lines, row->scope);
    ch_buffer_add_text(lines, row->is_closing ? "\t1" : "\t0");
    ch_buffer_add_text(lines, row->is_released ? "\t1" : "\t0");
    ch_line_add_decimal(lines, ch_decimal_of(row->bucket));
    ch_line_add_decimal(lines, row->amount);
    ch_buffer_add_byte(lines, '\n');
}

void ch_ledger_add_state(ch_buffer *lines, const ch_state_row *row)
{
    ch_buffer_add_format(lines, "S\t%d", (int)row->of);
    ch_line_add_text(lines, row->name);
    ch_buffer_add_format(lines, "\t%d\t%" PRIu64, (int)row->state, row->until_ns);
    ch_line_add_text(lines, row->why);
    ch_buffer_add_byte(lines, '\n');
}

void ch_ledger_add_price(ch_buffer *lines, const ch_price_row *row)
{
    ch_buffer_add_byte(lines, 'P');
    ch_line_add_text(lines, row->source);
    ch_line_add_text(lines, row->pair);
    ch_line_add_decimal(lines, row->price);
    ch_buffer_add_format(lines, "\t%" PRIu64 "\t%d", row->quoted_ns, row->is_held);
    ch_line_add_decimal(lines, row->low);
    ch_line_add_decimal(lines, row->high);
    ch_buffer_add_byte(lines, '\n');
}

void ch_ledger_add_order(ch_buffer *lines, uint32_t hash)
{
    ch_buffer_add_format(lines, "I\t%" PRIu32 "\n", hash);
}

uint64_t ch_ledger_add_row(ch_ledger *ledger, ch_journal_kind kind, uint64_t of, ch_slice record, uint64_t now_ns)
{
    const ch_journal_row row = {
        .kind = kind, .of = of, .time_ns = now_ns, .charges = ch_buffer_slice(&ledger->lines), .record = record};
    ledger->last_row = ch_journal_add(ledger->journal, &row);
    ch_buffer_clear(&ledger->lines);
    return ledger->last_row;
}

/* ---- the snapshot ---- */

static void take_level(void *context, const ch_level_row *row)
{
    ch_ledger_add_level(context, CH_LINE_TAKEN, row);
}

static void take_order(void *context, uint32_t hash)
{
    uint8_t *to = ch_buffer_reserve(context, 4);
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(hash >> 8 * i);
    ch_buffer_commit(context, 4);
}

static void add_orders(const ch_orders *orders, ch_buffer *lines)
{
    ch_autobuffer hashes = CH_BUFFER_INIT;
    ch_orders_each(orders, take_order, &hashes);
    if (hashes.size == 0)
        return;
    ch_buffer_add_text(lines, "K\t");
    ch_encode(lines, CH_ENCODE_BASE64, ch_buffer_slice(&hashes));
    ch_buffer_add_byte(lines, '\n');
}

static void add_forgotten(ch_forgotten *set, ch_buffer *lines)
{
    ch_forgotten_row row;
    for (size_t i = 0; i < CH_FORGOTTEN_GENERATIONS; i++) {
        if (!ch_forgotten_row_of(set, i, &row))
            continue;
        ch_buffer_add_format(lines, "F\t%zu\t%" PRIu64 "\t", i, row.since_ns);
        ch_encode(lines, CH_ENCODE_BASE64, row.bits);
        ch_buffer_add_byte(lines, '\t');
        ch_encode(lines, CH_ENCODE_BASE64, row.counts);
        ch_buffer_add_byte(lines, '\n');
    }
}

static void add_pending(const ch_ledger *ledger, ch_buffer *lines)
{
    for (const ch_reservation *at = ledger->pending; at != NULL; at = at->next) {
        for (size_t i = 0; i < at->count; i++) {
            const ch_level_row row = ch_levels_row(ledger->levels, &at->taken[i]);
            ch_ledger_add_level(lines, CH_LINE_NOT_TAKEN, &row);
        }
    }
}

/* They count until their rows say otherwise. */
static void add_returning(const ch_ledger *ledger, ch_buffer *lines)
{
    for (const ch_reservation *at = ledger->returning; at != NULL; at = at->next)
        ch_buffer_add_slice(lines, ch_buffer_slice(&at->lines));
}

static void add_states(const ch_states *states, ch_buffer *lines)
{
    ch_state_row row;
    for (size_t i = 0; ch_states_at(states, i, &row); i++)
        ch_ledger_add_state(lines, &row);
}

static void add_prices(const ch_prices *prices, ch_buffer *lines)
{
    ch_price_row row = {.pair = CH_LITERAL(""), .source = CH_LITERAL("")};
    while (ch_prices_next(prices, row.pair, row.source, &row))
        ch_ledger_add_price(lines, &row);
}

void ch_ledger_add_all(const ch_ledger *ledger, uint64_t now_ns, ch_buffer *lines)
{
    ch_levels_each(ledger->levels, now_ns, take_level, lines);
    add_pending(ledger, lines);
    add_returning(ledger, lines);
    add_states(ledger->states, lines);
    add_prices(ledger->prices, lines);
    add_orders(ledger->orders, lines);
    add_forgotten(ch_orders_forgotten(ledger->orders), lines);
    ch_approval_rows_add_all(ledger->approvals, now_ns, lines);
    ch_own_times_add_all(ledger->own_times, now_ns, lines);
}

/* ---- reading ---- */

typedef struct reading {
    ch_ledger *ledger;
    uint64_t now_ns;
    bool is_return;  /* the row is */
    uint64_t row_ns; /* when it was; 0: it is a line of the snapshot */
    ch_line in;      /* the line */
    size_t bad;      /* lines that cannot be read */
} reading;

static bool read_level(reading *to, ch_line *in)
{
    ch_level_row row = {0};
    uint64_t is_closing;
    uint64_t is_released;
    bool is_taken = in->items[0].data[0] == CH_LINE_TAKEN;
    if (in->count != 8 || !ch_line_name(in, 1, &row.limit) || !ch_line_name(in, 2, &row.shape) ||
        !ch_line_text(in, 3, &row.scope) || !ch_line_number(in, 4, 1, &is_closing) ||
        !ch_line_number(in, 5, 1, &is_released) || !ch_line_number(in, 6, UINT64_MAX, &row.bucket) ||
        !ch_line_decimal(in, 7, &row.amount))
        return false;
    row.is_closing = is_closing == 1;
    row.is_released = is_released == 1;
    row.at_ns = to->row_ns;
    if (is_taken && (!to->is_return || row.is_released))
        ch_levels_restore(to->ledger->levels, &row);
    else
        ch_levels_restore_return(to->ledger->levels, &row);
    return true;
}

static bool read_state(reading *to, ch_line *in)
{
    ch_state_row row = {0};
    uint64_t of;
    uint64_t state;
    if (in->count != 6 || !ch_line_number(in, 1, CH_STATE_OF_VERSION, &of) || !ch_line_name(in, 2, &row.name) ||
        !ch_line_number(in, 3, CH_TRADING_HALTED, &state) || !ch_line_number(in, 4, UINT64_MAX, &row.until_ns) ||
        !ch_line_name(in, 5, &row.why) || (of == CH_STATE_OF_ALL && row.name.size > 0))
        return false;
    row.of = (ch_state_of)of;
    row.state = (ch_trading)state;
    ch_states_set(to->ledger->states, &row);
    return true;
}

static bool read_price(reading *to, ch_line *in)
{
    ch_price_row row = {0};
    uint64_t is_held;
    if (in->count != 8 || !ch_line_name(in, 1, &row.source) || !ch_line_name(in, 2, &row.pair) ||
        !ch_line_decimal(in, 3, &row.price) || !ch_line_number(in, 4, UINT64_MAX, &row.quoted_ns) ||
        !ch_line_number(in, 5, 1, &is_held) || !ch_line_decimal(in, 6, &row.low) || !ch_line_decimal(in, 7, &row.high))
        return false;
    row.is_held = is_held == 1;
    ch_prices_restore(to->ledger->prices, &row, to->now_ns);
    return true;
}

static bool read_order(reading *to, ch_line *in)
{
    uint64_t hash;
    ch_forgotten *set = ch_orders_forgotten(to->ledger->orders);
    if (in->count != 2 || !ch_line_number(in, 1, UINT32_MAX, &hash))
        return false;
    if (in->items[0].data[0] == 'O')
        ch_forgotten_restore_short(set, (uint32_t)hash);
    else
        ch_forgotten_restore(set, (uint32_t)hash);
    return true;
}

static bool read_orders(reading *to, ch_line *in)
{
    ch_slice hashes;
    if (in->count != 2 || !ch_line_bytes(in, 1, &hashes) || hashes.size % 4 != 0)
        return false;
    for (size_t at = 0; at < hashes.size; at += 4) {
        uint32_t hash = 0;
        for (unsigned i = 0; i < 4; i++)
            hash |= (uint32_t)hashes.data[at + i] << 8 * i;
        ch_forgotten_restore(ch_orders_forgotten(to->ledger->orders), hash);
    }
    return true;
}

static bool read_forgotten(reading *to, ch_line *in)
{
    uint64_t generation;
    ch_forgotten_row row = {0};
    return in->count == 5 && ch_line_number(in, 1, CH_FORGOTTEN_GENERATIONS - 1, &generation) &&
           ch_line_number(in, 2, UINT64_MAX, &row.since_ns) && ch_line_bytes(in, 3, &row.bits) &&
           ch_line_bytes(in, 4, &row.counts) &&
           ch_forgotten_restore_row(ch_orders_forgotten(to->ledger->orders), (size_t)generation, &row);
}

static bool read_line(reading *to, ch_slice line)
{
    ch_line *in = &to->in;
    ch_line_split(line, in);
    if (in->items[0].size != 1)
        return false;
    switch (in->items[0].data[0]) {
    case CH_LINE_TAKEN:
    case CH_LINE_NOT_TAKEN:
        return read_level(to, in);
    case 'S':
        return read_state(to, in);
    case 'P':
        return read_price(to, in);
    case 'I':
    case 'O':
        return read_order(to, in);
    case 'K':
        return read_orders(to, in);
    case 'F':
        return read_forgotten(to, in);
    case 'W':
        return ch_own_times_read(to->ledger->own_times, in);
    default:
        return ch_approval_row_read(to->ledger->approvals, in, to->is_return);
    }
}

static void read_lines(reading *to, ch_slice lines)
{
    while (lines.size > 0) {
        const uint8_t *end = ch_slice_find(lines, '\n');
        size_t size = end == NULL ? lines.size : (size_t)(end - lines.data);
        to->bad += !read_line(to, (ch_slice){lines.data, size});
        lines = ch_slice_after(lines, end == NULL ? size : size + 1);
    }
}

static void take_line(void *context, ch_slice line)
{
    reading *to = context;
    to->is_return = false;
    to->row_ns = 0;
    to->bad += !read_line(to, line);
}

static void take_row(void *context, const ch_journal_row *row)
{
    reading *to = context;
    to->is_return = row->kind == CH_JOURNAL_RETURN;
    to->row_ns = row->time_ns;
    if (row->kind == CH_JOURNAL_DECISION)
        ch_own_times_restore_decision(to->ledger->own_times, row->time_ns);
    read_lines(to, row->charges);
}

ch_status ch_ledger_read(ch_ledger *ledger, ch_error *err)
{
    ch_moment now;
    reading to = {.ledger = ledger, .now_ns = ch_moment_now(&now) ? now.wall_ns : 0};
    const ch_journal_reader reader = {.context = &to, .take_level = take_line, .take_row = take_row};
    ch_status st = ch_journal_read(ledger->journal, &reader, err);
    ch_line_free(&to.in);
    if (st == CH_OK && to.bad > 0)
        return ch_fail(
            err, CH_IO,
            "the journal of decisions in the state folder has %zu lines that cannot be read, so nobody knows "
            "what was signed; restore the folder from a backup, or move it away and begin with none",
            to.bad);
    return st;
}
