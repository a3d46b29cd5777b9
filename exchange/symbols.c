/* Two readings of one symbol are no reading: "XBTCUSDT" may be XBT and CUSDT, or XBTC and USDT. So all ways in which
 * all forms fit are tried, and what they don't agree about is not known. */
#include "exchange/symbols.h"

#include "exchange/profile_impl.h"

#include <string.h>

/* ---- patterns ---- */

bool ch_pattern_fits(const char *pattern, ch_slice text)
{
    const char *star = NULL; /* the last one, and where what it stands for ends */
    size_t resumed = 0;
    size_t at = 0;
    while (at < text.size || *pattern != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resumed = at;
        } else if (at < text.size && (uint8_t)*pattern == text.data[at] && *pattern != '\0') {
            pattern++;
            at++;
        } else if (star != NULL && resumed < text.size) {
            at = ++resumed;
            pattern = star + 1;
        } else {
            return false;
        }
    }
    return true;
}

const ch_contract *ch_symbol_contract(const ch_profile *profile, ch_slice symbol)
{
    for (size_t i = 0; i < profile->contract_count; i++) {
        if (ch_pattern_fits(profile->contracts[i].symbol, symbol))
            return &profile->contracts[i];
    }
    return NULL;
}

/* ---- forms ---- */

/* What the ways found so far agree about. */
typedef struct finding {
    size_t ways;
    ch_symbol_parts parts;
    ch_symbol_parts way;                                     /* being tried */
    void (*take)(void *context, const ch_symbol_parts *way); /* is called with each way, unless it is NULL */
    void *context;
} finding;

static void agree(ch_slice *known, ch_slice said, size_t ways)
{
    if (ways == 0)
        *known = said;
    else if (!ch_slice_equal(*known, said))
        *known = (ch_slice){NULL, 0};
}

static void keep(finding *found)
{
    agree(&found->parts.market, found->way.market, found->ways);
    agree(&found->parts.base, found->way.base, found->ways);
    agree(&found->parts.quote, found->way.quote, found->ways);
    found->ways++;
    if (found->take != NULL)
        found->take(found->context, &found->way);
}

static bool is_one_of(char *const *words, size_t count, ch_slice text)
{
    for (size_t i = 0; i < count; i++) {
        if (ch_slice_is(text, words[i]))
            return true;
    }
    return count == 0;
}

static void try_rest(const ch_symbol_form *form, const char *at, ch_slice rest, finding *found);

/* Tries each length of a run of letters and digits, which `part` gets if it is not NULL. */
static void try_runs(const ch_symbol_form *form, const char *after, ch_slice rest, ch_slice *part, char *const *words,
                     size_t word_count, finding *found)
{
    for (size_t size = 1; size <= rest.size && ch_byte_is_alphanumeric(rest.data[size - 1]); size++) {
        ch_slice run = {rest.data, size};
        bool is_short = *after == '\0' && size < rest.size; /* the last run takes all that is left */
        if (is_short || !is_one_of(words, word_count, run))
            continue;
        if (part != NULL)
            *part = run;
        try_rest(form, after, ch_slice_after(rest, size), found);
    }
}

/* Calls itself once for each run in the form, of which there are a few (load_symbols.c). */
static void try_rest(const ch_symbol_form *form, const char *at, ch_slice rest, finding *found)
{
    while (*at != '\0' && *at != '{' && *at != '*') {
        if (rest.size == 0 || rest.data[0] != (uint8_t)*at)
            return;
        rest = ch_slice_after(rest, 1);
        at++;
    }
    if (*at == '\0' && rest.size == 0)
        keep(found);
    else if (*at == '*')
        try_runs(form, at + 1, rest, NULL, NULL, 0, found);
    else if (strncmp(at, "{base}", 6) == 0)
        try_runs(form, at + 6, rest, &found->way.base, form->bases, form->base_count, found);
    else if (strncmp(at, "{quote}", 7) == 0)
        try_runs(form, at + 7, rest, &found->way.quote, form->quotes, form->quote_count, found);
}

static ch_slice only_market(unsigned markets)
{
    static const char *const names[] = {"spot", "margin", "linear", "inverse", "option"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (markets == 1U << i)
            return ch_slice_of(names[i]);
    }
    return (ch_slice){NULL, 0};
}

