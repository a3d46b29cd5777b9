/* What a request means: who speaks of a fact, what makes it unknown, and that nothing is lost. The profile is made up;
 * tests/intents has real ones. */
#include "exchange/intent.h"

#include "base/memory.h"
#include "exchange/check.h"
#include "exchange/load.h"
#include "exchange/environments.h"
#include "exchange/match.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static const char source[] =
    "name: t\ntitle: T\norigins: {a: https://a.example}\n"
    "schemes: {k: {mechanism: hmac-sha256, secret: text, signature: hex}}\n"
    "recipe: r\nrecipes:\n  r:\n    covers: [path, params]\n    lists: {all: {}}\n"
    "    values: {payload: \"{all|json}\"}\n    message: \"{path}{payload}\"\n    url: \"{origin}{path}\"\n    body: "
    "\"{signature}{payload}\"\n"
    "contracts:\n  - {symbol: \"C*\", size: \"10\", of: base}\n"
    "symbols:\n"
    "  - {form: \"{base}-{quote}\", market: spot}\n"
    "  - {form: \"C{base}_{quote}\", market: [linear, inverse]}\n"
    "params:\n"
    "  pair: {type: symbol, role: symbol}\n"
    "  side: {type: enum, values: [BUY, Sell, up], role: side}\n"
    "  type: {type: enum, values: [L, M, S, odd], role: type, means: {L: limit, M: market, S: stop-limit}}\n"
    "  post: {type: boolean, means: {\"true\": {type: limit-maker}, \"false\": {}}}\n"
    "  qty: {type: decimal, role: quantity, when: [{param: type, values: [M], unit: quote}]}\n"
    "  lots: {type: integer, role: quantity, unit: contracts}\n"
    "  signed: {type: decimal, negative: true, role: quantity, sign: side}\n"
    "  price: {type: decimal, role: price}\n"
    "  scaled: {type: integer, role: price, scale: 4}\n"
    "  lost: {type: integer, role: price, scale: unknown}\n"
    "  peg: {type: text, hides: [price]}\n"
    "  reduce: {type: boolean, role: reduce_only}\n"
    "  lev: {type: decimal, role: leverage, says: {market: margin}}\n"
    "  note: {type: text, neutral: a note}\n"
    "  more: {type: text, detail: true}\n"
    "  once: {type: text, role: client_id, unique: true}\n"
    "  tp: {type: decimal, role: trigger_price, leg: tp}\n"
    "  mode: {type: enum, values: [off, lend], leg: loan, detail: true, means: {off: none, lend: {}}}\n"
    "  one: {type: object, optional: [pair, side, type, qty, price, tp]}\n"
    "  many: {type: list, items: one}\n"
    "  id: {type: text, role: order}\n"
    "  ids: {type: list, items: id}\n"
    "  word: {type: text}\n"
    "  bare: {name: \"\", type: list, items: one}\n"
    "endpoints:\n"
    "  - call: POST /order\n    class: trade\n"
    "    optional: [pair, side, type, post, qty, lots, signed, price, scaled, lost, peg, reduce, lev, note, more, "
    "once,\n"
    "               tp, mode, many]\n"
    "    intent:\n"
    "      - order: {market: spot}\n"
    "      - order: {leg: tp, type: take-profit, side: opposite, shares: [quantity]}\n"
    "      - borrow: {leg: loan}\n"
    "  - {call: POST /any, class: trade, optional: [pair, side, type, qty, lots, price], intent: {order: {type: "
    "limit}}}\n"
    "  - {call: PUT /order, class: trade, optional: [id, price], intent: amend}\n"
    "  - {call: DELETE /order, class: cancel, optional: [ids, pair], intent: {cancel: {market: spot}}}\n"
    "  - {call: \"DELETE /order/{id}\", class: cancel, intent: {cancel: {market: spot}}}\n"
    "  - {call: POST /batch, class: trade, required: [bare], intent: [{order: {}}, {order: {leg: tp, type: "
    "take-profit}}]}\n"
    "  - {call: POST /odd, class: trade, optional: [word]}\n"
    "  - {call: GET /look, class: read, optional: [word]}\n";

/* ---- asking ---- */

/* Parameters are written as in a shell, "name=value name=value"; braces and brackets open and close what holds some. */
typedef struct asked {
    ch_param params[64];
    size_t count;
    char text[512];
} asked;

