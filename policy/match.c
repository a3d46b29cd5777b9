/* A new selector is a row in `selectors`, with a function that says how an item meets it. */
#include "policy/match.h"

#include "base/bits.h"
#include "exchange/symbols.h"
#include "policy/amend.h"

#include <string.h>

#define KIND(name) (1U << CH_ITEM_##name)

/* ---- texts ---- */

static uint8_t upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - ('a' - 'A')) : c;
}

bool ch_text_is(ch_slice text, const char *other)
{
    for (size_t i = 0; i < text.size; i++) {
        if (upper(text.data[i]) != upper((uint8_t)other[i]) || other[i] == '\0')
            return false;
    }
    return other[text.size] == '\0';
}

/* A text too long for any list of symbols or assets counts as not known. */
static ch_slice in_upper_case(ch_subject *subject, ch_fact_name name)
{
    const ch_fact *fact = ch_subject_fact(subject, name);
    ch_slice text = fact->text;
    if (fact->state != CH_FACT_STATED || text.size > CH_UPPER_MAX - subject->upper_size)
        return (ch_slice){NULL, 0};
    uint8_t *to = subject->upper + subject->upper_size;
    for (size_t i = 0; i < text.size; i++)
        to[i] = upper(text.data[i]);
    subject->upper_size += text.size;
    return (ch_slice){to, text.size};
}

static unsigned word_bit(const ch_subject *subject, ch_fact_name name)
{
    const ch_fact *fact = ch_subject_fact(subject, name);
    return fact->state == CH_FACT_STATED ? ch_fact_word_bit(name, fact->text) : 0;
}

/* ---- the subject ---- */

static void read_pair(ch_subject *out, const ch_profile *profile)
{
    const unsigned other_markets = CH_MARKET_LINEAR | CH_MARKET_INVERSE | CH_MARKET_OPTION;
    out->pair = (ch_slice){out->pair_text, 0};
    if (out->symbol.size > 0)
        out->pair.size = ch_symbol_pair(profile, ch_subject_fact(out, CH_FACT_SYMBOL)->text, out->pair_text);
    out->may_be_any_pair = out->symbol.size > 0 && out->pair.size == 0 && (out->market & other_markets) == 0 &&
                           ch_symbols_have_spellings(profile);
}

void ch_subject_read(ch_subject *out, const ch_question *question, const ch_reading_at *reading, const ch_item *item)
{
    out->policy = question->policy;
    out->profile = question->key->profile;
    out->reading = reading;
    out->now_ns = question->now_ns;
    out->is_class_alone = reading != question->readings && reading->is_unread &&
                          (reading->class_ == CH_CLASS_READ || reading->class_ == CH_CLASS_CANCEL);
    out->item = item;
    if (item->is_amendment) {
        ch_amend_complete(item, ch_record_of(question, item), &out->completed);
        out->item = &out->completed;
    }
    out->has = ch_item_kind_facts(item->kind);
    out->upper_size = 0;
    out->market = word_bit(out, CH_FACT_MARKET);
    out->side = word_bit(out, CH_FACT_SIDE);
    out->type = word_bit(out, CH_FACT_TYPE);
    out->time_in_force = word_bit(out, CH_FACT_TIME_IN_FORCE);
    out->symbol = in_upper_case(out, CH_FACT_SYMBOL);
    out->base = in_upper_case(out, CH_FACT_BASE);
    out->quote = in_upper_case(out, CH_FACT_QUOTE);
    out->asset = in_upper_case(out, CH_FACT_ASSET);
    out->usual_asset = ch_symbol_asset(question->key->profile, out->asset);
    read_pair(out, question->key->profile);
}

static bool is_yes(const ch_subject *subject, ch_fact_name name)
{
    return ch_slice_is(ch_subject_fact(subject, name)->text, "yes");
}

bool ch_subject_is_reducing(const ch_subject *subject)
{
    const unsigned with_positions = CH_MARKET_LINEAR | CH_MARKET_INVERSE | CH_MARKET_OPTION;
    return subject->item->kind == CH_ITEM_ORDER && (subject->market & with_positions) != 0 &&
           (is_yes(subject, CH_FACT_REDUCE_ONLY) || is_yes(subject, CH_FACT_CLOSE_POSITION));
}

