/* The record of a request ends exactly once, and then the agent is told, if it signed something with effects: that it
 * was not sent, or what was answered. Of what was sent and not answered nothing is told, and the agent keeps what it
 * reserved. Of an answer that did not come whole, only its status is. */
#include "relay/requests_impl.h"

#include "base/log.h"
#include "wire/frames.h"

#define BACKLOG_MAX (64 * 1024) /* of an answer, before the exchange must wait */

/* The beginning of an answer may say what the whole does not. */
static ch_slice told_body(const ch_outcome *outcome)
{
    return outcome->is_whole ? ch_buffer_slice(&outcome->body) : (ch_slice){NULL, 0};
}

static void end_outcome(ch_way *way, ch_outcome_state state)
{
    ch_outcome *outcome = way->outcome;
    way->outcome = NULL;
    if (outcome == NULL)
        return;
    if (state == CH_OUTCOME_NOT_SENT)
        ch_agent_tell(way->requests->agent, outcome->id, 0, (ch_slice){NULL, 0});
    if (state == CH_OUTCOME_ANSWERED && way->said.has_effects)
        ch_agent_tell(way->requests->agent, outcome->id, outcome->status, told_body(outcome));
    ch_outcome_end(way->requests->outcomes, outcome, state);
}

/* ---- what the sender says ---- */

static bool on_start(void *context)
{
    const ch_way *way = context;
    return way->bot != NULL;
}

static void on_head(void *context, unsigned status, ch_slice lines, int64_t body_size)
{
    ch_way *way = context;
    ch_way_enter(way, CH_WAY_ANSWERING);
    ch_turns_pass(way->requests->turns, &way->turn); /* the exchange has taken its nonce, however long the rest takes */
    if (way->outcome != NULL) {
        way->outcome->status = status;
        ch_buffer_add_slice(&way->outcome->lines, lines);
    }
    if (way->bot != NULL)
        ch_bot_begin(way->bot, status, lines, body_size);
}

static ch_took on_body(void *context, ch_slice part)
{
    ch_way *way = context;
    way->is_paused = way->bot != NULL && ch_bot_backlog(way->bot) >= BACKLOG_MAX;
    if (way->is_paused)
        return CH_TOOK_NONE;
    way->body_size += part.size;
    if (way->outcome != NULL)
        ch_outcome_add_body(way->outcome, part);
    if (way->bot != NULL)
        ch_bot_add(way->bot, part);
    return way->bot == NULL && way->body_size > CH_OUTCOME_BODY_MAX ? CH_TOOK_ENOUGH : CH_TOOK;
}

static void answer_unanswered(ch_way *way, ch_sent sent, const ch_error *why)
{
    if (sent == CH_NOT_SENT)
        ch_way_answer_error(way, CH_ERROR_NOT_SENT, why);
    else
        ch_way_answer_error(way, CH_ERROR_UNKNOWN, why);
}

static void on_end(void *context, ch_sent sent, const ch_error *why)
{
    ch_way *way = context;
    ch_bot *bot = way->bot;
    if (why->status != CH_OK)
        ch_log_limited(&way->requests->limit, "a request of caller '%s': %s", way->wire.caller, why->message);
    if (sent == CH_NOT_SENT || sent == CH_SENT_UNANSWERED) {
        end_outcome(way, sent == CH_NOT_SENT ? CH_OUTCOME_NOT_SENT : CH_OUTCOME_UNKNOWN);
        answer_unanswered(way, sent, why);
    } else {
        if (way->outcome != NULL)
            way->outcome->is_whole = sent == CH_SENT_ANSWERED && way->body_size == way->outcome->body.size;
        end_outcome(way, CH_OUTCOME_ANSWERED);
        way->bot = NULL;
        if (bot != NULL && sent == CH_SENT_ANSWERED)
            ch_bot_end(bot);
        else if (bot != NULL)
            ch_bot_cut(bot);
    }
    ch_way_end(way);
}

/* ---- sending ---- */

void ch_way_send(ch_way *way)
{
    const ch_sending_owner owner = {
        .context = way, .on_start = on_start, .on_head = on_head, .on_body = on_body, .on_end = on_end};
    ch_error err = CH_ERROR_INIT;
    ch_way_enter(way, CH_WAY_SENDING);
    if (way->bot == NULL) {
        ch_way_give_up(way, CH_OUTCOME_NOT_SENT);
        return;
    }
    way->sending = ch_send(way->requests->sender, &way->said, way->wire.head, &owner, &err);
    if (way->sending != NULL)
        return;
    ch_way_answer_error(way, CH_ERROR_NOT_SENT, &err);
    ch_way_give_up(way, CH_OUTCOME_NOT_SENT);
}

void ch_way_give_up(ch_way *way, ch_outcome_state state)
{
    end_outcome(way, state);
    ch_way_end(way);
}

void ch_way_has_room(ch_way *way)
{
    if (!way->is_paused)
        return;
    way->is_paused = false;
    ch_sending_resume(way->sending);
}
