/* What a loaded profile is made of. For exchange/ only. Everything is immutable once ch_profile_load has returned. */
#ifndef CH_EXCHANGE_PROFILE_IMPL_H
#define CH_EXCHANGE_PROFILE_IMPL_H

#include "base/encode.h"
#include "exchange/builtins.h"
#include "exchange/class.h"
#include "exchange/meaning.h"
#include "exchange/param_list.h"
#include "exchange/profile.h"
#include "exchange/secret_shape.h"
#include "exchange/template.h"

#define CH_RECIPE_LISTS_MAX 4
#define CH_RECIPE_VALUES_MAX 16
#define CH_RECIPE_HEADERS_MAX 16
#define CH_RECIPE_PAYLOADS_MAX 3
#define CH_LIST_FIELDS_MAX 16
#define CH_SCHEMES_MAX 8
#define CH_KINDS_MAX 8
#define CH_REFUSING_MAX 8
#define CH_UNDER_MAX 8
/* An exchange that signs no path may sell half a dozen products with one key, and each needs a name. */
#define CH_ACCEPTANCES_MAX 16
/* What a template may name: the builtins, the recipe's values, and the signatures of all payloads but the first. */
#define CH_RECIPE_INPUTS_MAX (CH_BUILTIN_COUNT + CH_RECIPE_VALUES_MAX + CH_RECIPE_PAYLOADS_MAX - 1)

/* ---- recipes ---- */

/* A field that the agent adds to a list. */
typedef struct ch_list_field {
    char *name;
    ch_template value;
    bool is_first;
    bool is_bare; /* in JSON, without quotes */
} ch_list_field;

/* Which of the bot's parameters stand in a list. */
typedef enum ch_takes { CH_TAKES_NONE, CH_TAKES_PARAMS, CH_TAKES_QUERY, CH_TAKES_BODY, CH_TAKES_COUNT } ch_takes;

typedef struct ch_recipe_list {
    char *name;
    ch_takes takes;
    bool is_sorted; /* by name, byte order */
    ch_list_field fields[CH_LIST_FIELDS_MAX];
    size_t field_count;
} ch_recipe_list;

typedef struct ch_named_template {
    char *name;
    ch_template text;
} ch_named_template;

/* What of a request stands in the first payload: a set. */
enum {
    CH_SHOWS_METHOD = 1,
    CH_SHOWS_HOST = 2,
    CH_SHOWS_PATH = 4,
    CH_SHOWS_QUERY = 8,
    CH_SHOWS_BODY = 16,
};

typedef struct ch_recipe {
    char *name;
    unsigned covers; /* CH_COVERS_*: what the profile says that the signature binds */
    unsigned shows;  /* CH_SHOWS_* */
    unsigned opens;  /* classes that its signatures open whatever the endpoint */
    bool uses[CH_BUILTIN_COUNT];
    ch_recipe_list lists[CH_RECIPE_LISTS_MAX];
    size_t list_count;
    ch_named_template values[CH_RECIPE_VALUES_MAX];
    size_t value_count;
    /* What is signed: `message`, whose signature is called {signature}, then `also_signs`. */
    ch_named_template payloads[CH_RECIPE_PAYLOADS_MAX];
    size_t payload_count;
    char *shape;         /* of the first payload: those of different shapes are never the same bytes, save empty ones */
    char *empty_shape;   /* the same if no parameter is given: lists that are then empty are left out */
    size_t shape_number; /* equal shapes have the same number */
    size_t empty_shape_number;
    uint32_t
        number_parts; /* of the message, as sets of positions: the agent's numbers; the path; parameters in a form */
    uint32_t path_parts;
    uint32_t query_parts;
    uint32_t escaped_parts; /* of query_parts, those in which every value is percent-encoded */
    bool path_runs_on;      /* a query follows the path directly */
    bool joins_body;        /* the exchange signs query and body as one text: exchange/recuts.h */
    bool has_joined_list;   /* the first payload holds a list in a style without separators */
    uint64_t *field_names;  /* set of name_index: the agent's fields, as far as params have their names */
    ch_template url;
    ch_template body;
    ch_named_template headers[CH_RECIPE_HEADERS_MAX];
    size_t header_count;
} ch_recipe;

/* True if the agent fills in a field of that name. */
static inline bool ch_recipe_fills_in(const ch_recipe *recipe, ch_slice name)
{
    for (size_t i = 0; i < recipe->list_count; i++) {
        for (size_t j = 0; j < recipe->lists[i].field_count; j++) {
            if (ch_slice_is(name, recipe->lists[i].fields[j].name))
                return true;
        }
    }
    return false;
}

