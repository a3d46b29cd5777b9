/* The values that every template may name. Those of a recipe's own follow them. */
#ifndef CH_EXCHANGE_BUILTINS_H
#define CH_EXCHANGE_BUILTINS_H

typedef enum ch_builtin {
    CH_BUILTIN_METHOD,
    CH_BUILTIN_PATH,
    CH_BUILTIN_ORIGIN,
    CH_BUILTIN_HOST,
    CH_BUILTIN_KEY_ID,
    CH_BUILTIN_PASSPHRASE,
    CH_BUILTIN_ALG,
    CH_BUILTIN_TIME_S,
    CH_BUILTIN_TIME_MS,
    CH_BUILTIN_TIME_US,
    CH_BUILTIN_TIME_ISO,
    CH_BUILTIN_TIME_UTC,
    CH_BUILTIN_NONCE,
    CH_BUILTIN_UUID,
    CH_BUILTIN_RANDOM,
    CH_BUILTIN_NEWLINE,
    CH_BUILTIN_WINDOW,    /* the receive window */
    CH_BUILTIN_SIGNATURE, /* of the first payload; only after it is signed */
    CH_BUILTIN_COUNT
} ch_builtin;

/* The name as a template writes it. */
const char *ch_builtin_name(ch_builtin builtin);

#endif
