/* What processes say to each other: a struct, a `put` and a `get` for each row of wire/frames.def, and who accepts
 * what.
 *
 *     ch_job_frame job = {.key = 3, .payloads = payloads};
 *     CH_TRY(ch_job_frame_put(ch_channel_out(channel), id, &job, err));
 *
 *     CH_TRY(ch_job_frame_get(frame, &job, err));
 *     for (ch_text_record payload; ch_text_record_next(&job.payloads, &payload);) ...
 *
 * `put` appends a frame and returns CH_TOO_LARGE, with nothing appended, if it would exceed CH_PACKET_MAX. `get` reads
 * a frame of that type and returns CH_INTERNAL if it is malformed; slices are views into the packet. Thread-safe as
 * long as each thread has its own buffers and frames. */
#ifndef CH_WIRE_FRAMES_H
#define CH_WIRE_FRAMES_H

#include "wire/frame.h"

/* Goes up whenever a frame changes. Both ends must be of one build. */
#define CH_FRAMES_VERSION 28

#define CH_PIN_SIZE_MAX 256 /* bytes, of what a pipe with a PIN brings */
#define CH_CODE_SIZE_MAX 8  /* of a one-time code; after a PIN it comes in the same pipe, and a NUL before each */
#define CH_PIN_AND_CODES_MAX (CH_PIN_SIZE_MAX + 2 * (CH_CODE_SIZE_MAX + 1))
/* Of a freeze's target, besides those of ch_state_of: a caller or a key, whichever has the name. */
#define CH_TARGET_OF_EITHER 4
/* The rules of failures after a PIN that was right: the code was wrong, or its seed cannot be used. */
#define CH_RULE_CODE "code"
#define CH_RULE_SEED "seed"

/* Where the fault lies with which a job failed, as the token process sees it. */
typedef enum ch_fault {
    CH_FAULT_JOB,
    CH_FAULT_KEY,       /* its handle is stale: the object was deleted or made anew */
    CH_FAULT_LOGIN,     /* it was ended by another program, or by a reset */
    CH_FAULT_MODULE,    /* it failed without a reason, so the job may be as it should */
    CH_FAULT_DEVICE,    /* it is away, or failed */
    CH_FAULT_PIN,       /* that came with it: the token refused it, and may have counted it */
    CH_FAULT_SIGNATURE, /* what it signed is wrong */
    CH_FAULT_NONE,      /* it was not tried: the one before it took unexpectedly long, and others may go first */
    CH_FAULT_COUNT
} ch_fault;

/* How a token is logged in to. */
typedef enum ch_login {
    CH_LOGIN_PIN,
    CH_LOGIN_PINPAD, /* the PIN is typed at the token */
    CH_LOGIN_NONE,   /* the token signs without a PIN */
    CH_LOGIN_COUNT
} ch_login;

#define CH_WORKERS_MAX 16         /* of a token process */
#define CH_PAYLOADS_A_JOB 3       /* at most; at least one */
#define CH_VALUES_MAX 512         /* of a SIGN frame */
#define CH_WIRE_HEADERS 64        /* of a SIGN frame, for CH_FORM_WIRE */
#define CH_VALUE_DEPTH_MAX 4      /* of lists and objects in each other */
#define CH_REPEAT_KEY_MAX 128     /* of an Idempotency-Key: visible ASCII */
#define CH_DRAWN_SIZE 32          /* of the id that a relay draws for a request, in hex */
#define CH_OUTCOMES_MAX 64        /* that a relay tells at once */
#define CH_OUTCOME_BODY_MAX 16384 /* bytes of an exchange's answer */
#define CH_SIGNATURE_SIZE_MAX 512

/* What a value of a SIGN frame was in the JSON of the request. A list or object is followed by what it holds, each a
 * record of its own (in a list without a name), and then by CH_VALUE_END. */
typedef enum ch_value_kind {
    CH_VALUE_TEXT,
    CH_VALUE_INTEGER, /* as its decimal digits */
    CH_VALUE_BOOLEAN, /* "true" or "false" */
    CH_VALUE_NULL,
    CH_VALUE_LIST,
    CH_VALUE_OBJECT,
    CH_VALUE_END,
    CH_VALUE_KIND_COUNT
} ch_value_kind;

