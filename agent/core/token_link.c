/* The queue lives here, not in the token process: so cancels overtake, the bound holds, and a dead module loses only
 * what it was given. It is given a little ahead, so that no worker is without work while core and the front have their
 * turn. */
#include "agent/core/core.h"
#include "base/memory.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PACKET_WORK_NS 130000           /* a packet of more jobs than one takes no more */
#define AHEAD_WORK_NS 3000000           /* what each worker is given ahead, and so a cancel waits for */
#define PACKET_FILL (CH_PACKET_MAX / 2) /* what is begun below this fits */

const char *ch_token_state_name(ch_token_state state)
{
    static const char *const names[CH_TOKEN_STATE_COUNT] = {"absent", "locked", "unlocked"};
    return names[state];
}

void ch_link_init(ch_core *core, size_t index)
{
    ch_link *link = &core->links[index];
    *link = (ch_link){.core = core, .config = &core->config.tokens[index], .trial = CH_SECRET_INIT};
    ch_process_init(&link->process, "token");
    for (size_t i = 0; i < core->policy.key_count; i++)
        link->key_count += core->policy.keys[i].token == index;
    link->keys = ch_alloc(link->key_count * sizeof *link->keys);
    link->policy_keys = ch_alloc(link->key_count * sizeof *link->policy_keys);
    for (size_t i = 0; i < core->policy.key_count; i++) {
        const ch_key *key = &core->policy.keys[i];
        if (key->token == index)
            link->policy_keys[key->token_key] = key;
    }
}

/* ---- life of the process ---- */

/* Tells the keys from `first` on, as many as half a packet takes; returns the one behind the last, 0 on failure. */
static size_t add_keys(const ch_link *link, ch_buffer *out, size_t first, ch_error *err)
{
    size_t begin = ch_frame_begin(out, CH_FRAME_TOKEN_KEYS, 0);
    size_t count_at = out->size;
    ch_frame_u16(out, 0);
    size_t last = first;
    for (; last < link->key_count && out->size - begin < PACKET_FILL; last++) {
        ch_frame_text(out, link->policy_keys[last]->object_uri);
        ch_frame_text(out, ch_scheme_mechanism(link->policy_keys[last]->scheme));
    }
    uint16_t count = (uint16_t)(last - first);
    memcpy(out->data + count_at, &count, sizeof count);
    return ch_frame_end(out, begin, err) == CH_OK ? last : 0;
}

static ch_status send_start(ch_link *link, ch_error *err)
{
    ch_buffer *out = ch_channel_out(&link->process.channel);
    size_t begin = ch_frame_begin(out, CH_FRAME_TOKEN_START, 0);
    ch_frame_u32(out, CH_FRAME_VERSION);
    ch_frame_text(out, link->config->module);
    ch_frame_text(out, link->config->uri);
    ch_frame_u32(out, link->config->workers);
    ch_frame_u16(out, (uint16_t)link->key_count);
    ch_status st = ch_frame_end(out, begin, err);
    for (size_t told = 0; st == CH_OK && told < link->key_count;) {
        told = add_keys(link, out, told, err);
        if (told == 0)
            return err->status;
    }
    return st == CH_OK ? ch_channel_flush(&link->process.channel, err) : st;
}

void ch_link_keep_up(ch_link *link, uint64_t now_ms)
{
    ch_error err = CH_ERROR_INIT;
    if (ch_process_is_up(&link->process) || now_ms < link->process.restart_at_ms)
        return;
    ch_status st = ch_process_start(&link->process, now_ms, &err);
    size_t index = (size_t)(link - link->core->links);
    if (st == CH_OK)
        st = ch_core_watch(link->core, link->process.channel.fd, CH_TAG(CH_TAG_LINK, index), &err);
    if (st == CH_OK)
        st = send_start(link, &err);
    if (st != CH_OK)
        ch_link_down(link, err.message);
}

static void fail_jobs(ch_link *link, bool is_sent, const ch_error *err)
{
    ch_core *core = link->core;
    for (size_t i = 0; i < CH_JOBS_MAX; i++) {
        ch_job *job = &core->jobs[i];
        if (job->is_used && &core->links[job->key->token] == link && (job->sent_ms != 0) == is_sent)
            ch_sign_failed(core, job, err);
    }
}

static void fail_queued(ch_link *link, const ch_error *err)
{
    fail_jobs(link, false, err);
    link->urgent = (ch_queue){0};
    link->normal = (ch_queue){0};
}

static void end_login(ch_link *link, const ch_error *outcome)
{
    ch_operator_session *session = link->operator_session;
    link->is_login_pending = false;
    link->operator_session = NULL;
    if (session != NULL)
        ch_operator_answer(session, outcome);
}

