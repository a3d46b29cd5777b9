/* A token process that errs or lies, with a module that it does not load. It records LOGIN, LOGOUT and JOB in the order
 * in which core sent them, and each signature before it is sent. What it sends besides is FORGED, and no bot may get
 * that as an answer.
 *
 * The attack "none" does nothing wrong; "any" is another one in each life. */
#include "tests/hostile/hostile.h"

#include <string.h>
#include <unistd.h>

#define SIGNATURE_SIZE 32
#define FORGED 0xee
#define HELD_MAX 64
#define IDLE_MS 20
#define FLOOD 2000

typedef struct token {
    hostile self;
    uint16_t key_count;
    bool is_logged_in;
    uint64_t held[HELD_MAX]; /* jobs that are not answered yet */
    size_t held_count;
} token;

static ch_buffer *out_of(token *it)
{
    return ch_channel_out(&it->self.channel);
}

/* ---- frames ---- */

static void add_signatures(token *it, uint64_t job, size_t count, ch_slice signature)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_signature_frame answer = {.cost_ns = 5000};
    for (size_t i = 0; i < count; i++)
        ch_text_record_put(&answer.signatures, &records, &(ch_text_record){.bytes = signature});
    ch_ignore(ch_signature_frame_put(out_of(it), job, &answer, &err));
}

static void add_forged(token *it, uint64_t job, size_t count, size_t size)
{
    static uint8_t forged[60000];
    memset(forged, FORGED, sizeof forged);
    add_signatures(it, job, count, (ch_slice){forged, size < sizeof forged ? size : sizeof forged});
}

/* Records what it sends, in hexadecimal. */
static void answer_with(token *it, uint64_t job, ch_slice signature)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * CH_SIGNATURE_SIZE_MAX + 1] = "";
    for (size_t i = 0; i < signature.size; i++) {
        text[2 * i] = digits[signature.data[i] >> 4];
        text[2 * i + 1] = digits[signature.data[i] & 15];
    }
    hostile_record(&it->self, "signature %s", text);
    add_signatures(it, job, 1, signature);
}

static void answer(token *it, uint64_t job)
{
    uint8_t signature[SIGNATURE_SIZE];
    for (size_t i = 0; i < SIGNATURE_SIZE; i++)
        signature[i] = (uint8_t)dice_next(&it->self.chance);
    answer_with(it, job, (ch_slice){signature, sizeof signature});
}

static void add_key_states(token *it, const ch_error *problem, uint16_t first, uint16_t count)
{
    ch_error err = CH_ERROR_INIT;
    for (uint16_t i = 0; i < count; i++) {
        ch_key_state_frame state = {.key = (uint16_t)(first + i), .problem = *problem};
        ch_ignore(ch_key_state_frame_put(out_of(it), 0, &state, &err));
    }
}

static void add_login_done(token *it, const ch_error *outcome)
{
    ch_error err = CH_ERROR_INIT;
    ch_ignore(ch_login_done_frame_put(out_of(it), 0, &(ch_login_done_frame){.outcome = *outcome}, &err));
}

static void add_logout_done(token *it, const ch_error *outcome)
{
    ch_error err = CH_ERROR_INIT;
    ch_ignore(ch_logout_done_frame_put(out_of(it), 0, &(ch_logout_done_frame){.outcome = *outcome}, &err));
}

static void add_started(token *it, const ch_error *outcome)
{
    ch_error err = CH_ERROR_INIT;
    ch_ignore(ch_token_started_frame_put(out_of(it), 0, &(ch_token_started_frame){.outcome = *outcome}, &err));
}

static const ch_error fine = CH_ERROR_INIT;

static void log_in(token *it)
{
    add_key_states(it, &fine, 0, it->key_count);
    add_login_done(it, &fine);
}

static void log_out(token *it, uint64_t job)
{
    (void)job;
    add_logout_done(it, &fine);
}

