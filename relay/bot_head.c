/* The end is found first, and each line end on the way is looked at, so what is read afterwards has no doubtful one. */
#include "relay/bot_head.h"

#include "relay/headers.h"

#include <string.h>

#define METHOD_MAX 16
#define LENGTH_DIGITS_MAX 10

static ch_status refuse(unsigned *http_status, unsigned status, const char *why, ch_error *err)
{
    *http_status = status;
    return ch_fail(err, CH_BAD_INPUT, "%s", why);
}

/* ---- where it ends ---- */

ch_status ch_bot_head_end(ch_slice bytes, size_t *scanned, size_t *size, unsigned *http_status, ch_error *err)
{
    *size = 0;
    for (size_t i = *scanned; i < bytes.size && i < CH_BOT_HEAD_MAX; i++) {
        uint8_t last = i == 0 ? 0 : bytes.data[i - 1];
        if ((bytes.data[i] == '\n') != (last == '\r'))
            return refuse(http_status, 400, "a line of the head does not end in CRLF", err);
        if (bytes.data[i] == '\n' && i >= 3 && bytes.data[i - 2] == '\n') {
            *size = i + 1;
            return CH_OK;
        }
    }
    *scanned = bytes.size;
    if (bytes.size >= CH_BOT_HEAD_MAX)
        return refuse(http_status, 431, "the head is over 16 KiB", err);
    return CH_OK;
}

/* ---- its lines ---- */

const ch_slice *ch_bot_head_find(const ch_bot_head *head, const char *name)
{
    for (size_t i = 0; i < head->count; i++) {
        if (ch_header_is(head->headers[i].name, name))
            return &head->headers[i].value;
    }
    return NULL;
}

/* The line that `*rest` begins with, without its CRLF. */
static ch_slice take_line(ch_slice *rest)
{
    const uint8_t *end = ch_slice_find(*rest, '\r');
    ch_slice line = {rest->data, end == NULL ? rest->size : (size_t)(end - rest->data)};
    *rest = ch_slice_after(*rest, end == NULL ? rest->size : line.size + 2);
    return line;
}

/* What stands before the next space, which is dropped; all if there is none. */
static ch_slice take_word(ch_slice *rest)
{
    const uint8_t *space = ch_slice_find(*rest, ' ');
    ch_slice word = {rest->data, space == NULL ? rest->size : (size_t)(space - rest->data)};
    *rest = ch_slice_after(*rest, space == NULL ? rest->size : word.size + 1);
    return word;
}

/* clang-format off */
static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH"};
/* clang-format on */

static bool is_method(ch_slice method)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (ch_slice_is(method, methods[i]))
            return true;
    }
    return false;
}

static ch_status read_request_line(ch_slice line, ch_bot_head *out, unsigned *http_status, ch_error *err)
{
    out->method = take_word(&line);
    out->target = take_word(&line);
    if (out->method.size > METHOD_MAX || !ch_is_http_word(out->method))
        return refuse(http_status, 400, "the request line does not begin with a method", err);
    if (ch_slice_is(out->method, "CONNECT"))
        return refuse(http_status, 405, "a relay is not a proxy; use its address as base URL", err);
    if (!is_method(out->method))
        return refuse(http_status, 501, "the method is not one that exchanges take", err);
    if (out->target.size == 0 || out->target.data[0] != '/')
        return refuse(http_status, 400, "the target is not a path; a relay is not a proxy, use its address as base URL",
                      err);
    if (!ch_slice_is_visible(out->target) || ch_slice_find(out->target, '#') != NULL)
        return refuse(http_status, 400, "the path has a character that must be percent-encoded", err);
    if (!ch_slice_is(line, "HTTP/1.1"))
        return refuse(http_status, ch_slice_begins(line, CH_LITERAL("HTTP/")) ? 505 : 400,
                      "the request line does not end in HTTP/1.1", err);
    return CH_OK;
}

static ch_status read_header(ch_slice line, ch_bot_head *out, unsigned *http_status, ch_error *err)
{
    const uint8_t *colon = ch_slice_find(line, ':');
    if (colon == NULL || line.data[0] == ' ' || line.data[0] == '\t')
        return refuse(http_status, 400, "a line of the head is not a header", err);
    ch_slice name = {line.data, (size_t)(colon - line.data)};
    ch_slice value = ch_trim_blanks(ch_slice_after(line, name.size + 1));
    if (!ch_is_http_word(name) || !ch_slice_is_text(value))
        return refuse(http_status, 400, "a header has a character that headers cannot have", err);
    for (size_t i = 0; i < out->count; i++) {
        if (ch_slice_equal_case(out->headers[i].name, name))
            return refuse(http_status, 400, "a header stands twice", err);
    }
    if (out->count == CH_BOT_HEADERS_MAX)
        return refuse(http_status, 431, "there are more than 64 headers", err);
    out->headers[out->count++] = (ch_header){name, value};
    return CH_OK;
}

/* ---- what the headers say ---- */

static ch_status read_length(ch_bot_head *out, unsigned *http_status, ch_error *err)
{
    const ch_slice *length = ch_bot_head_find(out, "Content-Length");
    const ch_slice *coding = ch_bot_head_find(out, "Transfer-Encoding");
    if (coding != NULL && length != NULL)
        return refuse(http_status, 400, "Transfer-Encoding and Content-Length contradict each other", err);
    if (coding != NULL)
        return refuse(http_status, 411, "the body's length is not announced; send it with Content-Length", err);
    if (length == NULL)
        return CH_OK;
    if (length->size == 0 || length->size > LENGTH_DIGITS_MAX || ch_slice_count_digits(*length) != length->size)
        return refuse(http_status, 400, "Content-Length is not a number", err);
    for (size_t i = 0; i < length->size; i++)
        out->body_size = out->body_size * 10 + (size_t)(length->data[i] - '0');
    return CH_OK;
}

static ch_status read_meaning(ch_bot_head *out, unsigned *http_status, ch_error *err)
{
    const ch_slice *found = ch_bot_head_find(out, "Connection");
    ch_slice connection = found == NULL ? CH_LITERAL("") : *found;
    const ch_slice *expect = ch_bot_head_find(out, "Expect");
    if (ch_bot_head_find(out, "Host") == NULL)
        return refuse(http_status, 400, "there is no Host", err);
    if (ch_bot_head_find(out, "Upgrade") != NULL || ch_header_list_has(connection, CH_LITERAL("upgrade")))
        return refuse(http_status, 501, "sockets are not relayed; connect to the exchange's own", err);
    if (expect != NULL && !ch_header_is(*expect, "100-continue"))
        return refuse(http_status, 417, "Expect is not 100-continue", err);
    out->expects_continue = expect != NULL;
    out->wants_close = ch_header_list_has(connection, CH_LITERAL("close"));
    return read_length(out, http_status, err);
}

ch_status ch_bot_head_read(ch_slice bytes, ch_bot_head *out, unsigned *http_status, ch_error *err)
{
    ch_slice rest = bytes;
    out->count = 0;
    out->body_size = 0;
    out->wants_close = out->expects_continue = false;
    CH_TRY(read_request_line(take_line(&rest), out, http_status, err));
    for (;;) {
        ch_slice line = take_line(&rest);
        if (line.size == 0)
            return read_meaning(out, http_status, err);
        CH_TRY(read_header(line, out, http_status, err));
    }
}
