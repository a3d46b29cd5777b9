/* The one time that a seed is shown: as a QR code and as text, on the terminal's other screen, which is cleared
 * afterwards. Single-threaded. */
#ifndef CH_CLI_SEED_SCREEN_H
#define CH_CLI_SEED_SCREEN_H

#include "base/secret.h"

/* What an authenticator app must know. */
typedef struct ch_shown_seed {
    const char *person;
    const char *hash; /* "SHA1" */
    unsigned digits;
    const ch_secret *seed;
} ch_shown_seed;

/* Returns CH_BAD_INPUT if there is no terminal. Undo with ch_seed_screen_clear, also after a failure. */
CH_CHECKED ch_status ch_seed_screen_show(const ch_shown_seed *shown, ch_error *err);
/* Clears what was shown, and goes back to the screen of before. */
void ch_seed_screen_clear(void);

#endif
