/* The report is made to be published, so it has neither the token's label nor its serial number. */
#include "cli/token_probe.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/printable.h"
#include "base/utc.h"
#include "cli/interrupt.h"
#include "cli/jansson.h"
#include "cli/key_access.h"
#include "cli/output.h"
#include "cli/probe.h"
#include "cli/token_info.h"
#include "pkcs11/key.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/token.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- one mechanism ---- */

/* clang-format off */
static const char *const step_names[CH_PROBE_STEP_COUNT] = {
    [CH_PROBE_GENERATE]   = "generate",
    [CH_PROBE_IMPORT]     = "import",
    [CH_PROBE_ATTRIBUTES] = "attributes",
    [CH_PROBE_SIGN]       = "sign",
    [CH_PROBE_THREADED]   = "threads",
    [CH_PROBE_DELETE]     = "delete",
};
/* clang-format on */

/* "ok", "" if it was not tried, else what the token answered, in a word. */
static const char *outcome_of(const ch_probe *probe, ch_probe_step step)
{
    const ch_error *outcome = &probe->outcome[step];
    if (!probe->is_tried[step])
        return "";
    if (outcome->status == CH_OK)
        return "ok";
    return outcome->rule[0] != '\0' ? outcome->rule : ch_status_name(outcome->status);
}

/* Errors name the token: "token 'main' does not offer ..." */
static json_t *without_label(const char *message, const char *label)
{
    ch_autobuffer quoted = CH_BUFFER_INIT;
    ch_autobuffer out = CH_BUFFER_INIT;
    const char *found;
    ch_buffer_add_format(&quoted, "'%s'", label);
    while ((found = strstr(message, ch_buffer_text(&quoted))) != NULL) {
        ch_buffer_add(&out, message, (size_t)(found - message));
        ch_buffer_add_text(&out, "'...'");
        message = found + quoted.size;
    }
    ch_buffer_add_text(&out, message);
    return ch_jansson_text(ch_buffer_text(&out));
}

static json_t *failures_of(const ch_probe *probe, const char *label)
{
    json_t *failures = json_array();
    for (ch_probe_step step = 0; step < CH_PROBE_STEP_COUNT; step++) {
        if (probe->is_tried[step] && probe->outcome[step].status != CH_OK)
            json_array_append_new(failures, json_pack("{s:s s:o}", "step", step_names[step], "says",
                                                      without_label(probe->outcome[step].message, label)));
    }
    return failures;
}

/* To a tenth. */
static void set_rate(json_t *row, const char *member, double rate)
{
    if (rate > 0)
        json_object_set_new(row, member, json_real((double)(int64_t)(rate * 10 + 0.5) / 10));
}

static json_t *row_of(const ch_probe *probe, const char *label)
{
    json_t *row = json_pack("{s:s}", "mechanism", probe->mechanism->name);
    for (ch_probe_step step = 0; step < CH_PROBE_STEP_COUNT; step++)
        json_object_set_new(row, step_names[step], json_string(outcome_of(probe, step)));
    set_rate(row, "rate_1", probe->rate_of_one);
    set_rate(row, "rate_4", probe->rate_of_many);
    json_object_set_new(row, "failures", failures_of(probe, label));
    return row;
}

/* ---- all of them ---- */

static ch_status find_chosen(const ch_arguments *arguments, const ch_mechanism **out, ch_error *err)
{
    const char *name = arguments->option[CH_OPT_MECHANISM];
    *out = name == NULL ? NULL : ch_mechanism_find(ch_slice_of(name));
    if (name != NULL && *out == NULL)
        return ch_fail(err, CH_BAD_INPUT, "unknown mechanism '%s'; 'chancery help mechanisms' lists them", name);
    return CH_OK;
}

static void add_left_over(const ch_probe *probe, ch_buffer *left_over)
{
    const ch_error *outcome = &probe->outcome[CH_PROBE_DELETE];
    if (probe->is_tried[CH_PROBE_DELETE] && outcome->status != CH_OK)
        ch_buffer_add_format(left_over, "%s%s", left_over->size == 0 ? "" : "; ", outcome->message);
}

/* `chosen` is the only one to try; NULL: all. */
static json_t *try_all(ch_session *session, const ch_mechanism *chosen, const char *label, ch_buffer *left_over)
{
    json_t *rows = json_array();
    const ch_mechanism *mechanism;
    for (size_t i = 0; (mechanism = ch_mechanism_at(i)) != NULL && !ch_interrupt_came(); i++) {
        ch_probe probe;
        if (chosen != NULL && chosen != mechanism)
            continue;
        fprintf(stderr, "trying %s\n", mechanism->name);
        ch_probe_mechanism(session, mechanism, &probe);
        json_array_append_new(rows, row_of(&probe, label));
        add_left_over(&probe, left_over);
    }
    return rows;
}

