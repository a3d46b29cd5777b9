/* policy replay: what was decided, judged again in its order by another policy. */
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/decisions.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/policy_file.h"
#include "cli/trial.h"
#include "policy/decide.h"
#include "policy/given.h"
#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_A_MS 1000000

/* ---- records ---- */

static ch_status read_line(const char *line, size_t number, json_t *rows, ch_error *err)
{
    json_error_t reason;
    if (line[strspn(line, " \t\r\n")] == '\0')
        return CH_OK;
    json_t *row = json_loads(line, JSON_REJECT_DUPLICATES, &reason);
    if (!json_is_object(row)) {
        json_decref(row);
        return ch_fail(err, CH_BAD_INPUT, "line %zu is not a JSON object: %s", number, reason.text);
    }
    json_array_append_new(rows, row);
    return CH_OK;
}

static ch_status read_lines(FILE *file, json_t *rows, ch_error *err)
{
    ch_autofree char *line = NULL;
    size_t room = 0;
    size_t number = 0;
    while (getline(&line, &room, file) >= 0)
        CH_TRY(read_line(line, ++number, rows, err));
    return CH_OK;
}

/* JSON Lines; or one JSON text, as 'chancery decisions --json' prints it. */
static ch_status read_text(FILE *file, json_t *rows, ch_error *err)
{
    ch_autojansson whole = json_loadf(file, JSON_REJECT_DUPLICATES, NULL);
    json_t *list = json_object_get(whole, "decisions");
    if (json_is_array(list)) {
        json_array_extend(rows, list);
        return CH_OK;
    }
    rewind(file);
    return read_lines(file, rows, err);
}

/* What comes through a pipe is copied first, because it is read twice. */
static FILE *copy_of(FILE *from)
{
    char bytes[4096];
    size_t size;
    FILE *copy = tmpfile();
    while (copy != NULL && (size = fread(bytes, 1, sizeof bytes, from)) > 0)
        fwrite(bytes, 1, size, copy);
    if (copy != NULL)
        rewind(copy);
    return copy;
}

static ch_status read_file(const char *path, json_t *rows, ch_error *err)
{
    bool is_input = strcmp(path, "-") == 0;
    FILE *file = is_input ? copy_of(stdin) : fopen(path, "re");
    if (file == NULL)
        return ch_fail_errno(err, "opening %s", path);
    ch_status st = read_text(file, rows, err);
    fclose(file);
    return st;
}

/* ---- one record ---- */

/* What a decision took that a bot reports on later. */
typedef struct reported {
    ch_taken *taken;
    size_t count;
} reported;

typedef struct replay {
    const ch_policy *policy;
    ch_trial *trial;
    json_t *returns; /* by the decision's id: its position in `reported`; -1: it was not signed */
    reported *reported;
    size_t reported_count;
    json_t *flips;
    size_t judged;
    size_t skipped;
    size_t same;
} replay;

static const json_t *record_of(const json_t *row)
{
    const json_t *record = json_object_get(row, "record");
    return record == NULL ? row : record;
}

/* ---- what was given back ---- */

/* What was reported, and by whom. */
/* clang-format off */
static const struct report {
    const char *event;
    ch_reporter by;
    bool is_rejected; /* else only what is open comes back */
    bool is_closed;
} reports[] = {
    /* event        by                   rejected  closed */
    { "released",   CH_REPORTER_BOT,     true,     true },
    { "closed",     CH_REPORTER_BOT,     false,    true },
    { "not sent",   CH_REPORTER_RELAY,   true,     true },
    { "rejected",   CH_REPORTER_RELAY,   true,     true },
    { "answered",   CH_REPORTER_RELAY,   false,    false },
};
/* clang-format on */

/* Returns NULL if the record is none. */
static const struct report *report_of(const json_t *record)
{
    const char *event = ch_jansson_member(record, "event");
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        if (strcmp(event, reports[i].event) == 0)
            return &reports[i];
    }
    return NULL;
}

static bool is_report(const json_t *record)
{
    return report_of(record) != NULL;
}

