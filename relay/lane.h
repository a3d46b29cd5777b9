/* libcurl's transfers in the loop: a lane is one multi handle, with its own connections.
 *
 * A transfer's end is told from the loop, never from within a call of libcurl's or of the caller's. One thread. */
#ifndef CH_RELAY_LANE_H
#define CH_RELAY_LANE_H

#include "base/loop.h"

#include <curl/curl.h>

typedef struct ch_lane ch_lane;

/* The caller's memory, from ch_lane_start until on_done or ch_lane_stop. */
typedef struct ch_transfer {
    CURL *easy;
    void (*on_done)(void *context, CURLcode code);
    void *context;
    ch_lane *lane; /* NULL: it is in none */
} ch_transfer;

/* At most `connections_max` are kept for later. */
CH_CHECKED ch_status ch_lane_new(ch_loop *loop, long connections_max, ch_lane **out, ch_error *err);
/* No transfer may be left. */
void ch_lane_free(ch_lane *lane);

/* An easy handle with what all our transfers have in common; NULL if libcurl has none. Free with curl_easy_cleanup. */
CURL *ch_lane_easy(void);

void ch_lane_start(ch_lane *lane, ch_transfer *transfer);
/* Ends it without on_done. Must not be called from within a callback of its own. */
void ch_lane_stop(ch_transfer *transfer);
/* Goes on with a transfer that was paused by its write callback. */
void ch_lane_resume(ch_transfer *transfer);

#endif
