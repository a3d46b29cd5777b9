/* States change in one function, which sets how long the next may last. A connection is freed in one place, by its
 * timer, so that no caller up the stack still holds it. */
#include "relay/bots_impl.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE 4096
#define READ_AT_ONCE (64 * 1024)
#define LINGER_MS 2000
#define SHARE_LEAST 16

/* ---- states ---- */

/* How long it may last; 0: as long as it takes. */
static uint64_t time_ms(const ch_bot *bot)
{
    const ch_relay_times *times = &bot->bots->times;
    switch (bot->state) {
    case CH_BOT_IDLE:
        return (uint64_t)times->idle * 1000;
    case CH_BOT_HEAD:
        return (uint64_t)times->head * 1000;
    case CH_BOT_BODY:
        return (uint64_t)times->body * 1000;
    case CH_BOT_SERVED:
    case CH_BOT_ANSWERED:
        return ch_bot_backlog(bot) == 0 ? 0 : (uint64_t)times->stalled * 1000;
    case CH_BOT_LINGERING:
        return LINGER_MS;
    case CH_BOT_ENDED:
        break;
    }
    return 1;
}

static bool reads(const ch_bot *bot)
{
    return bot->state != CH_BOT_SERVED && bot->state != CH_BOT_ANSWERED;
}

void ch_bot_watch(ch_bot *bot)
{
    ch_error err = CH_ERROR_INIT;
    if (bot->state == CH_BOT_ENDED)
        return;
    uint32_t events = bot->pipe.wants | EPOLLRDHUP | (reads(bot) || !bot->is_early ? EPOLLIN : 0) |
                      (ch_bot_backlog(bot) > 0 ? EPOLLOUT : 0);
    if (ch_loop_watch(bot->bots->loop, &bot->source, events, &err) != CH_OK) {
        ch_log("%s", err.message);
        ch_bot_drop(bot);
    }
}

static void set_timer(ch_bot *bot)
{
    uint64_t time = time_ms(bot);
    if (time == 0)
        ch_loop_cancel_timer(bot->bots->loop, &bot->timer);
    else
        ch_loop_set_timer(bot->bots->loop, &bot->timer, ch_clock_ms() + time);
}

void ch_bot_enter(ch_bot *bot, ch_bot_state state)
{
    bot->state = state;
    bot->since_ms = ch_clock_ms();
    set_timer(bot);
    ch_bot_watch(bot);
}

void ch_bot_drop(ch_bot *bot)
{
    if (bot->state == CH_BOT_ENDED)
        return;
    ch_loop_forget(bot->bots->loop, &bot->source);
    ch_bot_enter(bot, CH_BOT_ENDED);
}

void ch_bot_look_soon(ch_bot *bot)
{
    ch_loop_set_timer(bot->bots->loop, &bot->timer, ch_clock_ms());
}

static void free_bot(ch_bot *bot)
{
    ch_bots *bots = bot->bots;
    if (bot->request != NULL)
        bots->owner.on_gone(bots->owner.context, bot->request);
    ch_loop_forget(bots->loop, &bot->source);
    ch_loop_cancel_timer(bots->loop, &bot->timer);
    ch_pipe_close(&bot->pipe);
    if (bot->previous == NULL)
        bots->list = bot->next;
    else
        bot->previous->next = bot->next;
    if (bot->next != NULL)
        bot->next->previous = bot->previous;
    bots->count--;
    bot->inlet->connections--;
    ch_buffer_free(&bot->in);
    ch_buffer_free(&bot->out);
    free(bot);
}

/* ---- a request ---- */

/* Makes room for the whole body, after which the buffer does not move, and has the head's views point there. */
static void settle(ch_bot *bot)
{
    ch_error err = CH_ERROR_INIT;
    unsigned http_status;
    const uint8_t *before = bot->in.data;
    ch_buffer_reserve(&bot->in, bot->head.body_size + READ_SIZE);
    if (bot->in.data != before)
        ch_ignore(ch_bot_head_read((ch_slice){bot->in.data, bot->head_size}, &bot->head, &http_status, &err));
}

