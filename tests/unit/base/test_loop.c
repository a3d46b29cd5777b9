/* Sources are the read ends of pipes; no test sleeps, save for a timer's few milliseconds. */
#include "base/loop.h"

#include "base/clock.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static ch_loop *loop;

static void set_up(void)
{
    ch_error err = CH_ERROR_INIT;
    ck_assert_msg(ch_loop_new(&loop, &err) == CH_OK, "%s", err.message);
}

/* A pipe in the loop. What it does when its read end is ready depends on the test. */
typedef struct end {
    ch_source source;
    int write_fd;
    int calls;
    struct end *other; /* forgotten by a call */
} end;

static void watch(end *one, uint32_t events)
{
    ch_error err = CH_ERROR_INIT;
    ck_assert_int_eq(ch_loop_watch(loop, &one->source, events, &err), CH_OK);
}

static void open_end(end *one, void (*on_ready)(void *context))
{
    int fds[2];
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    *one = (end){
        .source = {.fd = fds[0], .on_ready = on_ready, .context = one},
          .write_fd = fds[1]
    };
    watch(one, EPOLLIN);
}

static void write_byte(const end *one)
{
    ck_assert_int_eq((int)write(one->write_fd, "x", 1), 1);
}

static void read_byte(void *context)
{
    end *one = context;
    char byte;
    one->calls++;
    ck_assert_int_eq((int)read(one->source.fd, &byte, 1), 1);
}

/* ---- timers that the tests use ---- */

typedef struct ticker {
    ch_timer timer;
    int calls;
    ch_timer *other; /* cancelled by a call */
    bool is_again;   /* set anew by a call */
} ticker;

static void on_due(void *context)
{
    ticker *one = context;
    one->calls++;
    if (one->other != NULL)
        ch_loop_cancel_timer(loop, one->other);
    if (one->is_again)
        ch_loop_set_timer(loop, &one->timer, 1);
}

static ticker make_ticker(void)
{
    return (ticker){.timer = {.on_due = on_due}};
}

static void set_ticker(ticker *one, uint64_t due_ms)
{
    one->timer.context = one;
    ch_loop_set_timer(loop, &one->timer, due_ms);
}

/* A turn that does not sleep, because a timer is due. */
static void turn(void)
{
    ticker due = make_ticker();
    set_ticker(&due, 1);
    ch_loop_turn(loop, 0);
    ck_assert_int_eq(due.calls, 1);
}

/* ---- sources ---- */

START_TEST(test_a_ready_source_is_called_each_turn_until_it_was_read)
{
    end one;
    set_up();
    open_end(&one, read_byte);
    write_byte(&one);
    write_byte(&one);
    ch_loop_turn(loop, 0);
    ck_assert_int_eq(one.calls, 1);
    ch_loop_turn(loop, 0);
    ck_assert_int_eq(one.calls, 2);
    turn();
    ck_assert_int_eq(one.calls, 2);
}
END_TEST

static void forget_other(void *context)
{
    end *one = context;
    one->calls++;
    ch_loop_forget(loop, &one->other->source);
    ch_loop_forget(loop, &one->source);
}

/* Both are ready in one turn; whichever comes first removes the other, and itself. */
START_TEST(test_a_source_that_was_removed_during_a_turn_is_not_called)
{
    end ends[2];
    set_up();
    for (size_t i = 0; i < 2; i++) {
        open_end(&ends[i], forget_other);
        ends[i].other = &ends[1 - i];
        write_byte(&ends[i]);
    }
    ch_loop_turn(loop, 0);
    ck_assert_int_eq(ends[0].calls + ends[1].calls, 1);
    turn();
    ck_assert_int_eq(ends[0].calls + ends[1].calls, 1);
}
END_TEST

static void reopen_other(void *context)
{
    end *one = context;
    one->calls++;
    ch_loop_forget(loop, &one->source);
    ch_loop_forget(loop, &one->other->source);
    watch(one->other, EPOLLIN);
}