void ch_link_down(ch_link *link, const char *why)
{
    ch_error err = CH_ERROR_INIT;
    ch_log("token '%s': process ended (%s); starting it again", link->config->name, why);
    ch_process_end(&link->process, ch_clock_ms());
    link->state = CH_TOKEN_ABSENT;
    if (link->detail.status == CH_OK)
        (void)ch_fail(&link->detail, CH_UNAVAILABLE, "the token process is being restarted");
    for (size_t i = 0; i < link->key_count; i++)
        link->keys[i].is_known = false;
    ch_secret_wipe(&link->trial);
    link->in_flight = 0;
    link->work_ns = 0;
    (void)ch_fail(&err, CH_UNAVAILABLE, "the process of token '%s' ended while it signed; try again",
                  link->config->name);
    fail_jobs(link, true, &err);
    if (link->is_login_pending)
        end_login(link, &err);
    if (link->pin.data == NULL)
        fail_queued(link, &link->detail);
}

/* ---- login ---- */

static ch_status send_login(ch_link *link, const ch_secret *pin, ch_error *err)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    int fd = -1;
    ch_status st = ch_secret_to_pipe(pin, &fd, err);
    if (st != CH_OK)
        return st;
    size_t begin = ch_frame_begin(&packet, CH_FRAME_LOGIN, 0);
    st = ch_frame_end(&packet, begin, err);
    if (st == CH_OK)
        st = ch_channel_send_fd(&link->process.channel, &packet, fd, err);
    (void)close(fd);
    return st;
}

/* A token process that came up anew is logged in again with the PIN that was kept for it. */
static void log_in_again(ch_link *link)
{
    ch_error err = CH_ERROR_INIT;
    link->is_login_pending = true;
    if (send_login(link, &link->pin, &err) != CH_OK)
        ch_link_down(link, err.message);
}

void ch_link_unlock(ch_link *link, ch_secret *pin, ch_operator_session *session)
{
    ch_error err = CH_ERROR_INIT;
    ch_status st = CH_OK;
    const char *name = link->config->name;
    if (link->is_login_pending)
        st = ch_fail(&err, CH_CONFLICT, "token '%s' is being unlocked already", name);
    else if (link->state == CH_TOKEN_UNLOCKED)
        st = ch_fail(&err, CH_CONFLICT, "token '%s' is unlocked already", name);
    else if (link->state == CH_TOKEN_ABSENT)
        st = ch_fail(&err, CH_UNAVAILABLE, "token '%s' is absent: %s", name,
                     link->detail.status == CH_OK ? "its process is starting; try again" : link->detail.message);
    if (st == CH_OK)
        st = send_login(link, pin, &err);
    if (st != CH_OK) {
        ch_secret_wipe(pin);
        ch_operator_answer(session, &err);
        return;
    }
    link->trial = *pin;
    *pin = (ch_secret)CH_SECRET_INIT;
    link->is_login_pending = true;
    link->operator_session = session;
}

void ch_link_lock(ch_link *link, ch_operator_session *session)
{
    ch_error err = CH_ERROR_INIT;
    ch_error locked = CH_ERROR_INIT;
    ch_secret_wipe(&link->pin);
    (void)ch_fail(&locked, CH_LOCKED, "token '%s' was locked", link->config->name);
    fail_queued(link, &locked);
    if (link->is_login_pending) {
        /* The login's outcome would be lost in the logout's; a fresh process is locked for sure. */
        ch_link_down(link, "locked during a login");
        ch_operator_answer(session, &err);
        return;
    }
    if (link->state != CH_TOKEN_UNLOCKED) {
        ch_operator_answer(session, &err);
        return;
    }
    link->state = CH_TOKEN_LOCKED;
    ch_buffer *out = ch_channel_out(&link->process.channel);
    size_t begin = ch_frame_begin(out, CH_FRAME_LOGOUT, 0);
    ch_status st = ch_frame_end(out, begin, &err);
    if (st == CH_OK)
        st = ch_channel_flush(&link->process.channel, &err);
    link->is_login_pending = true;
    link->operator_session = session;
    if (st != CH_OK)
        ch_link_down(link, err.message);
}

static void on_login_done(ch_link *link, ch_frame *frame)
{
    ch_error outcome = CH_ERROR_INIT;
    ch_status st = ch_frame_read_error(frame, &outcome);
    bool is_ours = link->operator_session == NULL;
    if (st == CH_OK && link->trial.data != NULL && link->config->may_relogin) {
        ch_secret_wipe(&link->pin);
        link->pin = link->trial;
        link->trial = (ch_secret)CH_SECRET_INIT;
    }
    ch_secret_wipe(&link->trial);
    if (st != CH_OK && is_ours) {
        /* Never a second try with a PIN that did not do: the token counts. */
        ch_secret_wipe(&link->pin);
        link->detail = outcome;
        fail_queued(link, &outcome);
    }
    ch_log("token '%s': %s%s%s", link->config->name, is_ours ? "login again " : "",
           st == CH_OK ? ch_token_state_name(link->state) : "failed: ", st == CH_OK ? "" : outcome.message);
    end_login(link, &outcome);
}

