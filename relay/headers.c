#include "relay/headers.h"

#include <string.h>

/* clang-format off */
static const char *const hop_headers[] = {
    "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer",
    "Transfer-Encoding", "Upgrade", "Host", "Content-Length", "Expect",
};
/* clang-format on */

bool ch_header_is(ch_slice text, const char *word)
{
    return ch_slice_equal_case(text, ch_slice_of(word));
}

bool ch_is_http_word(ch_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!ch_byte_is_alphanumeric(text.data[i]) && (text.data[i] == 0 || !strchr("!#$%&'*+-.^_`|~", text.data[i])))
            return false;
    }
    return text.size > 0;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

ch_slice ch_trim_blanks(ch_slice text)
{
    while (text.size > 0 && is_blank(text.data[0]))
        text = ch_slice_after(text, 1);
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

bool ch_header_list_has(ch_slice list, ch_slice word)
{
    while (list.size > 0) {
        const uint8_t *comma = ch_slice_find(list, ',');
        ch_slice one = {list.data, comma == NULL ? list.size : (size_t)(comma - list.data)};
        if (ch_slice_equal_case(ch_trim_blanks(one), word))
            return true;
        list = ch_slice_after(list, comma == NULL ? list.size : one.size + 1);
    }
    return false;
}

bool ch_is_hop_header(ch_slice name)
{
    for (size_t i = 0; i < sizeof hop_headers / sizeof *hop_headers; i++) {
        if (ch_header_is(name, hop_headers[i]))
            return true;
    }
    return false;
}
