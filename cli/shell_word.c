/* Nothing is special in single quotes but the quote that ends them, which is written outside of them. */
#include "cli/shell_word.h"

#include <string.h>

void ch_shell_word_add_quoted(ch_buffer *out, const char *text)
{
    ch_buffer_add_byte(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            ch_buffer_add_text(out, "'\\''");
        else
            ch_buffer_add_byte(out, (uint8_t)*text);
    }
    ch_buffer_add_byte(out, '\'');
}

void ch_shell_word_add(ch_buffer *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@%+,-";
    if (text[0] != '\0' && text[strspn(text, plain)] == '\0')
        ch_buffer_add_text(out, text);
    else
        ch_shell_word_add_quoted(out, text);
}
