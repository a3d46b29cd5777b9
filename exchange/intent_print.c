/* Words for people. What a program needs of an intent, it takes from the facts. */
#include "exchange/intent.h"

#include "base/encode.h"

static bool is_stated(const ch_item *item, ch_fact_name name)
{
    return item->facts[name].state == CH_FACT_STATED;
}

static bool is_unknown(const ch_item *item, ch_fact_name name)
{
    return item->facts[name].state == CH_FACT_UNKNOWN;
}

/* Puts a text in quotes if it has a character that stands between facts. Otherwise an address could end in words that
 * pass for a network. */
static void add_text(ch_slice text, ch_buffer *out)
{
    static const char between[] = ",;=\"";
    bool is_plain = true;
    for (const char *at = between; *at != '\0'; at++)
        is_plain = is_plain && ch_slice_find(text, (uint8_t)*at) == NULL;
    if (is_plain)
        ch_buffer_add_slice(out, text);
    else
        ch_encode_json(out, text);
}

/* The fact, or `otherwise`. */
static void add_fact(const ch_item *item, ch_fact_name name, const char *otherwise, ch_buffer *out)
{
    if (is_stated(item, name))
        add_text(item->facts[name].text, out);
    else
        ch_buffer_add_text(out, otherwise);
}

/* `before` and the fact, or `otherwise` if it is unknown, or nothing. */
static void add_after(const ch_item *item, const char *before, ch_fact_name name, const char *otherwise, ch_buffer *out)
{
    if (!is_stated(item, name)) {
        ch_buffer_add_text(out, is_unknown(item, name) ? otherwise : "");
        return;
    }
    ch_buffer_add_text(out, before);
    add_text(item->facts[name].text, out);
}

/* ---- orders ---- */

static void add_contracts(const ch_item *item, ch_buffer *out)
{
    if (item->contract_size.size > 0)
        ch_buffer_add_format(out, " contracts of %.*s %.*s", CH_SLICE_ARGS(item->contract_size),
                             CH_SLICE_ARGS(item->contract_asset));
    else
        ch_buffer_add_text(out, " contracts of unknown size");
}

static void add_quantity(const ch_item *item, ch_buffer *out)
{
    if (!is_stated(item, CH_FACT_QUANTITY)) {
        ch_buffer_add_text(out, is_unknown(item, CH_FACT_QUANTITY) ? "an unknown quantity" : "all of the position");
        return;
    }
    ch_buffer_add_text(out, item->unit == CH_UNIT_QUOTE ? "for " : "");
    ch_buffer_add_slice(out, item->facts[CH_FACT_QUANTITY].text);
    if (item->unit == CH_UNIT_CONTRACTS) {
        add_contracts(item, out);
        return;
    }
    ch_buffer_add_byte(out, ' ');
    add_fact(item, item->unit == CH_UNIT_QUOTE ? CH_FACT_QUOTE : CH_FACT_BASE,
             item->unit == CH_UNIT_QUOTE ? "of the quote asset" : "of the base asset", out);
}

static void add_price(const ch_item *item, ch_buffer *out)
{
    if (!is_stated(item, CH_FACT_PRICE)) {
        ch_buffer_add_text(out, is_unknown(item, CH_FACT_PRICE) ? " at an unknown price" : " at the market");
        return;
    }
    ch_buffer_add_text(out, " at ");
    ch_buffer_add_slice(out, item->facts[CH_FACT_PRICE].text);
    add_after(item, " ", CH_FACT_QUOTE, "", out);
}

/* What is yes or no is said only if it is yes. */
static void add_answer(const ch_item *item, ch_fact_name name, const char *words, ch_buffer *out)
{
    if (ch_slice_is(item->facts[name].text, "yes"))
        ch_buffer_add_text(out, words);
}

static void print_order(const ch_item *item, ch_buffer *out)
{
    if (item->is_amendment) {
        ch_buffer_add_text(out, "change order ");
        add_fact(item, CH_FACT_ORDER, "(which one is not known)", out);
        ch_buffer_add_text(out, ": ");
    }
    add_fact(item, CH_FACT_SIDE, "buy or sell", out);
    ch_buffer_add_byte(out, ' ');
    add_quantity(item, out);
    add_price(item, out);
    add_after(item, ", triggered at ", CH_FACT_TRIGGER_PRICE, ", triggered at an unknown price", out);
    ch_buffer_add_text(out, "; ");
    add_fact(item, CH_FACT_SYMBOL, "unknown symbol", out);
    add_after(item, ", ", CH_FACT_MARKET, ", unknown market", out);
    add_after(item, ", ", CH_FACT_TYPE, ", unknown type", out);
    add_after(item, ", ", CH_FACT_TIME_IN_FORCE, "", out);
    add_after(item, ", leverage ", CH_FACT_LEVERAGE, "", out);
    add_answer(item, CH_FACT_REDUCE_ONLY, ", reduce only", out);
    add_answer(item, CH_FACT_CLOSE_POSITION, ", closes the position", out);
    add_after(item, ", client id ", CH_FACT_CLIENT_ID, "", out);
}

