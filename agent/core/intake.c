#include "agent/core/intake.h"

#define RETRY_AFTER_S 1

ch_asker ch_asker_of(ch_intake *intake, uint64_t request)
{
    return (ch_asker){.intake = intake, .life = intake->life, .request = request};
}

ch_buffer *ch_asker_out(ch_asker asker)
{
    const ch_intake *intake = asker.intake;
    bool is_waiting = asker.life == intake->life && intake->channel->fd >= 0;
    return is_waiting ? ch_channel_out(intake->channel) : NULL;
}

void ch_asker_fail(ch_asker asker, ch_failed_frame *failed)
{
    ch_error ignored = CH_ERROR_INIT;
    ch_status st = failed->why.status;
    ch_buffer *out = ch_asker_out(asker);
    if (out == NULL)
        return;
    bool is_passing = st == CH_BUSY || st == CH_TOO_OFTEN || st == CH_UNAVAILABLE;
    if (is_passing && failed->retry_after_s == 0)
        failed->retry_after_s = RETRY_AFTER_S;
    /* An error fits a frame by its type, and so do figures. */
    ch_ignore(ch_failed_frame_put(out, asker.request, failed, &ignored));
}

void ch_asker_failed(ch_asker asker, const char *step, const ch_error *why)
{
    ch_failed_frame failed = {.why = *why, .step = ch_slice_of(step)};
    ch_asker_fail(asker, &failed);
}
