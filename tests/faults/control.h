/* The control file: which calls are at fault, and how the token behaves. It is looked at again at each call, so that a
 * test can break a module and mend it while the agent runs; a writer replaces it by rename. README.md describes its
 * lines. A line that is not understood ends the process, so that a test with a slip of the pen does not pass. */
#ifndef CH_TESTS_FAULTS_CONTROL_H
#define CH_TESTS_FAULTS_CONTROL_H

#include "tests/faults/call.h"

#include <stdint.h>

#define MODEL_WORDS 8
#define MODEL_WORD_SIZE 64

typedef struct model {
    unsigned count; /* of words after its name */
    char words[MODEL_WORDS][MODEL_WORD_SIZE];
} model;

/* Reads the file, if it is another one than before. Returns its stamp, which no other version of it has. */
uint64_t control_look(void);

/* Is there a line for this model? `out` may be NULL. With several, the one whose number is `*from`, which is raised. */
bool control_model(const char *name, model *out);
bool control_next_model(const char *name, unsigned *from, model *out);
/* The model's first word as a number; `otherwise` if there is no such line. */
unsigned long control_value(const char *name, unsigned long otherwise);
/* Does any line ask for the labels of keys? */
bool control_has_labels(void);

/* What the rules say of a call, before the token is asked and after. Each rule counts the calls that fit it. Returns
 * false if the call is over, with its result. */
bool control_before(call *now);
void control_after(call *now);

#endif