/* ---- frames from the token process ---- */

static void on_token_state(ch_link *link, ch_frame *frame)
{
    uint8_t state = ch_frame_read_u8(frame);
    ch_error reason = CH_ERROR_INIT;
    (void)!ch_frame_read_error(frame, &reason);
    link->state = state < CH_TOKEN_STATE_COUNT ? (ch_token_state)state : CH_TOKEN_ABSENT;
    link->detail = reason;
    if (link->state == CH_TOKEN_ABSENT)
        ch_log("token '%s': absent: %s", link->config->name, reason.message);
    else if (link->state == CH_TOKEN_LOCKED && link->pin.data != NULL && !link->is_login_pending)
        log_in_again(link);
}

static void on_key_state(ch_link *link, ch_frame *frame)
{
    size_t index = ch_frame_read_u16(frame);
    ch_error problem = CH_ERROR_INIT;
    ch_status st = ch_frame_read_error(frame, &problem);
    if (index >= link->key_count)
        return;
    link->keys[index] = (ch_key_state){.is_known = true, .problem = problem};
    if (st != CH_OK)
        ch_log("key '%s': not usable: %s", link->policy_keys[index]->name, problem.message);
}

static void on_signature(ch_link *link, ch_frame *frame)
{
    ch_core *core = link->core;
    ch_job *job = ch_job_find(core, frame->id);
    if (job == NULL || &core->links[job->key->token] != link || job->sent_ms == 0)
        return; /* not a job that it has */
    link->in_flight--;
    link->work_ns -= job->cost_ns;
    ch_error err = CH_ERROR_INIT;
    ch_frame peek = *frame;
    if (ch_frame_read_u32(&peek) == CH_OK) {
        link->keys[job->key->token_key].cost_ns = ch_frame_read_u32(&peek);
        ch_payloads signatures = {.count = ch_frame_read_u8(&peek)};
        for (size_t i = 0; i < signatures.count && i < CH_JOB_PAYLOADS_MAX; i++)
            signatures.items[i] = ch_frame_read_bytes(&peek);
        if (ch_frame_done(&peek) && signatures.count == job->messages.count) {
            ch_sign_done(core, job, &signatures);
            return;
        }
    }
    if (ch_frame_read_error(frame, &err) == CH_OK)
        (void)ch_fail(&err, CH_INTERNAL, "the token process sent a malformed signature");
    if (err.status == CH_UNAVAILABLE)
        link->detail = err;
    (void)ch_error_wrap(&err, "signing with key '%s'", job->key->name);
    ch_sign_failed(core, job, &err);
}

static bool on_frame(ch_link *link, ch_frame *frame)
{
    switch (frame->type) {
    case CH_FRAME_SIGNATURE:
        on_signature(link, frame);
        return true;
    case CH_FRAME_TOKEN_STATE:
        on_token_state(link, frame);
        return true;
    case CH_FRAME_KEY_STATE:
        on_key_state(link, frame);
        return true;
    case CH_FRAME_LOGIN_DONE:
        on_login_done(link, frame);
        return true;
    default:
        return false;
    }
}

void ch_link_receive(ch_link *link)
{
    ch_error err = CH_ERROR_INIT;
    ch_slice packet;
    int fd = -1;
    if (!ch_process_is_up(&link->process))
        return;
    ch_status st = ch_channel_receive(&link->process.channel, &packet, &fd, &err);
    if (fd >= 0)
        (void)close(fd);
    ch_frame frame;
    while (st == CH_OK && ch_process_is_up(&link->process) && ch_frame_next(&packet, &frame)) {
        if (!on_frame(link, &frame))
            st = ch_fail(&err, CH_INTERNAL, "it sent frame %u, which is not its to send", frame.type);
    }
    if (st == CH_OK && ch_process_is_up(&link->process) && packet.size != 0)
        st = ch_fail(&err, CH_INTERNAL, "it sent a malformed packet");
    bool is_device_gone = ch_process_is_up(&link->process) && link->detail.status == CH_UNAVAILABLE;
    if (st != CH_OK || is_device_gone)
        ch_link_down(link, st != CH_OK ? err.message : link->detail.message);
}

/* ---- jobs ---- */

