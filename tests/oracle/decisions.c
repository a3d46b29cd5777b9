/* The driver of the oracle (tests/oracle/run.py): the rooms that decide, without an agent around them.
 *
 * decisions PROFILES reads JSON from standard input, a line for each thing that happens, and answers each with a line.
 * Time stands in the lines. A policy begins a world of its own: levels, states, prices, orders and what may be
 * released.
 *
 *     {"do":"policy","path":P,"now":N}                       {"ok":true} or {"error":E}; with "keep" the world goes on
 *     {"do":"price","now":N,"source":S,"pair":P,"price":D,"quoted":N}    {"ok":"taken"}
 *     {"do":"ask","now":N,"callers":[C],"key":K,"method":M,"path":P,"params":{},"window":MS}
 *                                                            {"ok":true,...}, with "charges", or {"ok":false,...}
 *     {"do":"release","now":N,"id":I}                        {"released":[[LIMIT,AMOUNT]]}, of the I-th that was asked
 *     {"do":"state","of":"caller","name":C,"state":S,"until":N}          {"ok":true}
 *
 * What is signed counts at once, and what agent/core does after a refusal because a limit is used up is done here, too.
 */
#include "tests/oracle/asked.h"

#include "agent/core/orders.h"
#include "base/memory.h"
#include "exchange/check.h"
#include "exchange/match.h"
#include "policy/decide.h"
#include "policy/judging.h"
#include "policy/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reservation {
    ch_taken *taken;
    char **limits; /* the name of each one's limit */
    size_t count;
} reservation;

typedef struct world {
    const char *profiles;
    bool has_policy;
    ch_policy policy;
    ch_levels *levels;
    ch_states *states;
    ch_prices *prices;
    ch_orders *orders;
    reservation *reservations; /* by the number of the request */
    size_t reservation_count;
    ch_judging judging;
    ch_taken taken[CH_CHARGES_MAX];
    asked asked;
    ch_buffer out;
} world;

/* ---- worlds ---- */

static void forget_reservations(world *w)
{
    for (size_t i = 0; i < w->reservation_count; i++) {
        for (size_t k = 0; k < w->reservations[i].count; k++)
            free(w->reservations[i].limits[k]);
        free(w->reservations[i].limits);
        free(w->reservations[i].taken);
    }
    free(w->reservations);
    w->reservations = NULL;
    w->reservation_count = 0;
}

static void end_world(world *w)
{
    forget_reservations(w);
    ch_levels_free(w->levels);
    ch_states_free(w->states);
    ch_prices_free(w->prices);
    ch_orders_free(w->orders);
}

static void begin_world(world *w)
{
    w->levels = ch_levels_new();
    w->states = ch_states_new();
    w->prices = ch_prices_new();
    w->orders = ch_orders_new();
}

static void do_policy(world *w, const json_t *line)
{
    static const char *const tokens[] = {"main"};
    ch_error err = CH_ERROR_INIT;
    ch_policy loaded = {0};
    const ch_policy_source source = {.path = json_string_value(json_object_get(line, "path")),
                                     .profiles_folder = w->profiles,
                                     .tokens = tokens,
                                     .token_count = 1,
                                     .is_elsewhere = true};
    if (ch_policy_load(&source, &loaded, &err) != CH_OK) {
        ch_policy_free(&loaded);
        ch_buffer_add_text(&w->out, "{");
        say_text(&w->out, "error", ch_slice_of(err.message));
        ch_buffer_add_text(&w->out, "}");
        return;
    }
    if (!json_is_true(json_object_get(line, "keep"))) {
        end_world(w);
        begin_world(w);
    }
    ch_policy old = w->policy;
    w->policy = loaded;
    ch_levels_set_policy(w->levels, &w->policy, asked_number(line, "now"));
    ch_prices_set_rules(w->prices, &w->policy.prices);
    if (w->has_policy)
        ch_policy_free(&old);
    w->has_policy = true;
    ch_buffer_add_text(&w->out, "{\"ok\":true}");
}

