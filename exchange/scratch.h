/* Working memory of templates, so that running one allocates nothing that an earlier run did not leave. One for each
 * thread; any number of drafts of that thread may share it. */
#ifndef CH_EXCHANGE_SCRATCH_H
#define CH_EXCHANGE_SCRATCH_H

#include "base/buffer.h"

#include <openssl/types.h>

typedef enum ch_digest { CH_DIGEST_SHA256, CH_DIGEST_SHA384, CH_DIGEST_SHA512, CH_DIGEST_COUNT } ch_digest;

/* For template.c, filters.c and styles.c; all others only pass it on. */
typedef struct ch_scratch {
    EVP_MD *digests[CH_DIGEST_COUNT]; /* fetched once: fetching takes longer than the hash itself */
    EVP_MD_CTX *context;
    ch_buffer steps[2]; /* what goes from one filter to the next */
    ch_buffer json;     /* a list or object that a form holds */
} ch_scratch;

/* Never NULL. Free with ch_scratch_free (NULL is fine). */
ch_scratch *ch_scratch_new(void);
void ch_scratch_free(ch_scratch *scratch);

#endif
