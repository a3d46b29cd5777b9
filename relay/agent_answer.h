/* What the agent's answers say: frames, as what they mean to a bot's request. What goes into HTTP from them is held to
 * what HTTP can carry; an answer that does not pass is none, and nothing is sent. Thread-safe. */
#ifndef CH_RELAY_AGENT_ANSWER_H
#define CH_RELAY_AGENT_ANSWER_H

#include "base/buffer.h"
#include "wire/frame.h"

#include <stdbool.h>

typedef enum ch_agent_says {
    CH_AGENT_AWAY,         /* nothing was asked */
    CH_AGENT_SILENT,       /* it was asked, and no answer came: it may have signed */
    CH_AGENT_REFUSES,      /* it says why, or that people must approve */
    CH_AGENT_ALREADY_SENT, /* the same request was signed under another id */
    CH_AGENT_SIGNED,
    CH_AGENT_PUBLIC, /* to be sent as it is, unsigned */
} ch_agent_says;

/* Where the shapes of a key's errors stand in their list. */
enum { CH_SHAPE_NOT_SENT, CH_SHAPE_UNKNOWN, CH_SHAPES };

/* An answer: views of the frame's bytes. */
typedef struct ch_agent_answer {
    ch_agent_says says;
    ch_slice method;        /* of what is to be sent: signed or public */
    ch_slice url;           /* ... */
    ch_slice body;          /* ... */
    ch_records headers;     /* ... header records */
    bool has_effects;       /* signed */
    bool is_serial;         /* signed */
    uint64_t errors_tag;    /* signed: of the shapes */
    ch_records shapes;      /* signed: CH_SHAPES of errors, or none; refused: of the answer to the bot, or none */
    unsigned http_status;   /* refused: as the agent would answer by HTTP */
    unsigned retry_after_s; /* refused; 0: not said */
    ch_slice sent_id;       /* already sent; empty: it is not known under which */
    ch_frame refusal;       /* refused: not read yet */
} ch_agent_answer;

/* Reads a SIGNED, FAILED or REQUEST_IS. What cannot be passed on is CH_AGENT_SILENT. Returns CH_INTERNAL if the frame
 * is malformed. */
CH_CHECKED ch_status ch_agent_answer_read(const ch_frame *frame, ch_agent_answer *out, ch_error *err);
/* Appends a refusal's document: JSON. `http_status` is what it says its own is; 0: as the agent would say. */
void ch_agent_answer_add_document(const ch_agent_answer *answer, unsigned http_status, ch_buffer *out);

/* An answer to a bot as the agent shaped it. */
typedef struct ch_shape {
    unsigned status;
    ch_buffer lines; /* whole header lines, without those of a connection; the caller frees it, whatever came of it */
    ch_slice body;
} ch_shape;
/* Reads the shape at `index` of an answer's; false if there is none. */
bool ch_shape_read(ch_records shapes, size_t index, ch_shape *out);

#endif