/* The form of a request for a signature. */
typedef enum ch_form {
    CH_FORM_TYPED,  /* method, path and parameters: the agent builds the request */
    CH_FORM_STRING, /* an SDK's own string to sign, which must be what the agent would have built */
    CH_FORM_RAW,    /* any bytes, for keys whose policy says so */
    CH_FORM_WIRE,   /* a request as an SDK would have sent it, which the agent undoes and builds anew */
    CH_FORM_COUNT
} ch_form;

/* True if the agent builds the whole request. */
static inline bool ch_form_is_built(ch_form form)
{
    return form == CH_FORM_TYPED || form == CH_FORM_WIRE;
}

typedef enum ch_direction {
    CH_CORE_TO_FRONT,
    CH_FRONT_TO_CORE,
    CH_CORE_TO_TOKEN,
    CH_TOKEN_TO_CORE,
    CH_OPERATOR_TO_CORE,
    CH_CORE_TO_OPERATOR,
} ch_direction;

/* The states of a receiver, as far as they decide what it accepts. */
typedef enum ch_receiving {
    CH_WHILE_STARTING = 1,
    CH_WHILE_TAKING_KEYS = 2,
    CH_WHILE_SERVING = 4,
    CH_WHILE_LOCKED = 8,
    CH_WHILE_LOGGING_IN = 16,
    CH_WHILE_LOCKING = 32,
    CH_WHILE_ASKING = 64,
    CH_WHILE_WAITING = 128,
    CH_WHILE_FINDING = 256,
} ch_receiving;

typedef enum ch_frame_type {
#define RECORD(name, ...)
#define FRAME(NAME, name, number, ...) CH_FRAME_##NAME = number,
#include "wire/frames.def"
#undef RECORD
#undef FRAME
} ch_frame_type;

/* ---- structs ---- */

#define CH_FIELD_u8 uint8_t
#define CH_FIELD_u16 uint16_t
#define CH_FIELD_u32 uint32_t
#define CH_FIELD_u64 uint64_t
#define CH_FIELD_flag bool
#define CH_FIELD_bytes ch_slice
#define CH_FIELD_error ch_error

#define NO_FIELDS
#define FIELD(type, name) CH_FIELD_##type name;
#define LIST(record, name) ch_records name;
#define RECORD(name, ...)                                                                                              \
    typedef struct ch_##name##_record {                                                                                \
        __VA_ARGS__                                                                                                    \
    } ch_##name##_record;
#define FRAME(NAME, name, number, direction, id, states, with, ...)                                                    \
    typedef struct ch_##name##_frame {                                                                                 \
        __VA_ARGS__                                                                                                    \
    } ch_##name##_frame;
#include "wire/frames.def"
#undef RECORD
#undef FRAME
#undef FIELD
#undef LIST
#undef NO_FIELDS

/* ---- put, get, next ---- */

/* ch_NAME_record_put appends a record to `list`, whose bytes lie in `records`, which must hold nothing else.
 * ch_NAME_record_next takes the next record off `list`; false at its end. */
#define RECORD(name, ...)                                                                                              \
    void ch_##name##_record_put(ch_records *list, ch_buffer *records, const ch_##name##_record *record);               \
    bool ch_##name##_record_next(ch_records *list, ch_##name##_record *out);
#define FRAME(NAME, name, ...)                                                                                         \
    CH_CHECKED ch_status ch_##name##_frame_put(ch_buffer *packet, uint64_t id, const ch_##name##_frame *frame,         \
                                               ch_error *err);                                                         \
    CH_CHECKED ch_status ch_##name##_frame_get(ch_frame *frame, ch_##name##_frame *out, ch_error *err);
#include "wire/frames.def"
#undef RECORD
#undef FRAME

/* Checks that a receiver in `state` accepts a frame of `type` from that direction, with a descriptor or without one.
 * CH_INTERNAL names the frame and the state. */
CH_CHECKED ch_status ch_frame_admit(uint16_t type, ch_direction direction, ch_receiving state, bool has_descriptor,
                                    ch_error *err);
/* "SIGN"; "unknown" if there is no such frame. */
const char *ch_frame_name(uint16_t type);

#endif
