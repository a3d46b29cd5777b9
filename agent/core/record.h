/* The record of a decision, as a JSON object: who asked for what by which key, what it meant, which rule decided by
 * which figures and prices, and what was signed. `chancery policy replay` judges it again. Never a secret, never a
 * signature.
 *
 * The record of a request that is signed is written when it is judged, and closed when its bytes are known. Pure. */
#ifndef CH_AGENT_CORE_RECORD_H
#define CH_AGENT_CORE_RECORD_H

#include "agent/core/approval.h"
#include "agent/core/jobs.h"
#include "exchange/recipe.h"
#include "policy/decide.h"

#define CH_RECORD_PARAMS_MAX 16384 /* bytes of a request's parameters; longer ones are left out */

/* What a record is made of. */
typedef struct ch_record_facts {
    const ch_job *job;
    const ch_question *question;   /* NULL: it was not judged */
    const ch_judgement *judgement; /* NULL: likewise */
    const ch_levels *levels;
    const ch_approval *approval; /* the one that is fetched; NULL: this is not a fetch */
    const char *shadow;          /* the verdict of the shadow policy; NULL without one */
    uint64_t now_ns;
} ch_record_facts;

/* Begins the record of a request that is allowed. */
void ch_record_begin(const ch_record_facts *facts, ch_buffer *out);
/* Closes it: what is signed, in these bytes. */
void ch_record_end(const ch_payloads *payloads, uint64_t now_ns, ch_buffer *out);
/* Begins the record of a request that was refused at `step`; to be closed with how often that was. */
void ch_record_refusal(const ch_record_facts *facts, const char *step, const ch_error *why, ch_buffer *out);
void ch_record_times(uint32_t times, ch_buffer *out);

/* ---- parts, for records of other things ---- */

/* Appends `separator`, "name": and the text as a JSON string. */
void ch_record_text(ch_buffer *out, const char *separator, const char *name, ch_slice text);
/* The time as RFC 3339 has it, in UTC with milliseconds. */
void ch_record_time(ch_buffer *out, const char *separator, const char *name, uint64_t wall_ns);

#endif
