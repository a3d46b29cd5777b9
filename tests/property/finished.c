/* The finished request, read as an exchange would read it: every parameter that was judged must be found in it. */
#include "base/slice.h"
#include "tests/property/property.h"

#include "base/encode.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <string.h>

#define FOUND_MAX 8192

/* What stands in the request: hashes of name and value, and the JSON texts, for numbers, which jansson would round. */
typedef struct findings {
    rig *rig;
    uint64_t hashes[FOUND_MAX];
    size_t count;
    ch_buffer documents;
    ch_buffer decoded;
} findings;

static uint64_t hash_pair(ch_slice name, ch_slice value)
{
    return mix(hash_bytes(name, 1) + hash_bytes(value, 2));
}

static const ch_slice any_name = {(const uint8_t *)"*", 1};

static void note(findings *found, ch_slice name, ch_slice value)
{
    if (found->count + 2 > FOUND_MAX)
        return;
    found->hashes[found->count++] = hash_pair(name, value);
    found->hashes[found->count++] = hash_pair(any_name, value);
}

/* ---- reading ---- */

static bool read_json(findings *found, ch_slice name, ch_slice text);

static int hex_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return (digit | 0x20) >= 'a' && (digit | 0x20) <= 'f' ? (digit | 0x20) - 'a' + 10 : -1;
}

/* As a server would: + is a space, a broken escape stands for itself. */
static ch_slice decode(findings *found, ch_slice text)
{
    ch_buffer *out = &found->decoded;
    ch_buffer_clear(out);
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        int high = byte == '%' && i + 2 < text.size ? hex_value(text.data[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text.data[i + 2]) : -1;
        if (low >= 0) {
            byte = (uint8_t)(high << 4 | low);
            i += 2;
        }
        ch_buffer_add_byte(out, byte == '+' && low < 0 ? ' ' : byte);
    }
    return keep_slice(found->rig, ch_buffer_slice(out));
}

static ch_slice decode_base64(findings *found, ch_slice text)
{
    if (text.size == 0 || text.size % 4 != 0)
        return CH_LITERAL("");
    uint8_t *to = found->rig->pool + found->rig->pool_used; /* the pool was set up with room for it */
    if (found->rig->pool_used + text.size > POOL_BYTES)
        return CH_LITERAL("");
    int size = EVP_DecodeBlock(to, text.data, (int)text.size);
    size_t padding = (size_t)(text.data[text.size - 1] == '=') + (text.data[text.size - 2] == '=');
    if (size < (int)padding)
        return CH_LITERAL("");
    found->rig->pool_used += (size_t)size;
    return (ch_slice){to, (size_t)size - padding};
}

/* A text may itself be JSON, or JSON in base64, which always begins with "ey" if it is an object. */
static void note_text(findings *found, ch_slice name, ch_slice value)
{
    note(found, name, value);
    if (ch_slice_find(value, '%') != NULL) /* a log-on may send a parameter encoded */
        note(found, any_name, decode(found, value));
    if (value.size > 1 && (value.data[0] == '{' || value.data[0] == '['))
        read_json(found, name, value);
    else if (value.size > 2 && memcmp(value.data, "ey", 2) == 0)
        read_json(found, name, decode_base64(found, value));
}

/* Calls itself once for each level; what was sent nests a few levels deep. */
static void walk(findings *found, ch_slice name, json_t *value, unsigned levels)
{
    const char *member_name;
    json_t *member;
    if (json_is_string(value))
        note_text(found, name, (ch_slice){(const uint8_t *)json_string_value(value), json_string_length(value)});
    else if (json_is_boolean(value))
        note(found, name, json_is_true(value) ? CH_LITERAL("true") : CH_LITERAL("false"));
    for (size_t i = 0; levels > 0 && i < json_array_size(value); i++)
        walk(found, name, json_array_get(value, i), levels - 1);
    json_object_foreach(value, member_name, member)
    {
        if (levels > 0)
            walk(found, ch_slice_of(member_name), member, levels - 1);
    }
}

/* Returns false if it is not JSON, or names a member twice. */
static bool read_json(findings *found, ch_slice name, ch_slice text)
{
    json_error_t where;
    json_t *root =
        json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &where);
    if (root == NULL)
        return false;
    walk(found, name, root, 12);
    json_decref(root);
    ch_buffer_add_slice(&found->documents, text);
    ch_buffer_add_byte(&found->documents, '\n');
    return true;
}

