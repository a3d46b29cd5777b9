/* By which rules the exchange of the benchmarks takes an order: Binance's with an HMAC, RSA or Ed25519 key, and
 * Coinbase's with a P-256 key, which signs a token. Only OpenSSL and jansson help; nothing comes from Chancery. */
#ifndef CH_TESTS_BENCH_RULES_H
#define CH_TESTS_BENCH_RULES_H

#include <stdint.h>

typedef enum verdict {
    VERDICT_OTHER, /* no order call */
    VERDICT_REFUSED,
    VERDICT_BINANCE,  /* an order of Binance, well signed */
    VERDICT_COINBASE, /* one of Coinbase */
} verdict;

/* Both texts outlive the rules. They end the program if there is no room, or no key. */
void rules_add_secret(const char *key_id, const char *secret);
/* The file has a public key in PEM. RSA and Ed25519 keys are Binance's, P-256 keys Coinbase's. */
void rules_add_public_key(const char *key_id, const char *path);

/* `head` has no empty line at its end; `body` ends with a zero byte. `mark` becomes the first 64 bits of the signature
 * of an order that is well signed. */
verdict rules_judge(const char *head, const char *body, uint64_t *mark);

void rules_free(void);

#endif
