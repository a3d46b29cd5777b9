/* A new filter or list style is one row in a table below and a few lines above it; nothing else knows them. A filter
 * reads `in`, which never lies in `out`. */
#include "agent/template_filters.h"

#include "base/encode.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef enum digest_kind { DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGEST_COUNT } digest_kind;

/* Fetched once a process: fetching by name takes a lock and longer than the hash itself. */
static EVP_MD *digests[DIGEST_COUNT];

static void fetch_digests(void)
{
    static const char *const names[DIGEST_COUNT] = {"SHA2-256", "SHA2-384", "SHA2-512"};
    for (size_t i = 0; i < DIGEST_COUNT; i++)
        digests[i] = EVP_MD_fetch(NULL, names[i], NULL);
}

ch_scratch *ch_scratch_new(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, fetch_digests);
    ch_scratch *scratch = ch_alloc(sizeof *scratch);
    scratch->digest = EVP_MD_CTX_new();
    return scratch;
}

void ch_scratch_free(ch_scratch *scratch)
{
    if (scratch == NULL)
        return;
    EVP_MD_CTX_free(scratch->digest);
    ch_buffer_free(&scratch->steps[0]);
    ch_buffer_free(&scratch->steps[1]);
    free(scratch);
}

/* ---- list styles ---- */

typedef void (*encode_text)(ch_buffer *out, ch_slice text);

static void encode_percent(ch_buffer *out, ch_slice text)
{
    ch_encode_percent(out, text, "");
}

static void encode_plus(ch_buffer *out, ch_slice text)
{
    for (size_t from = 0; from <= text.size;) {
        const uint8_t *space = from == text.size ? NULL : memchr(text.data + from, ' ', text.size - from);
        size_t to = space == NULL ? text.size : (size_t)(space - text.data);
        ch_encode_percent(out, (ch_slice){text.data + from, to - from}, "");
        if (space != NULL)
            ch_buffer_add_byte(out, '+');
        from = to + 1;
    }
}

static void write_pairs(ch_buffer *out, const ch_list *list, encode_text encode)
{
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            ch_buffer_add_byte(out, '&');
        encode(out, list->items[i].name);
        ch_buffer_add_byte(out, '=');
        encode(out, list->items[i].value);
    }
}

static ch_status write_form(ch_buffer *out, const ch_list *list, ch_error *err)
{
    (void)err;
    write_pairs(out, list, encode_percent);
    return CH_OK;
}

static ch_status write_form_plus(ch_buffer *out, const ch_list *list, ch_error *err)
{
    (void)err;
    write_pairs(out, list, encode_plus);
    return CH_OK;
}

static ch_status write_form_unchecked(ch_buffer *out, const ch_list *list, ch_error *err)
{
    (void)err;
    write_pairs(out, list, ch_buffer_add_slice);
    return CH_OK;
}

/* Characters that mean themselves in a query and in a form, whoever reads it. */
static bool is_plain(ch_slice text, const char *also_plain)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        bool is_alphanumeric =
            (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
        if (!is_alphanumeric && (byte == 0 || strchr(also_plain, byte) == NULL))
            return false;
    }
    return true;
}

static ch_status write_form_raw(ch_buffer *out, const ch_list *list, ch_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const ch_list_item *item = &list->items[i];
        if (!is_plain(item->name, "-._~") || !is_plain(item->value, "-._~,:/@"))
            return ch_fail(err, CH_BAD_INPUT,
                           "'%.*s' goes to the exchange unencoded, where only letters, digits and - . _ ~ , : / @ "
                           "have one meaning",
                           CH_SLICE_ARGS(item->name));
    }
    write_pairs(out, list, ch_buffer_add_slice);
    return CH_OK;
}

/* Parameters are text without control characters, so two characters are all that JSON wants escaped. */
static void add_json_text(ch_buffer *out, ch_slice text)
{
    uint8_t *start = ch_buffer_reserve(out, text.size * 2 + 2);
    uint8_t *to = start;
    *to++ = '"';
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            *to++ = '\\';
        *to++ = text.data[i];
    }
    *to++ = '"';
    ch_buffer_commit(out, (size_t)(to - start));
}

static ch_status write_json_members(ch_buffer *out, const ch_list *list, ch_error *err)
{
    (void)err;
    for (size_t i = 0; i < list->count; i++) {
        const ch_list_item *item = &list->items[i];
        if (i > 0)
            ch_buffer_add_byte(out, ',');
        add_json_text(out, item->name);
        ch_buffer_add_byte(out, ':');
        if (item->kind == CH_PARAM_TEXT)
            add_json_text(out, item->value);
        else
            ch_buffer_add_slice(out, item->value);
    }
    return CH_OK;
}