static void find_keys(token *it, ch_records keys)
{
    ch_error err = CH_ERROR_INIT;
    ch_key_object_record key;
    while (ch_key_object_record_next(&keys, &key))
        add_key_states(it, &fine, key.index, 1);
    ch_ignore(ch_keys_found_frame_put(out_of(it), 0, &(ch_keys_found_frame){}, &err));
}

static void add_probed(token *it, const ch_error *outcome, uint8_t cause)
{
    ch_error err = CH_ERROR_INIT;
    ch_ignore(ch_probed_frame_put(out_of(it), 0, &(ch_probed_frame){.outcome = *outcome, .cause = cause}, &err));
}

static void say_well(token *it)
{
    add_probed(it, &fine, 0);
}

/* ---- attacks ---- */

static void say_unlocked(token *it)
{
    if (!it->is_logged_in)
        log_in(it);
}

static void unlock_again(token *it, uint64_t job)
{
    log_out(it, job);
    log_in(it);
}

static void say_locked(token *it)
{
    if (it->is_logged_in)
        add_logout_done(it, &fine);
}

static void answer_twice(token *it, uint64_t job)
{
    answer(it, job);
    add_forged(it, job, 1, SIGNATURE_SIZE);
}

static void answer_others(token *it, uint64_t job)
{
    const uint64_t ids[] = {0, job + (1U << 16), job + (UINT64_C(1) << 32), ~UINT64_C(0), dice_next(&it->self.chance)};
    answer(it, job);
    if (dice_chance(&it->self.chance, 10))
        add_forged(it, ids[dice_below(&it->self.chance, sizeof ids / sizeof *ids)], 1, SIGNATURE_SIZE);
}

static void answer_in_part(token *it, uint64_t job)
{
    const size_t counts[] = {0, 2, 3, 700};
    add_forged(it, job, counts[dice_below(&it->self.chance, sizeof counts / sizeof *counts)], SIGNATURE_SIZE);
}

/* A signature of any length is the token's own affair, as long as it can be one. */
static void answer_at_length(token *it, uint64_t job)
{
    static const uint8_t zeros[CH_SIGNATURE_SIZE_MAX];
    const size_t wrong[] = {0, CH_SIGNATURE_SIZE_MAX + 1, 20000, 60000};
    if (dice_chance(&it->self.chance, 90))
        answer_with(it, job, (ch_slice){zeros, 1 + dice_below(&it->self.chance, sizeof zeros)});
    else
        add_forged(it, job, 1, wrong[dice_below(&it->self.chance, sizeof wrong / sizeof *wrong)]);
}

static void hold(token *it, uint64_t job)
{
    if (it->held_count < HELD_MAX)
        it->held[it->held_count++] = job;
}

/* Answers only now, and half of it after it has logged out. */
static void answer_late(token *it, uint64_t job)
{
    for (size_t i = 0; i < it->held_count; i++) {
        if (i == it->held_count / 2)
            log_out(it, job);
        answer(it, it->held[i]);
    }
    if (it->held_count == 0)
        log_out(it, job);
    it->held_count = 0;
}

static void fail_wildly(token *it, uint64_t job)
{
    ch_error err = CH_ERROR_INIT;
    ch_job_failed_frame failed = {.why = hostile_error(&it->self),
                                  .cause = (uint8_t)dice_below(&it->self.chance, CH_FAULT_COUNT + 1)};
    ch_ignore(ch_job_failed_frame_put(out_of(it), job, &failed, &err));
}

static void log_in_wildly(token *it)
{
    ch_error problem = hostile_error(&it->self);
    add_key_states(it, &problem, 0, it->key_count);
    add_login_done(it, dice_chance(&it->self.chance, 70) ? &fine : &problem);
}

static void log_out_wildly(token *it, uint64_t job)
{
    (void)job;
    ch_error problem = hostile_error(&it->self);
    add_logout_done(it, &problem);
}