/* Writes the decision's id as a text. Returns false if the row has none. */
static bool id_of(const json_t *row, const char *member, char out[24])
{
    json_int_t id = json_integer_value(json_object_get(row, member));
    (void)snprintf(out, 24, "%lld", (long long)id);
    return id != 0;
}

static void find_returns(replay *self, const json_t *rows)
{
    size_t i;
    const json_t *row;
    char id[24];
    json_array_foreach((json_t *)rows, i, row)
    {
        bool is_reported = is_report(record_of(row));
        if (strcmp(ch_jansson_member(row, "kind"), "return") == 0 && id_of(row, "of", id))
            json_object_set_new(self->returns, id, json_integer(is_reported ? (json_int_t)self->reported_count++ : -1));
    }
    self->reported = ch_alloc((self->reported_count + 1) * sizeof *self->reported);
}

/* Returns NULL if nobody reports on it. */
static reported *find_reported(const replay *self, const json_t *row, const char *member)
{
    char id[24];
    const json_t *at = id_of(row, member, id) ? json_object_get(self->returns, id) : NULL;
    return at == NULL || json_integer_value(at) < 0 ? NULL : &self->reported[json_integer_value(at)];
}

/* What was not signed counts for nothing. */
static bool is_not_signed(const replay *self, const json_t *row)
{
    char id[24];
    const json_t *at = id_of(row, "id", id) ? json_object_get(self->returns, id) : NULL;
    return at != NULL && json_integer_value(at) < 0;
}

static void keep_taken(const replay *self, const json_t *row)
{
    size_t count = self->trial->judging.judgement.charge_count;
    reported *to = find_reported(self, row, "id");
    if (to == NULL || to->taken != NULL)
        return;
    to->taken = ch_alloc((count + 1) * sizeof *to->taken);
    for (size_t i = 0; i < count; i++)
        to->taken[i] = self->trial->taken[i];
    to->count = count;
}

/* As core does it: what is not open any more comes back, and of what was rejected as much as the limit lets. */
static void give_back(replay *self, const json_t *row)
{
    uint64_t now_ns = self->trial->now_ns;
    const struct report *report = report_of(record_of(row));
    reported *of = find_reported(self, row, "of");
    if (!ch_time_read(ch_jansson_member(record_of(row), "time"), &now_ns))
        return;
    for (size_t i = 0; of != NULL && i < of->count; i++) {
        const ch_entry_rule *limit =
            ch_policy_find_limit(self->policy, ch_levels_row(self->trial->levels, &of->taken[i]).limit);
        if (limit != NULL && (limit->limit.control == CH_CONTROL_OPEN_VALUE ? report->is_closed : report->is_rejected))
            (void)ch_levels_release(self->trial->levels, &of->taken[i], limit, report->by, now_ns);
    }
    if (of != NULL && report->is_closed)
        of->count = 0;
}

/* ---- judging ---- */

static void set_prices(replay *self, const json_t *record)
{
    size_t i;
    const json_t *row;
    json_array_foreach(json_object_get(record, "prices"), i, row)
    {
        ch_error ignored = CH_ERROR_INIT;
        ch_decimal price;
        uint64_t age_ms = (uint64_t)json_integer_value(json_object_get(row, "age_ms"));
        if (ch_decimal_read(ch_slice_of(ch_jansson_member(row, "price")), &price))
            ch_ignore(ch_trial_set_price(self->trial, ch_jansson_member(row, "pair"), price, age_ms * NS_A_MS,
                                         &ignored)); /* the policy may have no prices */
    }
}

static ch_caller_set callers_of(const ch_policy *policy, const json_t *record)
{
    ch_caller_set set = {0};
    size_t i;
    const json_t *name;
    json_array_foreach(json_object_get(record, "callers"), i, name)
    {
        for (size_t k = 0; json_is_string(name) && k < policy->caller_count; k++) {
            if (strcmp(json_string_value(name), policy->callers[k].name) == 0)
                set.bits[k / 64] |= 1ULL << (k % 64);
        }
    }
    return set;
}

static bool is_of_policy(const char *outcome)
{
    return strcmp(outcome, "allowed") == 0 || strcmp(outcome, ch_status_name(CH_REFUSED)) == 0 ||
           strcmp(outcome, ch_status_name(CH_TOO_OFTEN)) == 0;
}

