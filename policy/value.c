/* A formula is written as one: an operation that fails marks the sum as failed, keeps the first reason, and goes on
 * with zero, which nobody then reads. */
#include "policy/value.h"

#include "exchange/symbols.h"

/* A value that is being worked out. */
typedef struct sum {
    ch_pricing *by;
    ch_worth worth;
} sum;

static sum begin(ch_pricing *pricing)
{
    return (sum){.by = pricing};
}

static ch_decimal fail(sum *in, ch_worth_state reason)
{
    if (in->worth.state == CH_WORTH_KNOWN)
        in->worth.state = reason;
    return CH_DECIMAL_ZERO;
}

static ch_decimal fail_fact(sum *in, ch_fact_name fact)
{
    if (in->worth.state == CH_WORTH_KNOWN)
        in->worth.fact = fact;
    return fail(in, CH_WORTH_FACT);
}

static ch_worth end(sum *in, ch_decimal amount, ch_slice asset)
{
    in->worth.amount = amount;
    in->worth.asset = asset;
    return in->worth;
}

/* ---- arithmetic ---- */

typedef bool (*operation)(ch_decimal a, ch_decimal b, ch_decimal *out);

static ch_decimal calculate(sum *in, operation operation_, ch_decimal a, ch_decimal b)
{
    ch_decimal result = CH_DECIMAL_ZERO;
    return operation_(a, b, &result) ? result : fail(in, CH_WORTH_OVERFLOW);
}

static ch_decimal times(sum *in, ch_decimal a, ch_decimal b)
{
    return calculate(in, ch_decimal_multiply, a, b);
}

/* What something comes to, against the caller: a sum of money has 18 digits after the point. */
static ch_decimal comes_to(sum *in, ch_decimal a, ch_decimal b)
{
    return calculate(in, ch_decimal_multiply_up, a, b);
}

static ch_decimal over_up(sum *in, ch_decimal a, ch_decimal b)
{
    return calculate(in, ch_decimal_divide_up, a, b);
}

static ch_decimal over_down(sum *in, ch_decimal a, ch_decimal b)
{
    return calculate(in, ch_decimal_divide_down, a, b);
}

static ch_decimal minus(sum *in, ch_decimal a, ch_decimal b)
{
    return calculate(in, ch_decimal_subtract, a, b);
}

static ch_decimal one_plus(sum *in, ch_decimal ratio)
{
    return calculate(in, ch_decimal_add, ch_decimal_of(1), ratio);
}

static ch_decimal one_minus(sum *in, ch_decimal ratio)
{
    return minus(in, ch_decimal_of(1), ratio);
}

/* ---- what is known of the order ---- */

static ch_decimal read(sum *in, ch_slice text)
{
    ch_decimal result = CH_DECIMAL_ZERO;
    return ch_decimal_read(text, &result) ? result : fail(in, CH_WORTH_OVERFLOW);
}

static ch_decimal number(sum *in, ch_fact_name name)
{
    const ch_fact *fact = ch_subject_fact(in->by->subject, name);
    return fact->state == CH_FACT_STATED ? read(in, fact->text) : fail_fact(in, name);
}

static bool has_price(sum *in)
{
    const ch_fact *price = ch_subject_fact(in->by->subject, CH_FACT_PRICE);
    const ch_fact *type = ch_subject_fact(in->by->subject, CH_FACT_TYPE);
    bool is_misfit =
        price->state == CH_FACT_STATED && type->state == CH_FACT_STATED && ch_order_type_lacks_price(type->text);
    if (price->state == CH_FACT_UNKNOWN || is_misfit)
        (void)fail_fact(in, CH_FACT_PRICE);
    return price->state == CH_FACT_STATED;
}

static bool is_buy(sum *in)
{
    if (in->by->subject->side == 0)
        (void)fail_fact(in, CH_FACT_SIDE);
    return in->by->subject->side == CH_SIDE_BUY;
}

static bool is_without_prices(const sum *in)
{
    return in->by->account->prices == CH_PRICES_NONE;
}

static void look_up(ch_pricing *by, uint64_t age_ns)
{
    if (by->is_looked_up && by->looked_up_age_ns == age_ns)
        return;
    by->is_looked_up = true;
    by->looked_up_age_ns = age_ns;
    by->reference_state = CH_REFERENCE_NONE;
    if (by->prices != NULL)
        by->reference_state = ch_prices_reference(by->prices, by->subject->base, by->subject->quote,
                                                  by->subject->now_ns, age_ns, &by->reference);
}

