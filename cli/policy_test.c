/* policy test: cases for the user's own CI. Each is judged by itself: nothing counts but what its `used` says. */
#include "cli/commands.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/policy_file.h"
#include "cli/trial.h"
#include "base/memory.h"
#include "conf/fields.h"
#include "policy/decide.h"
#include "policy/levels.h"
#include "policy/policy.h"
#include "policy/states.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the file ---- */

typedef struct test_case {
    char *name;
    char *caller;
    char *key;
    char *call; /* "POST /path" */
    char *host;
    char *relay;
    char *at;
    json_t *params;
    const ch_yaml *node;
    const ch_yaml *prices;
    const ch_yaml *used;
    const ch_yaml *states;
    bool is_allowed;
    char *rule; /* NULL: any that refuses */
} test_case;

typedef struct test_file {
    char *policy;
    const ch_yaml *prices;
    test_case *cases;
    size_t case_count;
} test_file;

static ch_status read_params(const ch_yaml *node, json_t **out, ch_error *err);

/* Plain whole numbers and true and false are what they are in JSON; all else is text. */
static ch_status read_param(const ch_yaml *node, json_t **out, ch_error *err)
{
    ch_error ignored = CH_ERROR_INIT;
    uint64_t number = 0;
    bool truth = false;
    const char *text = NULL;
    if (ch_yaml_kind_of(node) != CH_YAML_SCALAR)
        return read_params(node, out, err);
    if (ch_yaml_bool(node, &truth, &ignored) == CH_OK)
        *out = json_boolean(truth);
    else if (ch_yaml_uint(node, &number, INT64_MAX, &ignored) == CH_OK)
        *out = json_integer((json_int_t)number);
    else {
        CH_TRY(ch_yaml_text(node, &text, err));
        *out = ch_jansson_text(text);
    }
    return CH_OK;
}

/* Calls itself once for each level, whose depth the YAML reader bounds. */
static ch_status read_params(const ch_yaml *node, json_t **out, ch_error *err)
{
    bool is_map = ch_yaml_kind_of(node) == CH_YAML_MAP;
    *out = is_map ? json_object() : json_array();
    for (size_t i = 0; i < ch_yaml_count(node); i++) {
        json_t *value = NULL;
        ch_status st = read_param(is_map ? ch_yaml_value_at(node, i) : ch_yaml_item(node, i), &value, err);
        if (st == CH_OK && is_map)
            json_object_set_new(*out, ch_yaml_key_at(node, i), value);
        else if (st == CH_OK)
            json_array_append_new(*out, value);
        else
            json_decref(value);
        CH_TRY(st);
    }
    return CH_OK;
}

static ch_status field_params(const ch_value *value, ch_error *err)
{
    return read_params(value->node, value->out, err);
}

static ch_status field_node(const ch_value *value, ch_error *err)
{
    const ch_yaml **out = value->out;
    *out = value->node;
    for (size_t i = 0; i < ch_yaml_count(value->node); i++)
        (void)ch_yaml_value_at(value->node, i);
    return ch_yaml_expect_map(value->node, err);
}

/* `allowed`, `refused`, or `{ refused: RULE }`. */
static ch_status field_expect(const ch_value *value, ch_error *err)
{
    test_case *out = value->out;
    const char *text = NULL;
    const ch_yaml *node = NULL;
    if (ch_yaml_kind_of(value->node) == CH_YAML_MAP) {
        CH_TRY(ch_yaml_require_text(value->node, "refused", &node, &text, err));
        out->rule = ch_strdup(text);
        return ch_yaml_check_known(value->node, err);
    }
    CH_TRY(ch_yaml_text(value->node, &text, err));
    out->is_allowed = strcmp(text, "allowed") == 0;
    if (!out->is_allowed && strcmp(text, "refused") != 0)
        return ch_yaml_fail(value->node, err, "'expect' is 'allowed', 'refused', or '{ refused: RULE }'");
    return CH_OK;
}

/* clang-format off */
static const ch_field case_fields[] = {
    /* name        required  reader         where */
    { "name",      true,     ch_field_text, CH_MEMBER(test_case, name) },
    { "caller",    true,     ch_field_text, CH_MEMBER(test_case, caller) },
    { "key",       true,     ch_field_text, CH_MEMBER(test_case, key) },
    { "call",      true,     ch_field_text, CH_MEMBER(test_case, call) },
    { "host",      false,    ch_field_text, CH_MEMBER(test_case, host) },
    { "relay",     false,    ch_field_text, CH_MEMBER(test_case, relay) },
    { "params",    false,    field_params,  CH_MEMBER(test_case, params) },
    { "at",        false,    ch_field_text, CH_MEMBER(test_case, at) },
    { "prices",    false,    field_node,    CH_MEMBER(test_case, prices) },
    { "used",      false,    field_node,    CH_MEMBER(test_case, used) },
    { "states",    false,    field_node,    CH_MEMBER(test_case, states) },
    { "expect",    true,     field_expect,  CH_WHOLE },
};
/* clang-format on */

