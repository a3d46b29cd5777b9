/* A new filter is one row in the table below and a few lines above it; nothing else knows it. */
#include "exchange/filters.h"

#include "base/encode.h"

#include <openssl/evp.h>

/* ---- digests ---- */

static ch_status hash(const ch_filter_call *call, ch_buffer *out, ch_digest digest)
{
    const EVP_MD *kind = call->scratch->digests[digest];
    EVP_MD_CTX *context = call->scratch->context;
    unsigned size = 0;
    uint8_t *to = ch_buffer_reserve(out, EVP_MAX_MD_SIZE);
    if (kind == NULL || EVP_DigestInit_ex2(context, kind, NULL) != 1 ||
        EVP_DigestUpdate(context, call->in.data, call->in.size) != 1 || EVP_DigestFinal_ex(context, to, &size) != 1)
        return ch_fail(call->err, CH_INTERNAL, "OpenSSL can't compute a digest");
    ch_buffer_commit(out, size);
    return CH_OK;
}

static ch_status filter_sha256(const ch_filter_call *call, ch_buffer *out)
{
    return hash(call, out, CH_DIGEST_SHA256);
}

static ch_status filter_sha384(const ch_filter_call *call, ch_buffer *out)
{
    return hash(call, out, CH_DIGEST_SHA384);
}

static ch_status filter_sha512(const ch_filter_call *call, ch_buffer *out)
{
    return hash(call, out, CH_DIGEST_SHA512);
}

/* ---- encodings ---- */

static ch_status filter_hex(const ch_filter_call *call, ch_buffer *out)
{
    ch_encode(out, CH_ENCODE_HEX, call->in);
    return CH_OK;
}

static ch_status filter_hex_upper(const ch_filter_call *call, ch_buffer *out)
{
    ch_encode(out, CH_ENCODE_HEX_UPPER, call->in);
    return CH_OK;
}

static ch_status filter_base64(const ch_filter_call *call, ch_buffer *out)
{
    ch_encode(out, CH_ENCODE_BASE64, call->in);
    return CH_OK;
}

static ch_status filter_base64url(const ch_filter_call *call, ch_buffer *out)
{
    ch_encode(out, CH_ENCODE_BASE64URL, call->in);
    return CH_OK;
}

static ch_status filter_percent(const ch_filter_call *call, ch_buffer *out)
{
    ch_encode_percent(out, call->in, "");
    return CH_OK;
}

static ch_status filter_json(const ch_filter_call *call, ch_buffer *out)
{
    ch_encode_json(out, call->in);
    return CH_OK;
}

static ch_status change_case(const ch_filter_call *call, ch_buffer *out, char first, char last)
{
    for (size_t i = 0; i < call->in.size; i++) {
        uint8_t byte = call->in.data[i];
        ch_buffer_add_byte(out, byte >= first && byte <= last ? byte ^ 0x20 : byte);
    }
    return CH_OK;
}

static ch_status filter_upper(const ch_filter_call *call, ch_buffer *out)
{
    return change_case(call, out, 'a', 'z');
}

static ch_status filter_lower(const ch_filter_call *call, ch_buffer *out)
{
    return change_case(call, out, 'A', 'Z');
}

/* ---- numbers ---- */

static bool read_number(ch_slice text, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || __builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, text.data[i] - '0', out))
            return false;
    }
    return text.size > 0;
}

static bool is_number(ch_slice argument)
{
    uint64_t number;
    return read_number(argument, &number);
}

/* Some exchanges sign when a request expires, not when it was made. */
static ch_status filter_plus(const ch_filter_call *call, ch_buffer *out)
{
    uint64_t number;
    uint64_t more;
    if (!read_number(call->in, &number) || !read_number(call->argument, &more) ||
        __builtin_add_overflow(number, more, &number))
        return ch_fail(call->err, CH_CONFIG, "filter 'plus' works on whole numbers only");
    ch_buffer_add_format(out, "%llu", (unsigned long long)number);
    return CH_OK;
}

/* ---- parts that are there or not ---- */

/* "?" before a query, but nothing if the query is empty. */
static ch_status filter_prefix(const ch_filter_call *call, ch_buffer *out)
{
    if (call->in.size > 0)
        ch_buffer_add_slice(out, call->argument);
    ch_buffer_add_slice(out, call->in);
    return CH_OK;
}

/* At some exchanges the path begins with "/api" and the signature leaves that out. */
static ch_status filter_drop(const ch_filter_call *call, ch_buffer *out)
{
    ch_slice in = call->in;
    ch_slice start = call->argument;
    ch_buffer_add_slice(out, ch_slice_begins(in, start) ? ch_slice_after(in, start.size) : in);
    return CH_OK;
}

/* The argument instead of a value that is not empty: a content type, but only if there is a body. */
static ch_status filter_then(const ch_filter_call *call, ch_buffer *out)
{
    if (call->in.size > 0)
        ch_buffer_add_slice(out, call->argument);
    return CH_OK;
}

static ch_status filter_when(const ch_filter_call *call, ch_buffer *out)
{
    if (call->named.size > 0)
        ch_buffer_add_slice(out, call->in);
    return CH_OK;
}

static ch_status filter_unless(const ch_filter_call *call, ch_buffer *out)
{
    if (call->named.size == 0)
        ch_buffer_add_slice(out, call->in);
    return CH_OK;
}

/* clang-format off */
static const ch_filter filters[] = {
    /* name         argument  names a value  keeps empty  run                check */
    { "sha256",     false,    false,         false,       filter_sha256,     NULL },
    { "sha384",     false,    false,         false,       filter_sha384,     NULL },
    { "sha512",     false,    false,         false,       filter_sha512,     NULL },
    { "hex",        false,    false,         true,        filter_hex,        NULL },
    { "hex-upper",  false,    false,         true,        filter_hex_upper,  NULL },
    { "base64",     false,    false,         true,        filter_base64,     NULL },
    { "base64url",  false,    false,         true,        filter_base64url,  NULL },
    { "percent",    false,    false,         true,        filter_percent,    NULL },
    { "json",       false,    false,         false,       filter_json,       NULL },
    { "upper",      false,    false,         true,        filter_upper,      NULL },
    { "lower",      false,    false,         true,        filter_lower,      NULL },
    { "plus",       true,     false,         false,       filter_plus,       is_number },
    { "prefix",     true,     false,         true,        filter_prefix,     NULL },
    { "drop",       true,     false,         true,        filter_drop,       NULL },
    { "then",       true,     false,         true,        filter_then,       NULL },
    { "when",       true,     true,          true,        filter_when,       NULL },
    { "unless",     true,     true,          true,        filter_unless,     NULL },
};
/* clang-format on */

const ch_filter *ch_filter_find(ch_slice name)
{
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        if (ch_slice_is(name, filters[i].name))
            return &filters[i];
    }
    return NULL;
}