/* Trading states and the agent's own trouble are not of policy, and not known here; nor do entries decide what a person
 * flattens. */
static bool is_of_then(const json_t *record)
{
    const char *rule = ch_jansson_member(record, "rule");
    if (json_object_get(record, "person") != NULL)
        return true;
    return strcmp(rule, "state") == 0 || strcmp(rule, "record") == 0;
}

static void add_flip(replay *self, const json_t *row, const json_t *record, bool is_allowed, const ch_error *why)
{
    static const char *const members[] = {"time", "key", "method", "path", "callers", "intent", "times"};
    json_t *flip = json_object();
    json_object_set(flip, "id", json_object_get(row, "id"));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_t *value = json_object_get(record, members[i]);
        if (value != NULL)
            json_object_set(flip, members[i], value);
    }
    json_object_set_new(flip, "was", json_string(is_allowed ? "refused" : "allowed"));
    json_object_set_new(flip, "is", json_string(is_allowed ? "allowed" : "refused"));
    json_object_set_new(flip, "rule", ch_jansson_text(is_allowed ? ch_jansson_member(record, "rule") : why->rule));
    json_object_set_new(flip, "why", ch_jansson_text(is_allowed ? ch_jansson_member(record, "why") : why->message));
    json_array_append_new(self->flips, flip);
}

static uint64_t time_of(const json_t *record, const char *member)
{
    uint64_t ns = 0;
    return ch_time_read(ch_jansson_member(record, member), &ns) ? ns : 0;
}

/* Returns what people gave to the request, or NULL if it needed nobody. */
static const ch_given *read_given(const json_t *record, ch_given *out)
{
    const json_t *approval = json_object_get(record, "approval");
    const json_t *rows = json_object_get(approval, "given");
    if (approval == NULL)
        return NULL;
    *out = (ch_given){.requester = (uid_t)json_integer_value(json_object_get(record, "uid")),
                      .asked_ns = time_of(approval, "asked")};
    for (size_t i = 0; i < json_array_size(rows) && out->count < CH_GIVEN_MAX; i++) {
        const json_t *row = json_array_get(rows, i);
        ch_given_by *by = &out->by[out->count++];
        *by = (ch_given_by){.uid = (uid_t)json_integer_value(json_object_get(row, "uid")),
                            .at_ns = time_of(row, "time"),
                            .is_by_code = json_is_true(json_object_get(row, "code"))};
        snprintf(by->person, sizeof by->person, "%s", ch_jansson_member(row, "person"));
    }
    return out;
}

static ch_status judge(replay *self, const json_t *row, const json_t *record, ch_error *why)
{
    ch_given given;
    ch_autojansson none = json_object();
    json_t *params = json_object_get(record, "params");
    ch_trial_call call = {.callers = callers_of(self->policy, record),
                          .key = ch_policy_find_key(self->policy, ch_slice_of(ch_jansson_member(record, "key"))),
                          .method = ch_jansson_member(record, "method"),
                          .path = ch_jansson_member(record, "path"),
                          .host = ch_jansson_member(record, "host"),
                          .params = params == NULL ? none : params,
                          .given = read_given(record, &given),
                          .relay = json_is_string(json_object_get(record, "relay")) ? ch_jansson_member(record, "relay")
                                                                                    : NULL,
                          .is_raw = strcmp(ch_jansson_member(record, "form"), "raw") == 0};
    if (call.key == NULL)
        return ch_policy_refuse_key(ch_slice_of(ch_jansson_member(record, "key")), why);
    return ch_trial_judge(self->trial, &call, is_not_signed(self, row), NULL, why);
}