static void do_price(world *w, const json_t *line)
{
    static const char *const outcomes[] = {"taken", "older", "held"};
    ch_error err = CH_ERROR_INIT;
    ch_quote quote = {.source = asked_text(line, "source"),
                      .pair = asked_text(line, "pair"),
                      .quoted_ns = asked_number(line, "quoted")};
    ch_quote_outcome outcome = CH_QUOTE_TAKEN;
    bool is_good = ch_decimal_read(asked_text(line, "price"), &quote.price) &&
                   ch_prices_put(w->prices, &quote, asked_number(line, "now"), &outcome, &err) == CH_OK;
    ch_buffer_add_text(&w->out, "{");
    say_text(&w->out, "ok", ch_slice_of(is_good ? outcomes[outcome] : err.message));
    ch_buffer_add_text(&w->out, "}");
}

static void do_state(world *w, const json_t *line)
{
    ch_slice state = asked_text(line, "state");
    const ch_state_row row = {.of = ch_slice_is(asked_text(line, "of"), "key") ? CH_STATE_OF_KEY : CH_STATE_OF_CALLER,
                              .name = asked_text(line, "name"),
                              .state = ch_slice_is(state, "halted")     ? CH_TRADING_HALTED
                                       : ch_slice_is(state, "reducing") ? CH_TRADING_REDUCING
                                                                        : CH_TRADING_ACTIVE,
                              .until_ns = asked_number(line, "until"),
                              .why = CH_LITERAL("operator")};
    ch_states_set(w->states, &row);
    ch_buffer_add_text(&w->out, "{\"ok\":true}");
}

/* ---- a request ---- */

static ch_caller_set callers_of(const world *w, const json_t *line)
{
    ch_caller_set set = {0};
    json_t *names = json_object_get(line, "callers");
    for (size_t i = 0; i < json_array_size(names); i++) {
        for (size_t k = 0; k < w->policy.caller_count; k++) {
            if (strcmp(w->policy.callers[k].name, json_string_value(json_array_get(names, i))) == 0)
                set.bits[k / 64] |= UINT64_C(1) << (k % 64);
        }
    }
    return set;
}

static const ch_item *look_up(const void *context, const ch_key *key, ch_slice order)
{
    const world *w = context;
    return ch_orders_find(w->orders, ch_slice_of(w->policy.accounts[key->account].name), order);
}

static ch_status read_call(world *w, uint32_t window_ms, ch_question *question, ch_error *err)
{
    const ch_key *key = question->key;
    ch_request *request = &w->asked.request;
    const ch_endpoint *endpoint;
    CH_TRY(ch_environment_match(key->traits.environment, request, &endpoint, err));
    CH_TRY(ch_endpoint_check(endpoint, key->scheme, request, err));
    const ch_asked meant = {.policy = &w->policy,
                            .key = key,
                            .callers = question->callers,
                            .endpoint = endpoint,
                            .request = request,
                            .window_ms = window_ms,
                            .now_ns = question->now_ns};
    CH_TRY(ch_judging_read(&w->judging, &meant, err));
    const ch_question *read = &w->judging.question;
    question->missing_kind = read->missing_kind;
    question->readings = read->readings;
    question->reading_count = read->reading_count;
    question->is_once = read->is_once;
    question->is_once_by_id = read->is_once_by_id;
    question->window_uses = read->window_uses;
    question->validity_ns = read->validity_ns;
    return CH_OK;
}

static void note_orders(world *w, const ch_question *question)
{
    ch_slice account = ch_slice_of(w->policy.accounts[question->key->account].name);
    for (size_t i = 0; i < question->reading_count; i++) {
        const ch_intent *intent = question->readings[i].intent;
        for (size_t k = 0; k < ch_intent_count(intent); k++)
            ch_orders_note(w->orders, account, 0, ch_intent_item(intent, k));
    }
}

/* As agent/core/ledger_changes.c does it. */
static void punish(world *w, const ch_question *question, const ch_refusal *refusal)
{
    const ch_entry_rule *entry = refusal->entry;
    if (!refusal->is_used_up || entry == NULL || entry->verb != CH_VERB_LIMIT)
        return;
    const ch_limit *limit = &entry->limit;
    bool is_repeated = limit->control == CH_CONTROL_SAME_ORDER;
    ch_trading state = is_repeated ? CH_TRADING_HALTED : limit->then;
    uint64_t end_ns = is_repeated || limit->is_until_operator
                          ? 0
                          : ch_period_end(&limit->per, ch_period_bucket(&limit->per, question->now_ns));
    ch_state_row row = {.of = CH_STATE_OF_CALLER,
                        .state = state,
                        .until_ns = end_ns == UINT64_MAX ? 0 : end_ns,
                        .why = ch_slice_of(entry->name)};
    for (size_t i = 0; i < w->policy.caller_count && state != CH_TRADING_ACTIVE; i++) {
        bool is_meant = entry->selector.is_any_caller || ch_caller_set_has(&entry->selector.callers, i);
        row.name = ch_slice_of(w->policy.callers[i].name);
        if (is_meant && ch_caller_set_has(question->callers, i))
            ch_states_tighten(w->states, &row, question->now_ns);
    }
}

