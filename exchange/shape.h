/* The shape of a payload: its template written out, with the values that it uses in their places and lists as a word.
 *
 * Endpoint confusion compares shapes: two payloads can only be the same bytes if their shapes are the same, or if both
 * are those of no parameters. For what loads a profile. */
#ifndef CH_EXCHANGE_SHAPE_H
#define CH_EXCHANGE_SHAPE_H

#include "exchange/profile.h"
#include "exchange/profile_impl.h"

/* Fills in the shapes of the recipe's first payload and what it shows. Returns false if it is made of too many parts.
 */
bool ch_shape_find(ch_recipe *recipe);

/* Numbers the shapes of all recipes, so that a request compares numbers. */
void ch_shapes_number(ch_profile *profile);

#endif