static ch_status read_case(const ch_value *value, ch_error *err)
{
    test_case *out = value->out;
    out->node = value->node;
    return ch_fields_read(value->node, CH_FIELDS(case_fields), out, NULL, err);
}

static const ch_entries case_entries = {
    .what = "case", .kind = CH_YAML_LIST, .min = 1, .entry = {.read = read_case, .size = sizeof(test_case)}
};

static ch_status field_cases(const ch_value *value, ch_error *err)
{
    test_file *out = value->out;
    out->cases = ch_alloc((ch_yaml_count(value->node) + 1) * sizeof *out->cases);
    return ch_entries_read(value->node, &case_entries, out->cases, &out->case_count, NULL, err);
}

/* clang-format off */
static const ch_field file_fields[] = {
    /* name        required  reader         where */
    { "policy",    false,    ch_field_path, CH_MEMBER(test_file, policy) },
    { "prices",    false,    field_node,    CH_MEMBER(test_file, prices) },
    { "cases",     true,     field_cases,   CH_WHOLE },
};
/* clang-format on */

static void free_file(test_file *file)
{
    for (size_t i = 0; i < file->case_count; i++) {
        test_case *one = &file->cases[i];
        char *const texts[] = {one->name, one->caller, one->key, one->call, one->host, one->relay, one->at, one->rule};
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            free(texts[k]);
        json_decref(one->params);
    }
    free(file->cases);
    free(file->policy);
}

/* ---- one case ---- */

static ch_status set_prices(ch_trial *trial, const ch_yaml *prices, ch_error *err)
{
    for (size_t i = 0; prices != NULL && i < ch_yaml_count(prices); i++) {
        ch_decimal price = CH_DECIMAL_ZERO;
        const char *text = NULL;
        const ch_yaml *node = ch_yaml_value_at(prices, i);
        CH_TRY(ch_yaml_text(node, &text, err));
        if (!ch_decimal_read(ch_slice_of(text), &price))
            return ch_yaml_fail(node, err, "'%s' is no price", text);
        if (ch_trial_set_price(trial, ch_yaml_key_at(prices, i), price, 0, err) != CH_OK)
            return ch_error_wrap(err, "%s:%u", ch_yaml_path(node), ch_yaml_line(node));
    }
    return CH_OK;
}

static ch_status check_name_of_state(const ch_policy *policy, const ch_yaml *node, const char *name, ch_error *err)
{
    size_t caller = 0;
    ch_error ignored = CH_ERROR_INIT;
    if (ch_policy_find_key(policy, ch_slice_of(name)) != NULL ||
        ch_policy_find_caller(policy, name, &caller, &ignored) == CH_OK)
        return CH_OK;
    return ch_yaml_fail(node, err, "the policy has no caller and no key '%s'; correct the name", name);
}

static ch_status set_states(ch_trial *trial, const ch_yaml *states, ch_error *err)
{
    for (size_t i = 0; states != NULL && i < ch_yaml_count(states); i++) {
        const ch_yaml *node = ch_yaml_value_at(states, i);
        ch_slice name = ch_slice_of(ch_yaml_key_at(states, i));
        const char *text = NULL;
        ch_trading state = CH_TRADING_ACTIVE;
        CH_TRY(check_name_of_state(trial->policy, node, ch_yaml_key_at(states, i), err));
        CH_TRY(ch_yaml_text(node, &text, err));
        while (state < CH_TRADING_HALTED && strcmp(ch_trading_name(state), text) != 0)
            state++;
        if (strcmp(ch_trading_name(state), text) != 0)
            return ch_yaml_fail(node, err, "a trading state is active, reducing or halted");
        ch_state_row row = {.of = CH_STATE_OF_CALLER, .name = name, .state = state, .why = CH_LITERAL("the test")};
        if (ch_policy_find_key(trial->policy, name) != NULL)
            row.of = CH_STATE_OF_KEY;
        ch_states_set(trial->states, &row);
    }
    return CH_OK;
}