static ch_status judge(world *w, const json_t *line, ch_question *question, ch_error *err)
{
    question->is_raw = json_is_true(json_object_get(line, "raw"));
    if (!question->is_raw)
        CH_TRY(read_call(w, (uint32_t)asked_number(line, "window"), question, err));
    CH_TRY(ch_policy_admit(&w->policy, question->key, question->callers, err));
    CH_TRY(ch_policy_judge(question, &w->judging.judgement, err));
    bool is_dry = json_is_true(json_object_get(line, "dry"));
    return ch_judgement_take(&w->judging.judgement, question, w->levels, is_dry, is_dry ? NULL : w->taken, err);
}

/* ---- answers ---- */

static void say_refusal(world *w, const ch_error *err)
{
    const ch_refusal *refusal = &w->judging.judgement.refusal;
    ch_buffer_add_text(&w->out, "{\"ok\":false");
    say_text(&w->out, "status", ch_slice_of(ch_status_name(err->status)));
    say_text(&w->out, "rule", ch_slice_of(err->rule));
    say_text(&w->out, "message", ch_slice_of(err->message));
    say_text(&w->out, "control", ch_slice_of(refusal->control == NULL ? "" : refusal->control));
    say_text(&w->out, "limit", ch_slice_of(refusal->limit));
    say_text(&w->out, "asked", ch_slice_of(refusal->asked));
    say_text(&w->out, "left", ch_slice_of(refusal->left));
    say_text(&w->out, "fact", ch_slice_of(refusal->fact == NULL ? "" : refusal->fact));
    ch_buffer_add_format(&w->out, ",\"retry\":%llu,\"up\":%s", (unsigned long long)refusal->retry_after_ns,
                         refusal->is_used_up ? "true" : "false");
    ch_buffer_add_format(&w->out, ",\"approvals\":%u,\"code\":%s,\"delay\":%llu}", refusal->approvals,
                         refusal->needs_code ? "true" : "false", (unsigned long long)refusal->delay_ns);
}

static void say_charges(world *w, uint64_t now_ns)
{
    const ch_judgement *judgement = &w->judging.judgement;
    const char *by = judgement->allowed_by == NULL ? "" : judgement->allowed_by->name;
    ch_buffer_add_text(&w->out, "{\"ok\":true");
    say_text(&w->out, "by", ch_slice_of(by));
    ch_buffer_add_text(&w->out, ",\"charges\":[");
    for (size_t i = 0; i < judgement->charge_count; i++) {
        const ch_charge *charge = &judgement->charges[i];
        char text[CH_DECIMAL_TEXT_MAX];
        ch_buffer_add_text(&w->out, i == 0 ? "[" : ",[");
        say_text(&w->out, "", ch_slice_of(charge->entry->name));
        say_text(&w->out, "", charge->scope);
        ch_buffer_add_text(&w->out, charge->is_closing ? ",true" : ",false");
        ch_decimal_text(charge->amount, text);
        say_text(&w->out, "", ch_slice_of(text));
        ch_decimal_text(ch_levels_used(w->levels, charge, now_ns), text);
        say_text(&w->out, "", ch_slice_of(text));
        ch_buffer_add_text(&w->out, "]");
    }
    ch_buffer_add_text(&w->out, "]}");
}

static void reserve(world *w, uint64_t id)
{
    if (id >= w->reservation_count) {
        w->reservations = ch_realloc_array(w->reservations, id + 64, sizeof *w->reservations);
        memset(w->reservations + w->reservation_count, 0, (id + 64 - w->reservation_count) * sizeof *w->reservations);
        w->reservation_count = id + 64;
    }
    reservation *made = &w->reservations[id];
    *made = (reservation){.count = w->judging.judgement.charge_count};
    made->taken = ch_alloc((made->count + 1) * sizeof *made->taken);
    made->limits = ch_alloc((made->count + 1) * sizeof *made->limits);
    for (size_t i = 0; i < made->count; i++) {
        made->taken[i] = w->taken[i];
        made->limits[i] = ch_strdup(w->judging.judgement.charges[i].entry->name);
    }
}

