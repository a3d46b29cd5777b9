/* A digest that libcrypto does not have is NULL here, and a failure when a filter needs it. */
#include "exchange/scratch.h"

#include "base/memory.h"

#include <openssl/evp.h>
#include <stdlib.h>

ch_scratch *ch_scratch_new(void)
{
    static const char *const names[CH_DIGEST_COUNT] = {"SHA2-256", "SHA2-384", "SHA2-512"};
    ch_scratch *scratch = ch_alloc(sizeof *scratch);
    for (size_t i = 0; i < CH_DIGEST_COUNT; i++)
        scratch->digests[i] = EVP_MD_fetch(NULL, names[i], NULL);
    scratch->context = EVP_MD_CTX_new();
    return scratch;
}

void ch_scratch_free(ch_scratch *scratch)
{
    if (scratch == NULL)
        return;
    for (size_t i = 0; i < CH_DIGEST_COUNT; i++)
        EVP_MD_free(scratch->digests[i]);
    EVP_MD_CTX_free(scratch->context);
    ch_buffer_free(&scratch->steps[0]);
    ch_buffer_free(&scratch->steps[1]);
    ch_buffer_free(&scratch->json);
    free(scratch);
}
