/* Orders as a client sends them: at Binance, signed with an HMAC, RSA or Ed25519 key; at Coinbase, with a token signed
 * by a P-256 key. */
#ifndef CH_TESTS_BENCH_ORDERS_H
#define CH_TESTS_BENCH_ORDERS_H

#include <openssl/evp.h>
#include <stddef.h>

typedef struct order_form {
    const char *host;
    const char *path; /* what stands before the exchange's */
    const char *key_id;
    const char *secret;    /* of an HMAC key, or NULL */
    EVP_PKEY *private_key; /* if there is no secret; a P-256 key is for Coinbase */
} order_form;

/* Returns the size of the request, which ends with a zero byte. Ends the program if it does not fit, or cannot be
 * signed. Orders differ by number and time. */
size_t order_make(const order_form *form, size_t number, char *out, size_t capacity);

#endif