/* What was seen of the old source says nothing about the one that stands in its place. */
START_TEST(test_a_source_that_was_removed_and_added_waits_for_the_next_turn)
{
    end ends[2];
    set_up();
    for (size_t i = 0; i < 2; i++) {
        open_end(&ends[i], reopen_other);
        ends[i].other = &ends[1 - i];
        write_byte(&ends[i]);
    }
    ch_loop_turn(loop, 0);
    ck_assert_int_eq(ends[0].calls + ends[1].calls, 1);
    ch_loop_turn(loop, 0);
    ck_assert_int_eq(ends[0].calls + ends[1].calls, 2);
}
END_TEST

START_TEST(test_a_forgotten_source_can_be_forgotten_again_and_watched_again)
{
    end one;
    set_up();
    open_end(&one, read_byte);
    write_byte(&one);
    ch_loop_forget(loop, &one.source);
    ch_loop_forget(loop, &one.source);
    turn();
    ck_assert_int_eq(one.calls, 0);
    watch(&one, EPOLLIN);
    ch_loop_turn(loop, 0);
    ck_assert_int_eq(one.calls, 1);
}
END_TEST

static void count(void *context)
{
    end *one = context;
    one->calls++;
}

START_TEST(test_a_source_is_called_when_it_can_be_written)
{
    end pipe_;
    set_up();
    open_end(&pipe_, read_byte);
    end writer = {
        .source = {.fd = pipe_.write_fd, .on_ready = count, .context = &writer}
    };
    watch(&writer, EPOLLOUT);
    ch_loop_turn(loop, 0);
    ck_assert_int_eq(writer.calls, 1);
    while (write(pipe_.write_fd, "0123456789", 10) > 0) { /* until it is full */
    }
    while (write(pipe_.write_fd, "0", 1) > 0) {
    }
    ch_loop_forget(loop, &pipe_.source);
    turn();
    ck_assert_int_eq(writer.calls, 1);
}
END_TEST

START_TEST(test_what_a_source_waits_for_can_be_changed)
{
    end pipe_;
    set_up();
    open_end(&pipe_, read_byte);
    end writer = {
        .source = {.fd = pipe_.write_fd, .on_ready = count, .context = &writer}
    };
    watch(&writer, EPOLLOUT);
    watch(&writer, 0);
    turn();
    ck_assert_int_eq(writer.calls, 0);
    ch_loop_forget(loop, &pipe_.source);
    close(pipe_.source.fd); /* a broken pipe is reported even so */
    ch_loop_turn(loop, 0);
    ck_assert_int_eq(writer.calls, 1);
}
END_TEST

START_TEST(test_a_descriptor_that_cannot_be_watched_is_an_error)
{
    end one;
    ch_error err = CH_ERROR_INIT;
    set_up();
    open_end(&one, count);
    ch_loop_forget(loop, &one.source);
    close(one.source.fd);
    ck_assert_int_eq(ch_loop_watch(loop, &one.source, EPOLLIN, &err), CH_IO);
    ck_assert(!one.source.is_watched);
    ck_assert(strstr(err.message, "watching a descriptor: ") != NULL);
}
END_TEST

START_TEST(test_an_awake_turn_sees_what_is_ready)
{
    end one;
    set_up();
    open_end(&one, read_byte);
    write_byte(&one);
    ch_loop_turn(loop, 1000000);
    ck_assert_int_eq(one.calls, 1);
}
END_TEST

/* ---- timers ---- */

START_TEST(test_a_timer_is_called_once_and_not_before_it_is_due)
{
    set_up();
    ticker one = make_ticker();
    uint64_t due_ms = ch_clock_ms() + 3;
    set_ticker(&one, due_ms);
    while (one.calls == 0) {
        ch_loop_turn(loop, 0);
        ck_assert(one.calls == 0 || ch_clock_ms() >= due_ms);
    }
    turn();
    ck_assert_int_eq(one.calls, 1);
}
END_TEST

