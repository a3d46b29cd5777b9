/* The answer to a bot that asks how one of its requests stands which people must approve. */
#ifndef CH_AGENT_CORE_APPROVAL_ANSWER_H
#define CH_AGENT_CORE_APPROVAL_ANSWER_H

#include "agent/core/approval.h"
#include "agent/core/intake.h"
#include "wire/frame.h"

/* Sends a REQUEST_IS frame, unless whoever asked has left. `exchange_error` is for a relay, or empty. */
CH_CHECKED ch_status ch_approval_answer(ch_asker asker, const ch_approval *approval, uint64_t now_ns,
                                        ch_records exchange_error, ch_error *err);

#endif
