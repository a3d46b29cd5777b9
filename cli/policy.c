/* policy check: the loader's errors, and warnings. */
#include "cli/commands.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/policy_file.h"
#include "policy/lint.h"

#include <stdio.h>

typedef struct warnings {
    json_t *rows;
} warnings;

static void take(void *context, const ch_warning *warning)
{
    const warnings *to = context;
    json_t *row = json_pack("{s:s s:s s:o s:o}", "code", warning->code, "of", warning->of, "name",
                            ch_jansson_text(warning->name), "text", ch_jansson_text(warning->text));
    if (warning->entry != NULL) {
        json_object_set_new(row, "file", ch_jansson_text(warning->entry->path));
        json_object_set_new(row, "line", json_integer(warning->entry->line));
    }
    json_array_append_new(to->rows, row);
}

static void print_row(const json_t *row)
{
    if (json_object_get(row, "file") != NULL) {
        ch_output_member(row, "", "file");
        printf(":%" JSON_INTEGER_FORMAT ": ", json_integer_value(json_object_get(row, "line")));
    }
    ch_output_member(row, "warning: ", "of");
    if (*ch_jansson_member(row, "name") != '\0') {
        ch_output_member(row, " '", "name");
        printf("'");
    }
    ch_output_member(row, ": ", "text");
    ch_output_member(row, " [", "code");
    puts("]");
}

static ch_status print(const ch_arguments *arguments, const ch_policy *policy, const json_t *rows, ch_error *err)
{
    size_t i;
    const json_t *row;
    if (arguments->option[CH_OPT_JSON] != NULL) {
        ch_autojansson object =
            json_pack("{s:b s:i s:i s:i s:O}", "good", 1, "callers", (int)policy->caller_count, "keys",
                      (int)policy->key_count, "entries", (int)policy->entry_count, "warnings", rows);
        return ch_output_json(object, err);
    }
    json_array_foreach((json_t *)rows, i, row) print_row(row);
    printf("The policy is good: %zu callers, %zu keys, %zu entries, %zu warnings.\n", policy->caller_count,
           policy->key_count, policy->entry_count, json_array_size(rows));
    return CH_OK;
}

static ch_status run_check(const ch_arguments *arguments, ch_error *err)
{
    ch_autopolicy policy = {0};
    ch_autojansson rows = json_array();
    warnings to = {.rows = rows};
    uint64_t now_ns = 0;
    const ch_lint_reader reader = {.context = &to, .warn = take};
    CH_TRY(ch_option_time(arguments, &now_ns, err));
    CH_TRY(ch_policy_open(arguments, arguments->positional_count > 0 ? arguments->positional[0] : NULL, &policy, err));
    ch_policy_lint(&policy, now_ns, &reader);
    CH_TRY(print(arguments, &policy, rows, err));
    if (arguments->option[CH_OPT_STRICT] == NULL || json_array_size(rows) == 0)
        return CH_OK;
    return ch_fail(err, CH_REFUSED, "there are %zu warnings, and --strict takes none", json_array_size(rows));
}

/* clang-format off */
const ch_command ch_commands_of_policy[] = {
    {
        .family = "policy",
        .name = "check",
        .syntax = {.positional = "[FILE]", .positional_max = 1,
                   .options = CH_OPTION(POLICY) | CH_OPTION(CONFIG) | CH_OPTION(PROFILES) | CH_OPTION(STRICT) | CH_OPTION(AT) | CH_OPTION(JSON)},
        .summary = "find what is wrong with a policy, or dangerous",
        .details = "Reads a policy, a file or a folder, without an agent. An error is printed with\n"
                   "file and line, and the exit status is 10. Warnings are about what is allowed and\n"
                   "dangerous, or does nothing; with --strict, the exit status is then 3. Tokens are\n"
                   "looked up only with --config, and users and groups not at all.",
        .examples = "  chancery policy check policy.yaml\n"
                    "  chancery policy check /etc/chancery/policy.d --strict\n",
        .run = run_check,
    },
    {0},
};
/* clang-format on */