static ch_status write_json(ch_buffer *out, const ch_list *list, ch_error *err)
{
    ch_buffer_add_byte(out, '{');
    ch_status st = write_json_members(out, list, err);
    ch_buffer_add_byte(out, '}');
    return st;
}

static const ch_style styles[] = {
    {"form",           false, write_form          },
    {"form-plus",      false, write_form_plus     },
    {"form-raw",       false, write_form_raw      },
    {"form-unchecked", true,  write_form_unchecked},
    {"json",           false, write_json          },
    {"json-members",   false, write_json_members  },
};

/* ---- filters ---- */

static ch_status hash(ch_scratch *scratch, ch_buffer *out, ch_slice in, digest_kind kind, ch_error *err)
{
    unsigned size = 0;
    uint8_t *to = ch_buffer_reserve(out, EVP_MAX_MD_SIZE);
    if (EVP_DigestInit_ex2(scratch->digest, digests[kind], NULL) != 1 ||
        EVP_DigestUpdate(scratch->digest, in.data, in.size) != 1 || EVP_DigestFinal_ex(scratch->digest, to, &size) != 1)
        return ch_fail(err, CH_INTERNAL, "OpenSSL can't compute a digest");
    ch_buffer_commit(out, size);
    return CH_OK;
}

/* The shape that every filter has; each uses what it needs of it. */
#define FILTER(name)                                                                                                   \
    static ch_status name(ch_scratch *scratch, ch_buffer *out, ch_slice in, ch_slice argument, ch_error *err)
#define UNUSED(...) (void)sizeof((const void *[]){__VA_ARGS__})

FILTER(filter_sha256)
{
    UNUSED(argument.data);
    return hash(scratch, out, in, DIGEST_SHA256, err);
}

FILTER(filter_sha384)
{
    UNUSED(argument.data);
    return hash(scratch, out, in, DIGEST_SHA384, err);
}

FILTER(filter_sha512)
{
    UNUSED(argument.data);
    return hash(scratch, out, in, DIGEST_SHA512, err);
}

FILTER(filter_hex)
{
    UNUSED(scratch, argument.data, err);
    ch_encode(out, CH_ENCODE_HEX, in);
    return CH_OK;
}

FILTER(filter_hex_upper)
{
    UNUSED(scratch, argument.data, err);
    ch_encode(out, CH_ENCODE_HEX_UPPER, in);
    return CH_OK;
}

FILTER(filter_base64)
{
    UNUSED(scratch, argument.data, err);
    ch_encode(out, CH_ENCODE_BASE64, in);
    return CH_OK;
}

FILTER(filter_base64url)
{
    UNUSED(scratch, argument.data, err);
    ch_encode(out, CH_ENCODE_BASE64URL, in);
    return CH_OK;
}

FILTER(filter_percent)
{
    UNUSED(scratch, argument.data, err);
    encode_percent(out, in);
    return CH_OK;
}

FILTER(filter_json)
{
    UNUSED(scratch, argument.data, err);
    add_json_text(out, in);
    return CH_OK;
}

/* "?" before a query, but no "?" where there is none. */
FILTER(filter_prefix)
{
    UNUSED(scratch, err);
    if (in.size > 0)
        ch_buffer_add_slice(out, argument);
    ch_buffer_add_slice(out, in);
    return CH_OK;
}

/* "/api" is not signed though it is in the path, at some exchanges. */
FILTER(filter_drop)
{
    UNUSED(scratch, err);
    bool has = in.size >= argument.size && memcmp(in.data, argument.data, argument.size) == 0;
    size_t skipped = has ? argument.size : 0;
    ch_buffer_add(out, in.data + skipped, in.size - skipped);
    return CH_OK;
}

/* The argument in place of any value that is not empty: a content type only where there is a body. */
FILTER(filter_then)
{
    UNUSED(scratch, err);
    if (in.size > 0)
        ch_buffer_add_slice(out, argument);
    return CH_OK;
}

static const ch_filter filters[] = {
    {"sha256",    false, filter_sha256   },
    {"sha384",    false, filter_sha384   },
    {"sha512",    false, filter_sha512   },
    {"hex",       false, filter_hex      },
    {"hex-upper", false, filter_hex_upper},
    {"base64",    false, filter_base64   },
    {"base64url", false, filter_base64url},
    {"percent",   false, filter_percent  },
    {"json",      false, filter_json     },
    {"prefix",    true,  filter_prefix   },
    {"drop",      true,  filter_drop     },
    {"then",      true,  filter_then     },
};

const ch_style *ch_style_find(ch_slice name)
{
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++) {
        if (ch_slice_is(name, styles[i].name))
            return &styles[i];
    }
    return NULL;
}

const ch_filter *ch_filter_find(ch_slice name)
{
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        if (ch_slice_is(name, filters[i].name))
            return &filters[i];
    }
    return NULL;
}