/* ---- the rest of a profile ---- */

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
    ch_secret_shape secret_shape;
    ch_encoding signature;
    size_t index; /* among the profile's */
};

/* What stands for a quantity of one contract. */
typedef struct ch_contract {
    char *symbol; /* '*' stands for any run of characters */
    char *size;   /* a decimal */
    char *of;
} ch_contract;

/* A call that the profile does not list. */
typedef struct ch_left_out {
    char *call; /* "GET /path" */
    char *why;
} ch_left_out;

/* What SDKs do otherwise than the exchange's documents, and how it is to be read: exchange/sdk.h. */
typedef enum ch_sdk_habit {
    CH_SDK_HEADER,   /* a header of the SDK's own is left out */
    CH_SDK_LEFT_OUT, /* a parameter that the call does not take is left out */
    CH_SDK_SINGLE,   /* one text stands for a list of one */
    CH_SDK_EMPTY,    /* null or nothing stands for what is not given */
    CH_SDK_HABIT_COUNT
} ch_sdk_habit;

typedef struct ch_sdk_rule {
    ch_sdk_habit habit;
    char *name;  /* of the header or the parameter */
    char *value; /* only with this one; NULL: with any */
    char *call;  /* "GET /path": only there; NULL: everywhere */
    char *why;
} ch_sdk_rule;

/* A call, or many, that needs no signature: exchange/wire_public.h. */
typedef struct ch_public_call {
    char *call; /* "GET /path", where '*' stands for any run of characters */
    size_t origin;
    bool has_key_id; /* the request says whose it is */
} ch_public_call;

/* Of a path in which parameters stand: a literal or a parameter. */
typedef struct ch_path_part {
    ch_slice literal;
    const ch_param_def *def; /* NULL: a literal */
} ch_path_part;

/* Where the exchange refuses parameters that it does not know: under every path that begins so. */
typedef struct ch_refusing {
    char *path;
    char *why; /* how that is known */
} ch_refusing;

/* Endpoints that a key's policy may leave out of the look-up for confusion, by name. */
typedef struct ch_acceptance {
    char *name;
    char *lets;                /* what that would let a caller do */
    char *under[CH_UNDER_MAX]; /* beginnings of paths: of all calls there but reads and what no name may stand for */
    size_t under_count;
    bool lets_cut; /* it stands for cuts of signed texts */
} ch_acceptance;

/* A name that a cut splits, and a half of it that is a name too. */
typedef struct ch_split {
    size_t name; /* by name_index, as is `half` */
    size_t half;
    bool is_blank; /* the half is the first, and has no value */
} ch_split;

/* A name that a parameter without a value may have. */
typedef struct ch_blank {
    ch_slice text;
    size_t name;
} ch_blank;

/* What cuts of signed texts can make: exchange/recuts.h. */
typedef struct ch_recuts {
    unsigned acceptance; /* bit of the one by which cuts are accepted; 0: none */
    uint64_t *is_split;  /* set of name_index: those in `splits`; NULL: no cut opens another endpoint */
    ch_split *splits;
    size_t split_count;
    ch_blank *blanks;
    size_t blank_count;
} ch_recuts;

/* The endpoints of other classes, or with needs, where some request of this one would be taken too, as positions in the
 * profile's table; after them, those of the same class that mean something else. */
typedef struct ch_confusion {
    uint16_t *others;
    size_t count;     /* of those that may need another class */
    size_t all_count; /* of all */
} ch_confusion;

struct ch_endpoint {
    const struct ch_profile *profile;
    char *method;
    char *path;
    ch_slice path_slice;
    ch_path_part *parts; /* NULL: the path has no parameters */
    size_t part_count;
    ch_class class_;
    const ch_recipe *recipes[CH_SCHEMES_MAX]; /* by scheme */
    const ch_origin *origin;
    uint32_t only_in;     /* bits of the environments that have it; 0: as they say */
    unsigned kind;        /* bit of the kind of keys that it is for; 0: all */
    unsigned schemes;     /* bit of each scheme that the exchange takes here */
    unsigned unread;      /* bit of each scheme whose signature leaves open what a request means */
    unsigned acceptance;  /* bit of the profile's acceptance that names it; 0: none does */
    bool refuses_unknown; /* the exchange refuses parameters that it does not know here */
    bool has_needs;       /* a parameter of it has */
    ch_item_def *items;   /* what a request means; NULL: the profile does not say */
    size_t item_count;
    ch_uses uses;
    ch_param_list params;                    /* those in the path are not among them */
    uint64_t *in_query;                      /* set of name_index: those of them that stand in the query */
    uint64_t *texts;                         /* those that may have no value; NULL: no cut opens another endpoint */
    ch_confusion confusions[CH_SCHEMES_MAX]; /* by scheme; schemes with the same recipes share the memory */
    uint16_t *alike; /* others of the same method whose path has parameters and may fit a path of this one's */
    size_t alike_count;
};

