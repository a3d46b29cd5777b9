/* An exchange, read from profiles/NAME.yaml: where it is, how its requests are signed, which endpoints it has.
 *
 * A loaded profile is immutable and may be read from any thread. The recipe language is described in docs/profiles.md.
 */
#ifndef CH_EXCHANGE_PROFILE_H
#define CH_EXCHANGE_PROFILE_H

#include "conf/yaml.h"
#include "base/encode.h"
#include "exchange/request.h"

typedef struct ch_profile ch_profile;
typedef struct ch_endpoint ch_endpoint;
typedef struct ch_scheme ch_scheme;

typedef enum ch_class {
    CH_CLASS_READ,
    CH_CLASS_TRADE,
    CH_CLASS_CANCEL,
    CH_CLASS_TRANSFER,
    CH_CLASS_WITHDRAW,
    CH_CLASS_KEYS,
    CH_CLASS_ACCOUNT,
    CH_CLASS_SESSION, /* opens a socket on which orders are placed and no policy is asked */
    CH_CLASS_COUNT
} ch_class;

const char *ch_class_name(ch_class class_);
/* Read a class, or a list of them, which are added to the set `*out` (bit 1 << ch_class). CH_CONFIG names what is none.
 */
CH_CHECKED ch_status ch_class_read(const ch_yaml *node, ch_class *out, ch_error *err);
CH_CHECKED ch_status ch_classes_read(const ch_yaml *list, unsigned *out, ch_error *err);

/* What a parameter carries, for policy to judge. */
typedef enum ch_role {
    CH_ROLE_NONE,
    CH_ROLE_SYMBOL,
    CH_ROLE_SIDE,
    CH_ROLE_TYPE,
    CH_ROLE_QUANTITY,
    CH_ROLE_QUOTE_QUANTITY,
    CH_ROLE_PRICE,
    CH_ROLE_TRIGGER_PRICE,
    CH_ROLE_LEVERAGE,
    CH_ROLE_REDUCE_ONLY,
    CH_ROLE_ASSET,
    CH_ROLE_NETWORK,
    CH_ROLE_ADDRESS,
    CH_ROLE_AMOUNT,
    CH_ROLE_COUNT
} ch_role;

/* Loads and checks a profile; CH_CONFIG says file, line and reason. Free with ch_profile_free. */
CH_CHECKED ch_status ch_profile_load(const char *path, ch_profile **out, ch_error *err);
void ch_profile_free(ch_profile *profile);
const char *ch_profile_name(const ch_profile *profile);
const char *ch_profile_title(const ch_profile *profile);

/* NULL if the profile has none of that name; by position NULL behind the last. */
const ch_scheme *ch_profile_scheme(const ch_profile *profile, const char *name);
const ch_scheme *ch_profile_scheme_at(const ch_profile *profile, size_t index);
const char *ch_scheme_mechanism(const ch_scheme *scheme); /* a name of pkcs11/mechanism.h's table */
const char *ch_scheme_name(const ch_scheme *scheme);
/* How the exchange writes the secret: text, hex or base64. For key import. */
ch_encoding ch_scheme_secret_encoding(const ch_scheme *scheme);
/* Appends a raw signature as the exchange writes it. */
void ch_scheme_add_signature(const ch_scheme *scheme, ch_slice signature, ch_buffer *out);

/* Finds the endpoint that `request` names by method, path and, if it says so, host. CH_NOT_FOUND: the profile lists no
 * such path; CH_BAD_METHOD: not by that method; CH_BAD_INPUT: at several hosts, and the request says none. */
CH_CHECKED ch_status ch_profile_match(const ch_profile *profile, const ch_request *request, const ch_endpoint **out,
                                      ch_error *err);
ch_class ch_endpoint_class(const ch_endpoint *endpoint);
const char *ch_endpoint_method(const ch_endpoint *endpoint);
const char *ch_endpoint_path(const ch_endpoint *endpoint); /* with {name} for a parameter */
ch_slice ch_endpoint_host(const ch_endpoint *endpoint);
/* In the order of their paths; NULL behind the last. */
const ch_endpoint *ch_profile_endpoint_at(const ch_profile *profile, size_t index);

/* Some calls are open only to keys of a certain kind (a broker's, say), and a key is of that kind only if its policy
 * says so. A set of kinds has a bit each; ch_profile_kind gives it, 0 if the profile has no such kind. ch_endpoint_kind
 * gives the kind that `endpoint` wants and that is not among `kinds`, NULL if there is none. */
unsigned ch_profile_kind(const ch_profile *profile, const char *name);
const char *ch_endpoint_kind(const ch_endpoint *endpoint, unsigned kinds);

/* The endpoints of `endpoint`'s profile at which the signature of `request` (checked) by `scheme` would be good too,
 * because the signature does not cover what tells them apart (DESIGN: endpoint confusion), and those whose paths the
 * request's path fits too, as far as a key of `kinds` can use them; `endpoint` itself is among them. The result is a
 * set of classes, bit 1 << ch_class: policy must allow them all. */
unsigned ch_endpoint_confused_classes(const ch_endpoint *endpoint, const ch_scheme *scheme, unsigned kinds,
                                      const ch_request *request);

/* The classes besides its own that some request to `endpoint` would open, by a key of the kind that the call wants, or
 * of none. */
unsigned ch_endpoint_openable_classes(const ch_endpoint *endpoint, const ch_scheme *scheme);

/* What `scheme`'s signature of a request to `endpoint` binds. */
enum {
    CH_COVERS_METHOD = 1,
    CH_COVERS_HOST = 2,
    CH_COVERS_PATH = 4,
    CH_COVERS_PARAMS = 8,
};
unsigned ch_endpoint_covers(const ch_endpoint *endpoint, const ch_scheme *scheme);

/* True if the agent itself fills in a parameter of that name. */
bool ch_endpoint_fills_in(const ch_endpoint *endpoint, const ch_scheme *scheme, ch_slice name);

/* What the parameter `name` of the endpoint carries; several may carry the same. */
ch_role ch_endpoint_role(const ch_endpoint *endpoint, ch_slice name);

/* Checks `request` against the endpoint: only listed parameters, none twice, each of its type and well-formed text,
 * all required ones there, those in the path too. CH_BAD_INPUT names the parameter. */
CH_CHECKED ch_status ch_endpoint_check(const ch_endpoint *endpoint, const ch_scheme *scheme, ch_request *request,
                                       ch_error *err);

#endif