/* ---- one selector each: CH_MATCH_YES too if it is not given ---- */

static ch_match by_bits(const ch_subject *subject, unsigned wanted, ch_fact_name name, unsigned bit)
{
    if (wanted == 0)
        return CH_MATCH_YES;
    if ((subject->has & CH_FACT_BIT(name)) == 0)
        return CH_MATCH_NOT_APPLICABLE;
    if (bit == 0)
        return CH_MATCH_UNKNOWN;
    return (wanted & bit) != 0 ? CH_MATCH_YES : CH_MATCH_NO;
}

static bool has_class(const ch_selector *selector, unsigned classes)
{
    return selector->classes == 0 || (selector->classes & classes) != 0;
}

static bool has_endpoint(const ch_selector *selector, const ch_endpoint *endpoint)
{
    size_t from = 0;
    size_t to = selector->endpoint_count;
    while (from < to) {
        size_t middle = (from + to) / 2;
        if ((uintptr_t)selector->endpoints[middle] < (uintptr_t)endpoint)
            from = middle + 1;
        else
            to = middle;
    }
    return !selector->has_endpoints || (from < selector->endpoint_count && selector->endpoints[from] == endpoint);
}

static ch_match by_classes(const ch_selector *selector, const ch_subject *subject)
{
    return has_class(selector, 1U << subject->reading->class_) ? CH_MATCH_YES : CH_MATCH_NO;
}

static ch_match by_endpoints(const ch_selector *selector, const ch_subject *subject)
{
    return has_endpoint(selector, subject->reading->endpoint) ? CH_MATCH_YES : CH_MATCH_NO;
}

static ch_match by_items(const ch_selector *selector, const ch_subject *subject)
{
    bool is_in = selector->items == 0 || (selector->items & 1U << subject->item->kind) != 0;
    return is_in ? CH_MATCH_YES : CH_MATCH_NO;
}

static ch_match by_markets(const ch_selector *selector, const ch_subject *subject)
{
    return selector->is_any_market ? CH_MATCH_YES
                                   : by_bits(subject, selector->markets, CH_FACT_MARKET, subject->market);
}

/* "XBTU*" narrows XBT/USD and BTC/USD too. An allow has no patterns any more: loading has replaced them by symbols. */
static bool fits_spelled_otherwise(const ch_selector *selector, const ch_subject *subject)
{
    for (size_t i = 0; selector->has_pattern && subject->pair.size > 0 && i < selector->symbols.count; i++) {
        const char *pattern = selector->symbols.items[i];
        if (strchr(pattern, '*') != NULL && ch_symbol_pair_fits(subject->profile, subject->pair, pattern))
            return true;
    }
    return false;
}

static ch_match by_symbols(const ch_selector *selector, const ch_subject *subject)
{
    const ch_text_list *list = &selector->symbols;
    ch_match at_first = by_bits(subject, list->count > 0, CH_FACT_SYMBOL, subject->symbol.size > 0);
    for (size_t i = 0; i < list->count && at_first == CH_MATCH_YES; i++) {
        if (ch_pattern_fits(list->items[i], subject->symbol))
            return CH_MATCH_YES;
    }
    for (size_t i = 0; i < selector->pairs.count && at_first == CH_MATCH_YES && subject->pair.size > 0; i++) {
        if (ch_pattern_fits(selector->pairs.items[i], subject->pair))
            return CH_MATCH_YES;
    }
    if (at_first == CH_MATCH_YES && fits_spelled_otherwise(selector, subject))
        return CH_MATCH_YES;
    if (at_first == CH_MATCH_YES && list->count > 0)
        return subject->may_be_any_pair ? CH_MATCH_UNKNOWN : CH_MATCH_NO;
    return at_first;
}

static ch_match by_sides(const ch_selector *selector, const ch_subject *subject)
{
    return by_bits(subject, selector->sides, CH_FACT_SIDE, subject->side);
}

