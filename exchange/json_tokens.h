/* Strict JSON (RFC 8259) as a flat list of tokens: for answers of exchanges, of which a few members are compared as
 * text.
 *
 * It makes no numbers and no copies: a token points into the text. What two readers could read in two ways is refused:
 * a member that is there twice, a name with an escape, text that is not UTF-8 or has control characters, anything after
 * the value. So is a text that was cut off. Thread-safe. */
#ifndef CH_EXCHANGE_JSON_TOKENS_H
#define CH_EXCHANGE_JSON_TOKENS_H

#include "base/slice.h"

#define CH_JSON_TOKENS_MAX 2048
#define CH_JSON_DEPTH_MAX 16

typedef enum ch_json_kind {
    CH_JSON_OBJECT, /* followed by a name and a value for each member */
    CH_JSON_LIST,   /* followed by its items */
    CH_JSON_NAME,
    CH_JSON_TEXT,
    CH_JSON_NUMBER,
    CH_JSON_WORD, /* true, false, null */
} ch_json_kind;

typedef struct ch_json_token {
    ch_json_kind kind;
    bool has_escape; /* `text` is not what it stands for */
    ch_slice text;   /* without the quotes; of an object and a list, only the bracket */
    size_t next;     /* the token after this one and all that it holds */
} ch_json_token;

/* Reads all of `text` into `tokens`, which has room for CH_JSON_TOKENS_MAX. Returns how many there are; 0 if it is not
 * one JSON value, or nests deeper or holds more than the limits above. */
size_t ch_json_read(ch_slice text, ch_json_token *tokens);

/* The token that `pointer` names, from the value at `at`: "/code", "/data/0/sCode" (RFC 6901 without its escapes), or
 * "" for that value itself. Returns 0, which is never below another, if it is not there; or `at` for "". */
size_t ch_json_find(const ch_json_token *tokens, size_t at, ch_slice pointer);

#endif