static ch_decimal reference_of_age(sum *in, uint64_t age_ns)
{
    const ch_subject *subject = in->by->subject;
    if (subject->base.size == 0 || subject->quote.size == 0)
        return fail_fact(in, subject->base.size == 0 ? CH_FACT_BASE : CH_FACT_QUOTE);
    look_up(in->by, age_ns);
    if (in->by->reference_state == CH_REFERENCE_GOOD)
        return in->by->reference.price;
    if (in->worth.state == CH_WORTH_KNOWN) {
        in->worth.reference = in->by->reference_state;
        in->worth.pair[0] = subject->base;
        in->worth.pair[1] = subject->quote;
    }
    return fail(in, CH_WORTH_REFERENCE);
}

static ch_decimal reference(sum *in)
{
    return is_without_prices(in) ? fail(in, CH_WORTH_NO_PRICES) : reference_of_age(in, in->by->age_ns);
}

/* What an order without a price may be off the reference. */
static ch_decimal slippage(sum *in)
{
    const ch_account *account = in->by->account;
    if (!account->has_slippage && !in->by->has_collar)
        return fail(in, CH_WORTH_SLIPPAGE);
    return account->has_slippage ? account->market_slippage : in->by->collar;
}

/* ---- quantities ---- */

static ch_decimal smaller(ch_decimal a, ch_decimal b)
{
    return ch_decimal_compare(a, b) < 0 ? a : b;
}

static ch_decimal worst_price(sum *in)
{
    bool has_limit = has_price(in);
    bool buys = is_buy(in);
    if (is_without_prices(in) && has_limit && !buys)
        return number(in, CH_FACT_PRICE); /* a sell yields no less for each */
    ch_decimal r = reference(in);
    if (has_limit)
        return smaller(number(in, CH_FACT_PRICE), r);
    return buys ? r : times(in, r, one_minus(in, slippage(in)));
}

/* What the contracts amount to, of their own asset. */
static ch_decimal contracts(sum *in)
{
    const ch_item *item = in->by->subject->item;
    if (item->contract_size.size == 0)
        return fail(in, CH_WORTH_CONTRACT);
    return comes_to(in, number(in, CH_FACT_QUANTITY), read(in, item->contract_size));
}

static bool is_same_asset(ch_slice one, ch_slice upper_case)
{
    if (one.size != upper_case.size)
        return false;
    for (size_t i = 0; i < one.size; i++) {
        if ((one.data[i] >= 'a' && one.data[i] <= 'z' ? one.data[i] - 32 : one.data[i]) != upper_case.data[i])
            return false;
    }
    return one.size > 0;
}

/* True if the quantity is in the quote asset, or in contracts of it. */
static bool is_in_quote(const sum *in)
{
    const ch_item *item = in->by->subject->item;
    return item->unit == CH_UNIT_QUOTE ||
           (item->unit == CH_UNIT_CONTRACTS && is_same_asset(item->contract_asset, in->by->subject->quote));
}

static ch_decimal base_quantity(sum *in)
{
    const ch_item *item = in->by->subject->item;
    ch_decimal q = number(in, CH_FACT_QUANTITY);
    if (item->unit == CH_UNIT_BASE)
        return q;
    ch_decimal quantity = item->unit == CH_UNIT_QUOTE ? q : contracts(in);
    if (is_in_quote(in))
        return over_up(in, quantity, worst_price(in));
    if (!is_same_asset(item->contract_asset, in->by->subject->base))
        return fail(in, CH_WORTH_CONTRACT);
    return quantity;
}

ch_worth ch_worth_volume(ch_pricing *pricing)
{
    sum in = begin(pricing);
    ch_decimal quantity = base_quantity(&in);
    if (pricing->subject->base.size == 0)
        (void)fail_fact(&in, CH_FACT_BASE);
    return end(&in, quantity, pricing->subject->base);
}

/* ---- value ---- */

/* What each of the base asset counts as. */
static ch_decimal worse_price(sum *in)
{
    bool has_limit = has_price(in);
    if (has_limit && is_without_prices(in) && is_buy(in))
        return number(in, CH_FACT_PRICE);
    ch_decimal r = reference(in);
    return has_limit ? ch_decimal_larger(number(in, CH_FACT_PRICE), r) : times(in, r, one_plus(in, slippage(in)));
}

