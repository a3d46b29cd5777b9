/* What a token really does with keys for one mechanism, tried on scratch keys. They are labelled CH_PROBE_LABEL and
 * random digits, and deleted again, also after a failure or an interrupt (cli/interrupt.h). No other object is touched.
 */
#ifndef CH_CLI_PROBE_H
#define CH_CLI_PROBE_H

#include "pkcs11/mechanism.h"
#include "pkcs11/token.h"

#define CH_PROBE_LABEL "chancery-probe-"
#define CH_PROBE_THREADS 4

typedef enum ch_probe_step {
    CH_PROBE_GENERATE,
    CH_PROBE_IMPORT,
    CH_PROBE_ATTRIBUTES, /* private, sensitive, not extractable, for signing only */
    CH_PROBE_SIGN,       /* and the signature is right */
    CH_PROBE_THREADED,   /* several threads at once, each with its session */
    CH_PROBE_DELETE,
    CH_PROBE_STEP_COUNT
} ch_probe_step;

typedef struct ch_probe {
    const ch_mechanism *mechanism;
    bool is_tried[CH_PROBE_STEP_COUNT];
    ch_error outcome[CH_PROBE_STEP_COUNT]; /* of the steps that were tried: the first failure */
    double rate_of_one;                    /* signatures a second; 0 if not measured */
    double rate_of_many;                   /* by CH_PROBE_THREADS threads */
} ch_probe;

/* Tries all steps for `mechanism`. `session` is writable. What fails is in `out`. */
void ch_probe_mechanism(ch_session *session, const ch_mechanism *mechanism, ch_probe *out);

#endif
