/* What a loaded profile is made of. Shared by the files that load, match and run profiles (profile*.c, recipe*.c) and
 * by nobody else. Everything is immutable once ch_profile_load has returned. */
#ifndef CH_EXCHANGE_PROFILE_IMPL_H
#define CH_EXCHANGE_PROFILE_IMPL_H

#include "base/bits.h"
#include "exchange/profile.h"
#include "exchange/recipe.h"
#include "exchange/template.h"

#define CH_RECIPE_LISTS_MAX 4
#define CH_RECIPE_VALUES_MAX 16
#define CH_RECIPE_HEADERS_MAX 16
#define CH_RECIPE_EXTRAS_MAX (CH_PAYLOADS_MAX - 1)
#define CH_LIST_FIELDS_MAX 16
#define CH_PROFILE_NAMES_MAX 2048 /* different parameter names */
#define CH_NAME_WORDS_MAX (CH_PROFILE_NAMES_MAX / 64)
#define CH_SCHEMES_MAX 8
#define CH_KINDS_MAX 8
#define CH_PATH_PARTS_MAX 12 /* of a path with parameters: literal, parameter, literal, ... */

/* The values that every template may name; a recipe's own follow them. */
typedef enum ch_builtin {
    CH_BUILTIN_METHOD,
    CH_BUILTIN_PATH,
    CH_BUILTIN_ORIGIN,
    CH_BUILTIN_HOST,
    CH_BUILTIN_KEY_ID,
    CH_BUILTIN_PASSPHRASE,
    CH_BUILTIN_ALG,
    CH_BUILTIN_TIME_S,
    CH_BUILTIN_TIME_MS,
    CH_BUILTIN_TIME_US,
    CH_BUILTIN_TIME_ISO,
    CH_BUILTIN_TIME_UTC,
    CH_BUILTIN_NONCE,
    CH_BUILTIN_UUID,
    CH_BUILTIN_RANDOM,
    CH_BUILTIN_NEWLINE,
    CH_BUILTIN_SIGNATURE,
    CH_BUILTIN_COUNT
} ch_builtin;

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

typedef enum ch_unit { CH_UNIT_BASE, CH_UNIT_QUOTE, CH_UNIT_CONTRACTS, CH_UNIT_COUNT } ch_unit;

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
} ch_param_list;

/* A parameter as the profile's `params` defines it. */
struct ch_param_def {
    char *name; /* as it is sent */
    size_t name_index;
    ch_param_type type;
    ch_role role;
    ch_unit unit;
    ch_spelling spelling;
    bool may_be_negative;
    bool is_bare;     /* in JSON, without quotes */
    bool is_in_query; /* for lists of takes: query */
    char **values;    /* of an enum */
    size_t value_count;
    const ch_param_def *items; /* of a list */
    size_t items_max;
    ch_param_list members; /* of an object */
    unsigned depth;        /* of what it holds: 0 for a plain value */
    bool is_used;
};

/* What stands for a quantity of one contract. */
typedef struct ch_contract {
    char *symbol; /* '*' stands for any run of characters */
    char *size;   /* a decimal */
    char *of;
} ch_contract;

/* A field that the agent adds to a list. */
typedef struct ch_list_field {
    char *name;
    ch_template value;
    bool is_first;
    bool is_bare; /* in JSON, without quotes */
} ch_list_field;

typedef enum ch_takes { CH_TAKES_NONE, CH_TAKES_PARAMS, CH_TAKES_QUERY, CH_TAKES_BODY, CH_TAKES_COUNT } ch_takes;

typedef struct ch_recipe_list {
    char *name;
    ch_takes takes; /* which of the bot's parameters stand in it */
    bool is_sorted; /* by name, byte order */
    ch_list_field fields[CH_LIST_FIELDS_MAX];
    size_t field_count;
} ch_recipe_list;

typedef struct ch_named_template {
    char *name;
    ch_template text;
} ch_named_template;

enum { CH_SHOWS_QUERY = 64, CH_SHOWS_BODY = 128 };

typedef struct ch_recipe {
    char *name;
    unsigned covers;
    unsigned opens; /* classes that its signatures open whatever the endpoint */
    bool uses[CH_BUILTIN_COUNT];
    ch_recipe_list lists[CH_RECIPE_LISTS_MAX];
    size_t list_count;
    ch_named_template values[CH_RECIPE_VALUES_MAX];
    size_t value_count;
    ch_template message;
    char *shape;         /* of the message: messages of different shapes are never the same bytes, save empty ones */
    char *empty_shape;   /* the same where no parameter is given: lists that are then empty are left out */
    size_t shape_number; /* equal shapes have the same number */
    size_t empty_shape_number;
    uint64_t *field_names; /* set of name_index: the agent's fields, where params have their names */
    unsigned shown;        /* CH_COVERS_METHOD, _HOST, _PATH, CH_SHOWS_*: what stands in the message */
    bool has_joined_list;  /* in the style pairs */
    ch_named_template extras[CH_RECIPE_EXTRAS_MAX]; /* also_signs */
    size_t extra_count;
    ch_template url;
    ch_template body;
    ch_named_template headers[CH_RECIPE_HEADERS_MAX];
    size_t header_count;
} ch_recipe;

typedef struct ch_origin {
    char *name;
    char *url;     /* "https://api.example.com" */
    ch_slice host; /* in url */
} ch_origin;

struct ch_scheme {
    char *name;
    char *mechanism;
    char *alg;
    ch_encoding secret;
    ch_encoding signature;
    size_t index; /* among the profile's */
};

/* A path in which parameters stand: a literal, which may be empty, then a parameter, and so on. */
typedef struct ch_path_part {
    ch_slice literal;
    const ch_param_def *def; /* NULL: a literal */
} ch_path_part;