static ch_match by_types(const ch_selector *selector, const ch_subject *subject)
{
    return by_bits(subject, selector->types, CH_FACT_TYPE, subject->type);
}

static ch_match by_times(const ch_selector *selector, const ch_subject *subject)
{
    return by_bits(subject, selector->times, CH_FACT_TIME_IN_FORCE, subject->time_in_force);
}

bool ch_setting_is(ch_slice name, const char *wanted)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t one = name.data[i] == '_' ? '-' : upper(name.data[i]);
        uint8_t other = wanted[i] == '_' ? '-' : upper((uint8_t)wanted[i]);
        if (one != other || other == '\0')
            return false;
    }
    return wanted[name.size] == '\0';
}

static ch_match by_settings(const ch_selector *selector, const ch_subject *subject)
{
    const ch_text_list *list = &selector->settings;
    const ch_fact *name = ch_subject_fact(subject, CH_FACT_NAME);
    ch_match at_first = by_bits(subject, list->count > 0, CH_FACT_NAME, name->state == CH_FACT_STATED);
    for (size_t i = 0; i < list->count && at_first == CH_MATCH_YES; i++) {
        if (ch_setting_is(name->text, list->items[i]))
            return CH_MATCH_YES;
    }
    return at_first == CH_MATCH_YES && list->count > 0 ? CH_MATCH_NO : at_first;
}

static ch_match by_assets(const ch_selector *selector, const ch_subject *subject)
{
    const ch_text_list *list = &selector->assets;
    ch_match at_first = by_bits(subject, list->count > 0, CH_FACT_ASSET, subject->asset.size > 0);
    for (size_t i = 0; i < list->count && at_first == CH_MATCH_YES; i++) {
        if (ch_text_is(subject->asset, list->items[i]))
            return CH_MATCH_YES;
    }
    for (size_t i = 0; i < selector->usual_assets.count && at_first == CH_MATCH_YES; i++) {
        if (ch_slice_is(subject->usual_asset, selector->usual_assets.items[i]))
            return CH_MATCH_YES;
    }
    return at_first == CH_MATCH_YES && list->count > 0 ? CH_MATCH_NO : at_first;
}

/* ---- addresses ---- */

/* Names of assets may be in any case. Elsewhere a text that differs only in case might be taken for the same by the
 * exchange, so it is not known to be another. NULL: there must be none. */
static ch_match by_text(const ch_subject *subject, ch_fact_name name, const char *wanted)
{
    const ch_fact *fact = ch_subject_fact(subject, name);
    if (fact->state == CH_FACT_UNKNOWN)
        return CH_MATCH_UNKNOWN;
    if (fact->state == CH_FACT_NONE || wanted == NULL)
        return fact->state == CH_FACT_NONE && wanted == NULL ? CH_MATCH_YES : CH_MATCH_NO;
    if (ch_slice_is(fact->text, wanted))
        return CH_MATCH_YES;
    if (!ch_text_is(fact->text, wanted))
        return CH_MATCH_NO;
    return name == CH_FACT_ASSET ? CH_MATCH_YES : CH_MATCH_UNKNOWN;
}

static ch_match worse(ch_match one, ch_match other)
{
    return one < other ? one : other;
}

static ch_match by_address(const ch_address *address, const ch_subject *subject)
{
    bool is_of_transfers = address->from != NULL || address->to != NULL;
    bool is_transfer = subject->item->kind == CH_ITEM_TRANSFER;
    if (is_of_transfers != is_transfer)
        return CH_MATCH_NO;
    ch_match asset =
        is_transfer && address->asset == NULL ? CH_MATCH_YES : by_text(subject, CH_FACT_ASSET, address->asset);
    if (is_transfer)
        return worse(asset,
                     worse(by_text(subject, CH_FACT_FROM, address->from), by_text(subject, CH_FACT_TO, address->to)));
    return worse(
        worse(asset, by_text(subject, CH_FACT_NETWORK, address->network)),
        worse(by_text(subject, CH_FACT_ADDRESS, address->address), by_text(subject, CH_FACT_TAG, address->tag)));
}