/* Of a quantity in the quote asset. */
static ch_decimal value_in_quote(sum *in)
{
    if (in->by->subject->item->unit == CH_UNIT_CONTRACTS)
        return contracts(in);
    ch_decimal q = number(in, CH_FACT_QUANTITY);
    if (is_buy(in))
        return q;
    if (!has_price(in) && is_without_prices(in))
        return fail(in, CH_WORTH_NO_PRICES);
    if (!has_price(in))
        return over_up(in, q, one_minus(in, slippage(in)));
    return comes_to(in, base_quantity(in), worse_price(in));
}

ch_worth ch_worth_value(ch_pricing *pricing)
{
    if (pricing->is_valued)
        return pricing->value;
    sum in = begin(pricing);
    ch_decimal value = is_in_quote(&in) ? value_in_quote(&in) : comes_to(&in, base_quantity(&in), worse_price(&in));
    if (pricing->subject->quote.size == 0)
        (void)fail_fact(&in, CH_FACT_QUOTE);
    pricing->is_valued = true;
    pricing->value = end(&in, value, pricing->subject->quote);
    return pricing->value;
}

/* ---- loss ---- */

static ch_decimal loss_per_base(sum *in, ch_decimal price, ch_decimal r)
{
    ch_decimal e = in->by->account->reference_error;
    return is_buy(in) ? minus(in, price, over_down(in, r, one_plus(in, e)))
                      : minus(in, over_up(in, r, one_minus(in, e)), price);
}

/* Of an order whose price nothing bounds: as much as it can pay or sell. */
static ch_decimal whole_loss(sum *in)
{
    const ch_subject *subject = in->by->subject;
    if (is_buy(in) && subject->item->unit == CH_UNIT_QUOTE)
        return number(in, CH_FACT_QUANTITY);
    if (is_buy(in) || subject->market != CH_MARKET_SPOT)
        return fail(in, CH_WORTH_SLIPPAGE);
    return comes_to(in, base_quantity(in), loss_per_base(in, CH_DECIMAL_ZERO, reference(in)));
}

static ch_decimal loss(sum *in)
{
    const ch_account *account = in->by->account;
    bool has_limit = has_price(in);
    if (!has_limit && !account->has_slippage)
        return whole_loss(in);
    ch_decimal r = reference(in);
    if (has_limit)
        return comes_to(in, base_quantity(in), loss_per_base(in, number(in, CH_FACT_PRICE), r));
    ch_decimal s = account->market_slippage;
    ch_decimal price = times(in, r, is_buy(in) ? one_plus(in, s) : one_minus(in, s));
    return comes_to(in, base_quantity(in), loss_per_base(in, price, r));
}

ch_worth ch_worth_loss(ch_pricing *pricing)
{
    sum in = begin(pricing);
    const ch_subject *subject = pricing->subject;
    if (subject->market == 0)
        (void)fail_fact(&in, CH_FACT_MARKET);
    if (subject->market == CH_MARKET_OPTION)
        (void)fail(&in, CH_WORTH_OPTION);
    if (!pricing->account->has_reference_error)
        (void)fail(&in, CH_WORTH_ERROR);
    if (subject->quote.size == 0)
        (void)fail_fact(&in, CH_FACT_QUOTE);
    ch_decimal amount = in.worth.state == CH_WORTH_KNOWN ? loss(&in) : CH_DECIMAL_ZERO;
    return end(&in, amount, subject->quote);
}

/* ---- others ---- */

ch_worth ch_worth_amount(ch_pricing *pricing)
{
    sum in = begin(pricing);
    if (pricing->subject->asset.size == 0)
        (void)fail_fact(&in, CH_FACT_ASSET);
    return end(&in, number(&in, CH_FACT_AMOUNT), pricing->subject->asset);
}

/* An option's price is not that of what it is an option on. */
ch_worth ch_worth_reference(ch_pricing *pricing, uint64_t age_ns)
{
    sum in = begin(pricing);
    if (pricing->subject->market == 0)
        (void)fail_fact(&in, CH_FACT_MARKET);
    if (pricing->subject->market == CH_MARKET_OPTION)
        (void)fail(&in, CH_WORTH_OPTION);
    return end(&in, reference_of_age(&in, age_ns), pricing->subject->quote);
}

ch_worth ch_worth_of_fact(const ch_subject *subject, ch_fact_name name)
{
    ch_pricing pricing = {.subject = subject};
    sum in = begin(&pricing);
    return end(&in, number(&in, name), (ch_slice){NULL, 0});
}

/* ---- conversions ---- */

