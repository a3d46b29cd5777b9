#include "relay/answer_head.h"

#include "relay/bot_head.h"

#include <stdlib.h>
#include <strings.h>

/* clang-format off */
static const char *const kept_back[] = {
    "Set-Cookie", "Set-Cookie2", "Strict-Transport-Security", "Public-Key-Pins", "Expect-CT", "Alt-Svc", "NEL",
    "Report-To", "Reporting-Endpoints", "Clear-Site-Data",
};
/* clang-format on */

#define ACCESS_CONTROL "Access-Control-"
#define OURS "Chancery-"

void ch_answer_head_free(ch_answer_head *head)
{
    ch_buffer_free(&head->raw);
}

static ch_slice without_end(ch_slice line)
{
    while (line.size > 0 && (line.data[line.size - 1] == '\n' || line.data[line.size - 1] == '\r'))
        line.size--;
    return line;
}

static bool begins_as(ch_slice text, const char *start, size_t size)
{
    return text.size >= size && strncasecmp((const char *)text.data, start, size) == 0;
}

bool ch_answer_head_add(ch_answer_head *head, ch_slice line)
{
    head->size += line.size;
    if (head->size > CH_ANSWER_HEAD_MAX)
        return false;
    line = without_end(line);
    if (head->is_whole) /* a trailer */
        return true;
    if (begins_as(line, "HTTP/", 5)) {
        const uint8_t *space = ch_slice_find(line, ' ');
        ch_slice status = ch_slice_after(line, space == NULL ? line.size : (size_t)(space - line.data) + 1);
        ch_buffer_clear(&head->raw);
        head->is_interim = status.size > 0 && status.data[0] == '1';
        return true;
    }
    head->is_whole = line.size == 0 && !head->is_interim;
    ch_buffer_add_slice(&head->raw, line);
    ch_buffer_add_byte(&head->raw, '\n');
    return true;
}

static ch_slice take_until(ch_slice *rest, uint8_t byte)
{
    const uint8_t *end = ch_slice_find(*rest, byte);
    ch_slice part = {rest->data, end == NULL ? rest->size : (size_t)(end - rest->data)};
    *rest = ch_slice_after(*rest, end == NULL ? rest->size : part.size + 1);
    return part;
}

static ch_slice trim(ch_slice text)
{
    while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = ch_slice_after(text, 1);
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

/* Does a Connection header name it, so that it is for us alone? */
static bool is_named_by_connection(const ch_answer_head *head, ch_slice name)
{
    ch_slice rest = ch_buffer_slice(&head->raw);
    while (rest.size > 0) {
        ch_slice list = take_until(&rest, '\n');
        if (!ch_header_is(take_until(&list, ':'), "Connection"))
            continue;
        while (list.size > 0) {
            ch_slice word = trim(take_until(&list, ','));
            if (word.size == name.size && begins_as(word, (const char *)name.data, name.size))
                return true;
        }
    }
    return false;
}

static bool is_passed(const ch_answer_head *head, ch_slice name)
{
    for (size_t i = 0; i < sizeof kept_back / sizeof *kept_back; i++) {
        if (ch_header_is(name, kept_back[i]))
            return false;
    }
    return name.size > 0 && !ch_is_hop_header(name) && !begins_as(name, ACCESS_CONTROL, sizeof ACCESS_CONTROL - 1) &&
           !begins_as(name, OURS, sizeof OURS - 1) && !is_named_by_connection(head, name);
}

void ch_answer_head_pass(const ch_answer_head *head, ch_buffer *out)
{
    ch_slice rest = ch_buffer_slice(&head->raw);
    while (rest.size > 0) {
        ch_slice line = take_until(&rest, '\n');
        ch_slice value = line;
        ch_slice name = take_until(&value, ':');
        value = trim(value);
        bool is_header = name.size < line.size && ch_slice_is_text(name) && ch_slice_is_text(value) &&
                         ch_slice_find(name, ' ') == NULL;
        if (!is_header || !is_passed(head, name))
            continue;
        ch_buffer_add_slice(out, name);
        ch_buffer_add_text(out, ": ");
        ch_buffer_add_slice(out, value);
        ch_buffer_add_text(out, "\r\n");
    }
}