ch_status ch_link_accepts(const ch_link *link, const ch_key *key, ch_error *err)
{
    const ch_key_state *state = &link->keys[key->token_key];
    const char *name = link->config->name;
    bool is_coming_back = link->pin.data != NULL; /* its process is being restarted: what waits is served then */
    if (link->urgent.count + link->normal.count + link->in_flight >= CH_QUEUE_MAX)
        return ch_fail(err, CH_BUSY, "%d requests wait for token '%s'; try again in a moment", CH_QUEUE_MAX, name);
    if (link->state == CH_TOKEN_UNLOCKED && state->is_known && state->problem.status != CH_OK) {
        *err = state->problem;
        return ch_error_wrap(err, "key '%s'", key->name);
    }
    if (link->state == CH_TOKEN_UNLOCKED || is_coming_back)
        return CH_OK;
    if (link->state == CH_TOKEN_LOCKED)
        return ch_fail(err, CH_LOCKED, "token '%s' is locked; an operator unlocks it with: chancery unlock %s", name,
                       name);
    return ch_fail(err, CH_UNAVAILABLE, "token '%s' is absent: %s", name,
                   link->detail.status == CH_OK ? "its process is starting" : link->detail.message);
}

void ch_link_enqueue(ch_link *link, ch_job *job)
{
    ch_queue_push(link->core, job->is_urgent ? &link->urgent : &link->normal, job);
}

static ch_status add_job_frame(ch_link *link, ch_job *job, ch_error *err)
{
    ch_buffer *out = ch_channel_out(&link->process.channel);
    size_t begin = ch_frame_begin(out, CH_FRAME_JOB, ch_job_id(link->core, job));
    ch_frame_u16(out, job->key->token_key);
    ch_frame_u8(out, (uint8_t)job->messages.count);
    for (size_t i = 0; i < job->messages.count; i++)
        ch_frame_bytes(out, job->messages.items[i]);
    return ch_frame_end(out, begin, err);
}

static uint32_t expected_cost(const ch_link *link, const ch_job *job)
{
    uint32_t cost_ns = link->keys[job->key->token_key].cost_ns;
    return cost_ns == 0 ? AHEAD_WORK_NS : cost_ns; /* nothing is known of the first: it may be a slow token's */
}

/* A packet of at most `count` jobs. */
static void add_batch(ch_link *link, size_t count, uint64_t now_ms)
{
    ch_error err = CH_ERROR_INIT;
    uint64_t begun_ns = link->work_ns;
    for (size_t i = 0; i < count && ch_channel_out(&link->process.channel)->size < PACKET_FILL; i++) {
        ch_job *job = ch_queue_pop(link->core, &link->urgent);
        if (job == NULL)
            job = ch_queue_pop(link->core, &link->normal);
        if (job == NULL)
            return;
        if (add_job_frame(link, job, &err) != CH_OK) {
            ch_sign_failed(link->core, job, &err);
            continue;
        }
        job->sent_ms = now_ms;
        job->cost_ns = expected_cost(link, job);
        link->in_flight++;
        link->work_ns += job->cost_ns;
        if (link->work_ns - begun_ns + job->cost_ns > PACKET_WORK_NS)
            return;
    }
}

/* Each worker has a job, or more as long as they are quick. */
static bool has_room(const ch_link *link)
{
    return link->in_flight < link->config->workers || link->work_ns < link->config->workers * (uint64_t)AHEAD_WORK_NS;
}

/* Quick jobs share a packet, for each packet costs system calls; but not all go in one, so that the token is at work on
 * the first while core finishes others. A slow one goes to whichever worker is free. */
void ch_link_dispatch(ch_link *link, uint64_t now_ms)
{
    ch_error err = CH_ERROR_INIT;
    size_t parts = 2 * (size_t)link->config->workers;
    size_t share = (link->urgent.count + link->normal.count + parts - 1) / parts;
    bool is_blocked = ch_process_is_up(&link->process) && ch_channel_is_blocked(&link->process.channel);
    if (is_blocked && ch_channel_flush(&link->process.channel, &err) != CH_OK)
        ch_link_down(link, err.message);
    while (link->state == CH_TOKEN_UNLOCKED && link->urgent.count + link->normal.count > 0 && has_room(link)) {
        add_batch(link, share, now_ms);
        if (ch_channel_flush(&link->process.channel, &err) != CH_OK)
            ch_link_down(link, err.message);
    }
}

void ch_link_check_time(ch_link *link, uint64_t now_ms)
{
    ch_core *core = link->core;
    for (size_t i = 0; i < CH_JOBS_MAX; i++) {
        const ch_job *job = &core->jobs[i];
        if (job->is_used && &core->links[job->key->token] == link && job->sent_ms != 0 &&
            now_ms - job->sent_ms > CH_JOB_TIMEOUT_MS) {
            ch_link_down(link, "it did not answer in time");
            return;
        }
    }
    bool is_down_long = !ch_process_is_up(&link->process) && link->process.quick_deaths > 2;
    if (is_down_long)
        fail_queued(link, &link->detail);
}
