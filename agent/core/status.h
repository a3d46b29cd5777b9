/* What core tells of itself: the state of the tokens, and the keys that a caller may use. Core only. */
#ifndef CH_AGENT_CORE_STATUS_H
#define CH_AGENT_CORE_STATUS_H

#include "agent/core/core.h"

/* Answers CH_FRAME_LIST_KEYS with the keys that the caller has a grant for. */
void ch_status_list_keys(ch_core *core, ch_frame *frame);
/* Answers CH_FRAME_GET_STATUS. Anybody who can connect may ask: it names tokens and counts, no keys. */
void ch_status_report(ch_core *core, ch_frame *frame);

#endif