/* Of a probe that was killed. */
static ch_status mention_left_over(ch_session *session, ch_error *err)
{
    ch_autofree ch_key_info *keys = NULL;
    size_t count = 0;
    CH_TRY(ch_key_list(session, &keys, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (strncmp(keys[i].label, CH_PROBE_LABEL, strlen(CH_PROBE_LABEL)) != 0)
            continue;
        ch_make_printable(keys[i].label);
        fprintf(stderr, "note: an earlier probe left key '%s'; delete it with 'chancery key delete'\n", keys[i].label);
    }
    return CH_OK;
}

/* ---- the report ---- */

static void add_facts(json_t *report)
{
    char date[CH_UTC_TEXT_SIZE];
    ch_utc_text((uint64_t)time(NULL), date);
    json_object_set_new(report, "chancery", json_string(CH_VERSION));
    json_object_set_new(report, "date", json_string(date));
    json_object_del(json_object_get(report, "token"), "label");
    json_object_del(json_object_get(report, "token"), "serial");
    json_object_del(json_object_get(report, "token"), "slot_description"); /* SoftHSM2's has the serial number */
    json_object_del(json_object_get(report, "token"), "slot");
}

static void print_head(const json_t *report)
{
    const json_t *token = json_object_get(report, "token");
    const json_t *module = json_object_get(report, "module");
    ch_output_member(report, "chancery ", "chancery");
    ch_output_member(report, ", ", "date");
    ch_output_member(token, "\nToken:  ", "model");
    ch_output_member(token, ", by ", "manufacturer");
    ch_output_member(token, ", hardware ", "hardware");
    ch_output_member(token, ", firmware ", "firmware");
    ch_output_member(module, "\nModule: ", "module");
    ch_output_member(module, ": ", "description");
    ch_output_member(module, " ", "version");
    ch_output_member(module, ", by ", "manufacturer");
    puts("\n");
}

static void print_failures(const json_t *row)
{
    size_t i;
    json_t *failure;
    json_array_foreach(json_object_get(row, "failures"), i, failure)
    {
        ch_output_member(row, "\n", "mechanism");
        ch_output_member(failure, ", ", "step");
        ch_output_member(failure, ": ", "says");
        puts("");
    }
}

static void print_report(const json_t *report)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title         member */
        { "MECHANISM",    "mechanism" },
        { "GENERATE",     "generate" },
        { "IMPORT",       "import" },
        { "ATTRIBUTES",   "attributes" },
        { "SIGN",         "sign" },
        { "4 THREADS",    "threads" },
        { "DELETE",       "delete" },
        { "1 THREAD/S",   "rate_1" },
        { "4 THREADS/S",  "rate_4" },
        {0},
    };
    /* clang-format on */
    size_t i;
    json_t *row;
    print_head(report);
    ch_output_table(json_object_get(report, "mechanisms"), columns);
    json_array_foreach(json_object_get(report, "mechanisms"), i, row) print_failures(row);
}

static ch_status finish(ch_buffer *left_over, ch_error *err)
{
    if (left_over->size > 0)
        return ch_fail(err, CH_TOKEN, "%s; delete with 'chancery key delete'", ch_buffer_text(left_over));
    if (ch_interrupt_came())
        return ch_fail(err, CH_REFUSED, "interrupted; the scratch keys are deleted");
    return CH_OK;
}

ch_status ch_token_probe_run(const ch_arguments *arguments, ch_error *err)
{
    const ch_mechanism *chosen = NULL;
    ch_autoaccess access = CH_KEY_ACCESS_INIT;
    ch_autoopened opened = {0};
    ch_autojansson report = NULL;
    ch_autobuffer left_over = CH_BUFFER_INIT;
    CH_TRY(find_chosen(arguments, &chosen, err));
    CH_TRY(ch_key_access_ask(arguments, NULL, &access, err));
    CH_TRY(ch_key_access_open(&access, true, &opened, err));
    CH_TRY(ch_token_info_describe(access.module.name, opened.token, &report, err));
    CH_TRY(mention_left_over(&opened.session, err));
    ch_interrupt_note();
    const char *label = ch_jansson_member(json_object_get(report, "token"), "label");
    json_object_set_new(report, "mechanisms", try_all(&opened.session, chosen, label, &left_over));
    add_facts(report);
    if (arguments->option[CH_OPT_JSON] != NULL)
        CH_TRY(ch_output_json(report, err));
    else
        print_report(report);
    return finish(&left_over, err);
}
