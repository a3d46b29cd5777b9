/* decisions: what the agent has decided. */
#include "cli/commands.h"
#include "cli/decisions.h"
#include "cli/jansson.h"
#include "cli/output.h"

#include <limits.h>

/* A row for people, of what they look for first. */
static json_t *brief(const json_t *row)
{
    static const char *const members[] = {"time", "outcome", "key", "path", "rule", "intent", "event", "why"};
    json_t *out = json_object();
    const json_t *record = json_object_get(row, "record");
    json_object_set(out, "id", json_object_get(row, "id"));
    json_object_set(out, "kind", json_object_get(row, "kind"));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_t *value = json_object_get(record, members[i]);
        if (value != NULL)
            json_object_set(out, members[i], value);
    }
    ch_autobuffer callers = CH_BUFFER_INIT;
    json_t *names = json_object_get(record, "callers");
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        ch_buffer_add_format(&callers, "%s%s", i == 0 ? "" : ",", name == NULL ? "?" : name);
    }
    if (callers.size == 0)
        ch_buffer_add_text(&callers, ch_jansson_member(record, "person"));
    json_object_set_new(out, "callers", ch_jansson_text(ch_buffer_text(&callers)));
    return out;
}

static ch_status run(const ch_arguments *arguments, ch_error *err)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title     member */
        { "ID",       "id" },
        { "TIME",     "time" },
        { "KIND",     "kind" },
        { "OUTCOME",  "outcome" },
        { "BY",       "callers" },
        { "KEY",      "key" },
        { "RULE",     "rule" },
        { "PATH",     "path" },
        { "MEANING",  "intent" },
        {0},
    };
    /* clang-format on */
    unsigned after = 0;
    unsigned limit = 0;
    ch_autojansson rows = json_array();
    if (arguments->option[CH_OPT_AFTER] != NULL)
        CH_TRY(ch_option_number(arguments, CH_OPT_AFTER, UINT_MAX, &after, err));
    if (arguments->option[CH_OPT_LIMIT] != NULL)
        CH_TRY(ch_option_number(arguments, CH_OPT_LIMIT, UINT_MAX, &limit, err));
    CH_TRY(ch_decisions_read(arguments, after, limit, rows, err));
    if (arguments->option[CH_OPT_JSON] != NULL) {
        ch_autojansson object = json_pack("{s:O}", "decisions", rows);
        return ch_output_json(object, err);
    }
    ch_autojansson shown = json_array();
    for (size_t i = 0; i < json_array_size(rows); i++)
        json_array_append_new(shown, brief(json_array_get(rows, i)));
    return ch_output_listing(arguments, "decisions", shown, columns, "Nothing was decided.", err);
}

/* clang-format off */
const ch_command ch_commands_of_decisions[] = {
    {
        .name = "decisions",
        .syntax = {.options = CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(AFTER) | CH_OPTION(LIMIT) | CH_OPTION(JSON)},
        .summary = "list what the agent has decided",
        .details = "Lists requests that were signed and refused, what was given back, and what\n"
                   "operators did, as far back as the policy keeps it. You must be an operator or an\n"
                   "auditor in the agent's policy. 'chancery policy replay' judges them again.",
        .examples = "  chancery decisions --after 10000\n"
                    "  chancery decisions --json >decisions.json\n",
        .run = run,
    },
    {0},
};
/* clang-format on */
