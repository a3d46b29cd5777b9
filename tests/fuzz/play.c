#include "tests/fuzz/play.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "state/prints.h"
#include "tests/fuzz/core.h"
#include "tests/fuzz/disk.h"
#include "tests/fuzz/frames.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/play_impl.h"
#include "tests/fuzz/told.h"

#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BOTS_MAX 4
#define JOBS_SEEN 64
#define NUMBERS_SEEN 8
#define TURNS_MAX 400
#define STATE_RETRY_MS 2500
#define LAST_STEPS 8 /* longer than a withdrawal waits for the disk */
#define LAST_STEP_MS 500
#define ANY_STATE ((ch_receiving)0xff)

/* The last numbers of their kind that core has told. */
typedef struct numbers {
    uint64_t items[NUMBERS_SEEN];
    size_t count; /* of all that were told */
} numbers;

/* What the front of this life has heard and asked. */
static struct {
    unsigned life;
    uint64_t connections[BOTS_MAX];
    size_t connection_count;
    numbers reservations;
    numbers requests; /* that wait for people */
    size_t asked;
    size_t answered;
} the_front;

/* What the token process of this life was given and has not answered. */
static struct {
    uint64_t jobs[JOBS_SEEN]; /* ids */
    size_t payloads[JOBS_SEEN];
    size_t job_count;
    bool may_get_jobs; /* it was asked to log in, and not to log out since */
    bool is_to_start;  /* it was asked to, and has not said that it did */
    bool logs_in_by_code;
    uint64_t lowest_step; /* of the code that it was asked about */
} the_token;

static int bots[BOTS_MAX];
static size_t bot_count;
static bool is_front_reading;

/* ---- what core sends ---- */

bool fuzz_receive(int fd, ch_direction direction, ch_packet *packet)
{
    static ch_channel channel; /* for its buffer */
    ch_error err = CH_ERROR_INIT;
    if (channel.incoming == NULL)
        channel.incoming = ch_alloc(CH_PACKET_MAX);
    channel.fd = fd;
    if (fd < 0 || ch_channel_receive(&channel, packet, &err) != CH_OK || packet->bytes.size == 0)
        return false;
    fuzz_check_packet(packet->bytes, direction, (ch_receiving)0xff);
    return true;
}

static bool send_packet(int fd, ch_slice packet)
{
    return fd >= 0 && send(fd, packet.data, packet.size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)packet.size;
}

static void pong(void)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    FUZZ_CHECK(ch_pong_frame_put(&packet, 0, &(ch_pong_frame){}, &err) == CH_OK);
    (void)send_packet(fuzz_the_stage.front.fd, ch_buffer_slice(&packet));
}

static void see_number(numbers *of, uint64_t number)
{
    if (number != 0)
        of->items[of->count++ % NUMBERS_SEEN] = number;
}

static void see_front_frame(const ch_frame *frame)
{
    see_number(&the_front.reservations, fuzz_reservation_of(frame));
    see_number(&the_front.requests, fuzz_request_of(frame));
    if (frame->type == CH_FRAME_CONNECTION && the_front.connection_count < BOTS_MAX)
        the_front.connections[the_front.connection_count++] = frame->id;
    else if (fuzz_is_answer(frame->type))
        the_front.answered++;
    else if (frame->type == CH_FRAME_PING)
        pong();
}

static void read_front(void)
{
    ch_packet packet;
    while (is_front_reading && fuzz_receive(fuzz_the_stage.front.fd, CH_CORE_TO_FRONT, &packet)) {
        for (ch_frame frame; ch_frame_next(&packet.bytes, &frame);)
            see_front_frame(&frame);
        if (packet.fd >= 0)
            close(packet.fd);
    }
}

/* No job without a login that core asked for, and none for a key that no bot here has a grant for. */
static void see_job(ch_frame frame)
{
    ch_job_frame job;
    ch_error err = CH_ERROR_INIT;
    FUZZ_CHECK(the_token.may_get_jobs);
    FUZZ_CHECK(ch_job_frame_get(&frame, &job, &err) == CH_OK);
    FUZZ_CHECK(job.key < fuzz_core_key_count());
    FUZZ_CHECK(strcmp(fuzz_core_key_name(job.key), "odd-other") != 0);
    FUZZ_CHECK(job.payloads.count > 0 && job.payloads.count <= CH_PAYLOADS_A_JOB);
    if (the_token.job_count == JOBS_SEEN)
        return;
    the_token.jobs[the_token.job_count] = frame.id;
    the_token.payloads[the_token.job_count++] = job.payloads.count;
}

