/* A terminal may obey C1 controls (U+0080 to U+009F) too, and a stray byte of one, such as 0x9b, even outside UTF-8. */
#include "base/printable.h"

#include "base/slice.h"

#include <string.h>

void ch_make_printable(char *text)
{
    for (size_t left = strlen(text); left > 0; text++, left--) {
        size_t good = ch_slice_count_text((ch_slice){(const uint8_t *)text, left});
        if (good == left)
            return;
        text += good;
        left -= good;
        *text = '?';
    }
}
