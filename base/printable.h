/* Text from elsewhere, made fit to be shown: in an error, a log line, on a terminal, in JSON. Thread-safe. */
#ifndef CH_BASE_PRINTABLE_H
#define CH_BASE_PRINTABLE_H

#include <stdint.h>

/* Replaces with '?' every byte of `text` that is a control character (C0, delete, C1) or not well-formed UTF-8, such as
 * what is left of a character that was cut off; and those of characters that nobody sees, or that move others, but for
 * the space. The length stays; `text` may be empty. */
void ch_make_printable(char *text);

/* What to call a character that nobody sees, for messages: "a no-break space", "a mark of direction". NULL if it is not
 * one. Of the control characters it knows the blanks only. */
const char *ch_unseen_name(uint32_t code);

#endif
