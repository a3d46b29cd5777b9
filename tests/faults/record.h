/* The log, for tests to judge: the control file's path with .log, to which every process appends lines
 *
 *     TIME PID THREAD > FUNCTION SESSION [FACTS]            a call begins
 *     TIME PID THREAD < FUNCTION SESSION RESULT [FACTS]     it ends
 *     TIME PID THREAD ! WHAT                                a rule of Cryptoki was broken
 *
 * TIME is the monotonic clock's, in milliseconds. A call without a line that ends it hung, or its process ended in it.
 * Of a PIN there is a number, the same for the same PIN; never the PIN. */
#ifndef CH_TESTS_FAULTS_RECORD_H
#define CH_TESTS_FAULTS_RECORD_H

#include "tests/faults/call.h"

void record_begin(const call *now);
void record_end(const call *now);
__attribute__((format(printf, 1, 2))) void record_violation(const char *format, ...);

#endif
