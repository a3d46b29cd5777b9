/* The tables behind templates: filters, which turn bytes into bytes, and styles, which write a list of parameters. For
 * what makes, reads and compares templates only. */
#ifndef CH_EXCHANGE_FILTERS_H
#define CH_EXCHANGE_FILTERS_H

#include "exchange/template.h"

#include <openssl/evp.h>

struct ch_scratch {
    EVP_MD_CTX *digest;
    ch_buffer steps[2]; /* what goes from one filter to the next */
    ch_buffer json;     /* a list or object that a form holds */
};

/* What a filter works on; `in` never lies in its output. */
typedef struct ch_filter_call {
    ch_scratch *scratch;
    ch_slice in;
    ch_slice argument;
    ch_slice named; /* the value that the argument names */
    ch_error *err;
} ch_filter_call;

struct ch_filter {
    const char *name;
    bool takes_argument;
    bool names_value; /* the argument is the name of a value */
    ch_status (*run)(const ch_filter_call *call, ch_buffer *out);
    bool (*check)(ch_slice argument); /* NULL: any text will do */
};

/* What undoes a style, where recipe_read.c can. */
typedef enum ch_style_reader {
    CH_READER_NONE,
    CH_READER_JSON,
    CH_READER_FORM, /* names and values as they are */
    CH_READER_FORM_PERCENT,
    CH_READER_FORM_PLUS,
} ch_style_reader;

struct ch_style {
    const char *name;
    const char *shape;   /* that a list has in the text, whatever it holds: "form", "json" or "pairs" */
    bool may_be_nothing; /* of no parameters it makes no text at all */
    ch_style_reader reader;
    ch_status (*write)(ch_scratch *scratch, ch_buffer *out, const ch_list *list, ch_error *err);
};

/* NULL if there is none of that name. */
const ch_filter *ch_filter_find(ch_slice name);
const ch_style *ch_style_find(ch_slice name); /* exchange/styles.c */

#endif
