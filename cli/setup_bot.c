/* Question 4: what the bot may do. Whatever is answered, the policy has limits, and lets nothing be withdrawn.
 *
 * Why a loss needs somebody who reports prices: docs/policy.md, Value and loss. Without a reference, only what a buy
 * with a limit price can pay has a value; so the bot may buy so and nothing else, and loses no more than it may spend.
 */
#include "base/decimal.h"
#include "base/memory.h"
#include "base/slice.h"
#include "base/users.h"
#include "cli/setup_impl.h"
#include "exchange/symbols.h"

#include <stdlib.h>
#include <string.h>

static void drop(char **text)
{
    free(*text);
    *text = NULL;
}

/* ---- pairs ---- */

static ch_symbol_parts read_symbol(const ch_profile *profile, const char *symbol)
{
    return ch_symbol_read(profile, CH_LITERAL("spot"), ch_slice_of(symbol));
}

static bool is_either(ch_slice text, const char *one, const char *other)
{
    return ch_slice_is(text, one) || ch_slice_is(text, other);
}

/* Returns bitcoin against what it is mostly traded for, as this exchange spells it, or NULL if it has no such pair. */
static const char *usual_pair(const ch_profile *profile)
{
    static const char *const pairs[] = {"BTCUSDT", "BTC-USDT", "BTC_USDT", "sBTCUSDT", "USDT-BTC",
                                        "tBTCUSD", "BTC-USD",  "BTC_USD",  "btcusdt",  "btcusd"};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        ch_symbol_parts parts = read_symbol(profile, pairs[i]);
        if (is_either(parts.base, "BTC", "btc") &&
            (is_either(parts.quote, "USDT", "usdt") || is_either(parts.quote, "USD", "usd")))
            return pairs[i];
    }
    return NULL;
}

/* Returns the next symbol of a list that is separated by commas and blanks, or NULL at its end. The caller frees it. */
static char *next_symbol(const char **list)
{
    *list += strspn(*list, ", ");
    size_t size = strcspn(*list, ", ");
    char *symbol = size == 0 ? NULL : ch_slice_strdup((ch_slice){(const uint8_t *)*list, size});
    *list += size;
    return symbol;
}

static ch_status check_symbol(const ch_profile *profile, const char *symbol, ch_slice *quote, ch_error *err)
{
    ch_symbol_parts parts = read_symbol(profile, symbol);
    if (parts.base.size == 0 || parts.quote.size == 0)
        return ch_fail(err, CH_BAD_INPUT, "%s spells no pair of spot as '%s'", ch_profile_title(profile), symbol);
    ch_slice asset = ch_symbol_asset(profile, parts.quote);
    if (quote->size > 0 && !ch_slice_equal(*quote, asset))
        return ch_fail(err, CH_BAD_INPUT,
                       "all pairs must be quoted in one asset, in which the limits are; write others into policy.yaml");
    *quote = asset;
    return CH_OK;
}

/* Also notes in which asset the pairs are quoted. */
static ch_status check_symbols(ch_setup *setup, const char *answer, ch_error *err)
{
    ch_slice quote = {NULL, 0};
    ch_autofree char *asset = NULL;
    for (char *symbol; (symbol = next_symbol(&answer)) != NULL;) {
        ch_status st = check_symbol(setup->profile, symbol, &quote, err);
        /* The slice may be a part of the symbol. */
        drop(&asset);
        asset = st == CH_OK ? ch_slice_strdup(quote) : NULL;
        quote = asset == NULL ? quote : ch_slice_of(asset);
        free(symbol);
        CH_TRY(st);
    }
    if (asset == NULL)
        return ch_fail(err, CH_BAD_INPUT, "name one pair at least, as the exchange spells it");
    free(setup->trade.asset);
    setup->trade.asset = asset;
    asset = NULL;
    return CH_OK;
}

static ch_status ask_symbols(ch_setup *setup, ch_error *err)
{
    ch_autofree char *answer = NULL;
    ch_autobuffer list = CH_BUFFER_INIT;
    const ch_setup_question question = {.name = "pairs",
                                        .prompt = "   Which pairs, as the exchange spells them?",
                                        .fallback = usual_pair(setup->profile),
                                        .check = check_symbols};
    CH_TRY(ch_setup_ask(setup, &question, &answer, err));
    const char *at = answer;
    for (char *symbol; (symbol = next_symbol(&at)) != NULL; free(symbol))
        ch_buffer_add_format(&list, "%s%s", list.size == 0 ? "" : ", ", symbol);
    setup->trade.symbols = ch_strdup(ch_buffer_text(&list));
    return CH_OK;
}

/* ---- figures ---- */

static ch_status check_amount(ch_setup *setup, const char *answer, ch_error *err)
{
    (void)setup;
    ch_decimal amount;
    if (!ch_decimal_read(ch_slice_of(answer), &amount) || ch_decimal_is_zero(amount))
        return ch_fail(err, CH_BAD_INPUT, "answer a number above zero, such as 100 or 0.5");
    return CH_OK;
}

static ch_status check_day_value(ch_setup *setup, const char *answer, ch_error *err)
{
    ch_decimal order = CH_DECIMAL_ZERO;
    ch_decimal day = CH_DECIMAL_ZERO;
    CH_TRY(check_amount(setup, answer, err));
    if (!ch_decimal_read(ch_slice_of(setup->trade.order_value), &order) ||
        !ch_decimal_read(ch_slice_of(answer), &day) || ch_decimal_compare(day, order) < 0)
        return ch_fail(err, CH_BAD_INPUT, "a day must have room for one order of %s", setup->trade.order_value);
    return CH_OK;
}

