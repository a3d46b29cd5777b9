/* Parameters as a profile defines them, and lists of them: what an endpoint or an object takes.
 *
 * Parameters of the same name have the same number, their name_index, so that sets of names are bit sets: arrays of
 * `name_words` words of base/bits.h, as many for all sets of a profile. Immutable once the profile is loaded, and then
 * thread-safe. */
#ifndef CH_EXCHANGE_PARAM_LIST_H
#define CH_EXCHANGE_PARAM_LIST_H

#include "base/error.h"
#include "exchange/class.h"
#include "exchange/request.h"

#define CH_WINDOW_DIGITS_MAX 5    /* of a receive window in milliseconds */
#define CH_PROFILE_NAMES_MAX 2048 /* different parameter names of a profile */
#define CH_NAME_WORDS_MAX (CH_PROFILE_NAMES_MAX / 64)

typedef enum ch_param_type {
    CH_TYPE_DECIMAL,
    CH_TYPE_INTEGER,
    CH_TYPE_ENUM,
    CH_TYPE_TEXT,
    CH_TYPE_BOOLEAN,
    CH_TYPE_SYMBOL,
    CH_TYPE_LIST,
    CH_TYPE_OBJECT,
    CH_TYPE_COUNT
} ch_param_type;

/* How a list is written in a form style. */
typedef enum ch_spelling {
    CH_SPELLING_JSON,
    CH_SPELLING_COMMA,
    CH_SPELLING_REPEAT,
    CH_SPELLING_BRACKETS,
    CH_SPELLING_INDEX,
    CH_SPELLING_COUNT
} ch_spelling;

typedef struct ch_meaning ch_meaning;

typedef struct ch_listed_param {
    ch_slice name;
    const ch_param_def *def;
    bool is_required;
} ch_listed_param;

/* The parameters of an endpoint or an object, sorted by name, and as sets of name_index. Of each set in `choices`, one
 * after the other, at least one parameter must be given. */
typedef struct ch_param_list {
    ch_listed_param *params;
    size_t count;
    uint64_t *listed;
    uint64_t *required;
    uint64_t *choices;
    size_t choice_count;
    size_t words; /* of each set */
} ch_param_list;

/* A value that needs a class besides that of the endpoint. */
typedef struct ch_need {
    char *value;
    ch_class class_;
} ch_need;

/* A parameter as the profile's `params` defines it. */
struct ch_param_def {
    char *name; /* as it is sent */
    size_t name_index;
    ch_param_type type;
    ch_spelling spelling;
    bool may_be_negative;
    bool takes_more_letters; /* of a symbol: not only ASCII */
    bool is_bare;            /* in JSON, without quotes */
    bool is_in_query;        /* for lists of takes: query */
    char **values;           /* of an enum */
    size_t value_count;
    ch_need *needs; /* only of types that spell each value in one way */
    size_t need_count;
    const ch_param_def *items; /* of a list */
    size_t items_max;
    ch_param_list members; /* of an object */
    ch_meaning *meaning;   /* NULL: the profile does not say */
    unsigned depth;        /* of what it holds: 0 for a plain value */
    bool is_used;
};

/* Returns NULL if the list has no parameter of that name. */
const ch_listed_param *ch_param_list_find(const ch_param_list *list, ch_slice name);

/* True if `given`, a set of names, has all that the list requires, and one of each choice. */
bool ch_param_list_is_met(const ch_param_list *list, const uint64_t *given);
/* CH_BAD_INPUT names what is missing in `given`, by which the list is not met, and `whose` list it is. */
CH_CHECKED ch_status ch_param_list_fail(const ch_param_list *list, const uint64_t *given, const char *whose,
                                        ch_error *err);

/* True if a value of it may change what a request means; what the profile calls neutral does not. */
bool ch_param_means_something(const ch_param_def *def);

/* True if its value is only what the bot calls the order: SDKs draw another one each time. */
bool ch_param_is_label(const ch_param_def *def);

/* True if what the list or object holds has meanings, not the whole. */
bool ch_param_is_spread(const ch_param_def *def);

/* Frees what is in the list, not the list. */
void ch_param_list_free(ch_param_list *list);

#endif
