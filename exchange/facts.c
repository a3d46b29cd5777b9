/* A new fact is a row in `facts`, and a bit in the kinds that have it. A new word is an entry of its list. */
#include "exchange/facts.h"

#include <string.h>

#define BIT(name) CH_FACT_BIT(CH_FACT_##name)

/* ---- kinds ---- */

#define OF_A_PAIR (BIT(MARKET) | BIT(SYMBOL) | BIT(BASE) | BIT(QUOTE))
#define OF_ORDERS                                                                                                      \
    (OF_A_PAIR | BIT(SIDE) | BIT(TYPE) | BIT(TIME_IN_FORCE) | BIT(QUANTITY) | BIT(PRICE) | BIT(TRIGGER_PRICE) |        \
     BIT(LEVERAGE) | BIT(REDUCE_ONLY) | BIT(CLOSE_POSITION) | BIT(CLIENT_ID) | BIT(ORDER))

/* clang-format off */
static const struct {
    const char *name;
    ch_facts has;
    ch_facts needs; /* of an order, a type may need more: see below */
} kinds[CH_ITEM_KIND_COUNT] = {
    /*                        name          has                                                   needs */
    [CH_ITEM_ORDER]      = { "order",       OF_ORDERS,                                            OF_A_PAIR | BIT(SIDE) | BIT(TYPE) },
    [CH_ITEM_CANCEL]     = { "cancel",      BIT(MARKET) | BIT(SYMBOL) | BIT(ORDER),               BIT(MARKET) },
    [CH_ITEM_TRANSFER]   = { "transfer",    BIT(ASSET) | BIT(AMOUNT) | BIT(FROM) | BIT(TO),       BIT(ASSET) | BIT(AMOUNT) | BIT(FROM) | BIT(TO) },
    [CH_ITEM_WITHDRAWAL] = { "withdrawal",  BIT(ASSET) | BIT(NETWORK) | BIT(ADDRESS) | BIT(TAG) | BIT(AMOUNT),
                                                                                                  BIT(ASSET) | BIT(NETWORK) | BIT(ADDRESS) | BIT(AMOUNT) },
    [CH_ITEM_BORROW]     = { "borrow",      BIT(ASSET) | BIT(AMOUNT),                             BIT(ASSET) | BIT(AMOUNT) },
    [CH_ITEM_SETTING]    = { "setting",     BIT(NAME) | BIT(VALUE) | BIT(SYMBOL),                 BIT(NAME) | BIT(VALUE) },
    [CH_ITEM_READ]       = { "read",        0,                                                    0 },
};
/* clang-format on */

const char *ch_item_kind_name(ch_item_kind kind)
{
    return kinds[kind].name;
}

ch_facts ch_item_kind_facts(ch_item_kind kind)
{
    return kinds[kind].has;
}

ch_facts ch_item_kind_needs(ch_item_kind kind)
{
    return kinds[kind].needs;
}

/* ---- facts ---- */

/* clang-format off */
static const char *const markets[] = { "spot", "margin", "linear", "inverse", "option", NULL };
static const char *const sides[]   = { "buy", "sell", NULL };
static const char *const times[]   = { "gtc", "gtd", "day", "ioc", "fok", NULL };
static const char *const answers[] = { "yes", "no", NULL };
/* Without -limit in its name, one that is triggered becomes a market order. */
static const char *const types[]   = { "market", "limit", "limit-maker", "stop", "stop-limit", "take-profit",
                                       "take-profit-limit", "trailing", "trailing-limit", "twap", "vwap", NULL };

static const struct {
    const char *name;
    const char *const *words; /* NULL: any text */
    bool is_number;
} facts[CH_FACT_COUNT] = {
    /*                            name              words    is a number */
    [CH_FACT_MARKET]         = { "market",          markets, false },
    [CH_FACT_SYMBOL]         = { "symbol",          NULL,    false },
    [CH_FACT_BASE]           = { "base",            NULL,    false },
    [CH_FACT_QUOTE]          = { "quote",           NULL,    false },
    [CH_FACT_SIDE]           = { "side",            sides,   false },
    [CH_FACT_TYPE]           = { "type",            types,   false },
    [CH_FACT_TIME_IN_FORCE]  = { "time_in_force",   times,   false },
    [CH_FACT_QUANTITY]       = { "quantity",        NULL,    true  },
    [CH_FACT_PRICE]          = { "price",           NULL,    true  },
    [CH_FACT_TRIGGER_PRICE]  = { "trigger_price",   NULL,    true  },
    [CH_FACT_LEVERAGE]       = { "leverage",        NULL,    true  },
    [CH_FACT_REDUCE_ONLY]    = { "reduce_only",     answers, false },
    [CH_FACT_CLOSE_POSITION] = { "close_position",  answers, false },
    [CH_FACT_CLIENT_ID]      = { "client_id",       NULL,    false },
    [CH_FACT_ORDER]          = { "order",           NULL,    false },
    [CH_FACT_ASSET]          = { "asset",           NULL,    false },
    [CH_FACT_AMOUNT]         = { "amount",          NULL,    true  },
    [CH_FACT_FROM]           = { "from",            NULL,    false },
    [CH_FACT_TO]             = { "to",              NULL,    false },
    [CH_FACT_NETWORK]        = { "network",         NULL,    false },
    [CH_FACT_ADDRESS]        = { "address",         NULL,    false },
    [CH_FACT_TAG]            = { "tag",             NULL,    false },
    [CH_FACT_NAME]           = { "name",            NULL,    false },
    [CH_FACT_VALUE]          = { "value",           NULL,    false },
};
/* clang-format on */

const char *ch_fact_name_text(ch_fact_name name)
{
    return facts[name].name;
}

bool ch_fact_has_words(ch_fact_name name)
{
    return facts[name].words != NULL;
}

bool ch_fact_is_number(ch_fact_name name)
{
    return facts[name].is_number;
}

const char *ch_fact_word(ch_fact_name name, ch_slice text)
{
    for (const char *const *word = facts[name].words; word != NULL && *word != NULL; word++) {
        if (ch_slice_is(text, *word))
            return *word;
    }
    return NULL;
}

unsigned ch_fact_word_bit(ch_fact_name name, ch_slice text)
{
    unsigned bit = 1;
    for (const char *const *word = facts[name].words; word != NULL && *word != NULL; word++, bit <<= 1) {
        if (ch_slice_is(text, *word))
            return bit;
    }
    return 0;
}

static bool is_in_any_case(ch_slice text, const char *word)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != word[i]) /* ends at the word's NUL */
            return false;
    }
    return word[text.size] == '\0';
}

const char *ch_fact_word_any_case(ch_fact_name name, ch_slice text)
{
    for (const char *const *word = facts[name].words; word != NULL && *word != NULL; word++) {
        if (is_in_any_case(text, *word))
            return *word;
    }
    return NULL;
}

/* ---- types of orders ---- */

static bool ends_with(ch_slice text, const char *end)
{
    size_t size = strlen(end);
    return text.size >= size && ch_slice_is(ch_slice_after(text, text.size - size), end);
}

bool ch_order_type_has_price(ch_slice type)
{
    return ends_with(type, "limit") || ch_slice_is(type, "limit-maker");
}

bool ch_order_type_lacks_price(ch_slice type)
{
    return ch_slice_is(type, "market") || ch_slice_is(type, "stop") || ch_slice_is(type, "take-profit") ||
           ch_slice_is(type, "trailing");
}

bool ch_order_type_has_trigger(ch_slice type)
{
    return ch_slice_begins(type, CH_LITERAL("stop")) || ch_slice_begins(type, CH_LITERAL("take-profit"));
}