/* A name that is no limit's would leave every window empty, and the case would pass for another reason. */
static ch_status check_used(const ch_policy *policy, const ch_yaml *used, ch_error *err)
{
    for (size_t i = 0; used != NULL && i < ch_yaml_count(used); i++) {
        const char *name = ch_yaml_key_at(used, i);
        const ch_entry_rule *limit = ch_policy_find_limit(policy, ch_slice_of(name));
        if (limit == NULL)
            return ch_yaml_fail(ch_yaml_key_node_at(used, i), err, "the policy has no limit '%s'; correct the name",
                                name);
        if (limit->limit.per.kind == CH_PERIOD_NONE && limit->limit.control != CH_CONTROL_OPEN_VALUE)
            return ch_yaml_fail(ch_yaml_key_node_at(used, i), err,
                                "limit '%s' looks at each request by itself, so nothing of it is used; delete this",
                                name);
    }
    return CH_OK;
}

/* Fills the windows that the call would take from. */
static ch_status use_windows(ch_trial *trial, const ch_yaml *used, ch_error *err)
{
    const ch_judgement *judgement = &trial->judging.judgement;
    for (size_t i = 0; i < ch_yaml_count(used); i++) {
        const ch_yaml *node = ch_yaml_value_at(used, i);
        ch_decimal amount = CH_DECIMAL_ZERO;
        const char *text = NULL;
        CH_TRY(ch_yaml_text(node, &text, err));
        if (!ch_decimal_read(ch_slice_of(text), &amount))
            return ch_yaml_fail(node, err, "'%s' is no plain decimal; the unit is the limit's", text);
        for (size_t k = 0; k < judgement->charge_count; k++) {
            ch_charge charge = judgement->charges[k];
            if (strcmp(charge.entry->name, ch_yaml_key_at(used, i)) != 0)
                continue;
            charge.amount = amount;
            charge.may_use_reserve = true;
            if (ch_levels_take(trial->levels, &charge, trial->now_ns, &trial->taken[0], err) != CH_OK)
                return ch_yaml_fail(node, err, "limit '%s' cannot have so much used", charge.entry->name);
        }
    }
    return CH_OK;
}

static ch_status make_call(const ch_policy *policy, const test_case *one, char **method, ch_trial_call *out,
                           ch_error *err)
{
    size_t caller = 0;
    const char *space = strchr(one->call, ' ');
    if (space == NULL)
        return ch_yaml_fail(one->node, err, "'call' is written as in 'POST /api/v3/order'");
    *method = ch_slice_strdup((ch_slice){(const uint8_t *)one->call, (size_t)(space - one->call)});
    *out = (ch_trial_call){.method = *method, .path = space + 1, .host = one->host == NULL ? "" : one->host};
    out->params = one->params;
    out->relay = one->relay;
    if ((one->relay != NULL && ch_policy_find_caller(policy, one->relay, &caller, err) != CH_OK) ||
        ch_policy_find_caller(policy, one->caller, &caller, err) != CH_OK ||
        ch_policy_require_key(policy, one->key, &out->key, err) != CH_OK)
        return ch_error_wrap(err, "%s:%u", ch_yaml_path(one->node), ch_yaml_line(one->node));
    out->callers.bits[caller / 64] |= 1ULL << (caller % 64);
    return CH_OK;
}

/* What came of it is in `why`; a failure is of the case itself. */
static ch_status judge(ch_trial *trial, const test_file *file, const test_case *one, ch_error *why, ch_error *err)
{
    ch_trial_call call;
    ch_autofree char *method = NULL;
    CH_TRY(set_prices(trial, file->prices, err));
    CH_TRY(set_prices(trial, one->prices, err));
    CH_TRY(set_states(trial, one->states, err));
    CH_TRY(check_used(trial->policy, one->used, err));
    CH_TRY(make_call(trial->policy, one, &method, &call, err));
    if (call.params == NULL)
        call.params = json_object();
    else
        json_incref(call.params);
    ch_status st = ch_trial_judge(trial, &call, true, NULL, why);
    if (st == CH_OK && one->used != NULL) {
        if (use_windows(trial, one->used, err) == CH_OK)
            st = ch_trial_judge(trial, &call, true, NULL, why);
        else
            why->status = CH_CONFIG;
    }
    json_decref(call.params);
    if (st == CH_OK && err->status != CH_OK)
        return err->status;
    if (st == CH_OK || st == CH_REFUSED || st == CH_TOO_OFTEN)
        return CH_OK;
    return ch_yaml_fail(one->node, err, "case '%s': %s", one->name, why->message);
}

static bool is_as_expected(const test_case *one, const ch_error *why)
{
    if (one->is_allowed)
        return why->status == CH_OK;
    return why->status != CH_OK && (one->rule == NULL || strcmp(one->rule, why->rule) == 0);
}