static void start_wildly(token *it)
{
    ch_error problem = hostile_error(&it->self);
    add_started(it, dice_chance(&it->self.chance, 70) ? &fine : &problem);
}

static void probe_wildly(token *it)
{
    ch_error problem = hostile_error(&it->self);
    if (dice_chance(&it->self.chance, 50))
        say_well(it);
    else
        add_probed(it, &problem, (uint8_t)dice_below(&it->self.chance, CH_FAULT_COUNT + 1));
}

/* Each problem is a line in core's log. */
static void flood_with_states(token *it)
{
    for (int i = 0; i < FLOOD; i++) {
        ch_error problem = hostile_error(&it->self);
        add_key_states(it, &problem, 0, it->key_count);
        hostile_try_send(&it->self, IDLE_MS);
    }
    log_in(it);
}

static void sleep_for_ever(token *it)
{
    (void)it;
    for (;;)
        hostile_pause(1000);
}

static void hang(token *it, uint64_t job)
{
    (void)job;
    sleep_for_ever(it);
}

static void log_in_and_sleep(token *it)
{
    log_in(it);
    hostile_send(&it->self);
    sleep_for_ever(it);
}

static void be_slow(token *it)
{
    (void)it;
    hostile_pause(150);
}

static void be_rude(token *it)
{
    hostile_send(&it->self);
    if (dice_chance(&it->self.chance, 10))
        hostile_be_rude(&it->self);
}

static void send_anything(token *it)
{
    if (dice_chance(&it->self.chance, 10))
        hostile_add_any(&it->self, CH_TOKEN_TO_CORE);
}

static void spoil_answer(token *it, uint64_t job)
{
    if (dice_chance(&it->self.chance, 90)) {
        answer(it, job);
        return;
    }
    hostile_send(&it->self);
    add_signatures(it, job, 1, CH_LITERAL("spoiled"));
    hostile_spoil(&it->self);
}

typedef struct attack {
    const char *name;
    void (*start)(token *it); /* each NULL: as it should be */
    void (*login)(token *it); /* and what it does if it must look for keys */
    void (*logout)(token *it, uint64_t unused);
    void (*job)(token *it, uint64_t job);
    void (*idle)(token *it);
    void (*probe)(token *it);
} attack;

/* clang-format off */
static const attack attacks[] = {
    /* name           start           login              logout          job               idle           probe */
    { "none",         NULL,           NULL,              NULL,           NULL,             NULL,          NULL         },
    { "unlocked",     NULL,           NULL,              NULL,           NULL,             say_unlocked,  NULL         },
    { "relocked",     NULL,           NULL,              unlock_again,   NULL,             NULL,          NULL         },
    { "locked",       NULL,           NULL,              NULL,           NULL,             say_locked,    NULL         },
    { "twice",        NULL,           NULL,              NULL,           answer_twice,     NULL,          NULL         },
    { "others",       NULL,           NULL,              NULL,           answer_others,    NULL,          NULL         },
    { "part",         NULL,           NULL,              NULL,           answer_in_part,   NULL,          NULL         },
    { "length",       NULL,           NULL,              NULL,           answer_at_length, NULL,          NULL         },
    { "late",         NULL,           NULL,              answer_late,    hold,             NULL,          NULL         },
    { "wild",         start_wildly,   log_in_wildly,     log_out_wildly, fail_wildly,      NULL,          probe_wildly },
    { "states",       NULL,           flood_with_states, NULL,           NULL,             NULL,          NULL         },
    { "deaf",         NULL,           log_in_and_sleep,  NULL,           NULL,             NULL,          NULL         },
    { "slow",         NULL,           NULL,              NULL,           NULL,             be_slow,       NULL         },
    { "start-hangs",  sleep_for_ever, NULL,              NULL,           NULL,             NULL,          NULL         },
    { "login-hangs",  NULL,           sleep_for_ever,    NULL,           NULL,             NULL,          NULL         },
    { "logout-hangs", NULL,           NULL,              hang,           NULL,             NULL,          NULL         },
    { "job-hangs",    NULL,           NULL,              NULL,           hang,             NULL,          NULL         },
    { "rude",         NULL,           NULL,              NULL,           NULL,             be_rude,       NULL         },
    { "random",       NULL,           NULL,              NULL,           NULL,             send_anything, probe_wildly },
    { "spoiled",      NULL,           NULL,              NULL,           spoil_answer,     NULL,          NULL         },
};
/* clang-format on */

