/* The token link's one-time codes: with a login, and while somebody is logged in.
 *
 * A code that came with a login was used before anything is unlocked by it: the process says first that it was right,
 * and the login is not taken before core has written that. */
#include "agent/core/token_link_impl.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "wire/channel.h"

#include <stdlib.h>
#include <string.h>

#define CODE_TIMEOUT_MS 10000
#define SECOND_NS 1000000000

/* ---- what is asked ---- */

void ch_link_set_code(ch_token_link *link, const ch_link_code *code)
{
    ch_login_code *to = &link->login_code;
    ch_link_clear_code(link);
    if (code == NULL)
        return;
    to->seed = ch_strdup(code->seed);
    to->mechanism = ch_strdup(code->mechanism);
    to->digits = code->digits;
    to->lowest_step = code->lowest_step;
    to->print_size = code->print.size < sizeof to->print ? code->print.size : sizeof to->print;
    if (to->print_size > 0)
        memcpy(to->print, code->print.data, to->print_size);
}

void ch_link_clear_code(ch_token_link *link)
{
    free(link->login_code.seed);
    free(link->login_code.mechanism);
    link->login_code = (ch_login_code){0};
}

bool ch_link_has_code(const ch_token_link *link)
{
    return link->login_code.seed != NULL;
}

static ch_status read_time(uint64_t *now_s, ch_error *err)
{
    ch_moment now;
    if (!ch_moment_now(&now))
        return ch_fail(err, CH_UNAVAILABLE,
                       "the machine's clock shows no time that could be right, and codes are made of "
                       "the time; set it");
    *now_s = now.wall_ns / SECOND_NS;
    return CH_OK;
}

/* ---- with a login ---- */

ch_status ch_link_put_login_code(ch_token_link *link, ch_error *err)
{
    ch_login_code *code = &link->login_code;
    ch_login_code_frame login = {
        .is_last_try = link->is_last_try,
        .seed = ch_slice_of(code->seed),
        .mechanism = ch_slice_of(code->mechanism),
        .digits = (uint8_t)code->digits,
        .lowest_step = code->lowest_step,
        .print = {code->print, code->print_size}
    };
    CH_TRY(read_time(&login.now_s, err));
    code->stage = CH_CODE_ASKED;
    return ch_login_code_frame_put(ch_channel_out(&link->child.channel), 0, &login, err);
}

ch_status ch_link_take_code_passed(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_token_link *link = self;
    ch_code_passed_frame passed;
    CH_TRY(ch_code_passed_frame_get(frame, &passed, err));
    if (link->login_code.stage != CH_CODE_ASKED || passed.print.size != CH_PRINT_SIZE)
        return ch_fail(err, CH_INTERNAL, "it took a code that it was not asked about");
    if (passed.step < link->login_code.lowest_step)
        return ch_fail(err, CH_INTERNAL, "it took a code that was used");
    link->login_code.stage = CH_CODE_PASSED;
    link->waiter.passed(link->waiter.context, passed.step, passed.print);
    return CH_OK;
}

void ch_token_link_go_on(ch_token_link *link, const ch_error *outcome, bool stays_locked)
{
    const ch_error kept = *outcome;
    if (link->login_code.stage != CH_CODE_PASSED)
        return; /* that login has ended */
    link->login_code.stage = CH_CODE_KEPT;
    link->login_code.stays_locked = stays_locked;
    if (kept.status != CH_OK) {
        ch_link_answer_waiter(link, &kept);
        ch_token_link_lock(link, (ch_link_waiter){0});
    } else if (link->login_code.is_done) {
        ch_link_finish_login(link);
    }
}

bool ch_token_link_has_lost_try(const ch_token_link *link)
{
    return link->is_try_lost;
}

/* Whoever asks learns no more than that it was one of the two. */
void ch_link_hide_cause(ch_token_link *link, ch_error *outcome)
{
    bool is_code = strcmp(outcome->rule, CH_RULE_CODE) == 0;
    bool is_seed = strcmp(outcome->rule, CH_RULE_SEED) == 0;
    if (!ch_link_has_code(link) || (outcome->status != CH_WRONG_PIN && !is_code && !is_seed))
        return;
    if (is_seed)
        ch_log("token '%s': the seed of a code: %s", link->config.name, outcome->message);
    ch_error_set(outcome, CH_REFUSED, CH_RULE_PIN_AND_CODE, CH_PIN_OR_CODE_IS_WRONG, link->config.name);
}

/* ---- without one ---- */

static void answer(ch_token_link *link, const ch_error *outcome, uint64_t step, ch_slice print)
{
    ch_code_waiter waiter = link->code_waiter;
    link->code_waiter = (ch_code_waiter){0};
    if (waiter.answer != NULL)
        waiter.answer(waiter.context, outcome, step, print);
}

void ch_link_fail_code(ch_token_link *link, const ch_error *why)
{
    answer(link, why, 0, CH_LITERAL(""));
}

static ch_status may_check(const ch_token_link *link, ch_error *err)
{
    if (link->state == CH_LINK_ABSENT || link->state == CH_LINK_STARTING)
        return ch_link_fail_absent(link, err);
    if (!ch_link_is_open(link))
        return ch_link_fail_locked(link, err);
    if (link->code_waiter.answer != NULL)
        return ch_fail(err, CH_BUSY, "token '%s' is at another code; try again in a moment", link->config.name);
    return CH_OK;
}

static ch_status send_code(ch_token_link *link, const ch_link_code *code, const ch_secret *typed, ch_error *err)
{
    ch_code_frame check = {.seed = ch_slice_of(code->seed),
                           .mechanism = ch_slice_of(code->mechanism),
                           .digits = (uint8_t)code->digits,
                           .lowest_step = code->lowest_step,
                           .print = code->print};
    CH_TRY(may_check(link, err));
    CH_TRY(read_time(&check.now_s, err));
    CH_TRY(ch_channel_attach_secret(&link->child.channel, typed, err));
    return ch_code_frame_put(ch_channel_out(&link->child.channel), 0, &check, err);
}

void ch_token_link_check_code(ch_token_link *link, const ch_link_code *code, const ch_secret *typed,
                              ch_code_waiter waiter)
{
    ch_error err = CH_ERROR_INIT;
    if (send_code(link, code, typed, &err) != CH_OK) {
        waiter.answer(waiter.context, &err, 0, CH_LITERAL(""));
        return;
    }
    link->code_waiter = waiter;
    link->code_ms = ch_clock_ms();
    link->code_lowest = code->lowest_step;
    ch_child_flush(&link->child);
}

ch_status ch_link_take_code_done(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_token_link *link = self;
    ch_code_done_frame done;
    CH_TRY(ch_code_done_frame_get(frame, &done, err));
    bool is_right = done.outcome.status == CH_OK;
    if (link->code_waiter.answer == NULL)
        return ch_fail(err, CH_INTERNAL, "it spoke of a code that it was not asked about");
    if (is_right && (done.print.size != CH_PRINT_SIZE || done.step < link->code_lowest))
        return ch_fail(err, CH_INTERNAL, "it took a code that was used, or of no seed");
    answer(link, &done.outcome, done.step, done.print);
    return CH_OK;
}

void ch_link_check_codes(ch_token_link *link, uint64_t now_ms)
{
    if (link->code_waiter.answer != NULL && now_ms - link->code_ms > CODE_TIMEOUT_MS)
        ch_child_end(&link->child, "it did not answer about a code in time");
}