static ch_status run_case(const ch_policy *policy, const test_file *file, const test_case *one, uint64_t now_ns,
                          json_t *rows, ch_error *err)
{
    ch_error why = CH_ERROR_INIT;
    ch_autofree ch_trial *trial = ch_alloc(sizeof *trial);
    if (one->at != NULL && !ch_time_read(one->at, &now_ns))
        return ch_yaml_fail(one->node, err, "'at' is a time in UTC, such as 2027-01-31T09:30:00Z");
    ch_trial_init(trial, policy, now_ns);
    ch_status st = judge(trial, file, one, &why, err);
    ch_trial_free(trial);
    CH_TRY(st);
    bool is_good = is_as_expected(one, &why);
    json_array_append_new(rows, json_pack("{s:o s:b s:s s:o s:o s:o s:i}", "name", ch_jansson_text(one->name), "passed",
                                          (int)is_good, "expected", one->is_allowed ? "allowed" : "refused",
                                          "expected_rule", one->rule == NULL ? json_null() : ch_jansson_text(one->rule),
                                          "rule", why.status == CH_OK ? json_null() : ch_jansson_text(why.rule), "why",
                                          why.status == CH_OK ? json_null() : ch_jansson_text(why.message), "line",
                                          (int)ch_yaml_line(one->node)));
    return CH_OK;
}

/* ---- the command ---- */

static void print_failure(const json_t *row)
{
    const char *rule = ch_jansson_member(row, "rule");
    const char *expected = ch_jansson_member(row, "expected_rule");
    ch_output_member(row, "FAILED  ", "name");
    printf(": it is %s", *rule == '\0' ? "allowed" : "refused by ");
    ch_output_text(rule);
    ch_output_member(row, ", and should be ", "expected");
    if (*expected != '\0')
        ch_output_member(row, " by ", "expected_rule");
    if (*rule != '\0')
        ch_output_member(row, "\n        ", "why");
    puts("");
}

static size_t print(const json_t *rows, bool is_quiet)
{
    size_t failed = 0;
    size_t i;
    const json_t *row;
    json_array_foreach((json_t *)rows, i, row)
    {
        bool passed = json_is_true(json_object_get(row, "passed"));
        failed += !passed;
        if (!passed && !is_quiet)
            print_failure(row);
    }
    if (!is_quiet)
        printf("%zu cases, %zu failed.\n", json_array_size(rows), failed);
    return failed;
}

static ch_status run_file(const ch_arguments *arguments, const test_file *file, ch_error *err)
{
    ch_autopolicy policy = {0};
    ch_autojansson rows = json_array();
    uint64_t now_ns = 0;
    bool is_json = arguments->option[CH_OPT_JSON] != NULL;
    CH_TRY(ch_option_time(arguments, &now_ns, err));
    CH_TRY(ch_policy_open(arguments, ch_option_policy(arguments) == NULL ? file->policy : NULL, &policy, err));
    for (size_t i = 0; i < file->case_count; i++)
        CH_TRY(run_case(&policy, file, &file->cases[i], now_ns, rows, err));
    size_t failed = print(rows, is_json);
    if (is_json) {
        ch_autojansson object = json_pack("{s:O}", "cases", rows);
        CH_TRY(ch_output_json(object, err));
    }
    return failed == 0 ? CH_OK : ch_fail(err, CH_REFUSED, "%zu of %zu cases failed", failed, json_array_size(rows));
}

static ch_status run(const ch_arguments *arguments, ch_error *err)
{
    ch_autoyaml *document = NULL;
    test_file file = {0};
    CH_TRY(ch_yaml_load_any(arguments->positional[0], &document, err));
    ch_status st = ch_fields_read(ch_yaml_root(document), CH_FIELDS(file_fields), &file, NULL, err);
    if (st == CH_OK)
        st = run_file(arguments, &file, err);
    free_file(&file);
    return st;
}

/* clang-format off */
const ch_command ch_commands_of_test[] = {
    {
        .family = "policy",
        .name = "test",
        .syntax = {.positional = "FILE", .positional_min = 1, .positional_max = 1,
                   .options = CH_OPTION(POLICY) | CH_OPTION(CONFIG) | CH_OPTION(PROFILES) | CH_OPTION(AT) | CH_OPTION(JSON)},
        .summary = "judge the cases of a file, for your own CI",
        .details = "FILE names a policy, prices and cases: who asks for what, when, with what used\n"
                   "of which limits, and whether that is to be allowed or refused, by which rule.\n"
                   "The exit status is 3 if a case is judged otherwise. docs/policy-tools.md has it.",
        .examples = "  chancery policy test policy-tests.yaml\n"
                    "  chancery policy test policy-tests.yaml --policy policy.new.yaml --json\n",
        .run = run,
    },
    {0},
};
/* clang-format on */
