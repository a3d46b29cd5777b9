/* What a policy exposes as JSON, for programs. */
#ifndef CH_CLI_EXPOSURE_JSON_H
#define CH_CLI_EXPOSURE_JSON_H

#include "policy/exposure.h"

#include <jansson.h>

/* {"caller", "ways": [...], "value": {"hour": {"bounded", "at_most": [{"amount", "asset"}], "limits",
 * "unbounded_because"}, "day": ...}, "loss", "fees", and "withdrawal", "withdrawal_with_people" and so on, and
 * "leverage", if there are any}. `caller` is NULL for all. The caller of this owns the reference. */
json_t *ch_exposure_json(const ch_exposure *exposure, const char *caller);

#endif