static void answer_probe(void)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    FUZZ_CHECK(ch_probed_frame_put(&packet, 0, &(ch_probed_frame){.outcome = CH_ERROR_INIT}, &err) == CH_OK);
    (void)fuzz_token_send(ch_buffer_slice(&packet));
}

static void see_code(ch_frame frame)
{
    ch_code_frame code = {0};
    ch_login_code_frame login = {0};
    ch_error err = CH_ERROR_INIT;
    if (frame.type == CH_FRAME_CODE)
        FUZZ_CHECK(ch_code_frame_get(&frame, &code, &err) == CH_OK);
    else
        FUZZ_CHECK(ch_login_code_frame_get(&frame, &login, &err) == CH_OK);
    the_token.logs_in_by_code = frame.type == CH_FRAME_LOGIN_CODE;
    the_token.lowest_step = code.lowest_step + login.lowest_step;
}

static void see_token_frame(const ch_frame *frame)
{
    if (frame->type == CH_FRAME_PROBE)
        answer_probe();
    if (frame->type == CH_FRAME_JOB)
        see_job(*frame);
    if (frame->type == CH_FRAME_TOKEN_START)
        the_token.is_to_start = true;
    if (frame->type == CH_FRAME_CODE || frame->type == CH_FRAME_LOGIN_CODE)
        see_code(*frame);
    if (frame->type == CH_FRAME_LOGIN || frame->type == CH_FRAME_LOGOUT)
        the_token.may_get_jobs = frame->type == CH_FRAME_LOGIN;
}

static void read_tokens(void)
{
    ch_packet packet;
    for (size_t i = 0; i < FUZZ_TOKENS; i++) {
        while (fuzz_receive(fuzz_the_stage.tokens[i].fd, CH_CORE_TO_TOKEN, &packet)) {
            for (ch_frame frame; i == 0 && ch_frame_next(&packet.bytes, &frame);)
                see_token_frame(&frame);
            if (packet.fd >= 0)
                close(packet.fd);
        }
    }
}

void fuzz_turn(void)
{
    fuzz_core_turn();
    read_front();
    read_tokens();
    fuzz_relay_read();
    fuzz_operators_read();
}

void fuzz_pass_ms(uint64_t time_ms)
{
    fuzz_the_stage.now_ms += time_ms;
    fuzz_turn();
}

/* ---- sending ---- */

#define ID_AT 8 /* in a frame's header */
#define FIELDS_AT 16

static void patch_number(uint8_t *at, const numbers *told)
{
    fuzz_patch(at, told->items, told->count < NUMBERS_SEEN ? told->count : NUMBERS_SEEN);
}

/* Puts numbers that core has told in the place of small ones. */
static void patch_front_frame(const ch_frame *frame, uint8_t *begin)
{
    size_t size = (size_t)(frame->end - frame->at);
    if (frame->type == CH_FRAME_CLOSED)
        fuzz_patch(begin + ID_AT, the_front.connections, the_front.connection_count);
    else if (fuzz_names_connection(frame->type) && size >= 8)
        fuzz_patch(begin + FIELDS_AT, the_front.connections, the_front.connection_count);
    if (frame->type == CH_FRAME_RELEASE && size >= 16)
        patch_number(begin + FIELDS_AT + 8, &the_front.reservations);
    else if (fuzz_names_request(frame->type) && size >= 16)
        patch_number(begin + FIELDS_AT + 8, &the_front.requests);
}

bool fuzz_front_send(ch_slice packet)
{
    ch_autobuffer bytes = CH_BUFFER_INIT;
    ch_buffer_add_slice(&bytes, packet);
    ch_slice rest = ch_buffer_slice(&bytes);
    size_t asked = 0;
    for (ch_frame frame; rest.size > 0 && ch_frame_next(&rest, &frame);) {
        asked += fuzz_is_question(frame.type);
        patch_front_frame(&frame, bytes.data + (frame.at - bytes.data) - FIELDS_AT);
    }
    if (!send_packet(fuzz_the_stage.front.fd, ch_buffer_slice(&bytes)))
        return false;
    the_front.asked += asked;
    return true;
}

static void forget_job(size_t at)
{
    the_token.job_count--;
    memmove(&the_token.jobs[at], &the_token.jobs[at + 1], (the_token.job_count - at) * sizeof the_token.jobs[0]);
    memmove(&the_token.payloads[at], &the_token.payloads[at + 1],
            (the_token.job_count - at) * sizeof the_token.payloads[0]);
}