/* ---- the others ---- */

static void print_cancel(const ch_item *item, ch_buffer *out)
{
    bool is_all = item->facts[CH_FACT_ORDER].state == CH_FACT_NONE;
    ch_buffer_add_text(out, is_all ? "cancel all orders" : "cancel order ");
    if (!is_all)
        add_fact(item, CH_FACT_ORDER, "(which one is not known)", out);
    add_after(item, "; ", CH_FACT_SYMBOL, "; unknown symbol", out);
    add_after(item, ", ", CH_FACT_MARKET, "", out);
}

static void add_amount(const ch_item *item, ch_buffer *out)
{
    add_fact(item, CH_FACT_AMOUNT, "an unknown amount of", out);
    ch_buffer_add_byte(out, ' ');
    add_fact(item, CH_FACT_ASSET, "an unknown asset", out);
}

static void print_transfer(const ch_item *item, ch_buffer *out)
{
    ch_buffer_add_text(out, "transfer ");
    add_amount(item, out);
    ch_buffer_add_text(out, " from ");
    add_fact(item, CH_FACT_FROM, "an unknown account", out);
    ch_buffer_add_text(out, " to ");
    add_fact(item, CH_FACT_TO, "an unknown account", out);
}

static void print_withdrawal(const ch_item *item, ch_buffer *out)
{
    ch_buffer_add_text(out, "withdraw ");
    add_amount(item, out);
    ch_buffer_add_text(out, " to ");
    add_fact(item, CH_FACT_ADDRESS, "an unknown address", out);
    add_after(item, ", tag ", CH_FACT_TAG, ", an unknown tag", out);
    add_after(item, ", network ", CH_FACT_NETWORK, ", an unknown network", out);
}

static void print_borrow(const ch_item *item, ch_buffer *out)
{
    ch_buffer_add_text(out, "borrow ");
    add_amount(item, out);
}

static void print_setting(const ch_item *item, ch_buffer *out)
{
    ch_buffer_add_text(out, "set ");
    add_fact(item, CH_FACT_NAME, "something", out);
    ch_buffer_add_text(out, " to ");
    add_fact(item, CH_FACT_VALUE, "an unknown value", out);
    add_after(item, "; ", CH_FACT_SYMBOL, "; unknown symbol", out);
}

static void print_read(const ch_item *item, ch_buffer *out)
{
    (void)item;
    ch_buffer_add_text(out, "read");
}

/* ---- what is not known, and what else there is ---- */

static void print_unknown(const ch_item *item, ch_buffer *out)
{
    const char *before = "\n  not known: ";
    for (ch_fact_name i = 0; i < CH_FACT_COUNT; i++) {
        if (!is_unknown(item, i))
            continue;
        ch_buffer_add_format(out, "%s%s", before, ch_fact_name_text(i));
        if (item->facts[i].param.size > 0)
            ch_buffer_add_format(out, " (because of %.*s)", CH_SLICE_ARGS(item->facts[i].param));
        before = ", ";
    }
}

static void print_details(const ch_item *item, ch_buffer *out)
{
    for (size_t i = 0; i < item->detail_count; i++) {
        ch_buffer_add_format(out, "%s%.*s=", i == 0 ? "\n  also: " : ", ", CH_SLICE_ARGS(item->details[i].param));
        add_text(item->details[i].text, out);
    }
}

void ch_intent_print(const ch_intent *intent, ch_buffer *out)
{
    /* clang-format off */
    static void (*const print[CH_ITEM_KIND_COUNT])(const ch_item *item, ch_buffer *out) = {
        [CH_ITEM_ORDER]      = print_order,
        [CH_ITEM_CANCEL]     = print_cancel,
        [CH_ITEM_TRANSFER]   = print_transfer,
        [CH_ITEM_WITHDRAWAL] = print_withdrawal,
        [CH_ITEM_BORROW]     = print_borrow,
        [CH_ITEM_SETTING]    = print_setting,
        [CH_ITEM_READ]       = print_read,
    };
    /* clang-format on */
    for (size_t i = 0; i < ch_intent_count(intent); i++) {
        const ch_item *item = ch_intent_item(intent, i);
        print[item->kind](item, out);
        print_unknown(item, out);
        print_details(item, out);
        ch_buffer_add_byte(out, '\n');
    }
}
