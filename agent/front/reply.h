/* Core's answers as JSON, written straight into the buffer that is sent: this is on the path of each signature, and
 * needs no tree. Not thread-safe. */
#ifndef CH_AGENT_FRONT_REPLY_H
#define CH_AGENT_FRONT_REPLY_H

#include "wire/frames.h"

void ch_reply_add_signed(ch_buffer *out, const ch_signed_frame *frame);
void ch_reply_add_signature_only(ch_buffer *out, const ch_signature_only_frame *frame);
void ch_reply_add_checked(ch_buffer *out, const ch_checked_frame *frame);
void ch_reply_add_limits_are(ch_buffer *out, const ch_limits_are_frame *frame);
void ch_reply_add_prices_taken(ch_buffer *out, const ch_prices_taken_frame *frame);
void ch_reply_add_prices_are(ch_buffer *out, const ch_prices_are_frame *frame);
void ch_reply_add_released(ch_buffer *out, const ch_released_frame *frame);
void ch_reply_add_key_list(ch_buffer *out, const ch_key_list_frame *frame);
void ch_reply_add_status_is(ch_buffer *out, const ch_status_is_frame *frame);
void ch_reply_add_time_is(ch_buffer *out, const ch_time_is_frame *frame);

#endif
