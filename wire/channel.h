/* A channel: one end of a SOCK_SEQPACKET socket pair or connection, with a queue of frames that wait to be sent.
 *
 * Frames are written to ch_channel_out and leave with ch_channel_flush, as many to a packet as fit. A relay's
 * connection is a SOCK_STREAM socket; there a packet is whatever whole frames have come, and no descriptors travel.
 * Nothing here waits, save ch_channel_receive_wait. Not thread-safe; several threads may receive from one descriptor,
 * each through a channel of its own, and the kernel gives each packet to one of them. */
#ifndef CH_WIRE_CHANNEL_H
#define CH_WIRE_CHANNEL_H

#include "base/secret.h"
#include "wire/frames.h"

/* A descriptor that leaves with the frame that begins at `at`. */
typedef struct ch_attachment {
    size_t at; /* offset in `pending` */
    int fd;
} ch_attachment;

typedef struct ch_channel {
    int fd; /* non-blocking; -1 when closed */
    ch_buffer pending;
    size_t sent; /* bytes of `pending` that have left */
    ch_attachment *attachments;
    size_t attachment_count;
    size_t attachment_capacity;
    uint8_t *incoming; /* CH_PACKET_MAX bytes */
    bool is_stream;
    size_t incoming_size; /* of a stream: bytes that have come */
    size_t taken_size;    /* of those, the whole frames that the last packet was */
} ch_channel;

#define CH_CHANNEL_CLOSED                                                                                              \
    {                                                                                                                  \
        .fd = -1                                                                                                       \
    }

/* Takes `fd` over. */
void ch_channel_open(ch_channel *channel, int fd);
/* The same for a SOCK_STREAM socket. */
void ch_channel_open_stream(ch_channel *channel, int fd);
/* Closes it and what is still attached; harmless on a closed channel. */
void ch_channel_close(ch_channel *channel);

/* Where frames for this channel are written: ch_job_frame_put(ch_channel_out(channel), ...). */
ch_buffer *ch_channel_out(ch_channel *channel);
/* Lets `fd`, which is taken over, travel with the frame that is written next. That frame leaves in a packet of its own.
 */
void ch_channel_attach(ch_channel *channel, int fd);
/* The same with a pipe that holds a copy of `secret` (ch_secret_to_pipe), so that it is never in a frame. */
CH_CHECKED ch_status ch_channel_attach_secret(ch_channel *channel, const ch_secret *secret, ch_error *err);
/* Closes what was attached last: its frame could not be written. */
void ch_channel_detach(ch_channel *channel);
/* Sends what is pending, as far as the socket takes it now. Returns CH_OK also if some is left; CH_IO if the peer is
 * gone. */
CH_CHECKED ch_status ch_channel_flush(ch_channel *channel, ch_error *err);
/* Bytes that wait to be sent; after a flush, more than 0 means that the socket is full. */
size_t ch_channel_pending(const ch_channel *channel);
/* Descriptors that wait to be sent. */
size_t ch_channel_attached(const ch_channel *channel);

/* A packet that came in. The frames are views into the channel, valid until the next packet. */
typedef struct ch_packet {
    ch_slice bytes;  /* empty: nothing was there */
    int fd;          /* the descriptor that came along, which the receiver closes; -1: none */
    bool is_fd_lost; /* a descriptor came, and this process had no room for it */
} ch_packet;

/* Receives one packet without waiting. Returns CH_UNAVAILABLE if the peer closed, CH_BAD_INPUT if more than one
 * descriptor came, or one by a stream. */
CH_CHECKED ch_status ch_channel_receive(ch_channel *channel, ch_packet *packet, ch_error *err);
/* The same, but sleeps until a packet comes. */
CH_CHECKED ch_status ch_channel_receive_wait(ch_channel *channel, ch_packet *packet, ch_error *err);

/* ---- receivers ---- */

typedef struct ch_handler {
    ch_frame_type type;
    /* `*fd` is the descriptor that came along: to keep it, take it and leave -1. A failure ends the peer. */
    ch_status (*take)(void *self, ch_frame *frame, int *fd, ch_error *err);
} ch_handler;

/* Who takes frames from one direction, and how. */
typedef struct ch_receiver {
    ch_direction direction;
    const ch_handler *handlers;
    size_t handler_count;
    /* The state at the moment: it may change from frame to frame. 0: nothing more is taken, and the rest is dropped. */
    unsigned (*state)(const void *self);
} ch_receiver;

/* Hands each frame of `packet` to its handler, if the receiver's state accepts it, and closes the packet's descriptor
 * if it was not taken. Any failure means that the peer broke the protocol (or that a handler failed) and must be ended.
 */
CH_CHECKED ch_status ch_packet_take(ch_packet *packet, const ch_receiver *receiver, void *self, ch_error *err);
/* The same for the next frame only; `packet->bytes` is empty after the last one, and after a failure. */
CH_CHECKED ch_status ch_packet_take_frame(ch_packet *packet, const ch_receiver *receiver, void *self, ch_error *err);
/* Closes the packet's descriptor; harmless if there is none. */
void ch_packet_close(ch_packet *packet);

#endif
