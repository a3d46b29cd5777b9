/* status, keys and sign: what the agent offers over HTTP, for people and for shell scripts. */
#include "base/buffer.h"
#include "base/encode.h"
#include "base/slice.h"
#include "base/utc.h"
#include "cli/agent_keys.h"
#include "cli/asked.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/parameters.h"

#include <stdio.h>
#include <string.h>

static json_int_t count_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void print_notices(const json_t *notices)
{
    for (size_t i = 0; i < json_array_size(notices); i++) {
        const char *notice = json_string_value(json_array_get(notices, i));
        printf("\nNote: ");
        ch_output_text(notice == NULL ? "" : notice);
        putchar('\n');
    }
}

/* What the agent's processes could not give up. */
static void print_confinement(const json_t *gaps)
{
    size_t i;
    const json_t *gap;
    if (json_array_size(gaps) > 0)
        puts("\nNot confined as it should be:");
    json_array_foreach((json_t *)gaps, i, gap)
    {
        printf("  ");
        ch_output_text(json_string_value(gap));
        puts("");
    }
}

/* Only what is wrong with it. */
static void print_clock(const json_t *clock)
{
    if (strcmp(ch_jansson_member(clock, "state"), "trusted") == 0)
        return;
    printf("\nClock: ");
    ch_output_text(ch_jansson_member(clock, "detail"));
    puts("");
}

static void print_callers(const json_t *callers)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title           member */
        { "USER",          "user" },
        { "REQUESTS/S",    "requests_per_second" },
        { "WORK/1000",     "work_permille" },
        {0},
    };
    /* clang-format on */
    if (json_array_size(callers) > 0) {
        puts("");
        ch_output_table(callers, columns);
    }
}

static void print_key_dates(const json_t *dates)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title      member */
        { "KEY",       "key" },
        { "EXPIRES",   "expires" },
        { "ROTATE BY", "rotate_by" },
        {0},
    };
    /* clang-format on */
    if (json_array_size(dates) > 0) {
        puts("");
        ch_output_table(dates, columns);
    }
}

/* Adds `until` to each row, in words for people. */
static void add_ends(const json_t *rows)
{
    size_t i;
    json_t *row;
    json_array_foreach((json_t *)rows, i, row)
    {
        char text[80] = "";
        char when[CH_UTC_TEXT_SIZE] = "";
        const json_t *until = json_object_get(row, "unlocked_until_ms");
        if (json_is_integer(until))
            ch_utc_text((uint64_t)(json_integer_value(until) / 1000), when);
        if (*when != '\0')
            snprintf(text, sizeof text, "%s (%.16s)", when, ch_jansson_member(row, "unlock_ends_by"));
        json_object_set_new(row, "until", json_string(text));
    }
}

static void print_unlocks(const json_t *unlocks)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title           member */
        { "KEY",            "key" },
        { "UNLOCKED UNTIL", "until" },
        {0},
    };
    /* clang-format on */
    if (json_array_size(unlocks) == 0)
        return;
    add_ends(unlocks);
    puts("");
    ch_output_table(unlocks, columns);
}

static void print_tokens(const json_t *tokens)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title           member */
        { "TOKEN",          "name" },
        { "STATE",          "state" },
        { "UNLOCKED UNTIL", "until" },
        { "DETAIL",         "detail" },
        {0},
    };
    /* clang-format on */
    size_t i;
    const json_t *token;
    add_ends(tokens);
    ch_output_table(tokens, columns);
    json_array_foreach((json_t *)tokens, i, token)
    {
        if (!json_is_true(json_object_get(token, "unattended")))
            continue;
        ch_output_member(token, "\nUnlocked unattended, when the agent started: ", "name");
        puts("");
    }
}

static void print_status(const json_t *status)
{
    /* clang-format off */
    static const ch_column problem_columns[] = {
        /* title    member */
        { "KEY",     "key" },
        { "PROBLEM", "problem" },
        {0},
    };
    /* clang-format on */
    json_int_t uptime_s = count_of(status, "uptime_s");
    printf("Agent ");
    ch_output_text(ch_jansson_member(status, "version"));
    printf(", up for %" JSON_INTEGER_FORMAT " h %02d min, %s\n", uptime_s / 3600, (int)(uptime_s / 60 % 60),
           json_is_true(json_object_get(status, "ready")) ? "ready" : "not ready");
    printf("Requests: %" JSON_INTEGER_FORMAT " signed, %" JSON_INTEGER_FORMAT " refused, %" JSON_INTEGER_FORMAT
           " failed\n"
           "Keys: %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " can sign\n\n",
           count_of(status, "signed"), count_of(status, "refused"), count_of(status, "failed"),
           count_of(status, "keys_ready"), count_of(status, "keys"));
    print_tokens(json_object_get(status, "tokens"));
    print_unlocks(json_object_get(status, "key_unlocks"));
    print_clock(json_object_get(status, "clock"));
    if (json_array_size(json_object_get(status, "problems")) > 0) {
        puts("");
        ch_output_table(json_object_get(status, "problems"), problem_columns);
    }
    print_key_dates(json_object_get(status, "key_dates"));
    print_callers(json_object_get(status, "callers"));
    print_notices(json_object_get(status, "notices"));
    print_confinement(json_object_get(status, "confinement"));
}

