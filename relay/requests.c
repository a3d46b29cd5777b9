/* A request asks the agent only when its key is free, so that what is signed is sent at once. Its record is made before
 * it asks, so that the same request, or another with its Idempotency-Key, finds it and waits. */
#include "relay/requests_impl.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/share.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS_MAX 512
#define REQUESTS_RESERVE 128
#define REQUESTS_FIRST 4

static const char *const state_names[] = {
    [CH_WAY_RECEIVED] = "received", [CH_WAY_AWAITING] = "awaiting the same request",
    [CH_WAY_QUEUED] = "queued",     [CH_WAY_ASKING] = "asking",
    [CH_WAY_SENDING] = "sending",   [CH_WAY_ANSWERING] = "answering",
    [CH_WAY_ENDED] = "ended",
};

void ch_way_enter(ch_way *way, ch_way_state state)
{
    way->state = state;
    ch_log_debug("request %s of caller '%s': %s", way->outcome == NULL ? "-" : way->outcome->id, way->wire.caller,
                 state_names[state]);
}

static void end_waiting(ch_way *way)
{
    ch_loop_cancel_timer(way->requests->loop, &way->timer);
    ch_outcome_stop_waiting(&way->wait);
}

static void free_way(ch_way *way)
{
    ch_sending_free(way->sending);
    ch_asking_free(way->asking);
    ch_buffer_free(&way->address.url);
    free(way);
}

static void note_id(ch_way *way, ch_slice id)
{
    snprintf(way->id, sizeof way->id, "%.*s", CH_SLICE_ARGS(id));
}

static void drop_outcome(ch_way *way)
{
    ch_outcome *outcome = way->outcome;
    way->outcome = NULL;
    if (outcome != NULL)
        ch_outcome_drop(way->requests->outcomes, outcome);
}

void ch_way_end(ch_way *way)
{
    ch_requests *requests = way->requests;
    ch_way_enter(way, CH_WAY_ENDED);
    end_waiting(way);
    drop_outcome(way);
    ch_turns_leave(requests->turns, &way->turn);
    *(way->previous == NULL ? &requests->list : &way->previous->next) = way->next;
    if (way->next != NULL)
        way->next->previous = way->previous;
    requests->count--;
    requests->counts[way->caller]--;
    free_way(way);
}

/* ---- the agent's answer ---- */

static void look_again(void *context);

static void set_wait(ch_way *way, uint32_t time_s)
{
    ch_loop_set_timer(way->requests->loop, &way->timer, ch_clock_ms() + (uint64_t)time_s * 1000);
}

static void await(ch_way *way, ch_outcome *outcome)
{
    const ch_relay_times *times = &way->requests->config->times;
    note_id(way, ch_slice_of(outcome->id));
    ch_way_enter(way, CH_WAY_AWAITING);
    way->wait = (ch_outcome_wait){.on_end = look_again, .context = way};
    ch_outcome_await(outcome, &way->wait);
    set_wait(way, times->turn + times->agent + times->connect + times->answer);
}

/* The agent has signed the same request under another id. */
static void follow_sent(ch_way *way)
{
    ch_requests *requests = way->requests;
    ch_error why = CH_ERROR_INIT;
    note_id(way, way->said.sent_id);
    /* First, because whoever waits for the own record goes on at once, and may have other records forgotten. */
    drop_outcome(way);
    /* What the bot sent is gone with it, so it must not be asked for again. */
    if (way->bot == NULL) {
        ch_way_end(way);
        return;
    }
    ch_outcome *sent = ch_outcome_of_id(requests->outcomes, way->caller, way->id);
    if (sent != NULL && sent->state == CH_OUTCOME_PENDING) {
        ch_turns_pass(requests->turns, &way->turn);
        await(way, sent);
        return;
    }
    if (sent != NULL) {
        ch_way_answer_recorded(way, sent);
    } else {
        (void)ch_fail(&why, CH_CONFLICT,
                      "the same request was signed before, and what became of it is not known here; it was not sent "
                      "again: look at the exchange");
        ch_way_answer_error(way, CH_ERROR_UNKNOWN, &why);
    }
    ch_way_end(way);
}

/* Nothing was sent, but the agent may have signed, and reserved what that takes. */
static void give_up_asking(ch_way *way)
{
    ch_error why = CH_ERROR_INIT;
    bool was_asked = way->said.says == CH_AGENT_SILENT;
    (void)ch_fail(&why, CH_UNAVAILABLE, "%s; the request was not sent",
                  was_asked ? "the agent gave no answer" : "the agent does not answer");
    ch_way_answer_error(way, CH_ERROR_NOT_SENT, &why);
    if (was_asked)
        ch_way_give_up(way, CH_OUTCOME_NOT_SENT);
    else
        ch_way_end(way);
}

static void note_public(ch_way *way, bool is_public)
{
    if (way->bot != NULL)
        ch_turns_note_public(way->requests->turns, way->wire.key, way->wire.head->method, way->wire.url, is_public);
}

/* The call was public until now, so it did not wait for its turn; what the agent has signed instead must not be sent
 * out of turn. */
