/* What a token's `environment` in agent.yaml adds to the environment of its process, and of no other.
 *
 * What makes the linker or the C library load other code is refused, because that code would run beside the PIN, and
 * nobody would have checked whose file it is (pkcs11/module_path.h); and so is what looks like a secret. */
#ifndef CH_AGENT_CORE_VARIABLES_H
#define CH_AGENT_CORE_VARIABLES_H

#include "conf/fields.h"

#include <stdbool.h>

#define CH_VARIABLES_MAX 32
#define CH_VARIABLE_NAME_MAX 64
#define CH_VARIABLE_VALUE_MAX 4096

typedef struct ch_variables {
    char **list; /* "NAME=VALUE", sorted, ended by NULL; NULL if the map was left out */
    size_t count;
} ch_variables;

/* A reader for a field that is a ch_variables: a map of names and texts. CH_CONFIG. */
CH_CHECKED ch_status ch_field_variables(const ch_value *value, ch_error *err);

void ch_variables_free(ch_variables *variables);
ch_variables ch_variables_copy(const ch_variables *variables);
bool ch_variables_are_same(const ch_variables *one, const ch_variables *other);

#endif