static void note_pieces(findings *found, ch_slice name, ch_slice value)
{
    size_t from = 0;
    for (size_t i = 0; i <= value.size; i++) {
        if (i < value.size && value.data[i] != ',')
            continue;
        if (from > 0 || i < value.size)
            note(found, name, (ch_slice){value.data + from, i - from});
        from = i + 1;
    }
}

static void read_pair(findings *found, ch_slice pair)
{
    const uint8_t *equals = ch_slice_find(pair, '=');
    size_t name_size = equals == NULL ? pair.size : (size_t)(equals - pair.data);
    ch_slice name = decode(found, (ch_slice){pair.data, name_size});
    ch_slice value = CH_LITERAL("");
    if (equals != NULL)
        value = decode(found, (ch_slice){equals + 1, pair.size - name_size - 1});
    note_text(found, name, value);
    for (size_t i = 0; i < name.size; i++) { /* n[]=a, n[0]=a, n[m][0]=a */
        if (name.data[i] == '[')
            note_text(found, (ch_slice){name.data, i}, value);
    }
    note_pieces(found, name, value);
}

static void read_form(findings *found, ch_slice form)
{
    while (form.size > 0) {
        const uint8_t *end = ch_slice_find(form, '&');
        size_t size = end == NULL ? form.size : (size_t)(end - form.data);
        read_pair(found, (ch_slice){form.data, size});
        size_t taken = end == NULL ? size : size + 1;
        form = (ch_slice){form.data + taken, form.size - taken};
    }
}

/* ---- the parameters ---- */

static bool is_found(const findings *found, uint64_t hash)
{
    for (size_t i = 0; i < found->count; i++) {
        if (found->hashes[i] == hash)
            return true;
    }
    return false;
}

/* In JSON a number stands bare, after its name or in a list. */
static bool is_in_documents(findings *found, ch_slice name, ch_slice value)
{
    ch_buffer *needle = &found->decoded;
    static const char *const leads[] = {":", ",", "["};
    for (size_t i = 0; i < 3; i++) {
        ch_buffer_clear(needle);
        if (i == 0)
            ch_encode_json(needle, name);
        ch_buffer_add_text(needle, leads[i]);
        ch_buffer_add_slice(needle, value);
        const uint8_t *at = found->documents.data;
        size_t left = found->documents.size;
        const uint8_t *hit;
        while (left > 0 && (hit = memmem(at, left, needle->data, needle->size)) != NULL) {
            left -= (size_t)(hit - at) + needle->size;
            at = hit + needle->size;
            if (left > 0 && strchr(",}]", *at) != NULL)
                return true;
        }
    }
    return false;
}

/* A log-on may send a parameter under another name, and so may any call the receive window. */
static bool is_renamed(const sample *s, const ch_param *param)
{
    const char *window = s->endpoint->profile->window.param;
    return ch_slice_is(s->request.method, "WS") || (window != NULL && ch_slice_is(param->name, window));
}

static const ch_param *find_lost(findings *found, const sample *s)
{
    ch_slice names[CH_PARAM_DEPTH_MAX + 2]; /* an item has the name of its list */
    bool is_in_list[CH_PARAM_DEPTH_MAX + 2] = {false};
    size_t depth = 0;
    for (size_t i = 0; i < s->request.param_count; i++) {
        const ch_param *param = &s->params[i];
        ch_slice name = is_in_list[depth] ? names[depth] : param->name;
        if (param->kind == CH_PARAM_END) {
            depth--;
        } else if (param->kind == CH_PARAM_LIST || param->kind == CH_PARAM_OBJECT) {
            depth++;
            names[depth] = name;
            is_in_list[depth] = param->kind == CH_PARAM_LIST;
        } else if (param->kind != CH_PARAM_PLACEHOLDER && !is_found(found, hash_pair(name, param->value)) &&
                   !(is_renamed(s, param) && is_found(found, hash_pair(any_name, param->value))) &&
                   !is_in_documents(found, name, param->value)) {
            return param;
        }
    }
    return NULL;
}

/* ---- the request ---- */

static bool starts_with(ch_slice text, ch_slice start)
{
    return text.size >= start.size && memcmp(text.data, start.data, start.size) == 0;
}

