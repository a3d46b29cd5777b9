/* What a symbol says by its spelling, and that two readings are none. */
#include "exchange/symbols.h"

#include "base/memory.h"
#include "exchange/load.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <string.h>

#define HEAD                                                                                                           \
    "name: t\ntitle: T\norigins: {a: https://a.example}\n"                                                             \
    "schemes: {k: {mechanism: hmac-sha256, secret: text, signature: hex}}\n"                                           \
    "recipe: r\nrecipes:\n  r:\n    covers: [path]\n    message: \"{path}\"\n    url: \"{origin}{path}{signature}\"\n"

static const char source[] =
    HEAD "symbols:\n"
         "  - {form: \"{base}{quote}\", market: [spot, margin], quotes: [USD, ZUSD, USDT, BTC, eur]}\n"
         "  - {form: \"{base}-PERP\", market: inverse, quote: USD}\n"
         "  - {form: \"{base}-*\", market: inverse, quote: USD}\n"
         "  - {form: \"{base}-*-*-C\", market: option}\n"
         "  - {form: \"P_{base}{quote}\", market: linear, bases: [BTC, ETH], quotes: [USD]}\n"
         "  - {form: EXACT, market: linear, base: E, quote: Q}\n"
         "endpoints:\n  - {call: GET /x, class: read}\n";

/* As at Kraken: two forms, and two names for an asset. */
static const char source_of_spellings[] =
    HEAD "asset_names: {XBT: BTC, ZUSD: USD}\n"
         "symbols:\n"
         "  - {form: \"{base}/{quote}\", market: [spot, margin]}\n"
         "  - {form: \"{base}{quote}\", market: [spot, margin], quotes: [USD, ZUSD, USDT, BTC]}\n"
         "  - {form: \"t{base}:{quote}\", market: spot}\n"
         "  - {form: \"{base}_{quote}\", market: linear}\n"
         "  - {form: \"{base}-*\", market: spot, quote: USD}\n"
         "endpoints:\n  - {call: GET /x, class: read}\n";

/* clang-format off */
static const struct {
    const char *market;
    const char *symbol;
    const char *is_market;
    const char *base;
    const char *quote;
} symbols[] = {
    /* market    symbol        says: market  base    quote */
    { "spot",    "ETHBTC",     "",           "ETH",  "BTC"  },
    { "spot",    "BTCUSDT",    "",           "BTC",  "USDT" },
    { "margin",  "BTCUSD",     "",           "BTC",  "USD"  },
    { "spot",    "btceur",     "",           "btc",  "eur"  },
    { "spot",    "XBTZUSD",    "",           "",     ""     }, /* XBT and ZUSD, or XBTZ and USD */
    { "spot",    "USD",        "",           "",     ""     },
    { "spot",    "BTCGBP",     "",           "",     ""     },
    { "spot",    "BTC-PERP",   "",           "",     ""     }, /* of another market */
    { "spot",    "BTC/USD",    "",           "",     ""     },
    { "",        "BTC-PERP",   "inverse",    "BTC",  "USD"  }, /* two forms that agree */
    { "",        "BTC-27DEC",  "inverse",    "BTC",  "USD"  },
    { "",        "BTC-27DEC-5-C", "option",  "BTC",  ""     },
    { "",        "BTC-27DEC-5-X", "",        "",     ""     },
    { "",        "BTC-A_B",    "",           "",     ""     },
    { "",        "P_BTCUSD",   "linear",     "BTC",  "USD"  },
    { "",        "P_SOLUSD",   "",           "",     ""     },
    { "linear",  "EXACT",      "linear",     "E",    "Q"    },
    { "linear",  "EXACTLY",    "",           "",     ""     },
    { "",        "",           "",           "",     ""     },
};

