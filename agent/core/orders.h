/* The agent's own record of orders: what was asked of each order that has an id of the bot's own, so that an amendment
 * which leaves something out can be judged as the full new order.
 *
 * Entries are found by book (an account at an exchange) and id. The record never guesses: if a second order came with
 * the same id, or an amendment changed a fact, nobody knows which of the two the exchange has, and the fact is unknown.
 * It is bounded, with a share for each user in each book; the id of an order that was forgotten for that stays unknown
 * for as long as agent/core/forgotten.h says. Core's thread only. */
#ifndef CH_AGENT_CORE_ORDERS_H
#define CH_AGENT_CORE_ORDERS_H

#include "agent/core/forgotten.h"
#include "exchange/intent.h"

#include <sys/types.h>

#define CH_ORDERS_MAX 16384
#define CH_ORDERS_SHARE 4096 /* of one user in one book; if all is used, who has most loses its oldest */

typedef struct ch_orders ch_orders;

ch_orders *ch_orders_new(void);
void ch_orders_free(ch_orders *orders);

/* An order or amendment of `book` is going to be signed, for user `by`. An order without an id, and any other item,
 * changes nothing. */
void ch_orders_note(ch_orders *orders, ch_slice book, uid_t by, const ch_item *item);
/* What is known of the order with that id of the bot's; NULL: nothing. Its fact `client_id` is as it was read. The item
 * is valid until the next call. */
const ch_item *ch_orders_find(ch_orders *orders, ch_slice book, ch_slice id);
size_t ch_orders_count(const ch_orders *orders);

/* ---- what survives a restart: that an id was used, and not for what ---- */

/* The hash of an order's id; false if the item is no order that has one. */
bool ch_orders_hash(ch_slice book, const ch_item *item, uint32_t *hash);
/* Calls `take` for each hash of an id that the record has. */
void ch_orders_each(const ch_orders *orders, void (*take)(void *context, uint32_t hash), void *context);
/* What is noted with one of these ids is unknown. */
ch_forgotten *ch_orders_forgotten(const ch_orders *orders);

#endif
