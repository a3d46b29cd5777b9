/* Text from elsewhere, made fit to be shown: in an error, a log line, on a terminal, in JSON. Thread-safe. */
#ifndef CH_BASE_PRINTABLE_H
#define CH_BASE_PRINTABLE_H

/* Replaces with '?' every byte of `text` that is a control character (C0, delete, C1) or not well-formed UTF-8, such as
 * what is left of a character that was cut off. The length stays; `text` may be empty. */
void ch_make_printable(char *text);

#endif