static ch_param param_of(char *word)
{
    char *equals = strchr(word, '=');
    const char *value = equals == NULL ? "" : equals + 1;
    if (equals != NULL)
        *equals = '\0';
    ch_param_kind kind = *value == '[' ? CH_PARAM_LIST : *value == '{' ? CH_PARAM_OBJECT : CH_PARAM_TEXT;
    if (equals == NULL)
        kind = *word == '{' ? CH_PARAM_OBJECT : *word == ']' || *word == '}' ? CH_PARAM_END : CH_PARAM_TEXT;
    if (equals == NULL)
        return (ch_param){.kind = kind, .value = ch_slice_of(kind == CH_PARAM_TEXT ? word : "")};
    return (ch_param){.kind = kind, .name = ch_slice_of(word), .value = ch_slice_of(value)};
}

static void parse(const char *words, asked *out)
{
    snprintf(out->text, sizeof out->text, "%s", words);
    out->count = 0;
    for (char *word = strtok(out->text, " "); word != NULL; word = strtok(NULL, " "))
        out->params[out->count++] = param_of(word);
}

static ch_profile *profile;
static ch_intent *intent;

static void set_up(void)
{
    ch_error err = CH_ERROR_INIT;
    ch_autofree char *path = ch_test_file("t.yaml", source, sizeof source - 1);
    ck_assert_msg(ch_profile_load_any(path, &profile, &err) == CH_OK, "%s", err.message);
    intent = ch_intent_new();
}

static void tear_down(void)
{
    ch_intent_free(intent);
    ch_profile_free(profile);
}

static void ask(ch_intent *to, const char *call, const char *words, asked *params)
{
    ch_error err = CH_ERROR_INIT;
    const ch_endpoint *endpoint = NULL;
    size_t size = strcspn(call, " ");
    parse(words, params);
    ch_request request = {
        .method = {(const uint8_t *)call, size},
        .path = ch_slice_of(call + size + 1),
        .params = params->params,
        .param_count = params->count
    };
    ch_status st = ch_environment_match(ch_profile_live(profile), &request, &endpoint, &err);
    if (st == CH_OK)
        st = ch_endpoint_check(endpoint, ch_profile_scheme_at(profile, 0), &request, &err);
    ck_assert_msg(st == CH_OK, "%s %s: %s", call, words, err.message);
    ch_intent_read(to, endpoint, &request);
}

