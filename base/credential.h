/* Credentials of the service manager (systemd.exec(5), LoadCredentialEncrypted=): files in the folder that
 * $CREDENTIALS_DIRECTORY names, which the manager makes for one unit. */
#ifndef CH_BASE_CREDENTIAL_H
#define CH_BASE_CREDENTIAL_H

#include "base/secret.h"

/* Reads the credential `name` into `out`, which must be empty: at most `max_bytes`, without the line end that may close
 * them. Returns CH_NOT_FOUND if there is no folder, or no such file in it; CH_CONFIG if somebody else could change or
 * read the file, or `name` cannot be a credential's; CH_BAD_INPUT if the file is empty. */
CH_CHECKED ch_status ch_credential_read(const char *name, size_t max_bytes, ch_secret *out, ch_error *err);

#endif
