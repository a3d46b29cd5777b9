/* Where requests come in and their answers leave: the link of a front, or that of a relay. Whoever is asked answers
 * once, now or later; an answer to a process or a connection that has ended meanwhile is dropped. Core's thread only.
 */
#ifndef CH_AGENT_CORE_INTAKE_H
#define CH_AGENT_CORE_INTAKE_H

#include "wire/channel.h"

typedef struct ch_intake ch_intake;

/* A part of the link, and set by it. Stays where it is as long as anybody may answer. */
struct ch_intake {
    ch_channel *channel; /* closed while nobody is there */
    uint64_t life;       /* goes up when the one who asked has ended */
    void *self;          /* the link */
    /* A connection that came by it must make room for another, and is in the table no more. */
    void (*close)(void *self, uint64_t connection);
};

/* Where an answer goes. */
typedef struct ch_asker {
    ch_intake *intake;
    uint64_t life;
    uint64_t request;
} ch_asker;

/* Whoever asks by `intake` now, with the frame of that id. */
ch_asker ch_asker_of(ch_intake *intake, uint64_t request);
/* Where the answer's frame for `asker` is written, with asker.request as its id; NULL if nobody waits for it any more.
 */
ch_buffer *ch_asker_out(ch_asker asker);
/* Answers with a failure. `step` is the name of the step that failed; "" if the request was not one for a signature. */
void ch_asker_failed(ch_asker asker, const char *step, const ch_error *why);
/* The same, with figures. What passes by itself may be tried again in a second, if the frame does not say when. */
void ch_asker_fail(ch_asker asker, ch_failed_frame *failed);

#endif