/* clang-format off */
static const struct {
    const char *call;
    const char *params;
    const char *means; /* up to its last line end */
} cases[] = {
    /* words, numbers and units */
    { "POST /order", "pair=A-B side=BUY type=L qty=0.50 price=10.0",  "buy 0.5 A at 10 B; A-B, spot, limit" },
    { "POST /order", "pair=A-B side=Sell type=M qty=5",               "sell for 5 B at the market; A-B, spot, market" },
    { "POST /order", "pair=A-B side=up type=M qty=5",                 "buy or sell for 5 B at the market; A-B, spot, market\n"
                                                                      "  not known: side (because of side)\n  also: side=up" },
    { "POST /order", "pair=A-B side=BUY type=odd qty=5 price=1",      "buy 5 A at an unknown price, triggered at an unknown price; A-B, spot, unknown type\n"
                                                                      "  not known: type (because of type), price (because of price), trigger_price\n  also: type=odd, price=1" },
    { "POST /order", "pair=a-b signed=-2.0 type=M",                   "sell 2 A at the market; a-b, spot, market" },
    { "POST /order", "pair=a-b signed=2 type=M",                      "buy 2 A at the market; a-b, spot, market" },
    { "POST /order", "pair=A-B side=BUY type=L qty=1 scaled=12345",   "buy 1 A at 1.2345 B; A-B, spot, limit" },
    { "POST /order", "pair=A-B side=BUY type=L qty=1 scaled=5",       "buy 1 A at 0.0005 B; A-B, spot, limit" },
    { "POST /order", "pair=A-B side=BUY type=L qty=1 scaled=1230000", "buy 1 A at 123 B; A-B, spot, limit" },
    { "POST /order", "pair=A-B side=BUY type=L qty=1 lost=5",         "buy 1 A at an unknown price; A-B, spot, limit\n"
                                                                      "  not known: price (because of lost)\n  also: lost=5" },
    /* what is not what it looks like */
    { "POST /order", "pair=A-B side=BUY type=M qty=0.00",             "buy an unknown quantity at the market; A-B, spot, market\n"
                                                                      "  not known: quantity (because of qty)\n  also: qty=0.00" },
    { "POST /order", "pair=A-B side=BUY type=M qty=1 price=5",        "buy for 1 B at an unknown price; A-B, spot, market\n"
                                                                      "  not known: price (because of price)\n  also: price=5" },
    { "POST /order", "pair=A-B side=BUY type=L qty=1",                "buy 1 A at an unknown price; A-B, spot, limit\n  not known: price" },
    { "POST /order", "pair=A-B side=BUY type=S qty=1 price=5",        "buy 1 A at 5 B, triggered at an unknown price; A-B, spot, stop-limit\n"
                                                                      "  not known: trigger_price" },
    { "POST /order", "pair=A-B side=BUY type=L qty=1 price=5 peg=x",  "buy 1 A at an unknown price; A-B, spot, limit\n"
                                                                      "  not known: price (because of peg)\n  also: price=5, peg=x" },
    /* two that speak of one fact */
    { "POST /order", "pair=A-B side=BUY type=L qty=1 lots=1 price=5", "buy an unknown quantity at 5 B; A-B, spot, limit\n"
                                                                      "  not known: quantity (because of lots)\n  also: qty=1, lots=1" },
    { "POST /order", "pair=A-B side=BUY type=L qty=1 price=5 scaled=60000", "buy 1 A at an unknown price; A-B, spot, limit\n"
                                                                      "  not known: price (because of price)\n  also: price=5, scaled=60000" },
    { "POST /order", "pair=A-B side=BUY type=L post=true qty=1 price=5",  "buy 1 A at 5 B; A-B, spot, limit-maker\n  also: post=true" },
    { "POST /order", "pair=A-B side=BUY post=false type=L qty=1 price=5", "buy 1 A at 5 B; A-B, spot, limit\n  also: post=false" },
    { "POST /order", "pair=A-B side=BUY type=M post=true qty=1",      "buy for 1 B at an unknown price, triggered at an unknown price; A-B, spot, unknown type\n"
                                                                      "  not known: type (because of type), price, trigger_price\n  also: type=M, post=true" },
    { "POST /order", "pair=A-B side=BUY type=L qty=1 price=5 lev=3.0", "buy 1 of the base asset at 5; A-B, margin, limit, leverage 3\n  not known: base, quote" },
    { "POST /order", "pair=A-B side=BUY type=L qty=1 price=5 reduce=true note=n more=m once=i",
                                                                      "buy 1 A at 5 B; A-B, spot, limit, reduce only, client id i\n  also: more=m" },
    /* constants, symbols, contracts */
    { "POST /any",   "pair=A-B side=BUY qty=1 price=5",               "buy 1 A at 5 B; A-B, spot, limit" },
    { "POST /any",   "pair=A-B side=BUY qty=1 type=M",                "buy for 1 B at the market; A-B, spot, market" },
    { "POST /any",   "pair=CX_Y side=BUY lots=3 price=5",             "buy 3 contracts of 10 X at 5 Y; CX_Y, unknown market, limit\n  not known: market" },
    { "POST /any",   "pair=CX.Y side=BUY lots=3 price=5",             "buy 3 contracts of unknown size at 5; CX.Y, unknown market, limit\n"
                                                                      "  not known: market, base, quote" },
    { "PUT /order",  "id=7 price=5",                                  "change order 7: buy or sell an unknown quantity at 5, triggered at an unknown price; unknown symbol, unknown market, unknown type\n"
                                                                      "  not known: market, symbol, base, quote, side, type, time_in_force, quantity, trigger_price, leverage, "
                                                                      "reduce_only, close_position, client_id" },
    /* legs, batches, what comes along */
    { "POST /order", "pair=A-B side=BUY type=L qty=1 price=5 tp=6",   "buy 1 A at 5 B; A-B, spot, limit\nsell 1 A at the market, triggered at 6; A-B, spot, take-profit" },
    { "POST /order", "pair=A-B side=BUY type=L qty=1 price=5 mode=lend", "buy 1 A at 5 B; A-B, spot, limit\nborrow an unknown amount of an unknown asset\n"
                                                                      "  not known: asset, amount\n  also: mode=lend" },
    { "POST /order", "pair=A-B side=BUY type=L qty=1 price=5 mode=off", "buy 1 A at 5 B; A-B, spot, limit\n  also: mode=off" },
    { "POST /order", "pair=A-B many=[ { side=BUY type=M qty=1 } { pair=C-D side=Sell type=L qty=2 price=3 tp=4 } ]",
                                                                      "buy for 1 B at the market; A-B, spot, market\nsell 2 C at 3 D; C-D, spot, limit\n"
                                                                      "buy 2 C at the market, triggered at 4; C-D, spot, take-profit" },
    { "DELETE /order", "ids=[ 1 2 ] pair=A-B",                        "cancel order 1; A-B, spot\ncancel order 2; A-B, spot" },
    { "DELETE /order", "pair=A-B",                                    "cancel all orders; A-B, spot" },
    { "DELETE /order/9", "",                                          "cancel order 9, spot" },
    /* what the profile does not say */
    { "POST /odd",   "word=x",                                        "buy or sell an unknown quantity at an unknown price, triggered at an unknown price; unknown symbol, unknown market, unknown type\n"
                                                                      "  not known: market, symbol, base, quote, side, type, time_in_force, quantity, price, trigger_price, leverage, "
                                                                      "reduce_only, close_position, client_id, order\n  also: word=x" },
    { "GET /look",   "word=x",                                        "read" },
};
/* clang-format on */

