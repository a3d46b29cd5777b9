/* Who speaks of a fact counts by how near it is: what an item's own parameters say takes precedence over its constants,
 * and these over what it shares with the request. Two of the same rank that say different things make it unknown. */
#include "exchange/intent.h"

#include "base/memory.h"
#include "exchange/intent_impl.h"
#include "exchange/profile_impl.h"
#include "exchange/symbols.h"

#include <string.h>

/* From far to near. */
typedef enum rank {
    RANK_NOBODY,
    RANK_SHARED_CONSTANT,
    RANK_SHARED,
    RANK_CONSTANT,
    RANK_OUTER_LEG,
    RANK_OUTER_ELEMENT,
    RANK_OWN,
} rank;

#define NO_ENTRY UINT16_MAX

/* An item while it is put together. */
typedef struct making {
    ch_intent *intent;
    const ch_item_def *def;
    uint16_t element;
    ch_item *item;
    uint32_t nearness[CH_FACT_COUNT]; /* of who has spoken of each; 0: nobody */
    uint16_t sources[CH_FACT_COUNT];  /* the entry that alone says all of it */
    uint32_t near;                    /* of who speaks now, and of what it may speak */
    ch_facts may_say;
} making;

/* Within a rank, the inner element is nearer, and then the inner leg: both have the higher number. */
static uint32_t nearness_of(rank rank_, uint16_t element, uint8_t leg)
{
    return (uint32_t)rank_ << 24 | (uint32_t)element << 8 | leg;
}

/* ---- what is said of a fact ---- */

/* An order that may only make liquidity is a limit order of a kind. */
static bool is_narrower(ch_fact_name name, ch_slice general, ch_slice narrow)
{
    return name == CH_FACT_TYPE && ch_slice_is(general, "limit") && ch_slice_is(narrow, "limit-maker");
}

/* The bot chooses its own name for an order, so it may be the number of another one: by two parameters, one text may
 * name two orders. */
static bool is_same(ch_fact_name name, const ch_fact *one, const ch_fact *other)
{
    return ch_slice_equal(one->text, other->text) &&
           (name != CH_FACT_ORDER || ch_slice_equal(one->param, other->param));
}

static void merge(making *m, ch_fact_name name, ch_fact said, uint16_t source)
{
    ch_fact *fact = &m->item->facts[name];
    if (fact->state == CH_FACT_STATED && said.state == CH_FACT_STATED) {
        if (is_same(name, fact, &said) || is_narrower(name, said.text, fact->text))
            return;
        if (is_narrower(name, fact->text, said.text)) {
            *fact = said;
            m->sources[name] = source;
            return;
        }
    }
    fact->state = CH_FACT_UNKNOWN;
    fact->text = (ch_slice){NULL, 0};
    if (said.state == CH_FACT_UNKNOWN)
        fact->param = said.param;
    m->sources[name] = NO_ENTRY;
}

static void say(making *m, ch_fact_name name, ch_fact said, uint16_t source)
{
    if ((m->may_say & CH_FACT_BIT(name)) == 0 || m->nearness[name] > m->near)
        return;
    if (m->nearness[name] == m->near) {
        merge(m, name, said, source);
        return;
    }
    m->item->facts[name] = said;
    m->nearness[name] = m->near;
    m->sources[name] = source;
}

static void say_all(making *m, const ch_sayings *sayings, ch_slice param)
{
    for (size_t i = 0; i < sayings->count; i++) {
        const ch_saying *saying = &sayings->items[i];
        bool is_known = saying->word != NULL;
        ch_slice text = is_known ? ch_slice_of(saying->word) : (ch_slice){NULL, 0};
        say(m, saying->fact, (ch_fact){is_known ? CH_FACT_STATED : CH_FACT_UNKNOWN, text, param}, NO_ENTRY);
    }
}

/* A value that the profile does not know may mean whatever the others can. */
static void hide_all(making *m, const ch_entry *entry)
{
    const ch_meaning *meaning = entry->def->meaning;
    for (size_t i = 0; i < meaning->value_count; i++) {
        for (size_t j = 0; j < meaning->values[i].says.count; j++)
            say(m, meaning->values[i].says.items[j].fact,
                (ch_fact){
                    CH_FACT_UNKNOWN, {NULL, 0},
                     entry->name
            },
                NO_ENTRY);
    }
}