#define CH_WINDOW_MAX_MS 60000 /* a signature must not live much longer than what allowed it */

/* For how long the exchange takes a request after its time. */
typedef struct ch_window {
    char *param; /* by which a bot sets it; NULL: the profile has none */
    uint32_t default_ms;
    uint32_t max_ms;
    char default_text[CH_WINDOW_DIGITS_MAX + 1];
} ch_window;

/* For how long the exchange takes a request whose recipe has no {window}. */
typedef struct ch_validity {
    uint64_t ns; /* 0: the profile does not say */
    char *param; /* a parameter that says otherwise, in milliseconds; NULL: there is none */
} ch_validity;

/* The most orders that the exchange takes from one account, at its highest documented rate. */
typedef struct ch_order_rate {
    uint32_t count; /* 0: the profile does not say */
    uint64_t per_ns;
} ch_order_rate;

/* How keys of a kind take their nonces. */
typedef struct ch_kind_nonce {
    unsigned kind; /* its bit */
    ch_nonce_def def;
} ch_kind_nonce;

struct ch_profile {
    char *name;
    char *title;
    ch_nonce_def nonce;
    ch_kind_nonce kind_nonces[CH_KINDS_MAX]; /* instead of `nonce`, for keys of a kind */
    size_t kind_nonce_count;
    ch_window window;
    ch_validity validity;
    ch_order_rate order_rate;
    struct ch_scheme schemes[CH_SCHEMES_MAX];
    size_t scheme_count;
    char *kinds[CH_KINDS_MAX];
    size_t kind_count;
    ch_origin *origins;
    size_t origin_count;
    ch_recipe *recipes;
    size_t recipe_count;
    ch_param_def *params; /* in the order of the file's map */
    size_t param_count;
    size_t name_count;          /* different names among them */
    size_t name_words;          /* of a set of names */
    const ch_param_def **names; /* one param of each name, sorted by name */
    ch_uses uses;               /* where an endpoint does not say */
    ch_leg *legs;
    size_t leg_count;
    ch_symbol_form *symbols;
    size_t symbol_count;
    ch_asset_name *asset_names;
    size_t asset_name_count;
    ch_contract *contracts;
    size_t contract_count;
    ch_refusing refusing[CH_REFUSING_MAX];
    size_t refusing_count;
    ch_acceptance acceptances[CH_ACCEPTANCES_MAX];
    size_t acceptance_count;
    ch_recuts recuts;
    struct ch_endpoint *endpoints; /* sorted by path */
    size_t endpoint_count;
    uint16_t *patterns; /* those whose path has parameters, the most literal first */
    size_t pattern_count;
    struct ch_environment *environments; /* environments_impl.h; the first is live */
    size_t environment_count;
    ch_left_out *left_out;
    size_t left_out_count;
    ch_sdk_rule *sdk;
    size_t sdk_count;
    ch_public_call *public_calls;
    size_t public_count;
    struct ch_doctor *doctor; /* exchange/doctor.h; NULL: the profile has none */
};

/* True if a bot sets the receive window of a request to `endpoint` by a parameter of that name. */
static inline bool ch_endpoint_takes_window(const struct ch_endpoint *endpoint, const ch_recipe *recipe, ch_slice name)
{
    const char *param = endpoint->profile->window.param;
    return param != NULL && recipe->uses[CH_BUILTIN_WINDOW] && ch_slice_is(name, param);
}

/* True if the exchange takes signatures by the scheme at `at` there. */
static inline bool ch_endpoint_has_scheme(const struct ch_endpoint *endpoint, size_t at)
{
    return (endpoint->schemes & 1U << at) != 0;
}

/* Returns one of the definitions of that name, or NULL if no endpoint lists it. */
const ch_param_def *ch_profile_find_name(const ch_profile *profile, ch_slice name);

#endif
