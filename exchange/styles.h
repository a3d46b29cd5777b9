/* Styles: how a list of parameters becomes text, "{all|form}", "{all|json}". docs/profiles.md lists them. */
#ifndef CH_EXCHANGE_STYLES_H
#define CH_EXCHANGE_STYLES_H

#include "exchange/param_list.h"
#include "exchange/scratch.h"

/* One parameter of a list, or a field that the agent adds. */
typedef struct ch_list_item {
    ch_param_kind kind;
    bool is_bare; /* in JSON, without quotes */
    ch_spelling spelling;
    ch_slice name;
    ch_slice value;
    const ch_param *held; /* of a list or object: its own entry, what it holds, and its END */
    size_t held_count;
} ch_list_item;

typedef struct ch_list {
    const ch_list_item *items;
    size_t count;
} ch_list;

/* What undoes a style, if read_back.c can. */
typedef enum ch_style_reader {
    CH_READER_NONE,
    CH_READER_JSON,
    CH_READER_FORM, /* names and values as they are */
    CH_READER_FORM_PERCENT,
    CH_READER_FORM_PLUS,
} ch_style_reader;

/* A row of the table. */
typedef struct ch_style {
    const char *name;
    const char *shape;   /* that a list has in the text, whatever it holds */
    bool is_joined;      /* names and values are not separated, and ambiguity.c must look at them first */
    bool may_be_nothing; /* of no parameters it makes no text at all */
    ch_style_reader reader;
    ch_status (*write)(ch_scratch *scratch, ch_buffer *out, const ch_list *list, ch_error *err);
} ch_style;

/* Returns NULL if there is no such style. */
const ch_style *ch_style_find(ch_slice name);

/* Appends the names of all styles, for messages: "form, ... or pairs". */
void ch_style_add_names(ch_buffer *out);

#endif
