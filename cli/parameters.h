/* A request's parameters as words on the command line, as JSON, and as entries of a ch_request. */
#ifndef CH_CLI_PARAMETERS_H
#define CH_CLI_PARAMETERS_H

#include "base/error.h"
#include "exchange/request.h"

#include <jansson.h>

#define CH_PARAMETERS_MAX 64 /* on a command line */

/* Reads parameters by name, "name=value" and "name:=json" or, as ":=[...]" alone, the list that is the whole body. The
 * caller owns `*out`, also after a failure. */
CH_CHECKED ch_status ch_parameters_read(const char *const *words, size_t count, json_t **out, ch_error *err);

typedef struct ch_parameters {
    ch_param params[CH_PARAMS_MAX];
    size_t count;
    char digits[CH_PARAMS_MAX][24];
} ch_parameters;

/* Makes entries of them, which are views into `params` and `out`. CH_TOO_LARGE if there are too many. */
CH_CHECKED ch_status ch_parameters_enter(json_t *params, ch_parameters *out, ch_error *err);

#endif
