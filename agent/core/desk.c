/* Levels are found by looking at all of them, which is slow if there are many; so it is not done often. A scope of
 * another caller, key or account is nobody's business but theirs. */
#include "agent/core/desk.h"

#include "base/clock.h"
#include "policy/decide.h"
#include "policy/levels.h"
#include "policy/period.h"
#include "policy/policy.h"
#include "policy/prices.h"
#include "policy/states.h"

#define LOOKS_A_SECOND 20
#define LOOKS_AT_ONCE 20
#define OWN_LOOKS_A_SECOND 1 /* that each user has besides */
#define OWN_LOOKS_AT_ONCE 2
#define PAGE_BYTES_MAX 49152 /* a level or price more fits the frame besides */
#define NS_A_MS 1000000

/* clang-format off */
static const char *const period_names[] = {
    [CH_PERIOD_NONE]    = "",
    [CH_PERIOD_SLIDING] = "",
    [CH_PERIOD_DAY]     = "calendar-day",
    [CH_PERIOD_WEEK]    = "calendar-week",
    [CH_PERIOD_MONTH]   = "calendar-month",
    [CH_PERIOD_EVER]    = "ever",
};
/* clang-format on */

static ch_status find_caller(const ch_desk *desk, ch_asker asker, uint64_t connection, const ch_peer **peer,
                             const ch_caller_set **callers, ch_error *err)
{
    *peer = ch_connections_peer(desk->connections, asker.intake, connection);
    if (*peer == NULL)
        return ch_fail(err, CH_INTERNAL, "the front sent a request of no connection");
    *callers = ch_callers_find(desk->callers, desk->policy, *peer);
    return CH_OK;
}

/* ---- limits ---- */

typedef struct view {
    const ch_desk *desk;
    const ch_key *key;
    const ch_caller_set *callers;
    uint64_t now_ns;
    ch_limits_are_frame frame;
    ch_buffer records;
    uint64_t seen[2048 / 64]; /* limits that have a level, by position */
    ch_buffer last;           /* limit, scope and budget of the last row: those of a level come one after the other */
} view;

static bool has_key(const ch_selector *selector, size_t index)
{
    return selector->is_any_key || selector->keys == NULL || (selector->keys[index / 64] >> (index % 64) & 1) != 0;
}

static bool has_caller(const ch_selector *selector, const ch_caller_set *callers)
{
    if (selector->is_any_caller)
        return true;
    for (size_t i = 0; i < CH_CALLER_WORDS; i++) {
        if ((selector->callers.bits[i] & callers->bits[i]) != 0)
            return true;
    }
    return false;
}

static bool applies(const view *in, const ch_entry_rule *entry)
{
    return has_caller(&entry->selector, in->callers) &&
           has_key(&entry->selector, ch_policy_key_index(in->desk->policy, in->key));
}

static const ch_entry_rule *find_limit(const view *in, ch_slice name, size_t *index)
{
    const ch_policy *policy = in->desk->policy;
    for (*index = 0; *index < policy->first[CH_VERB_LIMIT + 1] - policy->first[CH_VERB_LIMIT]; (*index)++) {
        const ch_entry_rule *entry = &policy->entries[policy->first[CH_VERB_LIMIT] + *index];
        if (ch_slice_is(name, entry->name))
            return entry;
    }
    return NULL;
}

static bool is_own_caller(const view *in, ch_slice name)
{
    for (size_t i = 0; i < in->desk->policy->caller_count; i++) {
        if (ch_caller_set_has(in->callers, i) && ch_slice_is(name, in->desk->policy->callers[i].name))
            return true;
    }
    return false;
}

/* Looks at a part of a scope, "name=value". */
static bool is_own_part(const view *in, ch_slice part)
{
    const ch_policy *policy = in->desk->policy;
    if (ch_slice_begins(part, CH_LITERAL("caller=")))
        return is_own_caller(in, ch_slice_after(part, 7));
    if (ch_slice_begins(part, CH_LITERAL("key=")))
        return ch_slice_is(ch_slice_after(part, 4), in->key->name);
    if (ch_slice_begins(part, CH_LITERAL("account=")))
        return ch_slice_is(ch_slice_after(part, 8), policy->accounts[in->key->account].name);
    return true;
}

static bool is_own(const view *in, ch_slice scope)
{
    while (scope.size > 0) {
        const uint8_t *end = ch_slice_find(scope, ';');
        size_t size = end == NULL ? scope.size : (size_t)(end - scope.data);
        if (!is_own_part(in, (ch_slice){scope.data, size}))
            return false;
        scope = ch_slice_after(scope, end == NULL ? size : size + 1);
    }
    return true;
}

