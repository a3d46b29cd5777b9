/* A typo in a symbol makes an allow that never helps, which somebody notices, or a limit that never holds, which nobody
 * does until it should. So every symbol must be one that some key of the entry can trade: one of the listing, or one
 * that the profile's forms can spell. */
#include "policy/load_impl.h"

#include "base/memory.h"
#include "exchange/symbols.h"

#include <stdlib.h>
#include <string.h>

#define SYMBOL_MAX 64

/* clang-format off */
static const ch_word market_words[] = {
    { "spot",    CH_MARKET_SPOT    },
    { "margin",  CH_MARKET_MARGIN  },
    { "linear",  CH_MARKET_LINEAR  },
    { "inverse", CH_MARKET_INVERSE },
    { "option",  CH_MARKET_OPTION  },
};
/* clang-format on */
const ch_words ch_market_words = CH_WORDS("market", market_words);

/* ---- spelling ---- */

static bool is_spelled_so(const ch_profile *profile, unsigned markets, const char *symbol, ch_symbol_parts *out)
{
    for (size_t i = 0; i < ch_market_words.count; i++) {
        const ch_word *market = &ch_market_words.words[i];
        if ((markets & market->value) == 0)
            continue;
        *out = ch_symbol_read(profile, ch_slice_of(market->text), ch_slice_of(symbol));
        if (out->base.size != 0 && out->quote.size != 0)
            return true;
    }
    return false;
}

static char *lower(const char *text)
{
    char *copy = ch_strdup(text);
    for (char *at = copy; *at != '\0'; at++) {
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at + ('a' - 'A'));
    }
    return copy;
}

/* Policies fold case and exchanges do not, so a symbol is tried as it was written, and in either case. */
static bool is_spelled(const ch_profile *profile, unsigned markets, const char *symbol)
{
    ch_symbol_parts parts;
    ch_autofree char *small = lower(symbol);
    ch_autofree char *large = ch_upper(symbol);
    return is_spelled_so(profile, markets, symbol, &parts) || is_spelled_so(profile, markets, large, &parts) ||
           is_spelled_so(profile, markets, small, &parts);
}

/* A copy in upper case of one of its parts; NULL if the profile does not say. */
static char *part_of(const ch_profile *profile, unsigned markets, const char *symbol, bool is_base)
{
    ch_symbol_parts parts;
    ch_autofree char *small = lower(symbol);
    if (!is_spelled_so(profile, markets, symbol, &parts) && !is_spelled_so(profile, markets, small, &parts))
        return NULL;
    ch_autofree char *part = ch_slice_strdup(is_base ? parts.base : parts.quote);
    return ch_upper(part);
}

static unsigned markets_of(const ch_selector *selector)
{
    return selector->markets != 0 ? selector->markets : CH_MARKETS_ALL;
}

bool ch_symbol_asset_is(const ch_policy_loader *load, const ch_entry_rule *entry, const char *symbol, bool is_base,
                        bool (*is_fine)(const ch_policy *policy, const char *asset, const char *wanted),
                        const char *wanted, char **asset)
{
    bool is_said = false;
    for (size_t i = 0; i < load->policy->profile_count; i++) {
        if (!load->takes[i])
            continue;
        char *part = part_of(load->policy->profiles[i], markets_of(&entry->selector), symbol, is_base);
        if (part == NULL)
            continue;
        is_said = true;
        free(*asset);
        *asset = part;
        if (is_fine(load->policy, part, wanted))
            return true;
    }
    return !is_said;
}

/* ---- exact symbols ---- */

static void add_markets(unsigned markets, ch_buffer *out)
{
    size_t said = 0;
    for (size_t i = 0; i < ch_market_words.count; i++) {
        if ((markets & ch_market_words.words[i].value) != 0)
            ch_buffer_add_format(out, "%s%s", said++ == 0 ? " in market " : ", ", ch_market_words.words[i].text);
    }
}

static bool is_known(const ch_policy_loader *load, size_t profile, unsigned markets, const char *symbol)
{
    const ch_listing *listing = ch_listing_of(load, profile);
    if (listing == NULL)
        return is_spelled(load->policy->profiles[profile], markets, symbol);
    ch_autofree char *large = ch_upper(symbol);
    return ch_text_list_has(&listing->symbols, large);
}

static ch_status fail_unknown(const ch_policy_loader *load, size_t profile, const ch_selector *selector,
                              const ch_yaml *node, const char *symbol, ch_error *err)
{
    const ch_listing *listing = ch_listing_of(load, profile);
    ch_autobuffer markets = CH_BUFFER_INIT;
    const char *name = ch_profile_name(load->policy->profiles[profile]);
    if (listing != NULL)
        return ch_yaml_fail(node, err, "'%s' is not in the listing of '%s' (line %u); correct it, or add it there",
                            symbol, name, ch_yaml_line(listing->node));
    add_markets(selector->markets, &markets);
    return ch_yaml_fail(node, err, "'%s' can never match: profile '%s' spells no symbol so%s; correct it", symbol, name,
                        ch_buffer_text(&markets));
}

static ch_status check_symbol(const ch_policy_loader *load, const ch_selector *selector, const ch_yaml *node,
                              const char *symbol, ch_error *err)
{
    size_t last = load->policy->profile_count;
    for (size_t i = 0; i < load->policy->profile_count; i++) {
        if (!load->takes[i])
            continue;
        if (is_known(load, i, markets_of(selector), symbol))
            return CH_OK;
        last = i;
    }
    return last == load->policy->profile_count ? CH_OK : fail_unknown(load, last, selector, node, symbol, err);
}

