/* What files and clipboards put around a secret: byte order marks, blanks that nobody sees, quotes, names, comments.
 *
 * None of it belongs to a secret, and a key made with it signs wrongly for ever, so it is refused, never removed: each
 * check returns CH_BAD_INPUT with the reason and what to do. No message quotes the text. `name` ("the API secret") is
 * for messages. Thread-safe. */
#ifndef CH_CLI_STRAY_TEXT_H
#define CH_CLI_STRAY_TEXT_H

#include "base/error.h"
#include "base/slice.h"

/* The text without the one line end (LF or CR LF) that may close it. */
ch_slice ch_stray_without_end(ch_slice text);

/* How the file was saved: a byte order mark, UTF-16, NUL bytes, carriage returns that end no line, nothing at all. For
 * any text. */
CH_CHECKED ch_status ch_stray_check_file(ch_slice text, const char *name, ch_error *err);

/* How the text begins: blanks and empty lines, a comment, NAME=value, quotes. For any text that passed the first check.
 */
CH_CHECKED ch_status ch_stray_check_start(ch_slice text, const char *name, ch_error *err);

/* What stands within and at the end: blanks, quotes, control characters, characters that are not ASCII. For a value of
 * one line, without its end. */
CH_CHECKED ch_status ch_stray_check_value(ch_slice value, const char *name, ch_error *err);

#endif
