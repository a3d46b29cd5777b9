/* The form `wire`: a request as an SDK would have sent it becomes a typed one, and is from then on judged, approved,
 * repeated and built like any other. Core's thread only. */
#ifndef CH_AGENT_CORE_FORM_WIRE_H
#define CH_AGENT_CORE_FORM_WIRE_H

#include "agent/core/jobs.h"
#include "exchange/wire_public.h"
#include "wire/frame.h"

/* What a request's own time is held against. */
typedef struct ch_form_clock {
    uint64_t now_ns;     /* wall clock */
    uint64_t started_ns; /* when the agent started */
    uint64_t signed_ns;  /* the newest time that was signed before the start and was ahead; 0: none */
} ch_form_clock;

/* Fills in job->request by what exchange/wire.h reads; after a refusal as far as it was read. */
CH_CHECKED ch_status ch_form_wire_read(ch_job *job, const ch_form_clock *clock, ch_error *err);

/* True if the request is a call that needs no signature. Then `out` is what to send, whose text the caller frees; or
 * `*status` says that it cannot be, with the reason in `err`. */
bool ch_form_wire_find_public(const ch_job *job, const ch_form_clock *clock, ch_wire_public *out, ch_status *status,
                              ch_error *err);

/* CH_UNAVAILABLE if the request has become too old while it waited. */
CH_CHECKED ch_status ch_form_wire_check_age(const ch_job *job, uint64_t now_ns, ch_error *err);

/* What was asked, in the words of a typed request. */
typedef struct ch_typed {
    ch_slice method;
    ch_slice host;
    ch_slice path;
    ch_records values;
} ch_typed;

/* Views into the job and, if the request was undone, into `records`. */
void ch_form_typed(const ch_job *job, ch_buffer *records, ch_typed *out);

#endif