static void print_period(const ch_period *period, ch_buffer *out)
{
    if (period->kind == CH_PERIOD_SLIDING)
        ch_window_print(period, out);
    else
        ch_buffer_add_text(out, period_names[period->kind]);
}

static void add_level(view *to, const ch_entry_rule *entry, ch_slice scope, bool is_closing, ch_decimal used)
{
    const ch_limit *limit = &entry->limit;
    char texts[3][CH_DECIMAL_TEXT_MAX];
    ch_autobuffer per = CH_BUFFER_INIT;
    ch_decimal most = is_closing ? limit->closing : limit->most;
    ch_decimal left = CH_DECIMAL_ZERO;
    ch_ignore(ch_decimal_subtract(most, used, &left)); /* else nothing is left */
    ch_decimal_text(most, texts[0]);
    ch_decimal_text(used, texts[1]);
    ch_decimal_text(left, texts[2]);
    print_period(&limit->per, &per);
    ch_limit_level_record record = {.limit = ch_slice_of(entry->name),
                                    .control = ch_slice_of(ch_control_name(limit->control)),
                                    .scope = scope,
                                    .most = ch_slice_of(texts[0]),
                                    .used = ch_slice_of(texts[1]),
                                    .left = ch_slice_of(texts[2]),
                                    .asset = ch_slice_of(limit->asset == NULL ? "" : limit->asset),
                                    .per = ch_buffer_slice(&per)};
    ch_limit_level_record_put(&to->frame.levels, &to->records, &record);
}

/* True if this row is of the level of the row before. */
static bool is_same_level(view *in, const ch_level_row *row)
{
    ch_autobuffer name = CH_BUFFER_INIT;
    ch_buffer_add_format(&name, "%.*s\t%.*s\t%d", CH_SLICE_ARGS(row->limit), CH_SLICE_ARGS(row->scope),
                         row->is_closing);
    bool is_same = ch_slice_equal(ch_buffer_slice(&name), ch_buffer_slice(&in->last));
    ch_buffer_clear(&in->last);
    ch_buffer_add_slice(&in->last, ch_buffer_slice(&name));
    return is_same;
}

static void take_row(void *context, const ch_level_row *row)
{
    size_t index;
    view *to = context;
    if (row->is_released || is_same_level(to, row) || to->records.size > PAGE_BYTES_MAX)
        return;
    const ch_entry_rule *entry = find_limit(to, row->limit, &index);
    if (entry == NULL || !applies(to, entry) || !is_own(to, row->scope))
        return;
    if (index / 64 < sizeof to->seen / sizeof *to->seen)
        to->seen[index / 64] |= 1ULL << (index % 64);
    const ch_charge charge = {.entry = entry, .scope = row->scope, .is_closing = row->is_closing};
    add_level(to, entry, row->scope, row->is_closing,
              ch_levels_used(ch_ledger_levels(to->desk->ledger), &charge, to->now_ns));
}

/* Those of which nothing is used. */
static void add_unused(view *to)
{
    const ch_policy *policy = to->desk->policy;
    size_t count = policy->first[CH_VERB_LIMIT + 1] - policy->first[CH_VERB_LIMIT];
    for (size_t i = 0; i < count && to->records.size <= PAGE_BYTES_MAX; i++) {
        const ch_entry_rule *entry = &policy->entries[policy->first[CH_VERB_LIMIT] + i];
        bool is_seen = i / 64 < sizeof to->seen / sizeof *to->seen && (to->seen[i / 64] >> (i % 64) & 1) != 0;
        if (!is_seen && applies(to, entry))
            add_level(to, entry, CH_LITERAL(""), false, CH_DECIMAL_ZERO);
    }
}

/* Returns the user's pace. A user without one takes over an unused one, or else the one that has rested longest. */
static ch_pace *pace_of(ch_desk *desk, uid_t uid)
{
    size_t found = 0;
    for (size_t i = 0; i < CH_LOOKERS_MAX; i++) {
        if (desk->lookers[i].pace.a_second != 0 && desk->lookers[i].uid == uid)
            return &desk->lookers[i].pace;
        if (desk->lookers[i].pace.at_ns < desk->lookers[found].pace.at_ns)
            found = i;
    }
    desk->lookers[found].uid = uid;
    desk->lookers[found].pace = (ch_pace){.a_second = OWN_LOOKS_A_SECOND, .burst = OWN_LOOKS_AT_ONCE};
    return &desk->lookers[found].pace;
}

