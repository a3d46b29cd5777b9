/* Policy looks at the parameter that names an order, so that an id of the exchange's own is never taken for one of
 * these (policy/amend.h). */
#include "agent/core/orders.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define CHAINS 4096
#define BOOKS_MAX 64  /* that are told apart by their names, and not by the hashes of ids alone */
#define LANES_MAX 256 /* with a count and an age of their own */

typedef struct entry {
    struct entry *next;  /* in its chain */
    struct entry *newer; /* in its lane */
    size_t book;         /* index of its name */
    ch_forgotten_id key;
    uint8_t states[CH_FACT_COUNT];
    uint32_t ends[CH_FACT_COUNT]; /* where each fact's text ends in `texts` */
    ch_unit unit;
    uint32_t contract_ends[2]; /* of the contract's size and asset, after the facts */
    uint32_t id_end;           /* of the id, after those; then comes its parameter's name */
    ch_buffer texts;
} entry;

/* What a user has in a book. */
typedef struct lane {
    size_t book;
    uid_t uid;
    size_t used;
    entry *oldest;
    entry *newest;
} lane;

struct ch_orders {
    entry *chains[CHAINS];
    size_t used;
    char *books[BOOKS_MAX];
    size_t book_count;
    lane lanes[LANES_MAX];
    size_t lane_count;
    ch_forgotten *forgotten;
    ch_item found; /* what ch_orders_find returned last */
};

ch_orders *ch_orders_new(void)
{
    ch_orders *orders = ch_alloc(sizeof *orders);
    orders->forgotten = ch_forgotten_new();
    return orders;
}

static void free_entry(entry *at)
{
    ch_buffer_free(&at->texts);
    free(at);
}

void ch_orders_free(ch_orders *orders)
{
    if (orders == NULL)
        return;
    for (size_t i = 0; i < orders->lane_count; i++) {
        for (entry *at = orders->lanes[i].oldest, *newer; at != NULL; at = newer) {
            newer = at->newer;
            free_entry(at);
        }
    }
    for (size_t i = 0; i < orders->book_count; i++)
        free(orders->books[i]);
    ch_forgotten_free(orders->forgotten);
    free(orders);
}

size_t ch_orders_count(const ch_orders *orders)
{
    return orders->used;
}

/* ---- texts ---- */

static ch_slice part(const entry *at, uint32_t begin, uint32_t end)
{
    return (ch_slice){at->texts.data + begin, end - begin};
}

static ch_slice fact_text(const entry *at, size_t fact)
{
    return part(at, fact == 0 ? 0 : at->ends[fact - 1], at->ends[fact]);
}

static ch_slice id_of(const entry *at)
{
    return part(at, at->contract_ends[1], at->id_end);
}

static ch_slice param_of(const entry *at)
{
    return part(at, at->id_end, (uint32_t)at->texts.size);
}

static uint32_t keep(entry *at, ch_slice text)
{
    ch_buffer_add_slice(&at->texts, text);
    return (uint32_t)at->texts.size;
}

/* ---- books ---- */

/* All books beyond the last are one with it. */
static size_t book_of(ch_orders *orders, ch_slice book)
{
    for (size_t i = 0; i < orders->book_count; i++) {
        if (ch_slice_is(book, orders->books[i]))
            return i;
    }
    if (orders->book_count == BOOKS_MAX)
        return BOOKS_MAX - 1;
    orders->books[orders->book_count] = ch_slice_strdup(book);
    return orders->book_count++;
}

/* One that is empty becomes another's; if there is none, all beyond the last share its count. */
static size_t lane_of(ch_orders *orders, size_t book, uid_t uid)
{
    size_t free_lane = LANES_MAX - 1;
    for (size_t i = 0; i < orders->lane_count; i++) {
        const lane *at = &orders->lanes[i];
        if (at->book == book && at->uid == uid)
            return i;
        if (at->used == 0)
            free_lane = i;
    }
    if (orders->lane_count < LANES_MAX)
        free_lane = orders->lane_count++;
    if (orders->lanes[free_lane].used == 0)
        orders->lanes[free_lane] = (lane){.book = book, .uid = uid};
    return free_lane;
}

