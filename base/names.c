/* Upper case is left out, so that no two names differ by case alone: some file systems would not keep them apart. */
#include "base/names.h"

static bool is_lower_or_digit(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

static bool is_separator(uint8_t byte)
{
    return byte == '.' || byte == '_' || byte == '-';
}

bool ch_is_name(ch_slice text)
{
    if (text.size == 0 || text.size > CH_NAME_MAX || !is_lower_or_digit(text.data[0]))
        return false;
    for (size_t i = 1; i < text.size; i++) {
        if (!is_lower_or_digit(text.data[i]) && !is_separator(text.data[i]))
            return false;
    }
    return true;
}