static void replay_row(replay *self, const json_t *row)
{
    uint64_t now_ns = 0;
    ch_error why = CH_ERROR_INIT;
    const json_t *record = record_of(row);
    const char *outcome = ch_jansson_member(record, "outcome");
    bool is_raw = strcmp(ch_jansson_member(record, "form"), "raw") == 0;
    if (strcmp(ch_jansson_member(row, "kind"), "return") == 0 && is_report(record))
        give_back(self, row);
    if (*outcome == '\0' || !is_of_policy(outcome))
        return; /* an event, or what failed for another reason */
    if ((json_object_get(record, "params") == NULL && !is_raw) || is_of_then(record) ||
        !ch_time_read(ch_jansson_member(record, "time"), &now_ns)) {
        self->skipped++;
        return;
    }
    self->trial->now_ns = now_ns;
    set_prices(self, record);
    ch_status st = judge(self, row, record, &why);
    if (st != CH_OK && st != CH_REFUSED && st != CH_TOO_OFTEN) {
        self->skipped++;
        return;
    }
    self->judged++;
    if (st == CH_OK)
        keep_taken(self, row);
    if ((st == CH_OK) != (strcmp(outcome, "allowed") == 0))
        add_flip(self, row, record, st == CH_OK, &why);
    else
        self->same++;
}

static void replay_all(replay *self, const json_t *rows)
{
    find_returns(self, rows);
    for (size_t i = 0; i < json_array_size(rows); i++)
        replay_row(self, json_array_get(rows, i));
    for (size_t i = 0; i < self->reported_count; i++)
        free(self->reported[i].taken);
    free(self->reported);
}

/* ---- the command ---- */

static ch_status show(const ch_arguments *arguments, const replay *self, ch_error *err)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title     member */
        { "ID",       "id" },
        { "TIME",     "time" },
        { "WAS",      "was" },
        { "IS",       "is" },
        { "RULE",     "rule" },
        { "KEY",      "key" },
        { "PATH",     "path" },
        { "WHY",      "why" },
        {0},
    };
    /* clang-format on */
    if (arguments->option[CH_OPT_JSON] != NULL) {
        ch_autojansson object = json_pack("{s:i s:i s:i s:O}", "judged", (int)self->judged, "same", (int)self->same,
                                          "skipped", (int)self->skipped, "flips", self->flips);
        return ch_output_json(object, err);
    }
    if (json_array_size(self->flips) > 0) {
        ch_output_table(self->flips, columns);
        puts("");
    }
    printf("%zu decisions judged again: %zu as before, %zu otherwise; %zu could not be judged.\n", self->judged,
           self->same, json_array_size(self->flips), self->skipped);
    return CH_OK;
}

static ch_status run(const ch_arguments *arguments, ch_error *err)
{
    const char *path = NULL;
    ch_autopolicy policy = {0};
    ch_autojansson rows = json_array();
    ch_autojansson flips = json_array();
    ch_autojansson returns = json_object();
    ch_autofree ch_trial *trial = ch_alloc(sizeof *trial);
    CH_TRY(ch_option_required(arguments, CH_OPT_POLICY, &path, err));
    CH_TRY(ch_policy_open(arguments, path, &policy, err));
    if (arguments->positional_count > 0)
        CH_TRY(read_file(arguments->positional[0], rows, err));
    else
        CH_TRY(ch_decisions_read(arguments, 0, 0, rows, err));
    ch_trial_init(trial, &policy, 0);
    replay self = {.policy = &policy, .trial = trial, .returns = returns, .flips = flips};
    replay_all(&self, rows);
    ch_trial_free(trial);
    return show(arguments, &self, err);
}

/* clang-format off */
const ch_command ch_commands_of_replay[] = {
    {
        .family = "policy",
        .name = "replay",
        .syntax = {.positional = "[FILE | -]", .positional_max = 1,
                   .options = CH_OPTION(POLICY) | CH_OPTION(CONFIG) | CH_OPTION(PROFILES) | CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(JSON)},
        .summary = "judge what was decided by another policy",
        .details = "Takes the decisions that the agent keeps, or those in FILE as 'chancery\n"
                   "decisions --json' prints them or one a line, and judges them in their order by\n"
                   "--policy, with the prices of then and limits that count anew. Lists what would\n"
                   "be decided otherwise. What an amendment leaves unsaid is not known here, and\n"
                   "every caller and key is taken to be active.",
        .examples = "  chancery policy replay --policy policy.new.yaml\n"
                    "  chancery policy replay --policy policy.new.yaml decisions.json --json\n",
        .run = run,
    },
    {0},
};
/* clang-format on */