static size_t longest_lane(const ch_orders *orders)
{
    size_t found = 0;
    for (size_t i = 1; i < orders->lane_count; i++)
        found = orders->lanes[i].used > orders->lanes[found].used ? i : found;
    return found;
}

/* ---- the table ---- */

static ch_forgotten_id key_of(ch_slice book, ch_slice id)
{
    uint32_t of_book = ch_slice_hash(book);
    return (ch_forgotten_id){.book = of_book, .hash = of_book * 2654435761U ^ ch_slice_hash(id)};
}

static entry *find(const ch_orders *orders, size_t book, uint32_t hash, ch_slice id)
{
    entry *at = orders->chains[hash % CHAINS];
    while (at != NULL && (at->key.hash != hash || at->book != book || !ch_slice_equal(id_of(at), id)))
        at = at->next;
    return at;
}

static void forget_oldest(ch_orders *orders, lane *of)
{
    entry *at = of->oldest;
    entry **link = &orders->chains[at->key.hash % CHAINS];
    while (*link != at)
        link = &(*link)->next;
    *link = at->next;
    of->oldest = at->newer;
    of->used--;
    orders->used--;
    ch_forgotten_note(orders->forgotten, of->uid, at->key);
    free_entry(at);
}

static void make_room(ch_orders *orders, size_t own)
{
    bool has_share = orders->lanes[own].used >= CH_ORDERS_SHARE;
    if (!has_share && orders->used < CH_ORDERS_MAX)
        return;
    forget_oldest(orders, &orders->lanes[has_share ? own : longest_lane(orders)]);
}

static void append(ch_orders *orders, lane *to, entry *at)
{
    at->next = orders->chains[at->key.hash % CHAINS];
    orders->chains[at->key.hash % CHAINS] = at;
    *(to->oldest == NULL ? &to->oldest : &to->newest->newer) = at;
    to->newest = at;
    to->used++;
    orders->used++;
}

/* ---- what is noted ---- */

static void make_unknown(entry *at)
{
    memset(at->states, CH_FACT_UNKNOWN, sizeof at->states);
}

static void add(ch_orders *orders, size_t book, uid_t by, ch_forgotten_id key, const ch_item *item)
{
    entry *at = ch_alloc(sizeof *at);
    at->book = book;
    at->key = key;
    at->unit = item->unit;
    for (size_t i = 0; i < CH_FACT_COUNT; i++) {
        const ch_fact *fact = &item->facts[i];
        at->states[i] = (uint8_t)fact->state;
        at->ends[i] = keep(at, fact->state == CH_FACT_STATED ? fact->text : CH_LITERAL(""));
    }
    at->contract_ends[0] = keep(at, item->contract_size);
    at->contract_ends[1] = keep(at, item->contract_asset);
    at->id_end = keep(at, item->facts[CH_FACT_CLIENT_ID].text);
    keep(at, item->facts[CH_FACT_CLIENT_ID].param);
    if (ch_forgotten_has(orders->forgotten, key))
        make_unknown(at);
    size_t own = lane_of(orders, book, by);
    make_room(orders, own);
    append(orders, &orders->lanes[own], at);
}

