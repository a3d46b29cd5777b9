/* Frames: the small typed messages between core and its children, and between an operator's CLI and core.
 *
 * A packet is one SOCK_SEQPACKET message of at most CH_PACKET_MAX bytes and holds one or more frames; many frames in
 * one packet is how a busy process saves system calls and wake-ups. A frame is a header (16 bytes) and its fields, all
 * in host order (both ends are on one machine and of one build, which the hello frames check). A descriptor may travel
 * beside a packet; it belongs to the packet's one frame. Secrets never stand in a frame: a PIN travels in a pipe whose
 * read end is passed as the descriptor.
 *
 * Reading is total: a length that does not fit marks the reader broken, and every later read gives zero or empty; the
 * caller checks once, with ch_frame_done. Not thread-safe. */
#ifndef CH_WIRE_FRAME_H
#define CH_WIRE_FRAME_H

#include "base/buffer.h"

#define CH_PACKET_MAX 65536
#define CH_FRAME_VERSION 2
#define CH_JOB_PAYLOADS_MAX 3
#define CH_WORKERS_MAX 16 /* of a token process */

typedef enum ch_frame_type {
    /* core -> front */
    CH_FRAME_FRONT_START = 1, /* u32 version */
    CH_FRAME_CONNECTION,      /* id: connection; descriptor: the accepted socket */
    CH_FRAME_SIGNED,         /* id: request; bytes method, url, body; u16 n, n x (bytes name, bytes value); bytes key */
    CH_FRAME_SIGNATURE_ONLY, /* id: request; bytes signature as the exchange writes it, key */
    CH_FRAME_FAILED,         /* id: request; u32 status; bytes rule, message; u32 retry_after_s */
    CH_FRAME_KEY_LIST,       /* id: request; u16 n, n x (bytes name, profile, scheme, key_id, token; u8 is_ready) */
    CH_FRAME_STATUS_IS,      /* id: request; bytes version; u64 uptime_s; u8 is_ready; u64 signed, refused, failed;
                                u16 n, n x (bytes token, state, detail) */
    /* front -> core */
    CH_FRAME_FRONT_READY = 32, /* - */
    CH_FRAME_CLOSED,           /* id: connection */
    CH_FRAME_SIGN,       /* id: request; u64 connection; bytes key; u8 ch_sign_form; bytes method, host, path (empty:
                            not said); bytes text (string or raw bytes; empty for CH_SIGN_TYPED); u16 n, n x (u8 kind,
                            bytes name, bytes value) */
    CH_FRAME_LIST_KEYS,  /* id: request; u64 connection */
    CH_FRAME_GET_STATUS, /* id: request; u64 connection */
    /* core -> token */
    CH_FRAME_TOKEN_START = 64, /* u32 version; bytes module, uri; u32 workers; u16 keys */
    CH_FRAME_TOKEN_KEYS,       /* u16 n, n x (bytes object uri, mechanism): the next of them, until all were told */
    CH_FRAME_LOGIN,            /* descriptor: pipe with the PIN */
    CH_FRAME_LOGOUT,           /* - */
    CH_FRAME_JOB,              /* id: job; u16 key index; u8 n (1 to CH_JOB_PAYLOADS_MAX), n x bytes message */
    /* token -> core */
    CH_FRAME_TOKEN_STATE = 96, /* u8 ch_token_state; u32 status; bytes rule, message */
    CH_FRAME_LOGIN_DONE,       /* u32 status; bytes rule, message (of CH_FRAME_LOGIN and CH_FRAME_LOGOUT) */
    CH_FRAME_KEY_STATE,        /* u16 key index; u32 status; bytes rule, message */
    CH_FRAME_SIGNATURE,        /* id: job; u32 status; u32 cost_ns, u8 n, n x bytes signature, or bytes rule, message if
                                  status is not CH_OK */
    /* operator's CLI -> core */
    CH_FRAME_UNLOCK = 128, /* u32 version; bytes token; descriptor: pipe with the PIN */
    CH_FRAME_LOCK,         /* u32 version; bytes token (empty: all) */
    /* core -> operator's CLI */
    CH_FRAME_OPERATOR_DONE = 160, /* u32 status; bytes rule, message */
} ch_frame_type;

typedef enum ch_token_state {
    CH_TOKEN_ABSENT,   /* module or token can't be opened for now */
    CH_TOKEN_LOCKED,   /* there, not logged in */
    CH_TOKEN_UNLOCKED, /* logged in */
    CH_TOKEN_STATE_COUNT
} ch_token_state;

/* What a parameter was in the JSON of the request. A list or object is followed by what it holds, each an entry of its
 * own (in a list without a name), and then by CH_VALUE_END. */
