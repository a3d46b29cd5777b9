/* What the path of a bot's request says: the listener's token, the key, and what is to be called at the exchange.
 *
 *     /TOKEN/KEY/api/v3/order?symbol=...              a base URL; the agent looks for the path at all origins
 *     /TOKEN/KEY/~usdm/fapi/v1/order?...              the same with the name of an origin
 *     /TOKEN/KEY/https://api.binance.com/api/v3/order a URL after a prefix (ccxt's proxyUrl)
 *     /TOKEN/KEY/https%3A%2F%2Fapi.binance.com%2F...  the same, percent-encoded whole
 *
 * A listener on a Unix socket has no token, and its paths begin with the key. An origin's name begins with a tilde
 * because RFC 3986 lets no client encode that, and no exchange's path begins with one. Thread-safe. */
#ifndef CH_RELAY_ADDRESS_H
#define CH_RELAY_ADDRESS_H

#include "base/buffer.h"
#include "base/secret.h"

typedef struct ch_bot_address {
    ch_slice key; /* views of the target */
    ch_slice origin;
    ch_buffer url; /* a path with its query, or a URL; the caller frees it */
} ch_bot_address;

/* Reads `target`, the path of a request line. `token` is compared in constant time; NULL: there is none. Returns
 * CH_NOT_FOUND if the token is wrong or missing, CH_BAD_INPUT if the rest is not an address. No error names the token.
 */
CH_CHECKED ch_status ch_bot_address_read(ch_slice target, const ch_secret *token, ch_bot_address *out, ch_error *err);

/* True if `text` can be a token: 32 bytes or more of A-Z a-z 0-9 - _. */
bool ch_is_bot_token(ch_slice text);

#endif
