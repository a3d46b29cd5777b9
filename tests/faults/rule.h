/* A rule: a line FUNCTION WHEN ACTION... of the control file. */
#ifndef CH_TESTS_FAULTS_RULE_H
#define CH_TESTS_FAULTS_RULE_H

#include "tests/faults/call.h"

#include <stdint.h>

typedef struct rule {
    const char *function;
    /* when */
    unsigned long first, last; /* of the calls that fit it */
    bool is_counted_by_all;    /* over all processes */
    double chance;
    char key[LABEL_SIZE]; /* "": any */
    bool has_type;
    CK_MECHANISM_TYPE type;
    /* what then */
    bool is_after; /* the token does it first */
    unsigned long delay_ms;
    bool hangs;
    bool crashes;
    int exit_status; /* -1: none */
    bool is_garbage;
    long more_bytes; /* of the signature's size; negative: fewer */
    bool has_result;
    CK_RV result;

    unsigned number; /* of its line */
    unsigned long count;
} rule;

/* Reads a line's words. False: it is not understood. */
bool rule_read(rule *out, char **words, unsigned count);
/* Is the rule about such calls? */
bool rule_fits(const rule *one, const call *now);
/* Is it about this call, the `count`th that fits it? */
bool rule_chooses(const rule *one, unsigned long count, uint64_t seed);
/* Does what it says, but for hanging. Returns false if the call is over, with its result. */
bool rule_act(const rule *one, call *now);

#endif
