/* JSON at the front door: a sign request in, replies and problem documents (RFC 9457) out.
 *
 * Reading is strict: one object, no field twice, none that is unknown, no parameter that could be meant in two ways.
 * Every text that leaves here in a frame is well-formed UTF-8 without control characters. Not thread-safe. */
#ifndef CH_AGENT_FRONT_JSON_H
#define CH_AGENT_FRONT_JSON_H

#include "wire/frame.h"

/* Seeds jansson's hash tables, once, before anything else here; left to itself, jansson would open /dev/urandom, which
 * the front's sandbox does not let it. CH_IO when the kernel gives no random bytes. */
CH_CHECKED ch_status ch_json_init(ch_error *err);

/* Reads one of the three forms from `body` and appends the CH_FRAME_SIGN for `key` to `packet`, the parameters in the
 * order of the text:
 *   {"method","path","host","params"}   host and params may be left out
 *   {"string","method","path","host"}   all but the string may be left out
 *   {"raw"}                             base64
 * CH_BAD_INPUT or CH_TOO_LARGE say what to change, and `packet` is as it was. */
CH_CHECKED ch_status ch_json_to_sign(ch_buffer *packet, uint64_t request, uint64_t connection, ch_slice key,
                                     ch_slice body, ch_error *err);

/* Append the reply that a frame of core stands for. The caller checks ch_frame_done afterwards. */
void ch_json_add_signed(ch_buffer *out, ch_frame *frame);
void ch_json_add_signature(ch_buffer *out, ch_frame *frame);
void ch_json_add_key_list(ch_buffer *out, ch_frame *frame);
void ch_json_add_status(ch_buffer *out, ch_frame *frame, bool *is_ready);

/* Appends a problem document. `http_status` is most often ch_status_http(problem->status). */
void ch_json_add_problem(ch_buffer *out, const ch_error *problem, unsigned http_status);

#endif