/* Bodies are asked for only when the head is good. */
static void take_head(ch_bot *bot)
{
    ch_bots *bots = bot->bots;
    ch_error err = CH_ERROR_INIT;
    unsigned http_status = 0;
    ch_slice bytes = ch_buffer_slice(&bot->in);
    ch_status st = ch_bot_head_end(bytes, &bot->scanned, &bot->head_size, &http_status, &err);
    if (st == CH_OK && bot->head_size == 0)
        return;
    bytes.size = bot->head_size;
    if (st == CH_OK)
        st = ch_bot_head_read(bytes, &bot->head, &http_status, &err);
    if (st == CH_OK)
        st = bots->owner.check_head(bots->owner.context, bot->inlet, &bot->head, &err);
    if (st == CH_OK && bot->head.body_size > CH_BOT_BODY_MAX)
        st = ch_fail(&err, CH_TOO_LARGE, "the body is over the limit of %d bytes", CH_BOT_BODY_MAX);
    if (st != CH_OK) {
        ch_bot_refuse(bot, http_status, &err);
        return;
    }
    settle(bot);
    bot->is_last = bot->head.wants_close || bots->is_stopping;
    bool is_whole = bot->in.size - bot->head_size >= bot->head.body_size;
    if (bot->head.expects_continue && !is_whole) {
        ch_buffer_add_text(&bot->out, "HTTP/1.1 100 Continue\r\n\r\n");
        ch_bot_flush(bot);
    }
    if (bot->state != CH_BOT_ENDED)
        ch_bot_enter(bot, CH_BOT_BODY);
}

static void hand_over(ch_bot *bot)
{
    ch_bots *bots = bot->bots;
    ch_slice body = {bot->in.data + bot->head_size, bot->head.body_size};
    ch_bot_enter(bot, CH_BOT_SERVED);
    bots->owner.on_request(bots->owner.context, bot, bot->inlet, &bot->head, body);
}

static void advance(ch_bot *bot)
{
    if (bot->state == CH_BOT_IDLE && bot->in.size > 0)
        ch_bot_enter(bot, CH_BOT_HEAD);
    if (bot->state == CH_BOT_HEAD)
        take_head(bot);
    if (bot->state == CH_BOT_BODY && bot->in.size - bot->head_size >= bot->head.body_size)
        hand_over(bot);
    if (bot->state == CH_BOT_LINGERING)
        ch_buffer_clear(&bot->in);
}

/* The next request that came with one that was answered at once is looked at after other bots had their turn, and so is
 * what else comes of a bot that sends without end. */
static bool may_read(const ch_bot *bot, size_t size)
{
    bool has_next = bot->state == CH_BOT_IDLE && bot->in.size > 0;
    return reads(bot) && bot->state != CH_BOT_ENDED && !has_next && size < READ_AT_ONCE;
}

static void read_more(ch_bot *bot)
{
    size_t size = 0;
    while (may_read(bot, size)) {
        uint8_t *place = ch_buffer_reserve(&bot->in, READ_SIZE);
        ssize_t count = ch_pipe_read(&bot->pipe, place, READ_SIZE);
        if (count < 0) {
            ch_bot_drop(bot);
            return;
        }
        if (count == 0)
            break;
        ch_buffer_commit(&bot->in, (size_t)count);
        size += (size_t)count;
        advance(bot);
    }
    if (size >= READ_AT_ONCE && reads(bot) && bot->state != CH_BOT_ENDED)
        ch_bot_look_soon(bot); /* what TLS holds already wakes nobody */
    ch_bot_watch(bot);
}

/* What a bot has sent before it was answered waits in the buffer or in TLS. */
static void look(ch_bot *bot)
{
    advance(bot);
    read_more(bot);
}

/* ---- the loop ---- */

