/* Core's STATUS_IS frame as metrics, in the text format of Prometheus, version 0.0.4. A stranger's has no more than
 * whether the agent is ready. Not thread-safe. */
#ifndef CH_AGENT_FRONT_METRICS_H
#define CH_AGENT_FRONT_METRICS_H

#include "wire/frames.h"

#define CH_METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

void ch_metrics_add(ch_buffer *out, const ch_status_is_frame *frame);

#endif