bool fuzz_token_send(ch_slice packet)
{
    ch_autobuffer bytes = CH_BUFFER_INIT;
    ch_buffer_add_slice(&bytes, packet);
    ch_slice rest = ch_buffer_slice(&bytes);
    for (ch_frame frame; rest.size > 0 && ch_frame_next(&rest, &frame);) {
        if (frame.type == CH_FRAME_SIGNATURE || frame.type == CH_FRAME_JOB_FAILED)
            fuzz_patch(bytes.data + (frame.at - bytes.data) - FIELDS_AT + ID_AT, the_token.jobs, the_token.job_count);
    }
    return send_packet(fuzz_the_stage.tokens[0].fd, ch_buffer_slice(&bytes));
}

static void write_output(const fuzz_end *at, ch_slice bytes)
{
    if (at->fd >= 0 && bytes.size > 0)
        ch_ignore(write(at->output_fd, bytes.data, bytes.size) < 0); /* the pipe may be full */
}

void fuzz_front_write(ch_slice bytes)
{
    write_output(&fuzz_the_stage.front, bytes);
}

void fuzz_token_write(ch_slice bytes)
{
    write_output(&fuzz_the_stage.tokens[0], bytes);
}

/* ---- parts that are played well ---- */

void fuzz_front_read(bool is_reading)
{
    is_front_reading = is_reading;
}

void fuzz_bot_connect(void)
{
    if (bot_count == BOTS_MAX)
        return;
    int fd = fuzz_core_connect_bot();
    if (fd >= 0)
        bots[bot_count++] = fd;
}

void fuzz_front_get_ready(void)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    FUZZ_CHECK(ch_front_ready_frame_put(&packet, 0, &(ch_front_ready_frame){}, &err) == CH_OK);
    (void)fuzz_front_send(ch_buffer_slice(&packet));
    fuzz_bot_connect();
    fuzz_bot_connect();
    fuzz_turn();
    fuzz_turn();
}

static ch_error outcome_of(ch_status status)
{
    ch_error outcome = CH_ERROR_INIT;
    if (status != CH_OK)
        ch_error_set(&outcome, status, "CKR_FUZZ", "the token says no");
    return outcome;
}

void fuzz_token_say_started(ch_status outcome)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_token_started_frame frame = {.outcome = outcome_of(outcome)};
    FUZZ_CHECK(ch_token_started_frame_put(&packet, 0, &frame, &err) == CH_OK);
    the_token.is_to_start = false;
    (void)fuzz_token_send(ch_buffer_slice(&packet));
}

void fuzz_token_get_ready(void)
{
    if (!the_token.is_to_start)
        return;
    fuzz_token_say_started(CH_OK);
    fuzz_turn();
}

static const uint8_t print[CH_PRINT_SIZE] = {1};
static const ch_slice a_print = {print, sizeof print};

void fuzz_token_say_logged_in(ch_status outcome)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    for (size_t i = 0; outcome == CH_OK && i < fuzz_core_key_count(); i++) {
        ch_key_state_frame key = {.key = (uint16_t)i, .problem = CH_ERROR_INIT};
        FUZZ_CHECK(ch_key_state_frame_put(&packet, 0, &key, &err) == CH_OK);
    }
    if (outcome == CH_OK && the_token.logs_in_by_code) {
        ch_code_passed_frame passed = {.step = the_token.lowest_step, .print = a_print};
        FUZZ_CHECK(ch_code_passed_frame_put(&packet, 0, &passed, &err) == CH_OK);
    }
    the_token.logs_in_by_code = false;
    ch_login_done_frame done = {.outcome = outcome_of(outcome)};
    FUZZ_CHECK(ch_login_done_frame_put(&packet, 0, &done, &err) == CH_OK);
    (void)fuzz_token_send(ch_buffer_slice(&packet));
}

void fuzz_token_say_logged_out(ch_status outcome)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_logout_done_frame done = {.outcome = outcome_of(outcome)};
    FUZZ_CHECK(ch_logout_done_frame_put(&packet, 0, &done, &err) == CH_OK);
    (void)fuzz_token_send(ch_buffer_slice(&packet));
}

