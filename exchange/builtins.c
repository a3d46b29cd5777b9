/* docs/profiles.md describes them. */
#include "exchange/builtins.h"

#include <assert.h>

/* clang-format off */
static const char *const names[CH_BUILTIN_COUNT] = {
    /* builtin                 name */
    [CH_BUILTIN_METHOD]     = "method",
    [CH_BUILTIN_PATH]       = "path",
    [CH_BUILTIN_ORIGIN]     = "origin",
    [CH_BUILTIN_HOST]       = "host",
    [CH_BUILTIN_KEY_ID]     = "key_id",
    [CH_BUILTIN_PASSPHRASE] = "passphrase",
    [CH_BUILTIN_ALG]        = "alg",
    [CH_BUILTIN_TIME_S]     = "time_s",
    [CH_BUILTIN_TIME_MS]    = "time_ms",
    [CH_BUILTIN_TIME_US]    = "time_us",
    [CH_BUILTIN_TIME_ISO]   = "time_iso",
    [CH_BUILTIN_TIME_UTC]   = "time_utc",
    [CH_BUILTIN_NONCE]      = "nonce",
    [CH_BUILTIN_UUID]       = "uuid",
    [CH_BUILTIN_RANDOM]     = "random",
    [CH_BUILTIN_NEWLINE]    = "newline",
    [CH_BUILTIN_WINDOW]     = "window",
    [CH_BUILTIN_SIGNATURE]  = "signature",
};
/* clang-format on */

const char *ch_builtin_name(ch_builtin builtin)
{
    assert(builtin < CH_BUILTIN_COUNT);
    return names[builtin];
}
