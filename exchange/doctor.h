/* What `chancery doctor` asks an exchange about a key, and how the answers are read: the profile's `doctor`, as data.
 * Whoever asks reads the answers (cli/doctor_answers.h); the agent itself never does.
 *
 * A place in an answer is written as a JSON pointer (RFC 6901) without escapes, in which a part may be `*`, for all
 * entries of a list or members of an object, or `[name=value]`, for the entries of a list whose member `name` has that
 * value; `{key_id}` there stands for the exchange's name of the key.
 *
 * Plain values, immutable once the profile is loaded, and then thread-safe. docs/profiles.md describes the field. */
#ifndef CH_EXCHANGE_DOCTOR_H
#define CH_EXCHANGE_DOCTOR_H

#include "exchange/profile.h"

#define CH_DOCTOR_PARAMS_MAX 4
#define CH_DOCTOR_CHECKS_MAX 4
#define CH_DOCTOR_MEMBERS_MAX 3
#define CH_DOCTOR_KEY_ID "{key_id}"

/* A parameter of a call: a text, or what another call answers at a place. */
typedef struct ch_doctor_param {
    char *name;
    char *value; /* CH_DOCTOR_KEY_ID stands for the key's; NULL: it is asked for */
    char *path;  /* of a call by GET without parameters */
    char *at;
} ch_doctor_param;

typedef struct ch_doctor_call {
    char *call;       /* "GET /path" */
    const char *path; /* in `call` */
    bool is_post;
    char *origin; /* the profile's name of the host; NULL: whichever has the path */
    ch_doctor_param params[CH_DOCTOR_PARAMS_MAX];
    size_t param_count;
} ch_doctor_call;

/* A member of an answer, and what it must be. */
typedef struct ch_doctor_member {
    char *at;
    char **values; /* one of these; a star at either end stands for any text, a star alone for anything at all */
    size_t value_count;
} ch_doctor_member;

/* How an exchange writes a time. */
typedef enum ch_doctor_unit {
    CH_DOCTOR_S,
    CH_DOCTOR_MS,
    CH_DOCTOR_US,
    CH_DOCTOR_NS,
    CH_DOCTOR_ISO,  /* 2027-01-31T09:30:00Z */
    CH_DOCTOR_DAYS, /* from now */
    CH_DOCTOR_UNIT_COUNT
} ch_doctor_unit;

/* A call that anybody may make, and where its answer says the time. */
typedef struct ch_doctor_time {
    ch_doctor_call call;
    char *at; /* NULL: the profile has none */
    ch_doctor_unit unit;
} ch_doctor_time;

/* A call that every key may make. */
typedef struct ch_doctor_check {
    ch_doctor_call call;
    ch_doctor_member works[CH_DOCTOR_MEMBERS_MAX]; /* of the answer that says so, besides a status of 2xx */
    size_t works_count;
} ch_doctor_check;

typedef enum ch_doctor_means {
    CH_DOCTOR_WITHDRAWS, /* it can take money out */
    CH_DOCTOR_TRANSFERS, /* between the owner's accounts */
    CH_DOCTOR_TRADES,
    CH_DOCTOR_IS_BOUND, /* to addresses of the internet */
    CH_DOCTOR_EXPIRES,
    CH_DOCTOR_MEANS_COUNT
} ch_doctor_means;

/* What an answer says of the key. */
typedef struct ch_doctor_fact {
    char *at;
    ch_doctor_means means;
    char **any_of; /* it holds if some value at the place is one of these */
    size_t any_count;
    char **none_of; /* or, if some value is none of these */
    size_t none_count;
    char *split;         /* what stands between several values in one text; NULL: a text is one value */
    ch_doctor_unit unit; /* of CH_DOCTOR_EXPIRES */
} ch_doctor_fact;

/* Why an exchange does not take a request. */
typedef enum ch_doctor_trouble {
    CH_DOCTOR_TIME,             /* the request's time */
    CH_DOCTOR_NONCE,            /* its nonce */
    CH_DOCTOR_SIGNATURE,        /* its signature */
    CH_DOCTOR_KEY,              /* the key is not known, disabled or expired */
    CH_DOCTOR_PASSPHRASE,       /* its pass phrase */
    CH_DOCTOR_ADDRESS,          /* the address that it came from */
    CH_DOCTOR_KEY_OR_ADDRESS,   /* key, address or rights: the exchange does not say which */
    CH_DOCTOR_KEY_OR_SIGNATURE, /* key, signature, time or address: likewise */
    CH_DOCTOR_RIGHTS,           /* the key may not do that */
    CH_DOCTOR_RATE,             /* too many requests */
    CH_DOCTOR_TROUBLE_COUNT
} ch_doctor_trouble;

typedef struct ch_doctor_error {
    ch_doctor_trouble means;
    unsigned status; /* of HTTP; 0: any */
    ch_doctor_member where[CH_DOCTOR_MEMBERS_MAX];
    size_t where_count;
} ch_doctor_error;

typedef struct ch_doctor {
    ch_doctor_time time;
    ch_doctor_check checks[CH_DOCTOR_CHECKS_MAX]; /* the first that the key's environment has is made */
    size_t check_count;
    ch_doctor_call permissions; /* its call is NULL if no call tells */
    ch_doctor_fact *facts;
    size_t fact_count;
    ch_doctor_error *errors; /* the first that fits is meant */
    size_t error_count;
} ch_doctor;

/* NULL if the profile has none. */
const ch_doctor *ch_profile_doctor(const ch_profile *profile);

/* As profiles write them: "withdraws", "key-or-address". */
const char *ch_doctor_means_name(ch_doctor_means means);
const char *ch_doctor_trouble_name(ch_doctor_trouble trouble);

#endif