static void say_quantity(making *m, const ch_entry *entry, uint16_t source)
{
    ch_fact_name quantity = CH_FACT_QUANTITY;
    ch_unit unit = entry->sense->unit;
    bool is_other = m->nearness[quantity] == m->near && m->item->unit != unit;
    say(m, quantity, is_other ? (ch_fact){CH_FACT_UNKNOWN, {NULL, 0}, entry->name} : entry->fact, source);
    if (m->sources[quantity] == source)
        m->item->unit = unit;
}

static void hear(making *m, uint16_t at)
{
    const ch_entry *entry = &m->intent->entries[at];
    if (entry->sense == NULL || entry->is_nothing)
        return;
    say_all(m, &entry->def->meaning->sense.says, entry->name);
    if (entry->condition != NULL)
        say_all(m, &entry->condition->sense.says, entry->name);
    if (entry->meaning != NULL)
        say_all(m, &entry->meaning->says, entry->name);
    if (entry->is_unmapped)
        hide_all(m, entry);
    if (entry->side.size > 0)
        say(m, CH_FACT_SIDE, (ch_fact){CH_FACT_STATED, entry->side, entry->name}, NO_ENTRY);
    if (entry->fact.state != CH_FACT_NONE && entry->sense->role == CH_FACT_QUANTITY)
        say_quantity(m, entry, at);
    else if (entry->fact.state != CH_FACT_NONE)
        say(m, entry->sense->role, entry->fact, at);
}

/* ---- who says it ---- */

/* Of what an entry says, seen from the item. */
static rank rank_of(const making *m, const ch_entry *entry)
{
    if (!ch_intent_is_in(m->intent, m->element, entry->element))
        return RANK_NOBODY;
    if (entry->leg == m->def->leg)
        return entry->element == m->element ? RANK_OWN : RANK_OUTER_ELEMENT;
    if (entry->leg != 0)
        return ch_intent_is_in_leg(m->intent, m->def->leg, entry->leg) ? RANK_OUTER_LEG : RANK_NOBODY;
    return RANK_SHARED;
}

static ch_facts facts_of_rank(const making *m, rank rank_)
{
    ch_facts all = ch_item_kind_facts(m->def->kind);
    return rank_ == RANK_SHARED || rank_ == RANK_SHARED_CONSTANT ? all & ch_item_shares(m->def) : all;
}

static void listen(making *m, rank rank_)
{
    m->may_say = facts_of_rank(m, rank_);
    for (size_t i = 0; i < m->intent->entry_count; i++) {
        const ch_entry *entry = &m->intent->entries[i];
        m->near = nearness_of(rank_, entry->element, entry->leg);
        if (rank_of(m, entry) == rank_)
            hear(m, (uint16_t)i);
    }
}

static void hear_constants(making *m, rank rank_, const ch_item_def *def)
{
    m->near = nearness_of(rank_, 0, 0);
    m->may_say = facts_of_rank(m, rank_);
    say_all(m, &def->constants, (ch_slice){NULL, 0});
}

static void turn_side(making *m)
{
    ch_fact *side = &m->item->facts[CH_FACT_SIDE];
    if (m->def->is_opposite && side->state == CH_FACT_STATED) {
        side->text = ch_slice_is(side->text, "buy") ? CH_LITERAL("sell") : CH_LITERAL("buy");
        m->sources[CH_FACT_SIDE] = NO_ENTRY; /* the request's own order has it */
    }
}

/* ---- what follows ---- */

static void need(ch_item *item, ch_fact_name name)
{
    if (item->facts[name].state == CH_FACT_NONE)
        item->facts[name].state = CH_FACT_UNKNOWN;
}

static void need_all(ch_item *item, ch_facts facts)
{
    for (ch_fact_name i = 0; i < CH_FACT_COUNT; i++) {
        if ((facts & CH_FACT_BIT(i)) != 0)
            need(item, i);
    }
}

/* A price beside a type that has none is not what the order is filled at. Who amends a price means one that there is.
 */
