/* What all headers have in common, of bots, of the agent and of exchanges: what a name may be, lists in values, and
 * which of them belong to one connection. Thread-safe. */
#ifndef CH_RELAY_HEADERS_H
#define CH_RELAY_HEADERS_H

#include "base/slice.h"

/* True if `text` is `word`, whatever the case of its letters. */
bool ch_header_is(ch_slice text, const char *word);

/* True if `text` can be a method or the name of a header: a token of RFC 9110. */
bool ch_is_http_word(ch_slice text);

/* Returns `text` without the blanks at its ends. */
ch_slice ch_trim_blanks(ch_slice text);

/* True if `list`, as that of Connection, has `word` between its commas, whatever the case of its letters. */
bool ch_header_list_has(ch_slice list, ch_slice word);

/* True if a header of that name belongs to one connection, so that it is not passed on. */
bool ch_is_hop_header(ch_slice name);

#endif