static bool is_visible(ch_slice text, const char *forbidden)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e || strchr(forbidden, text.data[i]) != NULL)
            return false;
    }
    return true;
}

static const char *check_url(findings *found, const sample *s, ch_slice url)
{
    ch_slice origin = ch_slice_of(ch_environment_origin(found->rig->environment, s->endpoint)->url);
    if (!is_visible(url, " #\"<>\\^`{}|"))
        return "the URL holds characters that no URL can";
    if (!starts_with(url, origin))
        return "the URL does not begin with the endpoint's origin";
    ch_slice rest = {url.data + origin.size, url.size - origin.size};
    const uint8_t *query = ch_slice_find(rest, '?');
    ch_slice path = {rest.data, query == NULL ? rest.size : (size_t)(query - rest.data)};
    /* The path of a WS call tells log-ons apart; the socket's own may be another. */
    if (!ch_slice_is(s->request.method, "WS") && !ch_slice_equal(path, s->request.path))
        return "the URL's path is not the request's";
    if (path.size > 0 && path.data[0] != '/')
        return "something stands between the URL's host and its path";
    if (query != NULL)
        read_form(found, (ch_slice){query + 1, rest.size - path.size - 1});
    return NULL;
}

static const char *check_body(findings *found, ch_slice body)
{
    if (body.size > 0 && (body.data[0] == '{' || body.data[0] == '['))
        return read_json(found, CH_LITERAL(""), body) ? NULL : "the body is not valid JSON, or has a member twice";
    read_form(found, body);
    return NULL;
}

static bool holds(ch_slice text, ch_slice wanted)
{
    return text.size >= wanted.size && memmem(text.data, text.size, wanted.data, wanted.size) != NULL;
}

/* In a form it must survive decoding. */
static bool has_signature(findings *found, const ch_finished *finished, ch_slice signature)
{
    for (size_t i = 0; i < finished->header_count; i++) {
        if (holds(finished->headers[i].value, signature))
            return true;
    }
    if (found->documents.size > 0 && holds(finished->body, signature))
        return true;
    static const char *const names[] = {"signature", "Signature", "sign", "sig"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (is_found(found, hash_pair(ch_slice_of(names[i]), signature)))
            return true;
    }
    return false;
}

static const char *check_parts(findings *found, const sample *s, const ch_finished *finished, ch_slice signature)
{
    const char *wrong = check_url(found, s, finished->url);
    if (wrong == NULL)
        wrong = check_body(found, finished->body);
    for (size_t i = 0; wrong == NULL && i < finished->header_count; i++) {
        if (!is_visible(finished->headers[i].value, ""))
            wrong = "a header holds bytes that no header can";
        note_text(found, CH_LITERAL(""), finished->headers[i].value);
    }
    if (wrong == NULL && !ch_slice_equal(finished->method, s->request.method))
        wrong = "the method is another";
    if (wrong == NULL && !has_signature(found, finished, signature))
        wrong = "the signature is not to be found";
    if (wrong == NULL && find_lost(found, s) != NULL)
        wrong = "a parameter that was judged is not to be found in the request as it is sent";
    return wrong;
}

const char *check_finished(rig *r, const sample *s, size_t payload_count, ch_buffer *shown)
{
    static findings found; /* large */
    static const uint8_t bytes[64] = {0xfb, 0xff, 0xbf, 0xfb, 0xef, 0xbe, 0x00, 0x01};
    ch_payloads signatures = {.count = payload_count};
    ch_finished finished;
    ch_autobuffer signature = CH_BUFFER_INIT;
    for (size_t i = 0; i < payload_count; i++)
        signatures.items[i] = (ch_slice){bytes, sizeof bytes};
    if (ch_recipe_finish(r->draft, &signatures, &finished, &r->err) != CH_OK) {
        ch_buffer_add_text(shown, r->err.message);
        return "it can't be finished";
    }
    found.rig = r;
    found.count = 0;
    ch_buffer_clear(&found.documents);
    ch_scheme_add_signature(r->scheme, signatures.items[0], &signature);
    const char *wrong = check_parts(&found, s, &finished, ch_buffer_slice(&signature));
    if (wrong != NULL)
        ch_buffer_add_format(shown, "%.*s\n    body: %.*s", CH_SLICE_ARGS(finished.url), CH_SLICE_ARGS(finished.body));
    return wrong;
}
