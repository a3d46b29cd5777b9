/* Filters: what turns bytes into other bytes in a template, "{payload|sha256|hex}". docs/profiles.md lists them. */
#ifndef CH_EXCHANGE_FILTERS_H
#define CH_EXCHANGE_FILTERS_H

#include "base/error.h"
#include "exchange/scratch.h"

/* What a filter works on; `in` never lies in its output. */
typedef struct ch_filter_call {
    ch_scratch *scratch;
    ch_slice in;
    ch_slice argument;
    ch_slice named; /* the value that the argument names */
    ch_error *err;
} ch_filter_call;

/* A row of the table. */
typedef struct ch_filter {
    const char *name;
    bool takes_argument;
    bool names_value; /* the argument is the name of a value */
    bool keeps_empty; /* it makes nothing of nothing */
    ch_status (*run)(const ch_filter_call *call, ch_buffer *out);
    bool (*check)(ch_slice argument); /* NULL: any text will do */
} ch_filter;

/* Returns NULL if there is no such filter. */
const ch_filter *ch_filter_find(ch_slice name);

#endif
