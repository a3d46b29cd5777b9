/* Requests that policy has prepared: those by which a key is flattened (docs/policy.md), which a person may have signed
 * while trading is frozen. They are read with the policy and never change. Thread-safe, as far as the arguments are. */
#ifndef CH_POLICY_PREPARED_H
#define CH_POLICY_PREPARED_H

#include "base/buffer.h"
#include "exchange/request.h"

#define CH_FLATTEN_MAX 64 /* requests of a key */

typedef struct ch_prepared {
    char *method;
    char *host; /* NULL: not given */
    char *path;
    ch_param *params; /* views into `texts` */
    size_t param_count;
    char **texts;
    size_t text_count;
} ch_prepared;

/* Frees what it holds. */
void ch_prepared_free(ch_prepared *prepared);

/* Returns a view of the request, as it is before ch_endpoint_check. `params` must have room for `param_count`. */
ch_request ch_prepared_request(const ch_prepared *prepared, ch_param *params);

/* Appends the request in one line, such as "DELETE /api/v3/openOrders symbol='BTCUSDT'". Two requests that are printed
 * alike are the same. */
void ch_prepared_print(const ch_prepared *prepared, ch_buffer *out);

#endif
