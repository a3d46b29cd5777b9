/* The body of a request: one JSON object, strictly read. No field twice, none that is unknown; every text that leaves
 * here is well-formed UTF-8 without control characters. Not thread-safe. */
#ifndef CH_AGENT_FRONT_BODY_H
#define CH_AGENT_FRONT_BODY_H

#include "base/error.h"
#include "base/slice.h"

#include <jansson.h>

/* Seeds jansson's hash tables, once, before anything else here; left to itself, jansson would open /dev/urandom, which
 * the front's sandbox forbids. Returns CH_IO if the kernel has no random bytes. */
CH_CHECKED ch_status ch_body_init(ch_error *err);

/* Reads the body as an object, which the caller lets go of. CH_BAD_INPUT says where it is none. */
CH_CHECKED ch_status ch_body_read(ch_slice body, json_t **out, ch_error *err);

/* A field that an object may have, and where its value goes: a view, and NULL if the object lacks it. */
typedef struct ch_body_field {
    const char *name;
    json_t **value;
} ch_body_field;

/* Fills in `fields`, and refuses any other. `may_have` names them in the message. */
CH_CHECKED ch_status ch_body_fields(json_t *object, const ch_body_field *fields, size_t count, const char *may_have,
                                    ch_error *err);

/* Refuses a `value` that is no text. It may be NULL, for a field that is missing, unless it is required. */
CH_CHECKED ch_status ch_body_check_text(const json_t *value, const char *name, bool is_required, ch_error *err);

/* The text of a string, or empty if it is NULL. A view. */
ch_slice ch_body_text(const json_t *string);

#endif
