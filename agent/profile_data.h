/* What a loaded profile is made of. Shared by the files that load, match and run profiles (profile*.c, recipe*.c) and
 * by nobody else. Everything is immutable once ch_profile_load has returned. */
#ifndef CH_AGENT_PROFILE_DATA_H
#define CH_AGENT_PROFILE_DATA_H

#include "agent/profile.h"
#include "agent/template.h"
#include "agent/yaml.h"

#define CH_RECIPE_LISTS_MAX 4
#define CH_RECIPE_VALUES_MAX 16
#define CH_RECIPE_HEADERS_MAX 16
#define CH_LIST_FIELDS_MAX 16
#define CH_PROFILE_NAMES_MAX 2048 /* different parameter names */
#define CH_NAME_WORDS_MAX (CH_PROFILE_NAMES_MAX / 64)

/* The values that every template may name; a recipe's own follow them. */
typedef enum ch_builtin {
    CH_BUILTIN_METHOD,
    CH_BUILTIN_PATH,
    CH_BUILTIN_ORIGIN,
    CH_BUILTIN_HOST,
    CH_BUILTIN_KEY_ID,
    CH_BUILTIN_PASSPHRASE,
    CH_BUILTIN_TIME_S,
    CH_BUILTIN_TIME_MS,
    CH_BUILTIN_TIME_US,
    CH_BUILTIN_TIME_ISO,
    CH_BUILTIN_TIME_UTC,
    CH_BUILTIN_NONCE,
    CH_BUILTIN_NEWLINE,
    CH_BUILTIN_SIGNATURE,
    CH_BUILTIN_COUNT
} ch_builtin;

/* What a signature binds. */
enum {
    CH_COVERS_METHOD = 1,
    CH_COVERS_PATH = 2,
    CH_COVERS_PARAMS = 4,
};

typedef enum ch_param_type {
    CH_TYPE_DECIMAL,
    CH_TYPE_INTEGER,
    CH_TYPE_ENUM,
    CH_TYPE_TEXT,
    CH_TYPE_BOOLEAN,
    CH_TYPE_SYMBOL,
    CH_TYPE_COUNT
} ch_param_type;

/* A parameter as the profile's `params` defines it. */
typedef struct ch_param_def {
    char *name; /* as it is sent */
    size_t name_index;
    ch_param_type type;
    ch_role role;
    bool may_be_negative;
    char **values; /* of an enum */
    size_t value_count;
    bool is_used;
} ch_param_def;

typedef struct ch_endpoint_param {
    ch_slice name;
    const ch_param_def *def;
    bool is_required;
} ch_endpoint_param;

/* A field that the agent adds to a list. */
typedef struct ch_field {
    char *name;
    ch_template value;
    bool is_first;
    bool is_bare; /* in JSON, without quotes */
} ch_field;

typedef struct ch_recipe_list {
    char *name;
    bool takes_params; /* the bot's parameters stand in it */
    bool is_sorted;    /* by name, byte order */
    ch_field fields[CH_LIST_FIELDS_MAX];
    size_t field_count;
} ch_recipe_list;

typedef struct ch_named_template {
    char *name;
    ch_template text;
} ch_named_template;

typedef struct ch_recipe {
    char *name;
    unsigned covers;
    bool uses[CH_BUILTIN_COUNT];
    ch_recipe_list lists[CH_RECIPE_LISTS_MAX];
    size_t list_count;
    ch_named_template values[CH_RECIPE_VALUES_MAX];
    size_t value_count;
    ch_template message;
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
    ch_encoding secret;
    ch_encoding signature;
};

struct ch_endpoint {
    const ch_profile *profile;
    char *method;
    char *path;
    ch_slice path_slice;
    ch_class class_;
    const ch_recipe *recipe;
    const ch_origin *origin;
    bool ignores_unknown;      /* the exchange does not refuse parameters that it does not know here */
    ch_endpoint_param *params; /* sorted by name */
    size_t param_count;
    uint64_t *listed;                      /* set of name_index */
    uint64_t *required;                    /* likewise */
    const struct ch_endpoint **confusable; /* where some request of this endpoint would be taken too */
    size_t confusable_count;
};

struct ch_profile {
    char *name;
    bool is_test_only;
    uint64_t nonce_ns; /* 0: no nonce */
    ch_scheme *schemes;
    size_t scheme_count;
    ch_origin *origins;
    size_t origin_count;
    ch_recipe *recipes;
    size_t recipe_count;
    ch_param_def *params; /* in the order of the file's map */
    size_t param_count;
    size_t name_count;      /* different names among them */
    ch_endpoint *endpoints; /* sorted by path */
    size_t endpoint_count;
};

/* Reads the profile's `recipes` (agent/recipe_load.c). */
CH_CHECKED ch_status ch_recipes_load(ch_profile *profile, const ch_yaml *recipes, ch_error *err);
void ch_recipes_free(ch_profile *profile);

/* Reads `params`, `groups` and `endpoints` (agent/profile_endpoints.c); recipes and origins are there. */
CH_CHECKED ch_status ch_endpoints_load(ch_profile *profile, const ch_yaml *root, ch_error *err);

/* Checks one parameter's value (agent/profile_param.c); CH_BAD_INPUT names it. */
CH_CHECKED ch_status ch_param_check(const ch_param_def *def, const ch_param *param, ch_error *err);
/* CH_TYPE_COUNT, CH_ROLE_COUNT if there is none of that name. */
ch_param_type ch_param_type_find(const char *name);
ch_role ch_role_find(const char *name);

/* Fills `confusable` of every endpoint; its other fields are there. */
void ch_profile_find_confusable(ch_profile *profile);

#endif
