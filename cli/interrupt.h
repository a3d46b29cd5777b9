/* Ctrl-C and the like, noted while something must be tidied up first. Single-threaded, but for ch_interrupt_came. */
#ifndef CH_CLI_INTERRUPT_H
#define CH_CLI_INTERRUPT_H

#include <stdbool.h>

/* From now on the first SIGINT, SIGTERM or SIGHUP is only noted. The second one ends the program. */
void ch_interrupt_note(void);
bool ch_interrupt_came(void);

#endif