START_TEST(test_a_request_means_what_the_profile_says)
{
    asked params = {.count = 0};
    ch_autobuffer words = CH_BUFFER_INIT;
    ask(intent, cases[_i].call, cases[_i].params, &params);
    ch_intent_print(intent, &words);
    ch_autobuffer expected = CH_BUFFER_INIT;
    ch_buffer_add_format(&expected, "%s\n", cases[_i].means);
    ck_assert_str_eq(ch_buffer_text(&words), ch_buffer_text(&expected));
}
END_TEST

START_TEST(test_a_list_that_is_the_whole_body_is_a_batch)
{
    ch_error err = CH_ERROR_INIT;
    const ch_endpoint *endpoint = NULL;
    asked params = {.count = 0};
    parse("=[ { pair=A-B side=BUY type=M qty=1 } { pair=A-B } ]", &params);
    ch_request request = {.method = CH_LITERAL("POST"),
                          .path = CH_LITERAL("/batch"),
                          .params = params.params,
                          .param_count = params.count};
    ck_assert_int_eq(ch_environment_match(ch_profile_live(profile), &request, &endpoint, &err), CH_OK);
    ck_assert_msg(ch_endpoint_check(endpoint, ch_profile_scheme_at(profile, 0), &request, &err) == CH_OK, "%s",
                  err.message);
    ch_intent_read(intent, endpoint, &request);
    ck_assert_uint_eq(ch_intent_count(intent), 2);
    ck_assert_int_eq(ch_intent_item(intent, 0)->facts[CH_FACT_SIDE].state, CH_FACT_STATED);
    ck_assert_int_eq(ch_intent_item(intent, 1)->facts[CH_FACT_SIDE].state, CH_FACT_UNKNOWN);
}
END_TEST

START_TEST(test_an_intent_can_be_read_again_and_compared)
{
    static const char *const long_text =
        "more=0123456789012345678901234567890123456789 pair=A-B side=BUY type=L qty=1.0";
    asked one = {.count = 0};
    asked other = {.count = 0};
    ch_autointent *again = ch_intent_new();
    ask(intent, "POST /order", long_text, &one);
    ask(again, "DELETE /order", "ids=[ 1 2 3 4 5 6 7 8 9 ]", &other);
    ck_assert(!ch_intent_equal(intent, again));
    ask(again, "POST /order", long_text, &other);
    ck_assert(ch_intent_equal(intent, again));
    ask(again, "POST /order", "more=1 pair=A-B side=BUY type=L qty=1.0", &other);
    ck_assert(!ch_intent_equal(intent, again));
}
END_TEST

START_TEST(test_a_unique_id_is_used_once)
{
    asked params = {.count = 0};
    ask(intent, "POST /order", "pair=A-B once=5", &params);
    ck_assert(ch_intent_is_unique(intent));
    ask(intent, "POST /order", "pair=A-B", &params);
    ck_assert(!ch_intent_is_unique(intent));
}
END_TEST

CH_TESTS_WITH("intent", set_up, tear_down, CH_TEST_ROWS(test_a_request_means_what_the_profile_says, cases),
              CH_TEST(test_a_list_that_is_the_whole_body_is_a_batch),
              CH_TEST(test_an_intent_can_be_read_again_and_compared), CH_TEST(test_a_unique_id_is_used_once))
