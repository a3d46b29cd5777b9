/* What is added is written at once as far as the bot takes it; the rest is the backlog, which the owner bounds by
 * waiting for on_room. */
#include "relay/bots_impl.h"

#include "relay/refusal.h"

#include <string.h>

#define ROOM_SIZE (16 * 1024) /* the backlog below which there is room again */
#define KEPT_SIZE (64 * 1024) /* a connection keeps a buffer up to this size from request to request */

size_t ch_bot_backlog(const ch_bot *bot)
{
    return bot->out.size - bot->out_sent;
}

/* ---- after the answer ---- */

static void drop_request(ch_bot *bot)
{
    size_t size = bot->head_size + bot->head.body_size;
    size_t rest = bot->in.size - size;
    if (rest > 0)
        memmove(bot->in.data, bot->in.data + size, rest);
    bot->in.size = rest;
    bot->scanned = bot->head_size = bot->head.body_size = 0;
    if (rest == 0 && bot->in.capacity > KEPT_SIZE)
        ch_buffer_free(&bot->in);
}

static void begin_next(ch_bot *bot)
{
    if (bot->is_last) {
        ch_pipe_finish(&bot->pipe);
        ch_bot_enter(bot, CH_BOT_LINGERING);
        return;
    }
    drop_request(bot);
    ch_bot_enter(bot, CH_BOT_IDLE);
    if (bot->in.size > 0 || bot->pipe.tls != NULL)
        ch_bot_look_soon(bot);
}

/* ---- writing ---- */

static void drop_sent(ch_bot *bot)
{
    size_t left = ch_bot_backlog(bot);
    if (bot->out_sent == 0)
        return;
    if (left > 0)
        memmove(bot->out.data, bot->out.data + bot->out_sent, left);
    bot->out.size = left;
    bot->out_sent = 0;
    if (left == 0 && bot->out.capacity > KEPT_SIZE)
        ch_buffer_free(&bot->out);
}

static void write_out(ch_bot *bot)
{
    bool has_sent = false;
    while (ch_bot_backlog(bot) > 0) {
        ssize_t count = ch_pipe_write(&bot->pipe, bot->out.data + bot->out_sent, ch_bot_backlog(bot));
        if (count < 0) {
            ch_bot_drop(bot);
            return;
        }
        if (count == 0)
            break;
        bot->out_sent += (size_t)count;
        has_sent = true;
    }
    drop_sent(bot);
    /* The time to take the answer begins anew with each byte that is taken. */
    if (bot->state == CH_BOT_SERVED || bot->state == CH_BOT_ANSWERED) {
        if (has_sent || bot->timer.due_ms == 0)
            ch_bot_enter(bot, bot->state);
        else
            ch_bot_watch(bot);
    }
}

void ch_bot_flush(ch_bot *bot)
{
    if (bot->is_flushing || bot->state == CH_BOT_ENDED)
        return;
    bot->is_flushing = true;
    bool has_room;
    do {
        write_out(bot);
        has_room = bot->is_full && bot->state == CH_BOT_SERVED && ch_bot_backlog(bot) < ROOM_SIZE;
        if (has_room) {
            bot->is_full = false;
            bot->bots->owner.on_room(bot->bots->owner.context, bot->request);
        }
    } while (has_room && bot->state != CH_BOT_ENDED);
    bot->is_flushing = false;
    if (bot->state == CH_BOT_ANSWERED && ch_bot_backlog(bot) == 0)
        begin_next(bot);
}

/* ---- the answer ---- */

void ch_bot_begin(ch_bot *bot, unsigned status, ch_slice lines, int64_t body_size)
{
    bot->has_no_body = status == 204 || status == 304;
    bot->is_chunked = body_size < 0 && !bot->has_no_body;
    ch_buffer_add_format(&bot->out, "HTTP/1.1 %u %s\r\n", status, ch_status_phrase(status));
    ch_buffer_add_slice(&bot->out, lines);
    if (bot->is_chunked)
        ch_buffer_add_text(&bot->out, "Transfer-Encoding: chunked\r\n");
    else if (!bot->has_no_body)
        ch_buffer_add_format(&bot->out, "Content-Length: %lld\r\n", (long long)body_size);
    if (bot->is_last)
        ch_buffer_add_text(&bot->out, "Connection: close\r\n");
    ch_buffer_add_text(&bot->out, "\r\n");
}

void ch_bot_add(ch_bot *bot, ch_slice body)
{
    if (bot->has_no_body || body.size == 0 || bot->state == CH_BOT_ENDED)
        return;
    if (bot->is_chunked)
        ch_buffer_add_format(&bot->out, "%zx\r\n", body.size);
    ch_buffer_add_slice(&bot->out, body);
    if (bot->is_chunked)
        ch_buffer_add_text(&bot->out, "\r\n");
    ch_bot_flush(bot);
    bot->is_full = ch_bot_backlog(bot) >= ROOM_SIZE;
}

void ch_bot_end(ch_bot *bot)
{
    bot->request = NULL;
    bot->is_full = false;
    if (bot->state == CH_BOT_ENDED)
        return;
    if (bot->is_chunked)
        ch_buffer_add_text(&bot->out, "0\r\n\r\n");
    bot->is_chunked = false;
    ch_bot_enter(bot, CH_BOT_ANSWERED);
    ch_bot_flush(bot);
}

void ch_bot_cut(ch_bot *bot)
{
    bot->request = NULL;
    ch_bot_drop(bot);
}

void ch_bot_refuse(ch_bot *bot, unsigned http_status, const ch_error *problem)
{
    ch_autorefusal refusal = ch_refusal_of(problem, http_status);
    bot->is_last = true;
    ch_bot_begin(bot, refusal.status, ch_buffer_slice(&refusal.lines), (int64_t)refusal.body.size);
    ch_bot_add(bot, ch_buffer_slice(&refusal.body));
    ch_bot_end(bot);
}
