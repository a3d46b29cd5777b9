/* What a finding means, in words, and what a person can do about it (cli/examination.h). */
#ifndef CH_CLI_ADVICE_H
#define CH_CLI_ADVICE_H

#include <jansson.h>
#include <stdint.h>

/* Adds `advice` and `verdict` to what was found. */
void ch_advise(json_t *found, uint64_t now_s);

#endif
