/* policy explain: every entry that is looked at, and what it says; by a policy file, or by the agent as it is now. */
#include "base/encode.h"
#include "base/memory.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/parameters.h"
#include "cli/policy_file.h"
#include "cli/trial.h"
#include "exchange/intent.h"
#include "policy/verdict.h"

#include <stdio.h>
#include <string.h>

static const char *const verdict_names[] = {
    [CH_VERDICT_MATCHES] = "matches", [CH_VERDICT_NO_MATCH] = "does not match", [CH_VERDICT_HOLDS] = "holds",
    [CH_VERDICT_REFUSES] = "refuses", [CH_VERDICT_REQUIRED] = "required",
};

/* ---- what is shown, whoever judged ---- */

/* As the agent answers: {"allowed", "meaning", "lines": [{"verb", "entry", "verdict", "text"}], "problem"}. */
static void print(const json_t *answer)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title     member */
        { "",         "verb" },
        { "ENTRY",    "entry" },
        { "VERDICT",  "verdict" },
        { "",         "text" },
        {0},
    };
    /* clang-format on */
    ch_output_lines(stdout, "", ch_jansson_member(answer, "meaning"));
    puts("");
    if (json_array_size(json_object_get(answer, "lines")) > 0) {
        ch_output_table(json_object_get(answer, "lines"), columns);
        puts("");
    }
    if (json_is_true(json_object_get(answer, "allowed"))) {
        puts("allowed");
        return;
    }
    const json_t *problem = json_object_get(answer, "problem");
    ch_output_member(problem, "refused by ", "rule");
    if (*ch_jansson_member(problem, "control") != '\0')
        ch_output_member(problem, ", ", "control");
    ch_output_member(problem, ": ", "detail");
    puts("");
}

static ch_status show(const ch_arguments *arguments, const json_t *answer, ch_error *err)
{
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_json(answer, err);
    print(answer);
    return CH_OK;
}

/* ---- offline ---- */

/* Readings and options look at an entry again and again: what is the same is said once. */
static void take_line(void *context, const ch_trace *line)
{
    json_t *lines = context;
    size_t i;
    json_t *other;
    json_t *row =
        json_pack("{s:s s:s s:s s:o}", "verb", line->entry == NULL ? "" : ch_verb_name(line->entry->verb), "entry",
                  line->entry == NULL ? "" : line->entry->name, "verdict", verdict_names[line->verdict], "text",
                  ch_jansson_text(line->text == NULL ? "" : line->text));
    json_array_foreach(lines, i, other)
    {
        if (json_equal(row, other)) {
            json_decref(row);
            return;
        }
    }
    json_array_append_new(lines, row);
}

/* The charges of windows are not traced: they are known when all limits of one order hold. */
static void add_charges(const ch_trial *trial, json_t *lines)
{
    const ch_judgement *judgement = &trial->judging.judgement;
    for (size_t i = 0; i < judgement->charge_count; i++) {
        const ch_charge *charge = &judgement->charges[i];
        ch_autobuffer text = CH_BUFFER_INIT;
        ch_limit_text(charge->entry, ch_levels_used(trial->levels, charge, trial->now_ns), &text);
        ch_buffer_add_text(&text, " + ");
        ch_limit_text(charge->entry, charge->amount, &text);
        ch_buffer_add_text(&text, " of ");
        ch_limit_text(charge->entry, ch_charge_most(charge), &text);
        ch_buffer_add_format(&text, " (%.*s)", CH_SLICE_ARGS(charge->scope));
        const ch_trace line = {charge->entry, CH_VERDICT_HOLDS, ch_buffer_text(&text)};
        take_line(lines, &line);
    }
}

static void add_meaning(void *context, const ch_question *question)
{
    json_t *answer = context;
    ch_autobuffer words = CH_BUFFER_INIT;
    if (question->reading_count == 0 || question->readings[0].intent == NULL)
        return;
    ch_intent_print(question->readings[0].intent, &words);
    json_object_set_new(answer, "meaning", ch_jansson_text(ch_buffer_text(&words)));
    json_object_set_new(answer, "readings", json_integer((json_int_t)question->reading_count));
}

static void add_refusal(json_t *answer, const ch_refusal *refusal, const ch_error *why)
{
    json_t *problem = json_object();
    const struct {
        const char *name;
        const char *text;
    } members[] = {
        {"rule",    why->rule       },
        {"detail",  why->message    },
        {"control", refusal->control},
        {"limit",   refusal->limit  },
        {"asked",   refusal->asked  },
        {"left",    refusal->left   },
        {"fact",    refusal->fact   },
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (members[i].text != NULL && members[i].text[0] != '\0')
            json_object_set_new(problem, members[i].name, ch_jansson_text(members[i].text));
    }
    json_object_set_new(answer, "problem", problem);
}

static bool is_of_policy(ch_status status)
{
    return status == CH_OK || status == CH_REFUSED || status == CH_TOO_OFTEN;
}

