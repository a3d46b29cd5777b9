/* A person's session with core in a scene, whose user is operator and admin of its policy. The test plays the person's
 * program, frame by frame. Every function ends the test if it cannot do what it says. */
#ifndef CH_TESTS_UNIT_AGENT_CORE_VISIT_H
#define CH_TESTS_UNIT_AGENT_CORE_VISIT_H

#include "agent/core/operators.h"
#include "tests/unit/agent/core/scene.h"

typedef struct visit {
    scene *it;
    ch_operators *operators;
    ch_channel channel; /* the person's end, while there is a session */
    ch_slice left;      /* of the packet that was read last */
} visit;

/* Begins the scene, and listens to people. */
void visit_begin(visit *one, scene *it);
/* Begins a session, whose frame is to be written to what is returned. */
ch_buffer *visit_come(visit *one);
/* Sends what was written. */
void visit_ask(visit *one);
/* Sends what was written, and reads the next frame, which must be of that type. Until it comes, what is decided goes to
 * the disk. Views into the channel. */
ch_frame visit_hear(visit *one, ch_frame_type type);
/* The answer, which ends the session, has that status, and `says` in its message. */
void visit_check_done(visit *one, ch_status status, const char *says);

#endif
