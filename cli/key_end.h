/* --expires: the last day of a new key, which the token notes, if it keeps such notes. Single-threaded. */
#ifndef CH_CLI_KEY_END_H
#define CH_CLI_KEY_END_H

#include "cli/options.h"
#include "pkcs11/key.h"

typedef struct ch_key_end {
    bool is_given;
    bool is_kept; /* by the token */
    char first_day[CH_DATE_SIZE];
    char last_day[CH_DATE_SIZE];
} ch_key_end;

/* Reads --expires. Returns CH_BAD_INPUT for what is no day, or a day that has passed. */
CH_CHECKED ch_status ch_key_end_read(const ch_arguments *arguments, ch_key_end *out, ch_error *err);
/* Has the token note it with the key that `uri` names, from today on. Does nothing if none was given. */
CH_CHECKED ch_status ch_key_end_note(ch_session *session, const char *uri, ch_key_end *end, ch_error *err);

#endif