static ch_status judge(ch_trial *trial, const ch_trial_call *call, json_t *answer, ch_error *err)
{
    ch_error why = CH_ERROR_INIT;
    json_t *lines = json_array();
    const ch_trial_reader reader = {.context = answer, .use = add_meaning};
    json_object_set_new(answer, "meaning", json_string(""));
    json_object_set_new(answer, "lines", lines);
    trial->trace = take_line;
    trial->trace_context = lines;
    ch_status st = ch_trial_judge(trial, call, true, &reader, &why);
    if (!is_of_policy(st)) {
        *err = why;
        return st;
    }
    json_object_set_new(answer, "allowed", json_boolean(st == CH_OK));
    if (st == CH_OK)
        add_charges(trial, lines);
    else
        add_refusal(answer, &trial->judging.judgement.refusal, &why);
    return CH_OK;
}

static ch_status explain_offline(const ch_arguments *arguments, json_t *params, json_t *answer, ch_error *err)
{
    const char **word = arguments->positional;
    ch_autopolicy policy = {0};
    size_t caller = 0;
    size_t relay = 0;
    uint64_t now_ns = 0;
    ch_trial_call call = {
        .method = word[2], .path = word[3], .host = "", .params = params, .relay = arguments->option[CH_OPT_VIA]};
    ch_autofree ch_trial *trial = ch_alloc(sizeof *trial);
    if (arguments->option[CH_OPT_HOST] != NULL)
        call.host = arguments->option[CH_OPT_HOST];
    CH_TRY(ch_option_time(arguments, &now_ns, err));
    CH_TRY(ch_policy_open(arguments, NULL, &policy, err));
    CH_TRY(ch_policy_find_caller(&policy, word[0], &caller, err));
    if (call.relay != NULL)
        CH_TRY(ch_policy_find_caller(&policy, call.relay, &relay, err));
    CH_TRY(ch_policy_require_key(&policy, word[1], &call.key, err));
    call.callers.bits[caller / 64] |= 1ULL << (caller % 64);
    ch_trial_init(trial, &policy, now_ns);
    ch_status st = CH_OK;
    if (arguments->option[CH_OPT_PRICE] != NULL)
        st = ch_trial_set_prices(trial, arguments->option[CH_OPT_PRICE], err);
    if (st == CH_OK)
        st = judge(trial, &call, answer, err);
    ch_trial_free(trial);
    return st;
}

/* ---- by the agent ---- */

static ch_status explain_online(const ch_arguments *arguments, json_t *params, json_t **answer, ch_error *err)
{
    const char **word = arguments->positional;
    const char *host = arguments->option[CH_OPT_HOST];
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_autojansson body =
        json_pack("{s:s s:s s:s* s:O}", "method", word[2], "path", word[3], "host", host, "params", params);
    if (arguments->option[CH_OPT_VIA] != NULL)
        return ch_fail(err, CH_BAD_INPUT, "--via is for a policy file; the agent knows by whom it is asked");
    if (body == NULL)
        return ch_fail(err, CH_BAD_INPUT, "METHOD, PATH and HOST must be text in UTF-8");
    ch_buffer_add_text(&path, "/v1/keys/");
    ch_encode_percent(&path, ch_slice_of(word[1]), "");
    ch_buffer_add_text(&path, "/check");
    return ch_client_ask(arguments, ch_buffer_text(&path), body, answer, err);
}

static ch_status run(const ch_arguments *arguments, ch_error *err)
{
    ch_autojansson params = NULL;
    ch_autojansson answer = NULL;
    CH_TRY(ch_parameters_read(arguments->positional + 4, arguments->positional_count - 4, &params, err));
    if (arguments->option[CH_OPT_SOCKET] != NULL) {
        CH_TRY(explain_online(arguments, params, &answer, err));
    } else {
        answer = json_object();
        CH_TRY(explain_offline(arguments, params, answer, err));
    }
    return show(arguments, answer, err);
}

/* clang-format off */
const ch_command ch_commands_of_explain[] = {
    {
        .family = "policy",
        .name = "explain",
        .syntax = {.positional = "CALLER KEY METHOD PATH [name=value ...]", .positional_min = 4, .positional_max = 4 + CH_PARAMETERS_MAX,
                   .options = CH_OPTION(POLICY) | CH_OPTION(CONFIG) | CH_OPTION(PROFILES) | CH_OPTION(VIA) | CH_OPTION(PRICE) | CH_OPTION(AT) |
                              CH_OPTION(SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(HOST) | CH_OPTION(JSON)},
        .summary = "say how a request is judged, and by which entries",
        .details = "Shows what the request means, each entry that is looked at and what it says, and\n"
                   "which rule refuses. Nothing is signed and nothing is counted. Without --socket\n"
                   "it goes by a policy file, with nothing used and the prices of --price. With\n"
                   "--socket the agent is asked, as you: then CALLER is not looked at. With --via\n"
                   "it is judged as what that relay brings for CALLER. Parameters are written as\n"
                   "for sign.",
        .examples = "  chancery policy explain maker binance-main POST /api/v3/order symbol=BTCUSDT side=BUY \\\n"
                    "      type=LIMIT timeInForce=GTC quantity=0.2 price=30000 --price BTC/USDT=29880\n",
        .run = run,
    },
    {0},
};
/* clang-format on */
