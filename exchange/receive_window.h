/* Keeps requests within the receive window that a key's policy lets them have, where an ordinary parameter says it
 * (`validity: { param: ... }`). What a recipe calls {window} is the recipe's: ch_recipe_find_window. Thread-safe. */
#ifndef CH_EXCHANGE_RECEIVE_WINDOW_H
#define CH_EXCHANGE_RECEIVE_WINDOW_H

#include "base/error.h"
#include "exchange/profile.h"
#include "exchange/request.h"

#define CH_RECEIVE_WINDOW_TEXT_MAX 11 /* the digits of any number of milliseconds, and the 0 at their end */

/* Adds that parameter, with `max_ms`, after all others, if the endpoint takes it, the bot did not give it, and the
 * exchange's default is longer; returns whether it did. With a `max_ms` of 0 it never does. `request` is not checked
 * yet, and its params have room for one more; `text` takes CH_RECEIVE_WINDOW_TEXT_MAX bytes and must outlive them. */
bool ch_receive_window_add(const ch_endpoint *endpoint, const ch_scheme *scheme, uint32_t max_ms, char *text,
                           ch_request *request);

/* Is `request`, which is checked, valid no longer than `max_ms` where `endpoint` takes it? `is_harmless`: all that the
 * signature opens are reads and cancels, which may be valid for longer where no parameter could shorten that.
 * CH_REFUSED, rule `receive_window`, says what to set. */
CH_CHECKED ch_status ch_receive_window_check(const ch_endpoint *endpoint, const ch_scheme *scheme,
                                             const ch_request *request, uint32_t max_ms, bool is_harmless,
                                             ch_error *err);

#endif
