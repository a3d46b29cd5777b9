/* The tables behind templates: filters, which turn bytes into bytes, and styles, which write a list of parameters. For
 * template.c only. */
#ifndef CH_AGENT_TEMPLATE_FILTERS_H
#define CH_AGENT_TEMPLATE_FILTERS_H

#include "agent/template.h"

#include <openssl/evp.h>

struct ch_scratch {
    EVP_MD_CTX *digest;
    ch_buffer steps[2]; /* what goes from one filter to the next */
};

struct ch_filter {
    const char *name;
    bool takes_argument;
    ch_status (*run)(ch_scratch *scratch, ch_buffer *out, ch_slice in, ch_slice argument, ch_error *err);
};

struct ch_style {
    const char *name;
    bool is_unchecked; /* only for profiles that say test_only */
    ch_status (*write)(ch_buffer *out, const ch_list *list, ch_error *err);
};

/* NULL if there is none of that name. */
const ch_filter *ch_filter_find(ch_slice name);
const ch_style *ch_style_find(ch_slice name);

#endif
