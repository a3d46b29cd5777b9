#include "relay/address.h"

#include "base/encode.h"
#include "base/names.h"

#include <openssl/crypto.h>

#define TOKEN_MIN 32
#define PLAIN CH_LITERAL("https://")
#define ENCODED CH_LITERAL("https%3A%2F%2F")

bool ch_is_bot_token(ch_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!ch_byte_is_alphanumeric(text.data[i]) && text.data[i] != '-' && text.data[i] != '_')
            return false;
    }
    return text.size >= TOKEN_MIN;
}

/* The part of a path up to the next slash or query; `*rest` begins there afterwards. It begins with a slash before. */
static ch_slice take_part(ch_slice *rest)
{
    ch_slice part = ch_slice_after(*rest, 1);
    size_t size = 0;
    while (size < part.size && part.data[size] != '/' && part.data[size] != '?')
        size++;
    *rest = ch_slice_after(part, size);
    part.size = size;
    return part;
}

static ch_status check_token(ch_slice given, const ch_secret *token, ch_error *err)
{
    if (given.size == token->size && CRYPTO_memcmp(given.data, token->data, token->size) == 0)
        return CH_OK;
    return ch_fail(err, CH_NOT_FOUND,
                   "the path does not begin with this port's token; bots' base URL is http://ADDRESS:PORT/TOKEN/KEY");
}

/* True if something follows that start. */
static bool begins_with(ch_slice text, ch_slice start)
{
    return text.size > start.size && ch_slice_begins_case(text, start);
}

/* After decoding, as before, only what a URL can have. */
static ch_status decode_url(ch_slice text, ch_buffer *out, ch_error *err)
{
    if (ch_slice_find(text, '?') != NULL || ch_slice_find(text, '/') != NULL || !ch_decode_percent(out, text, false))
        return ch_fail(err, CH_BAD_INPUT, "a percent-encoded URL must be encoded whole, in upper-case hex");
    for (size_t i = 0; i < out->size; i++) {
        if (out->data[i] <= ' ' || out->data[i] > '~' || out->data[i] == '#')
            return ch_fail(err, CH_BAD_INPUT, "the percent-encoded URL holds a character that a URL cannot have");
    }
    return CH_OK;
}

/* What stands after the key, with the slash before it. */
static ch_status read_url(ch_slice rest, ch_bot_address *out, ch_error *err)
{
    ch_slice text = rest.size > 0 && rest.data[0] == '/' ? ch_slice_after(rest, 1) : CH_LITERAL("");
    if (begins_with(text, ENCODED))
        return decode_url(text, &out->url, err);
    if (begins_with(text, PLAIN)) {
        ch_buffer_add_slice(&out->url, text);
        return CH_OK;
    }
    if (begins_with(text, CH_LITERAL("http:")) || begins_with(text, CH_LITERAL("http%3A")) ||
        begins_with(text, CH_LITERAL("https:")))
        return ch_fail(err, CH_BAD_INPUT, "the URL after the prefix must begin with https://, or be percent-encoded");
    if (rest.size == 0 || rest.data[0] != '/')
        ch_buffer_add_byte(&out->url, '/');
    ch_buffer_add_slice(&out->url, rest);
    return CH_OK;
}

ch_status ch_bot_address_read(ch_slice target, const ch_secret *token, ch_bot_address *out, ch_error *err)
{
    ch_slice rest = target;
    *out = (ch_bot_address){.url = CH_BUFFER_INIT};
    if (token != NULL)
        CH_TRY(check_token(take_part(&rest), token, err));
    if (rest.size == 0 || rest.data[0] != '/')
        return ch_fail(err, CH_BAD_INPUT, "the path names no key");
    out->key = take_part(&rest);
    if (!ch_is_name(out->key))
        return ch_fail(err, CH_BAD_INPUT, "the path does not name a key where one belongs");
    if (rest.size > 1 && rest.data[0] == '/' && rest.data[1] == '~') {
        out->origin = ch_slice_after(take_part(&rest), 1);
        if (!ch_is_name(out->origin))
            return ch_fail(err, CH_BAD_INPUT, "after the ~ must stand the name of an origin of the key's profile");
    }
    return read_url(rest, out, err);
}
