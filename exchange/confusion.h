/* Endpoint confusion: which endpoints a signature opens besides the one it was asked for, because it does not cover
 * what tells them apart. docs/profiles.md explains it. confusion.c finds what is possible when a profile is loaded,
 * confusion_look.c what a request really opens. Thread-safe. */
#ifndef CH_EXCHANGE_CONFUSION_H
#define CH_EXCHANGE_CONFUSION_H

#include "exchange/environments.h"
#include "exchange/profile.h"
#include "exchange/request.h"

/* What a key's policy says of it that counts here. */
typedef struct ch_key_traits {
    const ch_environment *environment;
    unsigned kinds;   /* what the exchange made of it: see ch_profile_kind */
    unsigned accepts; /* the confusions that its policy accepts: see ch_profile_acceptance */
} ch_key_traits;

/* The classes of the endpoints at which the signature by `scheme` of `request`, checked as one to `endpoint`, would be
 * good: `endpoint` itself, those that the signature does not tell from it, and those whose path the request's path fits
 * too, as far as `key` can use them in its environment and its policy does not accept them; and those that the values
 * need there. A set, bit 1 << ch_class: policy must allow them all. What policy accepts are endpoints that the
 * signature does not tell from this one, and nothing else. */
unsigned ch_endpoint_confused_classes(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_key_traits *key,
                                      const ch_request *request);

/* For what explains a refusal. The first endpoint for which that signature needs `class_`; NULL if it needs it for
 * another reason. */
const ch_endpoint *ch_endpoint_confused_with(const ch_endpoint *endpoint, const ch_scheme *scheme,
                                             const ch_key_traits *key, const ch_request *request, ch_class class_);
/* The acceptances with which the request would need none of `classes`, beside those of `key`; 0 if they are not enough.
 */
unsigned ch_endpoint_acceptances_for(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_key_traits *key,
                                     const ch_request *request, unsigned classes);

/* True if it matters which of the endpoints of that class a signature opens: a read is a read, and a cancel a cancel.
 */
static inline bool ch_confusion_tells_apart(ch_class class_)
{
    return class_ != CH_CLASS_READ && class_ != CH_CLASS_CANCEL;
}

/* How an endpoint is opened. */
typedef enum ch_opened_by {
    CH_OPENED_BY_PATH,    /* the path fits it too */
    CH_OPENED_BY_PAYLOAD, /* the payload is good for it: what that shows of the parameters */
    CH_OPENED_BY_CUT, /* the text is read with another cut, which spoils what stands there: the end of the path is the
                         beginning of the query, or the body begins within a name or value (exchange/recuts.h) */
} ch_opened_by;

typedef struct ch_opened {
    const ch_endpoint *endpoint;
    unsigned needs; /* classes that the values need there */
    ch_opened_by by;
} ch_opened;

/* The same, endpoint by endpoint, without `endpoint` itself: also those of its own class. Of reads and of cancels, one
 * stands for all (unless its values need more), and none if `endpoint` is one. Fills in at most `max` of `out`, and
 * returns how many there are. */
size_t ch_endpoint_opened(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_key_traits *key,
                          const ch_request *request, ch_opened *out, size_t max);

/* Those of them alone whose path the request's path fits too: which it is, the exchange decides, whoever sends it. */
size_t ch_endpoint_opened_by_path(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_key_traits *key,
                                  const ch_request *request, ch_opened *out, size_t max);

/* What exchanges do with parameters that they do not know, as a question. */
typedef enum ch_unknown_names {
    CH_UNKNOWN_AS_LISTED, /* as the profile says, path by path */
    CH_UNKNOWN_REFUSED,   /* everywhere */
    CH_UNKNOWN_IGNORED,   /* everywhere */
} ch_unknown_names;

/* The classes besides its own that some request to `endpoint` would open in the key's environment; if it has none, in
 * live, or in the first environment that has the endpoint. Endpoints that are only for another kind of keys do not
 * count. */
unsigned ch_endpoint_openable_classes(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_key_traits *key,
                                      ch_unknown_names unknown);

/* The classes of all that whoever sends a request to `endpoint` could make of its signature, its own if that can mean
 * something else there too; whatever policy accepts. 0: nothing but what was asked, a read or a cancel. */
unsigned ch_endpoint_stray_classes(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_key_traits *key);

/* For what loads a profile: fills `confusions` of every endpoint, when all else of the profile is there. */
void ch_profile_find_confusions(ch_profile *profile);

#endif
