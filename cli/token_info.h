/* token info: all that a token says of itself, and which schemes of which exchanges it can serve. No login. */
#ifndef CH_CLI_TOKEN_INFO_H
#define CH_CLI_TOKEN_INFO_H

#include "cli/options.h"
#include "pkcs11/token.h"

#include <jansson.h>

/* Sets `*out`, which the caller drops, to what token and module say of themselves: {"token": {}, "module": {}}. */
CH_CHECKED ch_status ch_token_info_describe(const char *module, ch_token *token, json_t **out, ch_error *err);

CH_CHECKED ch_status ch_token_info_run(const ch_arguments *arguments, ch_error *err);

/* What a person must know of the PIN before trying one: "ok", "failed before", "one try left", "locked", "not set", or
 * "" if there is no token. Literals. */
const char *ch_token_pin_state(const ch_token_info *token);

/* Returns the name of a mechanism as JSON, or its number in hex if it is not widely known. The caller owns it. */
json_t *ch_mechanism_type_json(CK_MECHANISM_TYPE type);

#endif
