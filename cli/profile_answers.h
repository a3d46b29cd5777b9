/* What an exchange answers, as `chancery profile` shows it. */
#ifndef CH_CLI_PROFILE_ANSWERS_H
#define CH_CLI_PROFILE_ANSWERS_H

#include "exchange/profile.h"

#include <jansson.h>

/* The errors, with {message} and {id} for what they will hold, and the rules for rejections; for the caller to free. */
json_t *ch_answers_of(const ch_profile *profile);
/* Prints what ch_answers_of returned as the member "answers" of `row`. */
void ch_answers_print(const json_t *row);

#endif
