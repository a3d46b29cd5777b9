/* The body of a request for a signature: refused, and then nothing is left of it in the packet, or one well-formed
 * frame. The problem document for the refusal is valid JSON whatever the body was. */
#include "tests/fuzz/fuzz.h"

#include "agent/front/json.h"
#include "wire/frame.h"

#include <jansson.h>
#include <string.h>

static void check_refusal(const ch_error *err)
{
    ch_autobuffer document = CH_BUFFER_INIT;
    json_error_t where;
    ch_json_add_problem(&document, err, (unsigned)ch_status_http(err->status));
    json_t *problem = json_loadb((const char *)document.data, document.size, JSON_REJECT_DUPLICATES, &where);
    FUZZ_CHECK(json_is_object(problem));
    FUZZ_CHECK(strcmp(json_string_value(json_object_get(problem, "detail")), err->message) == 0);
    json_decref(problem);
}

/* Lists and objects end in the order in which they began; a member of an object has a name, an item of a list none. */
static void check_params(ch_frame *frame)
{
    size_t depth = 0;
    uint16_t count = ch_frame_read_u16(frame);
    FUZZ_CHECK(count <= CH_VALUES_MAX);
    for (uint16_t i = 0; i < count; i++) {
        uint8_t kind = ch_frame_read_u8(frame);
        FUZZ_CHECK(kind < CH_VALUE_KIND_COUNT);
        FUZZ_CHECK(ch_slice_is_text(ch_frame_read_bytes(frame)));
        FUZZ_CHECK(ch_slice_is_text(ch_frame_read_bytes(frame)));
        FUZZ_CHECK(kind != CH_VALUE_END || depth > 0);
        depth += kind == CH_VALUE_LIST || kind == CH_VALUE_OBJECT;
        depth -= kind == CH_VALUE_END;
        FUZZ_CHECK(depth <= CH_VALUE_DEPTH_MAX);
    }
    FUZZ_CHECK(depth == 0);
}

static void check_frame(ch_slice packet)
{
    ch_frame frame;
    FUZZ_CHECK(packet.size <= CH_PACKET_MAX && ch_frame_next(&packet, &frame));
    FUZZ_CHECK(frame.type == CH_FRAME_SIGN && frame.id == 7);
    FUZZ_CHECK(ch_frame_read_u64(&frame) == 9);
    FUZZ_CHECK(ch_slice_is(ch_frame_read_bytes(&frame), "key-1"));
    uint8_t form = ch_frame_read_u8(&frame);
    FUZZ_CHECK(form < CH_SIGN_FORM_COUNT);
    for (size_t i = 0; i < 3; i++) /* method, host, path */
        FUZZ_CHECK(ch_slice_is_text(ch_frame_read_bytes(&frame)));
    FUZZ_CHECK(ch_frame_read_bytes(&frame).size == 0 || form != CH_SIGN_TYPED);
    check_params(&frame);
    FUZZ_CHECK(ch_frame_done(&frame) && packet.size == 0);
}

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    json_object_seed(1); /* so that an input takes the same way each time */
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_status st = ch_json_to_sign(&packet, 7, 9, CH_LITERAL("key-1"), (ch_slice){data, size}, &err);
    fuzz_check_error(st, &err);
    if (st == CH_OK)
        check_frame(ch_buffer_slice(&packet));
    else
        check_refusal(&err);
    FUZZ_CHECK(st == CH_OK || packet.size == 0);
    return 0;
}