void fuzz_token_say_code(bool is_right)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_code_done_frame done = {.outcome = CH_ERROR_INIT};
    if (is_right) {
        done.step = the_token.lowest_step;
        done.print = a_print;
    } else {
        ch_error_set(&done.outcome, CH_REFUSED, CH_RULE_CODE, "the code is wrong");
    }
    FUZZ_CHECK(ch_code_done_frame_put(&packet, 0, &done, &err) == CH_OK);
    (void)fuzz_token_send(ch_buffer_slice(&packet));
}

static void add_signature(ch_buffer *packet, uint64_t id, size_t count)
{
    static const uint8_t bytes[64] = {0xfb, 0xff, 0xbf};
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_signature_frame answer = {.cost_ns = 8000};
    for (size_t i = 0; i < count; i++)
        ch_text_record_put(&answer.signatures, &records,
                           &(ch_text_record){
                               .bytes = {bytes, sizeof bytes}
        });
    FUZZ_CHECK(ch_signature_frame_put(packet, id, &answer, &err) == CH_OK);
}

void fuzz_token_answer(size_t count, ch_status outcome)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    for (size_t i = 0; i < count && the_token.job_count > 0; i++) {
        ch_job_failed_frame failed = {.why = outcome_of(outcome),
                                      .cause = (uint8_t)((unsigned)outcome % CH_FAULT_COUNT)};
        if (outcome == CH_OK)
            add_signature(&packet, the_token.jobs[0], the_token.payloads[0]);
        else
            FUZZ_CHECK(ch_job_failed_frame_put(&packet, the_token.jobs[0], &failed, &err) == CH_OK);
        forget_job(0);
    }
    if (packet.size > 0)
        (void)fuzz_token_send(ch_buffer_slice(&packet));
}

void fuzz_token_die(void)
{
    pid_t pid = fuzz_the_stage.tokens[0].pid;
    fuzz_end_close(&fuzz_the_stage.tokens[0]);
    fuzz_core_child_died(pid);
}

void fuzz_play_serving(void)
{
    fuzz_front_get_ready();
    fuzz_token_say_started(CH_OK);
    fuzz_turn();
    fuzz_operator_unlock();
    fuzz_turn();
    fuzz_turn();
    fuzz_token_say_logged_in(CH_OK);
    fuzz_turn();
}

/* ---- beginning and end ---- */

static void on_start(const fuzz_end *child)
{
    if (child == &fuzz_the_stage.front) {
        unsigned life = the_front.life;
        memset(&the_front, 0, sizeof the_front);
        the_front.life = life + 1;
    } else if (child == &fuzz_the_stage.tokens[0]) {
        memset(&the_token, 0, sizeof the_token);
    }
}

void fuzz_play_begin(void)
{
    is_front_reading = true;
    bot_count = 0;
    fuzz_operators_begin();
    fuzz_relay_begin();
    fuzz_core_open(on_start);
    fuzz_turn();
}

static bool has_unread(const fuzz_end *at)
{
    int size = 0;
    return at->fd >= 0 && ioctl(at->fd, SIOCOUTQ, &size) == 0 && size > 0;
}

/* Whatever happened, each request of a front or a relay that is still there has been answered once when nothing can be
 * signed, and nothing waited for, any more. */
static void check_answers(void)
{
    unsigned life = the_front.life;
    is_front_reading = true;
    fuzz_relay_read_on(true);
    fuzz_disk_set(FUZZ_DISK_GOOD);
    for (size_t i = 0; i < TURNS_MAX && (has_unread(&fuzz_the_stage.front) || fuzz_relay_is_unread()); i++)
        fuzz_turn();
    fuzz_core_lock();
    fuzz_core_recall();
    for (size_t i = 0; i < FUZZ_TOKENS; i++)
        fuzz_core_child_died(fuzz_the_stage.tokens[i].pid);
    for (size_t i = 0; i < LAST_STEPS; i++)
        fuzz_pass_ms(LAST_STEP_MS);
    if (life == the_front.life && fuzz_the_stage.front.fd >= 0)
        FUZZ_CHECK(the_front.asked == the_front.answered);
    fuzz_relay_check();
}

/* A disk that is good again has all that core counts, once what had failed was tried again. */
static void check_state(void)
{
    fuzz_pass_ms(STATE_RETRY_MS);
    fuzz_turn();
    fuzz_core_check_state();
}

void fuzz_play_end(void)
{
    check_answers();
    check_state();
    fuzz_operators_check();
    fuzz_core_close();
    fuzz_relay_end();
    for (size_t i = 0; i < bot_count; i++)
        close(bots[i]);
    for (size_t i = 0; i < FUZZ_OPERATORS_MAX; i++)
        fuzz_operator_leave(i);
}