static ch_decimal rate_of(sum *in, const ch_conversion *conversion)
{
    if (conversion->has_rate)
        return conversion->rate;
    ch_reference found = {0};
    in->worth.pair[0] = ch_slice_of(conversion->from);
    in->worth.pair[1] = ch_slice_of(conversion->to);
    in->worth.reference = CH_REFERENCE_NONE;
    if (in->by->prices != NULL)
        in->worth.reference = ch_prices_reference(in->by->prices, in->worth.pair[0], in->worth.pair[1],
                                                  in->by->subject->now_ns, conversion->max_age_ns, &found);
    return in->worth.reference == CH_REFERENCE_GOOD ? found.price : fail(in, CH_WORTH_REFERENCE);
}

static const ch_conversion *find_conversion(const ch_policy *policy, ch_slice from, const char *to)
{
    for (size_t i = 0; i < policy->conversion_count; i++) {
        const ch_conversion *conversion = &policy->conversions[i];
        if (ch_text_is(from, conversion->from) && ch_text_is(ch_slice_of(conversion->to), to))
            return conversion;
    }
    return NULL;
}

ch_worth ch_worth_in(ch_pricing *pricing, ch_worth worth, const char *asset)
{
    if (worth.state != CH_WORTH_KNOWN || asset == NULL || ch_text_is(worth.asset, asset))
        return worth;
    sum in = begin(pricing);
    ch_slice to = ch_slice_of(asset);
    const ch_conversion *conversion = find_conversion(pricing->subject->policy, worth.asset, asset);
    if (conversion == NULL) {
        in.worth.pair[0] = worth.asset;
        in.worth.pair[1] = to;
        (void)fail(&in, CH_WORTH_CONVERSION);
        return end(&in, CH_DECIMAL_ZERO, to);
    }
    ch_decimal rate = times(&in, rate_of(&in, conversion), one_plus(&in, conversion->haircut));
    return end(&in, comes_to(&in, worth.amount, rate), to);
}

/* ---- what it is worked out by ---- */

ch_pricing ch_pricing_of(const ch_question *question, const ch_subject *subject)
{
    return (ch_pricing){
        .subject = subject,
        .account = &question->policy->accounts[question->key->account],
        .prices = question->prices,
        .age_ns = CH_REFERENCE_AGE_NS,
    };
}

void ch_pricing_add_collar(ch_pricing *pricing, const ch_limit *collar)
{
    if (!pricing->has_collar || collar->age_ns < pricing->age_ns)
        pricing->age_ns = collar->age_ns;
    pricing->collar = pricing->has_collar ? ch_decimal_larger(pricing->collar, collar->most) : collar->most;
    pricing->has_collar = true;
}

static const char *reference_trouble(ch_reference_state state)
{
    static const char *const texts[] = {
        [CH_REFERENCE_GOOD] = "is known",
        [CH_REFERENCE_NONE] = "is not known: no feed has reported it",
        [CH_REFERENCE_STALE] = "is too old",
        [CH_REFERENCE_HELD] = "is held, because it moved too far; an operator must confirm it",
    };
    return texts[state];
}

void ch_worth_explain(const ch_worth *worth, ch_buffer *out)
{
    static const char *const texts[] = {
        [CH_WORTH_CONTRACT] = "the profile does not say what a contract of it is worth",
        [CH_WORTH_NO_PRICES] = "policy says prices: none for its account, so only buys with a limit price have a value",
        [CH_WORTH_SLIPPAGE] = "it has no price that bounds it, and policy states no market_slippage for its account",
        [CH_WORTH_ERROR] = "policy states no reference_error for its account",
        [CH_WORTH_OPTION] = "an option's price has no reference",
        [CH_WORTH_OVERFLOW] = "it is negative, or has more digits than can be counted",
    };
    if (worth->state == CH_WORTH_FACT)
        ch_buffer_add_format(out, "its %s is unknown", ch_fact_name_text(worth->fact));
    else if (worth->state == CH_WORTH_REFERENCE)
        ch_buffer_add_format(out, "the reference price of %.*s/%.*s %s", CH_SLICE_ARGS(worth->pair[0]),
                             CH_SLICE_ARGS(worth->pair[1]), reference_trouble(worth->reference));
    else if (worth->state == CH_WORTH_CONVERSION)
        ch_buffer_add_format(out, "policy has no conversion from %.*s to %.*s", CH_SLICE_ARGS(worth->pair[0]),
                             CH_SLICE_ARGS(worth->pair[1]));
    else
        ch_buffer_add_text(out, texts[worth->state]);
}
