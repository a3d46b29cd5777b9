/* What a key is for: its mechanism, and how its secret and its signatures are written, from --mechanism and --encoding
 * or from a scheme of an exchange profile. */
#ifndef CH_CLI_KEY_CHOICE_H
#define CH_CLI_KEY_CHOICE_H

#include "base/encode.h"
#include "cli/options.h"
#include "exchange/profile.h"
#include "exchange/secret_shape.h"
#include "pkcs11/mechanism.h"

typedef struct ch_choice {
    const ch_mechanism *mechanism;
    ch_encoding encoding;  /* of the secret */
    ch_secret_shape shape; /* of the secret as text; its max is 0 if nothing is known of it */
    ch_encoding signature; /* of signatures; hex without a profile */
} ch_choice;

/* With --profile and without --scheme, the scheme is `default_scheme`; if that is NULL, --scheme is required. */
CH_CHECKED ch_status ch_choice_read(const ch_arguments *arguments, const char *default_scheme, ch_choice *out,
                                    ch_error *err);
/* Makes the same choice for `scheme`. Of the options, only --encoding counts. */
CH_CHECKED ch_status ch_choice_of_scheme(const ch_arguments *arguments, const ch_scheme *scheme, ch_choice *out,
                                         ch_error *err);

#endif