/* The endpoints of other classes where some request of this one would be taken too, as positions in the profile's
 * table. */
typedef struct ch_confusion {
    uint16_t *others;
    size_t count;
} ch_confusion;

struct ch_endpoint {
    const ch_profile *profile;
    char *method;
    char *path;
    ch_slice path_slice;
    ch_path_part *parts; /* NULL: the path has no parameters */
    size_t part_count;
    ch_class class_;
    const ch_recipe *recipes[CH_SCHEMES_MAX]; /* by scheme */
    const ch_origin *origin;
    unsigned kind;                           /* bit of the kind of keys that it is for; 0: all */
    bool ignores_unknown;                    /* the exchange does not refuse parameters that it does not know here */
    ch_param_list params;                    /* those in the path are not among them */
    uint64_t *in_query;                      /* set of name_index: those of them that stand in the query */
    ch_confusion confusions[CH_SCHEMES_MAX]; /* by scheme; the same memory where the recipe is the same */
};

struct ch_profile {
    char *name;
    char *title;
    uint64_t nonce_ns; /* 0: no nonce */
    ch_scheme schemes[CH_SCHEMES_MAX];
    size_t scheme_count;
    char *kinds[CH_KINDS_MAX];
    size_t kind_count;
    ch_origin *origins;
    size_t origin_count;
    ch_recipe *recipes;
    size_t recipe_count;
    ch_param_def *params; /* in the order of the file's map */
    size_t param_count;
    size_t name_count; /* different names among them */
    size_t name_words; /* of a set of names */
    ch_contract *contracts;
    size_t contract_count;
    ch_endpoint *endpoints; /* sorted by path */
    size_t endpoint_count;
    uint16_t *patterns; /* those whose path has parameters, the most literal first */
    size_t pattern_count;
};

/* Reads the profile's `recipes` (exchange/load_recipes.c). */
CH_CHECKED ch_status ch_recipes_load(ch_profile *profile, const ch_yaml *recipes, ch_error *err);
void ch_recipes_free(ch_profile *profile);

const char *ch_builtin_name(ch_builtin builtin);
/* True if the agent fills in a field of that name. */
bool ch_recipe_fills_in(const ch_recipe *recipe, ch_slice name);
/* Fills in the recipe's shapes and what its message shows (exchange/shape.c); false if it is made of too many
 * parts. */
bool ch_recipe_find_shape(ch_recipe *recipe);
void ch_recipes_number_shapes(ch_profile *profile);
/* CH_BAD_INPUT if the message of a checked request, made in the style pairs, could be another's
 * (exchange/joined.c).
 */
CH_CHECKED ch_status ch_request_check_joined(const ch_request *request, const ch_endpoint *endpoint, ch_error *err);

/* Reads `params` and `groups` (exchange/load_params.c). */
typedef struct ch_params_loader {
    ch_profile *profile;
    const ch_yaml *params; /* NULL if the profile defines none */
    const ch_yaml *groups; /* likewise */
} ch_params_loader;
CH_CHECKED ch_status ch_params_load(ch_profile *profile, const ch_yaml *root, ch_params_loader *out, ch_error *err);
/* Finds the param of that key and marks it as used; `node` is for the message. */
CH_CHECKED ch_status ch_params_find(const ch_params_loader *load, const ch_yaml *node, const char *key,
                                    ch_param_def **out, ch_error *err);
/* Adds a list of keys, "+name" for a group, a list of keys for a choice; `names` is NULL or the list. */
CH_CHECKED ch_status ch_params_list(const ch_params_loader *load, const ch_yaml *names, bool is_required,
                                    ch_param_list *out, ch_error *err);
void ch_params_list_sort(ch_param_list *list);
CH_CHECKED ch_status ch_params_check_used(const ch_params_loader *load, ch_error *err);
void ch_params_free(ch_profile *profile);

/* Reads `endpoints` (exchange/load_endpoints.c); all else is there. */
CH_CHECKED ch_status ch_endpoints_load(ch_profile *profile, const ch_yaml *root, const ch_params_loader *load,
                                       ch_error *err);
void ch_endpoints_free(ch_profile *profile);
/* True if `path` fits the endpoint's path; then captures[i] is what stands for the i-th parameter. */
bool ch_endpoint_fits(const ch_endpoint *endpoint, ch_slice path, ch_slice *captures);

/* Checks params[at], with all that it holds (exchange/check_value.c), and fills in the defs; CH_BAD_INPUT names what is
 * wrong. */
CH_CHECKED ch_status ch_param_check(const ch_profile *profile, const ch_param_def *def, ch_param *params, size_t count,
                                    size_t at, ch_error *err);
const ch_listed_param *ch_param_list_find(const ch_param_list *list, ch_slice name);
/* True if all that the list requires, and one of each choice, is in `given`. */
bool ch_param_list_suffices(const ch_profile *profile, const ch_param_list *list, const uint64_t *given);
/* CH_BAD_INPUT names what is missing in `given`, which does not suffice; `whose` list it is is for the message. */
ch_status ch_param_list_fail(const ch_profile *profile, const ch_param_list *list, const uint64_t *given,
                             const char *whose, ch_error *err);
/* True if `text` is a plain decimal, as a parameter without a minus would have to be. */
bool ch_is_decimal(ch_slice text);
/* CH_TYPE_COUNT, CH_ROLE_COUNT if there is none of that name. */
ch_param_type ch_param_type_find(const char *name);
ch_role ch_role_find(const char *name);

/* Fills `confusions` of every endpoint (exchange/confusion.c); its other fields are there. */
void ch_profile_find_confusions(ch_profile *profile);

#endif
