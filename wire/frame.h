/* Frames as bytes: the header, the fields one after the other, and reading that never leaves them.
 *
 * A packet is one SOCK_SEQPACKET message of at most CH_PACKET_MAX bytes and holds one or more frames; many frames in
 * one packet is how a busy process saves system calls and wake-ups. A frame is a header (16 bytes) and its fields, all
 * in host order: both ends are on one machine and of one build, which the first frames check. Secrets never stand in a
 * frame: a PIN travels in a pipe whose read end is passed as a descriptor.
 *
 * Reading is total: a length that does not fit marks the frame as broken, and every later read returns zero or empty;
 * the reader checks once, at the end. wire/frames.h has a reader and a writer for each frame; only they need this
 * header's functions for fields. Not thread-safe. */
#ifndef CH_WIRE_FRAME_H
#define CH_WIRE_FRAME_H

#include "base/buffer.h"

#define CH_PACKET_MAX 65536

typedef struct ch_frame {
    uint16_t type; /* ch_frame_type, or any other number that came in */
    uint64_t id;
    const uint8_t *at; /* next field; views into the packet */
    const uint8_t *end;
    bool is_broken;
} ch_frame;

/* A list of records, as bytes: written by the record's `put`, read by its `next`. */
typedef struct ch_records {
    size_t count;
    ch_slice records;
} ch_records;

/* Takes the next frame off `packet`. Returns false at its end, or if what is left is not a frame (then packet->size is
 * not 0). */
bool ch_frame_next(ch_slice *packet, ch_frame *out);

/* Starts a frame at the end of `packet` and returns its offset for ch_frame_end. */
size_t ch_frame_begin(ch_buffer *packet, uint16_t type, uint64_t id);
/* Closes the frame. Returns CH_TOO_LARGE, with the frame taken out again, if it alone exceeds CH_PACKET_MAX. */
CH_CHECKED ch_status ch_frame_end(ch_buffer *packet, size_t begin, ch_error *err);

/* Fields. Bytes that are read are valid as long as the packet. */
void ch_put_u8(ch_buffer *packet, uint8_t value);
void ch_put_u16(ch_buffer *packet, uint16_t value);
void ch_put_u32(ch_buffer *packet, uint32_t value);
void ch_put_u64(ch_buffer *packet, uint64_t value);
void ch_put_flag(ch_buffer *packet, bool value);
void ch_put_bytes(ch_buffer *packet, ch_slice bytes);
void ch_put_error(ch_buffer *packet, ch_error err);
void ch_put_records(ch_buffer *packet, ch_records list);

uint8_t ch_get_u8(ch_frame *frame);
uint16_t ch_get_u16(ch_frame *frame);
uint32_t ch_get_u32(ch_frame *frame);
uint64_t ch_get_u64(ch_frame *frame);
bool ch_get_flag(ch_frame *frame);
ch_slice ch_get_bytes(ch_frame *frame);
ch_error ch_get_error(ch_frame *frame);
/* `skip` reads one record and forgets it: so a list that was read is a list of whole records. */
ch_records ch_get_records(ch_frame *frame, void (*skip)(ch_frame *frame));

/* True if the frame was read to its last byte and nothing was missing. */
bool ch_frame_is_read(const ch_frame *frame);

#endif
