/* What a new key is for: its mechanism and how its secret is written, from --mechanism and --encoding or from a scheme
 * of an exchange profile. */
#ifndef CH_CLI_KEY_CHOICE_H
#define CH_CLI_KEY_CHOICE_H

#include "base/encode.h"
#include "cli/command.h"
#include "pkcs11/mechanism.h"

typedef struct ch_key_choice {
    const ch_mechanism *mechanism;
    ch_encoding encoding;
} ch_key_choice;

/* `default_scheme` is used with --profile when --scheme is not given; NULL: then --scheme must be. */
CH_CHECKED ch_status ch_key_choice_make(const ch_arguments *arguments, const char *default_scheme, ch_key_choice *out,
                                        ch_error *err);

#endif