static bool has_addresses(const ch_subject *subject)
{
    return (KIND(TRANSFER) | KIND(WITHDRAWAL)) >> subject->item->kind & 1;
}

static ch_match by_to(const ch_selector *selector, const ch_subject *subject)
{
    if (selector->is_any_address || selector->to == NULL)
        return CH_MATCH_YES;
    if (!has_addresses(subject))
        return CH_MATCH_NOT_APPLICABLE;
    ch_match best = CH_MATCH_NO;
    for (size_t i = 0; i < subject->policy->address_count && best != CH_MATCH_YES; i++) {
        ch_match one = CH_MATCH_NO;
        if (ch_set_has(selector->to, i))
            one = by_address(&subject->policy->addresses[i], subject);
        best = one > best ? one : best;
    }
    return best;
}

const ch_address *ch_subject_address(const ch_subject *subject)
{
    for (size_t i = 0; has_addresses(subject) && i < subject->policy->address_count; i++) {
        if (by_address(&subject->policy->addresses[i], subject) == CH_MATCH_YES)
            return &subject->policy->addresses[i];
    }
    return NULL;
}

/* ---- times ---- */

bool ch_entry_holds_now(const ch_entry_rule *entry, uint64_t now_ns)
{
    const ch_selector *selector = &entry->selector;
    bool is_over = selector->expires_ns != 0 && now_ns >= selector->expires_ns;
    return !is_over && (selector->hours.count == 0 || ch_hours_hold(&selector->hours, now_ns));
}

static ch_match by_hours(const ch_selector *selector, const ch_subject *subject)
{
    bool is_now = selector->hours.count == 0 || ch_hours_hold(&selector->hours, subject->now_ns);
    return is_now ? CH_MATCH_YES : CH_MATCH_NO;
}

static ch_match by_expiry(const ch_selector *selector, const ch_subject *subject)
{
    return selector->expires_ns == 0 || subject->now_ns < selector->expires_ns ? CH_MATCH_YES : CH_MATCH_NO;
}

/* ---- all of them ---- */

/* clang-format off */
static const struct {
    const char *name;
    ch_match (*match)(const ch_selector *selector, const ch_subject *subject);
    ch_fact_name fact;
    unsigned spares; /* kinds of items that an allow's selector need not apply to: see is_spared */
} selectors[] = {
    /* name              match         fact                   an allow spares */
    { "classes",         by_classes,   CH_FACT_COUNT,         0 },
    { "endpoints",       by_endpoints, CH_FACT_COUNT,         0 },
    { "items",           by_items,     CH_FACT_COUNT,         0 },
    { "markets",         by_markets,   CH_FACT_MARKET,        KIND(BORROW) },
    { "symbols",         by_symbols,   CH_FACT_SYMBOL,        KIND(BORROW) },
    { "sides",           by_sides,     CH_FACT_SIDE,          KIND(BORROW) | KIND(CANCEL) },
    { "types",           by_types,     CH_FACT_TYPE,          KIND(BORROW) | KIND(CANCEL) },
    { "time_in_force",   by_times,     CH_FACT_TIME_IN_FORCE, KIND(BORROW) | KIND(CANCEL) },
    { "settings",        by_settings,  CH_FACT_NAME,          0 },
    { "to",              by_to,        CH_FACT_COUNT,         0 },
    { "assets",          by_assets,    CH_FACT_ASSET,         0 },
    [CH_SELECTOR_HOURS] =
    { "hours",           by_hours,     CH_FACT_COUNT,         0 },
    { "expires",         by_expiry,    CH_FACT_COUNT,         0 },
};
/* clang-format on */

#define SELECTORS (sizeof selectors / sizeof *selectors)
enum { ITEMS = 2, TYPES = 6 };

const char *ch_selector_name(unsigned index)
{
    return selectors[index].name;
}

ch_fact_name ch_selector_fact(unsigned index)
{
    return selectors[index].fact;
}

bool ch_allow_is_about(const ch_entry_rule *allow, const ch_reading_at *reading)
{
    return has_class(&allow->selector, 1U << reading->class_) && has_endpoint(&allow->selector, reading->endpoint);
}

