/* The folder of the exchanges' profiles. */
#ifndef CH_CLI_PROFILE_FOLDER_H
#define CH_CLI_PROFILE_FOLDER_H

#include "base/error.h"
#include "exchange/profile.h"

/* Loads each profile of `folder`, in the order of their names, and hands it to `take`, for as long as that call takes.
 * Whoever can change the files: this is to show what they say, not to sign by it. The first failure ends it. */
CH_CHECKED ch_status ch_profile_folder_each(const char *folder, void (*take)(void *context, const ch_profile *profile),
                                            void *context, ch_error *err);

#endif
