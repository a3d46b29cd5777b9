/* What the agent's processes could not give up, as each of them reports it: for the log, for the status, and, if
 * agent.yaml says `confinement: required`, as the reason to end. Core's thread only. */
#ifndef CH_AGENT_CORE_CONFINEMENT_H
#define CH_AGENT_CORE_CONFINEMENT_H

#include "base/buffer.h"
#include "wire/frame.h"

#include <stdbool.h>

typedef struct ch_confinement ch_confinement;

ch_confinement *ch_confinement_new(bool is_required);
void ch_confinement_free(ch_confinement *confinement);

/* Takes the gaps (ch_text_record) of a process: `who` is "core", "the front" for each
 * of the fronts, or "token 'NAME'". They take
 * the place of those that it reported before; if they differ, they are logged. NULL: nobody wants to know. Returns
 * CH_IO if there are any and none may be. */
CH_CHECKED ch_status ch_confinement_report(ch_confinement *confinement, const char *who, ch_records gaps,
                                           ch_error *err);
/* That process is gone for good. */
void ch_confinement_forget(ch_confinement *confinement, const char *who);
/* True once a report was not accepted. */
bool ch_confinement_has_failed(const ch_confinement *confinement);

/* Appends all gaps, each with who reported it before it. */
void ch_confinement_list(const ch_confinement *confinement, ch_records *list, ch_buffer *records);

#endif
