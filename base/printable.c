/* A terminal may obey C1 controls (U+0080 to U+009F) too, and a stray byte of one, such as 0x9b, even outside UTF-8. */
#include "base/printable.h"

#include "base/slice.h"

#include <stdbool.h>
#include <string.h>

/* Also: all that Unicode lets a program leave out when it shows text (Default_Ignorable_Code_Point). */
/* clang-format off */
static const struct {
    uint32_t first;
    uint32_t last;
    const char *what;
} unseen[] = {
    /* code points     what they are */
    { 0x20,    0x20,    "a space" },
    { 0x09,    0x09,    "a tab" },
    { 0x0b,    0x0c,    "a form feed" },
    { 0x85,    0x85,    "a next-line character" },
    { 0xa0,    0xa0,    "a no-break space" },
    { 0xad,    0xad,    "a soft hyphen" },
    { 0x034f,  0x034f,  "a character without width" },
    { 0x061c,  0x061c,  "a mark of direction" },
    { 0x115f,  0x1160,  "a filler" },
    { 0x1680,  0x1680,  "a Unicode space" },
    { 0x17b4,  0x17b5,  "a character without width" },
    { 0x180b,  0x180f,  "a character without width" },
    { 0x2000,  0x200a,  "a Unicode space" },
    { 0x200b,  0x200d,  "a character without width" },
    { 0x200e,  0x200f,  "a mark of direction" },
    { 0x2028,  0x2029,  "a Unicode line separator" },
    { 0x202a,  0x202e,  "a mark of direction" },
    { 0x202f,  0x202f,  "a no-break space" },
    { 0x205f,  0x205f,  "a Unicode space" },
    { 0x2060,  0x2065,  "a character without width" },
    { 0x2066,  0x2069,  "a mark of direction" },
    { 0x206a,  0x206f,  "a character without width" },
    { 0x2800,  0x2800,  "a blank of Braille" },
    { 0x3000,  0x3000,  "a wide space" },
    { 0x3164,  0x3164,  "a filler" },
    { 0xfe00,  0xfe0f,  "a character without width" },
    { 0xfeff,  0xfeff,  "a byte order mark" },
    { 0xffa0,  0xffa0,  "a filler" },
    { 0xfff0,  0xfffb,  "a character without width" },
    { 0x1bca0, 0x1bca3, "a character without width" },
    { 0x1d173, 0x1d17a, "a character without width" },
    { 0xe0000, 0xe0fff, "a character without width" },
};
/* clang-format on */

const char *ch_unseen_name(uint32_t code)
{
    if (code > ' ' && code < 0x80) /* most text; the table has none of it */
        return NULL;
    for (size_t i = 0; i < sizeof unseen / sizeof unseen[0]; i++) {
        if (code >= unseen[i].first && code <= unseen[i].last)
            return unseen[i].what;
    }
    return NULL;
}

void ch_make_printable(char *text)
{
    for (size_t left = strlen(text), size = 0; left > 0; text += size, left -= size) {
        uint32_t code;
        size = ch_slice_code_point((ch_slice){(const uint8_t *)text, left}, &code);
        bool is_shown = size > 0 && (code == ' ' || ch_unseen_name(code) == NULL);
        size = size > 0 ? size : 1;
        if (!is_shown)
            memset(text, '?', size);
    }
}