bool ch_allow_has_class(const ch_entry_rule *allow, const ch_reading_at *reading, ch_class class_)
{
    return (allow->selector.classes >> class_ & 1) != 0 && has_endpoint(&allow->selector, reading->endpoint);
}

/* Most entries look at few facts or none, and most requests look at many entries. */
static bool looks_at_items(const ch_selector *selector)
{
    bool has_lists = selector->symbols.count + selector->settings.count + selector->assets.count > 0;
    unsigned words = selector->items | selector->markets | selector->sides | selector->types | selector->times;
    return has_lists || words != 0 || selector->to != NULL || selector->hours.count > 0 || selector->expires_ns != 0;
}

bool ch_entry_narrows(const ch_entry_rule *entry, const ch_subject *subject)
{
    const ch_selector *selector = &entry->selector;
    bool is_by_class = (selector->classes >> subject->reading->class_ & 1) != 0;
    bool matches_unknown = is_by_class || !subject->is_class_alone;
    if (!has_class(selector, subject->reading->needs | 1U << subject->reading->class_))
        return false; /* what narrows a class also narrows calls that need it besides their own */
    if (!looks_at_items(selector))
        return has_endpoint(selector, subject->reading->endpoint);
    for (size_t i = 1; i < SELECTORS; i++) {
        ch_match match = selectors[i].match(selector, subject);
        if (match != CH_MATCH_YES && !(match == CH_MATCH_UNKNOWN && matches_unknown))
            return false;
    }
    return true;
}

/* The cancel of a cancel-replace is judged by market and symbol alone; what an order borrows, by its asset alone, if
 * the allow names borrowing. */
static bool is_spared(const ch_entry_rule *allow, const ch_subject *subject, size_t at)
{
    ch_item_kind kind = subject->item->kind;
    if ((selectors[at].spares >> kind & 1) == 0)
        return false;
    return kind == CH_ITEM_CANCEL ? subject->reading->class_ == CH_CLASS_TRADE
                                  : (allow->selector.items & KIND(BORROW)) != 0;
}

/* A limit order may take its price from the book, or have none that can be read. What an amendment leaves as it is
 * was judged when the order was placed. */
static bool has_price(const ch_subject *subject)
{
    const ch_fact *type = ch_subject_fact(subject, CH_FACT_TYPE);
    const ch_fact *price = ch_subject_fact(subject, CH_FACT_PRICE);
    bool is_kept = subject->item->is_amendment && price->state == CH_FACT_UNKNOWN && price->param.size == 0;
    return subject->type != 0 && ch_order_type_has_price(type->text) && (price->state == CH_FACT_STATED || is_kept);
}

/* Without `items`, nothing may be borrowed; without `types`, an order must have a price, unless the allow is for
 * everything. A log-on to a socket has no type to name. */
static bool lacks_default(const ch_entry_rule *allow, const ch_subject *subject, size_t at)
{
    const ch_selector *selector = &allow->selector;
    if (at == ITEMS)
        return selector->items == 0 && subject->item->kind == CH_ITEM_BORROW;
    if (at != TYPES || selector->types != 0 || subject->item->kind != CH_ITEM_ORDER)
        return false;
    bool is_open = allow->is_unlimited && selector->is_any_market;
    return !is_open && subject->reading->class_ != CH_CLASS_SESSION && !has_price(subject);
}

static bool misses(const ch_entry_rule *allow, const ch_subject *subject, size_t at)
{
    return lacks_default(allow, subject, at) ||
           (selectors[at].match(&allow->selector, subject) != CH_MATCH_YES && !is_spared(allow, subject, at));
}

bool ch_allow_covers(const ch_entry_rule *allow, const ch_subject *subject)
{
    for (size_t i = 0; i < SELECTORS; i++) {
        if (misses(allow, subject, i))
            return false;
    }
    return true;
}

unsigned ch_allow_misses(const ch_entry_rule *allow, const ch_subject *subject)
{
    unsigned all = 0;
    for (size_t i = 0; i < SELECTORS; i++)
        all |= (unsigned)misses(allow, subject, i) << i;
    return all;
}