static ch_status look(ch_desk *desk, uid_t uid, ch_error *err)
{
    uint64_t now_ns = ch_clock_ns();
    ch_pace *own = pace_of(desk, uid);
    desk->looks.a_second = LOOKS_A_SECOND;
    desk->looks.burst = LOOKS_AT_ONCE;
    ch_pace *from = ch_pace_afford_ns(own, now_ns, 1) == 0 ? own : &desk->looks;
    if (ch_pace_afford_ns(from, now_ns, 1) > 0)
        return ch_fail(err, CH_BUSY, "limits are looked at too often; try again in a second");
    ch_pace_spend(from, now_ns, 1);
    return CH_OK;
}

static ch_status tell_limits(ch_desk *desk, view *to, ch_asker asker, const ch_get_limits_frame *get, ch_error *err)
{
    ch_state_row why = {0};
    const ch_peer *peer = NULL;
    CH_TRY(find_caller(desk, asker, get->connection, &peer, &to->callers, err));
    to->key = ch_policy_find_key(desk->policy, get->key);
    if (to->key == NULL || !ch_policy_may_see(desk->policy, to->key, to->callers))
        return ch_policy_refuse_key(get->key, err);
    to->now_ns = ch_clockwatch_time_ns(desk->clock);
    CH_TRY(look(desk, peer->uid, err));
    ch_levels_each(ch_ledger_levels(desk->ledger), to->now_ns, take_row, to);
    add_unused(to);
    ch_trading state =
        ch_states_find(ch_ledger_states(desk->ledger), desk->policy, to->callers, to->key, to->now_ns, &why);
    to->frame.state = ch_slice_of(ch_trading_name(state));
    to->frame.state_why = state == CH_TRADING_ACTIVE ? CH_LITERAL("") : why.why;
    ch_buffer *out = ch_asker_out(asker);
    return out == NULL ? CH_OK : ch_limits_are_frame_put(out, asker.request, &to->frame, err);
}

void ch_desk_tell_limits(ch_desk *desk, ch_asker asker, const ch_get_limits_frame *get)
{
    ch_error err = CH_ERROR_INIT;
    view to = {.desk = desk, .records = CH_BUFFER_INIT, .last = CH_BUFFER_INIT};
    if (tell_limits(desk, &to, asker, get, &err) != CH_OK)
        ch_asker_failed(asker, "", &err);
    ch_buffer_free(&to.records);
    ch_buffer_free(&to.last);
}

/* ---- releases ---- */

typedef struct returned {
    ch_released_frame frame;
    ch_buffer records;
} returned;

static void take_line(void *context, ch_slice line)
{
    returned *to = context;
    ch_text_record text = {.bytes = line};
    ch_text_record_put(&to->frame.returned, &to->records, &text);
}

static ch_status release(ch_desk *desk, returned *to, ch_asker asker, const ch_release_frame *asked, ch_error *err)
{
    uint64_t now_ns = ch_clockwatch_time_ns(desk->clock);
    const ch_peer *peer = NULL;
    const ch_caller_set *callers = NULL;
    const ch_released tell = {.context = to, .take = take_line};
    CH_TRY(find_caller(desk, asker, asked->connection, &peer, &callers, err));
    CH_TRY(
        ch_ledger_release(desk->ledger, asked->reservation, peer->uid, callers, asked->is_closed, now_ns, &tell, err));
    ch_buffer *out = ch_asker_out(asker);
    return out == NULL ? CH_OK : ch_released_frame_put(out, asker.request, &to->frame, err);
}

void ch_desk_release(ch_desk *desk, ch_asker asker, const ch_release_frame *asked)
{
    ch_error err = CH_ERROR_INIT;
    returned to = {.records = CH_BUFFER_INIT};
    if (release(desk, &to, asker, asked, &err) != CH_OK)
        ch_asker_failed(asker, "", &err);
    ch_buffer_free(&to.records);
}

/* ---- prices ---- */

typedef struct report {
    ch_prices_taken_frame frame;
    ch_buffer held;
} report;

static ch_status take_quote(ch_desk *desk, report *to, ch_slice source, const ch_quote_record *record, uint64_t now_ns,
                            ch_error *err)
{
    ch_quote_outcome outcome = CH_QUOTE_TAKEN;
    ch_quote quote = {.source = source, .pair = record->pair};
    if (!ch_decimal_read(record->price, &quote.price))
        return ch_fail(err, CH_BAD_INPUT, "the price of %.*s is no plain decimal",
                       ch_slice_is_text(record->pair) ? (int)record->pair.size : 0, (const char *)record->pair.data);
    if (record->quoted_ms > CH_WALL_NS_END / NS_A_MS)
        return ch_fail(err, CH_BAD_INPUT, "a price has a time that cannot be right");
    quote.quoted_ns = record->quoted_ms * NS_A_MS;
    CH_TRY(ch_ledger_put_price(desk->ledger, &quote, now_ns, &outcome, err));
    to->frame.taken += outcome == CH_QUOTE_TAKEN;
    to->frame.older += outcome == CH_QUOTE_OLDER;
    if (outcome != CH_QUOTE_HELD || to->held.size > PAGE_BYTES_MAX)
        return CH_OK;
    ch_text_record held = {.bytes = record->pair};
    ch_text_record_put(&to->frame.held, &to->held, &held);
    return CH_OK;
}

