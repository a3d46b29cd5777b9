/* One request that waits for people, as the agent says it: asked for, as JSON, and on the terminal. Single-threaded. */
#ifndef CH_CLI_SHOWN_APPROVAL_H
#define CH_CLI_SHOWN_APPROVAL_H

#include "cli/options.h"

#include <jansson.h>

#define CH_SHOWN_ID_DIGITS 19 /* at most */

/* What the agent says, with the digest that an approval or a denial names. */
typedef struct ch_shown_approval {
    uint64_t id;
    json_t *object; /* {"id", "state", "words", "needs", "given", ...} */
    uint8_t digest[64];
    size_t digest_size;
    bool takes_code;   /* an approval takes a code of the person */
    ch_error obstacle; /* why this person cannot approve it; CH_OK: they can */
} ch_shown_approval;

#define ch_autoshown __attribute__((cleanup(ch_shown_free))) ch_shown_approval
void ch_shown_free(ch_shown_approval *shown);

/* The approval's number, as an argument. */
CH_CHECKED ch_status ch_shown_read_id(const char *word, uint64_t *out, ch_error *err);
/* Asks the agent for it; free `*out` also after a failure. CH_NOT_FOUND: there is none of that number. */
CH_CHECKED ch_status ch_shown_ask(const ch_arguments *arguments, uint64_t id, ch_shown_approval *out, ch_error *err);
/* Prints its words, and who has approved. */
void ch_shown_print(const ch_shown_approval *shown);
/* Prints in a sentence how far it is: "Request 7 waits for 1 more approval, until 2027-01-31T09:30:00Z." */
void ch_shown_print_state(const ch_shown_approval *shown);

#endif
