/* Policies as files, to look at them where their agent need not run. */
#ifndef CH_CLI_POLICY_FILE_H
#define CH_CLI_POLICY_FILE_H

#include "cli/options.h"
#include "policy/policy.h"

#include <jansson.h>

#define ch_autopolicy __attribute__((cleanup(ch_policy_free))) ch_policy

/* Loads the policy at `path`; NULL: at --policy, or else that of --config or of the agent's usual agent.yaml. Profiles
 * are those of --profiles, else of agent.yaml, else the installed ones. Tokens are looked up only with --config. Free
 * it also after a failure. */
CH_CHECKED ch_status ch_policy_open(const ch_arguments *arguments, const char *path, ch_policy *out, ch_error *err);

/* CH_NOT_FOUND lists those that there are. */
CH_CHECKED ch_status ch_policy_find_caller(const ch_policy *policy, const char *name, size_t *out, ch_error *err);
CH_CHECKED ch_status ch_policy_require_key(const ch_policy *policy, const char *name, const ch_key **out,
                                           ch_error *err);

/* --at, else now, as ns since 1970. */
CH_CHECKED ch_status ch_option_time(const ch_arguments *arguments, uint64_t *now_ns, ch_error *err);
/* "2027-01-31T09:30:00Z", with or without parts of a second. False if it is none. */
bool ch_time_read(const char *text, uint64_t *ns);

/* ---- words and figures ---- */

/* Appends it with its thousands apart: "1,200,000.5". */
void ch_add_figure(ch_buffer *out, ch_decimal number);
/* Appends a ratio as "0.5 %". */
void ch_add_percent(ch_buffer *out, ch_decimal ratio);
/* Appends "a, b and c", one after the other; `*count` begins at 0, and `last` says that no other follows. */
void ch_add_listed(ch_buffer *out, const char *text, size_t *count, bool is_last);
/* Exact, as text. */
json_t *ch_decimal_json(ch_decimal number);

#endif
