/* What jansson lacks: values that a scope owns, texts that need not be UTF-8, members that may be missing. */
#ifndef CH_CLI_JANSSON_H
#define CH_CLI_JANSSON_H

#include "base/slice.h"

#include <jansson.h>

/* A reference that the scope drops. */
#define ch_autojansson __attribute__((cleanup(ch_jansson_free_))) json_t *
void ch_jansson_free_(json_t **value);

/* Returns `text` as a JSON string, never NULL. Those must be UTF-8, and a token's label need not be: what is not is
 * shown as '?'. The caller owns the reference. */
json_t *ch_jansson_text(const char *text);
json_t *ch_jansson_slice(ch_slice text); /* likewise */

/* Returns the text of the member `name` of `object`, or "" if it has no such text. Lives as long as the object. */
const char *ch_jansson_member(const json_t *object, const char *name);

/* Prints the texts of a list with commas between them, or `when_empty` if it has none. */
void ch_jansson_print_joined(const json_t *list, const char *when_empty);

#endif