static const struct {
    const char *pattern;
    const char *text;
    bool fits;
} patterns[] = {
    { "a",     "a",     true  }, { "a",    "b",   false }, { "a",   "",     false }, { "",    "",    true  },
    { "*",     "",      true  }, { "*",    "abc", true  }, { "a*",  "abc",  true  }, { "a*",  "ba",  false },
    { "*c",    "abcc",  true  }, { "*c",   "abcd", false }, { "a*c", "abbc", true }, { "a*b*c", "a--b-c", true },
    { "a*b*c", "acb",   false }, { "**",   "x",   true  }, { "*USD_*", "ETHUSD_PERP", true }, { "*USD_*", "ETHUSD", false },
};

static const struct {
    const char *symbol;
    const char *pair;
} spellings[] = {
    { "XBTUSDT",   "BTC/USDT" }, { "BTCUSDT",   "BTC/USDT" }, { "XBT/USDT",  "BTC/USDT" }, { "BTC/USDT",  "BTC/USDT" },
    { "btc/usdt",  "BTC/USDT" }, { "xbtUsdt",   "BTC/USDT" }, { "xbt/zusd",  "BTC/USD"  }, { "tBTC:USD",  "BTC/USD"  },
    { "tbtc:usd",  "BTC/USD"  }, { "TBTC:USD",  "BTC/USD"  }, { "ETHBTC",    "ETH/BTC"  },
    { "XBTZUSD",   ""         }, /* in two ways */
    { "BTCGBP",    ""         }, { "BTC_USDT",  ""         }, { "BTC-27DEC", ""         }, { "/USD",      ""         },
    { "",          ""         },
    { "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/USD", "" },
};
/* clang-format on */

static ch_profile *profile;

static ch_profile *load(const char *text)
{
    ch_profile *loaded = NULL;
    ch_error err = CH_ERROR_INIT;
    ch_autofree char *path = ch_test_file("t.yaml", text, strlen(text));
    ck_assert_msg(ch_profile_load_any(path, &loaded, &err) == CH_OK, "%s", err.message);
    return loaded;
}

static void set_up(void)
{
    profile = load(source);
}

static void tear_down(void)
{
    ch_profile_free(profile);
}

START_TEST(test_a_symbol_is_read_as_its_forms_agree)
{
    ch_symbol_parts parts = ch_symbol_read(profile, ch_slice_of(symbols[_i].market), ch_slice_of(symbols[_i].symbol));
    ck_assert(ch_slice_is(parts.market, symbols[_i].is_market));
    ck_assert(ch_slice_is(parts.base, symbols[_i].base));
    ck_assert(ch_slice_is(parts.quote, symbols[_i].quote));
}
END_TEST

START_TEST(test_a_star_stands_for_any_run)
{
    ck_assert_int_eq(ch_pattern_fits(patterns[_i].pattern, ch_slice_of(patterns[_i].text)), patterns[_i].fits);
}
END_TEST

START_TEST(test_spellings_of_a_pair_are_one)
{
    uint8_t pair[CH_SYMBOL_PAIR_MAX];
    ch_profile *several = load(source_of_spellings);
    size_t size = ch_symbol_pair(several, ch_slice_of(spellings[_i].symbol), pair);
    ck_assert_msg(ch_slice_is((ch_slice){pair, size}, spellings[_i].pair), "%s: %.*s", spellings[_i].symbol, (int)size,
                  (const char *)pair);
    ck_assert(ch_symbols_have_spellings(several));
    ch_profile_free(several);
}
END_TEST

START_TEST(test_a_profile_with_one_spelling_needs_none)
{
    uint8_t pair[CH_SYMBOL_PAIR_MAX];
    ck_assert(!ch_symbols_have_spellings(profile));
    ck_assert_uint_eq(ch_symbol_pair(profile, CH_LITERAL("BTCUSDT"), pair), 0);
}
END_TEST

CH_TESTS_WITH("symbols", set_up, tear_down, CH_TEST_ROWS(test_a_symbol_is_read_as_its_forms_agree, symbols),
              CH_TEST_ROWS(test_a_star_stands_for_any_run, patterns),
              CH_TEST_ROWS(test_spellings_of_a_pair_are_one, spellings),
              CH_TEST(test_a_profile_with_one_spelling_needs_none))
