/* Codes of people on the stage: a token that is played, the state's disk, which answers when the test lets it, and
 * core's room of codes. Alice is an admin, and enrolled; Bob is an operator. */
#ifndef CH_TESTS_UNIT_AGENT_CORE_CODES_STAGE_H
#define CH_TESTS_UNIT_AGENT_CORE_CODES_STAGE_H

#include "agent/core/codes.h"
#include "tests/unit/agent/core/play.h"

enum { ALICE, BOB };
extern const ch_person codes_stage_persons[];

typedef struct codes_stage {
    play_token token;
    ch_store *store;
    ch_people *people;
    ch_writer *writer;
    ch_links links;
    ch_codes *codes;
} codes_stage;

void codes_stage_begin(codes_stage *it);
void codes_stage_end(codes_stage *it);

/* What somebody who waits has heard. */
typedef struct codes_heard {
    int answers;
    ch_error outcome;
} codes_heard;
ch_codes_waiter codes_stage_waiter(codes_heard *who);

ch_secret codes_stage_type(ch_slice text);
/* That person's seed is enrolled from here on. */
void codes_stage_pin(codes_stage *it, int person);
/* What was submitted is on the disk, and core hears of it. */
void codes_stage_let_disk_answer(codes_stage *it);
/* Time passes, without the disk, until `who` has heard so much. */
void codes_stage_await(const codes_heard *who, int answers);
/* The token is asked for a code, and says that. */
void codes_stage_say(codes_stage *it, const ch_error *outcome, uint64_t step);
void codes_stage_say_right(codes_stage *it, uint64_t step);

#endif
