/* The body of a request for a signature: refused, or one well-formed frame. The problem document for the refusal is
 * valid JSON whatever the body was. */
#include "tests/fuzz/fuzz.h"

#include "agent/front/ask.h"
#include "agent/front/problem.h"
#include "base/buffer.h"
#include "wire/frames.h"

#include <jansson.h>
#include <string.h>

static void check_refusal(const ch_error *err)
{
    ch_autobuffer document = CH_BUFFER_INIT;
    json_error_t where;
    ch_problem_add(&document, err, (unsigned)ch_status_http(err->status), CH_LITERAL(""));
    json_t *problem = json_loadb((const char *)document.data, document.size, JSON_REJECT_DUPLICATES, &where);
    FUZZ_CHECK(json_is_object(problem));
    FUZZ_CHECK(strcmp(json_string_value(json_object_get(problem, "detail")), err->message) == 0);
    json_decref(problem);
}

/* Lists and objects end in the order in which they began. */
static void check_values(ch_records values)
{
    size_t depth = 0;
    ch_value_record value;
    FUZZ_CHECK(values.count <= CH_VALUES_MAX);
    while (ch_value_record_next(&values, &value)) {
        FUZZ_CHECK(value.kind < CH_VALUE_KIND_COUNT);
        FUZZ_CHECK(ch_slice_is_text(value.name) && ch_slice_is_text(value.value));
        FUZZ_CHECK(value.kind != CH_VALUE_END || depth > 0);
        depth += value.kind == CH_VALUE_LIST || value.kind == CH_VALUE_OBJECT;
        depth -= value.kind == CH_VALUE_END;
        FUZZ_CHECK(depth <= CH_VALUE_DEPTH_MAX);
    }
    FUZZ_CHECK(depth == 0);
}

static void check_frame(const ch_ask *ask)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_frame frame;
    ch_sign_frame sign;
    if (ch_sign_frame_put(&packet, 7, &ask->sign, &err) != CH_OK) {
        FUZZ_CHECK(err.status == CH_TOO_LARGE && packet.size == 0);
        return;
    }
    ch_slice rest = ch_buffer_slice(&packet);
    FUZZ_CHECK(ch_frame_next(&rest, &frame) && rest.size == 0 && frame.type == CH_FRAME_SIGN && frame.id == 7);
    FUZZ_CHECK(ch_sign_frame_get(&frame, &sign, &err) == CH_OK);
    FUZZ_CHECK(sign.form < CH_FORM_COUNT && (sign.text.size == 0 || sign.form != CH_FORM_TYPED));
    FUZZ_CHECK(ch_slice_is_text(sign.method) && ch_slice_is_text(sign.host) && ch_slice_is_text(sign.path));
    check_values(sign.values);
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
    ch_ask ask = {0};
    ch_status st = ch_ask_read(&ask, (ch_slice){data, size}, &err);
    fuzz_check_error(st, &err);
    if (st == CH_OK)
        check_frame(&ask);
    else
        check_refusal(&err);
    ch_ask_free(&ask);
    return 0;
}