static bool is_of_market(const ch_symbol_form *form, ch_slice market)
{
    for (unsigned bit = CH_MARKET_SPOT; bit <= CH_MARKET_OPTION; bit <<= 1) {
        if ((form->markets & bit) != 0 && ch_slice_equal(only_market(bit), market))
            return true;
    }
    return form->markets == 0 || market.size == 0;
}

/* XBT is BTC at exchanges that follow ISO 4217. */
ch_slice ch_symbol_asset(const ch_profile *profile, ch_slice asset)
{
    for (size_t i = 0; i < profile->asset_name_count; i++) {
        if (ch_slice_is(asset, profile->asset_names[i].there))
            return ch_slice_of(profile->asset_names[i].usual);
    }
    return asset;
}

static void try_form(const ch_symbol_form *form, ch_slice symbol, finding *found)
{
    found->way = (ch_symbol_parts){.market = only_market(form->markets)};
    if (form->base != NULL)
        found->way.base = ch_slice_of(form->base);
    if (form->quote != NULL)
        found->way.quote = ch_slice_of(form->quote);
    try_rest(form, form->form, symbol, found);
}

ch_symbol_parts ch_symbol_read(const ch_profile *profile, ch_slice market, ch_slice symbol)
{
    finding found = {0};
    for (size_t i = 0; i < profile->symbol_count; i++) {
        if (is_of_market(&profile->symbols[i], market))
            try_form(&profile->symbols[i], symbol, &found);
    }
    found.parts.base = ch_symbol_asset(profile, found.parts.base);
    found.parts.quote = ch_symbol_asset(profile, found.parts.quote);
    return found.parts;
}

/* ---- spellings of one pair ---- */

static bool is_of_pairs(const ch_symbol_form *form)
{
    return (form->markets & (CH_MARKET_SPOT | CH_MARKET_MARGIN)) != 0 && strchr(form->form, '*') == NULL;
}

bool ch_symbols_have_spellings(const ch_profile *profile)
{
    size_t forms = 0;
    for (size_t i = 0; i < profile->symbol_count; i++)
        forms += is_of_pairs(&profile->symbols[i]);
    return forms > 1 || (forms == 1 && profile->asset_name_count > 0);
}

static void try_pair_forms(const ch_profile *profile, ch_slice symbol, finding *found)
{
    for (size_t i = 0; i < profile->symbol_count; i++) {
        if (is_of_pairs(&profile->symbols[i]))
            try_form(&profile->symbols[i], symbol, found);
    }
}

static bool read_pair(const ch_profile *profile, ch_slice symbol, ch_symbol_parts *parts)
{
    finding found = {0};
    try_pair_forms(profile, symbol, &found);
    *parts = found.parts;
    return parts->base.size > 0 && parts->quote.size > 0;
}

static uint8_t in_case(uint8_t c, bool is_upper)
{
    uint8_t from = is_upper ? 'a' : 'A';
    return c >= from && c <= from + ('z' - 'a') ? (uint8_t)(c ^ 0x20) : c;
}

static ch_slice change_case(ch_slice text, bool is_upper, uint8_t out[CH_SYMBOL_FORM_MAX])
{
    for (size_t i = 0; i < text.size; i++)
        out[i] = in_case(text.data[i], is_upper);
    return (ch_slice){out, text.size};
}

static size_t put_asset(const ch_profile *profile, ch_slice asset, uint8_t *out)
{
    uint8_t upper[CH_SYMBOL_FORM_MAX];
    ch_slice name = ch_symbol_asset(profile, change_case(asset, true, upper));
    memcpy(out, name.data, name.size);
    return name.size;
}

static size_t put_pair(const ch_profile *profile, const ch_symbol_parts *parts, uint8_t out[CH_SYMBOL_PAIR_MAX])
{
    size_t size = put_asset(profile, parts->base, out);
    out[size++] = '/';
    return size + put_asset(profile, parts->quote, out + size);
}

