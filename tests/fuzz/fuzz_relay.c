/* What the relay reads of strangers: a bot's head and path, the head of an exchange's answer, and the agent's
 * frames. The first byte says which. */
#include "tests/fuzz/fuzz.h"

#include "base/names.h"
#include "relay/address.h"
#include "relay/agent_answer.h"
#include "relay/answer_head.h"
#include "relay/bot_head.h"
#include "wire/frames.h"

#include <string.h>

#define TOKEN "0123456789abcdef0123456789abcdef"

static bool has_byte_below(ch_slice text, uint8_t least)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < least)
            return true;
    }
    return false;
}

static void try_address(ch_slice target)
{
    uint8_t bytes[] = TOKEN;
    const ch_secret token = {.data = bytes, .size = sizeof TOKEN - 1};
    ch_error err = CH_ERROR_INIT;
    ch_bot_address address;
    for (int has_token = 0; has_token < 2; has_token++) {
        ch_status st = ch_bot_address_read(target, has_token ? &token : NULL, &address, &err);
        fuzz_check_error(st, &err);
        FUZZ_CHECK(strstr(err.message, TOKEN) == NULL);
        if (st == CH_OK) {
            FUZZ_CHECK(ch_is_name(address.key) && (address.origin.size == 0 || ch_is_name(address.origin)));
            FUZZ_CHECK(address.url.size > 0 && !has_byte_below(ch_buffer_slice(&address.url), '!'));
        }
        ch_buffer_free(&address.url);
    }
}

static void try_bot(ch_slice input)
{
    ch_error err = CH_ERROR_INIT;
    ch_bot_head head;
    unsigned http_status = 0;
    size_t scanned = 0;
    size_t size = 0;
    ch_status st = ch_bot_head_end(input, &scanned, &size, &http_status, &err);
    fuzz_check_error(st, &err);
    FUZZ_CHECK(size <= input.size && size <= CH_BOT_HEAD_MAX);
    if (st != CH_OK || size == 0)
        return;
    st = ch_bot_head_read((ch_slice){input.data, size}, &head, &http_status, &err);
    fuzz_check_error(st, &err);
    FUZZ_CHECK((st == CH_OK) == (http_status == 0));
    if (st != CH_OK)
        return;
    FUZZ_CHECK(head.count > 0 && head.target.data[0] == '/' && !has_byte_below(head.target, '!'));
    for (size_t i = 0; i < head.count; i++) {
        ch_slice value = head.headers[i].value;
        FUZZ_CHECK(head.headers[i].name.size > 0 && ch_slice_is_text(value));
    }
    try_address(head.target);
}

/* What is passed on is lines of a head, each of them one header. */
static void check_lines(ch_slice rest)
{
    while (rest.size > 0) {
        const uint8_t *end = ch_slice_find(rest, '\r');
        FUZZ_CHECK(end != NULL && end[1] == '\n');
        ch_slice line = {rest.data, (size_t)(end - rest.data)};
        FUZZ_CHECK(ch_slice_is_text(line) && ch_slice_find(line, ':') != NULL && line.data[0] != ' ');
        rest = ch_slice_after(rest, line.size + 2);
    }
}

static void try_exchange(ch_slice input)
{
    ch_answer_head head = {.size = 0};
    ch_autobuffer out = CH_BUFFER_INIT;
    while (input.size > 0) {
        const uint8_t *end = ch_slice_find(input, '\n');
        ch_slice line = {input.data, end == NULL ? input.size : (size_t)(end - input.data) + 1};
        if (!ch_answer_head_add(&head, line))
            break;
        input = ch_slice_after(input, line.size);
    }
    ch_answer_head_pass(&head, &out);
    check_lines(ch_buffer_slice(&out));
    ch_answer_head_free(&head);
}

/* What is passed on is well formed; a shape's lines are those of a head. */
static void check_shapes(const ch_agent_answer *answer)
{
    for (size_t i = 0; i < answer->shapes.count; i++) {
        ch_shape shape;
        FUZZ_CHECK(ch_shape_read(answer->shapes, i, &shape));
        FUZZ_CHECK(shape.status >= 200 && shape.status <= 599);
        check_lines(ch_buffer_slice(&shape.lines));
        ch_buffer_free(&shape.lines);
    }
}

static void check_answer(const ch_agent_answer *answer)
{
    ch_autobuffer document = CH_BUFFER_INIT;
    ch_header_record header;
    ch_records headers = answer->headers;
    check_shapes(answer);
    switch (answer->says) {
    case CH_AGENT_SIGNED:
    case CH_AGENT_PUBLIC:
        FUZZ_CHECK(answer->method.size > 0 && answer->url.size > 0 && ch_slice_is_text(answer->url));
        while (ch_header_record_next(&headers, &header))
            FUZZ_CHECK(header.name.size > 0 && ch_slice_is_text(header.name) && ch_slice_is_text(header.value));
        break;
    case CH_AGENT_ALREADY_SENT:
        FUZZ_CHECK(answer->sent_id.size == 0 || answer->sent_id.size == CH_DRAWN_SIZE);
        break;
    case CH_AGENT_REFUSES:
        ch_agent_answer_add_document(answer, 422, &document);
        FUZZ_CHECK(document.size > 0 && document.data[document.size - 1] == '}');
        break;
    case CH_AGENT_AWAY:
    case CH_AGENT_SILENT:
        break;
    }
}

static void try_agent(ch_slice input)
{
    ch_error err = CH_ERROR_INIT;
    ch_frame frame;
    ch_agent_answer answer;
    while (ch_frame_next(&input, &frame)) {
        ch_status st = ch_agent_answer_read(&frame, &answer, &err);
        fuzz_check_error(st, &err);
        if (st == CH_OK)
            check_answer(&answer);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const doors[])(ch_slice input) = {try_bot, try_exchange, try_agent};
    ch_slice input = {data, size};
    doors[fuzz_take_byte(&input) % 3](input);
    return 0;
}