static void do_ask(world *w, const json_t *line)
{
    ch_error err = CH_ERROR_INIT;
    ch_caller_set callers = callers_of(w, line);
    ch_question question = {.policy = &w->policy,
                            .key = ch_policy_find_key(&w->policy, asked_text(line, "key")),
                            .callers = &callers,
                            .request = &w->asked.request,
                            .now_ns = asked_number(line, "now"),
                            .prices = w->prices,
                            .states = w->states,
                            .look_up = look_up,
                            .look_up_context = w};
    w->judging.judgement.refusal = (ch_refusal){0};
    w->judging.judgement.charge_count = 0;
    asked_read(line, &w->asked);
    ch_status said =
        question.key == NULL ? ch_policy_refuse_key(asked_text(line, "key"), &err) : judge(w, line, &question, &err);
    bool is_dry = json_is_true(json_object_get(line, "dry"));
    if (said != CH_OK) {
        say_refusal(w, &err);
        if (!is_dry)
            punish(w, &question, &w->judging.judgement.refusal);
        return;
    }
    say_charges(w, question.now_ns);
    if (is_dry)
        return;
    if (!question.is_raw)
        note_orders(w, &question);
    reserve(w, asked_number(line, "id"));
}

/* ---- releases ---- */

static const ch_entry_rule *find_limit(const world *w, const char *name)
{
    for (size_t i = w->policy.first[CH_VERB_LIMIT]; i < w->policy.first[CH_VERB_LIMIT + 1]; i++) {
        if (strcmp(w->policy.entries[i].name, name) == 0)
            return &w->policy.entries[i];
    }
    return NULL;
}

static void do_release(world *w, const json_t *line)
{
    uint64_t id = asked_number(line, "id");
    reservation *from = id < w->reservation_count ? &w->reservations[id] : NULL;
    ch_buffer_add_text(&w->out, "{\"released\":[");
    for (size_t i = 0; from != NULL && i < from->count; i++) {
        char text[CH_DECIMAL_TEXT_MAX];
        const ch_entry_rule *limit = find_limit(w, from->limits[i]);
        if (limit == NULL)
            continue;
        ch_decimal_text(
            ch_levels_release(w->levels, &from->taken[i], limit, CH_REPORTER_BOT, asked_number(line, "now")), text);
        ch_buffer_add_text(&w->out, w->out.data[w->out.size - 1] == '[' ? "[" : ",[");
        say_text(&w->out, "", ch_slice_of(limit->name));
        say_text(&w->out, "", ch_slice_of(text));
        ch_buffer_add_text(&w->out, "]");
    }
    ch_buffer_add_text(&w->out, "]}");
    if (from != NULL)
        from->count = 0;
}

static void answer(world *w, const json_t *line)
{
    ch_slice what = asked_text(line, "do");
    if (ch_slice_is(what, "ask"))
        do_ask(w, line);
    else if (ch_slice_is(what, "price"))
        do_price(w, line);
    else if (ch_slice_is(what, "release"))
        do_release(w, line);
    else if (ch_slice_is(what, "state"))
        do_state(w, line);
    else if (ch_slice_is(what, "policy"))
        do_policy(w, line);
}

int main(int argc, char **argv)
{
    static world w;
    char *text = NULL;
    size_t capacity = 0;
    json_error_t wrong;
    if (argc != 2) {
        fprintf(stderr, "usage: decisions PROFILES < LINES\n");
        return 2;
    }
    w.profiles = argv[1];
    ch_judging_init(&w.judging);
    begin_world(&w);
    while (getline(&text, &capacity, stdin) > 0) {
        json_t *line = json_loads(text, 0, &wrong);
        ch_buffer_clear(&w.out);
        answer(&w, line);
        ch_buffer_add_byte(&w.out, '\n');
        fwrite(w.out.data, 1, w.out.size, stdout);
        fflush(stdout);
        json_decref(line);
    }
    free(text);
    end_world(&w);
    if (w.has_policy)
        ch_policy_free(&w.policy);
    ch_judging_free(&w.judging);
    ch_buffer_free(&w.out);
    return 0;
}
