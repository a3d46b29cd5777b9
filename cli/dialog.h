/* A dialog with core: one frame over the operators' socket, and its answer. */
#ifndef CH_CLI_DIALOG_H
#define CH_CLI_DIALOG_H

#include "cli/options.h"
#include "wire/channel.h"

#define CH_DIALOG_WAIT_S 75  /* longer than core is ever silent: it gives up on a login after a minute */
#define CH_DIALOG_QUIET_S 10 /* after so long without a frame, the user hears that the agent is still at work */

#define auto_channel __attribute__((cleanup(ch_channel_close))) ch_channel

/* What may come before the outcome: a frame, and silence. */
typedef struct ch_dialog_part {
    ch_frame_type type;
    void *context;
    ch_status (*take)(void *context, ch_frame *frame, ch_error *err);
    const char *when_quiet; /* said once on standard error if nothing comes for CH_DIALOG_QUIET_S; NULL: nothing */
} ch_dialog_part;

/* Connects, and makes sure that it is the agent (cli/connect.h). Write the request to ch_channel_out(channel), and ask.
 */
CH_CHECKED ch_status ch_dialog_open(const ch_arguments *arguments, ch_channel *channel, ch_error *err);

/* Sends the request and waits for its outcome, which it returns. `part` may be NULL. On CH_OK, `err` holds what the
 * agent notes, or an empty message. CH_UNAVAILABLE if nothing comes for CH_DIALOG_WAIT_S. */
CH_CHECKED ch_status ch_dialog_ask(ch_channel *channel, const ch_dialog_part *part, ch_error *err);

#endif
