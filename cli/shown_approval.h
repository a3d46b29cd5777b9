/* Asks the agent for one request that waits for people, and shows it as JSON or on the terminal. Single-threaded. */
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
    ch_error obstacle; /* why this person cannot approve it; CH_OK if they can */
} ch_shown_approval;

#define ch_autoshown __attribute__((cleanup(ch_shown_free))) ch_shown_approval
void ch_shown_free(ch_shown_approval *shown);

/* Reads the number of a request from an argument. Returns CH_BAD_INPUT if it is no number. */
CH_CHECKED ch_status ch_shown_read_id(const char *word, uint64_t *out, ch_error *err);
/* Asks the agent for a request. Free `*out` also after a failure. Returns CH_NOT_FOUND if no request has that number.
 */
CH_CHECKED ch_status ch_shown_ask(const ch_arguments *arguments, uint64_t id, ch_shown_approval *out, ch_error *err);
/* Prints what the request does, and who has approved it. */
void ch_shown_print(const ch_shown_approval *shown);
/* Prints in a sentence how the request stands: "Request 7 waits for 1 more approval, until 2027-01-31T09:30:00Z." */
void ch_shown_print_state(const ch_shown_approval *shown);

#endif
