/* What a bot is told of a request that people were asked about. */
#ifndef CH_AGENT_CORE_APPROVAL_ANSWER_H
#define CH_AGENT_CORE_APPROVAL_ANSWER_H

#include "agent/core/approval.h"
#include "agent/core/front_link.h"

/* Answers with a REQUEST_IS frame; whoever has left is not answered. */
CH_CHECKED ch_status ch_approval_answer(ch_asker asker, const ch_approval *approval, uint64_t now_ns, ch_error *err);

#endif