static void give_up_turnless(ch_way *way)
{
    ch_error why = CH_ERROR_INIT;
    (void)ch_fail(&why, CH_BUSY, "the call was public until now; nothing was sent, and it can be asked for again");
    ch_way_answer_error(way, CH_ERROR_NOT_SENT, &why);
    ch_way_give_up(way, CH_OUTCOME_NOT_SENT);
}

static void on_answer(void *context, const ch_agent_answer *answer)
{
    ch_way *way = context;
    ch_requests *requests = way->requests;
    way->said = *answer;
    switch (answer->says) {
    case CH_AGENT_AWAY:
    case CH_AGENT_SILENT:
        give_up_asking(way);
        return;
    case CH_AGENT_REFUSES:
        ch_way_answer_refusal(way);
        ch_way_end(way);
        return;
    case CH_AGENT_ALREADY_SENT:
        follow_sent(way);
        return;
    case CH_AGENT_PUBLIC:
        note_public(way, true);
        drop_outcome(way);
        ch_turns_pass(requests->turns, &way->turn);
        break;
    case CH_AGENT_SIGNED:
        if (way->turn.key == NULL)
            note_public(way, false);
        if (way->turn.key == NULL && answer->is_serial) {
            give_up_turnless(way);
            return;
        }
        /* What only reads may be read again, and by some schemes two such requests are the same bytes. */
        if (answer->has_effects)
            ch_outcome_signed(requests->outcomes, way->outcome, way->print);
        if (way->turn.key != NULL)
            ch_turns_learn(requests->turns, &way->turn, answer->is_serial,
                           (ch_key_errors){answer->errors_tag, answer->shapes});
        break;
    }
    ch_way_send(way);
}

/* ---- until it asks ---- */

static void ask(void *context)
{
    ch_way *way = context;
    ch_requests *requests = way->requests;
    ch_error err = CH_ERROR_INIT;
    end_waiting(way);
    uint64_t known_tag = ch_turns_errors(requests->turns, way->wire.key, way->caller).tag;
    if (ch_agent_ask(requests->agent, &way->wire, way->outcome->id, known_tag, on_answer, way, &way->asking, &err) ==
        CH_OK) {
        ch_way_enter(way, CH_WAY_ASKING);
        return;
    }
    ch_way_answer_problem(way, &err, 0);
    ch_way_end(way);
}

static void queue(ch_way *way)
{
    ch_requests *requests = way->requests;
    way->outcome = ch_outcome_begin(requests->outcomes, way->caller, way->has_repeat ? way->repeat : NULL);
    note_id(way, ch_slice_of(way->outcome->id));
    way->turn = (ch_turn){.on_turn = ask,
                          .context = way,
                          .is_cancel = ch_looks_like_cancel(way->wire.head->method, way->wire.url),
                          .caller = way->caller};
    ch_way_enter(way, CH_WAY_QUEUED);
    set_wait(way, requests->config->times.turn);
    bool is_public = ch_turns_is_public(requests->turns, way->wire.key, way->wire.head->method, way->wire.url);
    if (is_public || ch_turns_take(requests->turns, way->wire.key, &way->turn))
        ask(way);
}

/* Is there a record of the same request already? */
static void look(ch_way *way)
{
    const ch_outcomes *outcomes = way->requests->outcomes;
    ch_outcome *same = ch_outcome_of_print(outcomes, way->caller, way->print);
    if (same == NULL && way->has_repeat)
        same = ch_outcome_of_repeat(outcomes, way->caller, way->repeat);
    if (same == NULL) {
        queue(way);
    } else if (same->state == CH_OUTCOME_PENDING) {
        await(way, same);
    } else {
        note_id(way, ch_slice_of(same->id));
        ch_way_answer_recorded(way, same);
        ch_way_end(way);
    }
}

static void look_again(void *context)
{
    ch_way *way = context;
    end_waiting(way);
    ch_turns_leave(way->requests->turns, &way->turn);
    ch_asking_free(way->asking);
    way->asking = NULL;
    way->said = (ch_agent_answer){0};
    look(way);
}

static void on_late(void *context)
{
    ch_way *way = context;
    ch_error why = CH_ERROR_INIT;
    if (way->state == CH_WAY_AWAITING) {
        (void)ch_fail(&why, CH_BUSY, "the same request is still on its way, and was not sent again");
        ch_way_answer_error(way, CH_ERROR_UNKNOWN, &why);
    } else {
        (void)ch_fail(&why, CH_BUSY, "too many requests with this key wait for their turn; this one was not sent");
        ch_way_answer_error(way, CH_ERROR_NOT_SENT, &why);
    }
    ch_way_end(way);
}

/* ---- a bot's request ---- */

static size_t caller_of(const ch_requests *requests, const ch_inlet *inlet)
{
    size_t caller = 0;
    while (strcmp(requests->config->listeners[caller].caller, inlet->config->caller) != 0)
        caller++;
    return caller;
}