typedef enum ch_value_kind {
    CH_VALUE_TEXT,        /* a JSON string */
    CH_VALUE_INTEGER,     /* a JSON integer, as its decimal digits */
    CH_VALUE_BOOLEAN,     /* "true" or "false" */
    CH_VALUE_PLACEHOLDER, /* JSON null: "the agent fills this in, and here is where it goes" */
    CH_VALUE_LIST,
    CH_VALUE_OBJECT,
    CH_VALUE_END,
    CH_VALUE_KIND_COUNT
} ch_value_kind;

#define CH_VALUES_MAX 512 /* entries of a request, those in lists and objects included */
#define CH_VALUE_DEPTH_MAX 4

/* The form of a request for a signature. */
typedef enum ch_sign_form {
    CH_SIGN_TYPED,  /* method, path and parameters: the agent builds the request */
    CH_SIGN_STRING, /* an SDK's own string to sign, which must be what the agent would have built */
    CH_SIGN_RAW,    /* any bytes, for keys whose policy says so */
    CH_SIGN_FORM_COUNT
} ch_sign_form;

/* ---- writing: any number of begin ... end into one ch_buffer, which is then one packet ---- */

/* Starts a frame and returns its offset for ch_frame_end. */
size_t ch_frame_begin(ch_buffer *packet, ch_frame_type type, uint64_t id);
void ch_frame_u8(ch_buffer *packet, uint8_t value);
void ch_frame_u16(ch_buffer *packet, uint16_t value);
void ch_frame_u32(ch_buffer *packet, uint32_t value);
void ch_frame_u64(ch_buffer *packet, uint64_t value);
void ch_frame_bytes(ch_buffer *packet, ch_slice bytes);
void ch_frame_text(ch_buffer *packet, const char *text);
/* Closes the frame. CH_TOO_LARGE, with the frame taken out again, if it alone passes CH_PACKET_MAX. */
CH_CHECKED ch_status ch_frame_end(ch_buffer *packet, size_t begin, ch_error *err);

/* ---- reading ---- */

typedef struct ch_frame {
    uint16_t type;
    uint64_t id;
    const uint8_t *at; /* next field; views into the packet */
    const uint8_t *end;
    bool is_broken;
} ch_frame;

/* Takes the next frame off `packet`; false at its end or when what is left is no frame (then packet->size is not 0). */
bool ch_frame_next(ch_slice *packet, ch_frame *out);
uint8_t ch_frame_read_u8(ch_frame *frame);
uint16_t ch_frame_read_u16(ch_frame *frame);
uint32_t ch_frame_read_u32(ch_frame *frame);
uint64_t ch_frame_read_u64(ch_frame *frame);
ch_slice ch_frame_read_bytes(ch_frame *frame); /* valid as long as the packet */
/* Reads u32 status, bytes rule, bytes message; gives the status. */
ch_status ch_frame_read_error(ch_frame *frame, ch_error *out);
void ch_frame_error(ch_buffer *packet, const ch_error *err);
/* True if the frame was read to its last byte and nothing was missing. */
bool ch_frame_done(const ch_frame *frame);

/* ---- the channel ---- */

/* A connected SOCK_SEQPACKET descriptor with an outgoing queue: frames are gathered in `pending` and leave with
 * ch_channel_flush, as many to a packet as fit. */
typedef struct ch_channel {
    int fd; /* non-blocking; -1 when closed */
    ch_buffer pending;
    size_t pending_start; /* bytes of `pending` sent already */
    uint8_t *incoming;    /* CH_PACKET_MAX bytes */
} ch_channel;

/* Takes `fd` over. */
void ch_channel_open(ch_channel *channel, int fd);
void ch_channel_close(ch_channel *channel);
/* Where frames for this channel are written: ch_frame_begin(ch_channel_out(c), ...). */
ch_buffer *ch_channel_out(ch_channel *channel);
/* Sends what is pending. CH_OK also when the socket is full and some is left (ch_channel_is_blocked: wait for
 * writable); CH_IO when the peer is gone. */
CH_CHECKED ch_status ch_channel_flush(ch_channel *channel, ch_error *err);
bool ch_channel_is_blocked(const ch_channel *channel);
/* Flushes what is pending, then sends the single frame of `packet` with descriptor `fd`, which stays the caller's.
 * Waits at most a second for room. */
CH_CHECKED ch_status ch_channel_send_fd(ch_channel *channel, const ch_buffer *packet, int fd, ch_error *err);
/* Receives one packet without waiting. CH_OK with packet->size 0: nothing there now. CH_UNAVAILABLE: the peer closed.
 * `*fd` is the descriptor that came along (the caller closes it) or -1; a packet with more than one is refused. */
CH_CHECKED ch_status ch_channel_receive(ch_channel *channel, ch_slice *packet, int *fd, ch_error *err);
/* The same, but sleeps until a packet comes. Several threads may wait on one descriptor, each with its own channel: the
 * kernel gives each packet to one of them. */
CH_CHECKED ch_status ch_channel_receive_wait(ch_channel *channel, ch_slice *packet, int *fd, ch_error *err);

#endif