START_TEST(test_a_timer_set_again_forgets_the_earlier_time)
{
    set_up();
    ticker later = make_ticker();
    ticker sooner = make_ticker();
    set_ticker(&later, 1);
    set_ticker(&later, ch_clock_ms() + 100000);
    set_ticker(&sooner, ch_clock_ms() + 100000);
    set_ticker(&sooner, 1);
    turn();
    ck_assert_int_eq(later.calls, 0);
    ck_assert_int_eq(sooner.calls, 1);
}
END_TEST

START_TEST(test_a_timer_set_by_its_own_call_waits_for_the_next_turn)
{
    set_up();
    ticker one = make_ticker();
    one.is_again = true;
    set_ticker(&one, 1);
    ch_loop_turn(loop, 0);
    ck_assert_int_eq(one.calls, 1);
    ch_loop_turn(loop, 0);
    ck_assert_int_eq(one.calls, 2);
}
END_TEST

/* Its memory may be freed then, so the loop must not look at it again. */
START_TEST(test_a_cancelled_timer_is_out_of_the_loop)
{
    set_up();
    ticker tickers[3] = {make_ticker(), make_ticker(), make_ticker()};
    for (size_t i = 0; i < 3; i++)
        set_ticker(&tickers[i], 1);
    ch_loop_cancel_timer(loop, &tickers[1].timer);
    memset(&tickers[1], 0xff, sizeof tickers[1]);
    turn();
    ck_assert_int_eq(tickers[0].calls, 1);
    ck_assert_int_eq(tickers[2].calls, 1);
}
END_TEST

START_TEST(test_a_timer_can_be_cancelled_twice_and_set_again)
{
    set_up();
    ticker one = make_ticker();
    ch_loop_cancel_timer(loop, &one.timer);
    set_ticker(&one, 1);
    ch_loop_cancel_timer(loop, &one.timer);
    ch_loop_cancel_timer(loop, &one.timer);
    turn();
    ck_assert_int_eq(one.calls, 0);
    set_ticker(&one, 1);
    turn();
    ck_assert_int_eq(one.calls, 1);
    ch_loop_cancel_timer(loop, &one.timer);
}
END_TEST

/* All are due in one turn, and each cancels another: in a circle, so that whichever order they come in, some are called
 * and the ones that they cancel are not. */
START_TEST(test_a_timer_cancelled_by_another_in_the_same_turn_is_not_called)
{
    set_up();
    ticker tickers[4] = {make_ticker(), make_ticker(), make_ticker(), make_ticker()};
    for (size_t i = 0; i < 4; i++) {
        tickers[i].other = &tickers[i ^ 1].timer;
        set_ticker(&tickers[i], 1);
    }
    turn();
    ck_assert_int_eq(tickers[0].calls + tickers[1].calls, 1);
    ck_assert_int_eq(tickers[2].calls + tickers[3].calls, 1);
}
END_TEST

CH_TESTS("loop", CH_TEST(test_a_ready_source_is_called_each_turn_until_it_was_read),
         CH_TEST(test_a_source_that_was_removed_during_a_turn_is_not_called),
         CH_TEST(test_a_source_that_was_removed_and_added_waits_for_the_next_turn),
         CH_TEST(test_a_forgotten_source_can_be_forgotten_again_and_watched_again),
         CH_TEST(test_a_source_is_called_when_it_can_be_written), CH_TEST(test_what_a_source_waits_for_can_be_changed),
         CH_TEST(test_a_descriptor_that_cannot_be_watched_is_an_error), CH_TEST(test_an_awake_turn_sees_what_is_ready),
         CH_TEST(test_a_timer_is_called_once_and_not_before_it_is_due),
         CH_TEST(test_a_timer_set_again_forgets_the_earlier_time),
         CH_TEST(test_a_timer_set_by_its_own_call_waits_for_the_next_turn),
         CH_TEST(test_a_cancelled_timer_is_out_of_the_loop), CH_TEST(test_a_timer_can_be_cancelled_twice_and_set_again),
         CH_TEST(test_a_timer_cancelled_by_another_in_the_same_turn_is_not_called))