static void drop_price_without_type(ch_item *item)
{
    const ch_fact *type = &item->facts[CH_FACT_TYPE];
    ch_fact *price = &item->facts[CH_FACT_PRICE];
    bool has_it = type->state == CH_FACT_STATED ? !ch_order_type_lacks_price(type->text) : item->is_amendment;
    if (price->state == CH_FACT_STATED && !has_it)
        *price = (ch_fact){
            CH_FACT_UNKNOWN, {NULL, 0},
             price->param
        };
}

/* Without a quantity it must close a position, and a type can need more. */
static void need_of_type(ch_item *item)
{
    const ch_fact *type = &item->facts[CH_FACT_TYPE];
    if (!ch_slice_is(item->facts[CH_FACT_CLOSE_POSITION].text, "yes"))
        need(item, CH_FACT_QUANTITY);
    if (type->state != CH_FACT_STATED || ch_order_type_has_price(type->text))
        need(item, CH_FACT_PRICE);
    if (type->state != CH_FACT_STATED || ch_order_type_has_trigger(type->text))
        need(item, CH_FACT_TRIGGER_PRICE);
}

static ch_slice in_upper_case(ch_intent *intent, ch_slice text)
{
    ch_autobuffer upper = CH_BUFFER_INIT;
    for (size_t i = 0; i < text.size; i++)
        ch_buffer_add_byte(&upper,
                           text.data[i] >= 'a' && text.data[i] <= 'z' ? (uint8_t)(text.data[i] - 32) : text.data[i]);
    return ch_intent_keep(intent, ch_buffer_slice(&upper));
}

static void derive(making *m, ch_fact_name name, ch_slice text)
{
    ch_fact *fact = &m->item->facts[name];
    if ((ch_item_kind_facts(m->def->kind) & CH_FACT_BIT(name)) == 0 || fact->state != CH_FACT_NONE || text.size == 0)
        return;
    *fact = (ch_fact){CH_FACT_STATED, name == CH_FACT_MARKET ? text : in_upper_case(m->intent, text),
                      m->item->facts[CH_FACT_SYMBOL].param};
}

/* A market that cannot be read may be any. */
static void read_symbol(making *m)
{
    const ch_fact *symbol = &m->item->facts[CH_FACT_SYMBOL];
    const ch_fact *market = &m->item->facts[CH_FACT_MARKET];
    if (symbol->state != CH_FACT_STATED)
        return;
    ch_slice in = market->state == CH_FACT_STATED ? market->text : (ch_slice){NULL, 0};
    ch_symbol_parts parts = ch_symbol_read(m->intent->endpoint->profile, in, symbol->text);
    derive(m, CH_FACT_MARKET, parts.market);
    derive(m, CH_FACT_BASE, parts.base);
    derive(m, CH_FACT_QUOTE, parts.quote);
}

/* `of: base` and `of: quote` name the symbol's. */
static void read_contract(making *m)
{
    ch_item *item = m->item;
    const ch_contract *contract = ch_symbol_contract(m->intent->endpoint->profile, item->facts[CH_FACT_SYMBOL].text);
    if (item->unit != CH_UNIT_CONTRACTS || item->facts[CH_FACT_SYMBOL].state != CH_FACT_STATED || contract == NULL)
        return;
    bool is_base = strcmp(contract->of, "base") == 0;
    bool is_quote = strcmp(contract->of, "quote") == 0;
    item->contract_asset = is_base    ? item->facts[CH_FACT_BASE].text
                           : is_quote ? item->facts[CH_FACT_QUOTE].text
                                      : ch_slice_of(contract->of);
    if (item->contract_asset.size > 0)
        item->contract_size = ch_slice_of(contract->size);
}

/* "limit" is in "limit-maker", whoever says that. */
static bool is_in_type(const making *m, const ch_entry *entry)
{
    return entry->sense != NULL && entry->sense->role == CH_FACT_TYPE && entry->fact.state == CH_FACT_STATED &&
           is_narrower(CH_FACT_TYPE, entry->fact.text, m->item->facts[CH_FACT_TYPE].text);
}

static void mark_carried(making *m)
{
    for (ch_fact_name i = 0; i < CH_FACT_COUNT; i++) {
        if (m->item->facts[i].state == CH_FACT_STATED && m->sources[i] != NO_ENTRY)
            m->intent->entries[m->sources[i]].is_carried = true;
    }
    for (size_t i = 0; i < m->intent->entry_count; i++) {
        ch_entry *entry = &m->intent->entries[i];
        entry->is_carried |= is_in_type(m, entry) && rank_of(m, entry) == RANK_OWN;
    }
}

