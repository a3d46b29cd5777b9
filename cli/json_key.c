/* A reader of one flat object. Every value goes through `value`, which is locked memory, and is forgotten unless it is
 * the key. */
#include "cli/json_key.h"

#include "base/encode.h"
#include "base/slice.h"

#include <assert.h>
#include <string.h>

#define KEY_ID_MAX 200

typedef struct reader {
    const uint8_t *at;
    const uint8_t *end;
    ch_secret value;   /* room for the longest string there can be */
    size_t value_size; /* of the string that was read last */
    bool has_key;
    bool has_both_ids; /* a name of the key, and the id that it ends with */
} reader;

static void reader_free(reader *in)
{
    ch_secret_wipe(&in->value);
}
#define auto_reader __attribute__((cleanup(reader_free))) reader

static ch_status fail(ch_error *err)
{
    return ch_fail(
        err, CH_BAD_INPUT,
        "the private key is in JSON that is not understood; what is: one object with the member privateKey, as "
        "in the key files of Coinbase, or the PEM text alone");
}

/* ---- tokens ---- */

static void skip_blanks(reader *in)
{
    while (in->at < in->end && strchr(" \t\r\n", *in->at) != NULL && *in->at != '\0')
        in->at++;
}

/* Takes `byte` and the blanks after it. */
static bool take(reader *in, uint8_t byte)
{
    if (in->at == in->end || *in->at != byte)
        return false;
    in->at++;
    skip_blanks(in);
    return true;
}

/* After "\u": four digits of an ASCII character; -1 if they are not. */
static int take_unicode(reader *in)
{
    int code = 0;
    if (in->end - in->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = ch_hex_digit(*in->at++);
        if (digit < 0)
            return -1;
        code = code << 4 | digit;
    }
    return code < 0x80 && code != 0 ? code : -1;
}

/* After a backslash; -1 if there is no such escape. */
static int take_escape(reader *in)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    if (in->at == in->end)
        return -1;
    uint8_t name = *in->at++;
    if (name == 'u')
        return take_unicode(in);
    const char *found = name == '\0' ? NULL : strchr(names, name);
    return found == NULL ? -1 : meant[found - names];
}

/* Reads a string into `in->value`. */
static bool take_string(reader *in)
{
    in->value_size = 0;
    if (in->at == in->end || *in->at++ != '"')
        return false;
    while (in->at < in->end && *in->at != '"') {
        int byte = *in->at++;
        if (byte == '\\')
            byte = take_escape(in);
        else if (byte < 0x20)
            byte = -1;
        if (byte < 0)
            return false;
        assert(in->value_size < in->value.size); /* a string is shorter than the text it stands in */
        in->value.data[in->value_size++] = (uint8_t)byte;
    }
    return take(in, '"');
}

/* Skips a number, true, false or null: the bytes that these are made of, at least one. */
static bool skip_word(reader *in)
{
    const uint8_t *start = in->at;
    while (in->at < in->end &&
           (ch_byte_is_alphanumeric(*in->at) || (*in->at != '\0' && strchr("+-.", *in->at) != NULL)))
        in->at++;
    bool is_some = in->at > start;
    skip_blanks(in);
    return is_some;
}

/* Skips a list of strings and words, such as the addresses that may use the key. */
static bool skip_list(reader *in)
{
    if (!take(in, '['))
        return false;
    if (take(in, ']'))
        return true;
    do {
        bool is_string = in->at < in->end && *in->at == '"';
        if (!(is_string ? take_string(in) : skip_word(in)))
            return false;
    } while (take(in, ','));
    return take(in, ']');
}

/* ---- members ---- */

typedef enum member { MEMBER_KEY, MEMBER_ID, MEMBER_OTHER } member;

static member member_of(ch_slice name)
{
    if (ch_slice_is(name, "privateKey"))
        return MEMBER_KEY;
    return ch_slice_is(name, "name") || ch_slice_is(name, "id") ? MEMBER_ID : MEMBER_OTHER;
}

