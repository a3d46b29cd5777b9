/* The forms of a request. They differ in how they are read and how their payload is built; all other steps are the
 * same.
 *
 *   typed    read: the values of the frame            build: by the profile's recipe, with time and nonce of now
 *   string   read: the SDK's string, backwards        build: the same recipe must make the very same string
 *   raw      read: nothing                            build: the bytes as they are
 *   wire     read: an SDK's request, undone           build: as if it were typed (form_wire.h)
 *
 * Core's thread only. */
#ifndef CH_AGENT_CORE_FORMS_H
#define CH_AGENT_CORE_FORMS_H

#include "agent/core/form_wire.h"
#include "agent/core/jobs.h"
#include "exchange/scratch.h"
#include "state/nonces.h"

/* Fills in job->request, whose parameters are not checked yet. Returns CH_BAD_INPUT if it cannot be read. */
CH_CHECKED ch_status ch_form_read(ch_job *job, ch_scratch *scratch, const ch_form_clock *clock, ch_error *err);

/* Adds the parameter by which a typed request keeps to the receive window of its key's policy, if it lacks it; before
 * the parameters are checked. */
void ch_form_add_window(ch_job *job);

/* Finds the receive window of the request, whose parameters are checked. CH_REFUSED: it is longer than its key's policy
 * lets it be. */
CH_CHECKED ch_status ch_form_find_window(ch_job *job, ch_error *err);

/* True if the request needs a nonce; then ch_form_build wants one to be claimed. */
bool ch_form_needs_nonce(const ch_job *job);

/* Fills in job->payloads, with the time `now` and the nonce that was claimed. */
CH_CHECKED ch_status ch_form_build(ch_job *job, ch_nonces *nonces, const ch_moment *now, ch_error *err);

#endif
