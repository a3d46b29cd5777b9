/* An exchange, read from profiles/NAME.yaml: where it is, how its requests are signed, which endpoints it has.
 *
 * A loaded profile (exchange/load.h) is immutable and may be read from any thread; what is returned here lives as long
 * as the profile. What it is made of is for exchange/ only. docs/profiles.md describes the file. */
#ifndef CH_EXCHANGE_PROFILE_H
#define CH_EXCHANGE_PROFILE_H

#include "base/encode.h"
#include "exchange/class.h"
#include "exchange/secret_shape.h"

typedef struct ch_profile ch_profile;
typedef struct ch_endpoint ch_endpoint;
typedef struct ch_scheme ch_scheme;

const char *ch_profile_name(const ch_profile *profile);
const char *ch_profile_title(const ch_profile *profile);

/* Returns NULL if the profile has no scheme of that name; by position, if `index` is past the end. */
const ch_scheme *ch_profile_scheme(const ch_profile *profile, const char *name);
const ch_scheme *ch_profile_scheme_at(const ch_profile *profile, size_t index);
const char *ch_scheme_mechanism(const ch_scheme *scheme); /* a name of pkcs11/mechanism.h's table */
const char *ch_scheme_name(const ch_scheme *scheme);
/* How the exchange writes the secret: text, hex or base64. For key import. */
ch_encoding ch_scheme_secret_encoding(const ch_scheme *scheme);
/* What the exchange's secrets look like as text; NULL if the profile does not say. For key import. */
const ch_secret_shape *ch_scheme_secret_shape(const ch_scheme *scheme);
/* How the exchange writes a signature. */
ch_encoding ch_scheme_signature_encoding(const ch_scheme *scheme);
/* Appends a raw signature as the exchange writes it. */
void ch_scheme_add_signature(const ch_scheme *scheme, ch_slice signature, ch_buffer *out);

/* Endpoints in the order of their paths. Returns NULL if `index` is past the end. */
const ch_endpoint *ch_profile_endpoint_at(const ch_profile *profile, size_t index);
ch_class ch_endpoint_class(const ch_endpoint *endpoint);
const char *ch_endpoint_method(const ch_endpoint *endpoint);
const char *ch_endpoint_path(const ch_endpoint *endpoint); /* with {name} for a parameter */

/* A call of the exchange that the profile leaves out, "GET /path", and the reason; NULL if `index` is past the end. */
const char *ch_profile_left_out_at(const ch_profile *profile, size_t index, const char **why);

/* Some calls are open only to keys of a certain kind (a broker's, say), and a key is of that kind only if its policy
 * says so. A set of kinds has a bit for each. ch_profile_kind returns the kind's bit, 0 if the profile has no such
 * kind. ch_endpoint_kind returns the kind that `endpoint` requires if it is not among `kinds`, else NULL. */
unsigned ch_profile_kind(const ch_profile *profile, const char *name);
const char *ch_endpoint_kind(const ch_endpoint *endpoint, unsigned kinds);

/* True if the exchange takes signatures by `scheme` there. */
bool ch_endpoint_takes_scheme(const ch_endpoint *endpoint, const ch_scheme *scheme);

/* Where the exchange refuses parameters that it does not know: the beginning of those paths, and in `why` how that is
 * known. Returns NULL if `index` is past the end. Elsewhere it is taken to ignore them. */
const char *ch_profile_refusing_at(const ch_profile *profile, size_t index, const char **why);

/* Confusions that a key's policy may accept, by name. A set of them has a bit for each: ch_profile_acceptance returns
 * that of a name, 0 if the profile does not have it; ch_endpoint_acceptance that of the one that names the call, else
 * 0. ch_profile_acceptance_at returns the name at bit 1 << index, and in `lets` what it would let a caller do; NULL if
 * `index` is past the end. */
unsigned ch_profile_acceptance(const ch_profile *profile, const char *name);
unsigned ch_endpoint_acceptance(const ch_endpoint *endpoint);
const char *ch_profile_acceptance_at(const ch_profile *profile, size_t index, const char **lets);
/* The beginnings of paths under which that name stands for all calls that trade, cancel, transfer or set something,
 * save those that another name has. NULL if `at` is past the end. */
const char *ch_profile_acceptance_under(const ch_profile *profile, size_t index, size_t at);
/* True if that name stands for cuts of the signed text: exchange/recuts.h. */
bool ch_profile_acceptance_cuts(const ch_profile *profile, size_t index);

/* What `scheme`'s signature of a request to `endpoint` binds, by the profile's `covers`: a set of CH_COVERS_*. */
enum {
    CH_COVERS_METHOD = 1,
    CH_COVERS_HOST = 2,
    CH_COVERS_PATH = 4,
    CH_COVERS_PARAMS = 8,
};
unsigned ch_endpoint_covers(const ch_endpoint *endpoint, const ch_scheme *scheme);

/* What requests that `scheme` signs do with the key's pass phrase. */
typedef enum ch_phrase_use {
    CH_PHRASE_UNUSED,
    CH_PHRASE_USED,
    CH_PHRASE_IN_HEADER, /* as it is */
} ch_phrase_use;
ch_phrase_use ch_scheme_phrase_use(const ch_profile *profile, const ch_scheme *scheme);

/* True if the agent itself fills in a parameter of that name. */
bool ch_endpoint_fills_in(const ch_endpoint *endpoint, const ch_scheme *scheme, ch_slice name);

/* How an exchange wants its nonces. */
typedef struct ch_nonce_def {
    uint64_t unit_ns;  /* 1000000 for milliseconds */
    uint32_t ahead_s;  /* how far it may be ahead of the exchange's clock; 0: the exchange does not look at the clock */
    uint32_t behind_s; /* how far behind it */
    bool may_repeat;   /* the exchange looks at the clock only */
} ch_nonce_def;

/* What nonces the exchange takes from keys of these kinds; NULL if it takes none. The caller of ch_recipe_build draws
 * one from the key's counter. */
const ch_nonce_def *ch_profile_nonce(const ch_profile *profile, unsigned kinds);
bool ch_endpoint_uses_nonce(const ch_endpoint *endpoint, const ch_scheme *scheme);
/* How often one signature can be used. */
typedef enum ch_uses {
    CH_USES_UNSAID,
    CH_USES_ONCE,   /* the exchange takes it once */
    CH_USES_WINDOW, /* as often as the exchange's order rate lets through while it is valid */
} ch_uses;
/* Of requests to `endpoint` by keys of these kinds; never CH_USES_UNSAID. */
ch_uses ch_endpoint_uses(const ch_endpoint *endpoint, const ch_scheme *scheme, unsigned kinds);
/* The same where the kinds of the key are not known: once, only if it is so for keys of every kind. */
ch_uses ch_endpoint_uses_by_any(const ch_endpoint *endpoint, const ch_scheme *scheme);
/* True if ch_recipe_build needs random bytes for a request to `endpoint`. */
bool ch_endpoint_uses_random(const ch_endpoint *endpoint, const ch_scheme *scheme);

#endif