static void conclude(making *m)
{
    read_symbol(m);
    if (m->def->is_amendment)
        need_all(m->item, ch_item_kind_facts(CH_ITEM_ORDER));
    need_all(m->item, ch_item_kind_needs(m->def->kind));
    if (m->def->kind == CH_ITEM_ORDER) {
        need_of_type(m->item);
        drop_price_without_type(m->item);
    }
    if (m->item->facts[CH_FACT_QUANTITY].state == CH_FACT_STATED)
        read_contract(m);
    mark_carried(m);
}

/* ---- items ---- */

static ch_item *add_item(ch_intent *intent, const ch_item_def *def, uint16_t element)
{
    if (intent->item_count == intent->item_capacity) {
        intent->item_capacity = intent->item_capacity == 0 ? 4 : 2 * intent->item_capacity;
        intent->items = ch_realloc_array(intent->items, intent->item_capacity, sizeof *intent->items);
        intent->origins = ch_realloc_array(intent->origins, intent->item_capacity, sizeof *intent->origins);
    }
    intent->origins[intent->item_count] = (ch_origin_of_item){def, element};
    ch_item *item = &intent->items[intent->item_count++];
    *item = (ch_item){.kind = def->kind, .is_amendment = def->is_amendment};
    return item;
}

/* The endpoint's own items that are no legs. */
static void hear_shared_constants(making *m)
{
    const ch_endpoint *endpoint = m->intent->endpoint;
    for (size_t i = 0; m->def->leg != 0 && i < endpoint->item_count; i++) {
        if (endpoint->items[i].leg == 0)
            hear_constants(m, RANK_SHARED_CONSTANT, &endpoint->items[i]);
    }
}

static void make_item(ch_intent *intent, const ch_item_def *def, uint16_t element)
{
    making m = {.intent = intent, .def = def, .element = element, .item = add_item(intent, def, element)};
    for (ch_fact_name i = 0; i < CH_FACT_COUNT; i++)
        m.sources[i] = NO_ENTRY;
    hear_shared_constants(&m);
    if (def->leg != 0)
        listen(&m, RANK_SHARED);
    turn_side(&m);
    hear_constants(&m, RANK_CONSTANT, def);
    for (rank rank_ = RANK_OUTER_LEG; rank_ <= RANK_OWN; rank_++)
        listen(&m, rank_);
    conclude(&m);
}

/* True if a parameter of exactly that leg stands in exactly that element, and its value means something. */
static bool has_leg(const ch_intent *intent, uint16_t element, uint8_t leg)
{
    for (size_t i = 0; i < intent->entry_count; i++) {
        const ch_entry *entry = &intent->entries[i];
        if (entry->leg == leg && entry->element == element && !entry->is_nothing)
            return true;
    }
    return false;
}

static void make_items(ch_intent *intent, const ch_item_def *def)
{
    for (size_t i = 0; i < intent->element_count; i++) {
        bool is_there = def->leg == 0 ? intent->elements[i].is_whole : has_leg(intent, (uint16_t)i, def->leg);
        if (is_there)
            make_item(intent, def, (uint16_t)i);
    }
}

/* Where the profile says nothing, the class says of which kind a request is, and nothing else can be read. */
static const ch_item_def *default_of(ch_class class_)
{
    static const ch_item_def items[CH_CLASS_COUNT] = {
        [CH_CLASS_READ] = {.kind = CH_ITEM_READ},           [CH_CLASS_TRADE] = {.kind = CH_ITEM_ORDER},
        [CH_CLASS_CANCEL] = {.kind = CH_ITEM_CANCEL},       [CH_CLASS_TRANSFER] = {.kind = CH_ITEM_TRANSFER},
        [CH_CLASS_WITHDRAW] = {.kind = CH_ITEM_WITHDRAWAL}, [CH_CLASS_KEYS] = {.kind = CH_ITEM_SETTING},
        [CH_CLASS_ACCOUNT] = {.kind = CH_ITEM_SETTING},     [CH_CLASS_SESSION] = {.kind = CH_ITEM_ORDER},
    };
    return &items[class_];
}