/* Quotes before one that is malformed count: each stands by itself. */
static ch_status take_prices(ch_desk *desk, report *to, ch_asker asker, const ch_put_prices_frame *put, ch_error *err)
{
    uint64_t now_ns = ch_clockwatch_time_ns(desk->clock);
    const ch_peer *peer = NULL;
    const ch_caller_set *callers = NULL;
    ch_records quotes = put->quotes;
    ch_autobuffer who = CH_BUFFER_INIT;
    CH_TRY(find_caller(desk, asker, put->connection, &peer, &callers, err));
    if (!ch_callers_have_role(desk->policy, callers, CH_CALLER_FEED)) {
        ch_policy_name_user(desk->policy, peer, &who);
        return ch_fail_rule(err, CH_REFUSED, "feed", "%s is no feed: only callers of that role may report prices",
                            ch_buffer_text(&who));
    }
    for (ch_quote_record quote; ch_quote_record_next(&quotes, &quote);)
        CH_TRY(take_quote(desk, to, put->source, &quote, now_ns, err));
    ch_buffer *out = ch_asker_out(asker);
    return out == NULL ? CH_OK : ch_prices_taken_frame_put(out, asker.request, &to->frame, err);
}

void ch_desk_take_prices(ch_desk *desk, ch_asker asker, const ch_put_prices_frame *put)
{
    ch_error err = CH_ERROR_INIT;
    report to = {.held = CH_BUFFER_INIT};
    if (take_prices(desk, &to, asker, put, &err) != CH_OK)
        ch_asker_failed(asker, "", &err);
    ch_buffer_free(&to.held);
}

/* A page's place is its last row's: the pair, a space, the source. */
static void split_place(ch_slice after, ch_price_row *out)
{
    const uint8_t *space = ch_slice_find(after, ' ');
    size_t size = space == NULL ? after.size : (size_t)(space - after.data);
    out->pair = (ch_slice){after.data, size};
    out->source = space == NULL ? CH_LITERAL("") : ch_slice_after(after, size + 1);
}

static ch_status put_page(const ch_desk *desk, ch_asker asker, const ch_list_prices_frame *list, ch_error *err)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_autobuffer place = CH_BUFFER_INIT;
    ch_prices_are_frame page = {0};
    ch_price_row row = {0};
    split_place(list->after, &row);
    while (ch_prices_next(ch_ledger_prices(desk->ledger), row.pair, row.source, &row)) {
        char price[CH_DECIMAL_TEXT_MAX];
        if (page.prices.count == list->limit || records.size > PAGE_BYTES_MAX) {
            page.next = ch_buffer_slice(&place);
            break;
        }
        ch_decimal_text(row.price, price);
        ch_listed_price_record record = {.source = row.source,
                                         .pair = row.pair,
                                         .price = ch_slice_of(price),
                                         .quoted_ms = row.quoted_ns / NS_A_MS,
                                         .is_held = row.is_held};
        ch_listed_price_record_put(&page.prices, &records, &record);
        ch_buffer_clear(&place);
        ch_buffer_add_format(&place, "%.*s %.*s", CH_SLICE_ARGS(row.pair), CH_SLICE_ARGS(row.source));
    }
    ch_buffer *out = ch_asker_out(asker);
    return out == NULL ? CH_OK : ch_prices_are_frame_put(out, asker.request, &page, err);
}

static ch_status list_prices(const ch_desk *desk, ch_asker asker, const ch_list_prices_frame *list, ch_error *err)
{
    const ch_peer *peer = NULL;
    const ch_caller_set *callers = NULL;
    CH_TRY(find_caller(desk, asker, list->connection, &peer, &callers, err));
    if (!ch_policy_knows(desk->policy, peer))
        return ch_fail_rule(err, CH_REFUSED, "caller", "policy does not name user %u", (unsigned)peer->uid);
    if (list->limit == 0)
        return ch_fail(err, CH_INTERNAL, "the front asked for a page without prices");
    return put_page(desk, asker, list, err);
}

void ch_desk_list_prices(ch_desk *desk, ch_asker asker, const ch_list_prices_frame *list)
{
    ch_error err = CH_ERROR_INIT;
    if (list_prices(desk, asker, list, &err) != CH_OK)
        ch_asker_failed(asker, "", &err);
}