static ch_status take_share(ch_requests *requests, size_t caller, ch_error *err)
{
    size_t callers = requests->config->listener_count;
    const ch_share share = {
        .total = REQUESTS_MAX, .share = REQUESTS_MAX / callers, .reserve = REQUESTS_RESERVE, .first = REQUESTS_FIRST};
    if (!ch_share_admits(&share, requests->count, requests->counts[caller]))
        return ch_fail(err, CH_BUSY, "caller '%s' has %zu requests on their way, which is its share; none was sent",
                       requests->config->listeners[caller].caller, requests->counts[caller]);
    return CH_OK;
}

/* The key's name is part of it: another key's request is another, whatever a bot calls it. */
static void print_repeat(ch_way *way, ch_slice repeat_key)
{
    ch_autobuffer bytes = CH_BUFFER_INIT;
    ch_buffer_add_format(&bytes, "%zu:", way->wire.key.size);
    ch_buffer_add_slice(&bytes, way->wire.key);
    ch_buffer_add_slice(&bytes, repeat_key);
    (void)EVP_Digest(bytes.data, bytes.size, way->repeat, NULL, EVP_sha256(), NULL);
    way->has_repeat = true;
}

/* An empty one would make all requests that have one the same. */
static ch_status check_repeat_key(const ch_slice *repeat_key, ch_error *err)
{
    if (repeat_key != NULL && repeat_key->size == 0)
        return ch_fail(err, CH_BAD_INPUT, "Idempotency-Key is empty; leave it out, or take a new one for each request");
    return CH_OK;
}

static ch_way *new_way(ch_requests *requests, ch_bot *bot, size_t caller)
{
    ch_way *way = ch_alloc(sizeof *way);
    *way = (ch_way){
        .requests = requests,
        .bot = bot,
        .caller = caller,
        .next = requests->list,
        .timer = {.on_due = on_late, .context = way},
    };
    if (requests->list != NULL)
        requests->list->previous = way;
    requests->list = way;
    requests->count++;
    requests->counts[caller]++;
    ch_bot_set_request(bot, way);
    return way;
}

void ch_requests_take(ch_requests *requests, ch_bot *bot, const ch_inlet *inlet, const ch_bot_head *head, ch_slice body)
{
    ch_error err = CH_ERROR_INIT;
    size_t caller = caller_of(requests, inlet);
    const ch_slice *repeat_key = ch_bot_head_find(head, "Idempotency-Key");
    ch_status st = take_share(requests, caller, &err);
    ch_way *way = new_way(requests, bot, caller);
    if (st == CH_OK)
        st = ch_bot_address_read(head->target, inlet->token.size == 0 ? NULL : &inlet->token, &way->address, &err);
    if (st == CH_OK)
        st = check_repeat_key(repeat_key, &err);
    way->wire = (ch_wire){.caller = inlet->config->caller,
                          .key = way->address.key,
                          .origin = way->address.origin,
                          .url = ch_buffer_slice(&way->address.url),
                          .head = head,
                          .body = body};
    if (st != CH_OK) {
        ch_way_answer_problem(way, &err, 0);
        ch_way_end(way);
        return;
    }
    ch_bot_note_known(bot);
    ch_way_enter(way, CH_WAY_RECEIVED);
    ch_wire_print(&way->wire, way->print);
    if (repeat_key != NULL)
        print_repeat(way, *repeat_key);
    look(way);
}

void ch_way_is_gone(ch_way *way)
{
    bool may_end = way->state < CH_WAY_ASKING;
    way->bot = NULL;
    if (way->state == CH_WAY_SENDING && !ch_sending_has_started(way->sending))
        ch_way_give_up(way, CH_OUTCOME_NOT_SENT);
    else if (way->state >= CH_WAY_SENDING && !way->said.has_effects)
        ch_way_give_up(way, CH_OUTCOME_UNKNOWN); /* of a read it does not matter */
    else if (way->is_paused)
        ch_way_has_room(way);
    if (may_end)
        ch_way_end(way);
}

/* ---- life ---- */

ch_requests *ch_requests_new(ch_loop *loop, const ch_relay_config *config, ch_agent *agent, ch_sender *sender)
{
    ch_requests *requests = ch_alloc(sizeof *requests);
    *requests = (ch_requests){.loop = loop,
                              .config = config,
                              .agent = agent,
                              .sender = sender,
                              .outcomes = ch_outcomes_new(config->listener_count),
                              .turns = ch_turns_new(),
                              .counts = ch_alloc(config->listener_count * sizeof(size_t))};
    return requests;
}

void ch_requests_free(ch_requests *requests)
{
    if (requests == NULL)
        return;
    /* Nobody is called any more: their turns and records go with their rooms. */
    for (ch_way *way = requests->list; way != NULL; way = way->next)
        end_waiting(way);
    for (ch_way *way = requests->list, *next; way != NULL; way = next) {
        next = way->next;
        free_way(way);
    }
    ch_outcomes_free(requests->outcomes);
    ch_turns_free(requests->turns);
    free(requests->counts);
    free(requests);
}

size_t ch_requests_count(const ch_requests *requests)
{
    return requests->count;
}
