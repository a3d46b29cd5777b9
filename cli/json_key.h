/* A private key inside a JSON object, as in Coinbase's key files: {"name": "organizations/...", "privateKey": "..."}.
 *
 * Read in locked memory, because a JSON library would leave the key in ordinary memory. Single-threaded. */
#ifndef CH_CLI_JSON_KEY_H
#define CH_CLI_JSON_KEY_H

#include "base/buffer.h"
#include "base/secret.h"

/* Puts the private key that `json` holds into `out`, which must be empty, unescaped: the member "privateKey", else the
 * one member that holds a private key in PEM. Appends to `key_id`, if the object says it, the exchange's name for the
 * key, which is public: the member "name" or "id". Of both, it is the name, if that ends with the id, and says so.
 * CH_BAD_INPUT if the text is not one flat JSON object of that kind, or if name and id are of different keys. `json`
 * stays the caller's; the caller wipes `out`. */
CH_CHECKED ch_status ch_json_key_read(const ch_secret *json, ch_secret *out, ch_buffer *key_id, ch_error *err);

#endif