static void on_ready(void *context)
{
    ch_bot *bot = context;
    bool is_hung_up = (bot->source.ready & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (!reads(bot) && is_hung_up) {
        ch_bot_drop(bot);
        return;
    }
    /* Most bots wait for their answer; only for one that does not is it worth changing what is watched. */
    bot->is_early = !reads(bot) && (bot->source.ready & EPOLLIN) != 0;
    ch_bot_flush(bot);
    if (bot->state != CH_BOT_ENDED)
        read_more(bot);
}

static void on_timer(void *context)
{
    ch_bot *bot = context;
    ch_error err = CH_ERROR_INIT;
    bool is_late = ch_clock_ms() - bot->since_ms >= time_ms(bot);
    if (bot->state == CH_BOT_ENDED) {
        free_bot(bot);
    } else if (!is_late && reads(bot)) {
        set_timer(bot);
        look(bot);
    } else if (bot->state == CH_BOT_HEAD || bot->state == CH_BOT_BODY) {
        (void)ch_fail(&err, CH_BAD_INPUT, "the request did not come in time");
        ch_bot_refuse(bot, 408, &err);
    } else if (!is_late && ch_bot_backlog(bot) > 0) {
        set_timer(bot);
    } else {
        ch_bot_drop(bot);
    }
}

/* ---- shares ---- */

/* Somebody who has not shown that he may ask here takes no place from those who have. */
static bool may_give_way(const ch_bot *bot)
{
    return bot->state == CH_BOT_IDLE || (!bot->is_known && bot->state != CH_BOT_SERVED && bot->state != CH_BOT_ENDED);
}

static bool gives_way_before(const ch_bot *one, const ch_bot *other)
{
    if (one->is_known != other->is_known)
        return other->is_known;
    return one->since_ms < other->since_ms;
}

/* Returns whether there is room now. */
static bool make_room(const ch_bots *bots, const ch_inlet *inlet)
{
    ch_bot *first = NULL;
    if (inlet->connections < bots->share)
        return true;
    for (ch_bot *bot = bots->list; bot != NULL; bot = bot->next) {
        if (bot->inlet == inlet && may_give_way(bot) && (first == NULL || gives_way_before(bot, first)))
            first = bot;
    }
    if (first != NULL)
        free_bot(first);
    return first != NULL;
}

void ch_bots_take(ch_bots *bots, ch_inlet *inlet, int fd)
{
    ch_error err = CH_ERROR_INIT;
    static ch_log_limit limit;
    int on = 1;
    if (!make_room(bots, inlet)) {
        ch_log_limited(&limit, "caller '%s' has %zu connections, which is its share; another was closed",
                       inlet->config->caller, inlet->connections);
        close(fd);
        return;
    }
    ch_bot *bot = ch_alloc(sizeof *bot);
    *bot = (ch_bot){
        .bots = bots,
        .inlet = inlet,
        .source = {.fd = fd, .on_ready = on_ready, .context = bot},
        .timer = {.on_due = on_timer,        .context = bot          },
        .next = bots->list,
    };
    if (ch_pipe_open(&bot->pipe, fd, inlet->tls, &err) != CH_OK) {
        ch_log("%s", err.message);
        free(bot);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* fails on a Unix socket, which needs none */
    if (bots->list != NULL)
        bots->list->previous = bot;
    bots->list = bot;
    bots->count++;
    inlet->connections++;
    ch_bot_enter(bot, CH_BOT_IDLE);
}

/* ---- life ---- */

ch_bots *ch_bots_new(ch_loop *loop, const ch_relay_times *times, size_t most, size_t inlets, const ch_bots_owner *owner)
{
    ch_bots *bots = ch_alloc(sizeof *bots);
    size_t share = most / inlets;
    *bots =
        (ch_bots){.loop = loop, .times = *times, .owner = *owner, .share = share < SHARE_LEAST ? SHARE_LEAST : share};
    return bots;
}

void ch_bots_free(ch_bots *bots)
{
    if (bots == NULL)
        return;
    for (ch_bot *bot = bots->list, *next; bot != NULL; bot = next) {
        next = bot->next;
        free_bot(bot);
    }
    free(bots);
}

void ch_bots_stop(ch_bots *bots)
{
    bots->is_stopping = true;
    for (ch_bot *bot = bots->list; bot != NULL; bot = bot->next) {
        bot->is_last = true;
        if (bot->state == CH_BOT_IDLE)
            ch_bot_drop(bot);
    }
}

size_t ch_bots_count(const ch_bots *bots)
{
    return bots->count;
}

void ch_bot_note_known(ch_bot *bot)
{
    bot->is_known = true;
}

void ch_bot_set_request(ch_bot *bot, void *request)
{
    bot->request = request;
}
