/* Requests over HTTP as frames for core. Not thread-safe. */
#ifndef CH_AGENT_FRONT_TO_CORE_H
#define CH_AGENT_FRONT_TO_CORE_H

#include "agent/front/ask.h"
#include "agent/front/http.h"
#include "agent/front/report.h"
#include "agent/front/routes.h"

/* What is kept from one request to the next. Zero it first. */
typedef struct ch_to_core {
    ch_ask ask;
    ch_report report;
} ch_to_core;

/* Reads what `request` asks for by `route`, of what its path names, and appends it to `out` as a frame with the
 * request's id. A failure is the answer to the request. CH_ASK_HEALTH is not for core. */
CH_CHECKED ch_status ch_to_core_put(ch_to_core *self, const ch_http_request *request, const ch_route *route,
                                    const ch_route_what *what, ch_buffer *out, ch_error *err);

void ch_to_core_free(ch_to_core *self);

#endif