/* ---- patterns ---- */

/* Adds what the pattern fits; counts only if `out` is NULL. */
static size_t expand(const ch_listing *listing, const char *pattern, ch_text_list *out)
{
    size_t found = 0;
    for (size_t i = 0; i < listing->symbols.count; i++) {
        if (!ch_pattern_fits(pattern, ch_slice_of(listing->symbols.items[i])))
            continue;
        found++;
        if (out != NULL)
            ch_text_list_add(out, ch_strdup(listing->symbols.items[i]));
    }
    return found;
}

static ch_status fail_unexpanded(const ch_yaml *node, const char *pattern, ch_error *err)
{
    return ch_yaml_fail(node, err, "'%s' fits no symbol of the listings of this entry's keys; correct it", pattern);
}

static ch_status expand_pattern(const ch_policy_loader *load, const ch_yaml *node, const char *pattern,
                                ch_text_list *out, ch_error *err)
{
    size_t found = 0;
    for (size_t i = 0; i < load->policy->profile_count; i++) {
        const ch_listing *listing = ch_listing_of(load, i);
        if (!load->takes[i])
            continue;
        if (listing == NULL)
            return ch_yaml_fail(node, err,
                                "'%s' would allow what is listed tomorrow; add the symbols of '%s' to 'listings', or "
                                "write each symbol",
                                pattern, ch_profile_name(load->policy->profiles[i]));
        found += expand(listing, pattern, out);
    }
    return found == 0 ? fail_unexpanded(node, pattern, err) : CH_OK;
}

/* Unless all keys have listings, nobody knows what a pattern fits. */
static ch_status check_pattern(const ch_policy_loader *load, const ch_yaml *node, const char *pattern, ch_error *err)
{
    for (size_t i = 0; i < load->policy->profile_count; i++) {
        const ch_listing *listing = ch_listing_of(load, i);
        if (load->takes[i] && (listing == NULL || expand(listing, pattern, NULL) > 0))
            return CH_OK;
    }
    return fail_unexpanded(node, pattern, err);
}

/* ---- other spellings of the same pair ---- */

static void take_pair(void *context, ch_slice pair)
{
    ch_text_list_add(context, ch_slice_strdup(pair));
}

static void add_pair(const ch_policy_loader *load, size_t profile, const char *symbol, ch_text_list *pairs)
{
    ch_symbol_pairs(load->policy->profiles[profile], ch_slice_of(symbol), take_pair, pairs);
}

/* XBT* is BTC* too. */
static void add_pattern(const ch_policy_loader *load, size_t profile, const char *pattern, ch_text_list *pairs)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_slice before = {(const uint8_t *)pattern, strcspn(pattern, "*")};
    ch_buffer_add_slice(&text, ch_symbol_asset(load->policy->profiles[profile], before));
    ch_buffer_add_text(&text, pattern + before.size);
    ch_text_list_add(pairs, ch_strdup(ch_buffer_text(&text)));
}

/* What narrows one spelling of a pair narrows all of them. */
static void add_spellings(const ch_policy_loader *load, ch_entry_rule *entry, const char *symbol)
{
    bool is_pattern = strchr(symbol, '*') != NULL;
    for (size_t i = 0; entry->verb != CH_VERB_ALLOW && i < load->policy->profile_count; i++) {
        if (load->takes[i])
            (is_pattern ? add_pattern : add_pair)(load, i, symbol, &entry->selector.pairs);
    }
}

/* ---- the selector ---- */

static ch_status check_text(const ch_yaml *node, const char *text, ch_error *err)
{
    if (*text == '\0' || strlen(text) > SYMBOL_MAX || strpbrk(text, " ,\"'") != NULL)
        return ch_yaml_fail(node, err, "'%s' is no symbol; write it as the exchange does, as in BTCUSDT", text);
    return CH_OK;
}

static ch_status read_symbol(const ch_policy_loader *load, ch_entry_rule *entry, const ch_yaml *node, ch_error *err)
{
    const char *text = NULL;
    ch_selector *selector = &entry->selector;
    CH_TRY(ch_yaml_text(node, &text, err));
    CH_TRY(check_text(node, text, err));
    bool is_pattern = strchr(text, '*') != NULL;
    ch_autofree char *large = ch_upper(text);
    selector->has_pattern = selector->has_pattern || is_pattern;
    if (is_pattern && entry->verb == CH_VERB_ALLOW)
        return expand_pattern(load, node, large, &selector->symbols, err);
    CH_TRY(is_pattern ? check_pattern(load, node, large, err) : check_symbol(load, selector, node, text, err));
    add_spellings(load, entry, large);
    ch_text_list_add(&selector->symbols, large);
    large = NULL;
    return CH_OK;
}

ch_status ch_select_symbols(const ch_value *value, ch_error *err)
{
    ch_entry_rule *entry = value->out;
    size_t count = 0;
    CH_TRY(ch_load_count(value->node, &count, err));
    for (size_t i = 0; i < count; i++)
        CH_TRY(read_symbol(value->context, entry, ch_load_item(value->node, i), err));
    ch_text_list_sort(&entry->selector.symbols);
    return CH_OK;
}