/* Either of the two may be what the exchange has. */
static void merge(entry *at, const ch_item *other)
{
    if (!ch_slice_equal(other->facts[CH_FACT_CLIENT_ID].param, param_of(at)))
        make_unknown(at);
    for (size_t i = 0; i < CH_FACT_COUNT; i++) {
        const ch_fact *fact = &other->facts[i];
        bool is_same = fact->state == (ch_fact_state)at->states[i] &&
                       (fact->state != CH_FACT_STATED || ch_slice_equal(fact->text, fact_text(at, i)));
        if (!is_same)
            at->states[i] = CH_FACT_UNKNOWN;
    }
    bool is_counted_alike =
        other->unit == at->unit &&
        ch_slice_equal(other->contract_size, part(at, at->ends[CH_FACT_COUNT - 1], at->contract_ends[0])) &&
        ch_slice_equal(other->contract_asset, part(at, at->contract_ends[0], at->contract_ends[1]));
    if (!is_counted_alike)
        at->states[CH_FACT_QUANTITY] = CH_FACT_UNKNOWN;
}

/* An amendment says nothing of what stays as it is; what it says, the exchange may take or not. */
static void change(entry *at, const ch_item *amendment)
{
    for (size_t i = 0; i < CH_FACT_COUNT; i++) {
        const ch_fact *fact = &amendment->facts[i];
        bool is_other = fact->state == CH_FACT_STATED && !ch_slice_equal(fact->text, fact_text(at, i));
        bool is_hidden = fact->state == CH_FACT_UNKNOWN && fact->param.size > 0;
        if (i != CH_FACT_ORDER && i != CH_FACT_CLIENT_ID && (is_other || is_hidden))
            at->states[i] = CH_FACT_UNKNOWN;
    }
    if (amendment->facts[CH_FACT_QUANTITY].state == CH_FACT_STATED && amendment->unit != at->unit)
        at->states[CH_FACT_QUANTITY] = CH_FACT_UNKNOWN;
}

bool ch_orders_hash(ch_slice book, const ch_item *item, uint32_t *hash)
{
    const ch_fact *id = &item->facts[CH_FACT_CLIENT_ID];
    if (item->kind != CH_ITEM_ORDER || item->is_amendment || id->state != CH_FACT_STATED)
        return false;
    *hash = key_of(book, id->text).hash;
    return true;
}

void ch_orders_each(const ch_orders *orders, void (*take)(void *context, uint32_t hash), void *context)
{
    for (size_t i = 0; i < orders->lane_count; i++) {
        for (const entry *at = orders->lanes[i].oldest; at != NULL; at = at->newer)
            take(context, at->key.hash);
    }
}

ch_forgotten *ch_orders_forgotten(const ch_orders *orders)
{
    return orders->forgotten;
}

void ch_orders_note(ch_orders *orders, ch_slice book, uid_t by, const ch_item *item)
{
    const ch_fact *id = &item->facts[item->is_amendment ? CH_FACT_ORDER : CH_FACT_CLIENT_ID];
    if (item->kind != CH_ITEM_ORDER || id->state != CH_FACT_STATED)
        return;
    ch_forgotten_id key = key_of(book, id->text);
    size_t index = book_of(orders, book);
    entry *at = find(orders, index, key.hash, id->text);
    if (item->is_amendment && at != NULL)
        change(at, item);
    else if (!item->is_amendment && at != NULL)
        merge(at, item);
    else if (!item->is_amendment)
        add(orders, index, by, key, item);
}

/* ---- what is found ---- */

const ch_item *ch_orders_find(ch_orders *orders, ch_slice book, ch_slice id)
{
    const entry *at = find(orders, book_of(orders, book), key_of(book, id).hash, id);
    if (at == NULL)
        return NULL;
    orders->found = (ch_item){.kind = CH_ITEM_ORDER,
                              .unit = at->unit,
                              .contract_size = part(at, at->ends[CH_FACT_COUNT - 1], at->contract_ends[0]),
                              .contract_asset = part(at, at->contract_ends[0], at->contract_ends[1])};
    for (size_t i = 0; i < CH_FACT_COUNT; i++)
        orders->found.facts[i] = (ch_fact){.state = (ch_fact_state)at->states[i], .text = fact_text(at, i)};
    orders->found.facts[CH_FACT_CLIENT_ID] = (ch_fact){CH_FACT_STATED, id_of(at), param_of(at)};
    return &orders->found;
}
