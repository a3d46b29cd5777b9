/* Text as words of a POSIX shell's command line, for commands that people copy or pipe into a shell. Thread-safe. */
#ifndef CH_CLI_SHELL_WORD_H
#define CH_CLI_SHELL_WORD_H

#include "base/buffer.h"

/* Appends `text` as one word, in single quotes, in which a shell takes every byte as it is. */
void ch_shell_word_add_quoted(ch_buffer *out, const char *text);
/* The same, but without quotes if the word needs none. */
void ch_shell_word_add(ch_buffer *out, const char *text);

#endif
