/* An exchange, read from profiles/NAME.yaml: where it is, how its requests are signed, which endpoints it has.
 *
 * A loaded profile is immutable and may be read from any thread. The recipe language is described in docs/profiles.md.
 */
#ifndef CH_AGENT_PROFILE_H
#define CH_AGENT_PROFILE_H

#include "agent/frame.h"
#include "base/encode.h"

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
    CH_CLASS_COUNT
} ch_class;

const char *ch_class_name(ch_class class_);
/* CH_CLASS_COUNT if there is none of that name. */
ch_class ch_class_find(ch_slice name);

typedef struct ch_param {
    ch_param_kind kind;
    ch_slice name;
    ch_slice value;
} ch_param;

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

#define CH_PARAMS_MAX 64

/* A typed request, as the bot asked for it; views into the frame it came in. */
typedef struct ch_request {
    ch_slice method;
    ch_slice path;
    const ch_param *params; /* in the bot's order */
    size_t param_count;
} ch_request;

/* Loads and checks a profile; CH_CONFIG says file, line and reason. Free with ch_profile_free. */
CH_CHECKED ch_status ch_profile_load(const char *path, ch_profile **out, ch_error *err);
void ch_profile_free(ch_profile *profile);
const char *ch_profile_name(const ch_profile *profile);
/* True for a profile that says test_only: no key may use it. */
bool ch_profile_is_test_only(const ch_profile *profile);

/* NULL if the profile has none of that name. */
const ch_scheme *ch_profile_scheme(const ch_profile *profile, const char *name);
const char *ch_scheme_mechanism(const ch_scheme *scheme); /* a name of pkcs11/mechanism.h's table */
const char *ch_scheme_name(const ch_scheme *scheme);
/* How the exchange writes the secret: text, hex or base64. For key import. */
ch_encoding ch_scheme_secret_encoding(const ch_scheme *scheme);

/* Finds the endpoint to the byte. CH_NOT_FOUND: the profile lists no such path; CH_BAD_METHOD: not by that method. */
CH_CHECKED ch_status ch_profile_match(const ch_profile *profile, ch_slice method, ch_slice path,
                                      const ch_endpoint **out, ch_error *err);
ch_class ch_endpoint_class(const ch_endpoint *endpoint);

/* The endpoints of `endpoint`'s profile at which the signature of `request` would be good too, because the signature
 * does not cover what tells them apart (DESIGN: endpoint confusion); `endpoint` itself is among them. The result is a
 * set of classes, bit 1 << ch_class: policy must allow them all. */
unsigned ch_endpoint_confused_classes(const ch_endpoint *endpoint, const ch_request *request);

/* What the parameter `name` of the endpoint carries; several may carry the same. */
ch_role ch_endpoint_role(const ch_endpoint *endpoint, ch_slice name);

/* Checks `request` against the endpoint: only listed parameters, none twice, each of its type and well-formed text,
 * all required ones there. CH_BAD_INPUT names the parameter. */
CH_CHECKED ch_status ch_endpoint_check(const ch_endpoint *endpoint, const ch_request *request, ch_error *err);

#endif
