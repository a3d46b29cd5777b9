/* Whoever changes something hears in time whether the change holds, even while the disk of the state hangs or is full.
 * Some changes are in effect at once, others count only when they are on the disk; each kind has a row that says so. */
#include "agent/core/operators_impl.h"

#include "base/clock.h"

#define CHANGE_MS 1500    /* a sound disk may be as slow as that */
#define QUESTION_MS 10000 /* what is being written goes first */

#define IN_EFFECT "it is in effect, but is not kept yet, and would be forgotten if the agent ended now: "
#define NOT_YET "it does not count yet, and will once the disk has it, unless the agent ends before: "
#define LOST "it does not count, and must be done again: "
#define NOT_READ "what is kept cannot be read now; ask again later: "
#define ASK_HOW_IT_STANDS "; 'chancery approvals show' says how the request stands"

/* clang-format off */
static const struct {
    uint64_t wait_ms;
    const char *late; /* before the reason why it is not kept yet */
    const char *lost; /* before the reason why it will not be */
    const char *after;
} rows[] = {
    /*                      wait         late       lost       after */
    [CH_KEPT_STATE]    = { CHANGE_MS,   IN_EFFECT, IN_EFFECT, "; make sure of it at the exchange, and ask again later" },
    [CH_KEPT_CHANGE]   = { CHANGE_MS,   IN_EFFECT, IN_EFFECT, "" },
    [CH_KEPT_APPROVAL] = { CHANGE_MS,   IN_EFFECT, LOST,      ASK_HOW_IT_STANDS },
    [CH_KEPT_DENIAL]   = { CHANGE_MS,   IN_EFFECT, IN_EFFECT, ASK_HOW_IT_STANDS },
    [CH_KEPT_FIRST]    = { CHANGE_MS,   NOT_YET,   NOT_YET,   "" },
    [CH_KEPT_QUESTION] = { QUESTION_MS, NOT_READ,  NOT_READ,  "" },
};
/* clang-format on */

/* This replaces whatever else was to be answered: nothing is as important. */
static void answer(ch_session *self, const char *before, const char *why)
{
    ch_error outcome = CH_ERROR_INIT;
    ch_error_set(&outcome, CH_IO, "", "%s%s%s", before, why, rows[self->keeping].after);
    self->kept_by_ms = 0;
    self->answer = outcome;
    ch_session_on_outcome(self, &outcome);
}

static void on_kept(void *context, const ch_error *outcome)
{
    ch_session *self = context;
    self->kept_by_ms = 0;
    if (outcome->status == CH_OK)
        ch_session_on_outcome(self, outcome);
    else
        answer(self, rows[self->keeping].lost, outcome->message);
}

void ch_session_on_late(ch_session *self)
{
    ch_ledger_forget(self->operators->context.ledger, self);
    answer(self, rows[self->keeping].late, "the disk of the state does not answer");
}

void ch_session_limit_wait(ch_session *self, ch_keeping keeping)
{
    self->keeping = keeping;
    self->kept_by_ms = ch_clock_ms() + rows[keeping].wait_ms;
}

void ch_session_await_disk(ch_session *self, ch_keeping keeping, uint64_t row)
{
    ch_error why = CH_ERROR_INIT;
    ch_session_limit_wait(self, keeping);
    if (ch_ledger_await(self->operators->context.ledger, row, self, on_kept, &why) != CH_OK)
        on_kept(self, &why);
}
