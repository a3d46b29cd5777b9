/* Core's answers to requests as HTTP replies. */
#ifndef CH_AGENT_FRONT_FROM_CORE_H
#define CH_AGENT_FRONT_FROM_CORE_H

#include "agent/front/http.h"
#include "wire/frame.h"

/* Reads an answer and sends the reply that it means; of a request that is no more, it drops it. The frame's type is one
 * that answers a request (id "REQUEST" in wire/frames.def). A failure means that core broke the protocol. */
CH_CHECKED ch_status ch_from_core_take(ch_http *http, ch_frame *frame, ch_error *err);

#endif
