/* What the driver of the oracle is asked for, line by line: requests from JSON, and answers as JSON. */
#ifndef CH_TESTS_ORACLE_ASKED_H
#define CH_TESTS_ORACLE_ASKED_H

#include "base/buffer.h"
#include "exchange/request.h"

#include <jansson.h>

/* A request; its slices are views into the JSON, and into `digits`. */
typedef struct asked {
    ch_request request;
    ch_param params[CH_PARAMS_MAX];
    char digits[CH_PARAMS_MAX][24];
} asked;

/* Reads method, path and params of `line`. */
void asked_read(const json_t *line, asked *out);

/* Members of `line`; "" or 0 if they are not there. */
ch_slice asked_text(const json_t *line, const char *name);
uint64_t asked_number(const json_t *line, const char *name);

/* Appends `,"name":"text"`, or without the comma for the first of an object. */
void say_text(ch_buffer *out, const char *name, ch_slice text);

#endif