static bool is_private_pem(ch_slice value)
{
    static const char begin[] = "-----BEGIN ";
    static const char private_key[] = "PRIVATE KEY-----";
    return value.size > sizeof begin && memcmp(value.data, begin, sizeof begin - 1) == 0 &&
           memmem(value.data, value.size, private_key, sizeof private_key - 1) != NULL;
}

static ch_status keep_key(reader *in, ch_slice value, ch_secret *out, ch_error *err)
{
    if (in->has_key)
        return ch_fail(err, CH_BAD_INPUT, "the JSON holds more than one private key; pass the one that is meant alone");
    if (value.size == 0)
        return ch_fail(err, CH_BAD_INPUT, "the private key in the JSON is empty");
    in->has_key = true;
    CH_TRY(ch_secret_alloc(out, value.size, err));
    memcpy(out->data, value.data, value.size);
    return CH_OK;
}

/* The full name of a key, which ends with its id, stands for both. */
static bool is_name_of(ch_slice name, ch_slice id)
{
    return name.size > id.size && name.data[name.size - id.size - 1] == '/' &&
           ch_slice_equal(ch_slice_after(name, name.size - id.size), id);
}

/* Two that differ are refused: one may be a label that the owner gave, and bots would send it to the exchange. */
static ch_status keep_id(reader *in, ch_slice value, ch_buffer *key_id, ch_error *err)
{
    ch_slice before = ch_buffer_slice(key_id);
    if (value.size == 0 || value.size > KEY_ID_MAX || !ch_slice_is_text(value))
        return CH_OK;
    if (before.size > 0 && !ch_slice_equal(before, value) && !is_name_of(value, before) && !is_name_of(before, value))
        return ch_fail(err, CH_BAD_INPUT,
                       "the JSON has more than one name or id for the key, and they differ; remove the one that the "
                       "exchange does not know the key by");
    in->has_both_ids = in->has_both_ids || (before.size > 0 && before.size != value.size);
    if (value.size <= before.size)
        return CH_OK;
    ch_buffer_clear(key_id);
    ch_buffer_add_slice(key_id, value);
    return CH_OK;
}

static ch_status take_text_member(reader *in, member kind, ch_secret *out, ch_buffer *key_id, ch_error *err)
{
    if (!take_string(in))
        return fail(err);
    ch_slice value = {in->value.data, in->value_size};
    if (kind == MEMBER_KEY || is_private_pem(value))
        return keep_key(in, value, out, err);
    return kind == MEMBER_OTHER ? CH_OK : keep_id(in, value, key_id, err);
}

static ch_status take_member(reader *in, ch_secret *out, ch_buffer *key_id, ch_error *err)
{
    if (!take_string(in))
        return fail(err);
    member kind = member_of((ch_slice){in->value.data, in->value_size});
    if (!take(in, ':') || in->at == in->end)
        return fail(err);
    if (*in->at == '"')
        return take_text_member(in, kind, out, key_id, err);
    return kind != MEMBER_KEY && (*in->at == '[' ? skip_list(in) : skip_word(in)) ? CH_OK : fail(err);
}

ch_status ch_json_key_read(const ch_secret *json, ch_secret *out, ch_buffer *key_id, ch_error *err)
{
    auto_reader in = {.at = json->data, .end = json->data + json->size, .value = CH_SECRET_INIT};
    CH_TRY(ch_secret_alloc(&in.value, json->size, err));
    skip_blanks(&in);
    if (!take(&in, '{'))
        return fail(err);
    do
        CH_TRY(take_member(&in, out, key_id, err));
    while (take(&in, ','));
    if (!take(&in, '}'))
        return fail(err);
    if (in.at != in.end)
        return ch_fail(err, CH_BAD_INPUT,
                       "something follows the JSON object of the private key; pass the object alone");
    if (in.has_both_ids)
        ch_buffer_add_text(key_id, " (its full name, not the id alone)");
    return in.has_key ? CH_OK : fail(err);
}
