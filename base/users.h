/* What the numbers of users mean.
 *
 * In a user namespace, the kernel shows every user that the namespace does not map as one number, the overflow uid
 * (65534 unless /proc/sys/kernel says otherwise). Outside, that number is usually the user 'nobody', which strangers
 * share too. Either way it names nobody in particular. Thread-safe. */
#ifndef CH_BASE_USERS_H
#define CH_BASE_USERS_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

uid_t ch_overflow_uid(void);
gid_t ch_overflow_gid(void);

/* True if this process is in a user namespace that leaves users out. False also if /proc does not say. */
bool ch_is_in_user_namespace(void);

/* Finds the user `text`: a name, or a number. CH_NOT_FOUND if there is no user of that name. */
CH_CHECKED ch_status ch_user_find(const char *text, uid_t *out, ch_error *err);
/* The same for the group `text`. */
CH_CHECKED ch_status ch_group_find(const char *text, gid_t *out, ch_error *err);

#endif
