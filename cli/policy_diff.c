/* policy diff: what becomes wider and what narrower. */
#include "cli/commands.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/policy_file.h"
#include "policy/differences.h"

#include <stdio.h>
#include <string.h>

static void take(void *context, const ch_difference *difference)
{
    json_t *rows = context;
    json_t *callers = difference->callers == NULL ? json_null() : json_array();
    for (size_t i = 0; difference->callers != NULL && i < difference->callers->count; i++)
        json_array_append_new(callers, ch_jansson_text(difference->callers->items[i]));
    json_array_append_new(rows, json_pack("{s:s s:s s:o s:o s:o}", "direction", ch_change_name(difference->direction),
                                          "about", difference->about, "name", ch_jansson_text(difference->name),
                                          "callers", callers, "text", ch_jansson_text(difference->text)));
}

static bool is_about(const json_t *row, const char *caller)
{
    size_t i;
    const json_t *name;
    const json_t *callers = json_object_get(row, "callers");
    json_array_foreach((json_t *)callers, i, name)
    {
        if (strcmp(json_string_value(name), caller) == 0)
            return true;
    }
    return json_is_null(callers);
}

/* The callers of the new policy that no difference is about. */
static json_t *same_callers(const ch_policy *policy, const json_t *rows)
{
    json_t *same = json_array();
    for (size_t i = 0; i < policy->caller_count; i++) {
        bool is_same = true;
        size_t k;
        const json_t *row;
        json_array_foreach((json_t *)rows, k, row) is_same &= !is_about(row, policy->callers[i].name);
        if (is_same)
            json_array_append_new(same, ch_jansson_text(policy->callers[i].name));
    }
    return same;
}

static void print_names(const json_t *names)
{
    size_t i;
    const json_t *name;
    json_array_foreach((json_t *)names, i, name)
    {
        printf("%s", i == 0 ? "" : ", ");
        ch_output_text(json_string_value(name));
    }
}

/* What is wider comes first: it is what a reviewer looks for. */
static void print_rows(const json_t *rows, const char *direction)
{
    size_t i;
    const json_t *row;
    json_array_foreach((json_t *)rows, i, row)
    {
        if (strcmp(ch_jansson_member(row, "direction"), direction) != 0)
            continue;
        printf("%-9s ", direction);
        const json_t *callers = json_object_get(row, "callers");
        if (json_array_size(callers) > 0) {
            print_names(callers);
            printf(": ");
        }
        ch_output_member(row, "", "text");
        puts("");
    }
}

static ch_status run(const ch_arguments *arguments, ch_error *err)
{
    ch_autopolicy old_policy = {0};
    ch_autopolicy new_policy = {0};
    ch_autojansson rows = json_array();
    const ch_difference_reader reader = {.context = rows, .take = take};
    CH_TRY(ch_policy_open(arguments, arguments->positional[0], &old_policy, err));
    CH_TRY(ch_policy_open(arguments, arguments->positional[1], &new_policy, err));
    (void)ch_policy_compare(&old_policy, &new_policy, &reader);
    ch_autojansson same = same_callers(&new_policy, rows);
    if (arguments->option[CH_OPT_JSON] != NULL) {
        ch_autojansson object = json_pack("{s:O s:O}", "differences", rows, "same", same);
        return ch_output_json(object, err);
    }
    for (ch_change direction = CH_WIDER; direction <= CH_CHANGED; direction++)
        print_rows(rows, ch_change_name(direction));
    if (json_array_size(same) > 0) {
        printf("same      ");
        print_names(same);
        puts("");
    }
    return CH_OK;
}

/* clang-format off */
const ch_command ch_commands_of_diff[] = {
    {
        .family = "policy",
        .name = "diff",
        .syntax = {.positional = "OLD NEW", .positional_min = 2, .positional_max = 2,
                   .options = CH_OPTION(CONFIG) | CH_OPTION(PROFILES) | CH_OPTION(JSON)},
        .summary = "say what another policy lets pass, and what no longer",
        .details = "Compares two policies by what their entries mean: patterns count as the symbols\n"
                   "that they stand for, and order and names change nothing, save that a limit\n"
                   "counts from nothing under a new name. 'wider' lets more pass, 'narrower' less;\n"
                   "of what is 'changed' that depends on the request.",
        .examples = "  chancery policy diff policy.old.yaml policy.yaml\n",
        .run = run,
    },
    {0},
};
/* clang-format on */
