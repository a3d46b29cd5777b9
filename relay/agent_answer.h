/* What the agent's JSON answers say. Strict: what is not as docs/relay.md has it is no answer, and nothing is sent.
 * Thread-safe. */
#ifndef CH_RELAY_AGENT_ANSWER_H
#define CH_RELAY_AGENT_ANSWER_H

#include "base/buffer.h"

#include <jansson.h>
#include <stdbool.h>

typedef enum ch_agent_says {
    CH_AGENT_AWAY,         /* nothing was asked */
    CH_AGENT_SILENT,       /* it was asked, and no answer came: it may have signed */
    CH_AGENT_REFUSES,      /* a problem document, or people must approve */
    CH_AGENT_ALREADY_SENT, /* the same request was signed under another id */
    CH_AGENT_SIGNED,
    CH_AGENT_PUBLIC, /* to be sent as it is, unsigned */
} ch_agent_says;

/* An answer: views of the document, which lives as long as the asking. */
typedef struct ch_agent_answer {
    ch_agent_says says;
    unsigned status;
    long retry_after_s;  /* 0: not said */
    json_t *document;    /* an object; NULL if the agent is away or silent */
    const char *method;  /* of what is to be sent: signed or public */
    const char *url;     /* ... */
    json_t *headers;     /* ... an object of texts */
    ch_slice body;       /* ... */
    bool has_effects;    /* signed */
    bool is_serial;      /* signed */
    json_t *shapes;      /* signed: of errors; may be NULL */
    const char *sent_id; /* already sent */
} ch_agent_answer;

/* Reads `document` (may be NULL) by the HTTP status in `answer`, whose other members become views of it. What cannot be
 * read is CH_AGENT_SILENT. */
void ch_agent_answer_read(json_t *document, ch_agent_answer *answer);

/* An answer to a bot as the agent shaped it: {"status", "headers", "body"}. False if it is none that may be sent. */
typedef struct ch_shape {
    unsigned status;
    ch_buffer lines; /* whole header lines; the caller frees it */
    ch_slice body;
} ch_shape;
bool ch_shape_read(const json_t *json, ch_shape *out);

#endif
