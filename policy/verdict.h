/* What a decision says: a refusal with its figures and its sentence, and the lines that `explain` shows. */
#ifndef CH_POLICY_VERDICT_H
#define CH_POLICY_VERDICT_H

#include "exchange/facts.h"
#include "policy/levels.h"
#include "policy/question.h"
#include "policy/value.h"

/* Where a refusal is written. */
typedef struct ch_objection {
    ch_error *err;
    ch_refusal *refusal;
} ch_objection;

/* Refuses by a built-in rule, or by `entry` if it is not NULL; the figures are empty. Returns `status`. */
ch_status ch_object(const ch_objection *to, ch_status status, const char *rule, const ch_entry_rule *entry,
                    const char *format, ...) CH_PRINTF(5, 6);

/* Refuses as `said` does, if it turns out that nothing else lets the request pass. */
ch_status ch_object_again(const ch_objection *to, const ch_objection *said);

/* An amount as the limit counts it: "5000 USDT", "2 %", "5s", "100". */
void ch_limit_text(const ch_entry_rule *entry, ch_decimal amount, ch_buffer *out);
/* The control's name in refusals, and what it is called in sentences. */
const char *ch_limit_control_name(const ch_entry_rule *entry);
const char *ch_limit_noun(const ch_entry_rule *entry);

/* Appends what the requirement asks for: "2 approvals of alice, bob, and a fresh code" (decide_require.c). */
void ch_requirement_print(const ch_requirement *require, ch_buffer *out);

/* "6000 USDT is more than 5000 USDT, the maximum order value" */
ch_status ch_object_above(const ch_objection *to, const ch_entry_rule *entry, ch_decimal asked);
/* The limit needs what is not known. */
ch_status ch_object_unknown(const ch_objection *to, const ch_entry_rule *entry, const ch_worth *worth);
ch_status ch_object_unknown_fact(const ch_objection *to, const ch_entry_rule *entry, ch_fact_name fact);
/* The window has no room: so much of it is used. `wait_ns` as ch_levels_wait says; `uses` is in the charge already. */
ch_status ch_object_window(const ch_objection *to, const ch_charge *charge, ch_decimal used, uint64_t wait_ns,
                           uint32_t uses);

/* What the charge can take of at most. */
ch_decimal ch_charge_most(const ch_charge *charge);

/* Says a line of trace, if anybody asks. */
void ch_trace_say(const ch_question *question, const ch_entry_rule *entry, ch_verdict verdict, const char *format, ...)
    CH_PRINTF(4, 5);

#endif
