/* Templates: the one way in which a profile makes text, "{path}{payload|sha256|hex}".
 *
 * Between braces stands the name of a value and filters that change it, applied from left to right; {{ and }} are
 * braces. A list of parameters is written by its first filter, a style ({all|form}, {all|json}). A template is compiled
 * when the profile is loaded, so that an unknown name or filter is an error with its line; running one is a fixed
 * number of steps. docs/profiles.md lists filters and styles.
 *
 * A compiled template is immutable and may be read from any thread; a ch_scratch belongs to one thread. */
#ifndef CH_EXCHANGE_TEMPLATE_H
#define CH_EXCHANGE_TEMPLATE_H

#include "exchange/filters.h"
#include "exchange/styles.h"

#define CH_TEMPLATE_PARTS_MAX 32
#define CH_TEMPLATE_FILTERS_MAX 4

typedef struct ch_template_part {
    const ch_style *style; /* not NULL: this is a list */
    size_t index;          /* of the value or the list */
    bool is_literal;
    ch_slice literal;
    size_t filter_count;
    const ch_filter *filters[CH_TEMPLATE_FILTERS_MAX];
    ch_slice arguments[CH_TEMPLATE_FILTERS_MAX];
    size_t named[CH_TEMPLATE_FILTERS_MAX]; /* the value that an argument names, for filters that take one */
} ch_template_part;

typedef struct ch_template {
    char *text; /* what the slices point into */
    ch_template_part *parts;
    size_t part_count;
} ch_template;

/* What a template may name: values and lists, by position. A name that is NULL matches nothing. */
typedef struct ch_names {
    const char *const *values;
    size_t value_count;
    const char *const *lists;
    size_t list_count;
} ch_names;

/* What a run works on, in the positions of ch_names. */
typedef struct ch_template_input {
    const ch_slice *values;
    const ch_list *lists;
} ch_template_input;

/* Compiles `text`. CH_CONFIG says what is wrong, without file and line, which the caller knows. Free with
 * ch_template_free, also after a failure. */
CH_CHECKED ch_status ch_template_compile(const char *text, const ch_names *names, ch_template *out, ch_error *err);
void ch_template_free(ch_template *template_);

/* Appends the text to `out`. CH_BAD_INPUT if a list can't be written in its style. */
CH_CHECKED ch_status ch_template_run(const ch_template *template_, const ch_template_input *input, ch_scratch *scratch,
                                     ch_buffer *out, ch_error *err);

/* The same; ends[i] becomes the size of `out` after part i. */
CH_CHECKED ch_status ch_template_run_marked(const ch_template *template_, const ch_template_input *input,
                                            ch_scratch *scratch, ch_buffer *out, size_t ends[CH_TEMPLATE_PARTS_MAX],
                                            ch_error *err);

bool ch_template_uses_value(const ch_template *template_, size_t index);

#endif
