/* A request that people were asked about, as its caller hears of it over HTTP (AskedRequest of docs/openapi.yaml). */
#ifndef CH_CLI_ASKED_H
#define CH_CLI_ASKED_H

#include "cli/options.h"

#include <jansson.h>

/* Prints how it stands, or the JSON. */
CH_CHECKED ch_status ch_asked_print(const ch_arguments *arguments, const json_t *asked, ch_error *err);
/* Prints the answer to a request for a signature: the finished request as the options say, or, if it waits, its JSON if
 * that is asked for. CH_UNAVAILABLE: it waits, and `err` says what to do. */
CH_CHECKED ch_status ch_asked_print_answer(const ch_arguments *arguments, const json_t *answer, ch_error *err);

#endif
