/* Signed requests of a real client, and whether a profile's recipes make the same: `chancery profile test`.
 *
 * A file of vectors is JSON: "credentials" (apiKey, secret or privateKey in PEM, password), "clock_ms" (the client's
 * frozen clock, and its nonce), and "vectors", each with "method", "path" (with {name} where parameters stand),
 * "params", the finished "request" (method, url, headers, body) and what was signed: "hmac" (hash, message_hex,
 * key_hex, encoding, value) or "signatures" (scheme, message_hex, encoding, value). Random bytes are zeros. The keys
 * are for tests; they are used in software, in this process. */
#ifndef CH_CLI_VECTORS_H
#define CH_CLI_VECTORS_H

#include "base/error.h"
#include "exchange/recipe.h"

#include <jansson.h>

typedef struct ch_vectors ch_vectors;

CH_CHECKED ch_status ch_vectors_load(const char *path, ch_vectors **out, ch_error *err);
void ch_vectors_free(ch_vectors *vectors);
size_t ch_vectors_count(const ch_vectors *vectors);
/* "POST order/cancel" */
const char *ch_vectors_title(ch_vectors *vectors, size_t index);

/* CH_OK if the profile makes the same request and signature. `*note` is set to a remark worth printing, or NULL. */
CH_CHECKED ch_status ch_vectors_check(ch_vectors *vectors, size_t index, const ch_profile *profile, const char **note,
                                      ch_error *err);

#endif