static void make_unknown(ch_intent *intent, const ch_item_def *def)
{
    need_all(add_item(intent, def, 0), ch_item_kind_facts(def->kind));
}

static bool has_kind(const ch_intent *intent, ch_item_kind kind)
{
    bool is_there = false;
    for (size_t i = 0; i < intent->item_count; i++)
        is_there |= intent->items[i].kind == kind;
    return is_there;
}

/* ---- details ---- */

static bool is_detail(const ch_intent *intent, const ch_entry *entry)
{
    const ch_meaning *meaning = entry->def->meaning;
    if (entry->is_carried || (meaning != NULL && meaning->neutral != NULL))
        return false;
    return intent->endpoint->class_ != CH_CLASS_READ || intent->endpoint->items != NULL;
}

/* The first item that is the entry's own; else one of its element; else the first. */
static uint16_t find_owner(const ch_intent *intent, const ch_entry *entry)
{
    size_t found = 0;
    bool is_found = false;
    for (size_t i = 0; i < intent->item_count; i++) {
        if (!ch_intent_is_in(intent, intent->origins[i].element, entry->element))
            continue;
        if (intent->origins[i].def->leg == entry->leg)
            return (uint16_t)i;
        found = is_found ? found : i;
        is_found = true;
    }
    return (uint16_t)found;
}

static void gather_details(ch_intent *intent)
{
    size_t used = 0;
    for (size_t i = 0; i < intent->entry_count; i++)
        intent->item_of[i] = find_owner(intent, &intent->entries[i]);
    for (size_t at = 0; at < intent->item_count; at++) {
        ch_item *item = &intent->items[at];
        item->details = &intent->details[used];
        for (size_t i = 0; i < intent->entry_count; i++) {
            if (intent->item_of[i] == at && is_detail(intent, &intent->entries[i]))
                intent->details[used++] = (ch_detail){intent->entries[i].name, intent->entries[i].value};
        }
        item->detail_count = (size_t)(&intent->details[used] - item->details);
    }
}

/* ---- the whole ---- */

void ch_intent_read(ch_intent *intent, const ch_endpoint *endpoint, const ch_request *request)
{
    intent->endpoint = endpoint;
    intent->item_count = 0;
    ch_intent_flatten(intent, request);
    intent->is_unique = false;
    if (endpoint->items != NULL)
        ch_intent_read_values(intent);
    for (size_t i = 0; endpoint->items != NULL && i < endpoint->item_count; i++)
        make_items(intent, &endpoint->items[i]);
    if (intent->item_count == 0)
        make_unknown(intent, default_of(endpoint->class_));
    gather_details(intent);
}

/* What is not known may amend nothing. */
void ch_intent_read_unknown(ch_intent *intent, const ch_endpoint *endpoint)
{
    static const ch_item_def kinds[CH_ITEM_KIND_COUNT] = {
        [CH_ITEM_ORDER] = {.kind = CH_ITEM_ORDER},       [CH_ITEM_CANCEL] = {.kind = CH_ITEM_CANCEL},
        [CH_ITEM_TRANSFER] = {.kind = CH_ITEM_TRANSFER}, [CH_ITEM_WITHDRAWAL] = {.kind = CH_ITEM_WITHDRAWAL},
        [CH_ITEM_BORROW] = {.kind = CH_ITEM_BORROW},     [CH_ITEM_SETTING] = {.kind = CH_ITEM_SETTING},
        [CH_ITEM_READ] = {.kind = CH_ITEM_READ},
    };
    intent->endpoint = endpoint;
    intent->item_count = 0;
    intent->entry_count = 0;
    intent->is_unique = false;
    for (size_t i = 0; i < endpoint->item_count; i++) {
        if (!has_kind(intent, endpoint->items[i].kind))
            make_unknown(intent, &kinds[endpoint->items[i].kind]);
    }
    if (intent->item_count == 0)
        make_unknown(intent, default_of(endpoint->class_));
}

size_t ch_intent_count(const ch_intent *intent)
{
    return intent->item_count;
}

const ch_item *ch_intent_item(const ch_intent *intent, size_t index)
{
    return &intent->items[index];
}

bool ch_intent_is_unique(const ch_intent *intent)
{
    return intent->is_unique;
}
