/* What a symbol says by its spelling, and that two readings are none. */
#include "exchange/symbols.h"

#include "base/memory.h"
#include "exchange/load.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <string.h>

static const char source[] =
    "name: t\ntitle: T\norigins: {a: https://a.example}\n"
    "schemes: {k: {mechanism: hmac-sha256, secret: text, signature: hex}}\n"
    "recipe: r\nrecipes:\n  r:\n    covers: [path]\n    message: \"{path}\"\n    url: \"{origin}{path}{signature}\"\n"
    "symbols:\n"
    "  - {form: \"{base}{quote}\", market: [spot, margin], quotes: [USD, ZUSD, USDT, BTC, eur]}\n"
    "  - {form: \"{base}-PERP\", market: inverse, quote: USD}\n"
    "  - {form: \"{base}-*\", market: inverse, quote: USD}\n"
    "  - {form: \"{base}-*-*-C\", market: option}\n"
    "  - {form: \"P_{base}{quote}\", market: linear, bases: [BTC, ETH], quotes: [USD]}\n"
    "  - {form: EXACT, market: linear, base: E, quote: Q}\n"
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
/* clang-format on */

static ch_profile *profile;

static void set_up(void)
{
    ch_error err = CH_ERROR_INIT;
    ch_autofree char *path = ch_test_file("t.yaml", source, sizeof source - 1);
    ck_assert_msg(ch_profile_load_any(path, &profile, &err) == CH_OK, "%s", err.message);
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

CH_TESTS_WITH("symbols", set_up, tear_down, CH_TEST_ROWS(test_a_symbol_is_read_as_its_forms_agree, symbols),
              CH_TEST_ROWS(test_a_star_stands_for_any_run, patterns))
