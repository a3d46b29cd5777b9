/* How a key does at its exchange: the exchange's clock against ours, whether the key works, and what it may do there.
 * Asked by way of the relay, by calls that only read.
 *
 * What was found is JSON, which `doctor` prints as it is or in words:
 *
 *     key, profile, environment
 *     clock    {state: right|off|wrong|unknown, ahead_ms, uncertain_ms, by}      ours against theirs
 *     check    {state: works|fails|not-asked|unknown, trouble, status, said}     trouble: of exchange/doctor.h
 *     rights   {state: told|not-told, withdraws, transfers, trades, is_bound, expires}   each may be null: not told
 *     advice   [{level: ill|warning, text}]
 *     verdict  well|warning|ill */
#ifndef CH_CLI_EXAMINATION_H
#define CH_CLI_EXAMINATION_H

#include "cli/relay_client.h"
#include "exchange/profile.h"

typedef struct ch_patient {
    const char *key;
    const char *key_id;      /* the exchange's name of it; "": it is not known */
    const char *environment; /* its name */
    const ch_profile *profile;
} ch_patient;

/* CH_UNAVAILABLE if no relay answers; CH_NOT_FOUND if the profile says nothing to ask in that environment. On CH_OK the
 * caller owns `*out`.
 */
CH_CHECKED ch_status ch_examine(const ch_relay_client *client, const ch_patient *patient, json_t **out, ch_error *err);

#endif