/* ---- the program ---- */

static void take_login(token *it, const attack *by, int fd)
{
    char pin[256];
    hostile_record(&it->self, "login");
    if (fd >= 0 && read(fd, pin, sizeof pin) < 0)
        return;
    it->is_logged_in = true;
    (by->login == NULL ? log_in : by->login)(it);
}

static void take_find_keys(token *it, const attack *by, ch_frame *frame)
{
    ch_error err = CH_ERROR_INIT;
    ch_find_keys_frame find;
    if (ch_find_keys_frame_get(frame, &find, &err) != CH_OK)
        return;
    if (by->login == NULL)
        find_keys(it, find.keys);
    else
        by->login(it);
}

static void take_logout(token *it, const attack *by)
{
    hostile_record(&it->self, "logout");
    it->is_logged_in = false;
    (by->logout == NULL ? log_out : by->logout)(it, 0);
}

static void take_probe(token *it, const attack *by)
{
    (by->probe == NULL ? say_well : by->probe)(it);
}

static void take_job(token *it, const attack *by, ch_frame *frame)
{
    ch_error err = CH_ERROR_INIT;
    ch_job_frame job;
    ch_text_record payload = {0};
    if (ch_job_frame_get(frame, &job, &err) != CH_OK)
        return;
    ch_ignore(ch_text_record_next(&job.payloads, &payload));
    hostile_record(&it->self, "job %.*s", CH_SLICE_ARGS(payload.bytes));
    (by->job == NULL ? answer : by->job)(it, frame->id);
}

static void take_frame(token *it, const attack *by, ch_frame *frame, int fd)
{
    ch_error err = CH_ERROR_INIT;
    ch_token_start_frame start;
    switch (frame->type) {
    case CH_FRAME_TOKEN_START:
        if (ch_token_start_frame_get(frame, &start, &err) == CH_OK)
            it->key_count = start.key_count;
        if (by->start == NULL)
            add_started(it, &fine);
        else
            by->start(it);
        break;
    case CH_FRAME_LOGIN:
        take_login(it, by, fd);
        break;
    case CH_FRAME_FIND_KEYS:
        take_find_keys(it, by, frame);
        break;
    case CH_FRAME_LOGOUT:
        take_logout(it, by);
        break;
    case CH_FRAME_JOB:
        take_job(it, by, frame);
        break;
    case CH_FRAME_PROBE:
        take_probe(it, by);
        break;
    default:
        break;
    }
}

static void run(token *it, const attack *by)
{
    for (;;) {
        ch_packet packet;
        ch_frame frame;
        bool has_some = hostile_hear(&it->self, IDLE_MS, &packet);
        while (has_some && ch_frame_next(&packet.bytes, &frame))
            take_frame(it, by, &frame, packet.fd);
        if (has_some)
            ch_packet_close(&packet);
        if (by->idle != NULL)
            by->idle(it);
        hostile_try_send(&it->self, IDLE_MS);
    }
}

int main(void)
{
    static token it;
    const size_t count = sizeof attacks / sizeof *attacks;
    hostile_begin(&it.self, "CHANCERY_HOSTILE_TOKEN");
    hostile_record(&it.self, "life");
    if (strcmp(it.self.attack, "any") == 0)
        run(&it, &attacks[dice_below(&it.self.chance, count)]);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(attacks[i].name, it.self.attack) == 0)
            run(&it, &attacks[i]);
    }
    return 2;
}
