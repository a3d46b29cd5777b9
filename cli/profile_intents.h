/* What can be read of each call of a profile, as `chancery profile show --intents` prints it. */
#ifndef CH_CLI_PROFILE_INTENTS_H
#define CH_CLI_PROFILE_INTENTS_H

#include "cli/options.h"
#include "exchange/profile.h"

CH_CHECKED ch_status ch_profile_show_intents(const ch_arguments *arguments, const ch_profile *profile, ch_error *err);

#endif
