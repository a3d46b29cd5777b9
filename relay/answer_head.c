#include "relay/answer_head.h"

#include "relay/headers.h"

/* clang-format off */
static const char *const kept_back[] = {
    "Set-Cookie", "Set-Cookie2", "Strict-Transport-Security", "Public-Key-Pins", "Expect-CT", "Alt-Svc", "NEL",
    "Report-To", "Reporting-Endpoints", "Clear-Site-Data",
};
/* clang-format on */

#define ACCESS_CONTROL CH_LITERAL("Access-Control-")
#define OURS CH_LITERAL("Chancery-")

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

/* With its first line, which holds the status. What looks like one further down is a header. */
static void begin(ch_answer_head *head, ch_slice line)
{
    const uint8_t *space = ch_slice_find(line, ' ');
    ch_slice status = ch_slice_after(line, space == NULL ? line.size : (size_t)(space - line.data) + 1);
    ch_buffer_clear(&head->raw);
    head->is_begun = true;
    head->is_interim = status.size > 0 && status.data[0] == '1';
}

bool ch_answer_head_add(ch_answer_head *head, ch_slice line)
{
    head->size += line.size;
    head->lines++;
    if (head->size > CH_ANSWER_HEAD_MAX || head->lines > CH_ANSWER_LINES_MAX)
        return false;
    line = without_end(line);
    if (head->is_whole) /* a trailer */
        return true;
    if (!head->is_begun) {
        begin(head, line);
        return true;
    }
    head->is_begun = line.size > 0;
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

/* Does a Connection header name it, so that it is for us alone? */
static bool is_named_by_connection(const ch_answer_head *head, ch_slice name)
{
    ch_slice rest = ch_buffer_slice(&head->raw);
    while (rest.size > 0) {
        ch_slice list = take_until(&rest, '\n');
        if (ch_header_is(take_until(&list, ':'), "Connection") && ch_header_list_has(list, name))
            return true;
    }
    return false;
}

static bool is_passed(const ch_answer_head *head, ch_slice name)
{
    for (size_t i = 0; i < sizeof kept_back / sizeof *kept_back; i++) {
        if (ch_header_is(name, kept_back[i]))
            return false;
    }
    return name.size > 0 && !ch_is_hop_header(name) && !ch_slice_begins_case(name, ACCESS_CONTROL) &&
           !ch_slice_begins_case(name, OURS) && !is_named_by_connection(head, name);
}

void ch_answer_head_pass(const ch_answer_head *head, ch_buffer *out)
{
    ch_slice rest = ch_buffer_slice(&head->raw);
    while (rest.size > 0) {
        ch_slice line = take_until(&rest, '\n');
        ch_slice value = line;
        ch_slice name = take_until(&value, ':');
        value = ch_trim_blanks(value);
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
