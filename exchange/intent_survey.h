/* What can be read of the requests to an endpoint, whatever they hold: for people who choose what to allow. */
#ifndef CH_EXCHANGE_INTENT_SURVEY_H
#define CH_EXCHANGE_INTENT_SURVEY_H

#include "exchange/facts.h"
#include "exchange/profile.h"

/* One of the items that a request may make. */
typedef struct ch_survey {
    ch_item_kind kind;
    const char *leg; /* NULL: the request itself */
    bool is_amendment;
    ch_facts can_read;   /* something states them, in some request */
    ch_facts can_hide;   /* of these: something hides them, in some request */
    ch_facts is_unknown; /* nothing states them, and the request does not lack them */
} ch_survey;

/* True if the profile says what requests to `endpoint` mean. If not, nothing can be read of them. */
bool ch_intent_is_said(const ch_endpoint *endpoint);
/* The item by position; false past the last one. */
bool ch_intent_survey(const ch_endpoint *endpoint, size_t index, ch_survey *out);

#endif
