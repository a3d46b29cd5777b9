/* A request that people were asked about, as its caller hears of it over HTTP (AskedRequest of docs/openapi.yaml). */
#ifndef CH_CLI_ASKED_H
#define CH_CLI_ASKED_H

#include "cli/options.h"

#include <jansson.h>

/* Prints in a line how the request stands, or with --json the answer itself. */
CH_CHECKED ch_status ch_asked_print(const ch_arguments *arguments, const json_t *asked, ch_error *err);
/* Prints the answer to a request for a signature. A finished request is printed as the options say. If the request
 * waits for people, it prints only the JSON, with --json, and returns CH_UNAVAILABLE; `err` says what to do next. */
CH_CHECKED ch_status ch_asked_print_answer(const ch_arguments *arguments, const json_t *answer, ch_error *err);

#endif
