/* Seams: where a payload joins two texts with nothing between them, so that it may be read with another cut.
 *
 * If the end of a query stands in front of the time, a digit at its end could be the first digit of another time: what
 * was signed as count=15 and 1764000060 is count=1 and 51764000060, a read that does not expire. A request like this is
 * refused, unless another order of its parameters puts something else last. If the end of a path stands there, what the
 * shorter path opens must need nothing more.
 *
 * If a query follows a path without a '?', the end of the path could be the beginning of the query; then the signature
 * also opens what the shorter path is. exchange/confusion.h counts that. */
#ifndef CH_EXCHANGE_SEAMS_H
#define CH_EXCHANGE_SEAMS_H

#include "base/error.h"
#include "exchange/profile_impl.h"

/* For what loads a profile: finds the seams of the recipe's first payload. CH_CONFIG if one is where no request could
 * be judged. */
CH_CHECKED ch_status ch_seams_find(ch_recipe *recipe, ch_error *err);

/* How the payload that was just made could be cut. */
typedef enum ch_seam { CH_SEAM_CLEAN, CH_SEAM_IN_QUERY, CH_SEAM_IN_PATH } ch_seam;

/* Whose payload it is. */
typedef struct ch_seam_input {
    const ch_recipe *recipe;
    const ch_endpoint *endpoint;
    ch_slice path; /* of the request */
} ch_seam_input;

/* `ends[i]` is where part i of the message ends in `payload`. */
ch_seam ch_seams_check(const ch_seam_input *in, ch_slice payload, const size_t *ends);

#endif