static ch_status run_status(const ch_arguments *arguments, ch_error *err)
{
    ch_autojansson status = NULL;
    CH_TRY(ch_client_ask(arguments, "/v1/status", NULL, &status, err));
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_json(status, err);
    print_status(status);
    return CH_OK;
}

/* Prints the versions of the keys that have several. */
static void print_versions(const json_t *keys)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title     member */
        { "KEY",      "key" },
        { "VERSION",  "key_id" },
        { "USED",     "used" },
        { "READY",    "ready" },
        { "FROM",     "from" },
        { "EXPIRES",  "expires" },
        { "PROBLEM",  "problem" },
        {0},
    };
    /* clang-format on */
    ch_autojansson rows = json_array();
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *key = json_array_get(keys, i);
        json_t *versions = json_object_get(key, "versions");
        for (size_t v = 0; v < json_array_size(versions); v++) {
            json_t *row = json_copy(json_array_get(versions, v));
            json_object_set(row, "key", json_object_get(key, "name"));
            json_array_append_new(rows, row);
        }
    }
    if (json_array_size(rows) == 0)
        return;
    puts("");
    ch_output_table(rows, columns);
}

static ch_status run_keys(const ch_arguments *arguments, ch_error *err)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title        member */
        { "KEY",         "name" },
        { "PROFILE",     "profile" },
        { "ENVIRONMENT", "environment" },
        { "SCHEME",      "scheme" },
        { "TOKEN",       "token" },
        { "READY",       "ready" },
        { "KEY ID",      "key_id" },
        { "EXPIRES",     "expires" },
        { "PROBLEM",     "problem" },
        {0},
    };
    /* clang-format on */
    ch_autojansson keys = NULL;
    CH_TRY(ch_agent_keys(arguments, &keys, err));
    CH_TRY(ch_output_listing(arguments, "keys", keys, columns, "The agent has no keys that you may use.", err));
    if (arguments->option[CH_OPT_JSON] == NULL)
        print_versions(keys);
    return CH_OK;
}

/* ---- a request ---- */

static ch_status ask_to_sign(const ch_arguments *arguments, json_t **out, ch_error *err)
{
    const char **word = arguments->positional;
    ch_autojansson params = NULL;
    CH_TRY(ch_parameters_read(word + 3, arguments->positional_count - 3, &params, err));
    ch_autojansson body = json_pack("{s:s s:s s:O s:s*}", "method", word[1], "path", word[2], "params", params, "host",
                                    arguments->option[CH_OPT_HOST]);
    if (body == NULL)
        return ch_fail(err, CH_BAD_INPUT, "METHOD, PATH and HOST must be text in UTF-8");
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_text(&path, "/v1/keys/");
    ch_encode_percent(&path, ch_slice_of(word[0]), "");
    ch_buffer_add_text(&path, "/sign");
    return ch_client_ask(arguments, ch_buffer_text(&path), body, out, err);
}

static ch_status run_sign(const ch_arguments *arguments, ch_error *err)
{
    ch_autojansson request = NULL;
    CH_TRY(ask_to_sign(arguments, &request, err));
    return ch_asked_print_answer(arguments, request, err);
}

/* ---- the commands ---- */

/* clang-format off */
const ch_command ch_commands_of_agent[] = {
    {
        .name = "status",
        .syntax = {.options = CH_OPTION(SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(JSON)},
        .summary = "show how the agent and its tokens are",
        .details = "Prints how the agent is, which tokens are unlocked, and until when, and what it\n"
                   "has signed and refused.",
        .examples = "  chancery status\n"
                    "  chancery status --json\n",
        .run = run_status,
    },
    {
        .name = "keys",
        .syntax = {.options = CH_OPTION(SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(JSON)},
        .summary = "list the keys that the agent lets you use",
        .details = "Lists the keys of the agent's policy that it lets you use, and whether\n"
                   "each is ready to sign.",
        .examples = "  chancery keys\n"
                    "  chancery keys --json\n",
        .run = run_keys,
    },
    {
        .name = "sign",
        .syntax = {.positional = "KEY METHOD PATH [name=value ...]", .positional_min = 3, .positional_max = 3 + CH_PARAMETERS_MAX, .options = CH_OPTION(SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(CURL) | CH_OPTION(HOST) | CH_OPTION(JSON)},
        .summary = "have a request finished and signed",
        .details = "Has the agent build and sign a request, if its policy allows it, and prints the\n"
                   "request; nothing is sent to the exchange. name=value is a parameter with text,\n"
                   "name:=value one in JSON: an integer, true, false, a list, an object, or null,\n"
                   "which marks the place of a field that the agent fills in. If the exchange takes\n"
                   "a list as the whole body, write :=[...]. Exits with 7 if people must agree\n"
                   "first, and says the number of the request.",
        .examples = "  chancery sign binance-main GET /api/v3/account omitZeroBalances:=true\n"
                    "  chancery sign binance-main POST /api/v3/order symbol=LTCBTC side=BUY type=LIMIT timeInForce=GTC \\\n"
                    "      quantity=1 price=0.1 --curl\n",
        .run = run_sign,
    },
    {0},
};
/* clang-format on */