static ch_status ask_figure(ch_setup *setup, const char *name, const char *what, const char *fallback,
                            ch_status (*check)(ch_setup *setup, const char *answer, ch_error *err), char **out,
                            ch_error *err)
{
    ch_autobuffer prompt = CH_BUFFER_INIT;
    ch_buffer_add_format(&prompt, "   %s, in %s", what, setup->trade.asset);
    const ch_setup_question question = {
        .name = name, .prompt = ch_buffer_text(&prompt), .fallback = fallback, .check = check};
    return ch_setup_ask(setup, &question, out, err);
}

/* ---- who reports prices ---- */

#define NOBODY "nobody"

/* A bot that can report prices sets its own limits. */
static ch_status check_feed(ch_setup *setup, const char *answer, ch_error *err)
{
    uid_t feed;
    uid_t bot;
    if (strcmp(answer, NOBODY) == 0)
        return CH_OK;
    CH_TRY(ch_user_find(answer, &feed, err));
    CH_TRY(ch_user_find(setup->bot, &bot, err));
    return feed != bot ? CH_OK
                       : ch_fail(err, CH_BAD_INPUT,
                                 "a bot that can report prices sets its own limits; give the feed a "
                                 "user of its own");
}

static ch_status ask_feed(ch_setup *setup, ch_error *err)
{
    uid_t uid;
    ch_error ignored = CH_ERROR_INIT;
    const char *usual = ch_user_find("chancery-feed", &uid, &ignored) == CH_OK ? "chancery-feed" : NOBODY;
    const ch_setup_question question = {.name = "feed",
                                        .prompt = "   Which user reports reference prices? With '" NOBODY
                                                  "', the bot may only buy, with limit prices",
                                        .fallback = usual,
                                        .check = check_feed};
    CH_TRY(ch_setup_ask(setup, &question, &setup->trade.feed, err));
    if (strcmp(setup->trade.feed, NOBODY) == 0)
        drop(&setup->trade.feed);
    if (setup->trade.feed == NULL)
        return CH_OK;
    return ask_figure(setup, "day_loss", "What may be lost a day against these prices", "50", check_amount,
                      &setup->trade.day_loss, err);
}

/* ---- how often a signature counts ---- */

static bool may_be_used_again(const ch_setup *setup)
{
    const ch_endpoint *endpoint;
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(setup->profile, i)) != NULL; i++) {
        if (ch_endpoint_class(endpoint) == CH_CLASS_TRADE && ch_endpoint_takes_scheme(endpoint, setup->scheme) &&
            ch_endpoint_uses(endpoint, setup->scheme, 0) != CH_USES_ONCE)
            return true;
    }
    return false;
}

static ch_status ask_uses(ch_setup *setup, ch_error *err)
{
    if (setup->has_relay || !may_be_used_again(setup))
        return CH_OK;
    ch_setup_say(setup,
                 "   %s may take one signature many times while it is valid. The limits can count it\n"
                 "   so often, which refuses all but tiny orders, or trust the bot to send it once; one that\n"
                 "   is taken over need not. 'chancery policy exposure' shows what that would be.\n",
                 ch_profile_title(setup->profile));
    return ch_setup_ask_yes(setup, "counts_once", "   Count each signature once?", true, &setup->trade.counts_once,
                            err);
}

/* ---- the question ---- */

static ch_status ask_trade(ch_setup *setup, ch_error *err)
{
    ch_setup_trade *trade = &setup->trade;
    CH_TRY(ask_symbols(setup, err));
    CH_TRY(ask_figure(setup, "order_value", "Largest order", "100", check_amount, &trade->order_value, err));
    CH_TRY(ask_figure(setup, "day_value", "All orders of a day", "1000", check_day_value, &trade->day_value, err));
    CH_TRY(ask_feed(setup, err));
    return ask_uses(setup, err);
}

ch_status ch_setup_ask_bot(ch_setup *setup, ch_error *err)
{
    static const char *const rights[] = {
        [CH_SETUP_READ] = "read", [CH_SETUP_CANCEL] = "read-and-cancel", [CH_SETUP_TRADE] = "trade-spot"};
    ch_autofree char *answer = NULL;
    const ch_setup_question what = {.name = "bot_may",
                                    .prompt = "4. What may the bot do? Nothing lets it withdraw. Number or name",
                                    .fallback = rights[CH_SETUP_READ],
                                    .choices = rights,
                                    .choice_count = sizeof rights / sizeof *rights};
    const ch_setup_question who = {
        .name = "bot", .prompt = "   As which user does it run?", .fallback = setup->me, .check = ch_setup_check_user};
    CH_TRY(ch_setup_ask(setup, &what, &answer, err));
    while (strcmp(answer, rights[setup->rights]) != 0)
        setup->rights++;
    CH_TRY(ch_setup_ask(setup, &who, &setup->bot, err));
    CH_TRY(ch_setup_ask_relay(setup, err));
    CH_TRY(setup->rights == CH_SETUP_TRADE ? ask_trade(setup, err) : CH_OK);
    return setup->has_relay ? CH_OK : ch_setup_ask_accepts(setup, err);
}