/* Exchanges may take a spelling in any case, so it is tried as it is, and in either. */
size_t ch_symbol_pair(const ch_profile *profile, ch_slice symbol, uint8_t out[CH_SYMBOL_PAIR_MAX])
{
    ch_symbol_parts parts;
    uint8_t other[CH_SYMBOL_FORM_MAX];
    if (symbol.size == 0 || symbol.size > sizeof other || !ch_symbols_have_spellings(profile))
        return 0;
    if (!read_pair(profile, symbol, &parts) && !read_pair(profile, change_case(symbol, true, other), &parts) &&
        !read_pair(profile, change_case(symbol, false, other), &parts))
        return 0;
    return put_pair(profile, &parts, out);
}

typedef struct pair_taking {
    const ch_profile *profile;
    ch_pair_taker take;
    void *context;
} pair_taking;

static void take_way(void *context, const ch_symbol_parts *way)
{
    const pair_taking *to = context;
    uint8_t pair[CH_SYMBOL_PAIR_MAX];
    if (way->base.size > 0 && way->quote.size > 0)
        to->take(to->context, (ch_slice){pair, put_pair(to->profile, way, pair)});
}

void ch_symbol_pairs(const ch_profile *profile, ch_slice symbol, ch_pair_taker take, void *context)
{
    uint8_t other[CH_SYMBOL_FORM_MAX];
    pair_taking to = {profile, take, context};
    finding found = {.take = take_way, .context = &to};
    if (symbol.size == 0 || symbol.size > sizeof other || !ch_symbols_have_spellings(profile))
        return;
    try_pair_forms(profile, symbol, &found);
    try_pair_forms(profile, change_case(symbol, true, other), &found);
    try_pair_forms(profile, change_case(symbol, false, other), &found);
}

/* Returns one of the names that the exchange has for an asset: the usual one is number 0. NULL after the last. */
static const char *name_of(const ch_profile *profile, ch_slice usual, size_t number, char out[CH_SYMBOL_PAIR_MAX])
{
    if (number == 0) {
        memcpy(out, usual.data, usual.size);
        out[usual.size] = '\0';
        return out;
    }
    for (size_t i = 0; i < profile->asset_name_count; i++) {
        if (ch_slice_is(usual, profile->asset_names[i].usual) && --number == 0)
            return profile->asset_names[i].there;
    }
    return NULL;
}

/* Appends the form with these names, in upper case. Returns false if it has no place for both. */
static bool spell(const ch_symbol_form *form, const char *base, const char *quote, ch_buffer *out)
{
    bool has_both = strstr(form->form, "{base}") != NULL && strstr(form->form, "{quote}") != NULL;
    for (const char *at = form->form; has_both && *at != '\0';) {
        if (*at != '{') {
            ch_buffer_add_byte(out, in_case((uint8_t)*at++, true));
            continue;
        }
        bool is_base = strncmp(at, "{base}", 6) == 0;
        ch_buffer_add_text(out, is_base ? base : quote);
        at += is_base ? 6 : 7;
    }
    return has_both;
}

static bool fits_so(const ch_profile *profile, const char *base, const char *quote, const char *pattern)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    for (size_t i = 0; i < profile->symbol_count; i++) {
        ch_buffer_clear(&text);
        if (is_of_pairs(&profile->symbols[i]) && spell(&profile->symbols[i], base, quote, &text) &&
            ch_pattern_fits(pattern, ch_buffer_slice(&text)))
            return true;
    }
    return false;
}

bool ch_symbol_pair_fits(const ch_profile *profile, ch_slice pair, const char *pattern)
{
    char names[2][CH_SYMBOL_PAIR_MAX];
    const char *base;
    const char *quote;
    const uint8_t *slash = ch_slice_find(pair, '/');
    if (slash == NULL || pair.size >= sizeof names[0])
        return false;
    ch_slice usual_base = {pair.data, (size_t)(slash - pair.data)};
    ch_slice usual_quote = ch_slice_after(pair, usual_base.size + 1);
    for (size_t i = 0; (base = name_of(profile, usual_base, i, names[0])) != NULL; i++) {
        for (size_t k = 0; (quote = name_of(profile, usual_quote, k, names[1])) != NULL; k++) {
            if (fits_so(profile, base, quote, pattern))
                return true;
        }
    }
    return false;
}
